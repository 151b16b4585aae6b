"""Unpacking trusts nothing."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from windlass.runner.unpack import BundleUnsafe, unpack

from .job import RUNNER


def make(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def file(name: str, mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode = mode
    return info


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_files_appear_with_content_and_mode(tmp_path):
    bundle = make(tmp_path / "b.tar.gz", (file("files/a b/ü.txt"), b"x"), (file("run.py", 0o755), b"y"))
    dest = unpack(bundle, tmp_path / "deep" / "bundle")
    assert (dest / "files/a b/ü.txt").read_bytes() == b"x"
    assert (dest / "run.py").stat().st_mode & 0o777 == 0o755
    assert (dest / "files/a b/ü.txt").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "member",
    [
        file("/etc/evil"),
        file("../evil"),
        file("files/../../evil"),
        link("files/l", "/etc/passwd", tarfile.SYMTYPE),
        link("files/l", "run.py", tarfile.LNKTYPE),
        link("files/fifo", "", tarfile.FIFOTYPE),
        link("files/dev", "", tarfile.CHRTYPE),
    ],
    ids=lambda member: member.name,
)
def test_what_no_bundle_holds_is_refused_and_nothing_is_left(tmp_path, member):
    bundle = make(tmp_path / "b.tar.gz", (file("good"), b"x"), (member, b""))
    with pytest.raises(BundleUnsafe, match="The bundle holds"):
        unpack(bundle, tmp_path / "out" / "bundle")
    assert list((tmp_path / "out").iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_the_same_file_twice_is_refused(tmp_path):
    bundle = make(tmp_path / "b.tar.gz", (file("a"), b"1"), (file("a"), b"2"))
    with pytest.raises(OSError, match="exists"):
        unpack(bundle, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("cut", [10, 200, -5])
def test_a_damaged_archive_leaves_nothing(tmp_path, cut):
    whole = make(tmp_path / "b.tar.gz", (file("a"), bytes(range(256)) * 40), (file("b"), b"2" * 5000)).read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[:cut])
    with pytest.raises((BundleUnsafe, OSError)):
        unpack(tmp_path / "cut.tar.gz", tmp_path / "out" / "bundle")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_unpacked_bundle_is_kept(tmp_path):
    bundle = make(tmp_path / "b.tar.gz", (file("a"), b"1"))
    unpack(bundle, tmp_path / "bundle")
    (tmp_path / "bundle" / "mine").write_text("kept")
    assert (unpack(bundle, tmp_path / "bundle") / "mine").read_text() == "kept"


def test_the_command_line_tells_success_from_failure(tmp_path):
    bundle = make(tmp_path / "b.tar.gz", (file("a"), b"1"))
    command = [sys.executable, "-S", "-E", str(RUNNER / "unpack.py")]
    assert subprocess.run([*command, str(bundle), str(tmp_path / "one")]).returncode == 0
    assert (tmp_path / "one" / "a").read_text() == "1"
    failed = subprocess.run([*command, str(tmp_path / "none"), str(tmp_path / "two")], capture_output=True, text=True)
    assert failed.returncode == 1
    assert "No such file" in failed.stderr
    assert subprocess.run(command, capture_output=True).returncode == 2
