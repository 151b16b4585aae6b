"""The pod that every kind of job is made of; kinds differ in what stands around it.

A pod runs the ranks of one worker. It passes the *restricted* Pod Security profile, has no token of the cluster, and
gets its code from init containers that have run to their end before the first rank starts.
"""

from __future__ import annotations

from typing import Any

from windlass.contract.cluster import ClaimMount
from windlass.engines.kubernetes.manifests import delivery, placement
from windlass.engines.kubernetes.manifests.environment import NO_GPUS, escaped, literal_entries, rank_environment
from windlass.engines.kubernetes.manifests.placement import gpu_resource
from windlass.engines.kubernetes.manifests.quantities import cpu_quantity, memory_quantity
from windlass.engines.kubernetes.manifests.security import container_security, pod_security
from windlass.engines.kubernetes.model import BUNDLE_FOLDER, ClusterJob, Object
from windlass.errors import FieldError
from windlass.kube.names import JOB_TYPE_LABEL, TRAINING

ENTRY_POINT = f"{BUNDLE_FOLDER}/windlass_run.py"
GRACE_SECONDS = 30
"""From SIGTERM to SIGKILL: for the runner to write its last words. Providers' notice is 30 s at the least."""

_LEAST_SHARED_MEMORY = 1 << 30
_LONGEST_VARIABLE = 128 << 10
"""Bytes of a name and its value together, as Linux hands them to a process (MAX_ARG_STRLEN), the final NUL included."""
_ANNOTATIONS = {
    # A job moved is a job begun anew: autoscalers leave its node alone until it has ended.
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "karpenter.sh/do-not-disrupt": "true",
    # A sidecar of the mesh outlives the ranks, and the pod would never end.
    "sidecar.istio.io/inject": "false",
}
_RESERVED_FOLDERS = (delivery.WINDLASS_FOLDER, delivery.PROGRAMS_FOLDER, delivery.CLAIM_FOLDER, "/dev", "/proc", "/sys")


def pod_template(job: ClusterJob, *, container: str, command: list[str]) -> Object:
    """The template of a worker's pod, whose container `container` runs the ranks.

    Raises:
        InvalidRequest: a secret would stand in the manifest, or a requirement is none.
    """
    spec: Object = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "securityContext": pod_security(job),
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "initContainers": init_containers(job),
        "containers": [
            {
                "name": container,
                "image": job.image,
                "command": command,
                "env": rank_environment(job),
                "resources": resources(job),
                "securityContext": container_security(job),
                "volumeMounts": [*delivery.mounts(), *worker_mounts(job)],
            }
        ],
        "volumes": [*delivery.volumes(job), *worker_volumes(job)],
    }
    optional: dict[str, Any] = {
        "nodeSelector": placement.node_selector(job.spec, job.options),
        "tolerations": placement.tolerations(job.spec, job.options),
        "priorityClassName": job.options.priority_class,
        "serviceAccountName": job.service_account,
        "imagePullSecrets": [{"name": name} for name in job.pull_secrets],
    }
    spec |= {name: value for name, value in optional.items() if value}
    return {"metadata": {"labels": pod_labels(job), "annotations": dict(_ANNOTATIONS)}, "spec": spec}


def pod_labels(job: ClusterJob) -> dict[str, str]:
    """Labels of every pod: the job's, and that by which network policies know training."""
    return {**job.labels, JOB_TYPE_LABEL: TRAINING}


def torchrun(job: ClusterJob, *arguments: str) -> list[str]:
    """The command of a worker under torchrun, which reads what operators set (`PET_*`) and what `arguments` say."""
    return [escaped(job.python), "-m", "torch.distributed.run", *arguments, ENTRY_POINT]


def plain_python(job: ClusterJob) -> list[str]:
    """The command of the only process of a job."""
    return [escaped(job.python), ENTRY_POINT]


def resources(job: ClusterJob) -> Object:
    """What a worker is given: requests and limits are equal, so that no neighbour can take any of it away."""
    amounts = _cpu_and_memory(job)
    if job.spec.gpus_per_worker:
        amounts[gpu_resource(job.options.gpu)] = str(job.spec.gpus_per_worker)
    return {"requests": dict(amounts), "limits": dict(amounts)} if amounts else {}


def init_containers(job: ClusterJob) -> list[Object]:
    """First the bundle, then the packages. They ask for no more than the worker does, and for no GPU."""
    programs = [("windlass-fetch", "fetch.py", delivery.fetch_environment(job))]
    if job.packages:
        programs.append(("windlass-install", "install_packages.py", delivery.install_environment(job)))
    amounts = _cpu_and_memory(job)
    given = {"requests": dict(amounts), "limits": dict(amounts)} if amounts else {}
    return [
        {
            "name": name,
            "image": job.image,
            "command": [escaped(job.python), f"{delivery.PROGRAMS_FOLDER}/{program}"],
            "env": [*literal_entries({"HOME": delivery.WINDLASS_FOLDER, **NO_GPUS}), *environment],
            "resources": given,
            "securityContext": container_security(job),
            # What it printed last becomes the reason that the pod's status gives.
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": delivery.fetching_mounts(job),
        }
        for name, program, environment in programs
    ]


def worker_volumes(job: ClusterJob) -> list[Object]:
    """Shared memory, and the claims; one that is mounted several times is one volume."""
    memory: Object = {"medium": "Memory"}
    if (size := _shared_memory_bytes(job)) is not None:
        memory["sizeLimit"] = memory_quantity(size)
    found: list[Object] = [{"name": "shm", "emptyDir": memory}]
    for claim, mounts in _claims(job).items():
        source: Object = {"claimName": claim}
        if all(mount.read_only for mount in mounts):
            source["readOnly"] = True
        found.append({"name": _volume_name(job, claim), "persistentVolumeClaim": source})
    return found


def worker_mounts(job: ClusterJob) -> list[Object]:
    """Where those are mounted."""
    found: list[Object] = [{"name": "shm", "mountPath": "/dev/shm"}]  # noqa: S108  (a mount in the pod)
    for mount in job.options.volumes:
        entry: Object = {"name": _volume_name(job, mount.claim), "mountPath": mount.path}
        if mount.sub_path:
            entry["subPath"] = mount.sub_path
        if mount.read_only:
            entry["readOnly"] = True
        found.append(entry)
    return found


def problems(job: ClusterJob) -> list[FieldError]:
    """What of the request no pod can do."""
    found = placement.problems(job.spec, job.options)
    paths = [mount.path for mount in job.options.volumes]
    for position, path in enumerate(paths):
        field = f"cluster.volumes.{position}.path"
        if path == "/" or any(path == folder or path.startswith(f"{folder}/") for folder in _RESERVED_FOLDERS):
            found.append(FieldError(field=field, message=f"Nothing can be mounted at {path}: choose another path."))
        elif path in paths[:position]:
            found.append(FieldError(field=field, message=f"Two volumes are mounted at {path}: choose another path."))
    long = [name for name, value in job.environment.items() if len(f"{name}={value}".encode()) >= _LONGEST_VARIABLE]
    if long:
        message = (
            f"No process can be given a variable of 128 KiB: make {', '.join(long)} shorter, or send it as a file."
        )
        found.append(FieldError(field="environment", message=message))
    limit, memory = job.options.shared_memory_bytes, job.options.memory_bytes
    if limit is not None and memory is not None and limit > memory:
        message = "Shared memory is part of the worker's memory, and cannot be larger."
        found.append(FieldError(field="cluster.shared_memory_bytes", message=message))
    return found


def _cpu_and_memory(job: ClusterJob) -> dict[str, str]:
    amounts = {}
    if job.options.cpu is not None:
        amounts["cpu"] = cpu_quantity(job.options.cpu)
    if job.options.memory_bytes is not None:
        amounts["memory"] = memory_quantity(job.options.memory_bytes)
    return amounts


def _shared_memory_bytes(job: ClusterJob) -> int | None:
    """The limit of /dev/shm; None where the worker's memory is not known: then the node's own limit holds."""
    if job.options.shared_memory_bytes is not None:
        return job.options.shared_memory_bytes
    memory = job.options.memory_bytes
    return None if memory is None else max(memory // 4 // 1024 * 1024, _LEAST_SHARED_MEMORY)


def _claims(job: ClusterJob) -> dict[str, list[ClaimMount]]:
    found: dict[str, list[ClaimMount]] = {}
    for mount in job.options.volumes:
        found.setdefault(mount.claim, []).append(mount)
    return found


def _volume_name(job: ClusterJob, claim: str) -> str:
    """Claims have longer names than volumes may have, so these are counted."""
    return f"claim-{list(_claims(job)).index(claim)}"
