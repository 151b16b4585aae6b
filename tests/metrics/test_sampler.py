from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from windlass.metrics.reading import Device, DeviceSeries, Look, Reading, SourceName
from windlass.metrics.sampler import Sampler

T = TypeVar("T")


@dataclass(eq=False)
class Counted:
    """A source that counts how often it is asked."""

    name: SourceName = "nvml"
    interval_seconds: float = 0.01
    asked: int = 0
    rested: int = 0
    closed: bool = False
    engine: float | None = 0.5
    broken: bool = False
    past: list[Reading] = field(default_factory=list)

    async def look(self) -> Look:
        self.asked += 1
        if self.broken:
            raise ZeroDivisionError("nobody foresaw this")
        now = time.time()
        device = Device(
            id="GPU-1",
            uuid="GPU-1",
            name="A100",
            index=0,
            source=self.name,
            reading=Reading(at=now, engine=self.engine),
        )
        return Look(at=now, devices=(device,))

    async def history(self, *, start: float, end: float, step: float) -> Sequence[DeviceSeries]:
        readings = [reading for reading in self.past if start <= reading.at <= end]
        return [DeviceSeries(device_id="GPU-1", uuid="GPU-1", label="GPU 0", readings=readings, source=self.name)]

    async def rest(self) -> None:
        self.rested += 1

    async def close(self) -> None:
        self.closed = True


@dataclass(eq=False)
class Unanswering(Counted):
    """A source that answers when it is let."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self) -> Look:
        await self.gate.wait()
        return await super().look()


async def next_of(looks: AsyncIterator[T]) -> T:
    return await asyncio.wait_for(anext(looks), 20)


@pytest.fixture
def source() -> Counted:
    return Counted()


@pytest.fixture
async def sampler(source: Counted) -> AsyncIterator[Sampler]:
    made = Sampler([source], interval_seconds=0.01, linger_seconds=0.5)
    yield made
    await made.close()


async def test_nothing_is_asked_before_somebody_looks_nor_after(source: Counted, sampler: Sampler) -> None:
    await sampler.record()
    assert (source.asked, sampler.is_running) == (0, False)
    async with sampler.looking() as looks:
        await next_of(looks)
    asked = source.asked
    assert (sampler.is_running, source.rested) == (False, 1)
    await asyncio.sleep(0)
    assert source.asked == asked


async def test_a_source_is_asked_once_however_many_look(source: Counted, sampler: Sampler) -> None:
    async with sampler.looking() as first, sampler.looking() as second, sampler.looking() as third:
        for _ in range(5):
            await next_of(first)
        asked = source.asked
        seen = [(await next_of(second)).at, (await next_of(third)).at]
        assert seen[0] == seen[1], "all are shown the same look"
        assert source.asked <= asked + 1
        assert sampler.is_running
    assert not sampler.is_running


async def test_who_is_slow_finds_the_newest_look(source: Counted, sampler: Sampler) -> None:
    async with sampler.looking() as slow, sampler.looking() as quick:
        await next_of(slow)
        last = [await next_of(quick) for _ in range(4)][-1]
        assert (await next_of(slow)).at >= last.at


async def test_one_that_leaves_does_not_end_it_for_the_others(source: Counted, sampler: Sampler) -> None:
    async with sampler.looking() as staying:
        async with sampler.looking() as leaving:
            await next_of(leaving)
        asked = source.asked
        await next_of(staying)
        await next_of(staying)
        assert source.asked > asked
        assert source.rested == 0


async def test_questions_one_after_another_are_one_looking_that_ends_by_itself(
    source: Counted, sampler: Sampler
) -> None:
    for _ in range(3):
        assert [device.uuid for device in (await sampler.now()).devices] == ["GPU-1"]
    assert (source.rested, sampler.is_running) == (0, True)
    deadline = time.monotonic() + 20
    while not source.rested:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    assert (source.rested, sampler.is_running) == (1, False)


async def test_who_asks_again_and_again_is_answered_out_of_one_looking_however_long_that_goes_on(
    source: Counted, sampler: Sampler
) -> None:
    began = last = time.monotonic()
    pauses = 0
    while last - began < 1.2:
        await sampler.now()
        await asyncio.sleep(0.05)
        pauses += time.monotonic() - last >= 0.5  # this machine had other things to do
        last = time.monotonic()
    assert source.rested <= pauses


async def test_the_first_look_does_not_wait_for_a_source_that_does_not_answer() -> None:
    source, slow = Counted(interval_seconds=3600.0), Unanswering(name="dcgm")
    sampler = Sampler([source, slow], first_seconds=0.05)
    look = await asyncio.wait_for(sampler.now(), 20)
    assert [device.uuid for device in look.devices] == ["GPU-1"]
    assert [(condition.source, condition.code) for condition in look.conditions] == [("dcgm", "away")]
    slow.gate.set()
    async with sampler.looking() as looks:
        while look.conditions:
            look = await next_of(looks)
    await sampler.close()


async def test_recording_goes_on_while_nobody_looks() -> None:
    source = Counted()
    sampler = Sampler([source], interval_seconds=0.01, record=True)
    await sampler.record()
    async with sampler.looking() as looks:
        await next_of(looks)
    asked = source.asked
    deadline = time.monotonic() + 20
    while source.asked < asked + 3:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    await sampler.close()
    assert (sampler.is_running, source.closed) == (False, True)


async def test_a_source_that_breaks_is_a_condition_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, sound = Counted(name="dcgm", broken=True), Counted()
    sampler = Sampler([broken, sound], interval_seconds=0.01)
    look = await sampler.now()
    assert [device.uuid for device in look.devices] == ["GPU-1"]
    assert [(condition.source, condition.code) for condition in look.conditions] == [("dcgm", "failed")]
    assert "ZeroDivisionError" in caplog.text
    await sampler.close()


async def test_the_last_minutes_are_kept_with_what_a_source_remembers_from_before(
    source: Counted, sampler: Sampler
) -> None:
    now = time.time()
    source.past = [Reading(at=now - 60 + 15 * place, engine=0.25) for place in range(4)]
    async with sampler.looking() as looks:
        for _ in range(3):
            await next_of(looks)
    (line,) = sampler.recent()
    assert line.label == "GPU 0"
    assert [reading.engine for reading in line.readings[:4]] == [0.25] * 4
    assert [reading.engine for reading in line.readings[4:]] == [0.5] * (len(line.readings) - 4)
    assert len(line.readings) >= 7


async def test_history_ends_where_it_is_told_to(source: Counted, sampler: Sampler) -> None:
    now = time.time()
    source.past = [Reading(at=now - 100, engine=0.1), Reading(at=now - 50, engine=0.2)]
    (line,) = await sampler.history(start=now - 200, end=now - 75, step=1)
    assert [reading.engine for reading in line.readings] == [0.1]


async def test_an_unknown_figure_is_kept_as_unknown(source: Counted, sampler: Sampler) -> None:
    source.engine = None
    async with sampler.looking() as looks:
        await next_of(looks)
    (line,) = sampler.recent()
    assert [reading.engine for reading in line.readings] == [None] * len(line.readings)


async def test_who_looks_again_is_not_shown_what_was_seen_before(source: Counted, sampler: Sampler) -> None:
    async with sampler.looking() as looks:
        before = await next_of(looks)
    async with sampler.looking() as looks:
        assert (await next_of(looks)).at > before.at
