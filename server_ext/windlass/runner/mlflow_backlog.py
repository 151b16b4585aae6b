"""REST calls that MLflow has not had yet, in a file that the ranks of a pod (or of a machine) share.

`late.jsonl` has a line per call, as MLflow would have made it, so that each keeps its own time and step. In a pod the
file dies with the pod: there the calls are sent from here, in the order in which they were made, and `late.place` says
how far that has come. Metrics go in batches. Sending a call twice is the same as sending it once.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .mlflow_place import JobLock

LOG_BATCH, LOG_METRIC = "runs/log-batch", "runs/log-metric"
_METRICS_AT_ONCE = 1000
_WORDS = {
    "metrics": ("metric", "metrics"),
    "params": ("parameter", "parameters"),
    "tags": ("tag", "tags"),
    "ends": ("end of a run", "ends of runs"),
}

Call = Callable[[str, "dict[str, Any]"], None]


class Refused(Exception):
    """MLflow has answered, and will never take this call; the message is MLflow's."""


class Backlog:
    """The calls that were kept."""

    def __init__(self, job_dir: Path) -> None:
        self._path = job_dir / "late.jsonl"
        self._place = job_dir / "late.place"
        self._lock = JobLock(job_dir / "late.lock")

    def keep(self, path: str, body: str, *, rank: int) -> None:
        """Add a call: one line, in one write, so that ranks do not mix theirs. Raises OSError."""
        line = json.dumps({"path": path, "body": json.loads(body), "at": time.time(), "rank": rank}) + "\n"
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, line.encode())
        finally:
            os.close(fd)

    @property
    def is_left(self) -> bool:
        """Whether there is something to send."""
        try:
            return self._path.stat().st_size > self._sent_bytes()
        except OSError:
            return False

    def left_of(self, rank: int) -> str:
        """What of a rank's is left, in words; empty when it is nothing."""
        counts: Counter[str] = Counter()
        for line, _end in self._lines():
            if line.get("rank") == rank:
                counts.update(_content(line["path"], line["body"]))
        return counted(counts)

    def send(self, call: Call) -> list[str]:
        """Send what is left; answers what MLflow refused, in its words.

        `call` makes one REST call. Raises what it raises but Refused: then the rest is left for the next time.
        """
        refusals: list[str] = []
        with self._lock:
            for path, body, end in self._batches():
                try:
                    call(path, body)
                except Refused as refusal:
                    refusals += self._send_singly(call, path, body, str(refusal))
                draft = self._place.with_suffix(".tmp")
                draft.write_text(str(end), encoding="ascii")
                draft.replace(self._place)
        return refusals

    @staticmethod
    def _send_singly(call: Call, path: str, body: dict[str, Any], refusal: str) -> list[str]:
        """One metric that MLflow refuses must not take those along that it was put together with."""
        metrics = body["metrics"] if path == LOG_BATCH and _metrics_alone(path, body) else []
        if len(metrics) < 2:
            return [refusal]
        refusals = []
        for metric in metrics:
            try:
                call(LOG_BATCH, {"run_id": body["run_id"], "metrics": [metric]})
            except Refused as single:  # noqa: PERF203  (each for itself is the point)
                refusals.append(str(single))
        return refusals

    def _batches(self) -> Iterator[tuple[str, dict[str, Any], int]]:
        """The calls that are left, metrics put together, each with how many bytes of the file it brings it to."""
        run_id, reached = "", 0
        metrics: list[dict[str, Any]] = []
        for line, end in self._lines():
            path, body = line["path"], line["body"]
            more = _metrics_alone(path, body)
            same = body.get("run_id") == run_id and len(metrics) + len(more or ()) <= _METRICS_AT_ONCE
            if metrics and not (more and same):
                yield LOG_BATCH, {"run_id": run_id, "metrics": metrics}, reached
                metrics = []
            if more:
                run_id, metrics, reached = body.get("run_id", ""), metrics + more, end
            else:
                yield path, body, end
        if metrics:
            yield LOG_BATCH, {"run_id": run_id, "metrics": metrics}, reached

    def _lines(self) -> Iterator[tuple[dict[str, Any], int]]:
        try:
            file = self._path.open("rb")
        except OSError:
            return
        with file:
            end = self._sent_bytes()
            file.seek(end)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                end += len(line)
                try:
                    content = json.loads(line)
                except ValueError:
                    continue
                yield content, end

    def _sent_bytes(self) -> int:
        try:
            return int(self._place.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0


def counted(counts: Counter[str]) -> str:
    """Numbers of metrics and the like in words: "2 metrics, 1 parameter"."""
    return ", ".join(f"{counts[kind]} {words[counts[kind] != 1]}" for kind, words in _WORDS.items() if counts[kind])


def _metrics_alone(path: str, body: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The metrics of a call that logs nothing else."""
    if path == LOG_METRIC:
        return [{key: value for key, value in body.items() if key not in ("run_id", "run_uuid")}]
    if path == LOG_BATCH and not body.get("params") and not body.get("tags"):
        metrics: list[dict[str, Any]] = body.get("metrics", [])
        return metrics
    return None


def _content(path: str, body: dict[str, Any]) -> Counter[str]:
    if path == LOG_BATCH:
        return Counter({kind: len(body.get(kind, ())) for kind in ("metrics", "params", "tags")})
    return Counter(
        {LOG_METRIC: {"metrics": 1}, "runs/log-parameter": {"params": 1}, "runs/set-tag": {"tags": 1}}.get(
            path, {"ends": 1}
        )
    )
