"""Whether the queue that is asked for is there and takes jobs, and whether Kueue looks after this kind of job.

Which kinds it looks after stands in a configuration that users may not read; it shows in the Workloads that there are.
Kueue's usual configuration leaves PyTorchJobs alone: the label is passed over in silence, and the job starts at once.
"""

from __future__ import annotations

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.observing.conditions import condition
from windlass.engines.kubernetes.preflight.asking import Asking, Question
from windlass.engines.kubernetes.wording import listed, short
from windlass.kube.errors import KubeError
from windlass.kube.resources import PYTORCH_JOBS, TRAIN_JOBS

_WORKLOADS_AT_ONCE = 50


async def ask(asking: Asking) -> list[Finding]:
    """What is wrong with the queue."""
    name = asking.job.options.queue
    if name is None:
        return []
    served = asking.facts.kinds.get("LocalQueue")
    if served is None:
        message = f"The cluster has no Kueue, so there is no queue {name}: the job would start at once."
        return [_finding("queue-missing", message, fix="Leave the queue out.", leave_out=True)]
    queues, _ = await asking.client.list(served.resource, namespace=asking.namespace)
    there = {str(queue["metadata"]["name"]): queue for queue in queues}
    if name not in there:
        others = f"Choose {listed(sorted(there)[:8])}, or leave it out." if there else "Leave it out."
        message = f"There is no queue {name} in the namespace {asking.namespace}: the job would wait in it for ever."
        return [_finding("queue-missing", message, fix=others, leave_out=True)]
    return [*_stopped(name, there[name]), *await _not_looked_after(asking, name)]


def _stopped(name: str, queue: Object) -> list[Finding]:
    active = condition(queue, "Active")
    policy = (queue.get("spec") or {}).get("stopPolicy", "None")
    if policy == "None" and (active is None or active.get("status") != "False"):
        return []
    why = short((active or {}).get("message") or "it is stopped").rstrip(".")
    message = f"The queue {name} admits no jobs now ({why}): the job would wait."
    return [
        Finding(
            rule="queue-stopped",
            severity=Severity.WARNING,
            message=message,
            fix="Choose another queue, or ask your administrators.",
        )
    ]


async def _not_looked_after(asking: Asking, name: str) -> list[Finding]:
    """A PyTorchJob, unless a Workload of one shows that this Kueue looks after them."""
    if asking.kind != PYTORCH_JOBS.kind or await _has_workload_of(asking, PYTORCH_JOBS.kind):
        return []
    instead = TRAIN_JOBS.kind in asking.facts.kinds
    ask_admins = "ask your administrators whether kubeflow.org/pytorchjob is among Kueue's integrations"
    return [
        Finding(
            rule="queue-not-in-force",
            severity=Severity.WARNING,
            message=(
                f"Kueue's usual configuration does not look after PyTorchJobs: the queue {name} may be passed over, "
                "and the job start at once."
            ),
            fix=f"Run it as a TrainJob, or {ask_admins}." if instead else f"{ask_admins[0].upper()}{ask_admins[1:]}.",
            apply={"kind": TRAIN_JOBS.kind} if instead else None,
        )
    ]


async def _has_workload_of(asking: Asking, kind: str) -> bool:
    served = asking.facts.kinds.get("Workload")
    if served is None:
        return False
    path, query = served.resource.path(namespace=asking.namespace), {"limit": str(_WORKLOADS_AT_ONCE)}
    try:
        page = await asking.client.raw("GET", path, query=query) or {}
    except KubeError:
        # Not to be read: then the usual configuration is the best guess.
        return False
    return any(
        owner.get("kind") == kind
        for workload in page.get("items") or []
        for owner in (workload.get("metadata") or {}).get("ownerReferences") or []
    )


def _finding(rule: str, message: str, *, fix: str, leave_out: bool) -> Finding:
    apply = {"cluster": {"queue": None}} if leave_out else None
    return Finding(rule=rule, severity=Severity.ERROR, message=message, fix=fix, apply=apply)


QUESTION = Question(about="the queue", ask=ask)
