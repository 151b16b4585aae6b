"""Bundles too large for a ConfigMap: into a real MLflow and back by the pods' own program, and onto a claim."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import install
from tests.engines.kubernetes.engines import engine_on, spec
from tests.engines.kubernetes.making import cluster_job

import windlass.runner
from windlass.engines.kubernetes.manifests.delivery import CLAIM_FOLDER, fetch_environment
from windlass.engines.kubernetes.manifests.job_environment import TRACKING_URI
from windlass.engines.kubernetes.model import ClusterJob, Delivery, FromArtifacts, FromClaim, Object
from windlass.engines.kubernetes.sending import claim_upload
from windlass.engines.kubernetes.sending.bundle_upload import ARTIFACT, BundleUpload
from windlass.engines.kubernetes.sending.claim_upload import MOST_PIECES, PIECE_BYTES, carrier_name, path_of
from windlass.errors import BundleRefused, Conflict, InvalidRequest, Unavailable
from windlass.kube.names import JOB_LABEL
from windlass.kube.resources import CONFIG_MAPS, JOBS, PERSISTENT_VOLUME_CLAIMS, PYTORCH_JOBS
from windlass.tracking.client import MlflowRest

RUNNER = Path(windlass.runner.__path__[0])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """An archive that takes three ConfigMaps."""
    noise = os.urandom(5 * PIECE_BYTES // 2)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("files/noise.bin")
        member.size = len(noise)
        archive.addfile(member, io.BytesIO(noise))
    path = tmp_path / "bundle.tar.gz"
    path.write_bytes(packed.getvalue())
    return path


def job_with(path: Path, *, uri: str | None, namespace: str = "default", **changes: Any) -> ClusterJob:
    sent = {"bundle_path": path, "bundle_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return cluster_job(
        spec={**sent, **changes.pop("spec", {})},
        environment={TRACKING_URI: uri} if uri else {},
        namespace=namespace,
        options=changes,
    )


def fetched(job: ClusterJob, delivery: Delivery, folder: Path) -> subprocess.CompletedProcess[str]:
    """What the init container does with that delivery."""
    delivered = cluster_job(spec={"bundle_sha256": job.spec.bundle_sha256}, delivery=delivery)
    variables = {entry["name"]: entry["value"] for entry in fetch_environment(delivered) if "value" in entry}
    return subprocess.run(
        [sys.executable, str(RUNNER / "fetch.py")],
        env={**variables, "WINDLASS_FOLDER": str(folder), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def with_a_claim(cluster: Cluster) -> str:
    """A namespace with the claim `scratch`."""
    namespace = await cluster.namespace()
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    await cluster.create(PERSISTENT_VOLUME_CLAIMS, {"metadata": {"name": "scratch"}, "spec": spec}, namespace=namespace)
    return namespace


@pytest.mark.mlflow
async def test_pods_fetch_from_mlflow_what_was_put_there(
    mlflow: Any, cluster: Cluster, bundle: Path, tmp_path: Path
) -> None:
    upload = BundleUpload(open_store=opening(mlflow.url))
    job = job_with(bundle, uri=mlflow.url)
    delivery = await upload.deliver_large(job, client=cluster.admin)
    assert isinstance(delivery, FromArtifacts)
    assert mlflow.artifacts(delivery.run_id, "windlass") == [ARTIFACT]
    run = mlflow.run(delivery.run_id)
    assert run["info"]["status"] == "FINISHED"
    done = fetched(job, delivery, tmp_path / "pod")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "pod" / "bundle" / "files" / "noise.bin").stat().st_size == 5 * PIECE_BYTES // 2


@pytest.mark.mlflow
async def test_a_rerun_finds_the_bundle_that_is_there_and_another_user_does_not(
    mlflow: Any, cluster: Cluster, bundle: Path
) -> None:
    upload = BundleUpload(open_store=opening(mlflow.url))
    first = await upload.deliver_large(job_with(bundle, uri=mlflow.url), client=cluster.admin)
    again = await upload.deliver_large(job_with(bundle, uri=mlflow.url, spec={"id": "other1"}), client=cluster.admin)
    assert again == first
    # Neither is it taken back with a job that has only found it.
    await upload.take_back("other1")
    assert mlflow.run(first.run_id)["info"]["lifecycle_stage"] == "active"  # type: ignore[union-attr]
    stranger = job_with(bundle, uri=mlflow.url, spec={"owner": "Eve"})
    assert await upload.deliver_large(stranger, client=cluster.admin) != first


@pytest.mark.mlflow
async def test_a_submission_that_fails_leaves_no_run_behind(mlflow: Any, cluster: Cluster, bundle: Path) -> None:
    upload = BundleUpload(open_store=opening(mlflow.url))
    job = job_with(bundle, uri=mlflow.url)
    delivery = await upload.deliver_large(job, client=cluster.admin)
    assert isinstance(delivery, FromArtifacts)
    await upload.take_back(job.spec.id)
    assert mlflow.run(delivery.run_id)["info"]["lifecycle_stage"] == "deleted"


@pytest.mark.mlflow
@pytest.mark.emulator
async def test_the_engine_sends_a_large_bundle_through_mlflow_and_takes_it_back_with_a_job_that_is_refused(
    mlflow: Any, cluster: Cluster, tmp_path: Path
) -> None:
    await install(cluster, PYTORCH_JOBS)
    namespace = await cluster.namespace()
    content = os.urandom(2 * PIECE_BYTES)
    uri = "http://mlflow.ml.svc:5000"
    async with MlflowRest(mlflow.url) as asked, engine_on(cluster, namespace, tmp_path, tracking_uri=uri) as made:
        made.engine.keep_bundles_with(opening(mlflow.url))
        cluster.faults.fail("POST", "/pytorchjobs\\?", 422, "PyTorchJob is invalid: not on Mondays")
        with pytest.raises(InvalidRequest, match="not on Mondays"):
            await made.engine.submit(spec(tmp_path, content=content))
        experiment = await asked.experiment_id("windlass-bundles/ada")
        tags = {"windlass.bundle_sha256": hashlib.sha256(content).hexdigest()}
        assert await asked.runs_tagged(experiment, tags) == []
        await made.engine.submit(spec(tmp_path, content=content))
        (run,) = await asked.runs_tagged(experiment, tags)
    (sent,) = (await cluster.admin.list(PYTORCH_JOBS, namespace=namespace))[0]
    fetch = sent["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["initContainers"][0]
    variables = {entry["name"]: entry.get("value") for entry in fetch["env"]}
    assert variables["MLFLOW_TRACKING_URI"] == uri
    assert variables["WINDLASS_BUNDLE_RUN_ID"] == run["info"]["run_id"]
    carried = await cluster.admin.get(CONFIG_MAPS, sent["metadata"]["name"], namespace=namespace)
    assert "binaryData" not in carried


class Forgetful(MlflowRest):
    """An MLflow whose artifact store keeps nothing."""

    async def upload(self, run: Mapping[str, Any], path: Path, *, artifact_path: str) -> None:
        """Lose it."""


@pytest.mark.mlflow
async def test_a_bundle_that_mlflow_does_not_keep_is_not_taken_for_delivered(
    mlflow: Any, cluster: Cluster, bundle: Path
) -> None:
    async def forgetful() -> MlflowRest:
        return Forgetful(mlflow.url)

    job = job_with(bundle, uri=mlflow.url)
    with pytest.raises(Unavailable, match="not kept the whole bundle"):
        await BundleUpload(open_store=forgetful).deliver_large(job, client=cluster.admin)
    async with MlflowRest(mlflow.url) as asked:
        experiment = await asked.experiment_id("windlass-bundles/ada")
        assert await asked.runs_tagged(experiment, {"windlass.bundle_sha256": job.spec.bundle_sha256}) == []


async def test_without_any_place_the_answer_says_what_to_do(cluster: Cluster, bundle: Path) -> None:
    with pytest.raises(BundleRefused, match=r"name a claim for the bundle") as refused:
        await BundleUpload(open_store=None).deliver_large(job_with(bundle, uri=None), client=cluster.admin)
    assert "2.2" in str(refused.value)


async def test_an_mlflow_that_is_away_is_said_to_be(cluster: Cluster, bundle: Path) -> None:
    async def away() -> MlflowRest:
        raise Unavailable("MLflow at http://x does not answer.")

    with pytest.raises(Unavailable, match="does not answer"):
        await BundleUpload(open_store=away).deliver_large(job_with(bundle, uri="http://x"), client=cluster.admin)


async def test_a_bundle_that_was_changed_on_disk_is_not_sent(cluster: Cluster, bundle: Path) -> None:
    job = job_with(bundle, uri=None)
    bundle.write_bytes(b"something else")
    with pytest.raises(Conflict, match="changed on disk"):
        await BundleUpload(open_store=None).deliver_large(job, client=cluster.admin)
    bundle.unlink()
    with pytest.raises(Conflict, match="no longer on disk"):
        await BundleUpload(open_store=None).deliver_large(job, client=cluster.admin)


@pytest.mark.emulator
async def test_a_pod_puts_the_bundle_onto_the_claim_and_nothing_else_is_left(
    cluster: Cluster, bundle: Path, tmp_path: Path
) -> None:
    namespace = await with_a_claim(cluster)
    claim = tmp_path / "claim"
    claim.mkdir()
    job = job_with(bundle, uri=None, namespace=namespace, bundle_claim="scratch")
    async with pod_of_the_carrier(cluster, job, claim):
        delivery = await BundleUpload(open_store=None).deliver_large(job, client=cluster.admin)
    assert delivery == FromClaim(claim="scratch", path=path_of(job.spec.bundle_sha256))
    arrived = hashlib.sha256((claim / delivery.path).read_bytes()).hexdigest()
    assert arrived == job.spec.bundle_sha256
    assert sorted(path.name for path in (claim / ".windlass" / "bundles").iterdir()) == [Path(delivery.path).name]

    async def gone() -> bool:
        jobs, _ = await cluster.admin.list(JOBS, namespace=namespace)
        maps, _ = await cluster.admin.list(CONFIG_MAPS, namespace=namespace)
        return not jobs and not [each for each in maps if each["metadata"]["name"].startswith(job.name)]

    await eventually(gone, what="the carrier's end")
    done = fetched_from_claim(job, delivery, claim, tmp_path / "pod")
    assert done.returncode == 0, done.stderr


@pytest.mark.emulator
async def test_what_brings_the_bundle_is_owned_from_its_birth_and_is_no_part_of_the_job(
    cluster: Cluster, bundle: Path, tmp_path: Path
) -> None:
    namespace = await with_a_claim(cluster)
    job = job_with(bundle, uri=None, namespace=namespace, bundle_claim="scratch")
    seen: list[Object] = []
    async with pod_of_the_carrier(cluster, job, tmp_path, seen=seen):
        await BundleUpload(open_store=None).deliver_large(job, client=cluster.admin)
    made, *maps = seen
    assert len(maps) == 4
    for item in maps:
        assert [owner["uid"] for owner in item["metadata"]["ownerReferences"]] == [made["metadata"]["uid"]]
    for item in seen:
        assert JOB_LABEL not in item["metadata"]["labels"]
    pod = made["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["containers"][0]["command"] == ["python", "/etc/windlass/put_bundle.py"]


@pytest.mark.emulator
async def test_a_pod_that_fails_is_told_with_its_reason_and_taken_away(cluster: Cluster, bundle: Path) -> None:
    namespace = await with_a_claim(cluster)
    job = job_with(bundle, uri=None, namespace=namespace, bundle_claim="scratch")

    async def fail() -> None:
        await there(cluster, job)
        condition = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "disk full"}
        await finish(cluster, job, condition)

    failing = asyncio.create_task(fail())
    try:
        with pytest.raises(Unavailable, match="disk full"):
            await BundleUpload(open_store=None).deliver_large(job, client=cluster.admin)
        await failing
    finally:
        failing.cancel()
    assert (await cluster.admin.list(JOBS, namespace=namespace))[0] == []


@pytest.mark.emulator
async def test_a_pod_that_never_starts_is_not_waited_for_for_ever(
    cluster: Cluster, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_upload, "WAIT_SECONDS", 0.3)
    namespace = await with_a_claim(cluster)
    job = job_with(bundle, uri=None, namespace=namespace, bundle_claim="scratch")
    with pytest.raises(Unavailable, match="may be mounted elsewhere"):
        await BundleUpload(open_store=None).deliver_large(job, client=cluster.admin)
    assert (await cluster.admin.list(JOBS, namespace=namespace))[0] == []


@pytest.mark.emulator
async def test_more_than_some_tens_of_megabytes_do_not_go_through_the_api(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(MOST_PIECES * PIECE_BYTES + 1)
    job = job_with(path, uri=None, bundle_claim="scratch")
    with pytest.raises(BundleRefused, match="takes larger ones"):
        await BundleUpload(open_store=None).deliver_large(job, client=cluster.admin)
    assert (await cluster.admin.list(JOBS, namespace="default"))[0] == []


def test_pieces_that_do_not_make_the_bundle_leave_the_claim_as_it_was(tmp_path: Path) -> None:
    pieces, claim = tmp_path / "pieces", tmp_path / "claim"
    pieces.mkdir()
    (pieces / "piece-0000").write_bytes(b"wrong")
    file = claim / "bundles" / "x.tar.gz"
    done = put(pieces, file, "0" * 64)
    assert done.returncode == 1
    assert "sha256 differs" in done.stderr
    assert list(file.parent.iterdir()) == []


def test_bundles_that_nobody_asks_for_are_removed_and_those_in_use_are_not(tmp_path: Path) -> None:
    pieces, folder = tmp_path / "pieces", tmp_path / "claim"
    pieces.mkdir()
    folder.mkdir()
    (pieces / "piece-0000").write_bytes(b"one ")
    (pieces / "piece-0001").write_bytes(b"two")
    (pieces / "..data").mkdir()
    for name in ("old.tar.gz", "asked.tar.gz", "notes.txt"):
        (folder / name).write_bytes(b"one two" if name == "asked.tar.gz" else b"")
        os.utime(folder / name, (0, 0))
    done = put(pieces, folder / "asked.tar.gz", hashlib.sha256(b"one two").hexdigest())
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["asked.tar.gz", "notes.txt"]


def opening(url: str) -> Any:
    async def open_store() -> MlflowRest:
        return MlflowRest(url)

    return open_store


def put(pieces: Path, file: Path, sha256: str) -> subprocess.CompletedProcess[str]:
    variables = {"WINDLASS_PIECES": str(pieces), "WINDLASS_BUNDLE_FILE": str(file), "WINDLASS_BUNDLE_SHA256": sha256}
    return subprocess.run(
        [sys.executable, str(RUNNER / "put_bundle.py")],
        env={**variables, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def fetched_from_claim(
    job: ClusterJob, delivery: Delivery, claim: Path, folder: Path
) -> subprocess.CompletedProcess[str]:
    assert isinstance(delivery, FromClaim)
    moved = FromClaim(claim=delivery.claim, path=delivery.path)
    delivered = cluster_job(spec={"bundle_sha256": job.spec.bundle_sha256}, delivery=moved)
    variables = {entry["name"]: entry["value"] for entry in fetch_environment(delivered) if "value" in entry}
    variables["WINDLASS_BUNDLE_FILE"] = variables["WINDLASS_BUNDLE_FILE"].replace(CLAIM_FOLDER, str(claim))
    return subprocess.run(
        [sys.executable, str(RUNNER / "fetch.py")],
        env={**variables, "WINDLASS_FOLDER": str(folder), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def there(cluster: Cluster, job: ClusterJob) -> list[Object]:
    """The carrier, and the ConfigMaps that its pod mounts, once all are there."""

    async def all_of_it() -> list[Object] | None:
        jobs, _ = await cluster.admin.list(JOBS, namespace=job.namespace)
        maps, _ = await cluster.admin.list(CONFIG_MAPS, namespace=job.namespace)
        if not jobs:
            return None
        wanted = mounted(jobs[0])
        found = [each for each in maps if each["metadata"]["name"] in wanted]
        return [jobs[0], *found] if len(found) == len(wanted) else None

    found: list[Object] = await eventually(all_of_it, what="the carrier")
    return found


def mounted(carrier: Object) -> set[str]:
    volumes = {volume["name"]: volume for volume in carrier["spec"]["template"]["spec"]["volumes"]}
    sources = volumes["pieces"]["projected"]["sources"]
    return {source["configMap"]["name"] for source in sources} | {volumes["program"]["configMap"]["name"]}


async def finish(cluster: Cluster, job: ClusterJob, condition: Object) -> None:
    status = {"status": {"conditions": [condition]}}
    await cluster.admin.patch(JOBS, carrier_name(job), status, namespace=job.namespace, subresource="status")


@asynccontextmanager
async def pod_of_the_carrier(
    cluster: Cluster, job: ClusterJob, claim: Path, *, seen: list[Object] | None = None
) -> AsyncIterator[None]:
    """Run the carrier's container here, as a kubelet would, when it and its ConfigMaps are there."""

    async def run() -> None:
        made, *maps = await there(cluster, job)
        (seen if seen is not None else []).extend([made, *maps])
        pieces = claim.parent / "pieces"
        pieces.mkdir()
        for item in maps:
            for name, content in (item.get("binaryData") or {}).items():
                (pieces / name).write_bytes(base64.b64decode(content))
        container = made["spec"]["template"]["spec"]["containers"][0]
        variables = {entry["name"]: entry["value"] for entry in container["env"]}
        file = Path(variables["WINDLASS_BUNDLE_FILE"].replace(CLAIM_FOLDER, str(claim)))
        done = await asyncio.to_thread(put, pieces, file, variables["WINDLASS_BUNDLE_SHA256"])
        assert done.returncode == 0, done.stderr
        await finish(cluster, job, {"type": "Complete", "status": "True"})

    running = asyncio.create_task(run())
    try:
        yield
        await running
    finally:
        running.cancel()
