"""Whether the cluster has the GPUs that are asked for, by product, share and number.

What an autoscaler may still start is known only for Karpenter on a hub; so what is not there now is a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from windlass.contract.cluster import OfferedGpu
from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.manifests.placement import gpu_resource
from windlass.engines.kubernetes.preflight.asking import Asking, Question, Unanswered
from windlass.engines.kubernetes.wording import listed


async def ask(asking: Asking) -> list[Finding]:
    """What of the GPUs there is not, or not free now."""
    job = asking.job
    if not job.spec.gpus_per_worker:
        return []
    if asking.offers is None or (not asking.offers.gpus and asking.offers.problems):
        raise Unanswered("the cluster's nodes are not known here")
    gpus = asking.offers.gpus
    matching = fitting(gpus, asking)
    if not matching:
        return [_none(asking, gpus)]
    return _too_few(asking, matching)


def fitting(gpus: Sequence[OfferedGpu], asking: Asking) -> list[OfferedGpu]:
    """Those of the offered GPUs that the job may be given."""
    choice = asking.job.options.gpu
    resource = gpu_resource(choice)
    product = choice.product or asking.job.options.node_selector.get("nvidia.com/gpu.product")
    return [gpu for gpu in gpus if gpu.resource == resource and product in (None, gpu.product)]


def named(gpu: OfferedGpu) -> str:
    """A GPU for people: `NVIDIA-A100-SXM4-40GB (MIG 1g.5gb)`."""
    how = {"mig": f" (MIG {gpu.mig_profile})" if gpu.mig_profile else " (MIG)", "time-sliced": " (shared)"}
    return f"{gpu.product or gpu.resource}{how.get(gpu.share, '')}"


def _none(asking: Asking, gpus: Sequence[OfferedGpu]) -> Finding:
    choice = asking.job.options.gpu
    wanted = choice.product or gpu_resource(choice)
    if choice.product and choice.mig_profile:
        wanted = f"{choice.product} with MIG {choice.mig_profile}"
    starts = _pools(asking)
    outcome = (
        f"{starts} may start a node with it; else the job waits for ever."
        if starts
        else "Unless an autoscaler starts a node with it, the job waits for ever."
    )
    others = list(dict.fromkeys(named(gpu) for gpu in gpus))
    fix = f"The cluster has {listed(others[:8])}." if others else "Ask for no GPU, or ask your administrators."
    best = _nearest(gpus, asking)
    return Finding(
        rule="gpu-missing",
        severity=Severity.WARNING,
        message=f"No node of the cluster has {wanted} now. {outcome}",
        fix=f"{fix} Choose {named(best)}." if best is not None and len(others) > 1 else fix,
        apply={"cluster": {"gpu": _choice(best)}} if best is not None else {"gpus_per_worker": 0},
    )


def _nearest(gpus: Sequence[OfferedGpu], asking: Asking) -> OfferedGpu | None:
    """Of the same share where there is one, and as many as can be."""
    choice = asking.job.options.gpu
    return max(gpus, key=lambda gpu: (gpu.share == choice.share, gpu.free or 0, gpu.total or 0), default=None)


def _choice(gpu: OfferedGpu) -> dict[str, Any]:
    return {
        "product": gpu.product or None,
        "share": gpu.share,
        "mig_profile": gpu.mig_profile,
        "resource": gpu.resource,
    }


def _too_few(asking: Asking, matching: Sequence[OfferedGpu]) -> list[Finding]:
    spec = asking.job.spec
    asked = spec.gpus_per_worker * spec.workers
    total, free = _sum([gpu.total for gpu in matching]), _sum([gpu.free for gpu in matching])
    what = listed(sorted({named(gpu) for gpu in matching}))
    if total is not None and total < asked:
        workers = total // spec.gpus_per_worker
        starts = _pools(asking) or "An autoscaler"
        return [
            Finding(
                rule="gpu-few",
                severity=Severity.WARNING,
                message=(
                    f"The nodes of the cluster have {total} {what} in all, and this job asks for {asked}. {starts} "
                    "would have to start nodes."
                ),
                fix=f"Ask for {workers} {'worker' if workers == 1 else 'workers'}." if workers else None,
                apply={"workers": workers} if workers else None,
            )
        ]
    if free is not None and free < asked:
        message = f"{free} of {total} {what} are free now, and this job asks for {asked}: it waits for the rest."
        return [Finding(rule="gpu-busy", severity=Severity.INFO, message=message)]
    return []


def _sum(numbers: Sequence[int | None]) -> int | None:
    """The sum, where all are known."""
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _pools(asking: Asking) -> str:
    pools = asking.capacity.pools if asking.capacity is not None else []
    return "Karpenter" if pools else ""


QUESTION = Question(about="the cluster's GPUs", ask=ask)
