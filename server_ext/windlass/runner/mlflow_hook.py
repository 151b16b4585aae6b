"""MLflow inside a job: what the notebook logs is the job's, and is not lost while the tracking server is away.

Installed before the first cell; does nothing until the notebook imports MLflow. It touches public functions where
there are any, and each private one only when it is there: with an MLflow that lacks it, MLflow behaves as it always
does. Nothing here may make a notebook fail that runs without Windlass.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from .after_import import after_import
from .mlflow_later import Later, SentFromHere
from .mlflow_models import keep_plain_log_model
from .mlflow_own import OWN_TAG
from .mlflow_place import Place, answers, quietly
from .mlflow_runs import FLUENT, OpenRun, Pod, Runs, all_run_stacks, run_stack
from .mlflow_spool import SpoolSender

_FINISH_SECONDS = 3.0
_HURRIED_SECONDS = 15.0
_QUIET = "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"
"""After SIGTERM: a pod has 30 s, and the runner itself ends the rank after 25."""


def _say(text: str) -> None:
    """One plain line among the notebook's own output."""
    sys.stdout.write(f"Windlass: {text}\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class PodOptions:
    """What is to be known of the pod that this rank runs in."""

    job_id: str
    local_rank: int
    attempt: int
    last_wait_seconds: float
    """How long the end waits, at the most, for an MLflow that is away."""


class _Hook:
    """The patches of one rank."""

    def __init__(
        self, *, job_dir: Path, rank: int, wait_seconds: float, say: Callable[[str], None], pod: PodOptions | None
    ) -> None:
        self.say = say
        self.rank = rank
        self._pod = pod
        self._experiment_name = os.environ.get("MLFLOW_EXPERIMENT_NAME")
        uri = os.environ.get("MLFLOW_TRACKING_URI", "")
        self.place = Place(job_dir=job_dir, uri=uri, wait_seconds=wait_seconds, say=say, in_pod=pod is not None)
        among = None
        if pod is not None:
            among = Pod(
                job_id=pod.job_id,
                is_first=rank == pod.local_rank,
                is_restarted=pod.attempt > 0,
                experiment=self._experiment_name,
            )
        self.runs = Runs(job_dir=job_dir, rank=rank, place=self.place, pod=among)
        self.later = (Later if pod is None else SentFromHere)(job_dir=job_dir, uri=uri, rank=rank, say=say)
        self.spool: SpoolSender | None = None
        if pod is not None:
            self.spool = SpoolSender(job_dir=job_dir, job_id=pod.job_id, uri=uri, say=say, sent=self.runs.record_sent)

    def install(self) -> None:
        """Ask to be called when the modules concerned are imported."""
        if self._experiment_name:
            # Inherited from whoever started the job; MLflow refuses a name and an id that disagree.
            os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
        # A minute of retries, not four: what cannot be sent then is kept.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "5")
        after_import("mlflow.tracking.registry", self._patch_stores)
        after_import("mlflow.tracking.client", self._patch_client)
        after_import(FLUENT, self._patch_fluent)
        after_import("mlflow.utils.autologging_utils.safety", self._patch_autologging)
        after_import("mlflow.pytorch", lambda module: keep_plain_log_model(module, _say))

    def _patch_stores(self, module: ModuleType) -> None:
        """Tracking stores and model registries are found by the address's scheme, both by this class."""
        registry_class: Any = getattr(module, "StoreRegistry", None)
        original = getattr(registry_class, "get_store_builder", None)
        if original is None:
            return

        @functools.wraps(original)
        def get_store_builder(registry: Any, store_uri: str) -> Any:
            builder = original(registry, store_uri)
            known = type(registry).__name__ in ("TrackingStoreRegistry", "ModelRegistryStoreRegistry")
            return self._store_builder(registry, builder) if known and self.place.is_ours(store_uri) else builder

        registry_class.get_store_builder = get_store_builder

    def _store_builder(self, registry: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def build(store_uri: str, **arguments: Any) -> Any:
            if self.place.decide():
                self._send_spool_now_and_then()
                return self.place.spool_store(registry)
            return self.later.guard(original(store_uri=store_uri, **arguments))

        return build

    def _send_spool_now_and_then(self) -> None:
        if self.spool is not None and self._pod is not None and self._pod.local_rank == 0:
            self.spool.start()

    def _patch_client(self, module: ModuleType) -> None:
        client_class: Any = getattr(module, "MlflowClient", None)
        original = getattr(client_class, "create_run", None)
        if original is None:
            return

        @functools.wraps(original)
        def create_run(
            client: Any,
            experiment_id: str,
            start_time: int | None = None,
            tags: dict[str, Any] | None = None,
            run_name: str | None = None,
            **others: Any,
        ) -> Any:
            tags = self.runs.tags_for(tags)
            run = original(client, experiment_id, start_time=start_time, tags=tags, run_name=run_name, **others)
            own = tags.get(OWN_TAG) == "true"
            if not (own and self.runs.are_agreed_on):
                with quietly(self.say, "A run could not be written down with the job"):
                    self.runs.record(run, tracking_uri=client.tracking_uri, own=own)
            return run

        client_class.create_run = create_run

    def _patch_fluent(self, module: ModuleType) -> None:
        def replace(name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
            original = getattr(module, name, None)
            if original is not None:
                setattr(module, name, functools.wraps(original)(wrap(original)))

        if hasattr(module, "_active_run_stack"):
            replace("_get_or_start_run", lambda _original: lambda: self._active_or_own_run(module))
        replace("set_experiment", self._one_rank_at_a_time(forget_name=True))
        replace("_get_experiment_id_from_env", self._one_rank_at_a_time(forget_name=False))

    def _active_or_own_run(self, fluent: Any) -> Any:
        stack = run_stack(fluent)
        return stack[-1] if stack else self.runs.enter_own_run(fluent)

    def _one_rank_at_a_time(self, *, forget_name: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """MLflow lets two processes race to create an experiment: one then fails, or logs to another experiment."""

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            def locked(*args: Any, **kwargs: Any) -> Any:
                with self.runs.lock:
                    try:
                        result = original(*args, **kwargs)
                    except Exception as error:
                        if getattr(error, "error_code", "") != "RESOURCE_ALREADY_EXISTS":
                            raise
                        # Another pod of the job was quicker, which shares no lock with this one.
                        result = original(*args, **kwargs)
                if forget_name and os.environ.get("MLFLOW_EXPERIMENT_NAME") == self._experiment_name:
                    # set_experiment has exported an id; a child process would find the two contradicting each other.
                    os.environ.pop("MLFLOW_EXPERIMENT_NAME", None)
                return result

            return locked

        return wrap

    def _patch_autologging(self, module: ModuleType) -> None:
        original = getattr(module, "with_managed_run", None)
        if original is None:
            return

        @functools.wraps(original)
        def with_managed_run(integration: str, patch_function: Any, tags: dict[str, Any] | None = None) -> Any:
            managed = original(integration, patch_function, tags=tags)
            if isinstance(managed, type):
                return managed

            @functools.wraps(managed)
            def in_own_run(*args: Any, **kwargs: Any) -> Any:
                with self.runs.lend_own_run(sys.modules[FLUENT], tags):
                    return managed(*args, **kwargs)

            return in_own_run

        vars(module)["with_managed_run"] = with_managed_run

    def finish(self, *, failed: bool, hurried: bool) -> None:
        """End the runs the notebook left open; in a pod, send what MLflow has not had."""
        fluent = sys.modules.get(FLUENT)
        if fluent is None:
            return
        last_wait = self._pod.last_wait_seconds if self._pod is not None else 0.0
        deadline = time.monotonic() + (min(last_wait, _HURRIED_SECONDS) if hurried else last_wait)
        try:
            self.later.finish(deadline)
            self._end_runs(fluent, failed=failed)
            if self.spool is not None:
                self.spool.finish(deadline)
        finally:
            # Also when SIGTERM ends the waiting.
            self.later.tell_unsent()
            if self.spool is not None:
                self.spool.tell_unsent()

    def _end_runs(self, fluent: Any, *, failed: bool) -> None:
        """A server that is gone must not hold up the end of the job."""
        stacks = [stack for stack in all_run_stacks(fluent) if stack]
        if not stacks and not self.runs.own_run_id:
            return
        reachable = self.place.away or not self.place.uri.startswith("http") or answers(self.place.uri, _FINISH_SECONDS)
        status = "FAILED" if failed else "FINISHED"
        ended = {run.info.run_id for stack in stacks for run in stack}
        left_open = frozenset(ended)
        own = self.runs.own_run_id
        if own is not None:
            ended.discard(own)
            if failed or self.rank == 0:
                ended.add(own)
        for stack in stacks:
            # MLflow's own exit handler would end them again, and as finished.
            stack.clear()
        if reachable:
            self._end(fluent, sorted(ended), status, left_open=left_open)

    def _end(self, fluent: Any, run_ids: list[str], status: str, *, left_open: frozenset[str]) -> None:
        monitors = getattr(fluent, "run_id_to_system_metrics_monitor", {})
        for run_id in run_ids:
            with quietly(self.say, "A run could not be ended"):
                client = fluent.MlflowClient(self.runs.made_at.get(run_id))
                info = client.get_run(run_id).info
                if info.status != status:
                    # MLflow prints the run's address whenever one is ended. What the notebook has ended, and another
                    # rank has opened again to log to it, has been told of.
                    is_told = run_id not in left_open and info.end_time is not None
                    with _without_addresses() if is_told else contextlib.nullcontext():
                        client.set_terminated(run_id, status)
                monitor = monitors.pop(run_id, None)
                if monitor is not None:
                    monitor.finish()


@contextlib.contextmanager
def _without_addresses() -> Iterator[None]:
    """Have MLflow print none."""
    before = os.environ.get(_QUIET)
    os.environ[_QUIET] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_QUIET]
        else:
            os.environ[_QUIET] = before


_installed: _Hook | None = None


def install(
    job_dir: str | Path,
    rank: int,
    wait_seconds: float,
    say: Callable[[str], None] | None = None,
    *,
    pod: PodOptions | None = None,
) -> None:
    """Prepare for a notebook that may use MLflow; to be called once, before its first cell.

    `wait_seconds` is how long the first call that needs the tracking server waits for one that is still starting;
    `say` gets the few lines there are to tell the user (standard output without it). With `pod` the job's folder is
    this pod's alone, and dies with it.
    """
    global _installed  # noqa: PLW0603 - one hook per process, as there is one MLflow
    if _installed is not None:
        return
    _installed = _Hook(job_dir=Path(job_dir), rank=rank, wait_seconds=wait_seconds, say=say or _say, pod=pod)
    _installed.install()


def open_runs() -> list[OpenRun]:
    """The runs that this rank logs to now. Raises nothing."""
    fluent = sys.modules.get(FLUENT)
    if _installed is None or fluent is None:
        return []
    try:
        return _installed.runs.open_runs(fluent)
    except Exception:  # noqa: BLE001 - another thread may be changing what is looked at; it is asked again
        return []


def finish(failed: bool, *, hurried: bool = False) -> None:
    """End the runs that are still active as FAILED or FINISHED, and in a pod send what MLflow has not had.

    Raises no Exception. `hurried`: the pod is being ended, and there is little time.
    """
    if _installed is not None:
        with quietly(_installed.say, "The job's MLflow runs could not be ended"):
            _installed.finish(failed=failed, hurried=hurried)
