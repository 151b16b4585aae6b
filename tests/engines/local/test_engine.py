"""The engine as a service uses it: submit, watch, read, stop, remove, with real processes."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from windlass.engines.base import JobStatus, State
from windlass.engines.local.engine import LocalEngine
from windlass.errors import Conflict, InvalidRequest, NotFound, Unavailable

from .jobs import (
    job_processes,
    make_spec,
    notebook_bundle,
    script_bundle,
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

FOREVER = "print('begun')\nwhile True: time.sleep(0.1)\n"


async def test_a_job_runs_to_its_end_and_its_output_is_there(engine: LocalEngine, bundle: MakeBundle) -> None:
    await engine.submit(make_spec(bundle("print('hello from the job')\nsay('succeeded', exit_code=0)"), "one"))
    status = await until_ended(engine, "one")
    assert (status.state, status.exit_code, status.kind, status.error) == (State.SUCCEEDED, 0, "python", None)
    assert status.started_at is not None
    assert status.ended_at is not None
    assert status.started_at <= status.ended_at
    page = await engine.logs("one", rank=None, offset=0, limit_bytes=1000)
    assert [(piece.rank, piece.text) for piece in page.pieces] == [(0, "hello from the job\n")]
    assert page.complete
    assert (await whole_log(engine, "one", rank=0)) == "hello from the job\n"


async def test_the_real_runner_runs_a_notebook(engine: LocalEngine, tmp_path: Path) -> None:
    made = notebook_bundle(tmp_path, "import os\nprint('at', os.path.basename(os.getcwd()))", "1 / 0")
    await engine.submit(make_spec(made, "nb"))
    status = await until_ended(engine, "nb")
    assert (status.state, status.exit_code) == (State.FAILED, 1)
    assert status.error is not None
    assert (status.error["rank"], status.error["cell"], status.error["line"]) == (0, 1, 1)
    assert status.reason == "cell 2, line 1: ZeroDivisionError: division by zero"
    assert "at dir\n" in await whole_log(engine, "nb")
    assert status.has_notebook
    executed = await engine.executed_notebook("nb")
    assert executed is not None
    assert json.loads(executed)["cells"][0]["outputs"]
    assert await engine.notebook_version("nb")


@pytest.mark.torch
async def test_two_ranks_run_under_a_real_torchrun_and_meet(engine: LocalEngine, tmp_path: Path) -> None:
    made = notebook_bundle(
        tmp_path,
        "import torch, torch.distributed as dist\ndist.init_process_group('gloo')",
        "total = torch.tensor([float(dist.get_rank() + 1)]); dist.all_reduce(total)",
        "print('rank', dist.get_rank(), 'sum', total.item()); dist.destroy_process_group()",
    )
    await engine.submit(make_spec(made, "ddp", workers=2))
    status = await until_ended(engine, "ddp", seconds=120)
    assert (status.state, status.kind, status.exit_code) == (State.SUCCEEDED, "torchrun", 0), status
    assert "rank 0 sum 3.0" in await whole_log(engine, "ddp", rank=0)
    assert "rank 1 sum 3.0" in await whole_log(engine, "ddp", rank=1)
    assert status.progress is not None
    assert status.progress["cells"] == 3


async def test_the_exit_code_is_the_ranks_own(engine: LocalEngine, tmp_path: Path) -> None:
    await engine.submit(make_spec(notebook_bundle(tmp_path, "import sys; sys.exit(3)"), "three"))
    status = await until_ended(engine, "three")
    assert (status.state, status.exit_code) == (State.FAILED, 3)


@pytest.mark.torch
async def test_the_exit_code_is_the_ranks_own_also_under_torchrun(engine: LocalEngine, bundle: MakeBundle) -> None:
    script = "code = 3 if RANK == 1 else 0\nsay('failed' if code else 'succeeded', exit_code=code)\nsys.exit(code)"
    await engine.submit(make_spec(bundle(script), "three", workers=1, processes_per_worker=2))
    status = await until_ended(engine, "three")
    assert (status.state, status.exit_code, status.reason) == (State.FAILED, 3, "rank 1 ended with exit code 3")


async def test_one_id_submitted_twenty_times_at_once_runs_once(make_engine: MakeEngine, bundle: MakeBundle) -> None:
    engines = [make_engine() for _ in range(4)]
    spec = make_spec(bundle("print('ran', os.getpid())\ntime.sleep(0.5)"), "same")
    await asyncio.gather(*(engines[number % 4].submit(spec) for number in range(20)))
    await until_ended(engines[0], "same")
    await engines[1].submit(spec)
    assert (await whole_log(engines[0], "same")).count("ran") == 1
    assert (await engines[0].status("same")) == (await engines[3].status("same"))


async def test_watch_tells_every_state_in_order_and_the_end_once(
    engine: LocalEngine, bundle: MakeBundle, tmp_path: Path
) -> None:
    watching = engine.watch()
    go = tmp_path / "go"
    script = f"while not os.path.exists({str(go)!r}): time.sleep(0.02)\nsay('succeeded', exit_code=0)"
    await engine.submit(make_spec(bundle(script), "watched"))
    seen = await watched(watching, lambda status: status.state == State.RUNNING)
    go.touch()
    seen += await watched(watching, lambda status: status.state.is_final)
    states = [status.state for status in seen]
    assert states == sorted(states, key=[State.PENDING, State.RUNNING, State.SUCCEEDED].index)
    assert len(seen) == len({repr(status) for status in seen})


async def test_watch_tells_that_a_job_was_removed_by_another_server(
    make_engine: MakeEngine, bundle: MakeBundle
) -> None:
    here, there = make_engine(), make_engine()
    watching = here.watch()
    await there.submit(make_spec(bundle(""), "gone"))
    await until_ended(there, "gone")
    await there.remove("gone")
    seen = await watched(watching, lambda status: status.removed)
    assert seen[-1].job_id == "gone"
    assert await here.status("gone") is None
    await there.remove("gone")


async def test_progress_and_notices_of_rank_0_are_shown_while_it_runs(engine: LocalEngine, bundle: MakeBundle) -> None:
    script = "say('running', cell=2, cells=4, fraction=0.5, message='half', notices=['mind this'])\n" + FOREVER
    await engine.submit(make_spec(bundle(script), "half"))

    async def halfway() -> JobStatus | None:
        status = await engine.status("half")
        return status if status and status.progress and status.progress["fraction"] else None

    status = await until(halfway, what="progress")
    assert status.progress == {"fraction": 0.5, "cell": 2, "cells": 4, "message": "half"}
    assert status.notices == ("mind this",)


async def test_runs_that_a_rank_reports_are_on_the_job(engine: LocalEngine, bundle: MakeBundle) -> None:
    script = """
line = json.dumps({"run_id": "r1", "experiment_id": "7", "tracking_uri": "http://x", "name": "n", "own": True})
open(f"{JOB}/runs.jsonl", "a").write(line + "\\n" + line + "\\n" + '{"run_id": "half')
"""
    await engine.submit(make_spec(bundle(script), "tracked"))
    status = await until_ended(engine, "tracked")
    assert [run["run_id"] for run in status.runs] == ["r1"]


async def test_a_stopped_job_leaves_no_process(make_engine: MakeEngine, bundle: MakeBundle, tmp_path: Path) -> None:
    """Children that ignore TERM, that have their own session, and a daemon of two forks with an empty environment."""
    script = """
import signal, subprocess
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(%r, 'w'); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", stubborn % "DIR/stubborn"])
subprocess.Popen([sys.executable, "-c", stubborn % "DIR/session"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-c", stubborn % "DIR/daemon"], {})
    os._exit(0)
print("begun")
time.sleep(600)
""".replace("DIR", str(tmp_path))
    engine = make_engine(stop_grace_seconds=0.5)
    await engine.submit(make_spec(bundle(script), "hydra"))

    async def all_there() -> bool:
        return all((tmp_path / name).exists() for name in ("stubborn", "session", "daemon"))

    await until(all_there, what="all children")
    await engine.stop("hydra", reason="stopped by ada")
    status = await until_ended(engine, "hydra")
    assert (status.state, status.reason) == (State.STOPPED, "stopped by ada")
    assert job_processes("hydra") == []
    assert not _command_lines_with(str(tmp_path / "daemon"))


def _command_lines_with(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found


async def test_stop_is_final_and_may_be_said_again(engine: LocalEngine, bundle: MakeBundle) -> None:
    await engine.submit(make_spec(bundle(FOREVER), "halt", retries=3))
    await until_log(engine, "halt", "begun")
    await engine.stop("halt", reason="first")
    await engine.stop("halt", reason="second")
    status = await until_ended(engine, "halt")
    await engine.stop("halt", reason="third")
    assert (status.state, status.reason, status.restarts) == (State.STOPPED, "first", 0)
    assert await engine.status("halt") == status


async def test_a_stop_right_after_the_submit_is_not_missed(engine: LocalEngine, bundle: MakeBundle) -> None:
    await engine.submit(make_spec(bundle(FOREVER), "raced"))
    await engine.stop("raced", reason="changed my mind")
    assert (await until_ended(engine, "raced")).state == State.STOPPED
    assert job_processes("raced") == []


async def test_a_job_is_started_again_after_a_failure(engine: LocalEngine, bundle: MakeBundle) -> None:
    script = """
print("attempt", os.environ["WINDLASS_ATTEMPT"], end="")
if os.environ["WINDLASS_ATTEMPT"] == "0":
    say("failed", exit_code=1, error={"cell": 1, "line": 2, "ename": "ValueError", "evalue": "no luck", "at": 1.0})
    sys.exit(1)
"""
    await engine.submit(make_spec(bundle(script), "again", retries=2))
    waiting = await until_state(engine, "again", State.RESTARTING)
    assert "the last one failed: cell 2, line 2: ValueError: no luck" in waiting.reason
    status = await until_ended(engine, "again")
    assert (status.state, status.restarts, status.exit_code, status.error) == (State.SUCCEEDED, 1, 0, None)
    assert status.notices == ("Attempt 1 of 3 failed: cell 2, line 2: ValueError: no luck",)
    log = await whole_log(engine, "again", rank=0)
    assert log == "attempt 0\n--- windlass: attempt 2 of 3 ---\nattempt 1"


async def test_a_job_that_waits_to_be_started_again_can_be_stopped(engine: LocalEngine, bundle: MakeBundle) -> None:
    await engine.submit(make_spec(bundle("sys.exit(1)"), "again", retries=100))
    await until_state(engine, "again", State.RESTARTING)
    await engine.stop("again", reason="enough")
    assert (await until_ended(engine, "again")).state == State.STOPPED


async def test_the_time_limit_ends_an_endless_loop_and_is_no_reason_to_start_again(
    engine: LocalEngine, bundle: MakeBundle
) -> None:
    script = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass"
    await engine.submit(make_spec(bundle(script), "endless", time_limit_seconds=1, retries=2))
    status = await until_ended(engine, "endless")
    assert (status.state, status.reason, status.restarts) == (State.FAILED, "time limit of 1 s reached", 0)
    assert job_processes("endless") == []


async def test_a_process_the_notebook_left_running_does_not_outlive_the_job(
    engine: LocalEngine, bundle: MakeBundle
) -> None:
    script = "import subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True)"
    await engine.submit(make_spec(bundle(script), "litter"))
    status = await until_ended(engine, "litter")
    assert status.state == State.SUCCEEDED
    assert status.notices == ("Processes that the notebook had left running were ended.",)
    assert job_processes("litter") == []


async def test_a_job_is_removed_only_when_it_has_ended(engine: LocalEngine, bundle: MakeBundle, data_dir: Path) -> None:
    await engine.submit(make_spec(bundle(FOREVER), "live"))
    with pytest.raises(Conflict):
        await engine.remove("live")
    await engine.stop("live", reason="")
    await until_ended(engine, "live")
    await engine.remove("live")
    assert await engine.status("live") is None
    assert [path.name for path in (data_dir / "jobs").iterdir()] == []
    with pytest.raises(NotFound):
        await engine.logs("live", rank=None, offset=0, limit_bytes=100)


async def test_what_can_never_run_here_is_refused_with_the_field(
    make_engine: MakeEngine, bundle: MakeBundle, data_dir: Path, tmp_path: Path
) -> None:
    engine = make_engine(gpus=["0", "1"], cpus=2)
    good = make_spec(bundle(""), "refused")
    cases = {
        "gpus_per_worker": replace(good, workers=2, gpus_per_worker=2),
        "processes_per_worker": replace(good, workers=100, processes_per_worker=100),
        "environment": replace(good, python=str(tmp_path / "no-such-python")),
    }
    for field, spec in cases.items():
        with pytest.raises(InvalidRequest) as refused:
            await engine.submit(spec)
        assert [error.field for error in refused.value.fields] == [field]
    for spec in (replace(good, kind="PyTorchJob"), replace(good, kind="python", workers=2)):
        with pytest.raises(InvalidRequest) as refused:
            await engine.plan(spec)
        assert [error.field for error in refused.value.fields] == ["kind"]
    for job_id in ("../x", "", ".hidden", "a/b", "a\nb"):
        with pytest.raises(InvalidRequest):
            await engine.submit(replace(good, id=job_id))
        assert await engine.status(job_id) is None
    assert not data_dir.exists()


async def test_an_environment_without_torch_is_refused_for_several_processes(
    make_engine: MakeEngine, bundle: MakeBundle, tmp_path: Path
) -> None:
    bare = tmp_path / "bare-python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E "$@"\n')
    bare.chmod(0o755)
    engine = make_engine()
    with pytest.raises(InvalidRequest, match="has no torch"):
        await engine.plan(make_spec(bundle(""), "bare", python=str(bare), workers=2))
    assert (await engine.plan(make_spec(bundle(""), "bare", python=str(bare)))).kind == "python"


async def test_plan_shows_the_command_as_a_list(engine: LocalEngine, bundle: MakeBundle) -> None:
    plan = await engine.plan(make_spec(bundle(""), "planned", workers=2, processes_per_worker=3))
    assert plan.command[:3] == (sys.executable, "-m", "torch.distributed.run")
    assert "--nproc-per-node=6" in plan.command
    assert plan.notices == ("6 processes will share 4 CPUs.",)


async def test_shell_syntax_in_names_and_parameters_is_only_text(engine: LocalEngine, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    nasty = f"$(touch {trap}) `touch {trap}`; touch {trap} & 'x' \"y\" \\ \u2603\n"
    path = f"dïr $(touch trap)/{nasty.strip().replace(str(trap), 'trap')}.ipynb"  # a file's name is 255 bytes at most
    made = notebook_bundle(tmp_path, "print('name', __name__)", path=path, parameters={})
    spec = make_spec(made, "nasty", name=nasty, notebook=path, environment={"NASTY": nasty})
    await engine.submit(spec)
    assert (await until_ended(engine, "nasty")).state == State.SUCCEEDED
    assert not trap.exists()


async def test_a_job_gets_the_users_variables_and_none_of_jupyters_secrets(
    engine: LocalEngine, bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = ("JUPYTER_TOKEN", "JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN", "WINDLASS_TOKEN")
    for name in secrets:
        monkeypatch.setenv(name, "s3cret")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("WORLD_SIZE", "77")
    monkeypatch.setenv("PET_NNODES", "9")
    script = "print(json.dumps(dict(os.environ)))"
    await engine.submit(make_spec(bundle(script), "env", environment={"FROM_KERNEL": "k"}))
    await until_ended(engine, "env")
    seen = json.loads(await whole_log(engine, "env"))
    assert not set(secrets) & seen.keys()
    assert "PET_NNODES" not in seen
    wanted = {
        "AWS_PROFILE": "mine",
        "FROM_KERNEL": "k",
        "WORLD_SIZE": "1",
        "RANK": "0",
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
        "WINDLASS_JOB_ID": "env",
        "WINDLASS_LOG_TO_FILES": "1",
        "WINDLASS_ATTEMPT": "0",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "4",
    }
    assert {name: seen[name] for name in wanted} == wanted


async def test_gpus_are_handed_out_one_job_at_a_time(make_engine: MakeEngine, bundle: MakeBundle) -> None:
    engine = make_engine(gpus=["0", "1", "2"], cpus=8)
    show = "print('sees', os.environ['CUDA_VISIBLE_DEVICES'] + '.')\n" + FOREVER
    await engine.submit(make_spec(bundle(show), "two", gpus_per_worker=2))
    await engine.submit(make_spec(bundle(show), "none"))
    await engine.submit(make_spec(bundle(show), "more", gpus_per_worker=2))
    await until_log(engine, "two", "sees 0,1.")
    await until_log(engine, "none", "sees .")
    waiting = await engine.status("more")
    assert waiting is not None
    assert waiting.reason == "first in the queue: waits for 2 GPUs, held by 'two'"
    capacity = await engine.capacity()
    assert (capacity.gpus, capacity.gpus_free, capacity.running, capacity.queued) == (3, 1, 2, 1)
    await engine.stop("two", reason="")
    await until_log(engine, "more", "sees 0,1.")


async def test_what_a_job_keeps_on_disk_is_the_users_alone(
    engine: LocalEngine, bundle: MakeBundle, data_dir: Path
) -> None:
    await engine.submit(make_spec(bundle(""), "private"))
    await until_ended(engine, "private")
    folder = data_dir / "jobs" / "private"
    for path in (data_dir, folder, folder / "spec.json", folder / "state.json", data_dir / "jobs.journal"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


async def test_a_bundle_that_is_gone_or_damaged_fails_the_job_in_words(
    engine: LocalEngine, bundle: MakeBundle, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.tar.gz"
    damaged.write_bytes(b"not a tar")
    await engine.submit(make_spec(tmp_path / "gone.tar.gz", "gone"))
    await engine.submit(make_spec(damaged, "damaged", retries=5))
    await engine.submit(make_spec(script_bundle(tmp_path, "", prelude=""), "empty"))
    gone, broken = await until_ended(engine, "gone"), await until_ended(engine, "damaged")
    assert (gone.state, gone.exit_code) == (State.FAILED, None)
    assert "its bundle is gone" in gone.reason
    assert "its bundle could not be unpacked" in broken.reason
    assert broken.restarts == 0
    assert (await until_ended(engine, "empty")).state == State.SUCCEEDED


async def test_the_supervisor_has_none_of_the_servers_files_open(
    engine: LocalEngine, bundle: MakeBundle, data_dir: Path, tmp_path: Path
) -> None:
    leaked = os.open(tmp_path / "a server's file", os.O_WRONLY | os.O_CREAT)
    os.set_inheritable(leaked, True)
    try:
        await engine.submit(make_spec(bundle(FOREVER), "closed"))
        await until_log(engine, "closed", "begun")
    finally:
        os.close(leaked)
    pid = supervisor_pid(data_dir, "closed")
    targets = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()]
    assert not any("server's file" in target for target in targets)
    assert os.getsid(pid) == pid


async def test_check_says_what_is_wrong_with_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    broken = LocalEngine(data_dir=tmp_path / "file" / "data")
    found = await broken.check()
    assert not found.available
    assert found.message is not None
    assert "WINDLASS_DATA_DIR" in found.message
    fine = await LocalEngine(data_dir=tmp_path / "data").check()
    assert (fine.available, fine.kinds) == (True, ("python", "torchrun"))


async def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path, bundle: MakeBundle) -> None:
    (tmp_path / "file").write_text("")
    broken = LocalEngine(data_dir=tmp_path / "file" / "data", gpus=[])
    with pytest.raises(Unavailable, match="WINDLASS_DATA_DIR"):
        await broken.submit(make_spec(bundle(""), "homeless"))
