"""NetworkPolicies: judged by a small evaluator of what they let through."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from pydantic import ValidationError

from windlass_hub.isolation.network import Network, Place
from windlass_hub.isolation.network_policies import HUB_PODS, PROXY_PODS, policies

HERE = "wl-ada"
TRAINING = {"job-type": "training"}
NOTEBOOK = {"component": "windlass-notebook-hub"}
MODEL = {"serving.kserve.io/inferenceservice": "m"}
API = "10.96.0.1"


def made(*, notebooks: bool = True, api_server: tuple[str, ...] = (f"{API}/32",), **network: Place) -> dict[str, Any]:
    return policies(
        network=Network(**network), hub_namespace="jhub", hub_id="hub", api_server=api_server, notebooks=notebooks
    )


def open_to(
    found: dict[str, Any],
    pod: dict[str, str],
    *,
    to: str | tuple[str, dict[str, str]],
    port: int,
    protocol: str = "TCP",
    direction: str = "egress",
) -> bool:
    """Whether a pod may speak to (or be spoken to by) an address, or a pod of a namespace."""
    mine = [spec for spec in found.values() if _selects(spec["podSelector"], pod)]
    assert any(direction.capitalize() in spec["policyTypes"] for spec in mine), "nothing closes this direction"
    rules = [rule for spec in mine for rule in spec.get(direction) or []]
    return any(_port(rule, port, protocol) and _peer(rule, to, direction) for rule in rules)


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(expression["key"] in labels for expression in selector.get("matchExpressions", []))


def _port(rule: dict[str, Any], port: int, protocol: str) -> bool:
    return "ports" not in rule or any(p["port"] == port and p["protocol"] == protocol for p in rule["ports"])


def _within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, ranges: list[str]) -> bool:
    return any(address in ipaddress.ip_network(one) for one in ranges)


def _peer(rule: dict[str, Any], to: str | tuple[str, dict[str, str]], direction: str) -> bool:
    for peer in rule["to" if direction == "egress" else "from"]:
        if isinstance(to, str):
            block = peer.get("ipBlock")
            address = ipaddress.ip_address(to)
            if block and _within(address, [block["cidr"]]) and not _within(address, block.get("except", [])):
                return True
        elif "ipBlock" not in peer:
            namespace, labels = to
            there = peer.get("namespaceSelector", {}).get("matchLabels", {"kubernetes.io/metadata.name": HERE})
            if there["kubernetes.io/metadata.name"] == namespace and _selects(peer.get("podSelector", {}), labels):
                return True
    return False


@pytest.mark.parametrize("pod", [{}, TRAINING, NOTEBOOK, MODEL, {"ray.io/node-type": "head"}])
def test_every_pod_reaches_its_neighbours_and_dns_and_is_closed_otherwise(pod: dict[str, str]) -> None:
    found = made()
    assert open_to(found, pod, to=(HERE, {"any": "pod"}), port=29500)
    assert open_to(found, pod, to=(HERE, {}), port=22, direction="ingress")
    for protocol in ("UDP", "TCP"):
        assert open_to(found, pod, to=("kube-system", {}), port=53, protocol=protocol)
    assert not open_to(found, pod, to=("kube-system", {}), port=10250)
    for address in ("169.254.169.254", "10.0.0.7", "192.168.1.1", "172.16.5.5", "100.64.0.1"):
        assert not open_to(found, pod, to=address, port=80), address
    assert not open_to(found, pod, to=("wl-bob", {}), port=8888)
    assert not open_to(found, pod, to=("wl-bob", {}), port=29500, direction="ingress")
    assert not open_to(found, pod, to=("wl-bob", NOTEBOOK), port=8888, direction="ingress")


def test_training_reaches_what_it_needs_and_neither_the_api_nor_the_hub() -> None:
    found = made()
    assert open_to(found, TRAINING, to=("mlflow", {}), port=5000)
    assert open_to(found, TRAINING, to="151.101.0.223", port=443)
    assert not open_to(found, TRAINING, to="151.101.0.223", port=22)
    assert not open_to(found, TRAINING, to=API, port=443)
    assert not open_to(found, TRAINING, to=("jhub", HUB_PODS), port=8081)


def test_notebooks_reach_hub_broker_and_api_and_are_reached_by_hub_and_proxy_only() -> None:
    found = made()
    for port in (8081, 8123):
        assert open_to(found, NOTEBOOK, to=("jhub", HUB_PODS), port=port)
    assert open_to(found, NOTEBOOK, to=("jhub", PROXY_PODS), port=8000)
    assert open_to(found, NOTEBOOK, to=API, port=443)
    assert not open_to(found, NOTEBOOK, to="10.96.0.2", port=443)
    assert not open_to(found, NOTEBOOK, to=API, port=10250)
    for pods in (HUB_PODS, PROXY_PODS):
        assert open_to(found, NOTEBOOK, to=("jhub", pods), port=8888, direction="ingress")
    assert not open_to(found, NOTEBOOK, to=("jhub", {"app": "other"}), port=8888, direction="ingress")
    assert not open_to(found, TRAINING, to=("jhub", HUB_PODS), port=8888, direction="ingress")


def test_models_are_reached_through_gateways_only() -> None:
    found = made()
    assert open_to(found, MODEL, to=("istio-system", {}), port=8080, direction="ingress")
    assert not open_to(found, MODEL, to=("jhub", PROXY_PODS), port=8080, direction="ingress")


def test_only_launchers_of_jobs_reach_the_api() -> None:
    launcher = {**TRAINING, "training.kubeflow.org/operator-name": "mpijob-controller"}
    assert open_to(made(), launcher, to=API, port=443)


def test_where_jobs_are_beside_there_is_no_policy_for_notebooks() -> None:
    assert "windlass-notebooks" not in made(notebooks=False)


def test_an_unknown_api_server_opens_nothing() -> None:
    found = made(api_server=())
    assert not open_to(found, NOTEBOOK, to=API, port=443)
    assert "windlass-launchers" not in found


def test_places_an_administrator_names_are_opened_and_others_closed() -> None:
    found = made(mlflow=Place(ranges=("10.1.2.3/32",), ports=(8080,)), package_index=Place(), model_hub=Place())
    assert open_to(found, TRAINING, to="10.1.2.3", port=8080)
    assert not open_to(found, TRAINING, to="10.1.2.4", port=8080)
    assert not open_to(found, TRAINING, to=("mlflow", {}), port=5000)


@pytest.mark.parametrize(
    "place",
    [
        {"ranges": ["mlflow.example"]},
        {"ports": [0]},
        {"pods": {"app": "x"}},
        {"namespaces": ["Bad_Name"]},
        {"url": "x"},
    ],
)
def test_a_place_that_says_nothing_usable_is_refused(place: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Place.model_validate(place)
