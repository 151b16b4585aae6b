"""What the hub believes of running servers, also while it cannot see them, and how servers are ended."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest
from jupyterhub import orm
from jupyterhub.spawner import SpawnException
from kubernetes_asyncio.client.rest import ApiException
from kubespawner import KubeSpawner
from tests.cluster.cluster import eventually
from tests.hub.spawner.conftest import Hubs
from tornado import web

from windlass.kube.resources import PODS
from windlass_hub.pods.reflectors import SteadyReflector
from windlass_hub.spawner import WindlassSpawner

pytestmark = pytest.mark.cluster


async def there(hubs: Hubs, spawner: Any) -> bool:
    found, _ = await hubs.cluster.admin.list(PODS, namespace=hubs.namespace)
    return any(pod["metadata"]["name"] == spawner.pod_name for pod in found)


async def started(hubs: Hubs, **traits: Any) -> Any:
    spawner = hubs.spawner(**traits)
    await spawner.start()
    return spawner


async def ends(spawner: Any) -> int:
    async def ended() -> tuple[int] | None:
        status = await spawner.poll()
        return None if status is None else (status,)

    return int((await eventually(ended, what="the end of the server"))[0])


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("evicted", "evicted from its node"),
        ("preempted", "higher priority"),
        ("failed", "exit code 1"),
        ("succeeded", "ended by itself"),
        ("node-lost", "lost or shut down"),
    ],
)
async def test_a_server_that_was_ended_is_reported_as_what_happened(hubs: Hubs, outcome: str, said: str) -> None:
    kubelet = hubs.cluster.kubelet or pytest.skip("There are real nodes.")
    spawner = await started(hubs)
    await kubelet.become(hubs.namespace, spawner.pod_name, outcome)
    status = await ends(spawner)
    assert status == (0 if outcome == "succeeded" else 1)
    assert said in spawner.last_end
    assert said in hubs.spawner(state=spawner.get_state()).last_end  # kept over a restart of the hub


async def test_a_server_that_ends_while_it_is_looked_at_is_reported_as_well(
    hubs: Hubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubelet = hubs.cluster.kubelet or pytest.skip("There are real nodes.")
    spawner = await started(hubs)
    looks = 0

    async def loaded() -> None:
        nonlocal looks
        looks += 1
        if looks == 2:  # the first look saw it running
            await kubelet.become(hubs.namespace, spawner.pod_name, "failed")
            await eventually(lambda: "terminated" in str(spawner.pod_reflector.pods), what="the end in the reflector")

    monkeypatch.setattr(spawner.pod_reflector, "loaded", loaded)
    assert await ends(spawner) == 1
    assert "exit code 1" in spawner.last_end


async def test_a_server_that_crashes_again_and_again_gives_its_node_back(hubs: Hubs) -> None:
    kubelet = hubs.cluster.kubelet or pytest.skip("There are real nodes.")
    spawner = await started(hubs, crash_restarts=3)
    await kubelet.become(hubs.namespace, spawner.pod_name, "crash-loop")
    assert await ends(spawner) == 1
    assert not await there(hubs, spawner)
    assert spawner.last_end == "The server ended with exit code 1, 3 times. It was stopped."


async def test_a_few_crashes_are_waited_out(hubs: Hubs) -> None:
    kubelet = hubs.cluster.kubelet or pytest.skip("There are real nodes.")
    spawner = await started(hubs, crash_restarts=4)
    await kubelet.become(hubs.namespace, spawner.pod_name, "crash-loop")
    await eventually(lambda: "waiting" in str(spawner.pod_reflector.pods), what="the crash in the reflector")
    assert await spawner.poll() is None
    await spawner.stop()


@pytest.mark.emulator
async def test_a_first_list_that_fails_does_not_stop_anybodys_server(hubs: Hubs) -> None:
    state = (await started(hubs)).get_state()
    await WindlassSpawner._stop_all_reflectors()
    hubs.cluster.faults.fail("GET", r"/pods(\?|$)", 500, "away", times=3)
    after_restart = hubs.spawner(state=state, k8s_api_request_timeout=1)
    assert await after_restart.poll() is None
    await eventually(lambda: after_restart.pod_reflector.fresh, what="the reflector's recovery")
    assert await after_restart.poll() is None
    await after_restart.stop()


@pytest.mark.emulator
async def test_the_stock_class_calls_it_stopped_which_is_why_this_is_here(hubs: Hubs) -> None:
    stock = hubs.spawner(kind=KubeSpawner, start_timeout=5)
    hubs.cluster.faults.fail("GET", r"/pods(\?|$)", 500, "away", times=1)
    with pytest.raises(ApiException):
        await stock.poll()
    pod = {"metadata": {"name": stock.pod_name}, "spec": {"containers": [{"name": "notebook", "image": "x"}]}}
    await hubs.cluster.admin.create(PODS, pod, namespace=hubs.namespace)
    assert await stock.poll() == 1
    reflector = stock.pod_reflector
    assert isinstance(reflector.first_load_future.exception(), ApiException)


@pytest.mark.emulator
async def test_while_the_api_server_is_away_a_running_server_runs_and_a_stopped_one_does_not(hubs: Hubs) -> None:
    spawner = await started(hubs)
    state = spawner.get_state()
    never = hubs.spawner("bob", k8s_api_request_timeout=1)
    with hubs.cluster.faults.outage():
        await eventually(lambda: not spawner.pod_reflector.fresh, what="the reflector noticing")
        assert await spawner.poll() is None
        assert isinstance(await never.poll(), int)
        await WindlassSpawner._stop_all_reflectors()
        restarted = hubs.spawner(state=state, k8s_api_request_timeout=1)
        restarted.orm_spawner = orm.Spawner(
            name="", server=orm.Server(proto="http", ip="127.0.0.1", port=1, base_url="/", cookie_name="c"), state=state
        )
        assert await restarted.poll() is None
    await eventually(lambda: restarted.pod_reflector.fresh, what="the reflector's recovery")
    restarted.db = Mock()
    assert await restarted.poll() is None
    assert restarted.server.ip != "127.0.0.1"  # the hub's database had an old address
    restarted.orm_spawner = None
    await restarted.stop()
    assert isinstance(await restarted.poll(), int)


@pytest.mark.emulator
async def test_a_watch_that_is_away_for_five_minutes_comes_back_and_the_hub_lives(
    hubs: Hubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawner = hubs.spawner(enable_user_namespaces=True, user_namespace_template=hubs.namespace)
    waited = [0.0]
    back = asyncio.Event()

    async def pause(seconds: float) -> None:  # time passes at once, until five minutes have
        waited[0] += seconds
        await (back.wait() if waited[0] > 300 else asyncio.sleep(0))

    monkeypatch.setattr(SteadyReflector, "pause", staticmethod(pause))
    await spawner.start()
    rule = hubs.cluster.faults.fail("GET", "/pods.*watch=true", 503, "away", times=None)
    hubs.cluster.faults.cut_connections()
    await eventually(lambda: waited[0] > 300, what="five minutes")
    assert not spawner.pod_reflector.fresh
    assert await spawner.poll() is None
    hubs.cluster.faults.lift(rule)
    back.set()
    await eventually(lambda: spawner.pod_reflector.fresh, what="the reflector's recovery")
    await spawner.stop()
    assert isinstance(await spawner.poll(), int)


@pytest.mark.emulator
async def test_a_pod_that_ended_during_an_outage_is_noticed_after_it(hubs: Hubs) -> None:
    spawner = await started(hubs)
    hubs.cluster.faults.fail("GET", "watch=true", 503, "away", times=None)
    hubs.cluster.faults.cut_connections()
    await eventually(lambda: not spawner.pod_reflector.fresh, what="the reflector noticing")
    assert hubs.cluster.kubelet is not None
    await hubs.cluster.kubelet.become(hubs.namespace, spawner.pod_name, "evicted")
    assert await ends(spawner) == 1  # the API itself is asked, for the watch is behind
    assert "evicted" in spawner.last_end


async def test_a_pod_without_the_hubs_label_is_asked_for_before_it_is_given_up(hubs: Hubs) -> None:
    state = (await started(hubs, component_label="of-before")).get_state()
    after_change = hubs.spawner(state=state)
    assert await after_change.poll() is None
    await after_change.stop()


@pytest.mark.emulator
async def test_stop_outlasts_an_api_server_that_is_away(hubs: Hubs) -> None:
    spawner = await started(hubs)
    spawner.k8s_api_request_timeout = 1
    with hubs.cluster.faults.outage():
        stop = asyncio.ensure_future(spawner.stop())
        done, _ = await asyncio.wait({stop}, timeout=1.5)
        assert not done  # nobody knows whether the pod runs, so nobody says it has stopped
    await asyncio.wait_for(stop, 30)
    assert not await there(hubs, spawner)


async def test_stopping_what_is_gone_is_done(hubs: Hubs) -> None:
    spawner = await started(hubs)
    await spawner.stop(now=True)
    await spawner.stop()
    assert isinstance(await spawner.poll(), int)


@pytest.mark.emulator
async def test_stop_that_the_hub_may_not_do_is_said_in_words(hubs: Hubs) -> None:
    spawner = await started(hubs)
    rule = hubs.cluster.faults.fail("DELETE", "/pods/", 403, "pods is forbidden: cannot delete", times=None)
    with pytest.raises(web.HTTPError, match="cannot be deleted"):
        await spawner.stop()
    hubs.cluster.faults.lift(rule)
    await spawner.stop()


async def test_a_pod_whose_node_does_not_let_go_is_deleted_without_its_node(hubs: Hubs) -> None:
    kubelet = hubs.cluster.kubelet or pytest.skip("There are real nodes.")
    await kubelet.add_node(hubs.cluster.unique("node"))
    spawner = await started(hubs)
    kubelet.ends_pods = False
    spawner.start_timeout = 1
    spawner.delete_grace_period = 0 if hubs.cluster.emulator is None else 1
    await asyncio.wait_for(spawner.stop(), 30)
    assert not await there(hubs, spawner)


async def test_events_of_another_namespace_or_an_earlier_pod_are_not_this_servers(hubs: Hubs) -> None:
    spawner = await started(hubs)
    await eventually(lambda: spawner.events, what="the events of its start")
    first = [event["metadata"]["uid"] for event in spawner.events]
    index = spawner.event_reflector.resources
    forged = {
        "metadata": {"uid": "forged", "name": "f", "namespace": "mallory", "resourceVersion": "1"},
        "involvedObject": {"kind": "Pod", "namespace": hubs.namespace, "name": spawner.pod_name},
        "message": "send your password to mallory",
    }
    index["mallory/f"] = forged
    assert "forged" not in [event["metadata"]["uid"] for event in spawner.events]
    await spawner.stop()
    await spawner.start()
    assert not {event["metadata"]["uid"] for event in spawner.events} & set(first)
    await spawner.stop()


@pytest.mark.emulator
async def test_a_right_that_is_missing_for_events_does_not_keep_a_server_from_starting(hubs: Hubs) -> None:
    hubs.cluster.faults.fail("GET", "/events", 403, "events is forbidden: cannot list", times=None)
    spawner = await started(hubs)
    assert spawner.events == []
    await spawner.stop()


@pytest.mark.emulator
async def test_a_cluster_that_cannot_be_seen_refuses_starts_and_the_hub_lives(
    hubs: Hubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("windlass_hub.pods.reflectors.FIRST_LIST_SECONDS", 0.2)
    hubs.cluster.faults.fail("GET", r"/pods(\?|$)", 500, "away", times=None)
    spawner = hubs.spawner(enable_user_namespaces=True, user_namespace_template=hubs.namespace)
    with pytest.raises(SpawnException) as caught:
        await spawner.start()
    assert caught.value.reason == "kubernetes_away"
