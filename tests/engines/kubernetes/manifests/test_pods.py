"""A worker's pod: what options become in it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engines.kubernetes.making import cluster_job

from windlass.engines.kubernetes.manifests.pods import pod_template, problems
from windlass.engines.kubernetes.model import Object


def pod_spec(**changes: Any) -> Object:
    return pod_template(cluster_job(**changes), container="worker", command=["python", "x.py"])["spec"]


def ranks(**changes: Any) -> Object:
    (container,) = pod_spec(**changes)["containers"]
    return container


def shared_memory(**options: Any) -> Object:
    (volume,) = [each for each in pod_spec(options=options)["volumes"] if each["name"] == "shm"]
    return volume["emptyDir"]


@pytest.mark.parametrize(
    ("spec", "options", "amounts"),
    [
        ({}, {}, {}),
        ({}, {"cpu": 2}, {"cpu": "2"}),
        ({}, {"cpu": 0.5, "memory_bytes": 512 * 2**20}, {"cpu": "500m", "memory": "512Mi"}),
        ({"gpus_per_worker": 4}, {"memory_bytes": 2**30 + 1}, {"memory": "1073741825", "nvidia.com/gpu": "4"}),
        (
            {"gpus_per_worker": 1},
            {"gpu": {"share": "mig", "mig_profile": "1g.5gb"}},
            {"nvidia.com/mig-1g.5gb": "1"},
        ),
        ({"gpus_per_worker": 1}, {"gpu": {"share": "time-sliced"}}, {"nvidia.com/gpu.shared": "1"}),
        ({"gpus_per_worker": 1}, {"gpu": {"resource": "amd.com/gpu"}}, {"amd.com/gpu": "1"}),
    ],
)
def test_requests_and_limits_are_what_was_asked_for(
    spec: dict[str, Any], options: dict[str, Any], amounts: dict[str, str]
) -> None:
    expected = {"requests": amounts, "limits": amounts} if amounts else {}
    assert ranks(spec=spec, options=options)["resources"] == expected


def test_init_containers_have_the_workers_share_so_that_quotas_let_them_pass_but_no_gpu() -> None:
    spec = pod_spec(spec={"gpus_per_worker": 1}, options={"cpu": 4, "memory_bytes": 2**30}, packages=("einops",))
    amounts = {"cpu": "4", "memory": "1Gi"}
    assert [each["name"] for each in spec["initContainers"]] == ["windlass-fetch", "windlass-install"]
    for container in spec["initContainers"]:
        assert container["resources"] == {"requests": amounts, "limits": amounts}
        assert {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"} in container["env"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"medium": "Memory"}),
        ({"memory_bytes": 64 * 2**30}, {"medium": "Memory", "sizeLimit": "16Gi"}),
        ({"memory_bytes": 2**30}, {"medium": "Memory", "sizeLimit": "1Gi"}),
        ({"memory_bytes": 2**33, "shared_memory_bytes": 2**20}, {"medium": "Memory", "sizeLimit": "1Mi"}),
    ],
)
def test_shared_memory_is_a_part_of_the_memory(options: dict[str, Any], expected: Object) -> None:
    assert shared_memory(**options) == expected


def test_a_claim_is_one_volume_however_often_it_is_mounted() -> None:
    mounts = [
        {"claim": "data", "path": "/data", "read_only": True},
        {"claim": "work", "path": "/work/a", "sub_path": "a"},
        {"claim": "work", "path": "/work/b", "sub_path": "b", "read_only": True},
    ]
    spec = pod_spec(options={"volumes": mounts})
    claims = [each["persistentVolumeClaim"] for each in spec["volumes"] if "persistentVolumeClaim" in each]
    assert claims == [{"claimName": "data", "readOnly": True}, {"claimName": "work"}]
    mounted = {each["mountPath"]: each for each in spec["containers"][0]["volumeMounts"]}
    assert mounted["/data"]["readOnly"] is True
    assert mounted["/work/a"]["subPath"] == "a"
    assert "readOnly" not in mounted["/work/a"]
    assert mounted["/work/b"] == {
        "name": mounted["/work/a"]["name"],
        "mountPath": "/work/b",
        "subPath": "b",
        "readOnly": True,
    }
    assert all("/data" not in str(each["volumeMounts"]) for each in spec["initContainers"])


@pytest.mark.parametrize("path", ["/windlass", "/windlass/job", "/etc/windlass", "/dev/shm", "/proc/x", "//"])
def test_a_volume_cannot_be_mounted_over_what_the_job_needs(path: str) -> None:
    job = cluster_job(options={"volumes": [{"claim": "data", "path": path}]})
    assert [each.field for each in problems(job)] == ["cluster.volumes.0.path"]


def test_two_volumes_at_one_path_and_too_much_shared_memory_are_told_at_their_fields() -> None:
    mounts = [{"claim": "a", "path": "/data"}, {"claim": "b", "path": "/data/"}]
    job = cluster_job(options={"volumes": mounts, "memory_bytes": 2**30, "shared_memory_bytes": 2**31})
    assert [each.field for each in problems(job)] == ["cluster.volumes.1.path", "cluster.shared_memory_bytes"]


def test_a_folder_that_only_sounds_alike_can_be_mounted() -> None:
    job = cluster_job(
        options={"volumes": [{"claim": "a", "path": "/windlass-data"}, {"claim": "b", "path": "/devices"}]}
    )
    assert problems(job) == []


def test_account_priority_and_pull_secrets_are_there_only_when_they_are_given() -> None:
    plain = pod_spec()
    assert not {"serviceAccountName", "priorityClassName", "imagePullSecrets", "nodeSelector", "tolerations"} & set(
        plain
    )
    given = pod_spec(service_account="windlass-user", pull_secrets=["reg"], options={"priority_class": "high"})
    assert given["serviceAccountName"] == "windlass-user"
    assert given["priorityClassName"] == "high"
    assert given["imagePullSecrets"] == [{"name": "reg"}]
    assert given["automountServiceAccountToken"] is False


def test_an_image_of_root_runs_as_a_user_with_a_number_unless_the_profile_is_given_up() -> None:
    assert pod_spec(user_id=1234)["securityContext"]["runAsUser"] == 1234
    assert "runAsUser" not in pod_spec(restricted=False)["securityContext"]


def test_a_cluster_that_gives_users_itself_is_left_to_do_so() -> None:
    security = pod_spec(user_id=None, group_id=None)["securityContext"]
    assert security == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_a_variable_that_no_process_can_be_given_is_refused_before_a_pod_fails_by_it() -> None:
    # Linux takes 131072 bytes with the final NUL.
    room = 128 * 1024 - len("A=") - 1
    assert problems(cluster_job(environment={"A": "x" * room})) == []
    (found,) = problems(cluster_job(environment={"A": "x" * (room + 1)}))
    assert found.field == "environment"
    (found,) = problems(cluster_job(environment={"A": "\u00fc" * (room // 2 + 1)}))
    assert found.message.startswith("No process can be given a variable of 128 KiB: make A shorter")
