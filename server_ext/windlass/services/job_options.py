"""How a job was asked for, as tags of its run: what a server that never knew the job needs to run it again.

Where the code and its parameters are is the bundle's business; these are the options beside them. Tags can be changed
by whoever may write to MLflow, so what is read back is checked like any request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from windlass.contract.jobs import JobRequest
from windlass.ledger.tables import JobRow

OPTIONS_TAG = "windlass.options"
IMPORTS_TAG = "windlass.imports"
WORLD_SIZE_TAG = "windlass.world_size"
LONGEST_TAG = 5000
"""What every MLflow keeps whole."""
_KEPT = frozenset(
    {
        "cluster",
        "engine",
        "environment",
        "experiment",
        "gpus_per_worker",
        "kind",
        "processes_per_worker",
        "retries",
        "time_limit_seconds",
        "workers",
    }
)
_MOST_IMPORTS = 500
_LONGEST_IMPORT = 200
_MOST_PROCESSES = 128


def options_of(row: JobRow) -> dict[str, Any]:
    """The options of a job, those that were left to the server filled in."""
    request = JobRequest.model_validate(row.request)
    options = request.model_dump(mode="json", include=set(_KEPT), exclude_none=True)
    options |= {"engine": row.engine, "experiment": row.experiment}
    return options | ({"environment": row.environment} if row.environment else {})


def tags_of(options: Mapping[str, Any], imports: Sequence[str]) -> dict[str, str]:
    """The tags that say so; what is too long for a tag is left out."""
    texts = {
        OPTIONS_TAG: json.dumps(options, sort_keys=True) if options else "",
        IMPORTS_TAG: json.dumps(list(imports)) if imports else "",
    }
    return {tag: text for tag, text in texts.items() if 0 < len(text) <= LONGEST_TAG}


def request_from(tags: Mapping[str, str], *, notebook: str, parameters: dict[str, Any]) -> JobRequest | None:
    """The request of a job whose run has these tags; None when they say nothing that can be asked for."""
    options = _json(tags.get(OPTIONS_TAG))
    if not isinstance(options, dict):
        return None
    kept = {name: value for name, value in options.items() if name in _KEPT}
    try:
        return JobRequest.model_validate({**kept, "notebook": notebook, "parameters": parameters})
    except ValidationError:
        return None


def processes_from(tags: Mapping[str, str]) -> int | None:
    """How many processes there were in all, of older records; None when that is not told, or more than one worker."""
    text = tags.get(WORLD_SIZE_TAG, "")
    return int(text) if text.isdecimal() and len(text) < 6 and 1 <= int(text) <= _MOST_PROCESSES else None


def imports_from(tags: Mapping[str, str]) -> tuple[str, ...]:
    """The distributions that the code imports, as far as is told."""
    found = _json(tags.get(IMPORTS_TAG))
    names = found if isinstance(found, list) else []
    return tuple(name for name in names if isinstance(name, str) and len(name) <= _LONGEST_IMPORT)[:_MOST_IMPORTS]


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
