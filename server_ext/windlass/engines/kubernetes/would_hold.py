"""What the pods of a job would hold that is not sent yet: what it asks for, on nodes with the labels it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windlass.costs.holding import (
    INSTANCE_TYPE_LABELS,
    PRODUCT_LABEL,
    REGION_LABELS,
    REPLICAS_LABEL,
    Held,
    capacity_of,
    devices_of,
    first_label,
)

if TYPE_CHECKING:
    from windlass.engines.base import JobSpec

_GIB = 2**30


def would_hold(spec: JobSpec, *, replicas: int | None = None) -> list[Held]:
    """One for each worker.

    Args:
        spec: the job.
        replicas: into how many parts the cluster shares a card, for a job that asks for shares; None: not known.
    """
    # Loaded late: pydantic is, by then.
    from windlass.contract.cluster import ClusterOptions
    from windlass.engines.kubernetes.manifests.placement import gpu_resource, node_selector

    options = ClusterOptions.model_validate(spec.cluster or {})
    labels = node_selector(spec, options)
    if replicas is not None:
        labels[REPLICAS_LABEL] = str(replicas)
    amounts = {gpu_resource(options.gpu): float(spec.gpus_per_worker)} if spec.gpus_per_worker else {}
    devices = devices_of(amounts, labels)
    return [
        Held(
            title=f"worker {number}",
            since=0.0,
            instance_type=first_label(labels, INSTANCE_TYPE_LABELS),
            capacity=capacity_of(labels, known=options.node_class == "on-demand"),
            region=first_label(labels, REGION_LABELS),
            gpus=devices.count,
            product=labels.get(PRODUCT_LABEL),
            mig_profile=devices.mig_profile,
            shares=devices.shares,
            cores=options.cpu or 0.0,
            memory_gib=(options.memory_bytes or 0) / _GIB,
            problem=devices.problem,
        )
        for number in range(spec.workers)
    ]
