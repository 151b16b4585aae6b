"""A bundle, unpacked and run for real: what the plan says goes is enough."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from windlass.runner.unpack import unpack

from .conftest import Project, code


def run(project: Project, notebook: str, folder: Path, **more: object) -> dict[str, object]:
    """Run the bundle of a notebook in a clean process; the status of its one rank."""
    bundle = project.plan(notebook, **more).write(folder / "bundles")
    unpacked = unpack(bundle.path, folder / "job/bundle")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "WINDLASS", "MLFLOW"))}
    ended = subprocess.run(
        [sys.executable, str(unpacked / "windlass_run.py")],
        env=kept | {"WINDLASS_JOB_ID": "job", "WINDLASS_JOB_DIR": str(folder / "job")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    status = json.loads((folder / "job/ranks/0/status.json").read_text())
    assert ended.returncode == 0, (ended.stdout, ended.stderr, status)
    return status


@pytest.mark.parametrize("name", ["train.ipynb", "odd $(touch x) 'name\".ipynb", "-n ü\n.ipynb"])
def test_the_closure_is_enough_to_run(project: Project, tmp_path: Path, name: str) -> None:
    project.notebook(
        f"a/b/{name}",
        code("text = 'default'", tags=("parameters",)),
        "import near.inner, shared, sys\nsys.path.append('../../lib')\nimport appended",
        "%run script.py\nassert ran == 1",
        "assert (near.inner.x, shared.x, appended.x) == (1, 2, 3)",
        "assert open('data/$x.txt').read() == 'data'\nassert text == '$(touch pwned) `id` \"quoted\"', text",
    )
    project.write("a/b/near/__init__.py")
    project.write("a/b/near/inner.py", "x = 1\n")
    project.write("shared.py", "x = 2\n")
    project.write("lib/appended.py", "x = 3\n")
    project.write("a/b/script.py", "ran = 1\n")
    project.write("a/b/data/$x.txt", "data")
    status = run(
        project,
        f"a/b/{name}",
        tmp_path,
        include=("a/b/data",),
        parameters={"text": '$(touch pwned) `id` "quoted"'},
    )
    assert status["phase"] == "succeeded"
    assert status["cells"] == 6
