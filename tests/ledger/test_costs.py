"""What jobs took: kept by day, summed up exactly, with the number of jobs that a sum lacks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ledger.test_jobs import row

from windlass.ledger.costs import By, CostSum, DayCost, Period
from windlass.ledger.jobs import JobChange, JobLedger

WHOLE = Period(owner="ann", first="2026-01-01", last="2026-12-31")


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[JobLedger]:
    ledger = JobLedger(path=tmp_path / "ledger.db")
    await ledger.open()
    yield ledger
    await ledger.close()


def day(date: str, usd: float | None, idle: float | None = 0.0, hours: float | None = 1.0) -> DayCost:
    return DayCost(day=date, usd=usd, idle_usd=idle, gpu_hours=hours, idle_gpu_hours=None if idle is None else 0.5)


async def filled(ledger: JobLedger) -> None:
    jobs = [row("j1", experiment="mnist"), row("j2", experiment="mnist"), row("j3", experiment="vit", run_id="r3")]
    days = [
        [day("2026-11-01", 1.1), day("2026-11-02", 2.2)],
        [day("2026-11-02", None, None, None)],
        [day("2026-11-02", 0.7, None), day("2026-11-03", 10.0)],
    ]
    for job, costs in zip(jobs, days, strict=True):
        await ledger.insert(job)
        await ledger.costs.put(job, costs)
    other = row("j4", owner="bob")
    await ledger.insert(other)
    await ledger.costs.put(other, [day("2026-11-02", 1000.0)])


def shown(found: list[CostSum]) -> list[tuple[object, ...]]:
    return [(each.key, each.usd, each.jobs, each.unknown_jobs, each.unknown_idle_jobs) for each in found]


async def test_sums_are_of_what_is_known_and_say_how_many_jobs_they_lack(ledger: JobLedger) -> None:
    await filled(ledger)
    assert shown(await ledger.costs.sums(WHOLE, by="experiment", limit=9)) == [
        ("vit", 10.7, 1, 0, 1),
        ("mnist", 3.3, 2, 1, 1),
    ]
    assert shown(await ledger.costs.sums(WHOLE, by="job", limit=9)) == [
        ("j3", 10.7, 1, 0, 1),
        ("j1", 3.3, 1, 0, 0),
        ("j2", None, 1, 1, 1),
    ]
    assert shown(await ledger.costs.sums(WHOLE, by="day", limit=9)) == [
        ("2026-11-03", 10.0, 1, 0, 0),
        ("2026-11-02", 2.9, 3, 1, 2),
        ("2026-11-01", 1.1, 1, 0, 0),
    ]
    assert shown(await ledger.costs.sums(WHOLE, by="user", limit=9)) == [("ann", 14.0, 3, 1, 2)]
    total = await ledger.costs.total(WHOLE)
    assert (total.usd, total.jobs, total.unknown_jobs, total.gpu_hours) == (14.0, 3, 1, 4.0)


async def test_only_the_days_asked_for_and_only_ones_own_count(ledger: JobLedger) -> None:
    await filled(ledger)
    one = Period(owner="ann", first="2026-11-02", last="2026-11-02")
    assert (await ledger.costs.total(one)).usd == 2.9
    assert (await ledger.costs.total(Period(owner="eve", first="2026-01-01", last="2026-12-31"))).usd is None


@pytest.mark.parametrize("by", ["job", "experiment", "day", "user"])
async def test_pages_make_up_the_whole_list(ledger: JobLedger, by: By) -> None:
    await filled(ledger)
    whole = await ledger.costs.sums(WHOLE, by=by, limit=9)
    pages: list[CostSum] = []
    while page := await ledger.costs.sums(WHOLE, by=by, limit=1, after=pages[-1].place if pages else None):
        pages += page
    assert pages == whole


async def test_what_is_counted_again_takes_the_place_of_what_was_counted(ledger: JobLedger) -> None:
    job = row("j1")
    await ledger.insert(job)
    await ledger.costs.put(job, [day("2026-11-01", 1.0), day("2026-11-02", 1.0)])
    await ledger.costs.put(job, [day("2026-11-01", 3.0)])
    assert (await ledger.costs.total(WHOLE)).usd == 3.0


async def test_money_that_was_spent_stays_when_its_job_is_deleted(ledger: JobLedger) -> None:
    await filled(ledger)
    await ledger.remove("j3")
    assert (await ledger.costs.total(WHOLE)).usd == 14.0


async def test_jobs_are_counted_once_they_hold_something_and_again_with_other_prices(ledger: JobLedger) -> None:
    for job_id, state in (("waits", "queued"), ("runs", "running"), ("over", "succeeded")):
        await ledger.insert(row(job_id, state=state, created_us=len(job_id)))

    async def uncounted() -> set[str]:
        return {job.id for job in await ledger.costs.uncounted(limit=9)}

    async def counted(**values: object) -> None:
        await ledger.apply([JobChange(job_id="over", values={"cost_final": True, "priced_by": "old", **values})])

    assert await uncounted() == {"runs", "over"}
    await counted(cost_note="no price")
    assert await uncounted() == {"runs"}
    await ledger.costs.count_again(lambda _start, _end: "old")
    assert await uncounted() == {"runs", "over"}, "what is not known may be known by now"
    await counted(cost_usd=0.0, gpu_hours=1.0)
    await ledger.costs.count_again(lambda _start, _end: "old")
    assert await uncounted() == {"runs", "over"}, "so may what was idle"
    await counted(cost_usd=0.0, gpu_hours=1.0, idle_fraction=0.5)
    await ledger.costs.count_again(lambda _start, _end: "old")
    assert await uncounted() == {"runs"}, "the prices of its time are those that it was counted by"
    await ledger.costs.count_again(lambda _start, _end: "new")
    assert await uncounted() == {"runs", "over"}


async def test_a_run_that_comes_later_is_noted(ledger: JobLedger) -> None:
    await filled(ledger)
    await ledger.costs.note_run("j1", run_id="r1")
    found = await ledger.costs.sums(WHOLE, by="job", limit=9)
    assert {each.key: each.run_id for each in found} == {"j1": "r1", "j2": None, "j3": "r3"}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(0, 10_000), min_size=1, max_size=12))
async def test_sums_do_not_drift(ledger: JobLedger, amounts: list[float]) -> None:
    job = row("j1")
    await ledger.insert_found([job])
    await ledger.costs.put(job, [day(f"2026-{month:02}-01", usd) for month, usd in enumerate(amounts, start=1)])
    total = (await ledger.costs.total(WHOLE)).usd
    assert total is not None
    assert round(total * 1e9) == sum(round(usd * 1e9) for usd in amounts)
