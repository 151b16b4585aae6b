"""A real disk without room: what cannot be written is said, nothing is half there, and room later is enough."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import until
from tests.jupyter import Server, end_all

SIZE_BYTES = 12 * 1024 * 1024
LEFT_FOR_A_JOB = 3 * 1024 * 1024


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Server]:
    """A server whose data folder is a disk of a few megabytes."""
    data = tmp_path / "data"
    data.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES},mode=700", "tmpfs", str(data)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("A small disk can only be mounted by root, in a container that lets it.")
    server = Server(base=tmp_path)
    try:
        yield server.start()
    finally:
        server.end()
        end_all(tmp_path)
        subprocess.run(["umount", "--lazy", str(data)], check=True)


def fill(server: Server, *, leave_bytes: int = 0) -> Path:
    """Fill the disk up to so many bytes."""
    filler = server.data / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65536))
        except OSError:
            os.truncate(filler, max(0, filler.stat().st_size - leave_bytes))
    return filler


def test_no_room_for_the_bundle_is_a_507_that_leaves_nothing_and_passes(small: Server) -> None:
    small.notebook("a.ipynb", "print('there is room')")
    small.reaches(small.send("a.ipynb")["id"], "succeeded")
    before = {path.name for path in (small.data / "jobs").iterdir()}
    (small.root / "weights.bin").write_bytes(os.urandom(1024 * 1024))
    filler = fill(small)
    with small.client() as http:
        for request in ({"notebook": "a.ipynb", "include": ["weights.bin"]}, {"notebook": "a.ipynb"}):
            refused = http.post("/jobs", json=request, headers={"Idempotency-Key": f"{len(request)}"})
            assert refused.status_code == 507, refused.text
            assert "room" in refused.json()["detail"]
        listed = http.get("/jobs").raise_for_status().json()["items"]
        assert len(listed) == 1
        assert http.get(f"/jobs/{listed[0]['id']}/logs").status_code == 200
        assert {path.name for path in (small.data / "jobs").iterdir()} == before
        assert not list((small.data / "bundles").glob(".*partial"))
        filler.unlink()
        for request in ({"notebook": "a.ipynb", "include": ["weights.bin"]}, {"notebook": "a.ipynb"}):
            taken = http.post("/jobs", json=request, headers={"Idempotency-Key": f"{len(request)}"})
            assert taken.status_code == 201, taken.text
            small.reaches(taken.json()["id"], "succeeded")


def test_no_room_to_unpack_fails_the_job_in_words(small: Server) -> None:
    (small.root / "zeros.bin").write_bytes(bytes(8 * 1024 * 1024))
    small.notebook("a.ipynb", "print('never')")
    filler = fill(small, leave_bytes=LEFT_FOR_A_JOB)
    job = small.reaches(small.send("a.ipynb", include=["zeros.bin"])["id"])
    assert (job["state"], job["executed_notebook"]) == ("failed", None)
    assert "disk is full" in job["reason"]
    filler.unlink()
    with small.client() as http:
        again = http.post(f"/jobs/{job['id']}/rerun", json={})
    assert again.status_code == 201, again.text


def test_a_server_that_starts_on_a_full_disk_works_once_there_is_room(small: Server) -> None:
    small.notebook("a.ipynb", "print('there is room')")
    small.end()
    for path in small.data.iterdir():
        if path.is_file():
            path.unlink()
    filler = fill(small)
    small.start()
    with small.client() as http:
        assert http.get("/info").status_code == 200
        assert http.post("/jobs", json={"notebook": "a.ipynb"}).status_code == 507
        assert http.get("/jobs").status_code == 507
        filler.unlink()
        until(lambda: http.get("/jobs").status_code == 200, what="the ledger's opening")
    small.reaches(small.send("a.ipynb")["id"], "succeeded")
