"""The service's own figures as Prometheus reads them: money and jobs, from the database and the cluster.

Counters come from rows that only grow: a restart, another replica or rows that are deleted turn none of them back.
There is one series for each user and one for each group, so that how many there are is the hub's affair: nothing that
a user writes makes another, nor does whoever joins and leaves groups. A user of several groups counts whole in each,
which is why groups have figures of their own name: users' sum to the whole, groups' do not.
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
    ("cost_usd", "usd", "USD that {whose} pods took, as far as it is known.", NANO),
    ("idle_cost_usd", "idle_usd", "USD of {whose} pods for GPU time that was held and seen not to be used.", NANO),
    ("gpu_hours", "gpu_hours", "Hours of whole cards that {whose} pods held.", NANO),
    ("cost_unknown_jobs", "unknown", "Ended jobs and servers, {whose}, whose cost is not, or not wholly, known.", 1),
)
_MEMBERS = "members'"
_OVERLAP = "Members of several groups count in each: groups do not sum to the whole. No group: whoever is in none."


async def exposition(state: ServiceState) -> bytes:
    """All figures, in Prometheus' text format. Raises SpendingAway."""
    families: list[Metric] = []
    spending = state.spending
    if spending is not None:
        counters, durations = await spending.records.run(_read, writing=False)
        families += [*_money(counters), *_times(durations), _budgets(spending.budgeting.stands())]
    if state.reconciler is not None and state.reconciler.jobs.problem is None:
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


def _money(rows: Sequence[Mapping[str, Any]]) -> Iterator[Metric]:
    for name, column, words, of in _COUNTERS:
        users: Tally[str] = Tally()
        groups: Tally[str] = Tally()
        for row in rows:
            users[row["owner"]] += row[column]
            for group in row["groups"].split("\n"):
                groups[group] += row[column]
        yield _counter(f"windlass_{name}", words.format(whose="a user's"), "user", users, of)
        yield _counter(f"windlass_group_{name}", f"{words.format(whose=_MEMBERS)} {_OVERLAP}", "group", groups, of)


def _counter(name: str, words: str, label: str, amounts: Mapping[str, int], of: int) -> Metric:
    family = CounterMetricFamily(name, words, labels=(label,))
    for who, amount in sorted(amounts.items()):
        family.add_metric((who,), amount / of)
    return family


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
