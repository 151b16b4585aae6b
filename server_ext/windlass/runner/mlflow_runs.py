"""The runs a job makes: each one tagged with the job and written down, and one that is the job's own.

Plain `mlflow.log_metric(...)` without a run lands, on every rank, in the one run of the job. It uses MLflow as the
notebook imported it and never imports it itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .mlflow_place import JobLock, Place, without_credentials

FLUENT = "mlflow.tracking.fluent"
OWN_TAG = "windlass.own"
_STACK = "_active_run_stack"


def context_tags() -> dict[str, str]:
    """The tags that every run of the job carries, as MLflow's own MLFLOW_RUN_CONTEXT names them."""
    try:
        tags = json.loads(os.environ.get("MLFLOW_RUN_CONTEXT") or "{}")
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in tags.items()} if isinstance(tags, dict) else {}


def run_stack(fluent: Any) -> list[Any]:
    """This thread's active runs, innermost last: MLflow's own list."""
    stack = getattr(fluent, _STACK)
    runs: list[Any] = stack.get() if hasattr(stack, "get") else stack
    return runs


def all_run_stacks(fluent: Any) -> list[list[Any]]:
    """The active runs of every thread; this thread's alone where MLflow does not tell the others'."""
    values = getattr(getattr(fluent, _STACK), "get_all_thread_values", None)
    return list(values().values()) if values is not None else [run_stack(fluent)]


class Runs:
    """What this rank knows of the job's runs."""

    def __init__(self, *, job_dir: Path, rank: int, place: Place) -> None:
        self._job_dir = job_dir
        self._rank = rank
        self._place = place
        # Not the lock of `place`: that one is taken inside MLflow's own lock, this one outside of it.
        self.lock = JobLock(job_dir / "mlflow.lock")
        self._lent = threading.Event()
        self.own_run_id: str | None = None
        self.made_at: dict[str, str] = {}
        """Tracking address, by run: the notebook may set another one before a run ends."""

    def tags_for(self, tags: dict[str, Any] | None) -> dict[str, Any]:
        """A new run's tags, with those of the job that are missing."""
        return {**context_tags(), "windlass.rank": str(self._rank), **(tags or {})}

    def record(self, run: Any, *, tracking_uri: str, own: bool) -> None:
        """Write a run down in runs.jsonl: one line, in one write, so that ranks do not mix theirs."""
        line = {
            "run_id": run.info.run_id,
            "experiment_id": run.info.experiment_id,
            "tracking_uri": without_credentials(tracking_uri),
            "name": getattr(run.info, "run_name", None),
            "own": own,
            "rank": self._rank,
            "at": time.time(),
            "spooled": self._place.away and self._place.is_ours(tracking_uri),
        }
        self.made_at[run.info.run_id] = tracking_uri
        fd = os.open(self._job_dir / "runs.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, (json.dumps(line) + "\n").encode())
        finally:
            os.close(fd)

    def enter_own_run(self, fluent: Any) -> Any:
        """Make the job's own run this thread's active one, creating it when no rank has; answers the active run.

        Raises what MLflow raises.
        """
        with self.lock:
            known = self._known_own_run(fluent)
            if known is None:
                return self._create_own_run(fluent)
        self.own_run_id = known.info.run_id
        self.made_at[known.info.run_id] = fluent.MlflowClient().tracking_uri
        active = fluent.ActiveRun(known)
        run_stack(fluent).append(active)
        return active

    def _known_own_run(self, fluent: Any) -> Any | None:
        client = fluent.MlflowClient()
        try:
            own = json.loads((self._job_dir / "own_run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if own.get("tracking_uri") != without_credentials(client.tracking_uri):
            return None
        run = client.get_run(own["run_id"])
        if run.info.lifecycle_stage != "active":
            return None
        if run.info.status != "RUNNING":
            client.update_run(run.info.run_id, status="RUNNING")
        return run

    def _create_own_run(self, fluent: Any) -> Any:
        tags = context_tags()
        stem = Path(tags.get("windlass.notebook", "")).stem
        name = "-".join(part for part in (stem, tags.get("windlass.job_id", "")) if part) or None
        active = fluent.start_run(run_name=name, tags={OWN_TAG: "true"})
        self.own_run_id = active.info.run_id
        own = {
            "run_id": active.info.run_id,
            "experiment_id": active.info.experiment_id,
            "tracking_uri": without_credentials(fluent.MlflowClient().tracking_uri),
            "at": time.time(),
        }
        draft = self._job_dir / f"own_run.json.{self._rank}"
        draft.write_text(json.dumps(own), encoding="utf-8")
        draft.replace(self._job_dir / "own_run.json")
        return active

    @contextlib.contextmanager
    def lend_own_run(self, fluent: Any, tags: dict[str, Any] | None) -> Iterator[None]:
        """Let the first training that autologging would make a run for use the job's own run instead.

        Later ones get runs of their own, as with plain MLflow: their parameters would contradict the first's.
        """
        if self._lent.is_set() or run_stack(fluent) or self._training_elsewhere():
            yield
            return
        self._lent.set()
        active = self.enter_own_run(fluent)
        if tags:
            client = fluent.MlflowClient()
            for key, value in tags.items():
                client.set_tag(active.info.run_id, key, str(value))
        try:
            yield
        finally:
            stack = run_stack(fluent)
            if active in stack:
                stack.remove(active)
            last: Any = getattr(fluent, "_last_active_run_id", None)
            if hasattr(last, "set"):
                last.set(active.info.run_id)

    @staticmethod
    def _training_elsewhere() -> bool:
        """Whether this thread is a worker of a training whose run lives in another thread."""
        autologging = sys.modules.get("mlflow.utils.autologging_utils")
        has_session = getattr(autologging, "_has_active_training_session", None)
        return bool(has_session()) if has_session is not None else False
