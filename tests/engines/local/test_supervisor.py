"""What a job and its supervisor live through: deaths of the server, of a rank, of the supervisor, and a full disk."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from windlass.engines.base import State
from windlass.engines.local.engine import LocalEngine
from windlass.engines.local.identity import process_start

from .jobs import (
    job_processes,
    make_spec,
    notebook_bundle,
    supervisor_pid,
    until,
    until_ended,
    until_log,
    until_state,
    watched,
    whole_log,
)

MakeBundle = Callable[..., Path]
MakeEngine = Callable[..., LocalEngine]

SERVER = """
import asyncio, sys, time
from pathlib import Path
from windlass.engines.base import JobSpec
from windlass.engines.local.engine import LocalEngine

async def main(data_dir, bundle, *job_ids):
    engine = LocalEngine(data_dir=Path(data_dir), cpus=1, gpus=[], stop_grace_seconds=1.0, poll_seconds=0.05)
    for number, job_id in enumerate(job_ids):
        await engine.submit(JobSpec(
            id=job_id, name=job_id, owner="ada", notebook="x.ipynb", bundle_path=Path(bundle), bundle_sha256="",
            python=sys.executable, created_at=1000.0 + number,
        ))
    print("submitted", flush=True)
    time.sleep(600)

asyncio.run(main(*sys.argv[1:]))
"""
"""A Jupyter server, as far as the engine can tell."""

UNTIL_TOLD = """
count = 0
while not os.path.exists(f"{JOB}/go"):
    print("line", count, flush=True)
    count += 1
    time.sleep(0.02)
print("last line")
say("succeeded", exit_code=0)
"""


def start_server(data_dir: Path, bundle: Path, *job_ids: str) -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(data_dir), str(bundle), *job_ids], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    assert server.stdout.readline() == "submitted\n"
    return server


def kill(server: subprocess.Popen[str]) -> None:
    server.kill()
    server.communicate()


async def until_gone(pid: int) -> None:
    async def is_gone() -> bool:
        return process_start(pid) is None

    await until(is_gone, what=f"process {pid} is gone")


async def test_a_job_outlives_the_servers_sigkill_and_its_log_goes_on_at_the_same_offset(
    make_engine: MakeEngine, bundle: MakeBundle, data_dir: Path
) -> None:
    server = start_server(data_dir, bundle(UNTIL_TOLD), "survivor")
    first = make_engine()
    await until_log(first, "survivor", "line 5\n")
    before = await first.logs("survivor", rank=None, offset=0, limit_bytes=1 << 20)
    kill(server)

    second = make_engine()
    adopted = {status.job_id: status for status in await second.adopt()}
    assert adopted["survivor"].state == State.RUNNING
    await until_log(second, "survivor", f"line {len(before.pieces) + 20}\n")
    (data_dir / "jobs" / "survivor" / "go").touch()
    assert (await until_ended(second, "survivor")).state == State.SUCCEEDED
    after = await second.logs("survivor", rank=None, offset=before.next_offset, limit_bytes=1 << 20)
    text = "".join(piece.text for piece in (*before.pieces, *after.pieces))
    numbers = [int(line.split()[1]) for line in text.splitlines()[:-1]]
    assert numbers == list(range(len(numbers)))
    assert text.endswith("last line\n")
    assert after.complete


async def test_the_queue_moves_on_while_no_server_runs(
    make_engine: MakeEngine, bundle: MakeBundle, data_dir: Path
) -> None:
    names = [f"queued-{number}" for number in range(3)]
    wait = f"while not os.path.exists({str(data_dir / 'go')!r}): time.sleep(0.02)\n"
    server = start_server(data_dir, bundle(wait), *names)
    kill(server)
    (data_dir / "go").touch()
    reader = make_engine(cpus=1)
    statuses = [await until_ended(reader, name) for name in names]
    assert [status.state for status in statuses] == [State.SUCCEEDED] * 3
    starts = [status.started_at for status in statuses]
    assert starts == sorted(starts, key=lambda start: start or 0.0)


async def test_a_dead_supervisor_makes_the_job_lost_and_leaves_no_process(
    make_engine: MakeEngine, bundle: MakeBundle, data_dir: Path
) -> None:
    engine, other = make_engine(), make_engine()
    script = """
import subprocess
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("begun")
print("half a line", end="", flush=True)
time.sleep(600)
"""
    watching = engine.watch()
    watching_too = other.watch()
    await engine.submit(make_spec(bundle(script), "orphan"))
    await until_log(engine, "orphan", "half a line")
    os.kill(supervisor_pid(data_dir, "orphan"), signal.SIGKILL)
    both = await asyncio.gather(
        watched(watching, lambda status: status.state.is_final),
        watched(watching_too, lambda status: status.state.is_final),
    )
    for seen in both:
        assert seen[-1].state == State.LOST
        assert "its supervisor" in seen[-1].reason
    assert job_processes("orphan") == []
    page = await engine.logs("orphan", rank=None, offset=0, limit_bytes=1000)
    assert "".join(piece.text for piece in page.pieces) == "begun\nhalf a line"
    assert page.complete
    capacity = await engine.capacity()
    assert (capacity.cpus_free, capacity.running) == (4, 0)


async def test_a_supervisor_that_died_while_no_server_ran_is_found_when_one_starts(
    make_engine: MakeEngine, bundle: MakeBundle, data_dir: Path
) -> None:
    engine = make_engine(cpus=1)
    await engine.submit(make_spec(bundle(UNTIL_TOLD), "dead"))
    await engine.submit(make_spec(bundle("print('my turn')"), "next"))
    await until_log(engine, "dead", "line 1\n")
    pid = supervisor_pid(data_dir, "dead")
    os.kill(pid, signal.SIGKILL)
    await until_gone(pid)
    adopted = {status.job_id: status for status in await make_engine(cpus=1).adopt()}
    assert adopted["dead"].state == State.LOST
    assert job_processes("dead") == []
    assert (await until_ended(engine, "next")).state == State.SUCCEEDED


async def test_a_job_stopped_in_the_moment_its_supervisor_dies_is_stopped(
    make_engine: MakeEngine, bundle: MakeBundle, data_dir: Path
) -> None:
    engine = make_engine()
    await engine.submit(make_spec(bundle(UNTIL_TOLD), "both"))
    await until_log(engine, "both", "line 1\n")
    supervisor = psutil.Process(supervisor_pid(data_dir, "both"))
    supervisor.suspend()
    await engine.stop("both", reason="stopped by ada")
    supervisor.kill()
    await until_gone(supervisor.pid)
    statuses = await engine.adopt()
    assert [(status.state, status.reason) for status in statuses] == [(State.STOPPED, "stopped by ada")]


async def test_a_supervisor_told_to_end_ends_its_job(engine: LocalEngine, bundle: MakeBundle, data_dir: Path) -> None:
    await engine.submit(make_spec(bundle(UNTIL_TOLD), "shutdown"))
    await until_log(engine, "shutdown", "line 1\n")
    pid = supervisor_pid(data_dir, "shutdown")
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGTERM)
    status = await until_ended(engine, "shutdown")
    assert status.state == State.LOST
    assert "told to end" in status.reason
    assert job_processes("shutdown") == []


async def test_a_process_killed_by_a_signal_is_named_with_the_signal(engine: LocalEngine, bundle: MakeBundle) -> None:
    await engine.submit(make_spec(bundle("os.kill(os.getpid(), 9)"), "killed"))
    await engine.submit(make_spec(bundle("os.kill(os.getpid(), 11)"), "crashed"))
    killed, crashed = await until_ended(engine, "killed"), await until_ended(engine, "crashed")
    assert (killed.state, killed.exit_code) == (State.FAILED, 137)
    assert "ended by signal 9 (SIGKILL)" in killed.reason
    assert crashed.exit_code == 139
    assert "a crash in compiled code" in crashed.reason
    assert crashed.error is not None
    assert crashed.error["ename"] == "SIGSEGV"


@pytest.mark.torch
async def test_the_killed_rank_is_blamed_and_not_those_that_fail_because_of_it(
    engine: LocalEngine, bundle: MakeBundle, data_dir: Path
) -> None:
    script = """
import signal
if RANK == 1:
    print("rank 1 is here", flush=True)
    time.sleep(600)
peer = None
while True:
    try:
        peer = peer or json.load(open(f"{JOB}/ranks/1/status.json"))["pid"]
        os.kill(peer, 0)
    except FileNotFoundError:
        pass
    except ProcessLookupError:
        break
    time.sleep(0.01)
say("failed", exit_code=1, error={"ename": "RuntimeError", "evalue": "Connection reset by peer", "at": time.time()})
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(600)
"""
    await engine.submit(make_spec(bundle(script), "pair", workers=2))
    await until_log(engine, "pair", "rank 1 is here")
    status = json.loads((data_dir / "jobs" / "pair" / "ranks" / "1" / "status.json").read_text())
    os.kill(status["pid"], signal.SIGKILL)
    ended = await until_ended(engine, "pair")
    assert (ended.state, ended.exit_code) == (State.FAILED, 137)
    assert ended.error is not None
    assert ended.error["rank"] == 1
    assert "rank 1 was ended by signal 9 (SIGKILL)" in ended.reason
    assert job_processes("pair") == []


@pytest.mark.torch
async def test_a_rank_that_waits_for_a_failed_one_does_not_hold_the_machine(
    engine: LocalEngine, bundle: MakeBundle
) -> None:
    script = """
import signal
if RANK == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("deaf", flush=True)
    time.sleep(600)
while not os.path.exists(f"{JOB}/ranks/0/status.json"): time.sleep(0.01)
say("failed", exit_code=5, error={"cell": 0, "line": 1, "ename": "ValueError", "evalue": "bad", "at": time.time()})
sys.exit(5)
"""
    await engine.submit(make_spec(bundle(script), "deaf", workers=2))
    status = await until_ended(engine, "deaf")
    assert (status.state, status.exit_code) == (State.FAILED, 5)
    assert status.reason == "rank 1, cell 1, line 1: ValueError: bad"


async def test_a_million_lines_are_all_there_and_can_be_read_from_anywhere(
    engine: LocalEngine, tmp_path: Path, data_dir: Path
) -> None:
    made = notebook_bundle(tmp_path, "for number in range(1_000_000): print('line', number)")
    await engine.submit(make_spec(made, "million"))
    status = await until_ended(engine, "million", seconds=120)
    assert status.state == State.SUCCEEDED
    page = await engine.logs("million", rank=None, offset=0, limit_bytes=1000)
    assert page.size_bytes == sum(len(f"line {number}\n") for number in range(1_000_000))
    assert page.pieces[0].text.startswith("line 0\nline 1\n")
    last = await engine.logs("million", rank=None, offset=page.size_bytes - 12, limit_bytes=1000)
    assert last.pieces[-1].text == "line 999999\n"
    assert last.complete
    index = data_dir / "jobs" / "million" / "logs" / "index.bin"
    assert index.stat().st_size < 100_000


async def test_a_full_disk_while_it_runs_is_said_and_does_not_end_the_job(
    engine: LocalEngine, bundle: MakeBundle, data_dir: Path
) -> None:
    """The folder that cannot be written stands for the disk: the index is a folder, so no record can be appended."""
    script = """
index = f"{JOB}/logs/index.bin"
os.mkdir(index)
print("unseen", flush=True)
while not os.path.exists(f"{JOB}/go"): time.sleep(0.02)
os.rmdir(index)
print("seen")
"""
    await engine.submit(make_spec(bundle(script), "full"))

    async def said() -> bool:
        status = await engine.status("full")
        assert status is not None
        return any(notice.startswith("The log could not be kept for a while") for notice in status.notices)

    await until(said, what="the notice, while it runs")
    (data_dir / "jobs" / "full" / "go").touch()
    assert (await until_ended(engine, "full")).state == State.SUCCEEDED
    assert await whole_log(engine, "full") == "unseen\nseen\n"


async def test_an_interpreter_that_vanishes_before_the_start_fails_the_job_in_words(
    make_engine: MakeEngine, bundle: MakeBundle, tmp_path: Path, data_dir: Path
) -> None:
    engine = make_engine(cpus=1)
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    await engine.submit(make_spec(bundle(UNTIL_TOLD), "before"))
    await engine.submit(make_spec(bundle(""), "after", python=str(python), retries=3))
    await until_state(engine, "after", State.QUEUED)
    python.unlink()
    await engine.stop("before", reason="")
    status = await until_ended(engine, "after")
    assert (status.state, status.restarts) == (State.FAILED, 0)
    assert "no Python interpreter" in status.reason


async def test_a_second_supervisor_of_a_job_goes_away(engine: LocalEngine, bundle: MakeBundle, data_dir: Path) -> None:
    await engine.submit(make_spec(bundle(UNTIL_TOLD), "claimed"))
    await until_log(engine, "claimed", "line 1\n")
    pid = supervisor_pid(data_dir, "claimed")
    folder = data_dir / "jobs" / "claimed"
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "windlass.engines.local.supervisor", str(folder)
    )
    assert await asyncio.wait_for(second.wait(), 30) == 0
    assert supervisor_pid(data_dir, "claimed") == pid
    status = await engine.status("claimed")
    assert status is not None
    assert status.state == State.RUNNING


def test_the_supervisor_starts_with_few_imports() -> None:
    """The wire models and the web server would cost more than the whole start."""
    code = (
        "import sys, windlass.engines.local.supervisor; "
        "print([name for name in ('pydantic', 'asyncio', 'tornado', 'jupyter_server', 'httpx') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


async def test_a_notebook_that_is_stopped_keeps_what_it_had_done(engine: LocalEngine, tmp_path: Path) -> None:
    made = notebook_bundle(tmp_path, "print('first cell')", "import time; print('second', flush=True); time.sleep(600)")
    await engine.submit(make_spec(made, "stopped"))
    await until_log(engine, "stopped", "second")
    await engine.stop("stopped", reason="stopped by ada")
    status = await until_ended(engine, "stopped")
    assert (status.state, status.reason, status.error) == (State.STOPPED, "stopped by ada", None)
    executed = await engine.executed_notebook("stopped")
    assert executed is not None
    assert "first cell" in json.dumps(json.loads(executed)["cells"][0]["outputs"])


async def test_a_supervisor_that_is_interrupted_stops_its_job(
    engine: LocalEngine, bundle: MakeBundle, data_dir: Path
) -> None:
    """What `stop` does when the disk is too full for its own file."""
    await engine.submit(make_spec(bundle(UNTIL_TOLD), "full"))
    await until_log(engine, "full", "line 1\n")
    os.kill(supervisor_pid(data_dir, "full"), signal.SIGINT)
    status = await until_ended(engine, "full")
    assert (status.state, status.reason) == (State.STOPPED, "stopped")
