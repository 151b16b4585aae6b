"""What was recorded of this machine's devices is there for a server that starts again, in files that stay small."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.metrics.test_sampler import Counted

from windlass.metrics.aging import DAY, AgingReadings
from windlass.metrics.reading import Device, Look, Reading
from windlass.metrics.recording import ReadingFiles
from windlass.metrics.sampler import Sampler
from windlass.metrics.thinning import grid, thin

CARD = Device(id="GPU-1/../x", uuid="GPU-1", name="A100", source="nvml", index=0, memory_total_bytes=40 * 2**30)


def test_what_is_appended_and_written_anew_is_read_again_and_half_lines_are_not(tmp_path: Path) -> None:
    files = ReadingFiles(tmp_path / "gpus")
    files.append({CARD.id: (CARD, [Reading(at=15.0, engine=0.25, xid=0), Reading(at=30.0)])})
    files.append({CARD.id: (CARD, [Reading(at=45.0, engine=1 / 3, memory_bytes=8)])})
    (path,) = (tmp_path / "gpus").glob("*.jsonl")
    assert path.parent == tmp_path / "gpus", "whatever a driver calls its device"
    with path.open("ab") as file:
        file.write(b'{"at": 60.0, "eng\n[1]\n{"at": "soon"}\n{"device": 3}\n{"at": 75.0, "engine": 0.')
    (found,) = ReadingFiles(tmp_path / "gpus").load()
    assert found.device == CARD
    assert list(found.readings) == [
        Reading(at=15.0, engine=0.25, xid=0),
        Reading(at=30.0),
        Reading(at=45.0, engine=0.333333, memory_bytes=8),
    ]
    files.rewrite(CARD, [Reading(at=45.0, engine=0.5)])
    (found,) = ReadingFiles(tmp_path / "gpus").load()
    assert [reading.engine for reading in found.readings] == [0.5]


def test_of_two_servers_one_writes_until_it_ends(tmp_path: Path) -> None:
    one, other = ReadingFiles(tmp_path), ReadingFiles(tmp_path)
    one.append({CARD.id: (CARD, [Reading(at=15.0)])})
    other.append({CARD.id: (CARD, [Reading(at=30.0)])})
    assert [len(each.readings) for each in other.load()] == [1]
    one.close()
    other.append({CARD.id: (CARD, [Reading(at=30.0)])})
    assert [len(each.readings) for each in other.load()] == [2]
    other.close()


def test_a_folder_that_cannot_be_written_is_said_once_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "gpus").write_text("a file")
    files = ReadingFiles(tmp_path / "gpus")
    for _ in range(2):
        files.append({CARD.id: (CARD, [Reading(at=15.0)])})
        files.rewrite(CARD, [])
        assert files.load() == []
    assert caplog.text.count("cannot be kept") == 1


def test_a_quarter_of_a_year_takes_a_few_megabytes(tmp_path: Path) -> None:
    kept = AgingReadings(
        Reading(at=place * 900.0, engine=0.123456, memory_bytes=40 * 2**30, power_watts=312.123456, xid=0)
        for place in range(92 * 96)
    )
    files = ReadingFiles(tmp_path)
    files.rewrite(CARD, kept)
    (path,) = tmp_path.glob("*.jsonl")
    assert path.stat().st_size < 150 * len(kept) < 3 * 2**20
    assert all("at" in json.loads(line) for line in path.read_text().splitlines()[1:])


@dataclass(eq=False)
class Hurried(Counted):
    """A source whose every look is five seconds after the one before."""

    async def look(self) -> Look:
        look = await super().look()
        at = look.at + 5.0 * self.asked
        devices = tuple(replace(device, reading=Reading(at=at, engine=0.5)) for device in look.devices)
        return replace(look, at=at, devices=devices)


async def test_three_days_are_in_the_charts_of_a_server_that_starts_again(tmp_path: Path) -> None:
    now = time.time()
    (device,) = (await Counted().look()).devices
    past = AgingReadings(Reading(at=now - 3 * DAY + place * 15.0, engine=0.75) for place in range(3 * 24 * 240))
    before = ReadingFiles(tmp_path)
    before.rewrite(device, past)
    before.close()

    source = Hurried()
    sampler = Sampler([source], interval_seconds=0.01, record=True, files=ReadingFiles(tmp_path))
    await sampler.record()
    deadline = time.monotonic() + 20
    while source.asked < 20:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    (line,) = await sampler.history(start=now - 3 * DAY, end=now, step=600)
    drawn = thin(
        line.readings,
        lambda reading: reading.engine,
        times=grid(start=now - 3 * DAY, end=now, points=50),
        start=now - 3 * DAY,
    )
    assert drawn == [pytest.approx(0.75)] * 50
    await sampler.close()
    # What was seen meanwhile stands beside it.
    (found,) = ReadingFiles(tmp_path).load()
    readings = list(found.readings)
    assert (readings[0].at < now - 2.9 * DAY, readings[-1].at > now, readings[-1].engine) == (True, True, 0.5)
