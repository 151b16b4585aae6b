"""Which object belongs to which job, in whatever order they come; and what is kept of them."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from tests.engines.kubernetes.making import cluster as cluster_of
from tests.engines.kubernetes.making import cluster_job
from tests.engines.kubernetes.objects import BEGUN, at, condition, job, pod, running

from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.observing import job_index, trimming
from windlass.engines.kubernetes.observing.job_index import JobIndex
from windlass.kube.names import spec_from
from windlass.kube.resources import JOBS, PYTORCH_JOBS, TRAIN_JOBS, TRAINING_RUNTIMES


def note(index: JobIndex, *items: Object, old: Object | None = None, now: float = 0.0) -> list[str]:
    return [job_id for item in items for job_id in index.note(old, item, now=now, wall=BEGUN + now)]


def event(name: str, uid: str, kind: str = "Pod", about: str = "x", **more: Any) -> Object:
    involved = {"kind": kind, "name": about, "uid": uid}
    return {"kind": "Event", "metadata": {"name": name}, "involvedObject": involved, "lastTimestamp": at(1), **more}


def test_objects_find_their_job_in_every_order() -> None:
    made = job("TrainJob")
    unlabelled = pod("TrainJob", 1)
    del unlabelled["metadata"]["labels"]["windlass.io/job"]
    unlabelled["metadata"]["labels"]["jobset.sigs.k8s.io/jobset-name"] = "train"
    jobset = {"kind": "JobSet", "metadata": {"name": "train", "uid": "uid-of-jobset"}}
    workload = {"kind": "Workload", "metadata": {"name": "w", "labels": {"kueue.x-k8s.io/job-uid": "uid-of-job"}}}
    child = {
        "kind": "Job",
        "metadata": {"name": "train-node-0", "uid": "uid-of-child", "labels": made["metadata"]["labels"]},
    }
    child["metadata"]["ownerReferences"] = [{"uid": "uid-of-jobset"}]
    events = [event("e1", unlabelled["metadata"]["uid"]), event("e2", "uid-of-child", "Job"), event("e3", "else")]
    for order in itertools.permutations([made, unlabelled, jobset, workload, child]):
        index = JobIndex()
        told = note(index, *events, *order)
        assert set(told) == {"j1"}
        seen = index.seen("j1", now=0)
        assert seen is not None
        assert (seen.job, list(seen.pods), seen.jobset, seen.workload) == (made, [unlabelled], jobset, workload)
        assert {each["metadata"]["name"] for each in seen.events} >= {"e1"}
        assert index.job_ids() == ["j1"]


def test_pods_alone_are_no_job() -> None:
    index = JobIndex()
    assert note(index, pod(state=running())) == []
    assert index.seen("j1", now=0) is None


def test_events_of_a_claim_reach_the_jobs_whose_pods_mount_it() -> None:
    index, mounting = JobIndex(), pod()
    mounting["spec"]["volumes"] = [{"persistentVolumeClaim": {"claimName": "data"}}]
    note(index, job(), mounting)
    assert note(index, event("e", "uid-of-claim", "PersistentVolumeClaim", "data")) == ["j1"]
    assert [each["metadata"]["name"] for each in index.seen("j1", now=0).events] == ["e"]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_index, "MOST_GONE", 2)
    index = JobIndex()
    note(index, job(), *(event(f"e{number}", "uid-of-job", "PyTorchJob") for number in range(100)))
    names = [each["metadata"]["name"] for each in index.seen("j1", now=0).events]
    assert names == [f"e{number}" for number in range(100 - job_index.MOST_EVENTS, 100)]
    for number in range(4):
        gone = job()
        gone["metadata"] |= {"labels": {"windlass.io/job": f"g{number}"}, "name": f"gone-{number}", "uid": f"u{number}"}
        note(index, gone)
        index.note(gone, None, now=0, wall=BEGUN)
    assert [index.seen(f"g{number}", now=0) is not None for number in range(4)] == [False, False, True, True]
    assert index.seen("j1", now=0) is not None


def test_replaced_pods_are_counted_only_while_the_job_goes_on() -> None:
    def replace(index: JobIndex) -> int:
        old, new = pod(), pod(created=40, uid="another")
        new["metadata"]["name"] = old["metadata"]["name"]
        index.note(old, None, now=0, wall=BEGUN)
        note(index, new)
        return index.seen("j1", now=0).replaced

    going_on, held, ended = JobIndex(), JobIndex(), JobIndex()
    note(going_on, job(), pod())
    assert replace(going_on) == 1
    note(held, job(suspend=True), pod())
    assert replace(held) == 0
    note(ended, job("PyTorchJob", condition("Failed")), pod())
    assert replace(ended) == 0
    # Its pods went before it was told that Kueue has suspended it.
    late, old = JobIndex(), pod()
    note(late, job(), old)
    late.note(old, None, now=0, wall=BEGUN)
    note(late, job(suspend=True), job(), old)
    assert late.seen("j1", now=0).replaced == 0


def test_the_age_of_a_job_does_not_trust_the_clusters_clock() -> None:
    index = JobIndex()
    note(index, job(), now=30)
    assert index.seen("j1", now=34).seconds_since_created == 4
    index = JobIndex()
    note(index, job(), now=3600)
    assert index.seen("j1", now=3604).seconds_since_created == 3604


EVERYTHING = cluster_of(JOBS, PYTORCH_JOBS, TRAIN_JOBS, TRAINING_RUNTIMES)


@pytest.mark.parametrize("kind", ["PyTorchJob", "TrainJob", "Job"])
def test_a_job_is_kept_without_its_pods_template_and_with_what_it_is_made_anew_from(kind: str) -> None:
    (*_, made) = KINDS[kind].render(cluster_job(), EVERYTHING)
    made["metadata"] |= {"uid": "u", "managedFields": [{"manager": "x" * 5000}]}
    kept = trimming.job_object(made)
    assert len(json.dumps(kept)) < 1500
    assert spec_from(kept["metadata"]["annotations"]) == spec_from(made["metadata"]["annotations"])
    assert kept["metadata"]["labels"] == made["metadata"]["labels"]


def test_a_pod_is_kept_with_what_its_state_is_read_from() -> None:
    whole = pod(
        "TrainJob", state={"terminated": {"exitCode": 1, "message": "x" * 9000 + "the end"}}, message="y" * 9000
    )
    whole["spec"]["containers"][0]["env"] = [{"name": "A", "value": "z" * 9000}]
    kept = trimming.pod(whole)
    assert len(json.dumps(kept)) < 4000
    from windlass.engines.kubernetes.observing.pod_status import read

    assert read(kept).main.ending.message.endswith("the end")
    assert read(kept).title == read(whole).title


def test_an_event_about_something_else_leaves_only_its_name() -> None:
    other = event("e", "u", "Node", message="x" * 9000)
    assert trimming.event(other) == {"kind": "Event", "metadata": {"name": "e"}}
    assert len(trimming.event(event("e", "u", message="x" * 9000))["message"]) <= 600
