"""What was spent over a time: at the prices of each moment, exactly, or not at all."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.costs.books import A100, BOOK, DAY, HOUR, T0, books, held, holders, moments

from windlass.costs.arithmetic import by_day, cost, idle, spent
from windlass.costs.book import Entry, PriceBook
from windlass.costs.holding import Held


def usd(item: Held, book: PriceBook = BOOK, **times: float) -> Decimal | None:
    return cost([item], book, **{"now": T0 + DAY, **times}).usd


class TestWhatIsPaid:
    def test_pays_each_thing_at_its_price_for_as_long_as_it_was_held(self) -> None:
        item = held(gpus=2, product=A100, cores=4, memory_gib=16, storage_gib=100, until=T0 + 2 * HOUR)
        assert usd(item) == 2 * (2 * 30 + 4 * Decimal("0.03") + 16 * Decimal("0.004") + 100 * Decimal("0.0001"))

    def test_a_pod_on_a_priced_node_pays_its_part_of_the_nodes_gpus(self) -> None:
        assert usd(held(instance_type="p4d.24xlarge", gpus=2, product=A100, cores=90, memory_gib=1000)) == 60

    def test_a_pod_without_gpus_on_a_priced_node_pays_the_larger_of_its_parts_of_cores_and_memory(self) -> None:
        assert usd(held(instance_type="m5.large", cores=0.5, memory_gib=4)) == Decimal("0.05")

    def test_a_mig_slice_has_its_own_price_or_its_sevenths_of_the_card(self) -> None:
        assert usd(held(gpus=2, product=f"{A100}-MIG-1g.5gb", mig_profile="1g.5gb")) == 8
        assert usd(held(gpus=1, product="A100-SXM4-40GB", mig_profile="2g.10gb")) == Decimal(60) / 7 // Decimal(
            "1e-15"
        ) * Decimal("1e-15")

    def test_a_share_of_a_time_sliced_card_pays_its_part_or_its_own_price(self) -> None:
        assert usd(held(gpus=1, product="Tesla-T4-SHARED", shares=4)) == Decimal("0.1")
        assert usd(held(gpus=1, product="Tesla T4", shares=2)) == Decimal("0.25")

    def test_spot_capacity_has_its_own_price_and_none_where_the_book_has_none(self) -> None:
        assert usd(held(gpus=1, product=A100, capacity="spot")) == 9
        found = cost([held(gpus=1, product="Tesla-T4", capacity="spot")], BOOK, now=T0 + DAY)
        assert found.usd is None
        assert found.notes == ("The price book has no price for Tesla-T4 on spot capacity at that time.",)

    def test_what_waits_for_a_place_holds_nothing(self) -> None:
        found = cost([held(since=None, until=None, gpus=8, product="nobody knows")], BOOK, now=T0 + DAY)
        assert (found.usd, found.gpu_hours) == (0, 0)

    def test_what_holds_on_costs_more_as_time_passes(self) -> None:
        item = held(gpus=1, product=A100, until=None)
        assert [usd(item, now=T0 + hours * HOUR) for hours in (1, 2)] == [30, 60]

    def test_a_price_that_changes_in_the_middle_counts_for_its_part_of_the_time(self) -> None:
        book = PriceBook(
            [
                Entry(kind="gpu", name=A100, usd_per_hour=Fraction(30), valid_until=T0 + HOUR / 2),
                Entry(kind="gpu", name=A100, usd_per_hour=Fraction(10), valid_from=T0 + HOUR / 2),
            ]
        )
        assert usd(held(gpus=1, product=A100), book) == 20

    def test_a_time_without_a_price_in_the_middle_makes_the_whole_unknown(self) -> None:
        book = PriceBook([Entry(kind="gpu", name=A100, usd_per_hour=Fraction(30), valid_until=T0 + HOUR / 2)])
        found = cost([held(gpus=1, product=A100)], book, now=T0 + DAY)
        assert found.usd is None
        assert found.gpu_hours == 1


class TestWhatIsNotKnown:
    def test_one_unknown_pod_makes_the_sum_unknown_and_says_why(self) -> None:
        known, unknown = held(gpus=1, product=A100), held(title="worker 1", gpus=1, product="H900")
        found = cost([known, unknown], BOOK, now=T0 + DAY)
        assert found.usd is None
        assert found.gpu_hours == 2
        assert found.notes == ("The price book has no price for H900 at that time.",)

    def test_an_end_that_nobody_saw_makes_hours_and_money_unknown(self) -> None:
        found = cost([held(gpus=1, product=A100, until=None, ended=True)], BOOK, now=T0 + DAY)
        assert (found.usd, found.gpu_hours) == (None, None)
        assert found.notes == ("It is not known when worker 0 ended.",)

    def test_an_unknown_capacity_is_unknown_unless_the_book_says_what_to_take_it_for(self) -> None:
        item, strict = held(gpus=1, product=A100, capacity=None), PriceBook(BOOK.own)
        assert usd(item, strict) is None
        found = cost([item], BOOK, now=T0 + DAY)
        assert found.usd == 30
        assert found.notes == ("It is not known on which capacity worker 0 ran: priced as on-demand.",)

    def test_an_unknown_capacity_does_not_matter_where_both_cost_the_same(self) -> None:
        same = [
            Entry(kind="gpu", name=A100, usd_per_hour=Fraction(3), capacity=capacity)
            for capacity in ("on-demand", "spot")
        ]  # type: ignore[misc]
        assert usd(held(gpus=1, product=A100, capacity=None), PriceBook(same)) == 3

    def test_a_machine_of_ones_own_is_not_free_and_has_no_clouds_price(self) -> None:
        listed = PriceBook([Entry(kind="cpu", name="core", usd_per_hour=Fraction(1), listed=True)])
        found = cost([held(cores=2, own_machine=True, node="laptop")], listed, now=T0 + DAY)
        assert found.usd is None
        assert "`- node: laptop`" in found.notes[0]

    @given(st.lists(holders(), max_size=3), books())
    def test_nothing_unknown_becomes_known_by_adding_more(self, items: list[Held], book: PriceBook) -> None:
        found = cost(items, book, now=T0)
        alone = [cost([item], book, now=T0).usd for item in items]
        assert (found.usd is None) == (None in alone)


class TestSplitting:
    @given(holders(), books(), moments, st.lists(moments, max_size=5))
    def test_the_parts_of_a_time_add_up_to_the_whole(
        self, item: Held, book: PriceBook, now: float, cuts: list[float]
    ) -> None:
        whole = spent(item, book, now=now)
        bounds = [None, *sorted(cuts), None]
        parts = [
            spent(item, book, now=now, start=left, end=right)
            for left, right in pairwise(bounds)
            if left is None or right is None or left < right
        ]
        known = [part.usd for part in parts if part.usd is not None]
        assert whole.usd == (sum(known, Fraction(0)) if len(known) == len(parts) else None)

    @given(st.lists(holders(known=True), max_size=4), books(whole=True), moments)
    def test_days_add_up_to_the_whole(self, items: list[Held], book: PriceBook, now: float) -> None:
        whole, days = cost(items, book, now=now), by_day(items, book, now=now)
        assert whole.usd is not None
        assert abs(whole.usd - sum((day.usd or 0 for _, day in days), Decimal(0))) < Decimal("1e-12")
        assert [day for day, _ in days] == sorted({day for day, _ in days})

    @given(holders(), books(), moments)
    def test_days_of_something_unknown_have_an_unknown_among_them(
        self, item: Held, book: PriceBook, now: float
    ) -> None:
        whole, days = cost([item], book, now=now), by_day([item], book, now=now)
        assert (whole.usd is None) == (None in [day.usd for _, day in days])

    def test_a_day_is_one_of_utc_wherever_clocks_are_set_to_winter(self) -> None:
        # 2026-10-25 has 25 hours in Berlin, and 24 in UTC.
        midnight = datetime(2026, 10, 25, tzinfo=timezone.utc).timestamp()
        item = held(gpus=1, product=A100, since=midnight - HOUR, until=midnight + 25 * HOUR)
        days = [(day, found.gpu_hours) for day, found in by_day([item], BOOK, now=midnight + 3 * DAY)]
        assert days == [(date(2026, 10, 24), 1), (date(2026, 10, 25), 24), (date(2026, 10, 26), 1)]


def test_idle_is_a_part_of_what_was_held_and_unknown_where_one_of_them_is() -> None:
    assert idle(Fraction(1, 4), Decimal(8)) == 2
    assert idle(0.1, Decimal(3)) == Decimal("0.3")
    assert idle(None, Decimal(8)) is None
    assert idle(0.5, None) is None
    assert idle(None, Decimal(0)) == 0
