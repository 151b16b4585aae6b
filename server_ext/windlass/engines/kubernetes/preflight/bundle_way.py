"""How a bundle too large for a ConfigMap gets to the pods, or that it cannot, and what to do then.

Asks nothing of the cluster. In a preview the archive is not written yet: then its files' size is the most it can have.
"""

from __future__ import annotations

import asyncio

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.manifests.delivery import room_for_bundle
from windlass.engines.kubernetes.manifests.job_environment import TRACKING_URI
from windlass.engines.kubernetes.model import ClusterJob, FromArtifacts, FromClaim, InConfigMap
from windlass.engines.kubernetes.preflight.asking import Asking, Question
from windlass.engines.kubernetes.sending.claim_upload import MOST_PIECES, PIECE_BYTES
from windlass.kube.quantities import format_bytes


async def ask(asking: Asking) -> list[Finding]:
    """The way of a large bundle, in a sentence; nothing for a small one."""
    job = asking.job
    packed = await asyncio.to_thread(_packed_bytes, job)
    size = packed if packed is not None else job.spec.files_bytes
    room = room_for_bundle(requirement_count=len(job.packages))
    if size is None or size <= room:
        return []
    has = (
        f"The bundle has {format_bytes(size)}" if packed is not None else f"The files to send have {format_bytes(size)}"
    )
    maybe = "; so" if packed is not None else ". If they do not shrink to that,"
    what = f"{has}, and a ConfigMap has room for {format_bytes(room)}{maybe}"
    if isinstance(job.delivery, FromArtifacts) or (
        isinstance(job.delivery, InConfigMap) and job.environment.get(TRACKING_URI)
    ):
        return [_told(f"{what} the bundle is put into MLflow, and each pod fetches it from there.")]
    claim = job.delivery.claim if isinstance(job.delivery, FromClaim) else job.options.bundle_claim
    if claim is not None and size <= MOST_PIECES * PIECE_BYTES:
        return [_told(f"{what} the bundle is put onto the volume claim {claim}.")]
    return [
        Finding(
            rule="bundle-too-large",
            severity=Severity.ERROR if packed is not None else Severity.WARNING,
            message=f"{what} it cannot be sent: no MLflow that pods reach can carry it, and {_no_claim(claim)}.",
            fix=(
                "Leave files out (.windlassignore) and put data on a volume, name a claim for the bundle, or set "
                "MLFLOW_TRACKING_URI to a server that the cluster reaches."
            ),
        )
    ]


async def is_put_onto_claim(job: ClusterJob) -> bool:
    """Whether the bundle is too large for a ConfigMap and goes onto a volume claim, which a job of its own does."""
    if isinstance(job.delivery, FromClaim):
        return True
    if job.options.bundle_claim is None or isinstance(job.delivery, FromArtifacts) or job.environment.get(TRACKING_URI):
        return False
    size = await asyncio.to_thread(_packed_bytes, job)
    return size is not None and size > room_for_bundle(requirement_count=len(job.packages))


def _packed_bytes(job: ClusterJob) -> int | None:
    """Of the archive; None while there is none."""
    try:
        return job.spec.bundle_path.stat().st_size
    except OSError:
        return (job.delivery.size_bytes or None) if isinstance(job.delivery, InConfigMap) else None


def _no_claim(claim: str | None) -> str:
    if claim is None:
        return "no volume claim is named for it"
    return (
        f"{format_bytes(MOST_PIECES * PIECE_BYTES)} is the most that can be put onto the volume claim {claim} from here"
    )


def _told(message: str) -> Finding:
    return Finding(rule="bundle-way", severity=Severity.INFO, message=message)


QUESTION = Question(about="the bundle's size", ask=ask)
