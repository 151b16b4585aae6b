"""Whether the namespace's quotas have room for the job, and how many workers they have room for.

Admission refuses single pods, after the job was taken: some workers would start, hold their GPUs, and wait for the
others. The arithmetic is that of the quota's own admission, after LimitRanges have filled in what pods leave open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.kinds.common import MADE_OF
from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.preflight.amounts import (
    ZERO,
    Amounts,
    container_amounts,
    containers,
    noun,
    parsed,
    plain,
    pod_amounts,
    shown,
    whole,
    with_defaults,
)
from windlass.engines.kubernetes.preflight.asking import Asking, Question
from windlass.engines.kubernetes.preflight.worker_pods import PodGroup
from windlass.engines.kubernetes.wording import listed
from windlass.kube.quantities import format_bytes
from windlass.kube.resources import CONFIG_MAPS, PYTORCH_JOBS

_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_MUST_BE_SAID = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_USUAL_CORES = Decimal(4)
_USUAL_MEMORY = Decimal(16 * 2**30)
_LEAST_MEMORY = 16 * 2**20


@dataclass(frozen=True, kw_only=True)
class Need:
    """What the job takes of one counted thing: for each worker, and once for all."""

    for_each: Decimal
    once: Decimal
    workers: int

    @property
    def total(self) -> Decimal:
        """Of all of it."""
        return self.for_each * self.workers + self.once

    def workers_in(self, left: Decimal) -> int:
        """How many workers what is left has room for; all where a worker takes nothing."""
        if self.for_each == 0:
            return self.workers if left >= self.once else 0
        return max(0, min(self.workers, whole((left - self.once) / self.for_each)))


@dataclass(frozen=True, kw_only=True)
class _Lack:
    """One counted thing of one quota that is not enough."""

    quota: str
    key: str
    need: Need
    hard: Decimal
    left: Decimal


async def ask(asking: Asking) -> list[Finding]:
    """What of the quotas is not enough, and what they want said."""
    quotas = await asking.quotas()
    if not quotas:
        return []
    ranges = await asking.limit_ranges()
    groups = [
        PodGroup(count=group.count, spec=with_defaults(group.spec, ranges), is_worker=group.is_worker)
        for group in asking.pods
    ]
    found: list[Finding] = []
    lacks: list[_Lack] = []
    for quota in quotas:
        counted = [group for group in groups if in_scope(quota, group.spec)]
        hard, used = _amounts(quota)
        missing = _unsaid(counted, hard)
        if missing:
            found.append(_must_say(asking, quota, missing, hard, used))
        needs = needed(asking.job.spec.workers, counted, asking.objects)
        for key, limit in hard.items():
            need = needs.get(_canonical(key))
            left = max(ZERO, limit - used.get(key, ZERO))
            if need is not None and need.total > left:
                lacks.append(_Lack(quota=_name(quota), key=key, need=need, hard=limit, left=left))
    fitting = min((lack.need.workers_in(lack.left) for lack in lacks), default=0)
    return [*found, *(_finding(lack, fitting, asking) for lack in lacks)]


def needed(workers: int, groups: Sequence[PodGroup], objects: Sequence[Object]) -> dict[str, Need]:
    """What the job takes, by the names that quotas have for things (`requests.cpu`, `pods`, `count/jobs.batch`)."""
    each: Amounts = {}
    once: Amounts = {}
    for group in groups:
        taken = {f"requests.{name}": amount for name, amount in pod_amounts(group.spec, "requests").items()}
        taken |= {f"limits.{name}": amount for name, amount in pod_amounts(group.spec, "limits").items()}
        taken["pods"] = Decimal(1)
        for name, amount in taken.items():
            if group.is_worker:
                # A master and its workers are alike.
                each[name] = max(each.get(name, ZERO), amount)
            else:
                once[name] = once.get(name, ZERO) + amount * group.count
    for item in objects:
        resource = MADE_OF.get(str(item.get("kind")))
        if resource is not None:
            key = f"count/{resource.plural}.{resource.group}"
            once[key] = once.get(key, ZERO) + 1
    once[CONFIG_MAPS.plural] = Decimal(1)
    if any(item.get("kind") == PYTORCH_JOBS.kind for item in objects):
        # The operator makes a Service for each replica.
        each["services"] = Decimal(1)
    return {
        name: Need(for_each=each.get(name, ZERO), once=once.get(name, ZERO), workers=workers)
        for name in {**each, **once}
    }


def in_scope(quota: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    """Whether a quota is about such a pod."""
    spec = quota.get("spec") or {}
    asked = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or []]
    asked += (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    return all(_in_one(expression, pod) for expression in asked)


def _in_one(expression: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    scope, operator = expression.get("scopeName"), expression.get("operator", "Exists")
    if scope == "PriorityClass":
        name, values = pod.get("priorityClassName") or "", expression.get("values") or []
        by_operator = {
            "In": name in values,
            "NotIn": name not in values,
            "Exists": name != "",
            "DoesNotExist": not name,
        }
        return by_operator.get(operator, False)
    amounts = [*pod_amounts(pod, "requests").items(), *pod_amounts(pod, "limits").items()]
    best_effort = not any(amount > 0 for name, amount in amounts if name in ("cpu", "memory"))
    # A job's time limit is its own; the pod's would be another field.
    ends = pod.get("activeDeadlineSeconds") is not None
    scopes = {
        "Terminating": ends,
        "NotTerminating": not ends,
        "BestEffort": best_effort,
        "NotBestEffort": not best_effort,
    }
    return scopes.get(str(scope), False)


def _amounts(quota: Object) -> tuple[Amounts, Amounts]:
    status, spec = quota.get("status") or {}, quota.get("spec") or {}
    return parsed(spec.get("hard")), parsed(status.get("used"))


def _canonical(key: str) -> str:
    """`cpu` in a quota means the requests, `count/pods` the pods."""
    key = {"count/pods": "pods", "count/configmaps": "configmaps", "count/services": "services"}.get(key, key)
    return f"requests.{key}" if key in _COMPUTE else key


def _name(quota: Object) -> str:
    return str(quota["metadata"]["name"])


def _unsaid(groups: Sequence[PodGroup], hard: Amounts) -> list[str]:
    """What the quota counts and some container leaves open: such pods are refused."""
    wanted = [key for key in _MUST_BE_SAID if key in {_canonical(name) for name in hard}]
    return [
        key
        for key in wanted
        if any(
            key.partition(".")[2] not in container_amounts(each, "requests" if key.startswith("requests") else "limits")
            for group in groups
            for each in containers(group.spec)
        )
    ]


def _must_say(asking: Asking, quota: Object, missing: list[str], hard: Amounts, used: Amounts) -> Finding:
    things = sorted({key.partition(".")[2] for key in missing})
    limits = {_canonical(key): max(ZERO, amount - used.get(key, ZERO)) for key, amount in hard.items()}
    values: dict[str, Any] = {}
    for thing, usual in (("cpu", _USUAL_CORES), ("memory", _USUAL_MEMORY)):
        if thing in things:
            shares = [
                amount / asking.job.spec.workers
                for which in ("requests", "limits")
                if (amount := limits.get(f"{which}.{thing}")) is not None
            ]
            share = min([usual, *shares])
            if thing == "cpu":
                values["cpu"] = max(0.1, float(round(share, 1)))
            else:
                values["memory_bytes"] = max(_LEAST_MEMORY, whole(share / 2**20) * 2**20)
    words = listed(["CPU" if thing == "cpu" else thing for thing in things])
    given = listed([_in_words(name, value) for name, value in values.items()])
    return Finding(
        rule="quota-wants-resources",
        severity=Severity.ERROR,
        message=f"The quota {_name(quota)} takes only pods that say how much {words} they need, and this job does not.",
        fix=f"Give each worker {given}, or what it really needs.",
        apply={"cluster": values},
    )


def _in_words(name: str, value: Any) -> str:
    return f"{value:g} cores" if name == "cpu" else f"{format_bytes(value)} of memory"


def _finding(lack: _Lack, fitting: int, asking: Asking) -> Finding:
    spec = asking.job.spec
    thing = lack.key.removeprefix("requests.").removeprefix("limits.").removeprefix("count/")
    asked = shown(lack.key, lack.need.total)
    if lack.need.for_each and spec.workers > 1:
        asked += f" ({spec.workers} workers with {shown(lack.key, lack.need.for_each)} each)"
    has = _room(lack, thing)
    never = lack.need.total > lack.hard
    # What is made with the job itself is refused at once; pods are refused later, and tried again.
    at_once = lack.need.for_each == 0 and lack.need.once > 0 and thing != "pods"
    if never:
        outcome = "That can never be had here."
    elif at_once:
        outcome = "The job would be refused until others are removed."
    else:
        outcome = "It would wait, and hold what it has got, until other jobs end."
    fix, apply = _fix(lack, thing, fitting, asking)
    return Finding(
        rule="quota",
        severity=Severity.ERROR if never or at_once else Severity.WARNING,
        message=f"Your quota {lack.quota} has {has} left, and this job asks for {asked}. {outcome}",
        fix=fix,
        apply=apply,
    )


def _room(lack: _Lack, thing: str) -> str:
    limits = " of limits" if lack.key.startswith("limits.") else ""
    if thing in ("memory", "ephemeral-storage"):
        return f"{format_bytes(int(lack.left))} of {format_bytes(int(lack.hard))} {thing}{limits}"
    return f"{plain(lack.left)} of {plain(lack.hard)} {noun(thing, plural=True)}{limits}"


def _fix(lack: _Lack, thing: str, fitting: int, asking: Asking) -> tuple[str, dict[str, Any] | None]:
    workers = asking.job.spec.workers
    if 1 <= fitting < workers:
        return f"Ask for {fitting} {'worker' if fitting == 1 else 'workers'}.", {"workers": fitting}
    share = max(ZERO, lack.left - lack.need.once) / workers if workers else ZERO
    if thing == "cpu" and share >= Decimal("0.1"):
        cores = float(Decimal(whole(share * 10)) / 10)
        return f"Ask for {cores:g} cores per worker.", {"cluster": {"cpu": cores}}
    if thing == "memory" and share >= _LEAST_MEMORY:
        size = whole(share / 2**20) * 2**20
        return f"Ask for {format_bytes(size)} of memory per worker.", {"cluster": {"memory_bytes": size}}
    if lack.need.for_each and "/" in thing and not lack.key.startswith("count/") and share >= 1:
        count = whole(share)
        changes = {"gpus_per_worker": count}
        if asking.job.spec.processes_per_worker > count:
            changes["processes_per_worker"] = count
        return f"Ask for {shown(thing, Decimal(count))} per worker.", changes
    return "Remove or stop what you no longer need, or ask your administrators for a larger quota.", None


QUESTION = Question(about="the quota", ask=ask)
