"""One job of each kind, written out for a reader: the files in manifests/ are what is made.

After a change that is meant, `WINDLASS_REWRITE_MANIFESTS=1 pytest` with this file writes them anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from tests.engines.kubernetes.making import EVERYTHING, TORCH_RUNTIME, cluster, cluster_job

from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.manifests.delivery import config_map
from windlass.engines.kubernetes.model import ClusterFacts, ClusterJob, FromArtifacts, FromClaim, InConfigMap
from windlass.kube.resources import TRAIN_JOBS

FOLDER = Path(__file__).parent / "manifests"

_TWO_NODES = {"workers": 2, "processes_per_worker": 2, "gpus_per_worker": 2, "retries": 1, "time_limit_seconds": 43200}
_OPTIONS = {
    "cpu": 8,
    "memory_bytes": 64 * 2**30,
    "gpu": {"product": "NVIDIA-H100-80GB-HBM3"},
    "node_class": "spot",
    "priority_class": "training",
    "queue": "team-a",
    "volumes": [
        {"claim": "imagenet-dataset", "path": "/data", "read_only": True},
        {"claim": "home-ada", "path": "/checkpoints", "sub_path": "checkpoints"},
    ],
}
_BY_REFERENCE = {
    "spec": {**_TWO_NODES, "retries": 0},
    "options": {**_OPTIONS, "priority_class": None, "runtime": "torch-distributed"},
}
JOBS: dict[str, tuple[str, ClusterJob, ClusterFacts]] = {
    "pytorchjob": ("PyTorchJob", cluster_job(spec=_TWO_NODES, options=_OPTIONS), EVERYTHING),
    "trainjob": (
        "TrainJob",
        cluster_job(
            spec=_TWO_NODES,
            options=_OPTIONS,
            delivery=FromArtifacts(
                tracking_uri="http://mlflow.mlflow.svc:5000",
                run_id="556c2963c1ae4bea9f8a596c91155a1b",
                path="windlass/bundle.tar.gz",
            ),
            packages=("einops==0.8.1", "timm"),
        ),
        EVERYTHING,
    ),
    "job": (
        "Job",
        cluster_job(
            spec={"gpus_per_worker": 1, "retries": 2},
            options={"gpu": {"share": "mig", "mig_profile": "1g.5gb"}, "cpu": 0.5, "memory_bytes": 4 * 2**30},
            delivery=FromClaim(claim="home-ada", path=".windlass/bundles/6f1e.tar.gz"),
            service_account="windlass-user",
        ),
        EVERYTHING,
    ),
    **{
        f"trainjob-{dialect}": (
            "TrainJob",
            cluster_job(
                **{
                    **_BY_REFERENCE,
                    "spec": {**_BY_REFERENCE["spec"], "time_limit_seconds": None},
                    "restricted": dialect == "runtimePatches",
                }
            ),
            cluster(TRAIN_JOBS, dialect=dialect, runtimes=(TORCH_RUNTIME,)),
        )
        for dialect in ("podSpecOverrides", "podTemplateOverrides", "runtimePatches")
    },
}


class _Readable(yaml.SafeDumper):
    """No anchors: each object is read by itself."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text)


def written(name: str) -> str:
    kind, job, facts = JOBS[name]
    assert KINDS[kind].problems(job, facts) == []
    objects = [config_map(job, b"the bundle" if isinstance(job.delivery, InConfigMap) else None)]
    # Programs change more often than manifests, and are files of their own already.
    objects[0]["data"] = {
        name: text if name == "requirements.txt" else f"(the file runner/{name})"
        for name, text in objects[0]["data"].items()
    }
    objects += KINDS[kind].render(job, facts)
    return yaml.dump_all(objects, Dumper=_Readable, sort_keys=False, width=120)


@pytest.mark.parametrize("name", JOBS)
def test_what_is_made_is_what_the_file_shows(name: str) -> None:
    file = FOLDER / f"{name}.yaml"
    if os.environ.get("WINDLASS_REWRITE_MANIFESTS"):
        file.write_text(written(name), encoding="utf-8")
    assert written(name) == file.read_text(encoding="utf-8")


def test_there_is_no_file_too_many() -> None:
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(JOBS)
