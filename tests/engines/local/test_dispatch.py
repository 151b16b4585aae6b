"""The queue on disk, with many jobs and with what goes wrong between two writes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

from windlass.engines.base import State
from windlass.engines.local.engine import LocalEngine

from .jobs import make_spec, until, until_ended, until_state

MakeBundle = Callable[..., Path]
MakeEngine = Callable[..., LocalEngine]

WAIT_FOR_FILE = "while not os.path.exists(f'{JOB}/go'): time.sleep(0.02)\n"


async def test_two_hundred_jobs_queue_in_order_and_start_first_come_first_served(
    make_engine: MakeEngine, bundle: MakeBundle, data_dir: Path
) -> None:
    engine = make_engine(cpus=1)
    waiting = bundle(WAIT_FOR_FILE)
    await engine.submit(make_spec(waiting, "head", name="train resnet", created_at=1.0))
    names = [f"job-{number:03}" for number in range(200)]
    for number, name in enumerate(names):
        await engine.submit(make_spec(waiting, name, created_at=2.0 + number))
    statuses = {status.job_id: status for status in await engine.adopt()}
    assert [statuses[name].queue_position for name in names] == list(range(1, 201))
    assert statuses[names[1]].reason == "second in the queue: waits for 1 CPU, held by 'train resnet'"
    capacity = await engine.capacity()
    assert (capacity.running, capacity.queued, capacity.cpus_free) == (1, 200, 0)

    for number, name in enumerate(["head", *names[:3]]):
        await until_state(engine, name, State.RUNNING)
        ahead = await engine.status(names[number])
        assert ahead is not None
        assert (ahead.state, ahead.queue_position) == (State.QUEUED, 1)
        (data_dir / "jobs" / name / "go").touch()
        assert (await until_ended(engine, name)).state == State.SUCCEEDED
    await until_state(engine, names[3], State.RUNNING)

    await engine.stop(names[5], reason="not this one")
    after = [await engine.status(name) for name in (names[4], names[5], names[6])]
    assert [status and (status.state, status.queue_position) for status in after] == [
        (State.QUEUED, 1),
        (State.STOPPED, None),
        (State.QUEUED, 2),
    ]
    for name in reversed(names):
        await engine.stop(name, reason="enough")
    assert (await until_ended(engine, names[3])).state == State.STOPPED
    assert {status.state for status in await engine.adopt() if status.job_id not in ("head", *names[:3])} == {
        State.STOPPED
    }
    assert not (data_dir / "jobs" / names[100] / "supervisor.json").exists()


async def test_never_more_jobs_run_at_once_than_there_are_cpus(
    make_engine: MakeEngine, bundle: MakeBundle, tmp_path: Path
) -> None:
    engines = [make_engine(cpus=2) for _ in range(2)]
    book, go = tmp_path / "book", tmp_path / "go"
    come, leave = (f"with open({str(book)!r}, 'a') as book: book.write({step!r})\n" for step in "+-")
    made = bundle(f"{come}while not os.path.exists({str(go)!r}): time.sleep(0.02)\n{leave}")
    names = [f"job-{number}" for number in range(6)]
    await asyncio.gather(*(engines[number % 2].submit(make_spec(made, name)) for number, name in enumerate(names)))

    async def two_have_come() -> bool:
        return book.exists() and book.read_text() == "++"

    await until(two_have_come, what="two jobs run at once")
    go.touch()
    for name in names:
        assert (await until_ended(engines[0], name)).state == State.SUCCEEDED
    steps = [1 if step == "+" else -1 for step in book.read_text()]
    assert len(steps) == 12
    assert max(accumulate(steps)) == 2


async def test_a_lost_queue_file_is_made_again_from_the_jobs(
    make_engine: MakeEngine, bundle: MakeBundle, data_dir: Path
) -> None:
    engine = make_engine(cpus=1)
    made = bundle(WAIT_FOR_FILE)
    await engine.submit(make_spec(made, "running"))
    await engine.submit(make_spec(made, "waiting"))
    await until_state(engine, "running", State.RUNNING)
    (data_dir / "queue.json").write_text('{"half": ')
    await engine.adopt()
    capacity = await engine.capacity()
    assert (capacity.running, capacity.queued, capacity.cpus_free) == (1, 1, 0)
    (data_dir / "jobs" / "running" / "go").touch()
    await until_state(engine, "waiting", State.RUNNING)


async def test_a_job_whose_starter_died_before_its_supervisor_lived_is_started_again(
    make_engine: MakeEngine, bundle: MakeBundle, data_dir: Path
) -> None:
    engine = make_engine(cpus=1)
    made = bundle(WAIT_FOR_FILE)
    await engine.submit(make_spec(made, "running"))
    await engine.submit(make_spec(made, "second"))
    content = json.loads((data_dir / "queue.json").read_text())
    content["jobs"]["second"] |= {"phase": "taken", "cpus": 1, "taken_at": time.time() - 3600}
    (data_dir / "queue.json").write_text(json.dumps(content))
    await until_state(engine, "running", State.RUNNING)
    (data_dir / "jobs" / "running" / "go").touch()
    await until_state(engine, "second", State.RUNNING)


async def test_those_far_back_learn_their_places_and_not_at_every_step(
    make_engine: MakeEngine, bundle: MakeBundle, data_dir: Path
) -> None:
    engine = make_engine(cpus=1)
    waiting = bundle(WAIT_FOR_FILE)
    names = [f"job-{number:03}" for number in range(60)]
    for number, name in enumerate(names):
        await engine.submit(make_spec(waiting, name, created_at=1.0 + number))
    statuses = engine.watch()
    noted = (data_dir / "jobs.journal").read_text().count("\n")
    for name in names[1:41]:
        await engine.stop(name, reason="not this one")
    assert (data_dir / "jobs.journal").read_text().count("\n") - noted < 1200, "each of 40 stops told all behind it"

    async def last_is_told() -> None:
        async for status in statuses:
            if status.job_id == names[-1] and status.queue_position == 19:
                return

    await asyncio.wait_for(last_is_told(), 60)
    for name in names[:1] + names[41:]:
        await engine.stop(name, reason="enough")
