"""The example this project began with: ImageNet on eight spot nodes, one GPU and 32 GiB each, data on a claim."""

from __future__ import annotations

import json
from pathlib import Path

from tests.engines.kubernetes.making import EVERYTHING, cluster_job
from tests.engines.kubernetes.schemas import complaints

from windlass.bundle.archive import Entry, manifest_entry, read_manifest, write_bundle
from windlass.engines.kubernetes.kinds.choosing import choose
from windlass.engines.kubernetes.manifests.delivery import config_map
from windlass.engines.kubernetes.model import Object

JOB = cluster_job(
    spec={
        "name": "train-resnet",
        "workers": 8,
        "processes_per_worker": 1,
        "gpus_per_worker": 1,
        "imports": ("torch==2.13.0",),
    },
    options={
        "image": "pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime",
        "memory_bytes": 32 * 2**30,
        "node_class": "spot",
        "volumes": [{"claim": "imagenet-dataset", "path": "/data"}],
    },
    image="pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime",
)


def the_job() -> Object:
    kind, _ = choose(JOB.spec, JOB.options, EVERYTHING)
    assert kind.problems(JOB, EVERYTHING) == []
    (made,) = kind.render(JOB, EVERYTHING)
    assert complaints(made) == []
    return made


def test_it_is_a_pytorchjob_of_one_master_and_seven_workers() -> None:
    made = the_job()
    assert (made["apiVersion"], made["kind"]) == ("kubeflow.org/v1", "PyTorchJob")
    replicas = made["spec"]["pytorchReplicaSpecs"]
    assert {role: spec["replicas"] for role, spec in replicas.items()} == {"Master": 1, "Worker": 7}
    assert made["spec"]["nprocPerNode"] == "1"


def test_every_pod_is_on_a_spot_node_with_one_gpu_and_32_gi_and_the_data_at_data() -> None:
    for role in the_job()["spec"]["pytorchReplicaSpecs"].values():
        pod = role["template"]["spec"]
        (container,) = pod["containers"]
        assert container["name"] == "pytorch"
        assert pod["nodeSelector"] == {"karpenter.sh/capacity-type": "spot"}
        asked = {"memory": "32Gi", "nvidia.com/gpu": "1"}
        assert container["resources"] == {"requests": asked, "limits": asked}
        (volume,) = [each for each in pod["volumes"] if "persistentVolumeClaim" in each]
        assert volume["persistentVolumeClaim"] == {"claimName": "imagenet-dataset"}
        assert {"name": volume["name"], "mountPath": "/data"} in container["volumeMounts"]
        assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in pod["tolerations"]


def test_every_pod_runs_torchrun_on_the_bundles_entry_point() -> None:
    for role in the_job()["spec"]["pytorchReplicaSpecs"].values():
        (container,) = role["template"]["spec"]["containers"]
        assert container["command"] == ["python", "-m", "torch.distributed.run", "/windlass/bundle/windlass_run.py"]


def test_its_arguments_are_the_parameters_in_the_bundle_and_on_no_command_line(tmp_path: Path) -> None:
    parameters = {"epochs": 90, "lr": 0.1, "data": "/data", "note": "--epochs $(id) '"}
    manifest = {"format": 1, "notebook": "train.ipynb", "parameters": parameters, "files": [], "search_folders": []}
    entries = [manifest_entry(manifest), Entry.of_bytes("files/train.ipynb", b"{}")]
    bundle = write_bundle(entries, folder=tmp_path, content_bytes=2)
    made = [config_map(JOB, bundle.path.read_bytes()), the_job()]
    assert read_manifest(bundle.path)["parameters"] == parameters
    assert "$(id)" not in json.dumps(made)
