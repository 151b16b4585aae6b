"""Which local files go with a notebook, and why."""

from __future__ import annotations

import os

import pytest

from .conftest import Project, code, reasons, rules


def test_a_module_beside_the_notebook_goes_with_its_reason(project: Project) -> None:
    project.notebook("nb/train.ipynb", {"cell_type": "markdown", "metadata": {}, "source": "# hi"}, "import model")
    project.write("nb/model.py", "import layers\n")
    project.write("nb/layers.py")
    assert reasons(project.plan("nb/train.ipynb")) == {
        "nb/train.ipynb": "notebook",
        "nb/model.py": "imported by train.ipynb, cell 2",
        "nb/layers.py": "imported by model.py, line 1",
    }


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import pkg.sub.leaf", {"pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/leaf.py"}),
        ("import pkg.sub.leaf as x", {"pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/leaf.py"}),
        ("from pkg import sub", {"pkg/__init__.py", "pkg/sub/__init__.py"}),
        ("from pkg.sub import leaf", {"pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/leaf.py"}),
        ("from pkg.sub import *", {"pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/leaf.py"}),
        ("from pkg.sub.leaf import f", {"pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/leaf.py"}),
        ("import importlib; importlib.import_module('pkg.sub')", {"pkg/__init__.py", "pkg/sub/__init__.py"}),
        ("from space import item", {"space/item.py"}),
        ("import space.item", {"space/item.py"}),
        ("def later():\n    import pkg", {"pkg/__init__.py"}),
        ("try:\n    import pkg\nexcept ImportError:\n    pkg = None", {"pkg/__init__.py"}),
        ("await something()\nimport pkg", {"pkg/__init__.py"}),
        ("%time import pkg", {"pkg/__init__.py"}),
        ("%%time\nimport pkg", {"pkg/__init__.py"}),
        ("!ls $HOME\nfiles = !ls\nimport pkg", {"pkg/__init__.py"}),
        ("pkg?\nimport pkg", {"pkg/__init__.py"}),
        ("%%bash\nimport pkg", set()),
        ("# import pkg\n'import pkg'", set()),
    ],
)
def test_every_way_to_import_is_followed(project: Project, statement: str, expected: set[str]) -> None:
    project.notebook("train.ipynb", statement)
    project.write("pkg/__init__.py")
    project.write("pkg/other.py")
    project.write("pkg/sub/__init__.py")
    project.write("pkg/sub/leaf.py")
    project.write("space/item.py")
    assert set(reasons(project.plan())) == {"train.ipynb"} | expected


def test_relative_imports_and_cycles_end(project: Project) -> None:
    project.notebook("train.ipynb", "import pkg.a")
    project.write("pkg/__init__.py")
    project.write("pkg/a.py", "from . import b\nfrom .deep import c\n")
    project.write("pkg/b.py", "from .a import x\n")
    project.write("pkg/deep/__init__.py")
    project.write("pkg/deep/c.py", "from ..b import y\nfrom ... import toofar\n")
    assert set(reasons(project.plan())) == {
        "train.ipynb",
        "pkg/__init__.py",
        "pkg/a.py",
        "pkg/b.py",
        "pkg/deep/__init__.py",
        "pkg/deep/c.py",
    }


@pytest.mark.parametrize(
    ("place", "cell"),
    [
        ("shared.py", "import shared"),
        ("a/shared.py", "import shared"),
        ("a/src/shared.py", "import shared"),
        ("src/shared.py", "import shared"),
        ("lib/shared.py", "import sys\nsys.path.append('../../lib')\nimport shared"),
        (
            "lib/shared.py",
            "import sys, os\nsys.path.insert(0, os.path.abspath(os.path.join('..', '..', 'lib')))\nimport shared",
        ),
        (
            "lib/shared.py",
            "import sys\nfrom pathlib import Path\nsys.path.append(str(Path.cwd().parents[1] / 'lib'))\nimport shared",
        ),
        ("lib/shared.py", "import sys\nLIB = '../../lib'\nsys.path.append(LIB)\nimport shared"),
    ],
)
def test_modules_above_the_notebook_are_found(project: Project, place: str, cell: str) -> None:
    project.notebook("a/b/train.ipynb", cell)
    project.write(place)
    plan = project.plan("a/b/train.ipynb")
    assert place in reasons(plan)
    folder = place.rpartition("/")[0]
    assert plan.manifest["search_folders"] == ([folder] if folder else [])


def test_a_path_added_in_a_later_cell_counts_and_one_outside_the_root_does_not(project: Project) -> None:
    project.notebook("nb/train.ipynb", "import shared", "import sys\nsys.path.append('../lib')\nsys.path.append('/')")
    project.write("lib/shared.py")
    assert "lib/shared.py" in reasons(project.plan("nb/train.ipynb"))


def test_installed_modules_beat_folders_that_only_share_their_name(project: Project, python: str) -> None:
    project.notebook("nb/train.ipynb", "import json, numpy, torch")
    project.write("json.py")
    project.write("numpy/x.py")
    project.write("nb/torch/notes.txt")
    plan = project.plan("nb/train.ipynb", python=python)
    assert set(reasons(plan)) == {"nb/train.ipynb"}
    assert [package.module for package in plan.packages] == ["numpy", "torch"]


def test_a_module_beside_the_notebook_shadows_an_installed_one_as_in_python(project: Project, python: str) -> None:
    project.notebook("train.ipynb", "import yaml, sys")
    project.write("yaml.py")
    project.write("sys.py")
    assert set(reasons(project.plan(python=python))) == {"train.ipynb", "yaml.py"}


def test_cells_that_do_not_run_bring_nothing(project: Project) -> None:
    project.notebook("train.ipynb", code("import a", tags=("skip-train",)), "%train --workers 2\nimport a", "import b")
    project.write("a.py")
    project.write("b.py")
    plan = project.plan()
    assert set(reasons(plan)) == {"train.ipynb", "b.py"}
    assert plan.cells == 1


def test_links_are_followed_inside_the_root_only(project: Project) -> None:
    outside = project.root.parent / "outside.py"
    outside.write_text("secret = 1")
    project.notebook("train.ipynb", "import inside, leaving, pkg.mod")
    project.write("real.py")
    (project.root / "inside.py").symlink_to("real.py")
    (project.root / "leaving.py").symlink_to(outside)
    (project.root.parent / "elsewhere").mkdir()
    (project.root.parent / "elsewhere" / "mod.py").write_text("")
    (project.root / "pkg").symlink_to(project.root.parent / "elsewhere")
    plan = project.plan()
    assert set(reasons(plan)) == {"train.ipynb", "inside.py"}
    left_out = {file.path: file.reason for file in plan.left_out}
    assert "link that leads out" in left_out["leaving.py"]
    assert "left-out-import" in rules(plan)


def test_a_module_the_user_ignores_is_left_out_and_that_is_said(project: Project) -> None:
    project.notebook("train.ipynb", "import model")
    project.write("model.py")
    project.write(".windlassignore", "# mine\n\nmodel.py\n")
    plan = project.plan()
    assert set(reasons(plan)) == {"train.ipynb"}
    (left_out,) = [file for file in plan.left_out if file.path == "model.py"]
    assert left_out.reason.startswith("ignored by .windlassignore, line 3: model.py")
    (finding,) = [finding for finding in plan.findings if finding.rule == "left-out-import"]
    assert (finding.cell, finding.line) == (0, 1)


def test_windlass_itself_never_goes_from_this_machine(project: Project) -> None:
    project.notebook("train.ipynb", "import windlass\nfrom windlass import progress\nimport model")
    project.write("windlass/__init__.py")
    project.write("model.py", "import windlass.client\n")
    plan = project.plan()
    assert set(reasons(plan)) == {"train.ipynb", "model.py"}
    assert plan.packages == []


def test_scripts_that_cells_run_go_too(project: Project) -> None:
    project.notebook("nb/train.ipynb", "%run -i setup.py --fast")
    project.write("nb/setup.py", "import dep\n")
    project.write("nb/dep.py")
    assert reasons(project.plan("nb/train.ipynb")) == {
        "nb/train.ipynb": "notebook",
        "nb/setup.py": "run by train.ipynb, cell 1",
        "nb/dep.py": "imported by setup.py, line 1",
    }


@pytest.mark.parametrize(
    "content", [b"def broken(:\n", b"\xff\xfe\x00 no", b"# coding: nonsense\n", b"x = '\\d'\n", b"(" * 500]
)
def test_a_module_that_is_no_python_still_goes(project: Project, content: bytes) -> None:
    project.notebook("train.ipynb", "import odd")
    project.write("odd.py", content)
    assert "odd.py" in reasons(project.plan())


def test_a_syntax_error_is_a_finding_with_cell_and_line(project: Project) -> None:
    project.notebook("train.ipynb", "x = 1", "%matplotlib inline\n!ls \\\n  -l\ny = 2\nz = = 3\n", "import model")
    project.write("model.py")
    plan = project.plan()
    (finding,) = [finding for finding in plan.findings if finding.rule == "syntax-error"]
    assert (finding.severity.value, finding.cell, finding.line, finding.excerpt) == ("error", 1, 5, "z = = 3")
    assert "model.py" in reasons(plan)


def test_an_unreadable_module_is_named(project: Project) -> None:
    project.notebook("train.ipynb", "import model")
    project.write("model.py").unlink()
    os.mkfifo(project.root / "model.py")
    plan = project.plan()
    assert {file.path: file.reason for file in plan.left_out}["model.py"].startswith("not a regular file")
