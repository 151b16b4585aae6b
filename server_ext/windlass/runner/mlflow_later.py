"""What a job logs after its tracking server has gone in the middle: kept in a file and sent when it is back.

A training of hours must not end because a metric could not be sent. Only writes that need no answer are kept:
metrics, parameters, tags, the end of a run. On one machine the server sends them when the job has ended; a pod's files
die with the pod, so there (`SentFromHere`) they are sent while the job runs, and waited for at its end.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .mlflow_backlog import Backlog, Refused
from .mlflow_place import answers, without_credentials

_KEPT = {
    "LogBatch": "runs/log-batch",
    "LogMetric": "runs/log-metric",
    "LogParam": "runs/log-parameter",
    "SetTag": "runs/set-tag",
    "UpdateRun": "runs/update",
}
_API_NAMES = {path: name for name, path in _KEPT.items()}
_MESSAGES = "mlflow.protos.service_pb2"
_PROBE_SECONDS = 2.0
_AGAIN_SECONDS = 30.0
_LAST_SECONDS = 1.0
_NOT_FOR_GOOD = (401, 403, 408, 429)
_STOPPED = "has stopped answering. Metrics, parameters and tags are kept"


class Later:
    """Guards one REST store."""

    kept_where = f"{_STOPPED} with the job and sent when it is back."

    def __init__(self, *, job_dir: Path, uri: str, rank: int, say: Callable[[str], None]) -> None:
        self.backlog = Backlog(job_dir)
        self._uri = uri
        self._rank = rank
        self._say = say
        self._gone = False
        self._ask_again_at = 0.0
        self._mutex = threading.Lock()

    def guard(self, store: Any) -> Any:
        """Make a store keep what it cannot send; a store of another making is left as it is."""
        original = getattr(store, "_call_endpoint", None)
        if original is None:
            return store
        self._begin(original)

        def call_or_keep(api: Any, json_body: Any = None, *args: Any, **kwargs: Any) -> Any:
            path = _KEPT.get(getattr(api, "__name__", ""))
            if path is None or not isinstance(json_body, str) or not hasattr(api, "Response"):
                return original(api, json_body, *args, **kwargs)
            if not self._still_gone():
                try:
                    return original(api, json_body, *args, **kwargs)
                except Exception as error:
                    if not self._has_gone(error):
                        raise
            self.backlog.keep(path, json_body, rank=self._rank)
            return api.Response()

        store._call_endpoint = call_or_keep  # noqa: SLF001  (found on it above)
        return store

    def finish(self, deadline: float) -> None:
        """The rank ends; `deadline` is the time.monotonic() until which it may wait."""

    def tell_unsent(self) -> None:
        """Say what is lost with the rank's end."""

    def _begin(self, call_endpoint: Callable[..., Any]) -> None:
        """A store is there."""

    def _still_gone(self) -> bool:
        """Whether a server that was gone still is; asked now and then, so that each call need not find out slowly."""
        with self._mutex:
            if self._gone and time.monotonic() >= self._ask_again_at:
                self._gone = not answers(self._uri, _PROBE_SECONDS)
                self._ask_again_at = time.monotonic() + _AGAIN_SECONDS
            return self._gone

    def _has_gone(self, error: Exception) -> bool:
        """Whether a call failed because nobody answers; an answer that says no is the notebook's to hear."""
        if type(error).__name__ == "RestException" or answers(self._uri, _PROBE_SECONDS):
            return False
        with self._mutex:
            if not self._gone:
                self._say(f"MLflow at {without_credentials(self._uri)} {self.kept_where}")
            self._gone = True
            self._ask_again_at = time.monotonic() + _AGAIN_SECONDS
        return True


class SentFromHere(Later):
    """In a pod: a thread sends what was kept as soon as MLflow is back. Until all is sent new calls wait behind it."""

    kept_where = f"{_STOPPED} in the pod and sent when it is back, for as long as the job runs."

    def __init__(self, *, job_dir: Path, uri: str, rank: int, say: Callable[[str], None]) -> None:
        super().__init__(job_dir=job_dir, uri=uri, rank=rank, say=say)
        self._call_endpoint: Callable[..., Any] | None = None
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()
        self._settled = threading.Condition()
        self._last_trouble = ""

    def finish(self, deadline: float) -> None:
        """Wait until everything is sent."""
        if self._thread is None:
            return
        self._hurry.set()
        with self._settled:
            while self.backlog.is_left and time.monotonic() < deadline:
                self._settled.wait(0.1)

    def tell_unsent(self) -> None:
        """Say what of this rank's was not sent."""
        left = self.backlog.left_of(self._rank) if self._thread is not None else ""
        if left:
            why = self._last_trouble or "it did not answer"
            self._say(f"{left} of rank {self._rank} could not be sent to MLflow before the end: {why}.")

    def _begin(self, call_endpoint: Callable[..., Any]) -> None:
        with self._mutex:
            self._call_endpoint = self._call_endpoint or call_endpoint
            # A container that starts again finds what the one before it has left.
            self._gone = self._gone or self.backlog.is_left
            if self._gone:
                self._start()

    def _still_gone(self) -> bool:
        with self._mutex:
            self._gone = self._gone and self.backlog.is_left
            return self._gone

    def _has_gone(self, error: Exception) -> bool:
        gone = super()._has_gone(error)
        if gone:
            with self._mutex:
                self._start()
        return gone

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_until_ended, name="windlass-mlflow", daemon=True)
            self._thread.start()

    def _send_until_ended(self) -> None:
        pause = 1.0
        while True:
            hurried = self._hurry.is_set()
            if hurried:
                time.sleep(min(pause, _LAST_SECONDS))
            else:
                self._hurry.wait(pause)
            if not self.backlog.is_left or (answers(self._uri, _PROBE_SECONDS) and self._send()):
                pause = 1.0
            else:
                pause = _LAST_SECONDS if hurried else min(pause * 2, _AGAIN_SECONDS)
            with self._settled:
                self._settled.notify_all()

    def _send(self) -> bool:
        try:
            refusals = self.backlog.send(self._call)
        except Exception as error:  # noqa: BLE001  (whatever it is, the next attempt may do better)
            self._last_trouble = f"{type(error).__name__}: {str(error)[:200]}"
            return False
        self._last_trouble = ""
        if refusals:
            self._say(
                f"MLflow refused {len(refusals)} of the calls that were kept while it was away: {refusals[0][:300]}"
            )
        return True

    def _call(self, path: str, body: dict[str, Any]) -> None:
        api = getattr(sys.modules[_MESSAGES], _API_NAMES[path])
        call_endpoint: Any = self._call_endpoint
        try:
            call_endpoint(api, json.dumps(body))
        except Exception as error:
            status = getattr(error, "get_http_status_code", lambda: 0)()
            if type(error).__name__ != "RestException" or status >= 500 or status in _NOT_FOR_GOOD:
                raise
            raise Refused(str(error)) from error
