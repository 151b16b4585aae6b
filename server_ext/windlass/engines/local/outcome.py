"""How an attempt ended, and why, in words a person can act on.

Gathers the three witnesses - the ranks' own statuses, the launcher's report, the launcher's exit status - and decides
which rank failed first. Reads nothing itself.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from windlass.engines.job_folder.failures import failure_words
from windlass.engines.job_folder.ranks import RankStatus, first_failure
from windlass.engines.local.launcher_report import LauncherReport, WorkerEnd

_SIGNAL_WORDS = {
    signal.SIGSEGV: "it touched memory that is not its own (a crash in compiled code)",
    signal.SIGBUS: "it touched memory that is not there (often: /dev/shm is full; use fewer DataLoader workers)",
    signal.SIGABRT: "it aborted itself (a crash in compiled code)",
    signal.SIGILL: "it met an instruction this CPU does not have",
    signal.SIGFPE: "of an arithmetic error in compiled code",
    signal.SIGTERM: "something asked it to end",
    signal.SIGINT: "something interrupted it",
}


@dataclass(frozen=True, kw_only=True)
class Witnesses:
    """All that is known when an attempt has ended."""

    world_size: int
    returncode: int
    """The launcher's; negative: a signal. For a world of one, the rank's own."""
    statuses: Sequence[RankStatus]
    report: LauncherReport
    python: str
    ended_by_us: frozenset[int] = frozenset()
    """Ranks that the supervisor killed because they did not end after another had failed."""
    memory_kills: int | None = None
    """How many processes the kernel killed for want of memory meanwhile; None when that cannot be known."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How it ended. `exit_code` is that of the rank that failed first; 128 + n for signal n."""

    succeeded: bool
    reason: str
    exit_code: int | None
    error: dict[str, Any] | None = None
    notices: tuple[str, ...] = field(default=())


def judge(witnesses: Witnesses) -> Outcome:
    """Decide how the attempt ended."""
    notices = tuple(dict.fromkeys(notice for status in witnesses.statuses for notice in status.notices))
    if witnesses.returncode == 0:
        return Outcome(succeeded=True, reason="", exit_code=0, notices=notices)
    killed = _killed_rank(witnesses)
    if killed is not None:
        return _by_signal(witnesses, rank=killed.rank, number=-killed.exit_code, notices=notices)
    failure = first_failure(witnesses.statuses)
    if failure is not None:
        return _by_rank(witnesses, failure, notices=notices)
    return _by_launcher(witnesses, notices=notices)


def signal_name(number: int) -> str:
    """`SIGKILL` for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _killed_rank(witnesses: Witnesses) -> WorkerEnd | None:
    """The rank that died of a signal before any other failed, if one did.

    Others die of signals because of it: of torchrun's SIGTERM, or of the SIGKILL that ends those who do not heed that.
    """
    if witnesses.world_size == 1 and not witnesses.report.ends:
        return WorkerEnd(0, witnesses.returncode, is_root_cause=True) if witnesses.returncode < 0 else None
    said = {status.rank for status in witnesses.statuses if status.phase in ("failed", "succeeded", "killed")}
    candidates = [
        end
        for end in witnesses.report.ends
        if end.exit_code < 0 and end.rank not in witnesses.ended_by_us and end.rank not in said
    ]
    roots = [end for end in candidates if end.is_root_cause]
    others = [end for end in candidates if -end.exit_code not in (signal.SIGTERM, signal.SIGKILL)]
    killed = [end for end in candidates if -end.exit_code == signal.SIGKILL]
    return next(iter([*roots, *others, *killed]), None)


def _by_signal(witnesses: Witnesses, *, rank: int, number: int, notices: tuple[str, ...]) -> Outcome:
    who = f"rank {rank}" if witnesses.world_size > 1 else "the notebook's process"
    if number == signal.SIGKILL and witnesses.memory_kills:
        why = "out of memory: the kernel killed it; use smaller batches or fewer processes"
    elif number == signal.SIGKILL and witnesses.memory_kills is None:
        why = "perhaps out of memory"
    elif number == signal.SIGKILL:
        why = "something killed it; the kernel counts no lack of memory"
    else:
        why = _SIGNAL_WORDS.get(signal.Signals(number), "") if number in list(signal.Signals) else ""
    reason = f"{who} was ended by signal {number} ({signal_name(number)})" + (f": {why}" if why else "")
    error: dict[str, Any] = {
        "rank": rank,
        "cell": None,
        "line": None,
        "ename": signal_name(number),
        "evalue": reason,
        "traceback": [],
    }
    return Outcome(succeeded=False, reason=reason, exit_code=128 + number, error=error, notices=notices)


def _by_rank(witnesses: Witnesses, failure: RankStatus, *, notices: tuple[str, ...]) -> Outcome:
    exit_code = failure.exit_code if failure.exit_code is not None else max(witnesses.returncode, 1)
    reason = failure_words(failure, world_size=witnesses.world_size, exit_code=exit_code)
    return Outcome(succeeded=False, reason=reason, exit_code=exit_code, error=failure.error, notices=notices)


def _told_to_end(witnesses: Witnesses, first: WorkerEnd | None) -> RankStatus | None:
    """The rank that ended because somebody asked it to, when no other ended before it."""
    told = [status for status in witnesses.statuses if status.phase == "killed"]
    if first is not None:
        told = [status for status in told if status.rank == first.rank]
    return next(iter(told), None)


def _by_launcher(witnesses: Witnesses, *, notices: tuple[str, ...]) -> Outcome:
    """No rank has said why."""
    returncode = witnesses.returncode
    exit_code = returncode if returncode > 0 else 128 - returncode
    ends = [end for end in witnesses.report.ends if end.rank not in witnesses.ended_by_us]
    first = next((end for end in ends if end.is_root_cause), next(iter(ends), None))
    if not witnesses.statuses and witnesses.report.no_torch:
        reason = (
            f"the environment of {witnesses.python} has no torch: install PyTorch there, or choose another environment"
        )
    elif (told := _told_to_end(witnesses, first)) is not None:
        exit_code = told.exit_code if told.exit_code is not None else exit_code
        who = f"rank {told.rank}" if witnesses.world_size > 1 else "the notebook"
        reason = f"{who} was told to end (SIGTERM), and not by Windlass"
    elif first is not None:
        exit_code = first.exit_code if first.exit_code > 0 else 128 - first.exit_code
        reason = f"rank {first.rank} ended with exit code {exit_code} without a word; its log may say more"
    elif returncode < 0:
        reason = f"the launcher was ended by signal {-returncode} ({signal_name(-returncode)})"
    elif witnesses.world_size == 1:
        reason = f"the notebook's process ended with exit code {exit_code}; its log may say more"
    else:
        reason = f"torchrun ended with exit code {exit_code}; its log may say more"
    return Outcome(succeeded=False, reason=reason, exit_code=exit_code, notices=notices)
