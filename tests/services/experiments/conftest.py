"""Runs as MLflow answers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from windlass.services.experiments.records import RunRecord, record_of


def answered(
    run_id: str = "a" * 32,
    *,
    metrics: dict[str, Any] | None = None,
    params: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
    **info: Any,
) -> dict[str, Any]:
    """A run as `runs/search` gives it."""
    whole = {"run_id": run_id, "experiment_id": "1", "status": "FINISHED", "start_time": 1000, "end_time": 3500}
    return {
        "info": {**whole, "run_name": "a run", "lifecycle_stage": "active", **info},
        "data": {
            "metrics": [
                {"key": key, "value": value, "timestamp": 7, "step": 3} for key, value in (metrics or {}).items()
            ],
            "params": [{"key": key, "value": value} for key, value in (params or {}).items()],
            "tags": [{"key": key, "value": value} for key, value in (tags or {}).items()],
        },
    }


@pytest.fixture
def record() -> Callable[..., RunRecord]:
    """Makes a run."""

    def make(*given: Any, **more: Any) -> RunRecord:
        return record_of(answered(*given, **more))

    return make
