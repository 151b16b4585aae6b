"""The quota of a user's namespace, and the defaults that let pods without requests in under it.

Notebooks and jobs count together. What an operator makes on behalf of a job counts as well, so that a job cannot hold
more than a notebook could.
"""

from __future__ import annotations

from typing import Any

from windlass.kube.quantities import parse_quantity
from windlass_hub.profiles.model import Quota

QUOTA = "windlass"
LIMITS = "windlass"
JOB_KINDS = (
    "trainjobs.trainer.kubeflow.org",
    "pytorchjobs.kubeflow.org",
    "tfjobs.kubeflow.org",
    "mpijobs.kubeflow.org",
    "rayjobs.ray.io",
)
# A TrainJob's JobSet makes up to four: two initializers, a launcher and the nodes.
_BATCH_JOBS_PER_JOB = 4
# What an account may make without asking for a machine: etcd holds it, for all. A bundle may have nearly 1 MiB.
KEPT_OBJECTS = {
    "configmaps": 300,
    "persistentvolumeclaims": 100,
    "leases.coordination.k8s.io": 100,
    "trainingruntimes.trainer.kubeflow.org": 100,
    "inferenceservices.serving.kserve.io": 100,
    "servingruntimes.serving.kserve.io": 100,
    "httproutes.gateway.networking.k8s.io": 100,
}
_DEFAULT_LIMITS = {"cpu": "1", "memory": "2Gi"}
_DEFAULT_REQUESTS = {"cpu": "100m", "memory": "256Mi"}


def resource_quota(quota: Quota) -> dict[str, Any]:
    """The spec of the ResourceQuota. What the quota leaves out has no limit, but for what would reach outside."""
    hard: dict[str, str] = {
        # A Ray job can ask for one through its cluster's specification.
        "services.loadbalancers": "0",
        "services.nodeports": "0",
        **{f"count/{kind}": str(most) for kind, most in KEPT_OBJECTS.items()},
    }
    for resource in ("cpu", "memory"):
        amount = getattr(quota, resource)
        if amount is not None:
            hard[f"requests.{resource}"] = hard[f"limits.{resource}"] = amount
    if quota.storage is not None:
        hard["requests.storage"] = quota.storage
    if quota.pods is not None:
        hard["pods"] = str(quota.pods)
    if quota.jobs is not None:
        hard |= {f"count/{kind}": str(quota.jobs) for kind in JOB_KINDS}
        hard["count/jobs.batch"] = str(quota.jobs * _BATCH_JOBS_PER_JOB)
    # Quota knows extended resources by their requests only.
    hard |= {f"requests.{resource}": str(count) for resource, count in quota.gpus.items()}
    return {"hard": hard}


def limit_range(quota: Quota) -> dict[str, Any]:
    """The spec of the LimitRange: requests for containers that give none, and limits where the quota counts them.

    Never more than the quota itself, or such a container could not start at all.
    """
    requests = {name: _at_most(amount, getattr(quota, name)) for name, amount in _DEFAULT_REQUESTS.items()}
    item: dict[str, Any] = {"type": "Container", "defaultRequest": requests}
    limits = {
        name: _at_most(amount, getattr(quota, name))
        for name, amount in _DEFAULT_LIMITS.items()
        if getattr(quota, name) is not None
    }
    return {"limits": [{**item, "default": limits} if limits else item]}


def _at_most(amount: str, bound: str | None) -> str:
    return amount if bound is None or parse_quantity(amount) <= parse_quantity(bound) else bound
