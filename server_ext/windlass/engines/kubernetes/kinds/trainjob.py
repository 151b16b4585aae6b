"""TrainJob (trainer.kubeflow.org/v1alpha1, Kubeflow Trainer 2): the ranks in a JobSet, always under torchrun.

Trainer sets `PET_*` for torchrun, and nothing for a plain `python`; it does so only when `spec.trainer` is present.
The pods come from a runtime: one of the job's own where TrainingRuntimes can be made (`training_runtime`), else the
cluster's, with what this Trainer's dialect can change (`train_dialects`).
"""

from __future__ import annotations

from windlass.engines.kubernetes.kinds import train_dialects
from windlass.engines.kubernetes.kinds.common import job_metadata
from windlass.engines.kubernetes.kinds.training_runtime import (
    ATTEMPT_VARIABLE,
    NODE,
    base_runtime,
    name_of,
    runs_torch,
    training_runtime,
)
from windlass.engines.kubernetes.manifests import delivery, pods
from windlass.engines.kubernetes.manifests.environment import escaped
from windlass.engines.kubernetes.model import ClusterFacts, ClusterJob, Object, Observed, Phase, TrainDialect
from windlass.engines.kubernetes.observing import phases
from windlass.errors import FieldError
from windlass.kube.resources import CLUSTER_TRAINING_RUNTIMES, TRAIN_JOBS, TRAINING_RUNTIMES, Resource

_USUAL_RUNTIME = "torch-distributed"
_NEWEST_DIALECT: TrainDialect = "runtimePatches"
_REPLICATED_JOB = "jobset.sigs.k8s.io/replicatedjob-name"
_COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"


class TrainJobKind:
    """A job as a TrainJob."""

    name = "TrainJob"
    container = NODE

    def served(self, facts: ClusterFacts) -> Resource | None:
        """TrainJobs, where Trainer's CRDs are installed."""
        kind = facts.kinds.get(self.name)
        return kind.resource if kind else None

    def problems(self, job: ClusterJob, facts: ClusterFacts) -> list[FieldError]:
        """What a TrainJob cannot do here."""
        found = [*pods.problems(job), *_runtime_problems(job, facts)]
        if not _own_runtime(facts):
            variables = len(self._pod(job, own=False)["spec"]["containers"][0]["env"])
            found += train_dialects.problems(job, dialect=_dialect(facts), variables=variables)
        return found

    def notices(self, job: ClusterJob, facts: ClusterFacts) -> list[str]:
        """What Trainer does in its own way."""
        found = ["The cluster keeps a TrainJob until Windlass removes it: Trainer removes none by itself."]
        if not _own_runtime(facts):
            found += train_dialects.notices(job, dialect=_dialect(facts))
        elif job.spec.time_limit_seconds and job.spec.retries and _dialect(facts) != _NEWEST_DIALECT:
            found.append("With Trainer before 2.2 the time limit counts for each attempt anew.")
        return found

    def render(self, job: ClusterJob, facts: ClusterFacts) -> list[Object]:
        """The TrainingRuntime where the job has its own, and the TrainJob."""
        own, dialect = _own_runtime(facts), _dialect(facts)
        pod = self._pod(job, own=own)
        base = base_runtime(job, facts)
        if own:
            runtime = training_runtime(job, pod=pod, base=base, job_deadline=dialect != _NEWEST_DIALECT)
            spec = self._with_own_runtime(job)
        else:
            spec = {
                "runtimeRef": _reference(job, base),
                "trainer": train_dialects.trainer(pod, job=job),
                **train_dialects.overrides(pod, dialect=dialect),
            }
        if job.spec.time_limit_seconds and dialect == _NEWEST_DIALECT:
            spec["activeDeadlineSeconds"] = job.spec.time_limit_seconds
        made = {
            "apiVersion": TRAIN_JOBS.api_version,
            "kind": TRAIN_JOBS.kind,
            "metadata": job_metadata(job),
            "spec": spec,
        }
        return [runtime, made] if own else [made]

    def phase(self, seen: Observed) -> Phase:
        """How the job stands."""
        return phases.trainjob(seen)

    def node_rank(self, pod: Object) -> int | None:
        """The completion index in the replicated job of the ranks; initializers have no rank."""
        labels = pod.get("metadata", {}).get("labels", {})
        index = str(labels.get(_COMPLETION_INDEX, ""))
        return int(index) if labels.get(_REPLICATED_JOB) == NODE and index.isdecimal() else None

    def suspended(self, value: bool) -> Object:
        """The merge patch of `suspend`."""
        return {"spec": {"suspend": value}}

    def _pod(self, job: ClusterJob, *, own: bool) -> Object:
        """The workers' pod; without init containers of ours, the ranks' container does what they would."""
        pod = pods.pod_template(job, container=NODE, command=pods.torchrun(job))
        container = pod["spec"]["containers"][0]
        container["env"] = [*container["env"], ATTEMPT_VARIABLE]
        if not own:
            first = delivery.fetch_environment(job) + (delivery.install_environment(job) if job.packages else [])
            present = {entry["name"] for entry in container["env"]}
            added = {entry["name"]: entry for entry in first if entry["name"] not in present}
            container["env"] = [*container["env"], *added.values()]
            container["command"] = [
                escaped(job.python),
                f"{delivery.PROGRAMS_FOLDER}/prepare.py",
                *container["command"],
            ]
            paths = {mount["mountPath"] for mount in container["volumeMounts"]}
            needed = [mount for mount in delivery.fetching_mounts(job) if mount["mountPath"] not in paths]
            container["volumeMounts"] = [*needed, *container["volumeMounts"]]
        return pod

    def _with_own_runtime(self, job: ClusterJob) -> Object:
        return {
            "runtimeRef": {
                "apiGroup": TRAINING_RUNTIMES.group,
                "kind": TRAINING_RUNTIMES.kind,
                "name": job.name,
            },
            # Resources stand in the runtime: beside limits without requests Trainer counts one process.
            "trainer": {"numNodes": job.spec.workers, "numProcPerNode": job.spec.processes_per_worker},
        }


def _own_runtime(facts: ClusterFacts) -> bool:
    """Whether the job brings a runtime: where discovery says that TrainingRuntimes are to be had."""
    return TRAINING_RUNTIMES.kind in facts.kinds


def _dialect(facts: ClusterFacts) -> TrainDialect:
    return facts.train_dialect or _NEWEST_DIALECT


def _reference(job: ClusterJob, base: Object | None) -> Object:
    if base is not None:
        return {"apiGroup": TRAINING_RUNTIMES.group, "kind": base["kind"], "name": name_of(base)}
    name = job.options.runtime or _USUAL_RUNTIME
    return {"apiGroup": TRAINING_RUNTIMES.group, "kind": CLUSTER_TRAINING_RUNTIMES.kind, "name": name}


def _runtime_problems(job: ClusterJob, facts: ClusterFacts) -> list[FieldError]:
    """A runtime that was asked for is there, and is one for torch. Where none could be read, that is not known."""
    wanted = job.options.runtime
    if wanted is None or not facts.runtimes:
        return []
    base = base_runtime(job, facts)
    if base is None:
        message = f"This cluster has no training runtime {wanted!r}: choose one that it offers."
    elif not runs_torch(base):
        message = f"The training runtime {wanted!r} is not for torch, which runs the ranks: choose another."
    else:
        return []
    return [FieldError(field="cluster.runtime", message=message)]


KIND = TrainJobKind()
