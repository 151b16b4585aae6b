"""Whether the job's pods pass the Pod Security profile that their namespace enforces.

Admission refuses pods, not the objects that operators make them from: the job would be taken and never start. Only
what can be in pods of ours, of a training runtime or of the training operator is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.preflight.amounts import containers
from windlass.engines.kubernetes.preflight.asking import Asking, Question
from windlass.engines.kubernetes.wording import listed
from windlass.kube.resources import PYTORCH_JOBS, TRAIN_JOBS, TRAINING_RUNTIMES

ENFORCE = "pod-security.kubernetes.io/enforce"
_RESTRICTED, _BASELINE = "restricted", "baseline"


async def ask(asking: Asking) -> list[Finding]:
    """What the namespace's profile forbids of the pods."""
    namespace = await asking.namespace_object()
    level = (namespace["metadata"].get("labels") or {}).get(ENFORCE)
    if level not in (_RESTRICTED, _BASELINE):
        return []
    found = []
    wrong = sorted({trouble for group in asking.pods for trouble in violations(group.spec, level=level)})
    if wrong:
        message = f"This namespace enforces the {level} Pod Security profile, and the job's pods do not pass it: "
        found.append(
            Finding(
                rule="pod-security",
                severity=Severity.ERROR,
                message=f"{message}{listed(wrong)}.",
                fix="Have the server's settings keep jobs to the restricted profile, or choose another runtime.",
            )
        )
    if level == _RESTRICTED and asking.kind == PYTORCH_JOBS.kind and asking.job.spec.workers > 1:
        found.append(_init_container(asking))
    return found


def violations(pod: Object, *, level: str) -> Iterator[str]:
    """What a profile forbids of a pod, in words."""
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield f"{field} is set"
    if any("hostPath" in volume for volume in pod.get("volumes") or []):
        yield "a volume is a path of the node"
    security = pod.get("securityContext") or {}
    for container in containers(pod):
        own = container.get("securityContext") or {}
        if own.get("privileged"):
            yield f"the container {container['name']} is privileged"
        if level == _RESTRICTED:
            lacking = list(_unrestricted({**security, **own}))
            if lacking:
                yield f"the container {container['name']} lacks {listed(lacking)}"


def _unrestricted(security: Object) -> Iterator[str]:
    if security.get("runAsNonRoot") is not True:
        yield "runAsNonRoot"
    if security.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation: false"
    if "ALL" not in ((security.get("capabilities") or {}).get("drop") or []):
        yield "capabilities dropped"
    if (security.get("seccompProfile") or {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "a seccomp profile"


def _init_container(asking: Asking) -> Finding:
    """The training operator's own, which waits for the master; its usual template says nothing about security."""
    instead = TRAIN_JOBS.kind in asking.facts.kinds and TRAINING_RUNTIMES.kind in asking.facts.kinds
    setting = "have the operator's template for it (--pytorch-init-container-template-file) pass the profile"
    return Finding(
        rule="pod-security-init-container",
        severity=Severity.WARNING,
        message=(
            "This namespace enforces the restricted Pod Security profile, and the training operator puts an init "
            "container of its own into workers, which in its usual form does not pass it: workers would never start."
        ),
        fix=f"Run it as a TrainJob, or {setting}." if instead else f"Ask your administrators to {setting}.",
        apply={"kind": TRAIN_JOBS.kind} if instead else None,
    )


QUESTION = Question(about="the namespace's Pod Security profile", ask=ask)
