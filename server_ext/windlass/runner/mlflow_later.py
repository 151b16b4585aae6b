"""What a job logs after its tracking server has gone in the middle: kept in a file and sent when it is back.

A training of hours must not end because a metric could not be sent. Only writes that need no answer are kept:
metrics, parameters, tags, the end of a run. Each line of `late.jsonl` is one REST call as MLflow would have made it, so
that it keeps its own time and step.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .mlflow_place import answers, without_credentials

_KEPT = {
    "LogBatch": "runs/log-batch",
    "LogMetric": "runs/log-metric",
    "LogParam": "runs/log-parameter",
    "SetTag": "runs/set-tag",
    "UpdateRun": "runs/update",
}
_PROBE_SECONDS = 2.0
_AGAIN_SECONDS = 30.0


class Later:
    """Guards one REST store."""

    def __init__(self, *, job_dir: Path, uri: str, say: Callable[[str], None]) -> None:
        self._path = job_dir / "late.jsonl"
        self._uri = uri
        self._say = say
        self._gone = False
        self._ask_again_at = 0.0
        self._mutex = threading.Lock()

    def guard(self, store: Any) -> Any:
        """Make a store keep what it cannot send; a store of another making is left as it is."""
        original = getattr(store, "_call_endpoint", None)
        if original is None:
            return store

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
            self._keep(path, json_body)
            return api.Response()

        store._call_endpoint = call_or_keep  # noqa: SLF001  (found on it above)
        return store

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
                self._say(
                    f"MLflow at {without_credentials(self._uri)} has stopped answering. Metrics, parameters "
                    "and tags are kept with the job and sent when it is back."
                )
            self._gone = True
            self._ask_again_at = time.monotonic() + _AGAIN_SECONDS
        return True

    def _keep(self, path: str, body: str) -> None:
        line = json.dumps({"path": path, "body": json.loads(body), "at": time.time()}) + "\n"
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, line.encode())
        finally:
            os.close(fd)
