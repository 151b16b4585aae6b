"""The models that a run made, as servers of 2.x and older clients tell: in a tag of the run.

From MLflow 3 on models are things of their own (`tracking.reads.logged_models`), and the tag is not written.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from windlass.services.experiments.records import RunRecord

HISTORY_TAG = "mlflow.log-model.history"
LANGUAGE_FLAVOR = "python_function"


@dataclass(frozen=True, kw_only=True)
class LoggedFolder:
    """A folder with an MLmodel file among the run's artifacts."""

    path: str
    flavors: tuple[str, ...]


def models_logged(record: RunRecord) -> list[LoggedFolder]:
    """The model folders that a run's tag names, each once, the newest of its path. What cannot be read is left out."""
    try:
        entries = json.loads(record.tags.get(HISTORY_TAG, "[]"))
    except (ValueError, RecursionError):
        return []
    found: dict[str, LoggedFolder] = {}
    for entry in entries if isinstance(entries, list) else []:
        path = entry.get("artifact_path") if isinstance(entry, dict) else None
        if not isinstance(path, str) or any(part in ("", ".", "..") for part in path.split("/")):
            continue
        flavors = entry.get("flavors")
        names = sorted(map(str, flavors)) if isinstance(flavors, dict) else []
        found[path] = LoggedFolder(path=path, flavors=tuple(name for name in names if name != LANGUAGE_FLAVOR))
    return list(found.values())
