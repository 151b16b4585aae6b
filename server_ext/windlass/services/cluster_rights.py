"""What the doctor says of this account's rights in the cluster: one line per feature, and one for rights too many."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import groupby

from windlass.contract.info import Check
from windlass.kube.errors import KubeError
from windlass.kube.rights import Report, Right, needed

Examine = Callable[[], Awaitable[Report]]
"""Asks the cluster for the rights of this server's account in the namespace of its jobs."""

_SHOWN = 6


async def rights_checks(examine: Examine) -> list[Check]:
    """The doctor's lines about rights; a cluster that does not answer is a line too."""
    try:
        report = await examine()
    except KubeError as error:
        fix = "Check the address and the credentials of the cluster, and whether this server may reach it."
        return [Check(name="cluster rights", ok=False, message=str(error), fix=fix)]
    return [*_features(report), *_excess(report)]


def _features(report: Report) -> list[Check]:
    lacking = set(report.missing)
    checks = []
    for feature, rights in groupby(sorted(needed(), key=lambda right: right.feature), key=lambda right: right.feature):
        missing = [right for right in rights if right in lacking]
        name = f"cluster rights for {feature}"
        if not missing:
            checks.append(Check(name=name, ok=True, message="all there"))
            continue
        message = f"missing: {_listed(missing)} ({missing[0].why})"
        fix = "Ask your administrators to apply hub-config/rbac/user.yaml and to bind windlass-user in your namespace."
        checks.append(Check(name=name, ok=None, message=message, fix=fix))
    return checks


def _excess(report: Report) -> list[Check]:
    if not report.excess:
        return []
    message = f"this account may also: {_listed(list(report.excess))} ({report.excess[0].why})"
    fix = "On a shared cluster ask your administrators which binding grants this; on your own it does not matter."
    return [Check(name="cluster rights too many", ok=None, message=message, fix=fix)]


def _listed(rights: list[Right]) -> str:
    shown = ", ".join(str(right) for right in rights[:_SHOWN])
    return shown + (f" and {len(rights) - _SHOWN} more" if len(rights) > _SHOWN else "")
