"""Bundles that come back from elsewhere."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.bundle.archive import Entry, write_bundle
from windlass.bundle.received import check_received
from windlass.errors import BundleRefused

MANIFEST: dict[str, Any] = {
    "format": 1,
    "notebook": "dir/n.ipynb",
    "parameters": {},
    "search_folders": [],
    "files": [{"path": "dir/n.ipynb", "size_bytes": 2, "sha256": "", "reason": "notebook"}],
}
CONTENT = {"files/dir/n.ipynb": b"{}", "windlass_run.py": b""}
LIMIT = 1 << 20


def good(folder: Path) -> Path:
    entries = {"manifest.json": json.dumps(MANIFEST).encode(), **CONTENT}
    made = [Entry.of_bytes(name, data) for name, data in entries.items()]
    return write_bundle(made, folder=folder, content_bytes=10).path


def packed(path: Path, manifest: Any = MANIFEST, *more: tarfile.TarInfo, content: dict[str, bytes] = CONTENT) -> Path:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        entries = {"manifest.json": json.dumps(manifest).encode(), **content}
        for name, data in entries.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
        for header in more:
            archive.addfile(header, io.BytesIO(b"\0" * header.size))
    path.write_bytes(gzip.compress(out.getvalue()))
    return path


def header(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.size, made.linkname = kind, size, link
    return made


def test_what_windlass_wrote_is_taken(tmp_path: Path) -> None:
    assert check_received(good(tmp_path), most_bytes=LIMIT) == MANIFEST


@pytest.mark.parametrize(
    "entry",
    [
        header("/etc/cron.d/x"),
        header("../x"),
        header("files/../../x"),
        header("files/link", tarfile.SYMTYPE, link="/etc/passwd"),
        header("files/link", tarfile.LNKTYPE, link="manifest.json"),
        header("dev", tarfile.CHRTYPE),
        header("pipe", tarfile.FIFOTYPE),
        header("folder", tarfile.DIRTYPE),
        header("windlass_run.py"),
        header("./windlass_run.py"),
    ],
    ids=lambda entry: f"{entry.name}-{entry.type!r}",
)
def test_what_a_bundle_never_holds_is_refused(tmp_path: Path, entry: tarfile.TarInfo) -> None:
    with pytest.raises(BundleRefused, match="no bundle of Windlass"):
        check_received(packed(tmp_path / "b", MANIFEST, entry), most_bytes=LIMIT)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"notebook": "../n.ipynb"},
        {"notebook": None},
        {"notebook": "x" * 2000},
        {"parameters": []},
        {"search_folders": [1]},
        {"files": [{"size_bytes": "2"}]},
        {"files": {}},
    ],
    ids=str,
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(BundleRefused):
        check_received(packed(tmp_path / "b", MANIFEST | change), most_bytes=LIMIT)


def test_the_manifest_has_to_come_first(tmp_path: Path) -> None:
    for manifest in ([], "text", None):
        with pytest.raises(BundleRefused):
            check_received(packed(tmp_path / "b", manifest), most_bytes=LIMIT)


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path) -> None:
    large = header("files/large", size=LIMIT)
    with pytest.raises(BundleRefused, match="max_bundle_bytes"):
        check_received(packed(tmp_path / "b", MANIFEST, large), most_bytes=LIMIT)
    bomb = tmp_path / "bomb"
    name = header("././@LongLink", b"L", size=200 << 20)
    with gzip.open(bomb, "wb", compresslevel=1) as out:
        out.write(name.tobuf(format=tarfile.GNU_FORMAT))
        for _ in range(200):
            out.write(b"a" * (1 << 20))
    with pytest.raises(BundleRefused, match="far more than it says"):
        check_received(bomb, most_bytes=LIMIT)


def test_a_damaged_archive_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    data = good(tmp_path / "good").read_bytes()
    for length in range(0, len(data), 7):
        cut = tmp_path / "cut"
        cut.write_bytes(data[:length])
        with pytest.raises(BundleRefused):
            check_received(cut, most_bytes=LIMIT)


@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused_in_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any-bytes"
    for content in (data, gzip.compress(data)):
        path.write_bytes(content)
        with pytest.raises(BundleRefused):
            check_received(path, most_bytes=LIMIT)
