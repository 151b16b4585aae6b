"""What a job was submitted as, read back from the cluster: for a server that has neither ledger nor copy of it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from windlass.contract.jobs import JobRequest
from windlass.engines.base import JobSpec
from windlass.engines.job_folder.paths import is_job_id
from windlass.engines.kubernetes.manifests.delivery import BUNDLE_KEY
from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.observing.conditions import created_at
from windlass.kube.client import KubeClient
from windlass.kube.errors import KubeError
from windlass.kube.names import JOB_LABEL, spec_from
from windlass.kube.resources import CONFIG_MAPS

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIELDS = frozenset(JobSpec.__dataclass_fields__)
_ASKED = _FIELDS & JobRequest.model_fields.keys() - {"environment"}
_LONGEST_SENDING_SECONDS = 86_400.0
"""Between the moment a job was submitted, by its server's clock, and the making of its object, by the cluster's."""

_log = logging.getLogger(__name__)


def spec_of(item: Object, *, bundles: Path) -> JobSpec | None:
    """The specification in a job object's annotation; None where there is none, or it is another job's.

    Args:
        item: the job's own object.
        bundles: the folder of bundles, where this job's may lie or not.
    """
    metadata = item.get("metadata", {})
    found: dict[str, Any] | None = spec_from(metadata.get("annotations"))
    if found is None or found["id"] != (metadata.get("labels") or {}).get(JOB_LABEL):
        return None
    # Both become names of files, and annotations can be edited.
    if not is_job_id(found["id"]) or not _SHA256.fullmatch(found["bundle_sha256"]):
        return None
    known = {name: value for name, value in found.items() if name in _FIELDS}
    if not _could_be_asked_for(known):
        return None
    known["imports"] = tuple(known.get("imports", ()))
    made_at = created_at(item) or 0.0
    sent_at = known.get("created_at")
    earliest, latest = made_at - _LONGEST_SENDING_SECONDS, made_at + _LONGEST_SENDING_SECONDS
    known["created_at"] = float(sent_at) if sent_at is not None and earliest < sent_at < latest else made_at
    return JobSpec(**{**known, "bundle_path": bundles / f"{known['bundle_sha256']}.tar.gz", "python": ""})


def _could_be_asked_for(fields: dict[str, Any]) -> bool:
    """Whether somebody could have submitted this: what was edited to a million workers nobody has."""
    asked = {name: fields[name] for name in _ASKED if name in fields}
    try:
        JobRequest.model_validate(asked)
    except ValidationError as error:
        _log.warning("A job in the cluster is passed over, as its annotation makes no sense: %s", error)
        return False
    return True


async def bring_back_bundle(client: KubeClient, item: Object, spec: JobSpec) -> None:
    """Put the bundle where it lay, if the job's ConfigMap has it and it is what its name says. Else it stays away."""
    path = spec.bundle_path
    if path.exists():
        return
    metadata = item["metadata"]
    with suppress(KubeError, OSError, binascii.Error, TypeError, AttributeError):
        carrier = await client.get(CONFIG_MAPS, metadata["name"], namespace=metadata["namespace"])
        content = base64.b64decode(carrier.get("binaryData", {}).get(BUNDLE_KEY, ""), validate=True)
        if hashlib.sha256(content).hexdigest() != spec.bundle_sha256:
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.write_bytes(content)
        temporary.replace(path)
