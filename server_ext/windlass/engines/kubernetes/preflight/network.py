"""Whether the namespace's NetworkPolicies keep the job's pods from MLflow, as far as policies alone can tell.

A policy knows labels and addresses, and MLflow's address is a name: so whatever may let it through is taken to do so,
and only what certainly lets nothing through is told. Whether the network enforces policies at all, and whether a
firewall stands behind it, nobody outside the pod can tell. Most users' accounts on a hub may not read policies; then
nothing is said, because those are the hub's own and made for this.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.manifests.job_environment import TRACKING_URI, is_reached_by_pods
from windlass.engines.kubernetes.manifests.pods import pod_labels
from windlass.engines.kubernetes.model import FromArtifacts, Object
from windlass.engines.kubernetes.preflight.asking import Asking, Question
from windlass.engines.kubernetes.wording import listed
from windlass.kube.errors import Forbidden, NotFound
from windlass.kube.resources import NETWORK_POLICIES

NAMESPACE_NAME = "kubernetes.io/metadata.name"
_PODS_RANGES = tuple(
    ipaddress.ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
"""Where clusters have their pods: a Service is one of them to a policy, once its own address has been replaced."""

_DNS = 53


@dataclass(frozen=True, kw_only=True)
class Goal:
    """Where a pod wants to get to: a Service, an address, or (neither) what a name of another domain stands for."""

    namespace: str | None = None
    """Of the Service that the name is of."""
    address: ipaddress.IPv4Address | ipaddress.IPv6Address | None = None
    port: int


async def ask(asking: Asking) -> list[Finding]:
    """A warning where every policy that holds the pods lets nothing through to MLflow."""
    uri = asking.job.environment.get(TRACKING_URI) or ""
    if not is_reached_by_pods(uri):
        return []
    goal = goal_of(uri, namespace=asking.namespace)
    if goal is None:
        return []
    try:
        policies, _ = await asking.client.list(NETWORK_POLICIES, namespace=asking.namespace)
    except (Forbidden, NotFound):
        return []
    holding = [each for each in policies if holds(each, pod_labels(asking.job))]
    if not holding or any(may_let_through(each, goal, own=asking.namespace) for each in holding):
        return []
    names = listed(sorted(str(each["metadata"]["name"]) for each in holding))
    outcome = (
        "the bundle could not be fetched, and the job not start"
        if isinstance(asking.job.delivery, FromArtifacts)
        else "what the notebook logs while it runs would stay in the pod, or it would fail"
    )
    return [
        Finding(
            rule="tracking-blocked",
            severity=Severity.WARNING,
            message=(
                f"The network policies that hold the job's pods ({names}) let nothing through to MLflow at "
                f"{urlsplit(uri).hostname}: {outcome}."
            ),
            fix="Ask your administrators to let pods labelled job-type: training reach it.",
        )
    ]


def goal_of(uri: str, *, namespace: str) -> Goal | None:
    """What an address means to a pod of a namespace; None where that cannot be told."""
    parts = urlsplit(uri)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    host = (parts.hostname or "").rstrip(".")
    try:
        return Goal(address=ipaddress.ip_address(host), port=port)
    except ValueError:
        labels = host.split(".")
    if len(labels) == 1:
        return Goal(namespace=namespace, port=port)
    if len(labels) > 2 and labels[2] == "svc":
        return Goal(namespace=labels[1], port=port)
    # Two words may be a Service and its namespace as well as a domain.
    return Goal(port=port) if len(labels) > 2 else None


def holds(policy: Object, labels: Mapping[str, str]) -> bool:
    """Whether a policy is about what pods with these labels send."""
    spec = policy.get("spec") or {}
    types = spec.get("policyTypes") or (["Egress"] if "egress" in spec else [])
    return "Egress" in types and selects(spec.get("podSelector") or {}, labels, unknown=False)


def may_let_through(policy: Object, goal: Goal, *, own: str) -> bool:
    """Whether some rule of it may be for the goal; `own` is the policy's namespace."""
    return any(_allows(rule, goal, own) for rule in (policy.get("spec") or {}).get("egress") or [])


def selects(selector: Mapping[str, Any], labels: Mapping[str, str], *, unknown: bool) -> bool:
    """Whether a label selector selects what has these labels; `unknown`: it may have others too."""

    def fits(key: str, operator: str, values: Sequence[str]) -> bool:
        if key not in labels:
            return unknown or operator in ("NotIn", "DoesNotExist")
        return {
            "In": labels[key] in values,
            "NotIn": labels[key] not in values,
            "Exists": True,
            "DoesNotExist": False,
        }.get(operator, True)

    wanted = [(key, "In", [value]) for key, value in (selector.get("matchLabels") or {}).items()]
    wanted += [
        (str(each.get("key")), str(each.get("operator")), each.get("values") or [])
        for each in selector.get("matchExpressions") or []
    ]
    return all(fits(*each) for each in wanted)


def _allows(rule: Mapping[str, Any], goal: Goal, own: str) -> bool:
    ports, peers = rule.get("ports") or [], rule.get("to") or []
    if not peers:
        return _some_port(ports)
    return any(
        # The port of a Service, or of what may be one, need not be that of its pods, which policies are about.
        (_port(ports, goal) if "ipBlock" in peer and goal.namespace is None else _some_port(ports))
        for peer in peers
        if _peer(peer, goal, own)
    )


def _peer(peer: Mapping[str, Any], goal: Goal, own: str) -> bool:
    if "ipBlock" in peer:
        return _block(peer["ipBlock"], goal)
    if goal.namespace is None:
        # It may be a pod of any namespace.
        return True
    if "namespaceSelector" not in peer:
        return goal.namespace == own
    return selects(peer["namespaceSelector"] or {}, {NAMESPACE_NAME: goal.namespace}, unknown=True)


def _block(block: Mapping[str, Any], goal: Goal) -> bool:
    try:
        whole = ipaddress.ip_network(str(block.get("cidr")), strict=False)
        without = [ipaddress.ip_network(str(each), strict=False) for each in block.get("except") or []]
    except ValueError:
        return True
    if goal.address is not None:
        return goal.address in whole and not any(goal.address in each for each in without)
    if goal.namespace is None:
        return True
    return any(
        whole.version == each.version and whole.overlaps(each) and not any(_covers(out, each) for out in without)
        for each in _PODS_RANGES
    )


def _covers(one: Any, other: Any) -> bool:
    return bool(one.version == other.version and other.subnet_of(one))


def _some_port(ports: Sequence[Mapping[str, Any]]) -> bool:
    """Whether it may be for anything but looking names up."""
    return not ports or any(each.get("protocol", "TCP") == "TCP" and each.get("port") != _DNS for each in ports)


def _port(ports: Sequence[Mapping[str, Any]], goal: Goal) -> bool:
    tcp = [each for each in ports if each.get("protocol", "TCP") == "TCP"]
    return not ports or any(
        not isinstance(each.get("port"), int) or each["port"] <= goal.port <= int(each.get("endPort") or each["port"])
        for each in tcp
    )


QUESTION = Question(about="the network policies", ask=ask)
