"""The embedded MLflow server and its keeper, as real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from windlass.tracking.backend import server_environment
from windlass.tracking.embedded import EmbeddedServer
from windlass.tracking.server_file import ServerHome

QUICK = ("--check-seconds", "0.1", "--idle-seconds", "0.3")
RACE = """
import sys, pathlib
from windlass.tracking.embedded import EmbeddedServer
server = EmbeddedServer(data_dir=pathlib.Path(sys.argv[1]), python=sys.argv[2])
sys.stdin.readline()
state = server.ensure()
print(state.url, state.pid, flush=True)
sys.stdin.readline()
"""


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def idle_mlflow(tmp_path: Path) -> Path:
    """An interpreter whose MLflow takes for ever to start: for what does not need a real one."""
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\nexec sleep 600\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def embed(tmp_path: Path, end_embedded: Callable[[EmbeddedServer], None]) -> Iterator[Callable[..., EmbeddedServer]]:
    made = []

    def make(python: Path, *options: str) -> EmbeddedServer:
        made.append(EmbeddedServer(data_dir=tmp_path / "data", python=str(python), keeper_options=options))
        return made[-1]

    yield make
    for embedded in made:
        end_embedded(embedded)


def test_servers_that_race_get_one_mlflow(tmp_path: Path, idle_mlflow: Path, embed: Any) -> None:
    embedded = embed(idle_mlflow)
    command = [sys.executable, "-c", RACE, str(tmp_path / "data"), str(idle_mlflow)]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    answers = {racer.stdout.readline() for racer in racers}
    assert len(answers) == 1
    users = ServerHome(tmp_path / "data").users(now=0)
    for racer in racers:
        racer.communicate("end\n")
    assert users == 4
    assert embedded.state().is_kept, "it outlives those who started it"


def test_keeper_ends_with_mlflow_when_nobody_needs_it(idle_mlflow: Path, embed: Any, until: Any) -> None:
    embedded = embed(idle_mlflow, *QUICK)
    first = embedded.ensure()
    server = until(lambda: embedded.state().server_pid)
    embedded.release()
    until(lambda: embedded.state().state == "stopped", what="the keeper's end")
    until(lambda: not psutil.pid_exists(first.pid) or not first.is_kept)
    assert not psutil.pid_exists(server)
    assert embedded.ensure().url == first.url, "the same address again: notebooks may name it"


def test_live_jobs_keep_it_and_ended_ones_do_not(tmp_path: Path, idle_mlflow: Path, embed: Any, until: Any) -> None:
    embedded = embed(idle_mlflow, *QUICK)
    embedded.ensure(job_id="j1")
    embedded.release()
    folder = tmp_path / "data" / "jobs" / "j1"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(json.dumps({"state": "queued"}))
    home = ServerHome(tmp_path / "data")
    assert home.users(now=1e12) == 1
    me = psutil.Process()
    (folder / "supervisor.json").write_text(json.dumps({"pid": me.pid, "create_time": me.create_time()}))
    assert home.users(now=1e12) == 1
    (folder / "supervisor.json").write_text(json.dumps({"pid": me.pid, "create_time": me.create_time() - 100}))
    until(lambda: embedded.state().state == "stopped", what="the keeper's end after the supervisor died")
    embedded.ensure(job_id="j1")
    embedded.release()
    (folder / "state.json").write_text(json.dumps({"state": "succeeded"}))
    until(lambda: embedded.state().state == "stopped", what="the keeper's end after the job's")


def test_mlflow_that_does_not_start_is_said_to_be_down(tmp_path: Path, embed: Any, until: Any) -> None:
    broken = tmp_path / "broken-python"
    broken.write_text("#!/bin/sh\necho 'ModuleNotFoundError: no module named mlflow' >&2; exit 1\n")
    broken.chmod(0o755)
    embedded = embed(broken)
    url = embedded.ensure().url
    until(lambda: embedded.state().state == "down", what="the verdict")
    assert "no module named mlflow" in embedded.state().message
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url + "/health", timeout=30)
    with caught.value as answer:
        assert answer.code == 503
        assert b"no module named mlflow" in answer.read()


def test_keeper_that_was_killed_is_followed_by_one_at_the_same_address(
    idle_mlflow: Path, embed: Any, until: Any
) -> None:
    embedded = embed(idle_mlflow)
    first = embedded.ensure()
    left = until(lambda: embedded.state().server_pid)
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: not is_running(left), what="the end of the MLflow it kept")
    second = embedded.ensure()
    assert second.url == first.url
    assert second.pid != first.pid


def test_nothing_is_left_running_when_the_data_folder_is_removed(
    tmp_path: Path, idle_mlflow: Path, embed: Any, until: Any
) -> None:
    embedded = embed(idle_mlflow, *QUICK)
    keeper = embedded.ensure().pid
    server = until(lambda: embedded.state().server_pid)
    shutil.rmtree(tmp_path / "data")
    until(lambda: not is_running(keeper) and not is_running(server), what="the end of keeper and server")


@pytest.mark.mlflow
def test_mlflow_killed_under_a_job_comes_back_and_the_job_goes_on(mlflow: Any, mlflow_job: Any, until: Any) -> None:
    job = mlflow_job()
    notebook = """
        import mlflow, os, pathlib, time
        mlflow.log_metric("before", 1)
        pathlib.Path("ready").touch()
        while not os.path.exists("go"): time.sleep(0.02)
        mlflow.log_metric("after", 2)
    """
    (process,) = job.start(textwrap.dedent(notebook))
    try:
        until((job.folder / "ready").exists, seconds=100, what="the first metric")
        before = mlflow.embedded.state()
        os.killpg(before.server_pid, signal.SIGKILL)
        (job.folder / "go").touch()
        output, _ = process.communicate(timeout=120)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, output
    (noted,) = job.runs
    logged = {item["key"]: item["value"] for item in mlflow.run(noted["run_id"])["data"]["metrics"]}
    assert logged == {"before": 1, "after": 2}
    after = mlflow.embedded.state()
    assert (after.url, after.pid) == (before.url, before.pid)
    assert after.server_pid != before.server_pid


@pytest.mark.mlflow
def test_what_it_keeps_is_closed_to_others(mlflow: Any) -> None:
    for path in (mlflow.data_dir / "mlflow", mlflow.data_dir / "mlflow" / "artifacts"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_mlflow_starts_with_none_of_the_users_settings_for_clients() -> None:
    given = {"PATH": "/bin", "MLFLOW_TRACKING_TOKEN": "s3cret", "_MLFLOW_X": "1", "WINDLASS_JOB_ID": "j"}
    environment = server_environment(given)
    assert environment["PATH"] == "/bin"
    assert "s3cret" not in environment.values()
    assert "WINDLASS_JOB_ID" not in environment
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
