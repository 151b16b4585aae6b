"""Where a pod fits, as the real scheduler would say in short: selectors, taints, and what nodes still have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.cluster.emulator.quantities import pod_amounts, quantity

Object = dict[str, Any]


def place(pod: Object, nodes: Iterable[Object], pods: Iterable[Object]) -> tuple[str | None, str]:
    """The node's name, or None and why none takes it. Pods that ended hold nothing."""
    nodes = list(nodes)
    taken: dict[str, Counter[str]] = {}
    for other in pods:
        node = other["spec"].get("nodeName")
        if node and other.get("status", {}).get("phase") not in {"Succeeded", "Failed"}:
            amounts = taken.setdefault(node, Counter())
            amounts.update(pod_amounts(other["spec"], "requests"))
            amounts["pods"] += 1
    reasons: Counter[str] = Counter()
    for node in nodes:
        why = _why_not(pod, node, taken.get(node["metadata"]["name"], Counter()))
        if not why:
            return node["metadata"]["name"], ""
        reasons[why] += 1
    told = ", ".join(f"{count} {why}" for why, count in sorted(reasons.items()))
    return None, f"0/{len(nodes)} nodes are available: {told}."


def _why_not(pod: Object, node: Object, taken: Counter[str]) -> str:
    spec, labels = pod["spec"], node["metadata"].get("labels") or {}
    if node.get("spec", {}).get("unschedulable"):
        return "node(s) were unschedulable"
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return "node(s) didn't match Pod's node affinity/selector"
    for taint in node.get("spec", {}).get("taints") or []:
        if taint["effect"] != "PreferNoSchedule" and not any(
            _tolerates(t, taint) for t in spec.get("tolerations") or []
        ):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    there = node.get("status", {}).get("allocatable") or {}
    for name, amount in {**pod_amounts(spec, "requests"), "pods": 1}.items():
        if amount + taken[name] > quantity(there.get(name, "110" if name == "pods" else "0")):
            return "Too many pods" if name == "pods" else f"Insufficient {name}"
    return ""


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", "")
