"""Jobs of whose pods none, or too few, were seen are unknown costs: in counters, sums and budgets, once each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.hub.postgresql import PASSWORD, Server
from tests.hub.spending.ledgers import MIDNIGHT, Ledger, ended, holder, hours

from windlass_hub.reconciler.records import JobRecord
from windlass_hub.service.job_records import JobRecords
from windlass_hub.service.spending_reports import cost_rows
from windlass_hub.spending.amounts import day_of
from windlass_hub.spending.holders import UnseenJob
from windlass_hub.spending.unseen import LOOKED_BACK_SECONDS, MOST_DAYS, unseen_change

TODAY = day_of(MIDNIGHT)
WHY = "The job ran, and none of its pods was seen."
JOB = JobRecord(
    uid="object-1", job_id="j1", owner="ann", namespace="wl-ann", name="train-j1", kind="PyTorchJob", state="succeeded",
    cause="completed", reason="", created_at=hours(1), started_at=hours(2), ended_at=hours(26), recorded_at=hours(27),
    cost_note=WHY, unseen_of=2,
)  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(folder=tmp_path)
    yield made
    made.close()


async def unknown(ledger: Ledger) -> int:
    return sum(counter["unknown"] for counter in (await ledger.counters()).values())


async def test_a_job_without_pods_is_unknown_under_its_user_and_groups_once_and_over_restarts(ledger: Ledger) -> None:
    await JobRecords(ledger.database).add(JOB)
    await ledger.look(at=hours(28))
    ledger.restart()
    await ledger.look(at=hours(29))
    assert await ledger.counters() == {("ann", "training"): {"usd": 0, "idle_usd": 0, "gpu_hours": 0, "unknown": 1}}
    assert await ledger.amounts() == [
        ("object-1", TODAY, None, None, WHY),
        ("object-1", TODAY + 1, None, None, WHY),
    ]
    [row], total = await cost_rows(ledger.records, by="job", first=TODAY, last=TODAY, owner="ann")
    assert (row.job_id, row.label, row.usd, row.unknown_jobs, row.jobs) == ("j1", "train-j1", None, 1, 1)
    assert (total.usd, total.unknown_jobs) == (None, 1)
    spent = await ledger.records.spent_since(TODAY)
    assert (spent.users["ann"].unknown, spent.groups["training"].unknown) == (1, 1)


async def test_with_some_of_its_pods_seen_the_sum_has_those_and_says_that_it_lacks_the_rest(ledger: Ledger) -> None:
    await ledger.look(ended(holder("u1"), hours(3)), at=hours(4))
    await JobRecords(ledger.database).add(JOB)
    await ledger.look(at=hours(28))
    _, total = await cost_rows(ledger.records, by="user", first=TODAY, last=TODAY + 1, owner="ann")
    assert (total.usd, total.jobs, total.unknown_jobs) == (90, 1, 1)
    assert await unknown(ledger) == 1


async def test_whose_pods_were_all_counted_before_a_restart_is_known(ledger: Ledger) -> None:
    await ledger.look(ended(holder("u1"), hours(3)), ended(holder("u2"), hours(3)), at=hours(4))
    await JobRecords(ledger.database).add(JOB)
    await ledger.look(at=hours(28))
    _, total = await cost_rows(ledger.records, by="user", first=TODAY, last=TODAY + 1, owner="ann")
    assert (total.usd, total.unknown_jobs) == (180, 0)
    assert await unknown(ledger) == 0


@pytest.mark.parametrize(
    "job",
    [replace(JOB, unseen_of=0), replace(JOB, recorded_at=hours(28) - LOOKED_BACK_SECONDS - 1)],
    ids=["seen", "old"],
)
async def test_what_was_seen_or_is_long_ago_is_not_counted(ledger: Ledger, job: JobRecord) -> None:
    await JobRecords(ledger.database).add(job)
    await ledger.look(at=hours(28))
    assert await ledger.amounts() == []


async def test_a_job_that_ended_long_before_it_was_found_is_counted_once_though_its_days_are_deleted(
    ledger: Ledger,
) -> None:
    await JobRecords(ledger.database).add(replace(JOB, recorded_at=hours(24 * 60)))
    for hour in (24 * 60 + 1, 24 * 66):
        await ledger.look(at=hours(hour))
        await ledger.records.prune(before_day=day_of(hours(hour)) - 7)
    assert await ledger.amounts() == []
    assert await unknown(ledger) == 1


async def test_while_the_cluster_is_away_it_is_not_known_yet_which_pods_are_missing(ledger: Ledger) -> None:
    await JobRecords(ledger.database).add(JOB)
    ledger.pods.problem = "The cluster's pods cannot be read now."
    await ledger.look(at=hours(28))
    assert await unknown(ledger) == 0


async def test_in_postgresql_too(postgresql_server: Server, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    ledger = Ledger(folder=tmp_path, url=postgresql_server.new_database(), password_file=str(tmp_path / "password"))
    await JobRecords(ledger.database).add(JOB)
    for at in (28, 29):
        await ledger.look(at=hours(at))
    assert await unknown(ledger) == 1
    ledger.close()


def test_a_job_of_years_or_with_odd_times_makes_a_bounded_number_of_days() -> None:
    job = UnseenJob(
        uid="u", owner="ann", namespace="wl-ann", job_id="j", name="n", began_at=0.0, ended_at=MIDNIGHT,
        recorded_at=MIDNIGHT, least=1, why="",
    )  # fmt: skip
    assert len(unseen_change(job, groups=None).days) == MOST_DAYS
    assert len(unseen_change(replace(job, began_at=MIDNIGHT + 1), groups=None).days) == 1
