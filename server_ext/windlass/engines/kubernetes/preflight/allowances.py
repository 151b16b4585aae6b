"""What the administrator lets jobs of this namespace ask for: priorities, tolerations, nodes and devices.

On a hub the namespace's annotations say it, drawn from the profiles of its user, and an admission policy holds pods to
them. It refuses the operator's pods and not the job, so the user would see a job whose pods never appear. A namespace
without these annotations has no such policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.manifests import placement
from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.preflight.amounts import container_amounts, containers
from windlass.engines.kubernetes.preflight.asking import Asking, Question
from windlass.engines.kubernetes.wording import listed

PRIORITIES = "windlass.io/allowed-priority-classes"
TOLERATIONS = "windlass.io/allowed-tolerations"
DEVICES = "windlass.io/allowed-devices"
NODE_LABELS = "windlass.io/allowed-node-labels"
GUARDED_LABELS = "windlass.io/guarded-node-labels"
"""The hub side writes these (`windlass_hub.isolation.allowances`): `,` between items; a device is
`resource|label=value&label=value`, with `;` between devices."""

# Network adapters, which come with a node and say nothing of its price, are anybody's.
_FABRICS = ("rdma/", "vpc.amazonaws.com/", "networking.gke.io.networks/", "nvidia.com/hostdev")
_OF_KUBERNETES = "node.kubernetes.io/"
_ASK = "ask your administrators for a profile that has it."


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """A namespace's allowances."""

    priorities: frozenset[str]
    taints: frozenset[str]
    devices: tuple[tuple[str, tuple[str, ...]], ...]
    """Each with the `label=value` that its node must be chosen by."""
    node_labels: frozenset[str]
    guarded: tuple[str, ...]
    """Prefixes of labels that choose how dear a node is."""

    @classmethod
    def of(cls, annotations: Mapping[str, str]) -> Allowed | None:
        """What the annotations say; None where they say nothing, so that everything is allowed."""
        if not any(name in annotations for name in (PRIORITIES, TOLERATIONS, DEVICES, NODE_LABELS, GUARDED_LABELS)):
            return None
        devices = []
        for device in _items(annotations.get(DEVICES), ";"):
            resource, _, chosen = device.partition("|")
            devices.append((resource, tuple(part for part in chosen.split("&") if part)))
        return cls(
            priorities=frozenset(_items(annotations.get(PRIORITIES), ",")),
            taints=frozenset(_items(annotations.get(TOLERATIONS), ",")),
            devices=tuple(devices),
            node_labels=frozenset(_items(annotations.get(NODE_LABELS), ",")),
            guarded=tuple(_items(annotations.get(GUARDED_LABELS), ",")),
        )


async def ask(asking: Asking) -> list[Finding]:
    """Everything that admission would refuse of the job's pods."""
    namespace = await asking.namespace_object()
    allowed = Allowed.of(namespace["metadata"].get("annotations") or {})
    if allowed is None:
        return []
    found: dict[str, Finding] = {}
    for group in asking.pods:
        for finding in (
            *_priority(group.spec, allowed),
            *_tolerations(group.spec, allowed, asking),
            *_nodes(group.spec, allowed, asking),
            *_devices(group.spec, allowed),
        ):
            found.setdefault(finding.message, finding)
    return list(found.values())


def _priority(pod: Object, allowed: Allowed) -> list[Finding]:
    name = pod.get("priorityClassName")
    if not name or name in allowed.priorities:
        return []
    return [
        _refused(
            f"None of your profiles has the priority class {name}, so the job's pods would be refused.",
            fix=f"Leave it out, or {_ASK}",
            changes={"priority_class": None},
        )
    ]


def _tolerations(pod: Object, allowed: Allowed, asking: Asking) -> list[Finding]:
    devices = _asked_devices(pod)
    refused = [each for each in pod.get("tolerations") or [] if not _tolerated(each, allowed, devices)]
    if not refused:
        return []
    keys = {str(each.get("key")) for each in refused}
    kept = [each for each in asking.job.options.tolerations if each.key not in keys]
    mendable = len(kept) < len(asking.job.options.tolerations)
    changes = {"tolerations": [each.model_dump(mode="json") for each in kept]} if mendable else None
    return [
        _refused(
            f"None of your profiles tolerates the taint {listed(sorted(keys))}, so the job's pods would be refused.",
            fix=f"Leave the toleration out, or {_ASK}",
            changes=changes,
        )
    ]


def _tolerated(toleration: Mapping[str, Any], allowed: Allowed, devices: set[str]) -> bool:
    key = toleration.get("key")
    if "*" in allowed.taints:
        return True
    if not key:
        return False
    if key.startswith(_OF_KUBERNETES) or key in allowed.taints or key in devices:
        return True
    return toleration.get("operator", "Equal") == "Equal" and f"{key}={toleration.get('value', '')}" in allowed.taints


def _nodes(pod: Object, allowed: Allowed, asking: Asking) -> list[Finding]:
    found = []
    for key, value in (pod.get("nodeSelector") or {}).items():
        if f"{key}={value}" in allowed.node_labels or not any(key.startswith(prefix) for prefix in allowed.guarded):
            continue
        others = sorted(label.partition("=")[2] for label in allowed.node_labels if label.startswith(f"{key}="))
        changes: dict[str, Any] | None = None
        if key in asking.job.options.node_selector:
            changes = {"node_selector": {key: others[0] if others else None}}
        elif key == placement.GPU_PRODUCT and others:
            changes = {"gpu": {"product": others[0]}}
        offer = f"Choose {listed(others)}, or " if others else "Leave it out, or "
        message = f"None of your profiles has nodes with {key}={value}, so the job's pods would be refused."
        found.append(_refused(message, fix=offer + _ASK, changes=changes))
    return found


def _devices(pod: Object, allowed: Allowed) -> list[Finding]:
    chosen = {f"{key}={value}" for key, value in (pod.get("nodeSelector") or {}).items()}
    found = []
    for resource in sorted(_asked_devices(pod)):
        ways = [labels for device, labels in allowed.devices if device == resource]
        if resource.startswith(_FABRICS) or any(chosen.issuperset(labels) for labels in ways):
            continue
        message = f"None of your profiles has {resource} on the nodes that this job chooses: its pods would be refused."
        fix, changes = f"Ask for none of it, or {_ASK}", None
        if ways:
            # The shortest way in: the product's own label rather than a list of a provider's.
            labels = min(ways, key=lambda each: (len(each), each))
            fix = f"Choose nodes with {listed(list(labels))}."
            changes = _choosing(labels)
        found.append(_refused(message, fix=fix, changes=changes))
    return found


def _choosing(labels: Iterable[str]) -> dict[str, Any]:
    """The options that choose nodes by these labels."""
    pairs = dict(label.partition("=")[::2] for label in labels)
    product = pairs.pop(placement.GPU_PRODUCT, None)
    changes: dict[str, Any] = {"gpu": {"product": product}} if product else {}
    return {**changes, "node_selector": pairs} if pairs else changes


def _asked_devices(pod: Object) -> set[str]:
    return {
        name
        for container in containers(pod)
        for which in ("requests", "limits")
        for name in container_amounts(container, which)
        if "/" in name
    }


def _items(text: str | None, separator: str) -> list[str]:
    return [item for item in (text or "").split(separator) if item]


def _refused(message: str, *, fix: str, changes: Mapping[str, Any] | None) -> Finding:
    apply = {"cluster": dict(changes)} if changes else None
    return Finding(rule="not-allowed-here", severity=Severity.ERROR, message=message, fix=fix, apply=apply)


QUESTION = Question(about="what the namespace allows", ask=ask)
