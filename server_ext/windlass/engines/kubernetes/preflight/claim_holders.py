"""Whether a claim that one node or one pod can mount at a time is held by another pod: often by a notebook server.

A question of its own: it reads pods, which there may be many of, so it looks at the first page alone.
"""

from __future__ import annotations

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.preflight.asking import Asking, Question, Unanswered
from windlass.engines.kubernetes.preflight.claims import ONE_POD, access_modes, claim_names, is_for_one
from windlass.engines.kubernetes.wording import listed
from windlass.kube.resources import PODS

PODS_AT_ONCE = 500


async def ask(asking: Asking) -> list[Finding]:
    """A warning for each claim that is held."""
    names = claim_names(asking)
    if not names:
        return []
    single = {
        str(claim["metadata"]["name"]): claim
        for claim in await asking.claims()
        if claim["metadata"]["name"] in names and is_for_one(claim)
    }
    if not single:
        return []
    query = {"limit": str(PODS_AT_ONCE)}
    page = await asking.client.raw("GET", PODS.path(namespace=asking.namespace), query=query) or {}
    holders: dict[str, list[tuple[str, str]]] = {}
    for pod in page.get("items") or []:
        for claim in _held_by(pod) & set(single):
            node = str((pod.get("spec") or {}).get("nodeName") or "")
            holders.setdefault(claim, []).append((str(pod["metadata"]["name"]), node))
    if not holders and (page.get("metadata") or {}).get("continue"):
        raise Unanswered(f"only the first {PODS_AT_ONCE} pods of the namespace were looked at")
    return [_finding(name, access_modes(single[name]), pods) for name, pods in sorted(holders.items())]


def _held_by(pod: Object) -> set[str]:
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return set()
    volumes = (pod.get("spec") or {}).get("volumes") or []
    return {str((volume.get("persistentVolumeClaim") or {}).get("claimName")) for volume in volumes}


def _finding(name: str, modes: set[str], pods: list[tuple[str, str]]) -> Finding:
    names = [pod for pod, _ in pods]
    by = listed(names) if len(names) <= 3 else f"{', '.join(names[:3])} and others"
    nodes = sorted({node for _, node in pods if node})
    if ONE_POD in modes:
        message = f"The volume claim {name} is mounted by {by}, and can be mounted by one pod only: the job would wait."
    else:
        where = f" on {listed(nodes)}" if nodes else ""
        message = (
            f"The volume claim {name} is mounted by {by}{where}, and can be mounted on one node only: while that lasts "
            "the job can run there and nowhere else."
        )
    fix = "Wait for its end, or use a claim that several nodes can mount."
    return Finding(rule="claim-in-use", severity=Severity.WARNING, message=message, fix=fix)


QUESTION = Question(about="which pods hold the volume claims", ask=ask)
