"""The arithmetic of the queue, for any jobs on any machine."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from windlass.engines.local.queue import Capacity, Holding, Waiting, decide, free

capacities = st.builds(
    Capacity,
    cpus=st.integers(min_value=1, max_value=8),
    gpus=st.integers(min_value=0, max_value=4).map(lambda count: tuple(str(number) for number in range(count))),
)
jobs = st.lists(
    st.builds(
        Waiting,
        job_id=st.uuids().map(str),
        name=st.text(max_size=5),
        created_at=st.floats(min_value=0, max_value=100),
        world_size=st.integers(min_value=1, max_value=12),
        gpus=st.integers(min_value=0, max_value=5),
    ),
    max_size=12,
    unique_by=lambda job: job.job_id,
)


@given(capacity=capacities, waiting=jobs)
def test_nothing_is_ever_given_out_twice_and_everybody_gets_a_turn_in_order(
    capacity: Capacity, waiting: list[Waiting]
) -> None:
    """Run the queue dry: each round the job that has run longest ends."""
    possible = [job for job in waiting if job.gpus <= len(capacity.gpus)]
    order = [job.job_id for job in sorted(possible, key=lambda job: (job.created_at, job.job_id))]
    started: list[str] = []
    holding: list[Holding] = []
    remaining = {job.job_id: job for job in waiting}
    for _ in range(len(waiting) + 1):
        decision = decide(capacity=capacity, waiting=remaining.values(), holding=holding)
        for start in decision.starts:
            job = remaining.pop(start.job_id)
            assert len(start.gpus) == job.gpus
            holding.append(Holding(name=job.name, cpus=start.cpus, gpus=start.gpus))
            started.append(start.job_id)
        assert sum(held.cpus for held in holding) <= capacity.cpus
        given_out = [gpu for held in holding for gpu in held.gpus]
        assert len(given_out) == len(set(given_out))
        assert set(given_out) <= set(capacity.gpus)
        assert [place.position for place in decision.places] == list(range(1, len(remaining) + 1))
        assert {place.job_id for place in decision.places} == remaining.keys()
        if holding:
            holding.pop(0)
    assert started == order


@given(capacity=capacities, waiting=jobs)
def test_deciding_again_starts_nothing_more(capacity: Capacity, waiting: list[Waiting]) -> None:
    first = decide(capacity=capacity, waiting=waiting, holding=[])
    started = {start.job_id for start in first.starts}
    holding = [Holding(name="", cpus=start.cpus, gpus=start.gpus) for start in first.starts]
    rest = [job for job in waiting if job.job_id not in started]
    assert decide(capacity=capacity, waiting=rest, holding=holding).starts == ()


def waiting(job_id: str, **fields: object) -> Waiting:
    base = Waiting(job_id=job_id, name=job_id, created_at=float(len(job_id)), world_size=1)
    return replace(base, **fields)  # type: ignore[arg-type]  # a table of cases


def reasons(capacity: Capacity, holding: list[Holding], *jobs: Waiting) -> list[str]:
    return [place.reason for place in decide(capacity=capacity, waiting=jobs, holding=holding).places]


def test_a_waiting_job_is_told_what_it_waits_for_and_who_has_it() -> None:
    machine = Capacity(cpus=2, gpus=("0",))
    train = Holding(name="train resnet", cpus=2)
    assert reasons(machine, [train], waiting("a", world_size=2), waiting("bb", world_size=64)) == [
        "first in the queue: waits for 2 CPUs, held by 'train resnet'",
        "second in the queue: waits for 2 CPUs, held by 'train resnet'",
    ]
    assert reasons(machine, [Holding(name="x", cpus=1, gpus=("0",))], waiting("a", gpus=1)) == [
        "first in the queue: waits for 1 GPU, held by 'x'"
    ]
    many = [Holding(name=name, cpus=1) for name in "wxyz"]
    assert reasons(Capacity(cpus=4), many, waiting("a")) == [
        "first in the queue: waits for 1 CPU, held by 'w', 'x' and 2 other jobs"
    ]


def test_nobody_overtakes_also_when_it_would_fit() -> None:
    machine = Capacity(cpus=2)
    assert reasons(machine, [Holding(name="x", cpus=1)], waiting("big", world_size=2), waiting("small")) == [
        "first in the queue: waits for 2 CPUs, held by 'x'",
        "second in the queue: behind 'big'",
    ]


def test_a_job_whose_gpus_were_taken_out_of_the_machine_holds_up_no_one() -> None:
    decision = decide(capacity=Capacity(cpus=1), waiting=[waiting("a", gpus=2), waiting("bb")], holding=[])
    assert [start.job_id for start in decision.starts] == ["bb"]
    assert decision.places[0].reason == "first in the queue: it asks for 2 GPUs and this machine has 0"


def test_places_far_back_are_counted_in_figures() -> None:
    jobs = [waiting(f"{number:03}", created_at=float(number)) for number in range(1, 123)]
    told = reasons(Capacity(cpus=1), [Holding(name="x", cpus=1)], *jobs)
    assert [told[number - 1].split(" ")[0] for number in (1, 10, 11, 21, 102, 111, 112, 122)] == [
        "first", "tenth", "11th", "21st", "102nd", "111th", "112th", "122nd",
    ]  # fmt: skip


def test_what_is_free_is_never_less_than_nothing() -> None:
    assert free(Capacity(cpus=1, gpus=("0",)), [Holding(name="x", cpus=4, gpus=("0", "7"))]) == (0, 0)
