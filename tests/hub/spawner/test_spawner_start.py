"""Starting pods on a Kubernetes API: what is started, what is refused, and that nothing half-made is left."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from jupyterhub.spawner import SpawnException
from kubespawner import KubeSpawner
from tests.cluster.cluster import eventually
from tests.cluster.pod_outcomes import Said
from tests.hub.spawner.conftest import Hubs, user_named

from windlass.kube.resources import PODS, RESOURCE_QUOTAS
from windlass_hub.spawner import WindlassSpawner

pytestmark = pytest.mark.cluster

CATALOGUE = """
profiles:
  - {slug: cpu, display_name: CPU, cpu: 2, memory: 4G, default: true}
  - slug: t4
    display_name: Tesla T4
    cpu: 4
    memory: 16G
    gpu: {product: Tesla-T4, count: 1}
    node_selector: {gpu-type: t4}
  - {slug: research, display_name: Research, cpu: 1, memory: 1G, groups: [research]}
"""


@pytest.fixture
def profiles(tmp_path: Path) -> str:
    file = tmp_path / "profiles.yaml"
    file.write_text(CATALOGUE)
    return f"file:{file}"


async def pods(hubs: Hubs) -> list[dict[str, Any]]:
    found, _ = await hubs.cluster.admin.list(PODS, namespace=hubs.namespace)
    return found


async def refusal(spawner: Any) -> SpawnException:
    with pytest.raises(SpawnException) as caught:
        await spawner.start()
    assert str(caught.value.message).strip()
    return caught.value


async def test_a_profile_becomes_a_pod_and_the_next_start_has_nothing_left_of_it(hubs: Hubs, profiles: str) -> None:
    spawner = hubs.spawner(profile_store=profiles, options={"profile": "t4"}, tolerations=[{"key": "ours"}])
    assert (await spawner.start()).startswith("http://")
    (pod,) = await pods(hubs)
    limits = pod["spec"]["containers"][0]["resources"]["limits"]
    assert limits["nvidia.com/gpu"] == "1"
    assert pod["spec"]["nodeSelector"] == {"gpu-type": "t4"}
    assert {"key": "ours"} in [{"key": each["key"]} for each in pod["spec"]["tolerations"]]
    assert spawner.get_state()["windlass"]["chosen"]["profile"] == "t4"
    assert await spawner.poll() is None
    await spawner.stop()
    assert await pods(hubs) == []

    spawner.user_options = {"profile": "cpu"}
    spawner.clear_state()
    await spawner.start()
    (pod,) = await pods(hubs)
    assert "nvidia.com/gpu" not in pod["spec"]["containers"][0]["resources"]["limits"]
    assert not pod["spec"].get("nodeSelector")
    await spawner.stop()


@pytest.mark.parametrize("kind", [WindlassSpawner, KubeSpawner], ids=["ours", "stock"])
async def test_a_profile_of_a_stock_list_leaves_nothing_for_the_next(hubs: Hubs, kind: type[KubeSpawner]) -> None:
    gpu = {"extra_resource_limits": {"nvidia.com/gpu": "1"}, "node_selector": {"gpu": "yes"}}
    profile_list = [
        {"display_name": "gpu", "slug": "gpu", "kubespawner_override": gpu},
        {"display_name": "cpu", "slug": "cpu", "kubespawner_override": {"cpu_limit": 1}},
    ]
    spawner = hubs.spawner(kind=kind, profile_list=profile_list, options={"profile": "gpu"})
    await spawner.load_user_options()
    spawner.clear_state()
    spawner.node_selector = {**spawner.node_selector, "by-a-hook": "yes"}
    spawner.user_options = {"profile": "cpu"}
    await spawner.load_user_options()
    left = {"gpu": "yes"} if kind is KubeSpawner else {}  # what makes the override necessary
    assert spawner.node_selector == {"by-a-hook": "yes", **left}
    assert bool(spawner.extra_resource_limits) == (kind is KubeSpawner)


@pytest.mark.parametrize("kind", [WindlassSpawner, KubeSpawner], ids=["ours", "stock"])
async def test_an_image_that_may_not_be_typed_is_refused_also_without_a_profile(
    hubs: Hubs, kind: type[KubeSpawner]
) -> None:
    unlisted = {"enabled": False, "kubespawner_override": {"image": "{value}"}}
    option = {"unlisted_choice": unlisted, "choices": {"a": {"kubespawner_override": {"image": "good:1"}}}}
    profile_list = [{"display_name": "one", "profile_options": {"image": option}}]
    spawner = hubs.spawner(kind=kind, profile_list=profile_list, options={"image--unlisted-choice": "evil:1"})
    if kind is KubeSpawner:
        await spawner.load_user_options()
        assert spawner.image == "evil:1"  # the way that is closed
        return
    with pytest.raises(SpawnException):
        await spawner.load_user_options()
    assert spawner.image != "evil:1"


async def test_loading_options_twice_is_as_loading_them_once(hubs: Hubs, profiles: str) -> None:
    spawner = hubs.spawner(profile_store=profiles, options={"profile": "t4"}, tolerations=[{"key": "ours"}])
    await spawner.load_user_options()
    once = (await spawner.get_pod_manifest()).to_dict()
    await spawner.load_user_options()
    assert (await spawner.get_pod_manifest()).to_dict() == once


async def test_another_groups_profile_is_refused_whatever_way_it_is_asked_for(hubs: Hubs, profiles: str) -> None:
    error = await refusal(hubs.spawner(profile_store=profiles, options={"profile": "research"}))
    assert error.reason == "option"
    assert await pods(hubs) == []
    allowed = hubs.spawner(profile_store=profiles, options={"profile": "research"}, groups=("research",))
    await allowed.start()
    await allowed.stop()


async def test_a_profile_of_a_hub_that_is_set_up_wrong_is_a_sentence(hubs: Hubs) -> None:
    wrong = [{"display_name": "x", "kubespawner_override": {"cpu_limit": ["a", "b"]}}]
    assert (await refusal(hubs.spawner(profile_list=wrong))).reason == "profile"


async def test_a_quota_that_is_used_up_is_no_error_of_the_hub(hubs: Hubs, caplog: pytest.LogCaptureFixture) -> None:
    quota = {"metadata": {"name": "windlass"}, "spec": {"hard": {"pods": "0"}}}
    await hubs.cluster.create(RESOURCE_QUOTAS, quota, namespace=hubs.namespace)
    spawner = hubs.spawner()
    if hubs.cluster.emulator is None:
        # A real quota is in force once its controller has seen it.
        async def counted() -> bool:
            found = await hubs.cluster.admin.get(RESOURCE_QUOTAS, "windlass", namespace=hubs.namespace)
            return bool(found.get("status", {}).get("hard"))

        await eventually(counted, what="the quota in force")
    with caplog.at_level(logging.DEBUG):
        error = await refusal(spawner)
    assert error.reason == "quota"
    assert "pods: 1 asked for" in error.message
    assert await pods(hubs) == []
    assert "secret-token" not in caplog.text


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("path", "status", "message", "reason"),
    [
        ("/pods", 403, 'admission webhook "w.x" denied the request: not on Sundays', "admission"),
        ("/pods", 404, 'namespaces "gone" not found', "namespace"),
        ("/pods", 422, 'Pod "p" is invalid: spec.x: Forbidden', "invalid"),
        ("/persistentvolumeclaims", 403, "exceeded quota: q, requested: a=1, used: a=1, limited: a=1", "quota"),
    ],
)
async def test_what_the_api_server_refuses_is_a_refusal(
    hubs: Hubs, path: str, status: int, message: str, reason: str
) -> None:
    hubs.cluster.faults.fail("POST", path, status, message, times=None)
    spawner = hubs.spawner(storage_pvc_ensure=True, storage_capacity="1M")
    assert (await refusal(spawner)).reason == reason
    assert await pods(hubs) == []


@pytest.mark.emulator
async def test_what_works_in_a_moment_is_tried_again(hubs: Hubs) -> None:
    faults = hubs.cluster.faults
    faults.fail("POST", "/pods", 500, "etcdserver: leader changed", times=1)
    faults.fail("POST", "/pods", 403, 'error looking up service account x/default: serviceaccount "default" not found')
    faults.fail("POST", "/pods", 409, "the object has been modified", reason="Conflict")
    spawner = hubs.spawner()
    await spawner.start()
    await spawner.stop()


@pytest.mark.emulator
async def test_a_pod_whose_request_was_lost_is_found_and_not_left(hubs: Hubs) -> None:
    hubs.cluster.faults.drop("POST", "/pods", times=1)
    spawner = hubs.spawner()
    await spawner.start()
    assert len(await pods(hubs)) == 1
    await spawner.stop()
    assert await pods(hubs) == []


@pytest.mark.emulator
async def test_an_api_server_that_is_away_is_said_in_words(hubs: Hubs) -> None:
    spawner = hubs.spawner(k8s_api_request_retry_timeout=1)
    await spawner.poll()
    hubs.cluster.faults.fail("POST", "/pods", 503, "away", times=None)
    assert (await refusal(spawner)).reason == "kubernetes_away"


async def test_a_node_that_does_not_come_is_waited_for_no_longer_than_asked(hubs: Hubs, profiles: str) -> None:
    kubelet = hubs.cluster.kubelet or pytest.skip("There are real nodes.")
    kubelet.behave("unschedulable", namespace=hubs.namespace)
    spawner = hubs.spawner(profile_store=profiles, options={"profile": "t4"}, start_minutes=0.02)
    error = await refusal(spawner)
    assert error.reason == "unschedulable"
    assert error.message.endswith("a node with Tesla-T4: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")
    assert await pods(hubs) == []


async def test_an_image_that_cannot_be_pulled_ends_the_start_early(hubs: Hubs, monkeypatch: pytest.MonkeyPatch) -> None:
    kubelet = hubs.cluster.kubelet or pytest.skip("There are real nodes.")
    monkeypatch.setattr("windlass_hub.pods.patience.PULL_SECONDS", 0.5)
    kubelet.behave("image-pull-back-off", namespace=hubs.namespace)
    error = await refusal(hubs.spawner(start_timeout=120))
    assert error.reason == "image"
    assert "cannot be pulled" in error.message
    assert await pods(hubs) == []


async def test_a_server_that_crashes_at_the_start_is_given_up(hubs: Hubs) -> None:
    kubelet = hubs.cluster.kubelet or pytest.skip("There are real nodes.")
    kubelet.behave("crash-loop", namespace=hubs.namespace)
    error = await refusal(hubs.spawner(start_timeout=120))
    assert error.reason == "crash"
    assert "ended with exit code 1, 3 times" in error.message
    assert await pods(hubs) == []


async def test_a_start_that_jupyterhub_cancels_leaves_no_pod(hubs: Hubs) -> None:
    kubelet = hubs.cluster.kubelet or pytest.skip("There are real nodes.")
    kubelet.behave("pending", namespace=hubs.namespace)
    spawner = hubs.spawner()
    start = spawner.start()

    async def made() -> bool:
        return bool(await pods(hubs))

    await eventually(made, what="a pod")
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert await pods(hubs) == []


@pytest.mark.parametrize(
    ("outcome", "reason", "said"), [("preempted", "preempted", "higher priority"), (None, "pod", "was deleted")]
)
async def test_a_pod_that_is_taken_away_while_it_starts_is_not_waited_for(
    hubs: Hubs, outcome: str | None, reason: str, said: str
) -> None:
    kubelet = hubs.cluster.kubelet or pytest.skip("There are real nodes.")
    kubelet.behave("pending", namespace=hubs.namespace)
    spawner = hubs.spawner(start_timeout=600)
    start = spawner.start()
    await eventually(lambda: spawner.pod_reflector and spawner.pod_reflector.pods, what="the pod in the reflector")
    if outcome:
        await kubelet.become(hubs.namespace, spawner.pod_name, outcome)
    else:
        await hubs.cluster.admin.delete(PODS, spawner.pod_name, namespace=hubs.namespace)
    with pytest.raises(SpawnException) as caught:
        await asyncio.wait_for(start, 20)
    assert caught.value.reason == reason
    assert said in caught.value.message


async def test_a_pod_left_by_a_hub_that_went_down_is_replaced(hubs: Hubs) -> None:
    left = hubs.spawner()
    await left.start()
    (old,) = await pods(hubs)
    spawner = hubs.spawner()
    await spawner.start()
    (new,) = await pods(hubs)
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    await spawner.stop()


@pytest.mark.emulator
async def test_a_pod_that_is_in_the_way_and_cannot_be_looked_at_is_no_error_of_the_hub(hubs: Hubs) -> None:
    await hubs.spawner().start()
    spawner = hubs.spawner()
    rule = hubs.cluster.faults.fail("GET", f"/pods/{spawner.pod_name}", 503, "away", times=None)
    assert (await refusal(spawner)).reason == "kubernetes_away"
    hubs.cluster.faults.lift(rule)
    assert len(await pods(hubs)) == 1  # whose it is was not known, so it was left alone


async def test_another_users_pod_of_the_same_name_is_not_touched(hubs: Hubs) -> None:
    other = hubs.spawner("ann", pod_name_template="same")
    await other.start()
    spawner = hubs.spawner("bob", pod_name_template="same")
    assert (await refusal(spawner)).reason == "name_taken"
    assert await other.poll() is None
    await other.stop()


async def test_progress_tells_each_event_once_and_survives_one_without_a_time(hubs: Hubs) -> None:
    kubelet = hubs.cluster.kubelet or pytest.skip("There are real nodes.")
    kubelet.behave("unschedulable", namespace=hubs.namespace)
    spawner = hubs.spawner()
    start = spawner.start()
    messages: list[str] = []

    async def collect() -> None:
        async for item in spawner.progress():
            messages.append(item["message"])
            assert item["html_message"]
            assert 0 <= item["progress"] <= 90

    collecting = asyncio.create_task(collect())
    await eventually(lambda: any("Insufficient" in each for each in messages), what="the scheduler's word")
    await kubelet.say(
        hubs.namespace, spawner.pod_name, Said("Odd", "no time at all"), lastTimestamp=None, firstTimestamp=None
    )
    await eventually(lambda: any("no time at all" in each for each in messages), what="an event without a time")
    kubelet.behave("running", namespace=hubs.namespace)
    await start
    await collecting
    assert any("Started container" in each for each in messages)
    assert len(messages) == len(set(messages))
    await spawner.stop()


async def test_a_user_of_some_other_kind_is_survived(hubs: Hubs) -> None:
    user = Mock(url="/user/mock/", escaped_name="mock")
    user.name = "mock"
    spawner = WindlassSpawner(user=user, _mock=True, namespace=hubs.namespace)
    assert spawner.person().groups == frozenset()
    spawner.user_options = {}
    await spawner.load_user_options()
    await spawner.get_pod_manifest()
    assert spawner.get_state()["namespace"] == hubs.namespace
    assert user_named("x").name == "x"
