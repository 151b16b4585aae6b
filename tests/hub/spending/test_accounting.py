"""What pods took is kept by day: once, whole, whatever comes between; and what is not known stays so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.costs.books import A100, DAY
from tests.hub.spending.ledgers import MIDNIGHT, PRICES, Ledger, answer, ended, engine, holder, hours

from windlass.costs.arithmetic import cost
from windlass.costs.reading import parse_book
from windlass_hub.spending.amounts import NANO, days_of
from windlass_hub.spending.idleness import next_window
from windlass_hub.spending.prices import PriceVersion, book_of, prices_text

TODAY = int(MIDNIGHT // DAY)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(folder=tmp_path)
    yield made
    made.close()


async def usd_of(ledger: Ledger) -> dict[tuple[str, int], float | None]:
    return {(uid, day - TODAY): None if usd is None else usd / NANO for uid, day, usd, _, _ in await ledger.amounts()}


async def test_what_runs_costs_more_as_it_runs_and_looking_twice_adds_nothing(ledger: Ledger) -> None:
    for at, expected in ((hours(1), 30), (hours(1), 30), (hours(2.5), 75)):
        await ledger.look(holder(), at=at)
        assert await usd_of(ledger) == {("u1", 0): expected}
    assert await ledger.counters() == {
        ("ann", "training"): {"usd": 75 * NANO, "idle_usd": 0, "gpu_hours": int(2.5 * NANO), "unknown": 0}
    }


async def test_a_pod_that_runs_over_midnight_is_split_at_it(ledger: Ledger) -> None:
    pod = holder(since=hours(22))
    await ledger.look(pod, at=hours(23))
    await ledger.look(pod, at=hours(27))
    await ledger.look(ended(pod, hours(26)), at=hours(28))
    assert await usd_of(ledger) == {("u1", 0): 60, ("u1", 1): 60}


async def test_a_restart_in_the_middle_counts_nothing_twice_and_leaves_nothing_out(ledger: Ledger) -> None:
    await ledger.look(holder(), at=hours(1))
    ledger.restart()
    await ledger.look(holder(), at=hours(5))
    ledger.restart()
    await ledger.look(ended(holder(), hours(6)), at=hours(30))
    ledger.restart()
    await ledger.look(ended(holder(), hours(6)), at=hours(31))
    assert await usd_of(ledger) == {("u1", 0): 180}
    assert (await ledger.counters())["ann", "training"]["usd"] == 180 * NANO


async def test_a_pod_that_went_while_nobody_looked_is_known_until_it_was_seen_last(ledger: Ledger) -> None:
    await ledger.look(holder(), at=hours(2))
    ledger.restart()
    await ledger.look(at=hours(9))
    [(_, _, usd, _, note)] = await ledger.amounts()
    assert usd == 60 * NANO
    assert "It is not known when pod-u1 ended, after 2026-09-21T02:00:00+00:00" in note
    assert (await ledger.counters())["ann", "training"]["unknown"] == 1


async def test_while_the_cluster_is_away_nothing_is_taken_for_gone(ledger: Ledger) -> None:
    await ledger.look(holder(), at=hours(1))
    ledger.pods.problem = "The cluster's pods cannot be read now."
    await ledger.look(at=hours(2))
    ledger.pods.problem = None
    await ledger.look(holder(), at=hours(3))
    assert await usd_of(ledger) == {("u1", 0): 90}


async def test_what_has_no_price_is_unknown_and_its_hours_are_known(ledger: Ledger) -> None:
    pod = holder(product="H900")
    await ledger.look(pod, at=hours(1))
    await ledger.look(ended(pod, hours(2)), at=hours(3))
    [(_, _, usd, gpu_hours, note)] = await ledger.amounts()
    assert (usd, gpu_hours) == (None, 2 * NANO)
    assert "no price for H900" in note
    assert (await ledger.counters())["ann", "training"] == {
        "usd": 0, "idle_usd": 0, "gpu_hours": 2 * NANO, "unknown": 1
    }  # fmt: skip


async def test_the_pods_of_one_job_are_one_unknown_job(ledger: Ledger) -> None:
    pods = [ended(holder(f"u{rank}", product="H900"), hours(1)) for rank in range(3)]
    await ledger.look(*pods[:2], at=hours(2))
    await ledger.look(*pods, at=hours(3))
    assert (await ledger.counters())["ann", "training"]["unknown"] == 1


async def test_a_price_holds_from_the_moment_on_at_which_it_changed(ledger: Ledger) -> None:
    await ledger.look(holder(), at=hours(1))
    ledger.prices = parse_book(f"version: 1\nprices:\n- {{gpu: {A100}, usd_per_hour: 10}}\n", name="new")
    await ledger.look(holder(), at=hours(2))
    ledger.restart()
    await ledger.look(ended(holder(), hours(5)), at=hours(6))
    assert await usd_of(ledger) == {("u1", 0): 2 * 30 + 3 * 10}


async def test_prices_with_dates_change_at_their_own_moment(ledger: Ledger) -> None:
    ledger.prices = parse_book(
        f"version: 1\nprices:\n- {{gpu: {A100}, usd_per_hour: 30, valid_until: 2026-09-21}}\n"
        f"- {{gpu: {A100}, usd_per_hour: 10, valid_from: 2026-09-22}}\n",
        name="dated",
    )
    await ledger.look(holder(), at=hours(20))
    await ledger.look(holder(), at=hours(30))
    assert await usd_of(ledger) == {("u1", 0): 24 * 30, ("u1", 1): 6 * 10}


async def test_a_catalogue_that_is_away_leaves_the_last_prices_in_force(ledger: Ledger) -> None:
    await ledger.look(holder(), at=hours(1))
    ledger.prices = None
    await ledger.look(holder(), at=hours(2))
    assert await usd_of(ledger) == {("u1", 0): 60}


async def test_what_is_known_of_a_pod_stays_known_when_its_node_has_gone(ledger: Ledger) -> None:
    await ledger.look(holder(instance_type="p4d"), at=hours(1))
    ledger.restart()
    gone = holder(product=None, capacity=None, gpus=1)
    await ledger.look(ended(gone, hours(2)), at=hours(3))
    assert await usd_of(ledger) == {("u1", 0): 60}


async def test_groups_are_those_that_the_hub_said_on_the_day(ledger: Ledger) -> None:
    ledger.groups = None
    await ledger.look(holder(), at=hours(1))
    ledger.groups = {"ann": ("training", "risk")}
    await ledger.look(holder(), at=hours(2))
    ledger.groups = {"ann": ("risk",)}
    await ledger.look(holder(), at=hours(3))
    await ledger.look(holder(), at=hours(25))
    counters = {groups: counter["usd"] / NANO for (_, groups), counter in (await ledger.counters()).items()}
    assert counters == {"": 30, "risk\ntraining": 23 * 30, "risk": 30}
    spent = await ledger.records.spent_since(TODAY)
    assert {group: found.usd / NANO for group, found in spent.groups.items()} == {"training": 720, "risk": 750}


async def test_counters_stay_when_rows_are_deleted(ledger: Ledger) -> None:
    await ledger.look(ended(holder(), hours(1)), at=hours(2))
    before = await ledger.counters()
    assert await ledger.records.prune(before_day=TODAY + 1) == 1
    assert await ledger.amounts() == []
    assert await ledger.counters() == before


async def test_two_replicas_that_write_at_once_count_once(tmp_path: Path) -> None:
    replicas = [Ledger(folder=tmp_path) for _ in range(3)]
    for replica in replicas:
        await replica.counters()  # The tables are made.
    for at in (1, 2, 3):
        await asyncio.gather(*(replica.look(holder(), at=hours(at)) for replica in replicas))
    assert await usd_of(replicas[0]) == {("u1", 0): 90}
    assert (await replicas[0].counters())["ann", "training"]["usd"] == 90 * NANO
    for replica in replicas:
        replica.close()


class TestIdle:
    async def test_what_was_held_and_not_used_costs_its_part(self, ledger: Ledger) -> None:
        await ledger.look(holder(), at=hours(1))
        window = next_window(hours(0), now=hours(1))
        assert window is not None
        await ledger.records.keep_idle([], since=None, until=hours(0))
        moments = [window.start + 60 * (step + 1) for step in range(55)]
        ledger.metrics = answer(
            window, engine([(at, 0.0 if at <= hours(0.5) else 0.9) for at in moments], pod="pod-u1")
        )
        ledger.now = hours(1)
        assert not await ledger.accountant.look_at_use()
        counter = (await ledger.counters())["ann", "training"]
        assert counter["idle_usd"] == pytest.approx(15 * NANO, rel=1e-6)

    async def test_a_time_is_asked_for_once_whoever_asks(self, ledger: Ledger) -> None:
        await ledger.look(holder(), at=hours(1))
        ledger.now = hours(1)
        await ledger.records.keep_idle([], since=None, until=hours(0))
        ledger.metrics = answer(next_window(hours(0), now=hours(1)), engine([(hours(0.5), 0.0)], pod="pod-u1"))  # type: ignore[arg-type]
        await ledger.accountant.look_at_use()
        before = await ledger.counters()
        ledger.restart()
        await ledger.accountant.look_at_use()
        assert len(ledger.asked) == 1
        assert await ledger.counters() == before
        assert not await ledger.records.keep_idle([], since=hours(0), until=hours(2))

    async def test_a_prometheus_that_is_away_is_asked_again(self, ledger: Ledger) -> None:
        await ledger.look(holder(), at=hours(1))
        ledger.now = hours(1)
        ledger.metrics = None
        assert not await ledger.accountant.look_at_use()
        assert await ledger.records.idle_until() is None

    async def test_a_gap_is_not_idle(self, ledger: Ledger) -> None:
        await ledger.look(holder(), at=hours(1))
        ledger.now = hours(1)
        window = next_window(None, now=hours(1))
        assert window is not None
        ledger.metrics = answer(window, engine([(window.end, None)], pod="pod-u1"))
        await ledger.accountant.look_at_use()
        assert (await ledger.counters())["ann", "training"]["idle_usd"] == 0


@settings(max_examples=60, deadline=None)
@given(since=st.floats(0, 3 * DAY), length=st.floats(0, 4 * DAY), gpus=st.integers(0, 8), cores=st.floats(0, 96))
def test_days_sum_to_the_whole(since: float, length: float, gpus: int, cores: float) -> None:
    held = holder(since=MIDNIGHT + since, gpus=gpus, cores=cores).held
    held = replace(held, until=MIDNIGHT + since + length, ended=True)
    book = book_of([PriceVersion(at=0.0, text=prices_text(PRICES, at=MIDNIGHT))])
    days = days_of(held, book, now=MIDNIGHT + 10 * DAY)
    whole = cost([held], book, now=MIDNIGHT + 10 * DAY)
    assert whole.usd is not None
    assert sum(day.usd or 0 for day in days) == pytest.approx(float(whole.usd) * NANO, abs=len(days))


@settings(max_examples=25, deadline=None)
@given(
    looks=st.lists(st.floats(0.01, 60), min_size=1, max_size=6),
    restarts=st.sets(st.integers(0, 5)),
    until=st.floats(0.01, 70),
)
def test_however_often_it_is_looked_at_and_restarted_the_sum_is_what_was_held(
    looks: list[float], restarts: set[int], until: float
) -> None:
    async def live() -> tuple[int, int]:
        with TemporaryDirectory() as folder:
            ledger = Ledger(folder=Path(folder))
            for number, at in enumerate(sorted(looks)):
                if number in restarts:
                    ledger.restart()
                if at < until:
                    await ledger.look(holder(), at=hours(at))
            await ledger.look(ended(holder(), hours(until)), at=hours(100))
            days = sum(usd or 0 for _, _, usd, _, _ in await ledger.amounts())
            counted = (await ledger.counters())["ann", "training"]["usd"]
            ledger.close()
            return days, counted

    days, counted = asyncio.run(live())
    assert days == pytest.approx(until * 30 * NANO, abs=4)
    assert counted == days
