"""PyTorchJob (kubeflow.org/v1, Kubeflow Training Operator): one master and workers, always under torchrun.

The operator sets RANK to the worker's number, and WORLD_SIZE by it, which is wrong where a worker has more than one
process; torchrun reads the `PET_*` variables instead, and sets both anew for each process.
"""

from __future__ import annotations

from typing import Any

from windlass.engines.kubernetes.kinds.common import job_metadata, kept_seconds, no_runtime
from windlass.engines.kubernetes.manifests import pods
from windlass.engines.kubernetes.model import ClusterFacts, ClusterJob, Object, Observed, Phase
from windlass.engines.kubernetes.observing import phases
from windlass.errors import FieldError
from windlass.kube.resources import PYTORCH_JOBS, Resource

_REPLICA_TYPE = "training.kubeflow.org/replica-type"
_REPLICA_INDEX = "training.kubeflow.org/replica-index"


class PyTorchJobKind:
    """A job as a PyTorchJob."""

    name = "PyTorchJob"
    container = "pytorch"
    """The operator wants it called so."""

    def served(self, facts: ClusterFacts) -> Resource | None:
        """PyTorchJobs, where the operator's CRD is installed."""
        kind = facts.kinds.get(self.name)
        return kind.resource if kind else None

    def problems(self, job: ClusterJob, facts: ClusterFacts) -> list[FieldError]:  # noqa: ARG002  (the protocol's)
        """What a PyTorchJob cannot do."""
        return [*pods.problems(job), *no_runtime(job, kind=self.name)]

    def notices(self, job: ClusterJob, facts: ClusterFacts) -> list[str]:  # noqa: ARG002  (the protocol's)
        """What the operator does in its own way."""
        found = []
        if job.spec.retries and job.spec.workers > 1:
            found.append(
                "A PyTorchJob starts each failed worker again by itself, not the job as a whole: the others go on only "
                "if the code bears that. Each worker may fail as often as retries say."
            )
        if job.spec.time_limit_seconds:
            found.append("A PyTorchJob's time limit counts from when it is let go, so waiting for nodes is part of it.")
        if job.restricted and job.spec.workers > 1:
            found.append(
                "The training operator puts an init container of its own into workers. Where the namespace enforces "
                "the restricted Pod Security profile, its template has to be set up to pass that "
                "(--pytorch-init-container-template-file)."
            )
        return found

    def render(self, job: ClusterJob, facts: ClusterFacts) -> list[Object]:  # noqa: ARG002  (the protocol's)
        """The PyTorchJob."""
        replicas = {"Master": self._replica(job, count=1)}
        if job.spec.workers > 1:
            replicas["Worker"] = self._replica(job, count=job.spec.workers - 1)
        return [
            {
                "apiVersion": PYTORCH_JOBS.api_version,
                "kind": PYTORCH_JOBS.kind,
                "metadata": job_metadata(job),
                "spec": {
                    "nprocPerNode": str(job.spec.processes_per_worker),
                    "runPolicy": self._run_policy(job),
                    "pytorchReplicaSpecs": replicas,
                },
            }
        ]

    def phase(self, seen: Observed) -> Phase:
        """How the job stands."""
        return phases.pytorchjob(seen)

    def node_rank(self, pod: Object) -> int | None:
        """The master is the first."""
        labels = pod.get("metadata", {}).get("labels", {})
        index = labels.get(_REPLICA_INDEX, "")
        if not index.isdecimal():
            return None
        return {"master": int(index), "worker": int(index) + 1}.get(str(labels.get(_REPLICA_TYPE, "")).lower())

    def suspended(self, value: bool) -> Object:
        """The merge patch of `suspend`."""
        return {"spec": {"runPolicy": {"suspend": value}}}

    def _replica(self, job: ClusterJob, *, count: int) -> Object:
        # Without retries a failed pod is final; with them the kubelet starts its container again in place.
        policy = "OnFailure" if job.spec.retries else "Never"
        template = pods.pod_template(job, container=self.container, command=pods.torchrun(job))
        del template["spec"]["restartPolicy"]  # the operator writes its own, and complains about another
        return {"replicas": count, "restartPolicy": policy, "template": template}

    def _run_policy(self, job: ClusterJob) -> Object:
        policy: dict[str, Any] = {
            # When one has failed the others would wait for it, and cost; pods that have ended stay for their log. No
            # worker of a job that succeeds is cut off: torchrun's agents wait for each other before the master ends.
            "cleanPodPolicy": "Running",
            "ttlSecondsAfterFinished": kept_seconds(job),
        }
        if job.spec.time_limit_seconds:
            policy["activeDeadlineSeconds"] = job.spec.time_limit_seconds
        if job.spec.retries:
            # The job fails when the restarts of all its running pods together have reached this.
            policy["backoffLimit"] = job.spec.retries * job.spec.workers + 1
        return policy


KIND = PyTorchJobKind()
