"""How long pods' GPUs were held and not used, as Prometheus saw them. Pure: an answer in, seconds of devices out.

What no figure tells is not idle: a gap, figures that are old, a share of a card of which nobody knows whose use it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from windlass.contract.hub import Metrics
from windlass.metrics.prometheus.fields import SAMPLED_AT
from windlass.metrics.prometheus.figures import STALE_SECONDS, by_place, shared_places

from .amounts import DAY_SECONDS

FIGURES = (SAMPLED_AT, "gpu_engine_active", "gpu_utilization")
THRESHOLD = 0.05
"""A GPU whose engine was active for less of the time is idle."""
STEP_SECONDS = 60
SCRAPED_SECONDS = 90
"""How long what happens may take to be in Prometheus."""
GRID_SECONDS = 300
LONGEST_WINDOW_SECONDS = 3600
FARTHEST_SECONDS = DAY_SECONDS
"""What nobody asked for a day is not asked any more: it stays unknown."""


@dataclass(kw_only=True)
class DeviceSeconds:
    """Of one pod, over all its devices."""

    known: float = 0.0
    idle: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Window:
    """A time that is asked for: POSIX seconds, within one day."""

    start: float
    end: float


def next_window(since: float | None, *, now: float) -> Window | None:
    """The time to ask for after `since` (None: nobody asked yet); None while it is not over."""
    end = (now - SCRAPED_SECONDS) // GRID_SECONDS * GRID_SECONDS
    if since is None:
        return None if end < GRID_SECONDS else Window(start=end - GRID_SECONDS, end=end)
    start = max(since, end - FARTHEST_SECONDS)
    midnight = (start // DAY_SECONDS + 1) * DAY_SECONDS
    end = min(end, midnight, start + LONGEST_WINDOW_SECONDS)
    return Window(start=start, end=end) if end > start else None


def seconds_of(metrics: Metrics, *, shared_nodes: Collection[str] = ()) -> dict[tuple[str, str], DeviceSeconds]:
    """What is known of each pod's devices, by namespace and name.

    Args:
        metrics: `FIGURES` of a window in steps, each point the mean over the step before it.
        shared_nodes: nodes whose devices several pods share.
    """
    step = metrics.step_seconds or float(STEP_SECONDS)
    found = by_place(metrics)
    shared = shared_places(found, nodes=shared_nodes)
    seconds: dict[tuple[str, str], DeviceSeconds] = defaultdict(DeviceSeconds)
    for figures in found:
        if figures.place in shared:
            continue
        of_pod = seconds[figures.place.namespace, figures.place.pod]
        for moment in figures.moments:
            engine = figures.reading(moment).engine
            if engine is None or not figures.fresh(moment, stale_seconds=max(STALE_SECONDS, step)):
                continue
            of_pod.known += step
            of_pod.idle += step if engine < THRESHOLD else 0.0
    return dict(seconds)
