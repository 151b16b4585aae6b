"""The runs a job makes: each one tagged with the job and written down, and one that is the job's own.

Plain `mlflow.log_metric(...)` without a run lands, on every rank, in the one run of the job. Ranks that share a folder
agree on it by a file there; ranks of several pods, which share nothing but MLflow, by an election (mlflow_own). It uses
MLflow as the notebook imported it and never imports it itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Optional
from urllib.parse import urlsplit

from .mlflow_own import OWN_TAG, Election
from .mlflow_place import JobLock, Place, without_credentials

FLUENT = "mlflow.tracking.fluent"
_STACK = "_active_run_stack"
_NO_AGREEMENT = ("OwnRunUndecided", "RestException")
"""A server that refuses a search may still take metrics."""


def context_tags() -> dict[str, str]:
    """The tags that every run of the job carries, as MLflow's own MLFLOW_RUN_CONTEXT names them."""
    try:
        tags = json.loads(os.environ.get("MLFLOW_RUN_CONTEXT") or "{}")
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in tags.items()} if isinstance(tags, dict) else {}


def _own_name() -> str | None:
    tags = context_tags()
    stem = Path(tags.get("windlass.notebook", "")).stem
    return "-".join(part for part in (stem, tags.get("windlass.job_id", "")) if part) or None


def run_stack(fluent: Any) -> list[Any]:
    """This thread's active runs, innermost last: MLflow's own list."""
    stack = getattr(fluent, _STACK)
    runs: list[Any] = stack.get() if hasattr(stack, "get") else stack
    return runs


def all_run_stacks(fluent: Any) -> list[list[Any]]:
    """The active runs of every thread; this thread's alone where MLflow does not tell the others'."""
    values = getattr(getattr(fluent, _STACK), "get_all_thread_values", None)
    return list(values().values()) if values is not None else [run_stack(fluent)]


class OpenRun(NamedTuple):
    """A run that is being logged to."""

    run_id: str
    tracking_uri: Optional[str]  # noqa: UP045 - evaluated by NamedTuple, in Python 3.9 too
    own: bool
    """Whether it is the job's own."""


@dataclass(frozen=True)
class Pod:
    """Where this rank runs, when the job may have other pods."""

    job_id: str
    is_first: bool
    """Whether rank 0 is among the pod's ranks."""
    is_restarted: bool
    """Whether this is not the job's first attempt."""
    experiment: str | None
    """The name of the job's experiment; the notebook may log to another one."""


class Runs:
    """What this rank knows of the job's runs."""

    def __init__(self, *, job_dir: Path, rank: int, place: Place, pod: Pod | None = None) -> None:
        self._job_dir = job_dir
        self._rank = rank
        self._place = place
        self._pod = pod
        # Not the lock of `place`: that one is taken inside MLflow's own lock, this one outside of it.
        self.lock = JobLock(job_dir / "mlflow.lock")
        self._lent = threading.Event()
        self.own_run_id: str | None = None
        self.made_at: dict[str, str] = {}
        """Tracking address, by run: the notebook may set another one before a run ends."""

    def open_runs(self, fluent: Any) -> list[OpenRun]:
        """The job's own run, once this rank knows it, and those that are active in any thread."""
        active = [run.info.run_id for stack in all_run_stacks(fluent) for run in list(stack)]
        ids = dict.fromkeys([self.own_run_id, *active] if self.own_run_id else active)
        return [OpenRun(run_id, self.made_at.get(run_id), run_id == self.own_run_id) for run_id in ids]

    @property
    def are_agreed_on(self) -> bool:
        """Whether a run that is made to be the job's own is a candidate as yet."""
        return self._pod is not None and not self._place.away

    def tags_for(self, tags: dict[str, Any] | None) -> dict[str, Any]:
        """A new run's tags, with those of the job that are missing."""
        return {**context_tags(), "windlass.rank": str(self._rank), **(tags or {})}

    def record(self, run: Any, *, tracking_uri: str, own: bool) -> None:
        """Write a run down with the job."""
        self.made_at[run.info.run_id] = tracking_uri
        self._write_down(
            {
                "run_id": run.info.run_id,
                "experiment_id": run.info.experiment_id,
                "tracking_uri": without_credentials(tracking_uri),
                "name": getattr(run.info, "run_name", None),
                "own": own,
                "spooled": self._place.away and self._place.is_ours(tracking_uri),
            }
        )

    def record_sent(self, run: dict[str, Any]) -> None:
        """Write down what a run of the spool has become at the server."""
        self._write_down({**run, "tracking_uri": without_credentials(self._place.uri), "spooled": False})

    def _write_down(self, run: dict[str, Any]) -> None:
        """Add to runs.jsonl: one line, in one write, so that ranks do not mix theirs."""
        line = {**run, "rank": self._rank, "at": time.time()}
        fd = os.open(self._job_dir / "runs.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, (json.dumps(line) + "\n").encode())
        finally:
            os.close(fd)

    def enter_own_run(self, fluent: Any) -> Any:
        """Make the job's own run this thread's active one, creating it when no rank has; answers the active run.

        Raises what MLflow raises.
        """
        made_here = False
        with self.lock:
            known = self._known_own_run(fluent)
            if known is None and not self._is_shared(fluent):
                return self._create_own_run(fluent, tags={OWN_TAG: "true"})
            if known is None:
                try:
                    known, made_here = self._agreed_own_run(fluent)
                except Exception as error:
                    if type(error).__name__ not in _NO_AGREEMENT:
                        raise
                    self._place.say(f"What this pod logs has an MLflow run to itself: {str(error)[:200]}")
                    return self._create_own_run(fluent, tags={})
        self.own_run_id = known.info.run_id
        self.made_at[known.info.run_id] = fluent.MlflowClient().tracking_uri
        if made_here:
            return fluent.start_run(run_id=known.info.run_id)
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
        self._reopen(client, run)
        return run

    def _reopen(self, client: Any, run: Any) -> None:
        """Set a run that has ended back to RUNNING, unless rank 0 of this attempt, in another pod, has ended it."""
        may = self._pod is None or self._pod.is_first or self._pod.is_restarted
        if may and run.info.status != "RUNNING":
            client.update_run(run.info.run_id, status="RUNNING")

    def _is_shared(self, fluent: Any) -> bool:
        """Whether other pods may be making an own run at the same place."""
        if self._pod is None or not self._pod.job_id or os.environ.get("MLFLOW_RUN_ID"):
            # With that variable the user names the run, to all pods.
            return False
        uri = fluent.MlflowClient().tracking_uri
        if not self._place.uri and urlsplit(uri).scheme in ("", "file", "sqlite"):
            # Nobody named a server: MLflow writes to the pod's own disk.
            return False
        return not (self._place.is_ours(uri) and self._place.decide())

    def _agreed_own_run(self, fluent: Any) -> tuple[Any, bool]:
        """The run that all pods take for the job's own, and whether it was made here.

        Otherwise it is another pod's, also one of an earlier attempt.
        """
        pod: Any = self._pod
        client = fluent.MlflowClient()
        here = fluent._get_experiment_id()  # noqa: SLF001  (where MLflow's own start_run makes one)
        usual = client.get_experiment_by_name(pod.experiment) if pod.experiment else None
        near = [here, *([usual.experiment_id] if usual is not None else [])]
        election = Election(client, job_id=pod.job_id)
        made: list[str] = []

        def make() -> Any:
            run = client.create_run(here, tags=self._own_tags(fluent), run_name=_own_name())
            made.append(run.info.run_id)
            return run

        # The first pod need not wait for itself; that others do spares superseded runs, nothing else depends on it.
        run = (election.find(near) if pod.is_first else election.wait(near)) or election.settle(make)
        self._reopen(client, run)
        if pod.is_first or run.info.run_id in made:
            self.record(run, tracking_uri=client.tracking_uri, own=True)
        self._note_own_run(run, tracking_uri=client.tracking_uri)
        return run, run.info.run_id in made

    def _own_tags(self, fluent: Any) -> dict[str, str]:
        """The tags that MLflow's start_run would give it."""
        tags = {OWN_TAG: "true", "mlflow.runName": _own_name() or ""}
        registry = getattr(fluent, "context_registry", None)
        resolved: dict[str, str] = registry.resolve_tags(tags) if registry is not None else tags
        return resolved

    def _create_own_run(self, fluent: Any, *, tags: dict[str, str]) -> Any:
        active = fluent.start_run(run_name=_own_name(), tags=tags)
        self.own_run_id = active.info.run_id
        self._note_own_run(active, tracking_uri=fluent.MlflowClient().tracking_uri)
        return active

    def _note_own_run(self, run: Any, *, tracking_uri: str) -> None:
        """Let the ranks that share this folder know."""
        own = {
            "run_id": run.info.run_id,
            "experiment_id": run.info.experiment_id,
            "tracking_uri": without_credentials(tracking_uri),
            "at": time.time(),
        }
        draft = self._job_dir / f"own_run.json.{self._rank}"
        draft.write_text(json.dumps(own), encoding="utf-8")
        draft.replace(self._job_dir / "own_run.json")

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
