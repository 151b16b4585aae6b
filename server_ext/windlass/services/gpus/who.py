"""Who holds and who uses each device: processes where they are seen, else the pod or the job it was given to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from windlass.contract.gpus import GpuOwner
from windlass.metrics.judging import Holding
from windlass.metrics.reading import Device, Process
from windlass.services.gpus.holdings import HeldPod, Holdings

OwnerOf = Callable[[Process], GpuOwner]
SERVER_POD_PREFIX = "jupyter-"
"""KubeSpawner's own beginning of the names of notebook servers' pods."""


@dataclass(frozen=True, kw_only=True)
class Who:
    """Of one device."""

    owners: tuple[GpuOwner, ...] = ()
    owners_known: bool = True
    holding: Holding = field(default_factory=Holding)
    """The job that holds it, if one does."""
    is_held: bool = False
    """By whomever: what nobody holds cannot be wasted."""


def identify(
    devices: Sequence[Device], *, holdings: Holdings, owner_of: OwnerOf, own_pod: str | None
) -> dict[str, Who]:
    """Who holds and uses each of the devices, by id.

    Args:
        devices: as they are now.
        holdings: what the user's live jobs hold.
        owner_of: a process as its owner.
        own_pod: the pod this server runs in, where it does: what it sees, it holds.
    """
    in_slices = {process.pid for device in devices if device.kind == "slice" for process in device.processes or ()}
    cut = {device.parent_uuid for device in devices if device.kind == "slice"}
    ranks = _ranks_by_place(devices, holdings)
    found = {}
    for device in devices:
        processes = device.processes
        if processes is not None and device.uuid in cut:
            processes = tuple(process for process in processes if process.pid not in in_slices)
        owners = _owners(device, processes, holdings, owner_of, own_pod)
        # Pods of a cluster are known by name; beside that nobody there can say which process it is.
        owners_known = processes is not None or device.pod is not None
        holding = _holding(device, owners, holdings, ranks)
        held = bool(owners) or holding.job_id is not None or device.pod is not None
        is_held = held and device.uuid not in cut
        found[device.id] = Who(owners=tuple(owners), owners_known=owners_known, holding=holding, is_held=is_held)
    return found


def _owners(
    device: Device,
    processes: Iterable[Process] | None,
    holdings: Holdings,
    owner_of: OwnerOf,
    own_pod: str | None,
) -> list[GpuOwner]:
    owners = [owner_of(process) for process in processes or ()]
    if owners:
        return sorted(owners, key=lambda owner: (-(owner.memory_bytes or 0), owner.pid or 0))
    pod = device.pod or (own_pod if device.source == "nvml" else None)
    if pod is None:
        return []
    held = holdings.pods.get(pod)
    if held is not None:
        name, rank = holdings.names[held.job_id], _only(held.ranks)
        label = name if rank is None else f"{name}, rank {rank}"
        return [GpuOwner(kind="job", label=label, job_id=held.job_id, rank=rank, pod=pod)]
    if pod == own_pod:
        return [GpuOwner(kind="server", label="this server", pod=pod)]
    return [GpuOwner(kind="server" if pod.startswith(SERVER_POD_PREFIX) else "other", label=pod, pod=pod)]


def _holding(device: Device, owners: Sequence[GpuOwner], holdings: Holdings, ranks: dict[str, int]) -> Holding:
    """The one job that holds a device: by its processes, else by its pod, else by what it was given."""
    jobs = {owner.job_id for owner in owners if owner.job_id is not None}
    if len(jobs) > 1:
        return Holding()
    given = holdings.pods.get(device.pod) if device.pod is not None else None
    job_id = next(iter(jobs), None) or (given.job_id if given else None) or holdings.of_card(device)
    if job_id is None:
        return Holding()
    seen = {owner.rank for owner in owners if owner.job_id == job_id and owner.rank is not None}
    rank = _only(tuple(seen)) if seen else ranks.get(device.id)
    if rank is None and holdings.worlds.get(job_id) == 1:
        rank = 0
    name, since = holdings.names.get(job_id, ""), holdings.since.get(job_id)
    return Holding(job_id=job_id, name=name, rank=rank, since=since)


def _ranks_by_place(devices: Iterable[Device], holdings: Holdings) -> dict[str, int]:
    """Ranks in pods that have as many as devices: a rank's device is in its place, as torchrun's local ranks."""
    places: dict[str, list[Device]] = defaultdict(list)
    for device in devices:
        if device.pod is not None and device.pod in holdings.pods:
            places[device.pod].append(device)
    found = {}
    for pod, held in places.items():
        ranks = holdings.pods.get(pod, HeldPod(job_id="")).ranks
        if len(ranks) == len(held):
            ordered = sorted(held, key=lambda device: (device.index is None, device.index or 0, device.id))
            found.update({device.id: rank for device, rank in zip(ordered, sorted(ranks), strict=True)})
    return found


def _only(ranks: Sequence[int]) -> int | None:
    return ranks[0] if len(ranks) == 1 else None
