"""Job (batch/v1): one worker, on any cluster, without an operator. Under torchrun when it has several processes."""

from __future__ import annotations

from typing import Any

from windlass.engines.kubernetes.kinds.common import job_metadata, kept_seconds, no_runtime
from windlass.engines.kubernetes.manifests import pods
from windlass.engines.kubernetes.model import ClusterFacts, ClusterJob, Object, Observed, Phase
from windlass.engines.kubernetes.observing import phases
from windlass.errors import FieldError
from windlass.kube.names import JOB_LABEL
from windlass.kube.resources import JOBS, Resource

_RENDEZVOUS_PORT = 29500
"""torchrun's usual one; a pod's loopback interface is its own."""


class BatchJobKind:
    """A job as a plain Job."""

    name = "Job"
    container = "worker"

    def served(self, facts: ClusterFacts) -> Resource | None:
        """Jobs, which every cluster has."""
        kind = facts.kinds.get(self.name)
        return kind.resource if kind else None

    def problems(self, job: ClusterJob, facts: ClusterFacts) -> list[FieldError]:  # noqa: ARG002  (the protocol's)
        """What a plain Job cannot do: several workers would not find each other."""
        found = [*pods.problems(job), *no_runtime(job, kind=self.name)]
        if job.spec.workers > 1:
            message = f"A plain Job has one worker; {job.spec.workers} need a PyTorchJob or a TrainJob."
            found.append(FieldError(field="workers", message=message))
        return found

    def notices(self, job: ClusterJob, facts: ClusterFacts) -> list[str]:  # noqa: ARG002  (the protocol's)
        """Nothing is different from what the options say, but where the time limit starts."""
        if not job.spec.time_limit_seconds:
            return []
        return ["A Job's time limit counts from when it is let go, so waiting for a node is part of it."]

    def render(self, job: ClusterJob, facts: ClusterFacts) -> list[Object]:  # noqa: ARG002  (the protocol's)
        """The Job."""
        spec: dict[str, Any] = {
            "parallelism": 1,
            "completions": 1,
            "backoffLimit": job.spec.retries,
            "ttlSecondsAfterFinished": kept_seconds(job),
            "template": pods.pod_template(job, container=self.container, command=self._command(job)),
        }
        if job.spec.time_limit_seconds:
            spec["activeDeadlineSeconds"] = job.spec.time_limit_seconds
        if job.spec.retries:
            # Who asked for retries wants the job done: a node that is taken away uses none of them up.
            spec["podFailurePolicy"] = {
                "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
            }
        return [
            {"apiVersion": JOBS.api_version, "kind": JOBS.kind, "metadata": job_metadata(job), "spec": spec},
        ]

    def phase(self, seen: Observed) -> Phase:
        """How the job stands."""
        return phases.batchjob(seen)

    def node_rank(self, pod: Object) -> int | None:
        """There is one worker."""
        return 0 if JOB_LABEL in pod.get("metadata", {}).get("labels", {}) else None

    def suspended(self, value: bool) -> Object:
        """The merge patch of `suspend`."""
        return {"spec": {"suspend": value}}

    def _command(self, job: ClusterJob) -> list[str]:
        if job.spec.processes_per_worker == 1:
            return pods.plain_python(job)
        return pods.torchrun(
            job,
            "--nnodes=1",
            f"--nproc-per-node={job.spec.processes_per_worker}",
            "--rdzv-backend=static",
            "--master-addr=127.0.0.1",
            f"--master-port={_RENDEZVOUS_PORT}",
        )


KIND = BatchJobKind()
