"""The service's own figures as Prometheus reads them: money and jobs, from the database and the cluster.

Counters come from rows that only grow: a restart, another replica or rows that are deleted turn none of them back.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, select

from windlass.engines.kubernetes.observing.phases import phase
from windlass.kube.resources import PYTORCH_JOBS, TRAIN_JOBS
from windlass_hub.reconciler.seen_jobs import SeenJobs
from windlass_hub.spending.amounts import NANO
from windlass_hub.spending.budgets import Stand

from .job_durations import Durations, read_durations
from .spending_tables import SpendingCounterRow
from .state import ServiceState

PYTORCH_KINDS = (PYTORCH_JOBS.kind, TRAIN_JOBS.kind)
"""Kinds whose ranks PyTorch's launcher starts."""
_COUNTERS = (
    ("windlass_cost_usd", "usd", "USD that users' pods took, as far as it is known.", NANO),
    ("windlass_idle_cost_usd", "idle_usd", "Of it, for GPU time that was held and seen not to be used.", NANO),
    ("windlass_gpu_hours", "gpu_hours", "Hours of whole cards that users' pods held.", NANO),
    ("windlass_cost_unknown_jobs", "unknown", "Jobs and servers whose cost is not, or not wholly, known.", 1),
)


async def exposition(state: ServiceState) -> bytes:
    """All figures, in Prometheus' text format. Raises SpendingAway."""
    families: list[Metric] = []
    spending = state.spending
    if spending is not None:
        counters, durations = await spending.records.run(_read, writing=False)
        families += [*_money(counters), *_times(durations), _budgets(spending.budgeting.stands())]
    if state.reconciler is not None:
        families.append(_jobs(state.reconciler.jobs))
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Given(families))
    return bytes(generate_latest(registry))


class _Given(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def _read(connection: Connection) -> tuple[list[dict[str, Any]], dict[tuple[str, str], Durations]]:
    rows = connection.execute(select(SpendingCounterRow.__table__)).mappings()
    return [dict(row) for row in rows], read_durations(connection)


def _money(rows: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    rows = list(rows)
    for name, column, words, of in _COUNTERS:
        family = CounterMetricFamily(name, words, labels=("user", "group"))
        for row in rows:
            # A user of several groups is in one series, so that sums are right.
            family.add_metric((row["owner"], row["groups"].replace("\n", ",")), row[column] / of)
        yield family


def _times(durations: Mapping[tuple[str, str], Durations]) -> Iterator[Metric]:
    by_kind = HistogramMetricFamily(
        "windlass_job_duration_seconds", "How long jobs ran that have ended.", labels=("kind", "state")
    )
    pytorch: dict[str, Durations] = {}
    for (kind, state), found in sorted(durations.items()):
        by_kind.add_metric((kind, state), found.cumulative(), found.seconds)
        if kind in PYTORCH_KINDS:
            pytorch.setdefault(state, Durations()).add(found)
    yield by_kind
    family = HistogramMetricFamily(
        "pytorch_job_duration_seconds", "How long PyTorchJobs and TrainJobs ran that have ended.", labels=("state",)
    )
    for state, found in pytorch.items():
        family.add_metric((state,), found.cumulative(), found.seconds)
    yield family


def _budgets(stands: Iterable[Stand]) -> Metric:
    family = GaugeMetricFamily(
        "windlass_budget_used_ratio",
        "Which part of a budget is spent in its period; 1 for all of it.",
        labels=("scope", "name", "period"),
    )
    for stood in stands:
        family.add_metric((stood.owed.scope, stood.owed.name, stood.owed.rule.period), stood.used)
    return family


def _jobs(jobs: SeenJobs) -> Metric:
    family = GaugeMetricFamily(
        "windlass_jobs", "Jobs that the cluster has now, those that have ended too.", labels=("state", "kind")
    )
    there = [job for job in jobs.jobs() if job.observed.job is not None]
    tally = Tally((phase(job.observed).state.value, job.resource.kind) for job in there)
    for (state, kind), count in sorted(tally.items()):
        family.add_metric((state, kind), count)
    return family
