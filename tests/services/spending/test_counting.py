"""What a job took, from what it held and how it used that."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from tests.costs.books import A100, BOOK, DAY, HOUR, T0, held

from windlass.contract.gpus import UsageSummary
from windlass.costs.holding import Holding
from windlass.metrics.recorded.days import DayUse
from windlass.services.gpus.job_history import Measured
from windlass.services.spending.advising import out_of
from windlass.services.spending.counting import FORGOTTEN, Counted, count


def usage(*days: DayUse, covered: float = 1.0, idle: float | None = 0.25) -> Measured:
    return Measured(summary=UsageSummary(seconds=3600, covered=covered, idle_fraction=idle), days=days)


def day(number: int, idle: float | None, *, covered: float = 1.0) -> DayUse:
    """Of September 2026."""
    return DayUse(day=date(2026, 9, number), covered=covered, idle_fraction=idle)


def counted(holding: Holding | None, used: Measured | None = None, *, now: float = T0 + DAY) -> Counted:
    return count(holding, BOOK, used, began_at=T0, now=now)


GPU_JOB = Holding(held=(held(gpus=2, product=A100, cores=10, until=T0 + 2 * HOUR),))


def test_idle_money_is_the_idle_part_of_what_gpus_cost_and_not_of_cores() -> None:
    found = counted(GPU_JOB, usage())
    assert found.cost.usd == 120 + 20 * Fraction("0.03")
    assert (found.idle_usd, found.idle_gpu_hours, found.idle_fraction) == (30, 1, 0.25)
    assert found.notes == ()


@pytest.mark.parametrize("used", [None, usage(idle=None), usage(covered=0.6)])
def test_idle_is_not_known_without_readings_of_nearly_all_of_it(used: Measured | None) -> None:
    found = counted(GPU_JOB, used)
    assert (found.idle_usd, found.idle_fraction) == (None, None)
    assert "idle is not known" in (found.note or "")


def test_a_small_gap_in_the_readings_is_said() -> None:
    found = counted(GPU_JOB, usage(covered=0.95))
    assert found.idle_usd == 30
    assert found.notes == ("The idle share is of the 95 % that readings cover.",)


def test_a_job_without_gpus_wastes_none() -> None:
    found = counted(Holding(held=(held(cores=2),)))
    assert (found.idle_usd, found.idle_gpu_hours, found.idle_fraction, found.note) == (0, 0, None, None)


def test_days_of_the_ledger_add_up_to_the_job() -> None:
    found = counted(Holding(held=(held(gpus=1, product=A100, until=T0 + 2 * DAY),)), usage(), now=T0 + 5 * DAY)
    days = found.day_costs()
    assert [day.day for day in days] == ["2026-09-21", "2026-09-22", "2026-09-23"]
    assert sum(day.usd or 0 for day in days) == pytest.approx(float(found.cost.usd or 0))
    assert sum(day.idle_usd or 0 for day in days) == pytest.approx(float(found.idle_usd or 0))


THREE_DAYS = Holding(held=(held(gpus=1, product=A100, until=T0 + 2 * DAY),))


def test_each_day_has_the_idle_share_of_its_own_readings() -> None:
    found = counted(THREE_DAYS, usage(day(21, 1.0), day(22, 0.0), day(23, 0.5), idle=0.4), now=T0 + 5 * DAY)
    days = found.day_costs()
    hours = [each.gpu_hours or 0 for each in days]
    assert [each.idle_gpu_hours for each in days] == pytest.approx([hours[0], 0, hours[2] / 2])
    assert [each.idle_usd for each in days] == pytest.approx([(days[0].usd or 0), 0, (days[2].usd or 0) / 2])
    assert float(found.idle_usd or 0) == pytest.approx(sum(each.idle_usd or 0 for each in days))
    assert found.note is None


def test_a_day_with_too_few_readings_is_unknown_and_said_and_borrows_from_no_other_day() -> None:
    used = usage(day(21, 1.0), day(22, 0.0, covered=0.3), day(23, None, covered=0.0), idle=0.4)
    found = counted(THREE_DAYS, used, now=T0 + 5 * DAY)
    assert [each.idle_usd is None for each in found.day_costs()] == [False, True, True]
    assert found.note == ("How much of it was idle on 2026-09-22, 2026-09-23 is not known: there are too few readings.")
    assert found.idle_gpu_hours == Decimal("19.2"), "of the whole job as much is known as before"


def test_days_that_are_measured_well_keep_their_share_where_the_whole_has_none() -> None:
    used = usage(day(21, 0.5), day(22, 0.5, covered=0.8), covered=0.6)
    found = counted(THREE_DAYS, used, now=T0 + 5 * DAY)
    assert [each.idle_usd is None for each in found.day_costs()] == [False, True, True]
    assert (found.idle_usd, found.idle_fraction) == (None, None)


def test_where_no_day_is_known_the_share_of_the_job_stands_for_each_and_that_is_said() -> None:
    found = counted(THREE_DAYS, usage(), now=T0 + 5 * DAY)
    assert "spread evenly" in (found.note or "")


@pytest.mark.parametrize(("holding", "note"), [(None, FORGOTTEN), (Holding(held=(), missing="Unseen."), "Unseen.")])
def test_a_job_of_which_something_was_not_seen_is_unknown_on_its_first_day(holding: Holding | None, note: str) -> None:
    found = counted(holding, usage())
    assert (found.cost.usd, found.idle_usd, found.rate.usd_per_hour, found.note) == (None, None, None, note)
    assert [(each.day, each.cost.usd) for each in found.days] == [(date(2026, 9, 21), None)]


def test_the_rate_is_of_what_is_held_now() -> None:
    over = held(title="worker 0", gpus=1, product=A100, ended=True)
    holds = held(title="worker 1", gpus=2, product=A100, until=None)
    waits = held(title="worker 2", since=None, until=None, gpus=8)
    rate = counted(Holding(held=(over, holds, waits)), now=T0 + 2 * HOUR).rate
    assert (rate.usd_per_hour, rate.cards) == (60, 2)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"error": {"ename": "OutOfMemoryError", "evalue": "CUDA out of memory. Tried to allocate"}}, "gpu-memory"),
        ({"error": {"ename": "RuntimeError", "evalue": "CUDA error: out of memory"}}, "gpu-memory"),
        (
            {"reason": "master ran out of memory and was killed (OOMKilled); ask for more memory per worker"},
            "host-memory",
        ),
        ({"reason": "rank 0 was killed: out of memory: the kernel killed it; use smaller batches"}, "host-memory"),
        ({"reason": "rank 0 was killed; perhaps out of memory"}, None),
        ({"error": {"ename": "ValueError", "evalue": "memory"}}, None),
        ({}, None),
    ],
)
def test_of_what_a_job_ran_out_is_told_by_its_end(status: dict[str, object], expected: str | None) -> None:
    assert out_of(status) == expected
