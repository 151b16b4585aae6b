"""Which kind of object a job becomes: what was asked for, else what the cluster serves and the job needs."""

from __future__ import annotations

import re

from windlass.contract.cluster import ClusterOptions
from windlass.engines.base import JobSpec
from windlass.engines.kubernetes.kinds import batchjob, pytorchjob, trainjob
from windlass.engines.kubernetes.model import ClusterFacts, Kind
from windlass.errors import FieldError, InvalidRequest

KINDS: dict[str, Kind] = {kind.name: kind for kind in (pytorchjob.KIND, trainjob.KIND, batchjob.KIND)}
"""All kinds, by name; the ones that were tried longest come first."""

_TORCH = re.compile(r"(py)?torch(-lightning|vision|audio)?|lightning|accelerate", re.IGNORECASE)


def choose(spec: JobSpec, options: ClusterOptions, facts: ClusterFacts) -> tuple[Kind, str]:
    """The kind for a job, and why, in a sentence for the user.

    Raises:
        InvalidRequest: naming `kind`, when there is no such kind, the cluster lacks it, or none can run this job.
    """
    if spec.kind is not None:
        return _asked_for(spec.kind, facts), "You chose it."
    if options.runtime is not None:
        return _asked_for(trainjob.KIND.name, facts), "A training runtime was chosen, which only a TrainJob has."
    served = [kind for kind in KINDS.values() if kind.served(facts) is not None]
    if batchjob.KIND in served and spec.world_size == 1 and not _needs_torch(spec):
        return batchjob.KIND, "One process whose code does not import torch: a plain Job needs no torch in the image."
    operators = [kind for kind in served if kind is not batchjob.KIND]
    if options.queue is not None and trainjob.KIND in operators:
        return trainjob.KIND, "With a queue: Kueue looks after TrainJobs unless that is turned off."
    if operators:
        return operators[0], f"The cluster's operator runs {operators[0].name}s."
    if batchjob.KIND in served and spec.workers == 1:
        return batchjob.KIND, "The cluster has no training operator, and one worker needs none."
    raise _refused(
        f"This cluster has no training operator (PyTorchJob or TrainJob), which {spec.workers} workers need: "
        "ask for one worker with several processes, or have Kubeflow Trainer installed."
    )


def _asked_for(name: str, facts: ClusterFacts) -> Kind:
    kind = KINDS.get(name)
    if kind is None:
        raise _refused(f"A cluster job has no kind {name!r}; there are {', '.join(KINDS)}.")
    if kind.served(facts) is None:
        raise _refused(f"This cluster does not serve {name}: choose another kind, or leave it out.")
    return kind


def _needs_torch(spec: JobSpec) -> bool:
    return any(_TORCH.fullmatch(requirement.partition("==")[0].strip()) for requirement in spec.imports)


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, fields=[FieldError(field="kind", message=message)])
