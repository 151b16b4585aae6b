"""What smaller, or larger, thing would have held a job."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from tests.costs.books import A100, BOOK, T0, held

from windlass.contract.gpus import UsageSummary
from windlass.contract.hub import ProfileAvailability, ProfileGpu, UserProfile
from windlass.costs.book import PriceBook
from windlass.costs.choices import of_book, of_machine, of_profiles, of_room, price_of
from windlass.costs.estimating import estimate
from windlass.costs.holding import Held
from windlass.costs.reading import parse_book
from windlass.costs.rightsizing import Advice, Choice, Had, OutOf, advise

GIB = 2**30
LIST = parse_book(
    f"""
version: 1
prices:
- {{gpu: {A100}, usd_per_hour: 30}}
- {{mig: 2g.10gb, of: {A100}, usd_per_hour: 7.71}}
- {{mig: 3g.20gb, of: {A100}, usd_per_hour: 12.86}}
- {{gpu: Tesla-T4, usd_per_hour: 0.5}}
- {{gpu: H900, usd_per_hour: 0.1}}
- {{share: 1/4, of: NVIDIA-L4, usd_per_hour: 0.2}}
- {{cpu: core, usd_per_hour: 0.03}}
- {{memory: GiB, usd_per_hour: 0.004}}
""",
    name="book.yaml",
)
SLICES = PriceBook([entry for entry in LIST.own if "A100" in entry.name or entry.kind in ("cpu", "memory")])


def used(**changes: Any) -> UsageSummary:
    return UsageSummary(
        **{
            "seconds": 3600,
            "covered": 0.98,
            "engine_mean": 0.2,
            "engine_peak": 0.9,
            "memory_peak_bytes": 8 * GIB,
            "memory_total_bytes": 40 * GIB,
            "cpu_cores_mean": 2.0,
            "cpu_cores_peak": 4.0,
            "host_memory_peak_bytes": 10 * GIB,
            "devices": 1,
            **changes,
        }
    )


def had(item: Held | None = None, *, book: PriceBook = LIST, workers: int = 1) -> Had:
    item = item or held(gpus=1, product=A100, cores=8, memory_gib=64)
    found = estimate([item], book, at=T0).usd_per_hour
    return Had(held=item, workers=workers, usd_per_hour=None if found is None else Fraction(found))


def advice(
    usage: UsageSummary | None, item: Had | None = None, *, book: PriceBook = LIST, out_of: OutOf | None = None
) -> Advice:
    item = item or had(book=book)
    return advise(usage, item, of_book(item.held, book, at=T0), minutes=10, out_of=out_of)


def test_a_whole_a100_of_which_8_gb_are_used_becomes_a_2g_10gb_slice_and_saves_22_dollars() -> None:
    found = advice(used(), book=SLICES)
    assert found.verdict == "smaller"
    assert found.choice is not None
    assert found.choice.mig_profile == "2g.10gb"
    assert found.saves_usd_per_hour == Fraction("22.29")
    assert found.sentence == (
        f"It used 8 of 40 GB and 20 % of the GPU: a 2g.10gb slice of {A100} would do, and saves $22.29 an hour."
    )


def test_saving_counts_every_worker() -> None:
    assert advice(used(), had(book=SLICES, workers=4), book=SLICES).saves_usd_per_hour == 4 * Fraction("22.29")


def test_a_slice_that_the_load_would_not_fit_is_passed_over_and_said_why() -> None:
    found = advice(used(engine_mean=0.4), book=SLICES)
    assert found.choice is not None
    assert found.choice.mig_profile == "3g.20gb"
    assert any("kept 0.40 of a card busy" in reason for reason in found.why_not)


def test_memory_needs_a_margin() -> None:
    found = advice(used(memory_peak_bytes=9 * GIB), book=SLICES)
    assert found.choice is not None
    assert found.choice.mig_profile == "3g.20gb"


def test_a_smaller_card_that_is_cheaper_still_is_advised() -> None:
    found = advice(used(engine_mean=0.1))
    assert found.choice is not None
    assert (found.choice.product, found.choice.gpus) == ("Tesla-T4", 1)
    assert any(reason.startswith("1 × H900: its memory is not known") for reason in found.why_not)


def test_a_share_of_a_time_sliced_card_has_its_part_of_the_memory() -> None:
    found = advice(used(engine_mean=0.02, memory_peak_bytes=4 * GIB))
    assert found.choice is not None
    assert (found.choice.product, found.choice.shares) == ("NVIDIA-L4", 4)


def test_fewer_gpus_do_where_the_load_of_all_fits_on_them_and_never_a_slice() -> None:
    four = had(held(gpus=4, product=A100, cores=8, memory_gib=64), book=SLICES)
    found = advise(used(devices=4), four, of_book(four.held, SLICES, at=T0), minutes=10)
    assert found.choice is not None
    assert (found.choice.gpus, found.choice.mig_profile) == (1, None)
    busy = advise(used(engine_mean=0.6), four, of_book(four.held, SLICES, at=T0), minutes=10)
    assert busy.choice is not None
    assert busy.choice.gpus == 3


def test_what_is_used_well_fits() -> None:
    found = advice(used(engine_mean=0.9, memory_peak_bytes=35 * GIB))
    assert found.verdict == "fits"
    assert found.why_not


@pytest.mark.parametrize(
    ("usage", "says"),
    [
        (None, "Nothing was measured"),
        (used(seconds=300), "measured for 5 min: advice needs 10 min"),
        (used(covered=0.5), "Only 50 % of its time was measured"),
        (used(engine_mean=None), "not known how much of its GPUs"),
        (used(memory_peak_bytes=None), "not known how much of its GPUs"),
    ],
)
def test_there_is_no_advice_from_too_little_or_unknown_data(usage: UsageSummary | None, says: str) -> None:
    found = advice(usage)
    assert found.verdict == "unknown"
    assert says in found.sentence


def test_without_prices_only_a_part_of_the_same_card_is_less() -> None:
    found = advice(used(), book=PriceBook())
    assert found.choice is not None
    assert (found.choice.product, found.choice.mig_profile) == (A100, "2g.10gb")
    assert found.saves_usd_per_hour is None
    assert "$" not in found.sentence


def test_out_of_gpu_memory_gets_the_opposite_advice_even_of_a_short_run() -> None:
    small = had(held(gpus=1, product="Tesla-T4", cores=8, memory_gib=64))
    found = advise(None, small, of_book(small.held, LIST, at=T0), minutes=10, out_of="gpu-memory")
    assert found.verdict == "larger"
    assert found.choice is not None
    assert found.choice.product == A100
    assert found.saves_usd_per_hour == Fraction("-29.5")
    largest = advice(None, out_of="gpu-memory")
    assert "nothing larger is offered" in largest.sentence


def test_out_of_memory_is_told_how_much_to_ask_for() -> None:
    found = advice(used(host_memory_peak_bytes=64 * GIB), out_of="host-memory")
    assert (found.verdict, found.memory_gib) == ("larger", 96)


def test_out_of_memory_of_ones_own_machine_is_told_to_use_less_since_nobody_gives_it_more() -> None:
    own = had(held(cores=1, memory_gib=0, own_machine=True))
    found = advise(used(host_memory_peak_bytes=12 * GIB), own, [], minutes=10, out_of="host-memory")
    assert (found.verdict, found.memory_gib) == ("larger", None)
    assert found.sentence.startswith(
        "It ran out of this machine's memory when it used 12 GiB: make its batches smaller"
    )
    assert "when" not in advise(None, own, [], minutes=10, out_of="host-memory").sentence


def test_out_of_gpu_memory_on_one_machine_is_offered_nothing_that_is_not_there() -> None:
    own = held(gpus=2, product=A100, cores=2, own_machine=True)
    found = advise(None, had(own), of_machine(own, LIST, workers=1, at=T0), minutes=10, out_of="gpu-memory")
    assert (found.verdict, found.choice) == ("larger", None)
    assert "nothing larger is offered" in found.sentence


def test_what_never_touched_its_gpu_needs_none_with_or_without_prices() -> None:
    untouched = used(engine_mean=0.0, engine_peak=0.0, memory_peak_bytes=4 * 2**20)
    for book in (LIST, PriceBook()):
        found = advice(untouched, book=book)
        assert found.choice is not None
        assert (found.verdict, found.choice.title, found.choice.gpus) == ("smaller", "no GPU", 0)
        assert "less than 0.1 of 40 GB and 0 % of the GPU: no GPU would do" in found.sentence
    assert advice(untouched).saves_usd_per_hour == 30
    touched = advice(used(engine_mean=0.0, engine_peak=0.0))
    assert touched.choice is None or touched.choice.gpus
    assert not any(reason.startswith("no GPU") for reason in touched.why_not)


def test_one_machine_offers_fewer_cards_for_each_worker_and_no_slice_or_share() -> None:
    own = held(gpus=6, product=A100, cores=2, own_machine=True)
    offered = of_machine(own, LIST, workers=2, at=T0)
    assert [(choice.gpus, choice.mig_profile, choice.shares) for choice in offered] == [
        (0, None, None),
        (2, None, None),
        (4, None, None),
    ]
    assert of_machine(held(cores=2, own_machine=True), LIST, workers=1, at=T0) == []
    sliced = held(gpus=2, product=A100, mig_profile="1g.5gb", own_machine=True)
    assert [choice.title for choice in of_machine(sliced, LIST, workers=1, at=T0)] == [
        "no GPU",
        f"1 × 1g.5gb of {A100}",
    ]


def test_a_slice_is_offered_smaller_slices_only() -> None:
    big = held(gpus=1, product=A100, mig_profile="3g.20gb", cores=8, memory_gib=64)
    offered = [choice for choice in of_book(big, LIST, at=T0) if choice.product == A100]
    assert [choice.mig_profile for choice in offered] == ["1g.5gb", "2g.10gb"]


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"cores": 1, "memory_gib": 0}, "1 core"),
        ({"cores": 4, "memory_gib": 12}, "4 cores and 12 GiB of memory"),
        ({"cores": None, "memory_gib": 2}, "an unknown number of cores and 2 GiB of memory"),
        ({"cores": 0, "memory_gib": 0}, "what it is given by default"),
        ({"gpus": 2, "product": A100}, f"2 × {A100}"),
        ({"gpus": 1, "product": "Tesla-T4", "shares": 4}, "1 × 1/4 of Tesla-T4"),
    ],
)
def test_what_a_job_had_is_told_in_words_and_unknown_is_no_zero(changes: dict[str, Any], title: str) -> None:
    assert had(held(**changes)).title == title


def test_large_savings_can_be_read() -> None:
    book = parse_book(
        f"version: 1\nprices: [{{gpu: {A100}, usd_per_hour: 5000}}, {{mig: 2g.10gb, of: {A100}, usd_per_hour: 1000}}]",
        name="book.yaml",
    )
    item = had(held(gpus=1, product=A100), book=book)
    found = advise(used(), item, of_book(item.held, book, at=T0), minutes=10)
    assert "saves $4,000.00 an hour" in found.sentence


def test_what_held_no_gpu_is_told_how_many_cores_and_gib_would_do() -> None:
    item = had(held(cores=32, memory_gib=256))
    usage = used(engine_mean=None, memory_peak_bytes=None, memory_total_bytes=None, devices=0)
    room = of_room(item.held, LIST, cores=4.0, memory_bytes=10 * GIB, at=T0)
    assert room is not None
    found = advise(usage, item, [room], minutes=10)
    assert found.choice is not None
    assert (found.choice.cores, found.choice.memory_gib) == (5, 12)
    assert found.saves_usd_per_hour == 27 * Fraction("0.03") + 244 * Fraction("0.004")
    assert of_room(held(cores=4, memory_gib=12), LIST, cores=4.0, memory_bytes=10 * GIB, at=T0) is None


def test_the_profiles_of_a_hub_are_choices_with_their_own_prices() -> None:
    slice_gpu = ProfileGpu(product=A100, count=1, mode="mig", resource="nvidia.com/mig-2g.10gb", cards=2 / 7)
    share_gpu = ProfileGpu(product="Tesla-T4", count=1, mode="shared", resource="nvidia.com/gpu.shared", cards=0.25)
    profiles = [
        UserProfile(
            slug=slug,
            display_name=slug,
            cpu_cores=cores,
            memory_bytes=32 * GIB,
            gpu=gpu,
            usd_per_hour=price,
            availability=ProfileAvailability(impossible=impossible),
        )
        for slug, gpu, cores, price, impossible in [
            ("slice", slice_gpu, 8, 8.0, None),
            ("tiny", share_gpu, 8, 0.1, None),
            ("few-cores", slice_gpu, 2, 1.0, None),
            ("none", None, 8, 0.05, None),
            ("gone", slice_gpu, 8, 0.01, "no node has it"),
        ]
    ]
    found = advise(used(), had(), of_profiles(profiles), minutes=10)
    assert found.choice is not None
    assert (found.choice.profile, found.choice.mig_profile) == ("slice", "2g.10gb")
    assert len(found.why_not) == 3


def test_a_choice_on_a_priced_node_is_its_part_of_that_node() -> None:
    item = held(gpus=1, product=A100, instance_type="p4d.24xlarge", cores=8, memory_gib=64)
    half = Choice(title="half", gpus=1, product=A100, mig_profile="3g.20gb", cards=Fraction(3, 7))
    assert price_of(half, item, BOOK, at=T0) == pytest.approx(Fraction(240) * 3 / 56)


class TestEstimate:
    def test_says_on_demand_and_spot_and_the_time_limit(self) -> None:
        found = estimate([held(gpus=1, product=A100, capacity=None)] * 2, BOOK, at=T0, limit_seconds=1800)
        assert (found.usd_per_hour, found.spot_usd_per_hour, found.most_usd) == (60, 18, 30)
        assert "Priced as on-demand capacity." in found.notes

    def test_takes_a_likely_node_where_the_card_alone_has_no_price_and_says_so(self) -> None:
        book = parse_book(
            f"version: 1\nprices:\n- {{node: p4d, usd_per_hour: 80, gpus: 8, product: {A100}}}", name="book.yaml"
        )
        found = estimate([held(gpus=2, product=A100, cores=4, memory_gib=4)], book, at=T0)
        assert found.usd_per_hour == 20
        assert found.notes == ("The node is not known before it is placed: priced as a part of p4d.",)

    def test_is_unknown_with_a_sentence_where_a_price_is_missing(self) -> None:
        found = estimate([held(gpus=1, product="H900")], BOOK, at=T0, limit_seconds=60)
        assert (found.usd_per_hour, found.most_usd) == (None, None)
        assert found.notes == ("The price book has no price for H900 at that time.",)
