"""The command line finds the right server, or starts one, and understands its refusals."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.conftest import until
from tests.jupyter import Server, end_all

from windlass import client, runtime_files
from windlass.client import ClientError, WindlassClient, choose_server, discover, start_headless
from windlass.contract.jobs import JobRequest, JobState
from windlass.errors import Unavailable
from windlass.runtime_files import ServerRecord, living_records, this_host, write_record


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Folders of this test alone, for this process too."""
    server = Server(base=tmp_path)
    for name, value in server.environment().items():
        if name.startswith(("JUPYTER_", "WINDLASS_", "PYTHONPATH", "IPYTHON")):
            monkeypatch.setenv(name, value)
    server.root.mkdir()
    (server.base / "config").mkdir()
    untracked = {"WindlassApp": {"embedded_tracking": False}}
    (server.base / "config" / "jupyter_server_config.json").write_text(json.dumps(untracked))
    yield server
    server.end()
    end_all(tmp_path / "data")


def record(pid: int, **other: object) -> ServerRecord:
    began_at = runtime_files.process_began_at(pid) or 0.0
    given = {"url": "http://127.0.0.1:1/", "token": "secret", "create_time": began_at, "root_dir": "/", "base_url": "/"}
    return ServerRecord(pid=pid, **{**given, "started_at": 0.0, "headless": False, "host": this_host(), **other})


def test_files_of_dead_servers_are_cleared_away_and_of_other_machines_left(place: Server) -> None:
    mine = write_record(record(os.getpid()))
    process = subprocess.Popen([sys.executable, "-c", ""])
    dead = write_record(record(process.pid))
    process.wait()
    reused = write_record(record(os.getppid(), create_time=1.0))
    (mine.parent / "windlass-server-1x.json").write_text("{")
    assert [entry.pid for entry in living_records()] == [os.getpid()]
    assert mine.exists()
    assert not dead.exists()
    assert not reused.exists()
    elsewhere = write_record(record(os.getpid(), host="another"))
    assert living_records() == []
    assert elsewhere.exists()


def test_a_server_that_does_not_answer_is_not_found(place: Server) -> None:
    write_record(record(os.getpid()))
    assert discover() == []


def test_the_token_is_in_no_representation() -> None:
    assert "secret" not in repr(record(os.getpid()))


def test_the_server_with_the_closest_root_is_chosen_and_speaks_in_models(place: Server) -> None:
    place.notebook("deep/train.ipynb", "# parameters\nn = 1", "print('n is', n)")
    place.start()
    inner = Server(base=place.base, name="inner", folder="root/deep").start()
    try:
        chosen = choose_server(place.root / "deep" / "train.ipynb")
        assert chosen is not None
        assert chosen.pid == inner.record["pid"]
        outer = choose_server(place.root / "other.ipynb")
        assert outer is not None
        assert outer.pid == place.record["pid"]
        assert choose_server(Path("/")) is None
        asked = WindlassClient(chosen)
        assert asked.info().user
        assert asked.preview(JobRequest(notebook="train.ipynb")).can_submit
        job = asked.submit(JobRequest(notebook="train.ipynb", parameters={"n": 7}), key="once")
        assert asked.submit(JobRequest(notebook="train.ipynb", parameters={"n": 7}), key="once").id == job.id
        until(lambda: asked.job(job.id).state is JobState.SUCCEEDED, what="its end")
        assert "n is 7" in "".join(segment.text for segment in asked.logs(job.id).segments)
        assert asked.notebook(job.id)["nbformat"] == 4
        assert asked.jobs(state=["succeeded"], q=job.id).items[0].id == job.id
        assert asked.diff(job.id).identical
        assert asked.download_bundle(job.id, place.base / "bundle.tar.gz").stat().st_size == job.bundle_bytes
        assert asked.rerun(job.id, {"n": 8}).rerun_of == job.id
        asked.remove(job.id)
        with pytest.raises(ClientError) as refused:
            asked.job(job.id)
        assert refused.value.status == 404
        assert refused.value.problem is not None
        asked.close()
        with pytest.raises(ClientError) as closed:
            asked.info()
        assert closed.value.status is None
    finally:
        inner.end()


def test_a_headless_server_is_started_once_serves_and_ends_when_idle(place: Server) -> None:
    first = start_headless(place.root)
    assert first.headless
    assert start_headless(place.root) == first
    assert choose_server(place.root / "a.ipynb") == first
    assert oct((place.base / "runtime" / f"windlass-server-{first.pid}.json").stat().st_mode)[-3:] == "600"
    assert not list((place.base / "runtime").glob("jpserver-*"))
    connections = psutil.Process(first.pid).net_connections(kind="tcp")
    assert {connection.laddr.ip for connection in connections if connection.status == "LISTEN"} == {"127.0.0.1"}
    place.record = json.loads((place.base / "runtime" / f"windlass-server-{first.pid}.json").read_text())
    place.notebook("a.ipynb", "print('without a browser')")
    job = place.reaches(place.send("a.ipynb")["id"], "succeeded")
    assert place.log_text(job["id"]) == "without a browser\n"
    psutil.Process(first.pid).terminate()
    until(lambda: all(process.poll() is not None for process in client._started), what="its end")


def test_a_headless_server_that_cannot_start_says_why(place: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"headless\.log"):
        start_headless(place.root)
    assert time.monotonic() - began < 30


def test_what_is_said_of_a_failed_start_holds_no_token(
    place: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'at http://127.0.0.1:1/?token=abcdef0123 or so'; exit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(Unavailable, match="or so") as refused:
        start_headless(place.root)
    assert "abcdef0123" not in str(refused.value)
    assert stat.S_IMODE((client.data_dir() / "headless.log").stat().st_mode) == 0o600


def test_it_imports_nothing_of_the_servers_inside() -> None:
    probe = "import sys, windlass.client; print([m for m in sys.modules if m.split('.')[0] in %r or m.startswith(%r)])"
    heavy = ("tornado", "sqlalchemy", "jupyter_server", "nbformat", "IPython")
    inside = ("windlass.services", "windlass.engines", "windlass.handlers", "windlass.ledger", "windlass.bundle")
    done = subprocess.run([sys.executable, "-c", probe % (heavy, inside)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
