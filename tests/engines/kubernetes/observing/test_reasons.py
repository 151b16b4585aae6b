"""Why a job waits, fails or starts again, in the words that its page shows."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines.kubernetes.objects import (
    BEGUN,
    GPU_SHORT,
    QUEUE,
    at,
    condition,
    event,
    job,
    observed,
    pod,
    running,
    terminated,
    waiting,
)

from windlass.contract.hub import StartingNode
from windlass.engines.base import State
from windlass.engines.kubernetes.observing.mishaps import no_pods
from windlass.engines.kubernetes.observing.phases import phase
from windlass.engines.kubernetes.observing.reasons import explain
from windlass.engines.kubernetes.observing.scheduling import placement
from windlass.engines.kubernetes.wording import LONGEST, short

OVER_QUOTA = (
    'pods "x" is forbidden: exceeded quota: compute, requested: requests.nvidia.com/gpu=1, used: '
    "requests.nvidia.com/gpu=4, limited: requests.nvidia.com/gpu=4"
)


def why(*pods: Any, item: Any = None, **more: Any) -> str:
    """Two minutes after it was made."""
    names = ("starting", "position", "now")
    asked = {name: more.pop(name) for name in names if name in more}
    seen = observed(item or job(), *pods, **{"seconds_since_created": 120.0, **more})
    return explain(seen, phase(seen), **{"now": BEGUN + 60, **asked})


def test_a_job_that_waits_for_a_gpu_says_how_many_pods_have_a_place_and_what_nodes_lack() -> None:
    assert why(pod(), pod(index=1, message=GPU_SHORT)) == (
        "waiting for a GPU node: 1 of 2 pods placed (of 4 nodes 1 has too few GPUs free and 3 have a taint the job "
        "does not tolerate (nvidia.com/gpu))"
    )


def test_what_karpenter_does_about_it_stands_beside_it() -> None:
    node = StartingNode(
        name="gpu-x7",
        instance_type="g5.xlarge",
        state="launched",
        since=datetime.fromtimestamp(BEGUN + 20, timezone.utc),
    )
    waits = pod(index=1, message=GPU_SHORT)
    assert why(pod(), waits, starting=[node]) == (
        "waiting for a GPU node: 1 of 2 pods placed; Karpenter is starting g5.xlarge, 40 s"
    )
    other = node.model_copy(update={"name": "other-1", "instance_type": "m5.large"})
    nominated = event(waits, "Nominated", "Pod should schedule on: nodeclaim/gpu-x7")
    assert why(pod(), waits, starting=[other, node], events=[nominated]).endswith("starting g5.xlarge, 40 s")
    failed = node.model_copy(update={"state": "failed", "reason": "InsufficientCapacityError"})
    assert "could not start g5.xlarge: InsufficientCapacityError" in why(waits, starting=[failed])
    assert why(waits, events=[event(waits, "TriggeredScaleUp")]).endswith("; the cluster is adding a node")
    assert why(waits, events=[event(waits, "NotTriggerScaleUp")]).endswith("can add none that fits")


@pytest.mark.parametrize(
    ("message", "wanted", "details"),
    [
        (
            "0/1 nodes are available: 1 Insufficient memory.",
            "a node with enough memory",
            "the only node has too little memory free",
        ),
        (
            "0/3 nodes are available: 3 Insufficient cpu.",
            "a node with enough CPU",
            "of 3 nodes 3 have too little CPU free",
        ),
        (
            "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
            "a node with the labels asked for",
            "of 2 nodes 2 have none of the labels asked for",
        ),
        (
            "0/2 nodes are available: 1 Insufficient nvidia.com/mig-1g.5gb, 1 Too many pods.",
            "a GPU node",
            "of 2 nodes 1 has too few GPUs free and 1 has no room for another pod",
        ),
        (
            "0/5 nodes are available: 5 node(s) had untolerated taint {node.kubernetes.io/not-ready: }. preemption: x",
            "a node",
            "of 5 nodes 5 have not come up",
        ),
        ("0/2 nodes are available: 1 node(s) had untolerated taints {a: b}, {c: d}, 1 odd new words.", "a node", None),
        ("0/0 nodes are available", "a node", "the cluster has none now"),
        ("no nodes available to schedule pods", "a node", "no nodes available to schedule pods"),
    ],
)
def test_the_schedulers_sentence_is_read(message: str, wanted: str, details: str | None) -> None:
    found = placement(message)
    assert found.wanted == wanted
    assert details is None or found.details == details


@given(
    st.text(max_size=300) | st.from_regex(r"0/[0-9]{1,3} nodes are available: ([0-9] [a-z (){}:,]{1,40}[,.] ?){1,4}")
)
def test_any_sentence_of_the_scheduler_is_read_to_a_bounded_one(text: str) -> None:
    found = placement(text)
    assert found.wanted
    assert len(found.details) < 1000
    assert found.details.isprintable()


def test_volumes_that_are_not_there_are_named_before_nodes() -> None:
    lost = pod(index=1, message='0/2 nodes are available: persistentvolumeclaim "data" not found.')
    assert why(pod(), lost) == "waiting for its volumes: the volume claim data does not exist"
    unbound = pod(message="0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.")
    assert "no volume yet" in why(unbound)


RPC = (
    'rpc error: code = NotFound desc = failed to pull and unpack image "quay.io/x/y:1": failed to resolve reference '
    '"quay.io/x/y:1": {}'
)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("quay.io/x/y:1: not found", "there is no such image or tag"),
        ("unexpected status from HEAD request: 401 Unauthorized", "wants a login"),
        ("pull access denied, repository does not exist or may require authorization", "wants a login"),
        ("toomanyrequests: You have reached your pull rate limit", "allows no more pulls"),
        ("dial tcp: lookup quay.io: no such host", "cannot be found by its name"),
        ("dial tcp 1.2.3.4:443: i/o timeout", "does not answer"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "is not trusted"),
        ("some new trouble of the registry", "some new trouble of the registry"),
    ],
)
def test_an_image_that_does_not_come_says_why_in_the_registrys_words_shortened(said: str, words: str) -> None:
    direct = pod(state=waiting("ErrImagePull", RPC.format(said)))
    found = why(direct, pod(index=1, state=running()))
    assert found.startswith("the image quay.io/x/y:1 cannot be pulled: ")
    assert words in found
    backing_off = pod(state=waiting("ImagePullBackOff", 'Back-off pulling image "quay.io/x/y:1"'))
    told = event(backing_off, "Failed", f'Failed to pull image "quay.io/x/y:1": {RPC.format(said)}')
    assert why(backing_off, events=[told]) == found


@pytest.mark.parametrize(
    ("reason", "message", "words"),
    [
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "x" : configmap "train" not found',
            "the ConfigMap train that",
        ),
        ("FailedAttachVolume", 'Multi-Attach error for volume "x" Volume is already used by a', "on another node"),
        ("FailedMount", 'MountVolume.SetUp failed for volume "d" : mount failed: exit status 32', "exit status 32"),
    ],
)
def test_a_volume_that_does_not_mount_says_why(reason: str, message: str, words: str) -> None:
    stuck = pod(state=waiting("ContainerCreating"))
    assert words in why(stuck, events=[event(stuck, reason, message)])
    # Once it runs that is over.
    up = pod(state=running())
    assert why(up, pod(index=1, state=running()), events=[event(up, reason, message)]) == ""


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            OVER_QUOTA,
            "the quota compute is used up (GPUs: 1 more asked for, 4 of 4 used)",
        ),
        (
            'pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
            "the namespace allows no such pods (Pod Security restricted:latest): allowPrivilegeEscalation != false",
        ),
        (
            'admission webhook "images.example" denied the request: use our registry',
            "images.example refuses its pods: use our",
        ),
        ("pods is forbidden", "its pods cannot be made: pods is forbidden"),
    ],
)
def test_pods_that_cannot_be_made_say_why(message: str, words: str) -> None:
    refused = event("uid-of-job", "FailedCreatePod", f"Error creating: {message}", seconds=30)
    assert words in why(events=[event("uid-of-job", "SuccessfulCreatePod", seconds=5), refused])
    assert no_pods([refused, event("uid-of-job", "SuccessfulCreatePod", seconds=31)]) == ""


def test_init_containers_are_named_by_what_they_do() -> None:
    def preparing(name: str, **state: Any) -> list[Any]:
        first = {"name": name, "state": state or {"running": {"startedAt": at(3)}}}
        return [pod(index=index, state=waiting("PodInitializing"), init=[first]) for index in range(2)]

    assert why(*preparing("windlass-install")) == "installing packages on 2 of 2 pods"
    assert why(*preparing("windlass-fetch")) == "fetching the bundle on 2 of 2 pods"
    assert why(*preparing("istio-init")) == "running the init container istio-init on 2 of 2 pods"
    assert why(*preparing("windlass-install"), now=BEGUN + 182).endswith(", for 3 min")
    broken = preparing("windlass-install", **terminated(1, message="x\nNo matching distribution found for torhc\n"))
    assert why(*broken) == "installing packages failed on master: No matching distribution found for torhc"


def test_a_job_whose_operator_is_silent_says_so() -> None:
    assert why(seconds_since_created=3.0) == "waiting for the cluster to make its pods"
    assert "the cluster's training operator may not be running" in why(seconds_since_created=90.0)


def test_what_starts_again_says_what_made_it() -> None:
    said = job("PyTorchJob", condition("Running"))
    loop = pod(
        index=1,
        state=waiting("CrashLoopBackOff"),
        last=terminated(137, reason="OOMKilled"),
        restarts=3,
        policy="OnFailure",
    )
    assert why(pod(state=running()), loop, item=said).startswith(
        "worker 0 crashes again and again (3 restarts): it ran out of memory"
    )
    taken = pod(index=1, phase="Failed", conditions=[condition("DisruptionTarget", reason="EvictionByEvictionAPI")])
    again = job("PyTorchJob", condition("Restarting"))
    assert why(pod(state=running()), taken, item=again).startswith("worker 0 was evicted: its node was drained")
    old = [pod("TrainJob", 1, state=terminated(2), phase="Failed", attempt=0)]
    new = [pod("TrainJob", index, message=GPU_SHORT, attempt=1, created=40) for index in range(2)]
    found = why(*old, *new, item=job("TrainJob"), jobset={"status": {"restarts": 1}})
    assert found.startswith("starting again after node 1 ended with exit code 2; waiting for a GPU node: 0 of 2")


def test_a_running_job_says_nothing_but_that_a_node_is_away() -> None:
    up = [pod(state=running()), pod(index=1, state=running())]
    assert why(*up) == ""
    away = pod(index=1, state=running(), pod_reason="NodeLost")
    assert why(up[0], away) == "the node of worker 0 does not answer"


def test_what_is_held_back_says_by_whom() -> None:
    assert why(item=job(suspend=True)) == "held back until it is resumed"
    workload = {"status": {"conditions": [condition("QuotaReserved", true=False, reason="WaitingForQuota")]}}
    found = why(item=job(suspend=True, labels=QUEUE), workload=workload, position=3)
    assert found == "third in queue team-a: waiting for others to end: the quota is in use"


def test_ends_keep_their_own_reason() -> None:
    assert why(item=job("Job", condition("Failed", reason="DeadlineExceeded"))) == "the time limit was reached"
    assert why(item=job(deleted=True)) == "it is being removed from the cluster"


_texts = st.text(max_size=60) | st.sampled_from(
    ["x" * 100_000, "\x1b[31m", "\u202e", "a\nb", "0/3 nodes are available: "]
)


@given(
    kind=st.sampled_from(["PyTorchJob", "TrainJob", "Job"]),
    texts=st.lists(_texts, min_size=4, max_size=4),
    reasons=st.lists(
        st.sampled_from(["Failed", "FailedMount", "FailedCreate", "FailedCreatePod", "Nominated", "x"]), max_size=4
    ),
    waits=st.sampled_from(["ErrImagePull", "CrashLoopBackOff", "InvalidImageName", "ContainerCreating"]),
)
def test_no_words_of_others_make_a_reason_endless_or_unreadable(
    kind: str, texts: list[str], reasons: list[str], waits: str
) -> None:
    stuck = pod(kind, 0, state=waiting(waits, texts[0]))
    lost = pod(kind, 1, message=texts[1])
    events = [event(stuck, reason, texts[2]) for reason in reasons]
    events += [event("uid-of-job", reason, texts[3]) for reason in reasons]
    for pods in ([stuck], [lost], [stuck, lost], []):
        seen = observed(job(kind), *pods, events=events)
        found = explain(seen, phase(seen), now=BEGUN)
        assert len(found) <= 4 * LONGEST
        assert found.isprintable()


@given(st.text())
def test_short_text_is_one_printable_line(text: str) -> None:
    assert len(short(text)) <= LONGEST
    assert short(text).isprintable()
    assert short(short(text)) == short(text)


def test_states_that_say_all_have_no_reason() -> None:
    assert phase(observed(job("Job", condition("Complete")))).state is State.SUCCEEDED
    assert why(item=job("Job", condition("Complete"))) == ""
