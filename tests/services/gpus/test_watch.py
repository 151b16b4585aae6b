"""What a user is told: their own pods alone, alarms until they are over, whole snapshots only when it is no reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from windlass.errors import NotFound
from windlass.metrics.judging import Holding, Settings
from windlass.metrics.prometheus.devices import nothing_told_of
from windlass.metrics.reading import Device, DeviceSeries, Look, PodUse, Reading, SourceName
from windlass.metrics.sampler import Sampler
from windlass.services.gpus.feed import shape_of
from windlass.services.gpus.holdings import HeldPod, Holdings
from windlass.services.gpus.money import NoMoney, Rates
from windlass.services.gpus.owners import OwnerFinder
from windlass.services.gpus.snapshots import Judged, compose
from windlass.services.gpus.watch import JUDGED_IN_ALARM, GpuWatch, GpuWatchStandsOn, Judgement
from windlass.services.gpus.who import Who

PAUSE = Settings().alarm_seconds / JUDGED_IN_ALARM
HELD = {"GPU-a": Who(is_held=True)}


def device(**reading: Any) -> Device:
    now = Reading(**{"at": 1000.0, **reading})
    return Device(id="GPU-a", uuid="GPU-a", name="A100", index=0, source="nvml", reading=now)


def line(engine: float, *, until: float, pcie: float = 0.0) -> Sequence[DeviceSeries]:
    readings = [Reading(at=until - 899 + at, engine=engine, pcie_bytes_per_second=pcie) for at in range(900)]
    return [DeviceSeries(device_id="GPU-a", uuid="GPU-a", label="GPU 0", readings=readings, source="nvml")]


def test_an_alarm_that_was_dismissed_comes_back_after_the_device_was_used() -> None:
    judgement, at = Judgement(Settings()), 10_000.0

    def judged(engine: float) -> list[str]:
        nonlocal at
        at += PAUSE
        judgement.renew(Look(at=at, devices=(device(),)), who=HELD, recent=lambda: line(engine, until=at))
        return [alarm.id for alarm in judgement.shown().alarms]

    (alarm,) = judged(0.0)
    judgement.dismiss(alarm)
    assert judged(0.0) == []
    assert judged(0.9) == []
    assert judged(0.0) == [alarm]


def test_what_was_dismissed_is_not_told_again_when_the_device_goes_on_doing_little_in_another_way() -> None:
    judgement, at = Judgement(Settings()), 10_000.0

    def judged(engine: float, *, pcie: float = 0.0, job_id: str | None = None, looked: bool = True) -> list[str]:
        nonlocal at
        at += PAUSE
        who = {"GPU-a": Who(is_held=True, holding=Holding(job_id=job_id))}
        recent = line(engine, until=at, pcie=pcie) if looked else line(engine, until=at - 600)
        judgement.renew(Look(at=at, devices=(device(),)), who=who, recent=lambda: recent)
        return [alarm.id for alarm in judgement.shown().alarms]

    (alarm,) = judged(0.0)
    judgement.dismiss(alarm)
    assert judged(0.1, pcie=2e9) == [], "input-bound now, and as little used as before"
    assert judged(0.0) == []
    assert judged(0.0, looked=False) == []
    assert judged(0.0) == [], "a time in which nobody looked is none in which it was used"
    judgement.renew(Look(at=at + PAUSE), who={}, recent=list)
    at += PAUSE
    assert judged(0.0) == [], "nor is one in which the driver was away"
    assert judged(0.0, job_id="j2") == [alarm], "another job's waste is another matter"


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


class TwoUsersPods:
    """A source that tells of the pods of all who use this server, as a Prometheus does that is asked directly."""

    name: SourceName = "dcgm"
    interval_seconds = 1.0

    async def look(self) -> Look:
        silent = nothing_told_of(["ann-1", "bob-1"])
        devices = tuple(replace(device(engine=0.5), id=pod, uuid=pod, pod=pod, node="n") for pod in ("ann-0", "bob-0"))
        uses = tuple(PodUse(namespace="team", pod=pod, at=1.0, cpu_cores=1.0) for pod in ("ann-0", "bob-0"))
        return Look(at=1000.0, devices=devices, pods=uses, conditions=(silent,))

    async def history(self, *, start: float, end: float, step: float) -> Sequence[DeviceSeries]:
        return []

    async def close(self) -> None:
        """Nothing is held."""


class OfEach:
    """What each of two users' live jobs hold."""

    async def of(self, owner: str | None) -> Holdings:
        pods = {f"{owner}-{number}": HeldPod(job_id=f"job-{owner}", namespace="team") for number in (0, 1)}
        return Holdings(names={f"job-{owner}": "resnet"}, pods=pods)


async def test_of_one_server_each_user_sees_their_own_pods_and_no_name_of_anothers() -> None:
    watch = GpuWatch(
        GpuWatchStandsOn(
            sampler=Sampler([TwoUsersPods()]),
            owners=OwnerFinder(kernels=None),
            holdings=OfEach(),  # type: ignore[arg-type]  # in the place of ledger and engines
            money=NoMoney(),
            thresholds=Settings(),
        )
    )
    try:
        seen = await watch.snapshot(owner="ann")
        assert ([its.id for its in seen.devices], [use.pod for use in seen.pods]) == (["ann-0"], ["ann-0"])
        assert "GPUs of ann-1:" in seen.conditions[0].message
        assert "bob" not in seen.model_dump_json()
        nobody = await watch.snapshot(owner="eve")
        assert (nobody.devices, nobody.pods, nobody.conditions) == ([], [], [])
    finally:
        await watch.close()
