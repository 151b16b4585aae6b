"""What a job's pods may do on their node: nothing that the *restricted* Pod Security profile forbids.

An image whose user is root, or is named and not numbered, would be refused by the kubelet under `runAsNonRoot`; so the
user is given by number, and such images run as that user. What they can then not do is write into the image's own
folders, which is why HOME and all caches lie in an empty volume. Who needs the image's own user turns `restricted` off;
what goes beyond the *baseline* profile stays forbidden all the same.
"""

from __future__ import annotations

from windlass.engines.kubernetes.model import ClusterJob, Object


def pod_security(job: ClusterJob) -> Object:
    """The pod's `securityContext`. The group may write to volumes; large ones are not walked through at each start."""
    found: Object = {"seccompProfile": {"type": "RuntimeDefault"}}
    if job.group_id is not None:
        found |= {"fsGroup": job.group_id, "fsGroupChangePolicy": "OnRootMismatch"}
    if job.restricted:
        found["runAsNonRoot"] = True
        if job.user_id is not None:
            found["runAsUser"] = job.user_id
    return found


def container_security(job: ClusterJob) -> Object:
    """Each container's `securityContext`, of the same strictness in init containers."""
    if not job.restricted:
        return {"allowPrivilegeEscalation": False}
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
