"""Brings bundles that no ConfigMap holds to where pods fetch them: into MLflow, else onto a volume claim.

In MLflow a bundle is the artifact of a run of its own, in an experiment for such runs: the job's runs are made by the
job itself, and one that exists before them would be one too many. Bundles are named by their content, so that a rerun
finds the one that is there. MLflow is spoken to by this server with its credentials; pods use the user's.

It does not know the tracking client, which stands beside the engines: whoever wires the server hands one in.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from windlass.engines.kubernetes.manifests.job_environment import TRACKING_URI
from windlass.engines.kubernetes.model import ClusterJob, Delivery, FromArtifacts
from windlass.engines.kubernetes.sending.claim_upload import piece_count, put_onto_claim
from windlass.errors import BundleRefused, Conflict, Unavailable, WindlassError
from windlass.kube.client import KubeClient
from windlass.kube.names import owner_label
from windlass.kube.quantities import format_bytes

if TYPE_CHECKING:
    from typing_extensions import Self

EXPERIMENTS = "windlass-bundles"
"""Each user has one below it: MLflow's permissions are by experiment."""
ARTIFACT = "windlass/bundle.tar.gz"
_KIND_TAG, _KIND = "windlass.kind", "bundle"
_SHA_TAG = "windlass.bundle_sha256"
_GONE = "What this job is to send is no longer on disk. Send the notebook again."
_CHANGED = "What this job is to send was changed on disk. Send the notebook again."
_NO_WAY = (
    "The bundle has {size} and does not fit into a ConfigMap; there is no MLflow that pods reach to carry it, and no "
    "volume claim is named for it. Leave files out (.windlassignore) and put data on a volume, name a claim for the "
    "bundle, or set MLFLOW_TRACKING_URI to a server that the cluster reaches."
)


class ArtifactStore(Protocol):
    """The part of a tracking client (`windlass.tracking.client.MlflowRest`) that is needed here.

    Methods raise a WindlassError: Unavailable where MLflow does not answer, others where it will not.
    """

    async def __aenter__(self) -> Self:
        """Open."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Close."""
        ...

    async def experiment_id(self, name: str) -> str:
        """Of an experiment, made when there is none."""
        ...

    async def runs_tagged(self, experiment_id: str, tags: Mapping[str, str]) -> list[dict[str, Any]]:
        """Runs that carry all these tags."""
        ...

    async def create_run(
        self, *, experiment_id: str, name: str, start_time: float | None, tags: Mapping[str, str]
    ) -> dict[str, Any]:
        """Make a run."""
        ...

    async def artifact_sizes(self, run_id: str, folder: str) -> dict[str, int]:
        """Bytes of the files of a folder, by path."""
        ...

    async def upload(self, run: Mapping[str, Any], path: Path, *, artifact_path: str) -> None:
        """Put a file among a run's artifacts, in pieces."""
        ...

    async def end_run(self, run_id: str, *, status: str, end_time: float | None) -> None:
        """Close a run."""
        ...

    async def delete_run(self, run_id: str) -> None:
        """Remove a run."""
        ...


OpenStore = Callable[[], Awaitable[ArtifactStore]]
"""Opens MLflow as this server reaches it (`Tracking.client`). Raises Unavailable."""


class BundleUpload:
    """Stores the bundles of jobs, and takes back what a failed submission has stored."""

    def __init__(self, *, open_store: OpenStore | None) -> None:
        self.open_store = open_store
        """None where there is no MLflow that this server and pods share."""
        self._made: dict[str, str] = {}
        """By job id: the run that was made for its bundle."""

    async def deliver_large(self, job: ClusterJob, *, client: KubeClient) -> Delivery:
        """Store the bundle of a job; where pods fetch it.

        Raises:
            BundleRefused: there is no place for it.
            Conflict: it is no longer on this server's disk, or not the one that was meant.
            InvalidRequest, Forbidden, Unavailable: the place refuses, or does not answer. Nothing is left there.
        """
        size = await asyncio.to_thread(_checked, job.spec.bundle_path, job.spec.bundle_sha256)
        claim, uri = job.options.bundle_claim, job.environment.get(TRACKING_URI)
        refused: WindlassError | None = None
        if uri and self.open_store is not None:
            try:
                run_id = await self._into_mlflow(job, self.open_store, size)
                return FromArtifacts(tracking_uri=uri, run_id=run_id, path=ARTIFACT)
            except WindlassError as error:
                refused = error
        if claim is not None:
            piece_count(size, claim=claim)
            content = await asyncio.to_thread(job.spec.bundle_path.read_bytes)
            return await put_onto_claim(job, content, claim=claim, client=client)
        if isinstance(refused, Unavailable):
            raise refused
        why = f" ({refused})" if refused is not None else ""
        raise BundleRefused(_NO_WAY.format(size=format_bytes(size)) + why)

    async def take_back(self, job_id: str) -> None:
        """The submission has failed: remove what was made for it. What others had made before stays."""
        run_id = self._made.pop(job_id, None)
        if run_id is None or self.open_store is None:
            return
        with suppress(WindlassError):
            async with await self.open_store() as store:
                await store.delete_run(run_id)

    def keep(self, job_id: str) -> None:
        """The job was taken: its bundle stays in MLflow."""
        self._made.pop(job_id, None)

    async def _into_mlflow(self, job: ClusterJob, open_store: OpenStore, size: int) -> str:
        """The run that has it. Raises a WindlassError, and leaves no run without its bundle."""
        tags = {_KIND_TAG: _KIND, _SHA_TAG: job.spec.bundle_sha256}
        async with await open_store() as store:
            experiment_id = await store.experiment_id(f"{EXPERIMENTS}/{owner_label(job.spec.owner)}")
            for run in await store.runs_tagged(experiment_id, tags):
                if await _has_it(store, run, size):
                    return _id(run)
            run = await store.create_run(
                experiment_id=experiment_id,
                name=f"bundle of {job.spec.name}",
                start_time=job.spec.created_at or None,
                tags={**tags, "mlflow.user": job.spec.owner, "windlass.notebook": job.spec.notebook},
            )
            try:
                await store.upload(run, job.spec.bundle_path, artifact_path=ARTIFACT)
                if not await _has_it(store, run, size):
                    raise Unavailable("MLflow has not kept the whole bundle. Try again.")
                await store.end_run(_id(run), status="FINISHED", end_time=None)
            except BaseException:
                # Also when whoever asked has given up.
                with suppress(WindlassError):
                    await asyncio.shield(store.delete_run(_id(run)))
                raise
        self._made[job.spec.id] = _id(run)
        return _id(run)


async def _has_it(store: ArtifactStore, run: Mapping[str, Any], size: int) -> bool:
    """By its size: the content is compared in the pod, by its sha256."""
    return (await store.artifact_sizes(_id(run), ARTIFACT.rpartition("/")[0])).get(ARTIFACT) == size


def _id(run: Mapping[str, Any]) -> str:
    return str(run["info"]["run_id"])


def small_bundle(path: Path, sha256: str, most_bytes: int) -> bytes | None:
    """The archive where it has no more than `most_bytes`, else None. Raises Conflict."""
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError:
        raise Conflict(_GONE) from None
    if len(content) > most_bytes:
        return None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Conflict(_CHANGED)
    return content


def _checked(path: Path, sha256: str) -> int:
    """The archive's size in bytes. Raises Conflict."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            for piece in iter(lambda: file.read(1 << 20), b""):
                digest.update(piece)
                size += len(piece)
    except OSError:
        raise Conflict(_GONE) from None
    if digest.hexdigest() != sha256:
        raise Conflict(_CHANGED)
    return size
