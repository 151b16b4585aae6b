"""Whether the volume claims are there, and can be mounted by as many pods as the job has."""

from __future__ import annotations

from typing import Any

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.model import FromClaim, Object
from windlass.engines.kubernetes.preflight.asking import Asking, Question
from windlass.engines.kubernetes.wording import listed

ONE_POD = "ReadWriteOncePod"


async def ask(asking: Asking) -> list[Finding]:
    """Each claim that is missing, not bound, or mounted by too many."""
    names, for_bundle = claim_names(asking), asking.job.options.bundle_claim
    wanted = dict.fromkeys([*names, *([for_bundle] if for_bundle is not None else [])])
    if not wanted:
        return []
    there = {str(claim["metadata"]["name"]): claim for claim in await asking.claims()}
    found = [_missing(asking, name, sorted(there)) for name in wanted if name not in there]
    for name in names:
        claim = there.get(name)
        if claim is None:
            continue
        found += _state(name, claim)
        modes = access_modes(claim)
        if is_for_one(claim):
            found += _of_many(asking, name, modes)
        elif modes == {"ReadOnlyMany"}:
            found += _read_only(asking, name)
    return found


def is_for_one(claim: Object) -> bool:
    """Whether one node, or one pod, is all that can mount a claim at a time."""
    modes = access_modes(claim)
    return ONE_POD in modes or modes == {"ReadWriteOnce"}


def claim_names(asking: Asking) -> list[str]:
    """The claims that the job's pods mount."""
    mounted = [mount.claim for mount in asking.job.options.volumes]
    delivery = asking.job.delivery
    return list(dict.fromkeys([*mounted, *([delivery.claim] if isinstance(delivery, FromClaim) else [])]))


def access_modes(claim: Object) -> set[str]:
    """How a claim may be mounted, as its volume has it, else as was asked for."""
    status, spec = claim.get("status") or {}, claim.get("spec") or {}
    return set(status.get("accessModes") or spec.get("accessModes") or [])


def _missing(asking: Asking, name: str, there: list[str]) -> Finding:
    options = asking.job.options
    kept = [mount.model_dump(mode="json") for mount in options.volumes if mount.claim != name]
    changes: dict[str, Any] = {"volumes": kept} if len(kept) < len(options.volumes) else {}
    if options.bundle_claim == name:
        changes["bundle_claim"] = None
    others = f"Choose one of {listed(there[:8])}, or" if there else "Have it made, or"
    return Finding(
        rule="claim-missing",
        severity=Severity.ERROR,
        message=f"There is no volume claim {name} in the namespace {asking.namespace}: the pods would never start.",
        fix=f"{others} leave it out.",
        apply={"cluster": changes} if changes else None,
    )


def _state(name: str, claim: Object) -> list[Finding]:
    if claim["metadata"].get("deletionTimestamp"):
        message = f"The volume claim {name} is being removed: no new pod can mount it."
        return [_finding("claim-going", Severity.ERROR, message, fix="Choose another claim.")]
    phase = (claim.get("status") or {}).get("phase")
    if phase == "Lost":
        message = f"The volume of the claim {name} is lost: no pod can mount it."
        return [_finding("claim-lost", Severity.ERROR, message, fix="Choose another claim.")]
    if phase == "Bound" or (claim.get("spec") or {}).get("storageClassName") == "":
        return []
    # With WaitForFirstConsumer the first pod is what it waits for.
    message = (
        f"The volume claim {name} has no volume yet: it gets one when its first pod starts, or the pod waits for it."
    )
    return [_finding("claim-not-bound", Severity.INFO, message, fix=None)]


def _of_many(asking: Asking, name: str, modes: set[str]) -> list[Finding]:
    if asking.job.spec.workers == 1:
        return []
    fewer = {"workers": 1}
    if ONE_POD in modes:
        message = f"The volume claim {name} can be mounted by one pod only, and this job has {asking.job.spec.workers}."
        return [_finding("claim-access", Severity.ERROR, message, fix="Ask for one worker.", apply=fewer)]
    message = (
        f"The volume claim {name} can be mounted on one node only (ReadWriteOnce): all {asking.job.spec.workers} "
        "workers would have to fit on the same node, else they wait for ever."
    )
    fix = "Use a claim that several nodes can mount (ReadWriteMany or ReadOnlyMany), or ask for one worker."
    return [_finding("claim-access", Severity.WARNING, message, fix=fix, apply=fewer)]


def _read_only(asking: Asking, name: str) -> list[Finding]:
    writing = [mount for mount in asking.job.options.volumes if mount.claim == name and not mount.read_only]
    if not writing:
        return []
    volumes = [
        {**mount.model_dump(mode="json"), **({"read_only": True} if mount.claim == name else {})}
        for mount in asking.job.options.volumes
    ]
    message = f"The volume claim {name} can only be read (ReadOnlyMany), and is to be mounted for writing."
    apply: dict[str, Any] = {"cluster": {"volumes": volumes}}
    return [_finding("claim-read-only", Severity.ERROR, message, fix="Mount it read-only.", apply=apply)]


def _finding(
    rule: str, severity: Severity, message: str, *, fix: str | None, apply: dict[str, Any] | None = None
) -> Finding:
    return Finding(rule=rule, severity=severity, message=message, fix=fix, apply=apply)


QUESTION = Question(about="the volume claims", ask=ask)
