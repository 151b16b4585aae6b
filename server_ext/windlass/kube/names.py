"""Names, labels and annotations of what Windlass makes in a cluster, from whatever people call themselves and things.

Names of a job's objects must

* be DNS-1035 labels (Services of PyTorchJob are named after it): `[a-z]([-a-z0-9]*[a-z0-9])?`;
* leave room in 63 characters for what operators and controllers add, for up to 10,000 workers: `-worker-9999`
  (PyTorchJob, TFJob, MPIJob: pods and Services), `-launcher` (MPIJob), `-node-0-9999-xxxxx` (a TrainJob's JobSet: pods,
  and without the last part hostnames), `-launcher-0-0-xxxxx` (MPI runtimes), `-9999-xxxxx` (Job), and, the longest,
  `-dataset-initializer-0-0-xxxxx` (runtimes that fetch a model): 33 characters are left;
* be different for different jobs: the job's id is the whole of the last piece between hyphens, and ids are not reused;
* be recognised by people: what fits of the job's name comes first;
* follow from the job alone, so that submitting twice makes one object.

Label values must match `([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?` in 63 characters. A user name that is valid as it
stands is kept, every other gets a hash behind `---`, which no kept name contains; who may choose their name can find
another with the same hash, so the whole name stands in an annotation, and that one decides.

Annotations of one object may take 256 KiB together, others' included; ours stay below half of that. What is written is
what is listed here and nothing else, so that no secret and no path of a machine gets in; all of it may be edited by
whoever may edit the object, so that it is checked when it is read.

Nothing here asks a cluster.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

LONGEST_OBJECT_NAME = 33
LONGEST_LABEL = 63

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGER = "windlass"
JOB_LABEL = "windlass.io/job"
OWNER_LABEL = "windlass.io/owner"
BUDGET_QUOTA = "windlass-budget"
"""The ResourceQuota that a hub puts into the namespace of whoever has used a budget up."""
JOB_TYPE_LABEL = "job-type"
TRAINING = "training"
"""The value of `job-type` that the network policy `training-isolation` selects."""

OWNER_ANNOTATION = "windlass.io/owner"
SPEC_ANNOTATION = "windlass.io/spec"
RECORD_ANNOTATION = "windlass.io/record"
"""On a job that has ended: `RECORD_FINISHED` once its MLflow run is closed and nobody need look after it again."""
RECORD_FINISHED = "finished"
COST_ANNOTATION = "windlass.io/cost"
"""What the job took, as JSON: `gpu_hours`, `usd` (null where unknown) and `note`, the reason why it is unknown."""
LARGEST_ANNOTATIONS = 128 * 1024
"""Bytes that the names and values of ours take at most."""

_HASH_DIGITS = 12
_KEPT_USER = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_KEPT_ID = re.compile(r"[a-z0-9]{1,16}")
_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")

_NEEDED_FIELDS: Mapping[str, tuple[type, ...]] = {
    "id": (str,),
    "name": (str,),
    "owner": (str,),
    "notebook": (str,),
    "bundle_sha256": (str,),
}
_OTHER_FIELDS: Mapping[str, tuple[type, ...]] = {
    "kind": (str,),
    "workers": (int,),
    "processes_per_worker": (int,),
    "gpus_per_worker": (int,),
    "time_limit_seconds": (int,),
    "retries": (int,),
    "created_at": (int, float),
    "environment": (dict,),
    "cluster": (dict,),
    "imports": (list, tuple),
    "parameters": (dict,),
}
_KEPT_ENVIRONMENT = ("MLFLOW_EXPERIMENT_NAME",)
_LEFT_OUT_FIRST = ("parameters", "imports", "environment", "cluster")


def object_name(job_name: str, job_id: str) -> str:
    """The name of all objects of a job: `train-resnet-j1tq2x7m8k3f0z`, a DNS-1035 label of at most 33 characters.

    Args:
        job_name: any text, as a notebook's path.
        job_id: a job's id; anything but lower-case letters and digits takes part by its hash.
    """
    last = job_id if _KEPT_ID.fullmatch(job_id) else _digest(job_id)
    words = _words(job_name.rpartition("/")[2].removesuffix(".ipynb"))
    if not words[:1].isalpha():
        words = f"job-{words}"
    readable = words[: LONGEST_OBJECT_NAME - len(last) - 1].strip("-")
    return f"{readable}-{last}"


def user_slug(username: str, *, longest: int = LONGEST_LABEL) -> str:
    """A user name as a label value and a part of names: itself where it is valid, else with a hash.

    Args:
        username: any text.
        longest: how many characters it may have, at least 16.
    """
    if len(username) <= longest and _KEPT_USER.fullmatch(username):
        return username
    words = re.sub(r"[^a-z0-9]+", "-", username.lower()).strip("-")
    room = longest - _HASH_DIGITS - 3
    return f"{words[:room].rstrip('-') or 'x'}---{_digest(username)}"


def owner_label(owner: str) -> str:
    """The value of `OWNER_LABEL` of a user's objects, and of selectors for them."""
    return user_slug(owner)


def job_labels(*, job_id: str, owner: str) -> dict[str, str]:
    """Labels of every object of a job.

    Raises:
        ValueError: the id cannot be a label's value, so it is none of a job.
    """
    if not _LABEL_VALUE.fullmatch(job_id):
        raise ValueError(f"{job_id!r} is no job id.")
    return {MANAGED_BY_LABEL: MANAGER, JOB_LABEL: job_id, OWNER_LABEL: owner_label(owner)}


def pod_labels(*, job_id: str, owner: str) -> dict[str, str]:
    """Labels of the pods of a job. Raises ValueError as `job_labels` does."""
    return {**job_labels(job_id=job_id, owner=owner), JOB_TYPE_LABEL: TRAINING}


def job_selector(*, job_id: str | None = None, owner: str | None = None) -> str:
    """A label selector: of all objects of jobs, of one job's, of one owner's. Raises ValueError for what is no id."""
    pieces = [f"{MANAGED_BY_LABEL}={MANAGER}", JOB_LABEL]
    if job_id is not None:
        pieces[1] = f"{JOB_LABEL}={job_labels(job_id=job_id, owner='')[JOB_LABEL]}"
    if owner is not None:
        pieces.append(f"{OWNER_LABEL}={owner_label(owner)}")
    return ",".join(pieces)


def spec_annotations(spec: Mapping[str, Any]) -> dict[str, str]:
    """What a job's own object carries, so that the list of jobs can be written anew from the cluster alone.

    Args:
        spec: the fields of `engines.base.JobSpec` as JSON values, and `parameters` where they are known. Fields that
            are not listed in this module are passed over: paths, interpreters, environment variables but a few.

    Raises:
        ValueError: a field that is needed is missing or no text, or the names alone are too long.
    """
    kept = _checked(spec)
    if kept is None:
        raise ValueError(f"A job's annotation needs {', '.join(_NEEDED_FIELDS)}, each a text.")
    left_out: list[str] = []
    while True:
        text = json.dumps({**kept, "left_out": left_out} if left_out else kept, separators=(",", ":"), sort_keys=True)
        owner = kept["owner"].encode("utf-8", "backslashreplace").decode()
        annotations = {OWNER_ANNOTATION: owner, SPEC_ANNOTATION: text}
        if sum(len(name) + len(value.encode()) for name, value in annotations.items()) <= LARGEST_ANNOTATIONS:
            return annotations
        too_much = next((name for name in _LEFT_OUT_FIRST if name in kept), None)
        if too_much is None:
            raise ValueError("The names of the job, its owner and its notebook are too long for a cluster.")
        del kept[too_much]
        left_out.append(too_much)


def spec_from(annotations: Mapping[str, str] | None) -> dict[str, Any] | None:
    """The fields that `spec_annotations` wrote; None where there are none, or somebody spoilt them.

    Fields of a wrong type are left out. `left_out` names those that were too large.
    """
    try:
        found = json.loads((annotations or {}).get(SPEC_ANNOTATION) or "null")
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    spec = _checked(found)
    if spec is not None and isinstance(found.get("left_out"), list):
        spec["left_out"] = [name for name in _LEFT_OUT_FIRST if name in found["left_out"]]
    return spec


def _checked(spec: Mapping[str, Any]) -> dict[str, Any] | None:
    """The known fields that are of the type they should be; None where a needed one is not."""
    kept = {
        name: spec[name]
        for name, types in {**_NEEDED_FIELDS, **_OTHER_FIELDS}.items()
        if isinstance(spec.get(name), types) and not isinstance(spec[name], bool)
    }
    if any(name not in kept for name in _NEEDED_FIELDS):
        return None
    if "environment" in kept:
        variables = {name: kept["environment"].get(name) for name in _KEPT_ENVIRONMENT}
        kept["environment"] = {name: value for name, value in variables.items() if isinstance(value, str)}
    if "imports" in kept:
        kept["imports"] = [item for item in kept["imports"] if isinstance(item, str)]
    return kept


def _words(text: str) -> str:
    """The letters and digits of a text, those with accents without, everything else as single hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    # What is no Latin letter is gone by now; where that was all, nothing readable is left.
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
