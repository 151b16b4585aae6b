"""A pod without init containers of ours: prepared first, and only then the job."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from .job import RUNNER


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("windlass_run.py")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"1"))
    return path


def prepare(folder: Path, bundle: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    told = {
        "WINDLASS_FOLDER": str(folder / "windlass"),
        "WINDLASS_BUNDLE_FILE": str(bundle),
        "WINDLASS_BUNDLE_SHA256": hashlib.sha256(bundle.read_bytes()).hexdigest(),
        **variables,
    }
    return subprocess.run(
        [sys.executable, str(RUNNER / "prepare.py"), *command],
        env=told,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_takes_its_place_and_its_exit_status_is_the_pods(tmp_path: Path, bundle: Path) -> None:
    code = "import os, sys; print(sorted(os.listdir(os.environ['WINDLASS_FOLDER']))); sys.exit(7)"
    done = prepare(tmp_path, bundle, sys.executable, "-c", code)
    assert (done.returncode, done.stdout) == (7, "['bundle', 'home', 'job']\n")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"WINDLASS_BUNDLE_SHA256": "0" * 64}, "sha256 differs"),
        ({"WINDLASS_REQUIREMENTS": "/nowhere", "WINDLASS_PACKAGES": "/tmp/none"}, "/nowhere"),
        ({"WINDLASS_FOLDER": ""}, "WINDLASS_FOLDER is not set"),
    ],
)
def test_what_cannot_be_prepared_is_not_started(
    tmp_path: Path, bundle: Path, variables: dict[str, str], said: str
) -> None:
    done = prepare(tmp_path, bundle, sys.executable, "-c", "print('started')", **variables)
    assert done.returncode == 1
    assert said in done.stderr
    assert "started" not in done.stdout


def test_an_unsafe_bundle_of_the_right_hash_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("x")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    done = prepare(tmp_path, path, "true")
    assert done.returncode == 1
    assert "no file" in done.stderr
    assert not (tmp_path / "windlass" / "bundle").exists()
