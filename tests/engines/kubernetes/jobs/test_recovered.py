"""A job read back from its object's annotation, which whoever may edit the object may have spoilt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.engines.kubernetes import making

from windlass.engines.kubernetes.jobs.recovered import spec_of
from windlass.kube.names import SPEC_ANNOTATION, job_labels, spec_annotations

ASKED = {
    "id": "j1",
    "name": "train",
    "owner": "ada",
    "notebook": "work/train.ipynb",
    "bundle_sha256": making.SHA,
    "workers": 4,
    "retries": 2,
    "cluster": {"image": "example.invalid/torch:1"},
    "created_at": 1_795_000_000.5,
}
MADE, MADE_AT = "2026-11-18T11:06:40Z", 1_795_000_000.0


def item(**changes: Any) -> dict[str, Any]:
    """The job's object, its annotation as it was written but for these."""
    annotations = spec_annotations(ASKED)
    annotations[SPEC_ANNOTATION] = json.dumps({**json.loads(annotations[SPEC_ANNOTATION]), **changes})
    labels = job_labels(job_id="j1", owner="ada")
    return {"metadata": {"name": "train-j1", "creationTimestamp": MADE, "labels": labels, "annotations": annotations}}


def test_a_job_comes_back_as_it_was_submitted(tmp_path: Path) -> None:
    found = spec_of(item(), bundles=tmp_path)
    assert found is not None
    assert (found.workers, found.retries, found.created_at) == (4, 2, 1_795_000_000.5)
    assert found.cluster == {"image": "example.invalid/torch:1"}


@pytest.mark.parametrize(
    "spoilt",
    [
        {"workers": 10**9},
        {"workers": 0},
        {"processes_per_worker": -1},
        {"time_limit_seconds": 10**30},
        {"cluster": {"memory_bytes": "much"}},
        {"name": ""},
    ],
)
def test_a_job_that_nobody_could_have_asked_for_is_passed_over(tmp_path: Path, spoilt: dict[str, Any]) -> None:
    assert spec_of(item(**spoilt), bundles=tmp_path) is None


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), 10**400, -5, 0, 4_000_000_000])
def test_a_moment_that_cannot_be_is_that_of_the_objects_making(tmp_path: Path, moment: float) -> None:
    found = spec_of(item(created_at=moment), bundles=tmp_path)
    assert found is not None
    assert found.created_at == MADE_AT
