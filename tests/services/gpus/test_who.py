"""Who holds and uses a device, by what is known: processes, pods, what a job was given."""

from __future__ import annotations

from typing import Any

from windlass.contract.gpus import GpuOwner
from windlass.metrics.reading import Device, Process
from windlass.services.gpus.holdings import HeldPod, Holdings
from windlass.services.gpus.who import Who, identify

JOBS = Holdings(
    names={"j1": "resnet", "j2": "bert"},
    worlds={"j1": 4, "j2": 1},
    cards={"1": "j2", "MIG-2222": "j2"},
    pods={
        "resnet-0": HeldPod(job_id="j1", ranks=(0, 1)),
        "resnet-1": HeldPod(job_id="j1", ranks=(2,)),
    },
)


def device(uuid: str, **more: Any) -> Device:
    return Device(**{"id": uuid, "uuid": uuid, "name": "A100", "source": "nvml", **more})


def process(pid: int, memory: int | None = None) -> Process:
    return Process(pid=pid, name="python", memory_bytes=memory)


def rank_of_j1(found: Process) -> GpuOwner:
    """Every process is of job j1, its rank its pid."""
    return GpuOwner(kind="job", label=f"resnet, rank {found.pid}", job_id="j1", rank=found.pid, pid=found.pid)


def of(*devices: Device, own_pod: str | None = None) -> dict[str, Who]:
    return identify(devices, holdings=JOBS, owner_of=rank_of_j1, own_pod=own_pod)


def test_what_was_given_to_a_job_is_held_before_any_process_is_on_it() -> None:
    who = of(device("GPU-a", index=0, processes=()), device("GPU-b", index=1, processes=()))
    assert (who["GPU-a"].is_held, who["GPU-a"].holding.job_id) == (False, None)
    assert (who["GPU-b"].is_held, who["GPU-b"].holding.job_id, who["GPU-b"].holding.rank) == (True, "j2", 0)
    assert who["GPU-b"].owners == ()


def test_a_slice_is_given_by_its_uuid_and_its_card_is_not_held_itself() -> None:
    card = device("GPU-b", index=1, processes=(process(3),))
    part = device("MIG-2222-x", kind="slice", parent_uuid="GPU-b", index=0, processes=(process(3),))
    who = of(card, part)
    assert who["MIG-2222-x"].holding.job_id == "j1", "a process counts before what was given"
    assert (who["GPU-b"].owners, who["GPU-b"].is_held) == ((), False)


def test_ranks_of_a_pod_are_in_the_order_of_its_devices_when_it_has_as_many() -> None:
    pods = {"source": "dcgm", "pod": "resnet-0", "node": "gpu-1"}
    who = of(device("GPU-y", index=5, **pods), device("GPU-x", index=2, **pods))
    assert {name: its.holding.rank for name, its in who.items()} == {"GPU-x": 0, "GPU-y": 1}
    assert all(its.is_held and its.owners_known for its in who.values())


def test_all_devices_of_a_pod_with_one_rank_are_that_ranks() -> None:
    pods = {"source": "dcgm", "pod": "resnet-1", "node": "gpu-1"}
    who = of(device("GPU-x", index=0, **pods), device("GPU-y", index=1, **pods))
    assert {its.holding.rank for its in who.values()} == {2}
    (owner,) = who["GPU-x"].owners
    assert (owner.label, owner.rank, owner.pod) == ("resnet, rank 2", 2, "resnet-1")


def test_a_pod_with_another_number_of_devices_than_ranks_leaves_ranks_unknown() -> None:
    pods = {"source": "dcgm", "pod": "resnet-0", "node": "gpu-1"}
    who = of(*(device(f"GPU-{place}", index=place, **pods) for place in range(3)))
    assert {its.holding.rank for its in who.values()} == {None}


def test_cards_of_other_machines_are_not_taken_for_those_given_here() -> None:
    who = of(device("GPU-z", index=1, node="gpu-7", source="dcgm", pod="somebody"))
    assert who["GPU-z"].holding.job_id is None
    assert [owner.kind for owner in who["GPU-z"].owners] == ["other"]


def test_what_a_server_in_a_pod_sees_it_holds() -> None:
    who = of(device("GPU-a", index=0, processes=None), own_pod="jupyter-ada")
    assert [(owner.kind, owner.pod) for owner in who["GPU-a"].owners] == [("server", "jupyter-ada")]
    assert who["GPU-a"].is_held


def test_nobody_is_said_only_where_processes_can_be_seen() -> None:
    who = of(device("GPU-a", index=0, processes=()), device("GPU-c", index=2, processes=None))
    assert (who["GPU-a"].owners_known, who["GPU-c"].owners_known) == (True, False)


def test_a_card_of_two_jobs_is_of_neither() -> None:
    def either(found: Process) -> GpuOwner:
        return GpuOwner(kind="job", label="x", job_id=f"j{found.pid}", rank=0, pid=found.pid)

    shared = device("GPU-a", index=0, processes=(process(1, 10), process(2, 20)))
    who = identify([shared], holdings=JOBS, owner_of=either, own_pod=None)["GPU-a"]
    assert (who.holding.job_id, who.is_held) == (None, True)
    assert len(who.owners) == 2
