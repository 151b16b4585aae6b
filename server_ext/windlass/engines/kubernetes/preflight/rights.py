"""Whether this account may make, watch and stop the job: who may not is told before anything is half made.

The account's rights are asked for all at once; what is lacking then, one by one, since webhook authorizers list
nothing. That nothing is lacking is remembered for minutes; what is lacking is asked for again each time, so that an
administrator's help shows at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.kinds.common import MADE_OF
from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.preflight.asking import Asking, Question
from windlass.engines.kubernetes.preflight.bundle_way import is_put_onto_claim
from windlass.engines.kubernetes.wording import listed
from windlass.kube.client import KubeClient
from windlass.kube.resources import CONFIG_MAPS, EVENTS, JOBS, PODS
from windlass.kube.rights import Right, lacking, needed

REMEMBERED_SECONDS = 300.0

_SEEN = {(PODS.group, PODS.plural), (PODS.group, "pods/log"), (EVENTS.group, EVENTS.plural)}
_MAKING = ("create",)
_USED = {"create", "delete", "get", "list", "patch", "watch"}
_USED_OF_CONFIG_MAPS = {"create", "delete", "get", "patch"}

_known: WeakKeyDictionary[KubeClient, dict[tuple[str, tuple[Right, ...]], float]] = WeakKeyDictionary()


async def ask(asking: Asking) -> list[Finding]:
    """What the account lacks of what this job needs: an error where the job could not be made."""
    lacked = await lacked_rights(asking)
    making = [right for right in lacked if right.verb in _MAKING]
    other = [right for right in lacked if right.verb not in _MAKING]
    found = []
    if making:
        message = f"Your account may not {_said(making)} in the namespace {asking.namespace}, which this job needs."
        found.append(_finding(Severity.ERROR, message))
    if other:
        message = (
            f"Your account may not {_said(other)} in the namespace {asking.namespace}: the job would run, but could "
            "not be followed or stopped from here as usual."
        )
        found.append(_finding(Severity.WARNING, message))
    return found


async def lacked_rights(asking: Asking, *, clock: Callable[[], float] = time.monotonic) -> list[Right]:
    """The rights for this job that the account has not got. Raises a KubeError."""
    loads = await is_put_onto_claim(asking.job)
    wanted = tuple(rights_for(asking.objects, also=(JOBS.kind,) if loads else ()))
    known = _known.setdefault(asking.client, {})
    key = (asking.namespace, wanted)
    if clock() - known.get(key, float("-inf")) < REMEMBERED_SECONDS:
        return []
    found = await lacking(asking.client, asking.namespace, wanted)
    if not found:
        known[key] = clock()
    return found


def rights_for(objects: Sequence[Object], *, also: Sequence[str] = ()) -> list[Right]:
    """What of the table of rights is for these objects, the bundle's and the pods', and the kinds of `also`."""
    kinds = (*(str(item.get("kind")) for item in objects), CONFIG_MAPS.kind, *also)
    made = {MADE_OF[kind] for kind in kinds if kind in MADE_OF}
    concerned = {(each.group, each.plural) for each in made} | _SEEN
    return [
        right
        for right in needed()
        if right.namespaced and (right.group, right.resource) in concerned and right.verb in _used(right)
    ]


def may_make(lacked: Sequence[Right], item: Object) -> bool:
    """Whether an object of this kind may be made, after what is lacked."""
    resource = MADE_OF.get(str(item.get("kind")))
    making = {(right.group, right.resource) for right in lacked if right.verb in _MAKING}
    return resource is not None and (resource.group, resource.plural) not in making


def _used(right: Right) -> set[str]:
    return _USED_OF_CONFIG_MAPS if right.resource == CONFIG_MAPS.plural else _USED


def _said(rights: Sequence[Right]) -> str:
    """`create and delete jobs.batch, get pods/log`."""
    verbs: dict[str, list[str]] = {}
    for right in rights:
        name = f"{right.resource}.{right.group}" if right.group else right.resource
        verbs.setdefault(name, []).append(right.verb)
    return ", ".join(f"{listed(each)} {name}" for name, each in verbs.items())


def _finding(severity: Severity, message: str) -> Finding:
    fix = "Ask your administrators for these rights: docs/access.md lists all of them, with what each is for."
    return Finding(rule="rights", severity=severity, message=message, fix=fix)


QUESTION = Question(about="your account's rights", ask=ask)
