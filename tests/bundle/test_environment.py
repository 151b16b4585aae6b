"""What is installed in the job's Python, with real interpreters."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import venv
from pathlib import Path

import pytest

from windlass.bundle import environment as module
from windlass.bundle.environment import InterpreterProblem, environment_of

from .conftest import Project, rules


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another environment: a virtual one with nothing in it."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    return folder


def install(environment: Path, distribution: str, version: str, *modules: str, top_level: bool = True) -> None:
    """What a wheel's installation leaves behind."""
    (site,) = environment.glob("lib/python*/site-packages")
    info = site / f"{distribution}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    for name in modules:
        (site / name).mkdir()
        (site / name / "__init__.py").write_text("")
    if top_level:
        (info / "top_level.txt").write_text("\n".join(modules))
    else:
        (info / "RECORD").write_text("".join(f"{name}/__init__.py,,\n" for name in modules))


def test_versions_are_those_of_the_jobs_environment_not_ours(project: Project, bare: Path) -> None:
    install(bare, "numpy", "0.0.1", "numpy")
    install(bare, "My_Images", "2.5", "pictures", top_level=False)
    project.notebook("train.ipynb", "import numpy as np, os, pictures.io\nimport torch")
    plan = project.plan(python=str(bare / "bin/python"))
    assert [(p.module, p.distribution, p.version) for p in plan.packages] == [
        ("numpy", "numpy", "0.0.1"),
        ("pictures", "My_Images", "2.5"),
        ("torch", None, None),
    ]
    assert plan.missing == ["torch"]
    assert plan.python_version == f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}"
    (finding,) = [finding for finding in plan.findings if finding.rule == "missing-module"]
    assert (finding.cell, finding.line) == (0, 2)


def test_modules_by_another_name_than_their_distribution(project: Project, python: str) -> None:
    project.notebook("train.ipynb", "import sklearn, yaml, PIL, dateutil")
    plan = project.plan(python=python)
    found = {p.module: (p.distribution, p.version) for p in plan.packages}
    assert found["sklearn"] == ("scikit-learn", importlib.metadata.version("scikit-learn"))
    assert (found["dateutil"][0] or "").lower().startswith("python-dateutil")
    assert plan.missing == []


@pytest.mark.parametrize(
    "cell",
    [
        "try:\n    import not_there\nexcept ImportError:\n    not_there = None",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import not_there",
        "%%writefile not_there.py\nx = 1",
        "import windlass",
    ],
)
def test_what_the_code_can_do_without_is_not_missing(project: Project, python: str, cell: str) -> None:
    more = ["import not_there"] if cell.startswith("%%") else []
    project.notebook("train.ipynb", cell, *more)
    plan = project.plan(python=python)
    assert plan.missing == []
    assert "missing-module" not in rules(plan)


def test_an_unknown_environment_means_unknown_versions(project: Project) -> None:
    project.notebook("train.ipynb", "import torch, os")
    plan = project.plan(python=None)
    assert [(p.module, p.version) for p in plan.packages] == [("torch", None)]
    assert (plan.missing, plan.python_version) == ([], None)


def test_an_interpreter_is_asked_once_until_something_is_installed(tmp_path: Path, bare: Path) -> None:
    counted = tmp_path / "python"
    counted.write_text(f'#!/bin/sh\necho x >> {tmp_path}/calls\nexec {bare}/bin/python "$@"\n')
    counted.chmod(0o755)
    first = environment_of(str(counted))
    assert environment_of(str(counted)) is first
    install(bare, "later", "1.0", "later")
    assert environment_of(str(counted)).package("later") == ("later", "1.0")
    assert (tmp_path / "calls").read_text().count("x") == 2


@pytest.mark.parametrize("script", [None, "exit 3", "echo nonsense", "exec sleep 60"])
def test_an_interpreter_that_does_not_answer_is_a_notice_not_a_failure(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None
) -> None:
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.5)
    fake = tmp_path / "python"
    if script is not None:
        fake.write_text(f"#!/bin/sh\n{script}\n")
        fake.chmod(0o755)
    with pytest.raises(InterpreterProblem):
        environment_of(str(fake))
    project.notebook("train.ipynb", "import torch")
    plan = project.plan(python=str(fake))
    assert any("is not known" in notice for notice in plan.notices)


def test_a_project_installed_in_editable_mode_goes_along(project: Project, bare: Path) -> None:
    (site,) = bare.glob("lib/python*/site-packages")
    project.write("other/lib/mine/__init__.py")
    (site / "__editable__.mine.pth").write_text(f"{project.root}/other/lib\n")
    os.utime(site)
    project.notebook("nb/train.ipynb", "import mine")
    plan = project.plan("nb/train.ipynb", python=str(bare / "bin/python"))
    assert "other/lib/mine/__init__.py" in {file.path for file in plan.files}
    assert plan.manifest["search_folders"] == ["other/lib"]
