"""Puts a bundle onto a volume claim, which only a pod can write to: by a Job that lives for a minute.

The Job is made first, and the ConfigMaps with the bundle's pieces are its own from their birth: whatever dies in
between, the Job's time limit and its time to live take everything away again. Nothing of it carries the job's label,
so that no watch takes it for a part of the job. More than some tens of megabytes do not go this way: each piece passes
through the API server and its database.
"""

from __future__ import annotations

import asyncio
import base64
import time
from contextlib import suppress
from pathlib import Path

import windlass.runner
from windlass.engines.kubernetes.manifests.delivery import CLAIM_FOLDER, LARGEST_CONFIG_MAP
from windlass.engines.kubernetes.manifests.environment import escaped, literal_entries
from windlass.engines.kubernetes.manifests.ownership import owned_by
from windlass.engines.kubernetes.manifests.security import container_security, pod_security
from windlass.engines.kubernetes.model import ClusterJob, FromClaim, Object
from windlass.engines.kubernetes.observing.conditions import holding
from windlass.engines.kubernetes.refusals import refusal
from windlass.engines.kubernetes.wording import short
from windlass.errors import BundleRefused, FieldError, InvalidRequest, Unavailable
from windlass.kube.client import KubeClient
from windlass.kube.errors import Forbidden, KubeError, NotFound
from windlass.kube.names import MANAGED_BY_LABEL, MANAGER, OWNER_LABEL
from windlass.kube.quantities import format_bytes
from windlass.kube.resources import CONFIG_MAPS, JOBS, PERSISTENT_VOLUME_CLAIMS

MOST_PIECES = 32
PIECE_BYTES = LARGEST_CONFIG_MAP
WAIT_SECONDS = 120.0
BUNDLE_OF_LABEL = "windlass.io/bundle-of"

_PROGRAM = "put_bundle.py"
_PIECES_FOLDER, _PROGRAM_FOLDER = "/etc/windlass-pieces", "/etc/windlass"
_LEFT_SECONDS = 60
_AMOUNTS = {"cpu": "500m", "memory": "256Mi"}
_LOOK_SECONDS = (0.2, 0.5, 1.0, 2.0)


def path_of(sha256: str) -> str:
    """Where a bundle lies on a claim."""
    return f".windlass/bundles/{sha256}.tar.gz"


async def put_onto_claim(job: ClusterJob, content: bytes, *, claim: str, client: KubeClient) -> FromClaim:
    """Bring the archive to the claim, and wait until it is there.

    Args:
        job: whose bundle it is; the pod runs in its image.
        content: the archive.
        claim: a volume claim of the job's namespace.
        client: this user's.

    Raises:
        BundleRefused: it is too large for this way.
        InvalidRequest, Forbidden, Unavailable: there is no such claim, the cluster refuses, or the pod has not done it
            in time. Nothing is left in the cluster.
    """
    count = piece_count(len(content), claim=claim)
    made: Object | None = None
    try:
        await _look_for(claim, job.namespace, client)
        made = await client.create(JOBS, carrier(job, claim=claim, pieces=count), namespace=job.namespace)
        for item in owned_by(config_maps(job, content), made):
            await client.create(CONFIG_MAPS, item, namespace=job.namespace)
        await _done(job, claim, client)
    except KubeError as error:
        raise refusal(error, doing="bring the bundle onto the volume claim") from error
    finally:
        if made is not None:
            await asyncio.shield(_remove(job, made, client))
    return FromClaim(claim=claim, path=path_of(job.spec.bundle_sha256))


def piece_count(size_bytes: int, *, claim: str) -> int:
    """How many ConfigMaps carry so much to a claim. Raises BundleRefused where that is too many."""
    count = -(-size_bytes // PIECE_BYTES)
    if count > MOST_PIECES:
        raise BundleRefused(
            f"The bundle has {format_bytes(size_bytes)}, and {format_bytes(MOST_PIECES * PIECE_BYTES)} can be put "
            f"onto the volume claim {claim} from here: leave data out of it (.windlassignore), or set "
            "MLFLOW_TRACKING_URI to an MLflow that the cluster reaches, which takes larger ones."
        )
    return count


def carrier(job: ClusterJob, *, claim: str, pieces: int) -> Object:
    """The Job that joins the pieces on the claim."""
    variables = {
        "HOME": "/tmp",  # noqa: S108  (in the pod)
        "WINDLASS_PIECES": _PIECES_FOLDER,
        "WINDLASS_BUNDLE_SHA256": job.spec.bundle_sha256,
        "WINDLASS_BUNDLE_FILE": f"{CLAIM_FOLDER}/{path_of(job.spec.bundle_sha256)}",
    }
    sources = [{"configMap": {"name": _piece_name(job, index)}} for index in range(pieces)]
    spec: Object = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "securityContext": pod_security(job),
        "containers": [
            {
                "name": "put",
                "image": job.image,
                "command": [escaped(job.python), f"{_PROGRAM_FOLDER}/{_PROGRAM}"],
                "env": literal_entries(variables),
                "resources": {"requests": _AMOUNTS, "limits": _AMOUNTS},
                "securityContext": container_security(job),
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": [
                    {"name": "claim", "mountPath": CLAIM_FOLDER},
                    {"name": "pieces", "mountPath": _PIECES_FOLDER, "readOnly": True},
                    {"name": "program", "mountPath": _PROGRAM_FOLDER, "readOnly": True},
                ],
            }
        ],
        "volumes": [
            {"name": "claim", "persistentVolumeClaim": {"claimName": claim}},
            {"name": "pieces", "projected": {"sources": sources}},
            {"name": "program", "configMap": {"name": carrier_name(job)}},
        ],
    }
    if job.service_account is not None:
        spec["serviceAccountName"] = job.service_account
    if job.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in job.pull_secrets]
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": _metadata(job, carrier_name(job)),
        "spec": {
            "backoffLimit": 1,
            "activeDeadlineSeconds": int(WAIT_SECONDS) + _LEFT_SECONDS,
            "ttlSecondsAfterFinished": _LEFT_SECONDS,
            "template": {"metadata": {"labels": _labels(job)}, "spec": spec},
        },
    }


def config_maps(job: ClusterJob, content: bytes) -> list[Object]:
    """The program, and the pieces in their order."""
    program = (Path(windlass.runner.__path__[0]) / _PROGRAM).read_text(encoding="utf-8")
    common = {"apiVersion": CONFIG_MAPS.api_version, "kind": CONFIG_MAPS.kind, "immutable": True}
    found: list[Object] = [{**common, "metadata": _metadata(job, carrier_name(job)), "data": {_PROGRAM: program}}]
    for index, start in enumerate(range(0, len(content), PIECE_BYTES)):
        piece = base64.b64encode(content[start : start + PIECE_BYTES]).decode()
        metadata = _metadata(job, _piece_name(job, index))
        found.append({**common, "metadata": metadata, "binaryData": {f"piece-{index:04}": piece}})
    return found


def carrier_name(job: ClusterJob) -> str:
    """Of the Job, and of the ConfigMap with its program."""
    return f"{job.name}-bundle"


def _piece_name(job: ClusterJob, index: int) -> str:
    return f"{job.name}-bundle-{index}"


def _metadata(job: ClusterJob, name: str) -> Object:
    return {"name": name, "namespace": job.namespace, "labels": _labels(job)}


def _labels(job: ClusterJob) -> dict[str, str]:
    found = {MANAGED_BY_LABEL: MANAGER, BUNDLE_OF_LABEL: job.spec.id}
    return {**found, **{name: value for name, value in job.labels.items() if name == OWNER_LABEL}}


async def _look_for(claim: str, namespace: str, client: KubeClient) -> None:
    """A pod would wait for a claim that is not there. Raises InvalidRequest, and KubeErrors but Forbidden."""
    with suppress(Forbidden):
        try:
            await client.get(PERSISTENT_VOLUME_CLAIMS, claim, namespace=namespace)
        except NotFound:
            message = f"There is no volume claim {claim} in the namespace {namespace} to put the bundle onto."
            field = FieldError(field="cluster.bundle_claim", message=message)
            raise InvalidRequest(f"{message} Choose another.", fields=[field]) from None


async def _done(job: ClusterJob, claim: str, client: KubeClient) -> None:
    """Raises Unavailable, and a KubeError."""
    began, looks = time.monotonic(), 0
    while True:
        found = await client.get(JOBS, carrier_name(job), namespace=job.namespace)
        if holding(found, "Complete"):
            return
        failed = holding(found, "Failed")
        if failed is not None:
            why = short(failed.get("message") or failed.get("reason"))
            raise Unavailable(f"The bundle could not be put onto the volume claim {claim}: {why}")
        if time.monotonic() - began > WAIT_SECONDS:
            raise Unavailable(
                f"No pod has put the bundle onto the volume claim {claim} within {WAIT_SECONDS:.0f} s: it may be "
                "mounted elsewhere, or wait for a node. Try again."
            )
        await asyncio.sleep(_LOOK_SECONDS[min(looks, len(_LOOK_SECONDS) - 1)])
        looks += 1


async def _remove(job: ClusterJob, made: Object, client: KubeClient) -> None:
    """The ConfigMaps go with the Job; what cannot be removed now goes by itself, when its time has come."""
    with suppress(KubeError):
        await client.delete(
            JOBS,
            carrier_name(job),
            namespace=job.namespace,
            propagation="Background",
            preconditions={"uid": made["metadata"]["uid"]},
        )
