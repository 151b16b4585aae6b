"""Whatever job the contract lets pass, the API takes its manifests with strict field validation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engines.kubernetes.making import (
    EVERYTHING,
    JOB_ID,
    TORCH_RUNTIME,
    cluster,
    cluster_job,
    jobs,
    strings_in,
)
from tests.engines.kubernetes.schemas import complaints, pod_templates

from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.manifests.delivery import config_map
from windlass.engines.kubernetes.model import ClusterFacts, ClusterJob, InConfigMap, Object
from windlass.kube.resources import TRAIN_JOBS, TRAINING_RUNTIMES

_OLD = (
    cluster(TRAIN_JOBS, TRAINING_RUNTIMES, dialect="podTemplateOverrides", runtimes=(TORCH_RUNTIME,)),
    cluster(TRAIN_JOBS, TRAINING_RUNTIMES, dialect="podSpecOverrides"),
)
_NO_RUNTIMES = cluster(TRAIN_JOBS, dialect="runtimePatches")
CASES = [
    *((name, EVERYTHING) for name in KINDS),
    *(("TrainJob", facts) for facts in (*_OLD, _NO_RUNTIMES)),
]
each_case = pytest.mark.parametrize(
    ("kind", "facts"), CASES, ids=["PyTorchJob", "TrainJob", "Job", "2.1", "2.0", "by-reference"]
)
_few = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def rendered(kind: str, job: ClusterJob, facts: ClusterFacts) -> list[Object]:
    """All that would be made; a job that the kind refuses makes nothing."""
    if KINDS[kind].problems(job, facts):
        return []
    bundle = b"x" if isinstance(job.delivery, InConfigMap) else None
    return [config_map(job, bundle), *KINDS[kind].render(job, facts)]


def containers(item: Object) -> Iterator[Object]:
    for template in pod_templates(item):
        yield from template["spec"]["initContainers"] + template["spec"]["containers"]


@each_case
@_few
@given(data=st.data())
def test_the_api_takes_what_is_made_of_any_job(kind: str, facts: ClusterFacts, data: st.DataObject) -> None:
    job = data.draw(jobs(most_workers=1 if kind == "Job" else 1024))
    for item in rendered(kind, job, facts):
        assert complaints(item) == []
        assert json.loads(json.dumps(item)) == item
        assert item["metadata"]["name"] == job.name
        assert item["metadata"]["namespace"] == job.namespace
        assert item["metadata"]["labels"]["windlass.io/job"] == JOB_ID


@each_case
@_few
@given(data=st.data())
def test_a_users_text_is_a_value_and_never_a_command(kind: str, facts: ClusterFacts, data: st.DataObject) -> None:
    job = data.draw(jobs(most_workers=1 if kind == "Job" else 1024))
    for item in rendered(kind, job, facts):
        for container in containers(item):
            command = [*container["command"], *container.get("args", [])]
            assert command[0] == "python"
            assert all(text.isascii() and " " not in text and "$" not in text for text in command), command
            assert len({entry["name"] for entry in container["env"]}) == len(container["env"])
            for entry in container["env"]:
                assert "$(" not in entry.get("value", "").replace("$$", "")


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for each in value.values() for key in _keys(each)}
    return {key for each in value for key in _keys(each)} if isinstance(value, list) else set()


@each_case
def test_hostile_texts_add_no_field(kind: str, facts: ClusterFacts) -> None:
    hostile = '"}], "hostNetwork": true, "x": [{"\n---\nkind: Secret\nhostPID: true'
    plain = cluster_job()
    odd = cluster_job(
        spec={"name": hostile, "owner": hostile, "notebook": hostile}, environment={"MLFLOW_TRACKING_URI": hostile}
    )
    before, after = ({key for item in rendered(kind, job, facts) for key in _keys(item)} for job in (plain, odd))
    assert before
    assert after == before
    texts = [text for item in rendered(kind, odd, facts) for text in strings_in(item)]
    assert hostile in texts  # it is there, as a value


@each_case
@_few
@given(data=st.data())
def test_no_pod_goes_beyond_the_restricted_profile(kind: str, facts: ClusterFacts, data: st.DataObject) -> None:
    job = data.draw(jobs(most_workers=1 if kind == "Job" else 8))
    for item in rendered(kind, job, facts):
        for template in pod_templates(item):
            spec = template["spec"]
            assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers", "nodeName"} & spec.keys()
            assert spec["automountServiceAccountToken"] is False
            assert spec["enableServiceLinks"] is False
            assert {key for volume in spec["volumes"] for key in volume} <= {
                "name",
                "emptyDir",
                "configMap",
                "persistentVolumeClaim",
            }
            assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert spec["securityContext"].get("runAsNonRoot", False) is job.restricted
            for container in spec["initContainers"] + spec["containers"]:
                security = container["securityContext"]
                assert security["allowPrivilegeEscalation"] is False
                assert (security.get("capabilities") == {"drop": ["ALL"]}) is job.restricted
                assert "privileged" not in security


@pytest.mark.parametrize("kind", KINDS)
def test_pods_carry_the_labels_that_policies_and_watches_select_by(kind: str) -> None:
    (template,) = {
        json.dumps(t, sort_keys=True) for t in pod_templates(KINDS[kind].render(cluster_job(), EVERYTHING)[-2:][0])
    }
    labels = json.loads(template)["metadata"]["labels"]
    assert labels["job-type"] == "training"
    assert labels["windlass.io/job"] == JOB_ID
    assert labels["app.kubernetes.io/managed-by"] == "windlass"


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_stands_in_a_manifest_and_each_is_referred_to(kind: str) -> None:
    made = rendered(kind, cluster_job(), EVERYTHING)
    (env,) = [
        container["env"]
        for item in made
        for template in pod_templates(item)
        for container in template["spec"]["containers"]
    ]
    references = [entry["valueFrom"]["secretKeyRef"] for entry in env if "secretKeyRef" in entry.get("valueFrom", {})]
    assert {"name": "windlass-credentials", "key": "MLFLOW_TRACKING_PASSWORD", "optional": True} in references


@pytest.mark.parametrize("kind", KINDS)
def test_the_jobs_own_object_is_the_last_and_carries_its_record(kind: str) -> None:
    last = KINDS[kind].render(cluster_job(), EVERYTHING)[-1]
    assert last["kind"] == kind
    assert json.loads(last["metadata"]["annotations"]["windlass.io/spec"])["id"] == JOB_ID


@pytest.mark.parametrize("kind", KINDS)
def test_a_queue_is_kueues_label_on_the_jobs_own_object_alone(kind: str) -> None:
    made = rendered(kind, cluster_job(options={"queue": "team-a"}), EVERYTHING)
    queued = [item["kind"] for item in made if "kueue.x-k8s.io/queue-name" in json.dumps(item)]
    assert queued == [kind]
    assert made[-1]["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team-a"
