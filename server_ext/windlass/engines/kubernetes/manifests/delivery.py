"""How the bundle gets into a pod: a ConfigMap with programs, and with the bundle where it is small enough.

The programs that fetch, check and unpack it are files of that ConfigMap, run as init containers. All they are told is
said by environment variables.
"""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import windlass.runner
from windlass.engines.kubernetes.manifests import packages
from windlass.engines.kubernetes.manifests.environment import literal_entries, transfer_environment
from windlass.engines.kubernetes.model import ClusterJob, FromArtifacts, FromClaim, InConfigMap, Object
from windlass.errors import InvalidRequest
from windlass.kube import user_secret
from windlass.kube.resources import CONFIG_MAPS

WINDLASS_FOLDER = "/windlass"
"""An empty volume: bundle, job, packages and home lie in it."""
PROGRAMS_FOLDER = "/etc/windlass"
CLAIM_FOLDER = "/mnt/windlass-bundle"
BUNDLE_KEY = "bundle.tar.gz"
LARGEST_CONFIG_MAP = 900 * 1024
"""Bytes of a ConfigMap in all. The API takes 1 MiB; what admission controllers add needs room too."""

_PROGRAMS = ("fetch.py", "install_packages.py", "prepare.py", "unpack.py")
_MLFLOW_CREDENTIALS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_FOLDER_VOLUME, _PROGRAMS_VOLUME, _CLAIM_VOLUME = "windlass", "windlass-programs", "windlass-bundle"


def room_for_bundle(*, requirement_count: int = 0) -> int:
    """How many bytes a bundle may have to travel in a ConfigMap, beside the programs and that many requirements."""
    programs = sum(len(name) + len(text.encode()) for name, text in _programs().items())
    names_labels_annotations = 8 * 1024
    return LARGEST_CONFIG_MAP - programs - names_labels_annotations - 202 * requirement_count


def config_map(job: ClusterJob, bundle: bytes | None = None) -> Object:
    """The ConfigMap of the job's own name; it cannot be changed once it is made.

    Args:
        job: its delivery says whether the bundle is in it.
        bundle: the archive, for a delivery by ConfigMap.

    Raises:
        InvalidRequest: a requirement that is none, or the bundle is too large for a ConfigMap.
        ValueError: the bundle is missing, or there is one although it travels another way.
    """
    if (bundle is not None) != isinstance(job.delivery, InConfigMap):
        raise ValueError("The ConfigMap holds the bundle exactly when that is how it is delivered.")
    data = dict(_programs())
    if job.packages:
        data[packages.REQUIREMENTS] = packages.requirements(job)
    made: Object = {
        "apiVersion": CONFIG_MAPS.api_version,
        "kind": CONFIG_MAPS.kind,
        "metadata": {"name": job.name, "namespace": job.namespace, "labels": dict(job.labels)},
        "immutable": True,
        "data": data,
    }
    if bundle is not None:
        if len(bundle) > room_for_bundle(requirement_count=len(job.packages)):
            raise InvalidRequest(f"A bundle of {len(bundle)} bytes does not fit into a ConfigMap.")
        made["binaryData"] = {BUNDLE_KEY: base64.b64encode(bundle).decode()}
    return made


def volumes(job: ClusterJob) -> list[Object]:
    """The pod's volumes for all this."""
    found: list[Object] = [
        {"name": _FOLDER_VOLUME, "emptyDir": {}},
        {"name": _PROGRAMS_VOLUME, "configMap": {"name": job.name}},
    ]
    if isinstance(job.delivery, FromClaim):
        # Not read-only as a whole: a job's own mount of the same claim may write.
        found.append({"name": _CLAIM_VOLUME, "persistentVolumeClaim": {"claimName": job.delivery.claim}})
    return found


def mounts() -> list[Object]:
    """Mounts of the ranks' container."""
    return [{"name": _FOLDER_VOLUME, "mountPath": WINDLASS_FOLDER}]


def fetching_mounts(job: ClusterJob) -> list[Object]:
    """Mounts of whatever fetches the bundle and installs packages."""
    found = [*mounts(), {"name": _PROGRAMS_VOLUME, "mountPath": PROGRAMS_FOLDER, "readOnly": True}]
    if isinstance(job.delivery, FromClaim):
        found.append({"name": _CLAIM_VOLUME, "mountPath": CLAIM_FOLDER, "readOnly": True})
    return found


def fetch_environment(job: ClusterJob) -> list[Object]:
    """What `fetch.py` is told. Raises InvalidRequest where MLflow's address holds credentials."""
    variables = {
        **transfer_environment(job),
        "WINDLASS_FOLDER": WINDLASS_FOLDER,
        "WINDLASS_BUNDLE_SHA256": job.spec.bundle_sha256,
    }
    if isinstance(job.delivery, FromArtifacts):
        if "@" in urlsplit(job.delivery.tracking_uri).netloc:
            raise InvalidRequest(
                "MLflow's address holds credentials: put them into the Secret windlass-credentials as "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead."
            )
        variables |= {
            "MLFLOW_TRACKING_URI": job.delivery.tracking_uri,
            "WINDLASS_BUNDLE_RUN_ID": job.delivery.run_id,
            "WINDLASS_BUNDLE_ARTIFACT": job.delivery.path,
        }
        return [*literal_entries(variables), *user_secret.environment(*_MLFLOW_CREDENTIALS)]
    folder, file = (
        (CLAIM_FOLDER, job.delivery.path) if isinstance(job.delivery, FromClaim) else (PROGRAMS_FOLDER, BUNDLE_KEY)
    )
    return literal_entries({**variables, "WINDLASS_BUNDLE_FILE": f"{folder}/{file}"})


def install_environment(job: ClusterJob) -> list[Object]:
    """What `install_packages.py` is told."""
    return packages.environment(job, folder=PROGRAMS_FOLDER)


@cache
def _programs() -> dict[str, str]:
    folder = Path(windlass.runner.__path__[0])
    return {name: (folder / name).read_text(encoding="utf-8") for name in _PROGRAMS}
