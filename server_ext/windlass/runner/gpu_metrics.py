"""Logs a job's GPU use to the MLflow runs that it has, under MLflow's own names for system metrics.

So GPU use stands beside a run's other metrics with no Prometheus. Runs are the notebook's to make: there are none
before it makes one, and what was seen before that is logged to the job's own run alone, which is the whole job's. A job
without GPUs logs none of this. MLflow may be slow or away: its calls have a thread of their own, go the way of the
notebook's own calls (and are kept as those are), and the job's end does not wait for them long.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections import deque
from typing import Any

from .cgroup import cores, machine_memory
from .mlflow_runs import FLUENT, OpenRun

_MOST_WAITING = 500
_AT_ONCE = 1000
_FINISH_SECONDS = 2.0
_FALSE = ("false", "0")


class GpuMetrics:
    """One machine's metrics. `take` may be called from any thread and returns at once."""

    def __init__(self, *, node: int) -> None:
        """`node` counts the job's machines; those after the first get a part of the name of their own."""
        self._prefix = "system/" if node == 0 else f"system/node_{node}/"
        self._lines: deque[tuple[int, dict[str, Any]]] = deque(maxlen=_MOST_WAITING)
        self._count = 0
        self._logged: dict[str, int] = {}
        """By run: the number of the last line that it has."""
        self._changed = threading.Condition()
        self._busy = False
        self._thread: threading.Thread | None = None
        self._is_off = os.environ.get("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "").lower() in _FALSE
        self._cores: float | None = None
        self._memory: int | None = None

    def take(self, line: dict[str, Any]) -> None:
        """A line of gpus.jsonl."""
        if self._is_off or not any(device["seconds"] > 0 for device in line["devices"]):
            return
        with self._changed:
            self._count += 1
            self._lines.append((self._count, line))
            if self._thread is None and FLUENT in sys.modules:
                self._cores, self._memory = cores(), machine_memory()
                self._thread = threading.Thread(target=self._run, name="windlass-gpu-metrics", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def finish(self) -> None:
        """Wait a moment for what is under way."""
        with self._changed:
            if self._thread is not None:
                self._changed.wait_for(lambda: not self._busy, timeout=_FINISH_SECONDS)

    def _run(self) -> None:
        seen = 0
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                while self._count == seen:
                    self._changed.wait()
                seen, self._busy = self._count, True
            for run in _runs():
                with contextlib.suppress(Exception):  # whatever MLflow raises is not the notebook's affair
                    self._log(run, upto=seen)

    def _log(self, run: OpenRun, *, upto: int) -> None:
        known = self._logged.setdefault(run.run_id, 0 if run.own else upto - 1)
        with self._changed:
            lines = [(number, line) for number, line in self._lines if known < number <= upto]
        metrics = [
            (name, value, line["at"], number - 1) for number, line in lines for name, value in self._named(line).items()
        ]
        for start in range(0, len(metrics), _AT_ONCE):
            _send(run, metrics[start : start + _AT_ONCE])
        self._logged[run.run_id] = upto

    def _named(self, line: dict[str, Any]) -> dict[str, float]:
        """As mlflow.system_metrics names them: percentages, megabytes of 10**6 bytes, watts; what is known of it."""
        found: dict[str, float | None] = {}
        for place, device in enumerate(line["devices"]):
            name = f"gpu_{place}"
            found[f"{name}_utilization_percentage"] = _times(device["engine"], 100)
            found[f"{name}_memory_usage_megabytes"] = _times(device["memory"], 1e-6)
            found[f"{name}_memory_usage_percentage"] = _percent(device["memory"], device["memory_total"])
            found[f"{name}_power_usage_watts"] = device["power"]
        found["cpu_utilization_percentage"] = _percent(line["cpu_cores"], self._cores)
        found["system_memory_usage_megabytes"] = _times(line["host_memory"], 1e-6)
        limit = line["host_memory_limit"] or self._memory
        found["system_memory_usage_percentage"] = _percent(line["host_memory"], limit)
        return {self._prefix + name: round(value, 1) for name, value in found.items() if value is not None}


def _runs() -> list[OpenRun]:
    """Runs to log to; not those whose system metrics MLflow logs itself."""
    hook = sys.modules.get(f"{__package__}.mlflow_hook")
    watched = getattr(sys.modules.get(FLUENT), "run_id_to_system_metrics_monitor", {})
    return [run for run in hook.open_runs() if run.run_id not in watched] if hook is not None else []


def _send(run: OpenRun, metrics: list[tuple[str, float, float, int]]) -> None:
    client_class: Any = vars(sys.modules[FLUENT])["MlflowClient"]
    metric: Any = vars(sys.modules["mlflow.entities"])["Metric"]
    batch = [metric(name, value, int(at * 1000), step) for name, value, at, step in metrics]
    client_class(run.tracking_uri).log_batch(run.run_id, metrics=batch)


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _percent(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else 100 * part / whole
