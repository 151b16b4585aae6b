"""One PromQL expression for many pods and many figures, and how it is narrowed to those pods.

The only text of a user's that gets into one is the name of a pod, and that is checked to be one: nothing in it needs
quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from windlass.errors import FieldError, InvalidRequest
from windlass.metrics.prometheus.fields import (
    GPU_FIELDS,
    POD_LABELS,
    SAMPLED_AT,
    SAMPLED_BY,
    SAMPLED_METRIC,
    SPELLINGS,
    PodFigure,
)

_DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
FIELD_LABEL = "windlass_field"
"""Bears a metric's name where PromQL drops it, or passes over it: `or` does not tell two apart by their names."""
_LEAST_RESOLUTION = 15
_POINTS_A_STEP = 20
_TOLD = ("__name__", *(label for labels in SPELLINGS.values() for label in labels if label != "resource"))


@dataclass(frozen=True, kw_only=True)
class Pods:
    """Pods of one asker: all of a namespace, or one of a namespace that is shared."""

    namespace: str
    pod: str | None = None

    def holds(self, *, namespace: str, pod: str) -> bool:
        """Whether that pod is one of these."""
        return namespace == self.namespace and self.pod in (None, pod)


def gpu_expression(names: Iterable[str], pods: Sequence[Pods], *, step_seconds: float | None = None) -> str:
    """The PromQL for these figures of all devices of these pods and no others: one query, however many there are.

    `metric_name` tells of which metric a series is. What two exporters tell of one device is one series.

    Args:
        names: of `GPU_FIELDS`.
        pods: at least one.
        step_seconds: for a span, what each point stands for: the mean over it. None: the last sample.
    """
    wanted = list(names)
    metrics = [metric for name in wanted if name != SAMPLED_AT for metric in GPU_FIELDS[name].metrics]
    parts = []
    for namespace, names_of_pods in _by_namespace(pods).items():
        for labels in POD_LABELS:
            matchers, by = _matchers(namespace, names_of_pods, labels), ", ".join((*_TOLD, *labels))
            if metrics:
                parts.append(_values(metrics, matchers, by, step_seconds))
            if SAMPLED_AT in wanted:
                parts.append(_sampled(matchers, by))
    return " or ".join(parts)


def pod_expression(figure: PodFigure, pods: Iterable[Pods], *, window_seconds: int, over_time: bool = False) -> str:
    """The PromQL for one figure of these pods and no others.

    The cluster's own exporters tell of other pods too; Prometheus honors their labels, or nothing works with them.

    Args:
        figure: of `POD_FIGURES`.
        pods: at least one.
        window_seconds: over how long a rate is taken.
        over_time: for a span, not a moment.
    """
    template = (over_time and figure.over_time) or figure.expression
    parts = (
        template % {"pods": _matchers(namespace, names, POD_LABELS[0]), "window": f"{window_seconds}s"}
        for namespace, names in _by_namespace(pods).items()
    )
    return " or ".join(f"({part})" for part in parts)


def metric_name(labels: Mapping[str, str]) -> str:
    """The metric that a series of an answer is of."""
    return labels.get(FIELD_LABEL) or labels.get("__name__", "")


def checked_name(name: str, *, field: str) -> str:
    """The name of a pod or namespace. Raises InvalidRequest for what can be none."""
    if not _DNS_NAME.fullmatch(name):
        message = f"{field} must be the name of one: small letters, digits, - and dots."
        raise InvalidRequest(message, fields=[FieldError(field=field, message=message)])
    return name


def _values(metrics: Sequence[str], matchers: str, by: str, step_seconds: float | None) -> str:
    selector = f'{{__name__=~"{"|".join(metrics)}", {matchers}}}'
    if step_seconds is None:
        return f"max by ({by}) ({selector})"
    step = max(1, round(step_seconds))
    resolution = max(_LEAST_RESOLUTION, step // _POINTS_A_STEP)
    if step <= resolution:
        return f"max by ({by}) ({selector})"
    # A function over time drops the name, and then all figures of a device are one series.
    named = f'label_replace({selector}, "{FIELD_LABEL}", "$1", "__name__", "(.+)")[{step}s:{resolution}s]'
    return f"max by ({by.replace('__name__', FIELD_LABEL, 1)}) (avg_over_time({named}))"


def _sampled(matchers: str, by: str) -> str:
    times = " or ".join(f"timestamp({metric}{{{matchers}}})" for metric in SAMPLED_BY)
    kept = by.removeprefix("__name__, ")
    return f'label_replace(max by ({kept}) ({times}), "{FIELD_LABEL}", "{SAMPLED_METRIC}", "", "")'


def _by_namespace(pods: Iterable[Pods]) -> dict[str, tuple[str, ...]]:
    """Names of pods by namespace; none: all of it."""
    found: dict[str, list[str | None]] = {}
    for each in pods:
        found.setdefault(each.namespace, []).append(each.pod)
    return {
        namespace: () if None in names else tuple(sorted({name for name in names if name is not None}))
        for namespace, names in found.items()
    }


def _matchers(namespace: str, names: Sequence[str], labels: Sequence[str]) -> str:
    in_namespace, in_pod, _container = labels
    told = f'{in_namespace}="{checked_name(namespace, field="namespace")}"'
    checked = [checked_name(name, field="pod") for name in names]
    if not checked:
        return f'{told}, {in_pod}!=""'
    if len(checked) == 1:
        return f'{told}, {in_pod}="{checked[0]}"'
    # A name has no other character that means something in an expression.
    alternatives = "|".join(name.replace(".", "\\\\.") for name in checked)
    return f'{told}, {in_pod}=~"{alternatives}"'
