"""The arithmetic of the queue: who may start, who waits, and why, in plain words.

Strictly first come, first served, by the time of submission: nobody overtakes, so nobody starves. The one exception
is a job that this machine could not run even if it were empty (its GPUs were taken away): it keeps its place, says
so, and holds up no one. Pure: no clock, no files, no processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What the machine has for jobs: CPU slots, and GPUs by id."""

    cpus: int
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A job that has not been started."""

    job_id: str
    name: str
    created_at: float
    world_size: int
    gpus: int = 0

    def cpus(self, capacity: Capacity) -> int:
        """CPU slots it takes: one for each process, and never more than there are, so that any job can run."""
        return min(self.world_size, capacity.cpus)


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A job that has been started and not yet ended, with what it holds."""

    name: str
    cpus: int
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Start:
    """A job to start now, with the GPUs it gets."""

    job_id: str
    cpus: int
    gpus: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A job's place in the queue, counted from 1."""

    job_id: str
    position: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do now."""

    starts: tuple[Start, ...]
    places: tuple[Place, ...]


def decide(*, capacity: Capacity, waiting: Iterable[Waiting], holding: Sequence[Holding]) -> Decision:
    """Who starts and who waits, given all that wait and all that hold something."""
    held = list(holding)
    starts: list[Start] = []
    places: list[Place] = []
    head: Waiting | None = None
    for job in sorted(waiting, key=lambda item: (item.created_at, item.job_id)):
        cpus = job.cpus(capacity)
        free_gpus = _free_gpus(capacity, held)
        if job.gpus > len(capacity.gpus):
            reason = f"it asks for {_count(job.gpus, 'GPU')} and this machine has {len(capacity.gpus)}"
            places.append(_place(job, len(places) + 1, reason))
            continue
        if head is None and cpus <= _free_cpus(capacity, held) and job.gpus <= len(free_gpus):
            granted = free_gpus[: job.gpus]
            starts.append(Start(job_id=job.job_id, cpus=cpus, gpus=granted))
            held.append(Holding(name=job.name, cpus=cpus, gpus=granted))
            continue
        places.append(_place(job, len(places) + 1, _why_waiting(job, capacity=capacity, held=held, head=head)))
        head = head or job
    return Decision(starts=tuple(starts), places=tuple(places))


def free(capacity: Capacity, holding: Sequence[Holding]) -> tuple[int, int]:
    """CPU slots and GPUs that nobody holds."""
    return max(0, _free_cpus(capacity, holding)), len(_free_gpus(capacity, holding))


def _free_cpus(capacity: Capacity, held: Sequence[Holding]) -> int:
    return capacity.cpus - sum(item.cpus for item in held)


def _free_gpus(capacity: Capacity, held: Sequence[Holding]) -> tuple[str, ...]:
    taken = {gpu for item in held for gpu in item.gpus}
    return tuple(gpu for gpu in capacity.gpus if gpu not in taken)


def _place(job: Waiting, position: int, reason: str) -> Place:
    return Place(job_id=job.job_id, position=position, reason=f"{_ordinal(position)} in the queue: {reason}")


def _why_waiting(job: Waiting, *, capacity: Capacity, held: Sequence[Holding], head: Waiting | None) -> str:
    cpus = job.cpus(capacity)
    short_of_cpus = cpus > _free_cpus(capacity, held)
    short_of_gpus = job.gpus > len(_free_gpus(capacity, held))
    needs = [_count(cpus, "CPU")] if short_of_cpus else []
    needs += [_count(job.gpus, "GPU")] if short_of_gpus else []
    if not needs:
        return f"behind '{head.name if head else ''}'"
    holders = [item.name for item in held if (short_of_cpus and item.cpus) or (short_of_gpus and item.gpus)]
    return f"waits for {' and '.join(needs)}, held by {_names(holders)}"


def _names(names: Sequence[str]) -> str:
    shown = [f"'{name}'" for name in names[:2]]
    if len(names) > 2:
        shown.append(_count(len(names) - 2, "other job"))
    return " and ".join(shown) if len(shown) < 3 else f"{shown[0]}, {shown[1]} and {shown[2]}"


def _ordinal(position: int) -> str:
    if position <= len(_ORDINALS):
        return _ORDINALS[position - 1]
    teens = 10 <= position % 100 <= 20
    return f"{position}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(position % 10, 'th')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
