"""ResourceQuota: what a namespace holds, and the refusal when one more thing would be too much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.cluster.emulator.errors import forbidden
from tests.cluster.emulator.kinds import CLAIMS, PODS, QUOTAS, Kind
from tests.cluster.emulator.quantities import pod_amounts, quantity, shown
from tests.cluster.emulator.requests import Ask
from tests.cluster.emulator.storage import Object, Storage

Amounts = Mapping[str, Decimal]
_MUST_SAY = {"requests.cpu", "requests.memory", "limits.cpu", "limits.memory"}
_OLD_COUNTS = {
    "pods",
    "configmaps",
    "secrets",
    "services",
    "persistentvolumeclaims",
    "resourcequotas",
    "replicationcontrollers",
}


def check(storage: Storage, ask: Ask, new: Object) -> None:
    """Raises the 403 that the real server words."""
    asked = amounts_of(ask.kind, new)
    for found in storage.all(QUOTAS, ask.namespace) if ask.kind.namespaced else ():
        hard = {name: quantity(value) for name, value in (found.get("spec", {}).get("hard") or {}).items()}
        name = found["metadata"]["name"]
        if ask.kind == PODS:
            _must_say(ask, new, hard, name)
        counted = {key: amount for key, amount in asked.items() if _canonical(key) in map(_canonical, hard)}
        limits = {_canonical(key): value for key, value in hard.items()}
        spelled = {_canonical(key): key for key in hard}
        used = used_in(storage, ask.namespace, found)
        over = [key for key, amount in counted.items() if used.get(key, Decimal(0)) + amount > limits[_canonical(key)]]
        if over:
            over.sort()
            requested = ",".join(f"{spelled[_canonical(key)]}={shown(counted[key])}" for key in over)
            already = ",".join(f"{spelled[_canonical(key)]}={shown(used.get(key, Decimal(0)))}" for key in over)
            limited = ",".join(f"{spelled[_canonical(key)]}={shown(limits[_canonical(key)])}" for key in over)
            why = f"exceeded quota: {name}, requested: {requested}, used: {already}, limited: {limited}"
            raise forbidden(ask.kind, new["metadata"]["name"], why)


def used_in(storage: Storage, namespace: str, found: Object) -> Counter[str]:
    """What the namespace holds of all that quotas can count; finished pods hold nothing."""
    total: Counter[str] = Counter()
    for (group, plural), obj in storage.everything():
        if obj["metadata"].get("namespace") == namespace:
            kind = Kind(group, "", plural, obj["kind"])
            total.update(amounts_of(kind, obj))  # type: ignore[arg-type]
    return total


def status_of(storage: Storage, found: Object) -> dict[str, Any]:
    """What the quota controller writes."""
    hard = found.get("spec", {}).get("hard") or {}
    used = used_in(storage, found["metadata"]["namespace"], found)
    counted = {_canonical(key): amount for key, amount in used.items()}
    return {"hard": hard, "used": {key: shown(Decimal(counted.get(_canonical(key), 0))) for key in hard}}


def amounts_of(kind: Kind, obj: Object) -> dict[str, Decimal]:
    """By the names of quotas: `requests.cpu`, `count/pods`, …"""
    one = Decimal(1)
    group_resource = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
    amounts = {f"count/{group_resource}": one}
    if not kind.group and kind.plural in _OLD_COUNTS - {"pods"}:
        amounts[kind.plural] = one
    if kind.plural == PODS.plural and not kind.group:
        if obj.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
            return amounts
        amounts["pods"] = one
        for which in ("requests", "limits"):
            for name, amount in pod_amounts(obj["spec"], which).items():
                amounts[f"{which}.{name}"] = Decimal(amount)
    if kind.plural == CLAIMS.plural and not kind.group:
        size = obj.get("spec", {}).get("resources", {}).get("requests", {}).get("storage", "0")
        amounts["requests.storage"] = quantity(size)
    return amounts


def _canonical(name: str) -> str:
    """`cpu` and `memory` in a quota mean the requests."""
    return f"requests.{name}" if name in {"cpu", "memory"} else name


def _must_say(ask: Ask, pod: Object, hard: Amounts, name: str) -> None:
    needed = {_canonical(key) for key in hard} & _MUST_SAY
    missing: set[str] = set()
    for container in pod["spec"].get("containers") or []:
        resources = container.get("resources") or {}
        for key in needed:
            which, _, what = key.partition(".")
            if what not in (resources.get(which) or {}):
                missing.add(key)
    if missing:
        raise forbidden(
            PODS, pod["metadata"]["name"], f"failed quota: {name}: must specify {','.join(sorted(missing))}"
        )
