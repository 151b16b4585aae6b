"""What a user is told: their own pods alone, alarms until they are over, whole snapshots only when it is no reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from windlass.errors import NotFound
from windlass.metrics.judging import Holding, Settings
from windlass.metrics.reading import Device, DeviceSeries, Look, Reading
from windlass.services.gpus.feed import shape_of
from windlass.services.gpus.money import Rates
from windlass.services.gpus.snapshots import Judged, compose
from windlass.services.gpus.watch import JUDGING_SECONDS, Judgement
from windlass.services.gpus.who import Who

HELD = {"GPU-a": Who(is_held=True)}


def device(**reading: Any) -> Device:
    now = Reading(**{"at": 1000.0, **reading})
    return Device(id="GPU-a", uuid="GPU-a", name="A100", index=0, source="nvml", reading=now)


def line(engine: float, *, until: float) -> Sequence[DeviceSeries]:
    readings = [Reading(at=until - 899 + at, engine=engine, pcie_bytes_per_second=0.0) for at in range(900)]
    return [DeviceSeries(device_id="GPU-a", uuid="GPU-a", label="GPU 0", readings=readings, source="nvml")]


def test_an_alarm_that_was_dismissed_comes_back_after_the_device_was_used() -> None:
    judgement, at = Judgement(Settings()), 10_000.0

    def judged(engine: float) -> list[str]:
        nonlocal at
        at += JUDGING_SECONDS
        judgement.renew(Look(at=at, devices=(device(),)), who=HELD, recent=lambda: line(engine, until=at))
        return [alarm.id for alarm in judgement.shown().alarms]

    (alarm,) = judged(0.0)
    judgement.dismiss(alarm)
    assert judged(0.0) == []
    assert judged(0.9) == []
    assert judged(0.0) == [alarm]


def test_nothing_is_told_of_what_nobody_holds() -> None:
    judgement = Judgement(Settings())
    judgement.renew(Look(at=10_000.0, devices=(device(),)), who={"GPU-a": Who()}, recent=lambda: line(0, until=10_000))
    assert (list(judgement.shown().alarms), dict(judgement.shown().idle_since)) == ([], {})


def test_what_a_device_did_before_a_job_held_it_is_not_held_against_the_job() -> None:
    def judged(since: float) -> Judged:
        judgement, holding = Judgement(Settings()), Holding(job_id="j1", name="resnet", since=since)
        who = {"GPU-a": Who(is_held=True, holding=holding)}
        judgement.renew(Look(at=10_000.0, devices=(device(),)), who=who, recent=lambda: line(0.0, until=10_000.0))
        return judgement.shown()

    new, old = judged(9_990.0), judged(9_000.0)
    assert (list(new.alarms), dict(new.idle_since)) == ([], {})
    assert len(old.alarms) == 1
    assert old.idle_since["GPU-a"] < 9_200.0


def test_an_alarm_that_is_not_there_cannot_be_dismissed() -> None:
    with pytest.raises(NotFound, match="used again"):
        Judgement(Settings()).dismiss("idle:GPU-a")


def test_readings_alone_leave_the_shape_as_it_is_and_all_else_changes_it() -> None:
    def shape(seen: Device, *, who: Who = HELD["GPU-a"], judged: Judged = Judged(), rates: Rates = Rates()) -> object:  # noqa: B008 - frozen
        return shape_of(compose(Look(at=1.0, devices=(seen,)), who={"GPU-a": who}, judged=judged, rates=rates))

    quiet = shape(device(engine=0.1, memory_bytes=1))
    assert shape(device(engine=0.9, memory_bytes=2, power_watts=3.0)) == quiet
    assert shape(replace(device(engine=0.1), problem="Lost.")) != quiet
    assert shape(replace(device(), reading=None)) != quiet
    assert shape(device(), judged=Judged(idle_since={"GPU-a": 5.0})) != quiet
    assert shape(device(), rates=Rates(device_usd_per_hour=lambda _: 1.0)) != quiet


def test_the_mean_is_of_what_is_known_and_unknown_without_any() -> None:
    other = replace(device(engine=0.5), id="GPU-b", uuid="GPU-b")
    unknown = replace(device(), id="GPU-c", uuid="GPU-c")
    who = {name: Who() for name in ("GPU-a", "GPU-b", "GPU-c")}

    def mean(*devices: Device) -> float | None:
        return compose(Look(at=1.0, devices=devices), who=who, judged=Judged(), rates=Rates()).engine

    assert mean(device(engine=1.0), other, unknown) == 0.75
    assert mean(unknown) is None
