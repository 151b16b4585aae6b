"""What a benchmark says: one JSON line per comparison, so that `run.py` can put them into one table."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence


def report(
    *,
    name: str,
    ours: Sequence[float],
    baseline: Sequence[float],
    baseline_name: str,
    unit: str,
    budget: str | None = None,
    kept: bool | None = None,
) -> None:
    """Print the medians of both sides and their ratio.

    Args:
        name: What was done.
        ours: Windlass's figures, one per round.
        baseline: The peer's figures, measured in the same run.
        baseline_name: Who that is.
        unit: Unit of the figures.
        budget: The promise of docs/performance.md, in words.
        kept: Whether this run kept it; None where there is no budget.
    """
    mine, theirs = statistics.median(ours), statistics.median(baseline)
    line = {
        "name": name,
        "ours": mine,
        "baseline": theirs,
        "baseline_name": baseline_name,
        "ratio": mine / theirs if theirs else None,
        "unit": unit,
        "rounds": len(ours),
        "budget": budget,
        "kept": kept,
    }
    print(json.dumps(line), flush=True)
