"""The stand-in for nodes: what the other tests may count on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.kubelet import Kubelet
from tests.cluster.pod_outcomes import OUTCOMES

from windlass.kube.errors import NotFound
from windlass.kube.resources import EVENTS, PODS

pytestmark = pytest.mark.cluster


@pytest.fixture
def kubelet(cluster: Cluster) -> Iterator[Kubelet]:
    cluster.needs_stand_ins()
    yield cluster.kubelet
    assert cluster.kubelet.refused == []


def pod(name: str, **limits: str) -> dict[str, object]:
    container = {"name": "main", "image": "example.invalid/none:1", "resources": {"limits": limits}}
    return {"metadata": {"name": name}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 5}}


async def status(cluster: Cluster, namespace: str, name: str) -> dict[str, object]:
    found = await cluster.admin.get(PODS, name, namespace=namespace)
    return found.get("status", {})


async def reasons(cluster: Cluster, namespace: str, name: str) -> list[str]:
    events, _ = await cluster.admin.list(EVENTS, namespace=namespace, field_selector=f"involvedObject.name={name}")
    return [event["reason"] for event in events]


async def test_a_pod_runs_and_says_so(cluster: Cluster, kubelet: Kubelet) -> None:
    namespace = await cluster.namespace()
    await cluster.create(PODS, pod("one"), namespace=namespace)

    async def running() -> bool:
        return (await status(cluster, namespace, "one")).get("phase") == "Running"

    await eventually(running)
    now = await status(cluster, namespace, "one")
    assert now["podIP"]
    assert {c["type"]: c["status"] for c in now["conditions"]}["Ready"] == "True"
    assert {"Scheduled", "Pulled", "Started"} <= set(await reasons(cluster, namespace, "one"))


@pytest.mark.parametrize("outcome", sorted(set(OUTCOMES) - {"preempted", "running"}))
async def test_a_pod_becomes_what_was_asked_for(cluster: Cluster, kubelet: Kubelet, outcome: str) -> None:
    namespace = await cluster.namespace()
    kubelet.behave(outcome, namespace=namespace, name="one")
    await cluster.create(PODS, pod("one"), namespace=namespace)
    said = {event.reason for event in OUTCOMES[outcome].events}

    async def told() -> bool:
        return said <= set(await reasons(cluster, namespace, "one"))

    await eventually(told)
    wanted = OUTCOMES[outcome].status(await cluster.admin.get(PODS, "one", namespace=namespace), "", "")

    async def there() -> bool:
        now = await status(cluster, namespace, "one")
        return now["phase"] == wanted["phase"] and now.get("reason") == wanted.get("reason")

    await eventually(there)


async def test_a_preempted_pod_goes(cluster: Cluster, kubelet: Kubelet) -> None:
    namespace = await cluster.namespace()
    kubelet.behave("preempted", namespace=namespace)
    await cluster.admin.create(PODS, pod("one"), namespace=namespace)

    async def gone() -> bool:
        try:
            await cluster.admin.get(PODS, "one", namespace=namespace)
        except NotFound:
            return True
        return False

    await eventually(gone)
    assert "Preempted" in await reasons(cluster, namespace, "one")


async def test_pods_share_what_nodes_have_and_wait_for_the_rest(cluster: Cluster, kubelet: Kubelet) -> None:
    namespace = await cluster.namespace()
    node = cluster.unique("node")
    await kubelet.add_node(node, **{"nvidia.com/gpu": "1"})
    for name in ("first", "second"):
        await cluster.create(PODS, pod(name, **{"nvidia.com/gpu": "1"}), namespace=namespace)

    async def phases() -> dict[str, str]:
        items, _ = await cluster.admin.list(PODS, namespace=namespace)
        return {item["metadata"]["name"]: item["status"]["phase"] for item in items}

    async def one_waits() -> bool:
        waiting = [name for name, phase in (await phases()).items() if phase == "Pending"]
        return len(waiting) == 1 and "FailedScheduling" in await reasons(cluster, namespace, waiting[0])

    await eventually(one_waits)
    runs = next(name for name, phase in (await phases()).items() if phase == "Running")
    await cluster.admin.delete(PODS, runs, namespace=namespace)

    async def other_runs() -> bool:
        return list((await phases()).values()) == ["Running"]

    await eventually(other_runs)


async def test_a_pod_that_somebody_holds_has_ended_before_it_goes(cluster: Cluster, kubelet: Kubelet) -> None:
    namespace = await cluster.namespace()
    body = pod("held") | {"metadata": {"name": "held", "finalizers": ["batch.kubernetes.io/job-tracking"]}}
    await cluster.admin.create(PODS, body, namespace=namespace)
    await cluster.admin.delete(PODS, "held", namespace=namespace)

    async def ended() -> bool:
        return (await status(cluster, namespace, "held")).get("phase") == "Failed"

    await eventually(ended)
    await cluster.admin.patch(PODS, "held", {"metadata": {"finalizers": None}}, namespace=namespace)

    async def gone() -> bool:
        return (await cluster.admin.list(PODS, namespace=namespace))[0] == []

    await eventually(gone)
