"""The ranks of one job beside each other: how far apart they are, and whether one stands out by far.

Pure arithmetic over figures by rank; those that are not known are left out, and counted as left out.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping

from windlass.contract.gpus import Spread

LEAST_RANKS = 3
"""Of two, each stands out from the other."""
LEAST_DISTANCE = 0.2
"""As a part of the whole scale: closer to the others than this no rank stands out."""
TIMES_THE_OTHERS = 2.0


def spread(values: Iterable[float | None]) -> Spread:
    """Least, mean and most of the values that are known."""
    known = [value for value in values if value is not None]
    if not known:
        return Spread()
    return Spread(least=min(known), mean=statistics.fmean(known), most=max(known), known=len(known))


def straggler(values: Mapping[int, float | None]) -> int | None:
    """The rank that stands out from all others, above or below; at most one does.

    It is at least `LEAST_DISTANCE` from the nearest of the others, and at least twice as far as they are from each
    other. Collectives make both directions tell: a rank that others wait for is the only busy one where waiting ranks
    sleep, and the only one that is not where they poll.

    Args:
        values: by rank, a fraction; None where it is not known.
    """
    known = {rank: value for rank, value in values.items() if value is not None}
    if len(known) < LEAST_RANKS:
        return None
    for rank, value in known.items():
        others = [other for its, other in known.items() if its != rank]
        least, most = min(others), max(others)
        distance = max(least - value, value - most)
        if distance >= max(LEAST_DISTANCE, TIMES_THE_OTHERS * (most - least)):
            return rank
    return None
