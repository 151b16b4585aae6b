"""The sentence that a failed rank's own word becomes, the same for every engine."""

from __future__ import annotations

from windlass.engines.job_folder.ranks import RankStatus

_LARGEST_EVALUE = 300


def failure_words(failure: RankStatus, *, world_size: int, exit_code: int) -> str:
    """Which rank failed, at which cell and line, and of what: `rank 3, cell 4, line 2: ValueError: …`."""
    where = [f"rank {failure.rank}"] if world_size > 1 else []
    error = failure.error
    if error is None:
        return " ".join([*(where or ["the notebook"]), f"ended with exit code {exit_code}"])
    if error["cell"] is not None:
        where.append(f"cell {error['cell'] + 1}")
    if error["line"] is not None:
        where.append(f"line {error['line']}")
    evalue = " ".join(error["evalue"].split())
    if len(evalue) > _LARGEST_EVALUE:
        evalue = evalue[:_LARGEST_EVALUE] + "…"
    what = f"{error['ename']}: {evalue}" if evalue else str(error["ename"])
    return f"{', '.join(where)}: {what}" if where else what
