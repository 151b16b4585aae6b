"""Jobs that ran and of whose pods none, or too few, were ever seen: that their cost is unknown has to stand somewhere.

A row without amounts stands for what was not seen, on each day on which the job ran, so that sums and counters say that
they lack it. Pure.
"""

from __future__ import annotations

from collections.abc import Collection

from .amounts import LONGEST_NOTE, DayAmount, day_of
from .holders import UnseenJob
from .records import PodChange

LOOKED_BACK_SECONDS = 7 * 86_400.0
"""How long after it was recorded a job is looked at: rows of pods, which say that it is counted, are kept longer."""
MOST_DAYS = 366


def unseen_change(job: UnseenJob, *, groups: Collection[str] | None) -> PodChange:
    """What is to be kept of it.

    Args:
        job: the job.
        groups: of its user; None while nobody has said.
    """
    last = day_of(job.ended_at)
    first = min(last, max(day_of(job.began_at), last - MOST_DAYS + 1))
    note = (job.why or "Not all of its pods were seen.")[:LONGEST_NOTE]
    return PodChange(
        holder=job.holder(),
        seen_at=job.recorded_at,
        closed=True,
        days=tuple(DayAmount(day=day, usd=None, gpu_hours=None, note=note) for day in range(first, last + 1)),
        groups=None if groups is None else tuple(sorted(groups)),
    )
