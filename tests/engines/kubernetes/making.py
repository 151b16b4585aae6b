"""Jobs and clusters for the tests of manifests, plain ones and any that the contract lets pass."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from windlass.contract.cluster import ClaimMount, ClusterOptions, GpuChoice, PodToleration
from windlass.engines.base import JobSpec
from windlass.engines.kubernetes.model import (
    ClusterFacts,
    ClusterJob,
    Delivery,
    FromArtifacts,
    FromClaim,
    InConfigMap,
    Object,
    ServedKind,
    TrainDialect,
)
from windlass.kube.names import job_labels, object_name, spec_annotations
from windlass.kube.resources import (
    JOB_SETS,
    JOBS,
    PYTORCH_JOBS,
    TRAIN_JOBS,
    TRAINING_RUNTIMES,
    Resource,
)

JOB_ID = "j1tq2x7m8k3f0z"
SHA = "6f1e9c2b5a0d4873" * 4
NAMESPACE = "wl-ada"

TORCH_RUNTIME: Object = {
    "kind": "ClusterTrainingRuntime",
    "metadata": {"name": "torch-distributed", "labels": {"trainer.kubeflow.org/framework": "torch"}},
    "spec": {
        "mlPolicy": {"numNodes": 1, "torch": {}},
        "template": {
            "spec": {
                "replicatedJobs": [
                    {
                        "name": "node",
                        "template": {
                            "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
                            "spec": {
                                "template": {
                                    "spec": {"containers": [{"name": "node", "image": "pytorch/pytorch:2.13.0"}]}
                                }
                            },
                        },
                    }
                ]
            }
        },
    },
}


def cluster(
    *resources: Resource, dialect: TrainDialect | None = "runtimePatches", runtimes: tuple[Object, ...] = ()
) -> ClusterFacts:
    """A cluster that serves these."""
    return ClusterFacts(
        version="1.33",
        kinds={resource.kind: ServedKind(resource=resource) for resource in resources},
        train_dialect=dialect,
        runtimes=runtimes,
    )


EVERYTHING = cluster(JOBS, PYTORCH_JOBS, TRAIN_JOBS, TRAINING_RUNTIMES, JOB_SETS, runtimes=(TORCH_RUNTIME,))


def job_spec(**changes: Any) -> JobSpec:
    """One process of one worker."""
    fields: dict[str, Any] = {
        "id": JOB_ID,
        "name": "train_resnet",
        "owner": "ada",
        "notebook": "work/train_resnet.ipynb",
        "bundle_path": Path("/nowhere/bundle.tar.gz"),
        "bundle_sha256": SHA,
        "python": "",
        "created_at": 1.0,
    }
    return JobSpec(**{**fields, **changes})


def cluster_job(
    *,
    options: ClusterOptions | Mapping[str, Any] | None = None,
    delivery: Delivery | None = None,
    spec: Mapping[str, Any] | None = None,
    **changes: Any,
) -> ClusterJob:
    """A job as the engine hands it over."""
    made = job_spec(**(spec or {}))
    name = object_name(made.name, made.id)
    fields: dict[str, Any] = {
        "spec": made,
        "options": options if isinstance(options, ClusterOptions) else ClusterOptions.model_validate(options or {}),
        "name": name,
        "namespace": NAMESPACE,
        "image": "quay.io/jupyter/pytorch-notebook:2026-10-01",
        "delivery": delivery or InConfigMap(name=name, size_bytes=1000),
        "labels": job_labels(job_id=made.id, owner=made.owner),
        "annotations": spec_annotations(
            {
                "id": made.id,
                "name": made.name,
                "owner": made.owner,
                "notebook": made.notebook,
                "bundle_sha256": made.bundle_sha256,
            }
        ),
        "environment": {"MLFLOW_TRACKING_URI": "http://mlflow.mlflow.svc:5000"},
    }
    return ClusterJob(**{**fields, **changes})


def strings_in(value: Any) -> list[str]:
    """All texts of an object, keys too."""
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *strings_in(item))]
    if isinstance(value, list):
        return [text for item in value for text in strings_in(item)]
    return [value] if isinstance(value, str) else []


_HOSTILE = (
    "$(touch /tmp/x)",
    "`id`",
    "'; rm -rf / #",
    '"}]}, "hostNetwork": true, "x": [{"',
    "a\nb: c\n---\nkind: Secret",
    "$(AWS_SECRET_ACCESS_KEY)",
    "{{ .Values.x }}",
    "--index-url=http://evil",
    "\u202egnp.exe",
)
texts = st.one_of(
    st.sampled_from(_HOSTILE), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
)
names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
label_values = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?", fullmatch=True)
label_keys = st.builds(lambda domain, key: f"{domain}.example/{key}", names, label_values)
_folders = st.lists(
    st.text(string.ascii_letters + string.digits + "-_ '\"$`;{}", min_size=1, max_size=8), min_size=1, max_size=3
)
paths = _folders.map(lambda parts: "/" + "/".join(part.strip() or "x" for part in parts)).filter(
    lambda path: len(path) >= 2
)

gpus = st.one_of(
    st.builds(GpuChoice, product=st.none() | label_values),
    st.builds(GpuChoice, share=st.just("mig"), mig_profile=st.sampled_from(["1g.5gb", "3g.20gb", "1g.10gb.me"])),
    st.builds(
        GpuChoice, share=st.just("time-sliced"), resource=st.sampled_from([None, "nvidia.com/gpu", "amd.com/gpu"])
    ),
)
options_strategy = st.builds(
    ClusterOptions,
    cpu=st.none() | st.floats(0.001, 1024, allow_nan=False),
    memory_bytes=st.none() | st.integers(16 * 2**20, 2**46),
    gpu=gpus,
    node_class=st.sampled_from([None, "spot", "on-demand"]),
    node_selector=st.dictionaries(label_keys, label_values, max_size=3),
    tolerations=st.lists(
        st.builds(
            PodToleration,
            key=label_keys,
            value=st.none() | label_values,
            effect=st.sampled_from([None, "NoSchedule", "PreferNoSchedule", "NoExecute"]),
        ),
        max_size=3,
    ),
    priority_class=st.sampled_from([None, None, "batch-low"]),
    queue=st.none() | names,
    volumes=st.lists(
        st.builds(
            ClaimMount,
            claim=names,
            path=paths,
            sub_path=st.sampled_from([None, "a/b", "runs; rm -rf $(HOME)"]),
            read_only=st.booleans(),
        ),
        max_size=4,
        unique_by=lambda mount: mount.path,
    ),
    keep_seconds=st.integers(0, 60 * 60 * 24 * 60),
)
deliveries = st.one_of(
    st.builds(InConfigMap, name=names, size_bytes=st.integers(1, 800_000)),
    st.builds(FromArtifacts, tracking_uri=st.just("https://mlflow.example/x"), run_id=texts, path=texts),
    st.builds(FromClaim, claim=names, path=texts),
)


@st.composite
def jobs(draw: st.DrawFn, *, most_workers: int = 1024) -> ClusterJob:
    """Any job that may come."""
    spec = {
        "name": draw(texts),
        "owner": draw(texts),
        "notebook": draw(texts),
        "workers": draw(st.integers(1, most_workers)),
        "processes_per_worker": draw(st.integers(1, 16)),
        "gpus_per_worker": draw(st.integers(0, 16)),
        "time_limit_seconds": draw(st.sampled_from([None, None, 1, 60 * 60 * 24 * 60])),
        "retries": draw(st.sampled_from([0, 0, 0, 1, 100])),
    }
    environment = draw(
        st.dictionaries(
            st.one_of(
                st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True),
                st.sampled_from(
                    ["RANK", "PET_NNODES", "WINDLASS_JOB_DIR", "NVIDIA_VISIBLE_DEVICES", "PYTHONPATH", "a b"]
                ),
            ),
            texts,
            max_size=6,
        )
    )
    return cluster_job(
        spec=spec,
        options=draw(options_strategy),
        delivery=draw(deliveries),
        environment=environment,
        packages=draw(st.sampled_from([(), ("einops==0.8.1", "my_pkg")])),
        pull_secrets=draw(st.lists(names, max_size=2, unique=True)),
        restricted=draw(st.booleans()),
        service_account=draw(st.sampled_from([None, "windlass-user"])),
    )
