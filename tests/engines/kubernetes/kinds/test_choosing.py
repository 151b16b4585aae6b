"""Which kind a job becomes, and the sentence that says why."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engines.kubernetes.making import EVERYTHING, cluster, job_spec

from windlass.contract.cluster import ClusterOptions
from windlass.engines.kubernetes.kinds.choosing import choose
from windlass.engines.kubernetes.model import ClusterFacts
from windlass.errors import InvalidRequest
from windlass.kube.resources import JOBS, PYTORCH_JOBS, TRAIN_JOBS

TRAINER_ONLY = cluster(JOBS, TRAIN_JOBS)
NO_OPERATOR = cluster(JOBS)


def chosen(facts: ClusterFacts, *, options: dict[str, Any] | None = None, **spec: Any) -> str:
    kind, why = choose(job_spec(**spec), ClusterOptions.model_validate(options or {}), facts)
    assert why.endswith(".")
    return kind.name


@pytest.mark.parametrize(
    ("facts", "spec", "options", "name"),
    [
        (EVERYTHING, {"workers": 2}, {}, "PyTorchJob"),
        (EVERYTHING, {"imports": ("torch==2.13.0",)}, {}, "PyTorchJob"),
        (EVERYTHING, {"imports": ("scikit-learn==1.9",)}, {}, "Job"),
        (EVERYTHING, {"imports": ("torchmetrics-like",)}, {}, "Job"),
        (EVERYTHING, {"workers": 2}, {"queue": "team-a"}, "TrainJob"),
        (EVERYTHING, {}, {"runtime": "torch-distributed"}, "TrainJob"),
        (EVERYTHING, {"kind": "Job"}, {"queue": "team-a"}, "Job"),
        (TRAINER_ONLY, {"workers": 2}, {}, "TrainJob"),
        (NO_OPERATOR, {"processes_per_worker": 8}, {}, "Job"),
        (cluster(PYTORCH_JOBS), {}, {}, "PyTorchJob"),
    ],
)
def test_the_kind_follows_from_the_cluster_and_the_job(
    facts: ClusterFacts, spec: dict[str, Any], options: dict[str, Any], name: str
) -> None:
    assert chosen(facts, options=options, **spec) == name


@pytest.mark.parametrize(
    ("facts", "spec", "options", "said"),
    [
        (NO_OPERATOR, {"workers": 2}, {}, "no training operator"),
        (NO_OPERATOR, {"kind": "PyTorchJob"}, {}, "does not serve PyTorchJob"),
        (EVERYTHING, {"kind": "TFJob"}, {}, "PyTorchJob, TrainJob, Job"),
        (NO_OPERATOR, {}, {"runtime": "torch-distributed"}, "does not serve TrainJob"),
    ],
)
def test_what_cannot_run_here_is_refused_at_the_kind(
    facts: ClusterFacts, spec: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        chosen(facts, options=options, **spec)
    assert said in str(refused.value)
    assert [each.field for each in refused.value.fields] == ["kind"]
