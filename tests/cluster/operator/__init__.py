"""Stands in for the operators that make pods of jobs, over the API itself, so that it works on any API server.

`Operator(credentials).start()` looks after PyTorchJobs, TrainJobs, JobSets and (`jobs=True`, where no real controller
does) Jobs. Names, labels, variables, owners and conditions are those of Kubeflow's training operator 1.9, Trainer 2.3,
JobSet 0.12 and Kubernetes' own Job controller, as far as Windlass can see them.
"""

from __future__ import annotations

from tests.cluster.operator.controller import Operator

__all__ = ["Operator"]
