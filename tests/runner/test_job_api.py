"""What a notebook says to its job, with the real package; inside a job see test_main."""

from __future__ import annotations

import subprocess
import sys

import pytest

import windlass


@pytest.mark.parametrize("fraction", [0, 1, 0.5, True])
def test_progress_outside_a_job_does_nothing(fraction):
    windlass.progress(fraction, "half")


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan"), float("inf"), 40])
def test_a_fraction_that_is_none_is_refused(fraction):
    with pytest.raises(ValueError, match="from 0 to 1"):
        windlass.progress(fraction)


@pytest.mark.parametrize("fraction", [None, "half", [1]])
def test_what_is_no_number_is_refused(fraction):
    with pytest.raises(TypeError, match="number from 0 to 1"):
        windlass.progress(fraction)


def test_checkpoint_dir_outside_a_job_is_beside_the_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WINDLASS_JOB_DIR", raising=False)
    assert windlass.checkpoint_dir() == tmp_path / "checkpoints"
    assert (tmp_path / "checkpoints").is_dir()


def test_the_package_stays_light_to_import():
    heavy = "{'pydantic', 'IPython', 'asyncio', 'json', 'httpx', 'sqlalchemy', 'jupyter_server'}"
    code = f"import sys, windlass; print({heavy} & set(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == "set()", found.stderr
