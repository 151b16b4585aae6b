"""How a job stands, from its two witnesses: the cluster says what became of pods, ranks what became of code.

An end is believed to the cluster. Why it failed is believed to the rank that failed first, unless the cluster knows of
something that no rank can report: no memory, no time, a node taken away. Pure: asks nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace

from windlass.contract.hub import StartingNode
from windlass.engines.base import State
from windlass.engines.job_folder.failures import failure_words
from windlass.engines.job_folder.ranks import RankStatus, first_failure
from windlass.engines.job_folder.record import JobRecord
from windlass.engines.kubernetes.model import Kind, Observed, Phase
from windlass.engines.kubernetes.observing import queueing
from windlass.engines.kubernetes.observing.reasons import explain

_SAYS_LITTLE = re.compile(
    r".* (ended with exit code \d+|was ended by [A-Za-z0-9 ]+ \(exit code \d+\))(?P<after>, after \d+ restarts)?"
)
"""What the cluster says of a process that ended by itself: how, and never why."""


BY_ITS_RANKS = "The cluster no longer has this job. It is taken to have succeeded, as its ranks said last."


def stand(
    *,
    kind: Kind,
    seen: Observed,
    phase: Phase,
    ranks: Sequence[RankStatus],
    world_size: int,
    starting: Sequence[StartingNode] = (),
    position: int | None = None,
) -> JobRecord:
    """The job's record.

    Args:
        kind: of the job.
        seen: the cluster's side.
        phase: what the kind makes of it.
        ranks: what the ranks have said, of the present attempt.
        world_size: how many there are.
        starting: nodes that are being started.
        position: its place in its queue, from 1, where that is known.
    """
    record = JobRecord(
        state=phase.state,
        reason=phase.reason,
        kind=kind.name,
        restarts=phase.restarts,
        started_at=phase.started_at,
        ended_at=phase.ended_at,
        exit_code=phase.exit_code,
        progress=next((status.progress for status in ranks if status.rank == 0), None),
        notices=list(dict.fromkeys(filter(None, [queueing.notice(seen), *_said(ranks)]))),
    )
    if phase.state is State.FAILED:
        return _failed(record, ranks, world_size=world_size)
    if not phase.state.is_final:
        reason = explain(seen, phase, starting=starting, position=position)
        place = position if phase.state is State.QUEUED else None
        return replace(record, reason=reason or phase.reason, queue_position=place)
    return record


def stopped(record: JobRecord, *, reason: str, at: float) -> JobRecord:
    """The record of a job that was stopped on purpose. One that had succeeded before that stays so."""
    if record.state is State.SUCCEEDED:
        return record
    return replace(
        record, state=State.STOPPED, reason=reason, error=None, exit_code=None, ended_at=record.ended_at or at
    )


def unseen(record: JobRecord, ranks: Sequence[RankStatus], *, deciding: int, heard_at: float | None) -> JobRecord:
    """The record of a job that went without anybody seeing its end: what its ranks said of it last, or lost.

    Args:
        record: as it is lost; its reason says how.
        ranks: what the ranks have said.
        deciding: how many of them, from 0 on, have to have succeeded.
        heard_at: when the last line came, POSIX seconds; when a job ended of which nothing more is known is not known.
    """
    decided = [status for status in ranks if status.rank < deciding and status.phase == "succeeded"]
    if deciding and len(decided) == deciding and first_failure(ranks) is None:
        ended = [status.ended_at for status in decided if status.ended_at is not None]
        record = replace(record, state=State.SUCCEEDED, reason="", exit_code=0, ended_at=max(ended, default=heard_at))
        return record.with_notices(BY_ITS_RANKS)
    if heard_at is None:
        return replace(record, ended_at=None)
    moment = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(heard_at))
    words = f"its last line was printed at {moment}"
    return replace(record, ended_at=None, reason=f"{record.reason.rstrip('.')}; {words}")


def stale(record: JobRecord, *, seen_at: float) -> JobRecord:
    """The record of a job of which nothing was heard since `seen_at`, POSIX seconds: it says so."""
    moment = time.strftime("%H:%M UTC", time.gmtime(seen_at))
    words = f"the cluster does not answer; this is how it stood at {moment}"
    return replace(record, reason=f"{record.reason}; {words}" if record.reason else words)


def _said(ranks: Sequence[RankStatus]) -> list[str]:
    return [notice for status in ranks for notice in status.notices]


def _failed(record: JobRecord, ranks: Sequence[RankStatus], *, world_size: int) -> JobRecord:
    failure = first_failure(ranks)
    if failure is None:
        return record
    if failure.error is not None:
        record = replace(record, error=failure.error)
    little = _SAYS_LITTLE.fullmatch(record.reason)
    if record.reason and little is None:
        return record
    exit_code = failure.exit_code if failure.exit_code is not None else (record.exit_code or 1)
    words = failure_words(failure, world_size=world_size, exit_code=exit_code)
    after = (little["after"] or "") if little is not None else ""
    return replace(record, reason=words + after, exit_code=exit_code)
