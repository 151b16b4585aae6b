"""The archive: the same content is the same file, and every byte comes back."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import os
import random
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.bundle import contents
from windlass.bundle.archive import (
    Bundle,
    Entry,
    archive_sha256,
    read_manifest,
    read_sent_notebook,
    rebundle,
    write_bundle,
)
from windlass.errors import BundleRefused, InvalidRequest, NotFound, StorageFull
from windlass.runner.unpack import unpack

from .conftest import Project, code


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path, "r:gz") as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


@pytest.fixture
def bundle(project: Project) -> Bundle:
    project.notebook("nb/train.ipynb", code("lr = 0.1", tags=("parameters",)), "import model")
    project.write("nb/model.py", "x = 1\n")
    project.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    plan = project.plan("nb/train.ipynb", include=("run.sh",), parameters={"lr": 0.5})
    return plan.write(project.root.parent / "bundles")


def test_the_file_is_named_by_its_own_hash_and_read_only(bundle: Bundle) -> None:
    data = bundle.path.read_bytes()
    assert bundle.path.name == f"{bundle.sha256}.tar.gz"
    assert hashlib.sha256(data).hexdigest() == bundle.sha256
    assert len(data) == bundle.size_bytes
    assert bundle.path.stat().st_mode & 0o777 == 0o400
    assert [path.name for path in bundle.path.parent.iterdir()] == [bundle.path.name]


def test_manifest_notebook_runner_and_files_are_in_it(bundle: Bundle) -> None:
    found = members(bundle.path)
    assert list(found)[:2] == ["manifest.json", "files/nb/train.ipynb"]
    assert {"windlass_run.py", "windlass_runner/__init__.py", "windlass_runner/main.py"} <= set(found)
    assert found["files/nb/model.py"] == b"x = 1\n"
    manifest = json.loads(found["manifest.json"])
    assert manifest == read_manifest(bundle.path)
    assert (manifest["format"], manifest["notebook"], manifest["parameters"]) == (1, "nb/train.ipynb", {"lr": 0.5})
    for file in manifest["files"]:
        data = found[f"files/{file['path']}"]
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["size_bytes"], file["sha256"])
    assert read_sent_notebook(bundle.path) == json.loads(found["files/nb/train.ipynb"])


def test_times_owners_and_modes_are_fixed(bundle: Bundle) -> None:
    assert gzip.GzipFile(bundle.path).peek(1)
    assert bundle.path.read_bytes()[3:8] == b"\0\0\0\0\0"
    with tarfile.open(bundle.path) as archive:
        for member in archive:
            assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")
            assert member.mode == (0o755 if member.name == "files/run.sh" else 0o644)


def test_the_runner_unpacks_it(bundle: Bundle, tmp_path: Path) -> None:
    folder = unpack(bundle.path, tmp_path / "unpacked")
    assert (folder / "files/nb/model.py").read_text() == "x = 1\n"
    assert os.access(folder / "files/run.sh", os.X_OK)


def test_the_same_content_elsewhere_at_another_time_is_the_same_file(project: Project, tmp_path: Path) -> None:
    hashes = set()
    for name in ("one", "two"):
        other = Project(tmp_path / name)
        other.notebook("train.ipynb", code("import model", cell_id="a", execution_count=len(name)))
        os.utime(other.write("model.py", "x"), (len(hashes), len(hashes)))
        plan = other.plan()
        bundle = plan.write(tmp_path / "bundles")
        hashes |= {bundle.sha256, plan.sha256(), other.plan().sha256()}
    assert len(hashes) == 1
    assert len(list((tmp_path / "bundles").iterdir())) == 1


def test_a_commit_changes_no_hash_and_an_edit_does(project: Project) -> None:
    project.notebook("train.ipynb", "import model")
    project.write("model.py", "x = 1")
    before = project.plan().sha256()
    project.git("init")
    project.git("add", ".")
    project.git("commit", "-m", "first")
    assert project.plan().sha256() == before
    project.write("model.py", "x = 2")
    assert project.plan().sha256() != before


@given(
    files=st.dictionaries(
        st.text(alphabet=st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=150),
        st.binary(max_size=2_000),
        max_size=6,
    ),
    seed=st.integers(),
)
@settings(max_examples=60, deadline=None)
def test_any_content_under_any_name_round_trips(files: dict[str, bytes], seed: int) -> None:
    entries = [Entry.of_bytes(f"files/{name}", data) for name, data in sorted(files.items())]
    with tempfile.TemporaryDirectory() as folder:
        bundle = write_bundle(entries, folder=Path(folder), content_bytes=0)
        assert members(bundle.path) == {f"files/{name}": data for name, data in files.items()}
        assert archive_sha256(entries, content_bytes=0) == bundle.sha256


@given(order=st.permutations(["a.py", "b.py", "data/x.csv", "data/ü.csv", "z.py"]))
@settings(max_examples=20, deadline=None)
def test_the_order_in_which_files_are_named_changes_nothing(order: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder) / "root")
        for path in order:
            project.write(path, path)
        project.notebook("train.ipynb", "1")
        assert project.plan(include=tuple(order)).sha256() == project.plan(include=tuple(sorted(order))).sha256()


def test_rebundling_with_equal_parameters_gives_the_same_bundle(bundle: Bundle) -> None:
    assert rebundle(bundle.path, parameters={"lr": 0.5}, folder=bundle.path.parent) == bundle


@given(lr=st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=15, deadline=None)
def test_rebundling_is_what_sending_with_those_parameters_would_give(lr: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder) / "root")
        project.notebook("train.ipynb", code("lr = 0.1", tags=("parameters",)), "import big")
        project.write("big.py", "x = 1\n" * 100)
        first = project.plan().write(Path(folder) / "bundles")
        again = rebundle(first.path, parameters={"lr": lr}, folder=Path(folder) / "bundles")
        assert again.sha256 == project.plan(parameters={"lr": lr}).sha256()
        assert {**members(first.path), "manifest.json": b""} == {**members(again.path), "manifest.json": b""}


def test_rebundling_checks_the_parameters(bundle: Bundle) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rebundle(bundle.path, parameters={"lr": "fast", "momentum": 1}, folder=bundle.path.parent)
    assert {field.field for field in refused.value.fields} == {"parameters.lr", "parameters.momentum"}


def test_a_secret_is_not_slipped_in_by_a_rerun_and_an_allowed_one_may_go_again(project: Project) -> None:
    project.notebook("train.ipynb", code("hf_token = ''", tags=("parameters",)))
    folder = project.root.parent / "bundles"
    token = "hf_" + "aB3dE" * 7
    clean = project.plan().write(folder)
    with pytest.raises(BundleRefused) as refused:
        rebundle(clean.path, parameters={"hf_token": token}, folder=folder)
    assert [field.field for field in refused.value.fields] == ["parameters.hf_token"]
    assert token not in str(refused.value)
    allowed = project.plan(parameters={"hf_token": token}).write(folder)
    assert rebundle(allowed.path, parameters={"hf_token": token}, folder=folder) == allowed


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text", "no-manifest"])
def test_a_damaged_bundle_is_said_to_be_one(bundle: Bundle, tmp_path: Path, damage: str) -> None:
    data = bundle.path.read_bytes()
    broken = tmp_path / "broken.tar.gz"
    middle = len(data) // 2
    broken.write_bytes(
        {
            "cut": data[:40],
            "flip": data[:60] + bytes(byte ^ 0xFF for byte in data[60:middle]) + data[middle:],
            "empty": b"",
            "text": b"not an archive",
            "no-manifest": gzip.compress(_tar_of({"files/x": b"1"})),
        }[damage]
    )
    with pytest.raises(BundleRefused, match="send the notebook again"):
        read_manifest(broken)
    with pytest.raises(BundleRefused):
        rebundle(broken, parameters={}, folder=tmp_path / "bundles")


def _tar_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    return out.getvalue()


def test_a_bundle_that_is_gone_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_manifest(tmp_path / "gone.tar.gz")


def test_a_full_disk_is_said_and_leaves_nothing_behind(project: Project) -> None:
    def no_room() -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = project.root.parent / "bundles"
    with pytest.raises(StorageFull, match="free some space"):
        write_bundle([Entry(name="files/x", size_bytes=1, open=no_room)], folder=folder, content_bytes=1)
    assert list(folder.iterdir()) == []


def test_a_really_full_device_is_said(project: Project) -> None:
    """/dev/full answers ENOSPC to a write, as a full disk does."""

    def fill() -> Any:
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(StorageFull):
        write_bundle(
            [Entry(name="files/x", size_bytes=1, open=fill)], folder=project.root.parent / "bundles", content_bytes=1
        )


def test_a_large_file_that_changes_before_it_is_written_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "HELD_BYTES", 10)
    project.notebook("train.ipynb", "1")
    data = random.Random(1).randbytes(200_000)
    target = project.write("data.bin", data)
    plan = project.plan(include=("data.bin",))
    bundle = plan.write(project.root.parent / "bundles")
    assert members(bundle.path)["files/data.bin"] == data
    target.write_bytes(data + b"more")
    with pytest.raises(BundleRefused, match=r"data\.bin changed while it was being sent"):
        plan.write(project.root.parent / "bundles")
    assert len(list((project.root.parent / "bundles").iterdir())) == 1
