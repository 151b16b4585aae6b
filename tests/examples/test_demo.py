"""`make demo`, as far as it goes without make: it ends with status 0 and leaves no process behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.desk import processes_of, until

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo.py"
pytestmark = [pytest.mark.torch, pytest.mark.mlflow]


def start(folder: Path, **more: str) -> subprocess.Popen[str]:
    kept = {key: value for key, value in os.environ.items() if key not in {"FORCE_COLOR", "DEMO_EXIT"}}
    return subprocess.Popen(
        [sys.executable, str(DEMO)],
        env={**kept, "WINDLASS_DEMO_DIR": str(folder), **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_it_shows_a_distributed_run_and_tidies_up(tmp_path: Path) -> None:
    out, _ = (demo := start(tmp_path / "demo", DEMO_EXIT="1")).communicate(timeout=240)
    assert demo.returncode == 0, out
    assert "[0] process 0 of 2" in out
    assert "[1] process 1 of 2" in out
    assert "✓ succeeded" in out
    assert re.search(r"test_accuracy +0\.9", out)
    assert re.search(r"JupyterLab: http://127\.0\.0\.1:\d+/lab/tree/digits_ddp\.ipynb\?token=\S+", out)
    assert (tmp_path / "demo" / "notebooks" / "digits_ddp.executed.ipynb").is_file()
    assert not processes_of(tmp_path / "demo" / "windlass")


def test_ctrl_c_ends_it_and_all_it_started(tmp_path: Path) -> None:
    data_dir = tmp_path / "demo" / "windlass"
    demo = start(tmp_path / "demo")
    until(lambda: len(processes_of(data_dir)) >= 2, "the start of its processes")
    demo.send_signal(signal.SIGINT)
    out, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0, out
    assert "The demo is over" in out
    assert not processes_of(data_dir)
