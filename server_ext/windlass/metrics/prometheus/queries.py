"""One PromQL expression for many pods and many figures, and how it is narrowed to those pods.

The only text of a user's that gets into one is the name of a pod, and that is checked to be one and quoted besides.
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
_TOLD = ("__name__", *(label for labels in SPELLINGS.values() for label in labels if label not in ("node", "resource")))


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
    for found in pods:
        for labels in POD_LABELS:
            matchers, by = _matchers(found, labels), ", ".join((*_TOLD, *labels))
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
    parts = (template % {"pods": _matchers(found, POD_LABELS[0]), "window": f"{window_seconds}s"} for found in pods)
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


def _matchers(pods: Pods, labels: Sequence[str]) -> str:
    namespace, pod, _container = labels
    told = f'{namespace}="{_quoted(checked_name(pods.namespace, field="namespace"))}"'
    if pods.pod is None:
        return f'{told}, {pod}!=""'
    return f'{told}, {pod}="{_quoted(checked_name(pods.pod, field="pod"))}"'


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
