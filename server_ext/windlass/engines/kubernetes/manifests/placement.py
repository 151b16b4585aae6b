"""Where a job's pods may run: GPUs, node labels, tolerations. What the cluster really has is preflight's business.

Labels of nodes are those of NVIDIA's GPU feature discovery and of Karpenter, and the tolerations those that the hub
side gives notebook servers of the same hardware.
"""

from __future__ import annotations

from windlass.contract.cluster import ClusterOptions, GpuChoice
from windlass.engines.base import JobSpec
from windlass.engines.kubernetes.model import Object
from windlass.errors import FieldError

CAPACITY_TYPE = "karpenter.sh/capacity-type"
GPU_PRODUCT = "nvidia.com/gpu.product"
SHARING_STRATEGY = "nvidia.com/gpu.sharing-strategy"
NVIDIA_GPU = "nvidia.com/gpu"

_SPOT_LABELS = (
    CAPACITY_TYPE,
    "eks.amazonaws.com/capacityType",
    "cloud.google.com/gke-spot",
    "cloud.google.com/gke-preemptible",
    "kubernetes.azure.com/scalesetpriority",
)
"""How providers label nodes that may be taken away; who chooses one of these by hand is not given Karpenter's too."""


def gpu_resource(gpu: GpuChoice) -> str:
    """The extended resource that is asked for (NVIDIA device plugin; MIG strategy `mixed`; time-slicing renamed)."""
    if gpu.resource:
        return gpu.resource
    if gpu.share == "mig" and gpu.mig_profile:
        return f"nvidia.com/mig-{gpu.mig_profile}"
    return "nvidia.com/gpu.shared" if gpu.share == "time-sliced" else NVIDIA_GPU


def node_selector(spec: JobSpec, options: ClusterOptions) -> dict[str, str]:
    """The labels a node must have. What was chosen by hand holds against what follows from other options."""
    selector: dict[str, str] = {}
    if spec.gpus_per_worker:
        if options.gpu.product:
            selector[GPU_PRODUCT] = options.gpu.product
        if _has_the_name_of_whole_ones(options.gpu):
            selector[SHARING_STRATEGY] = "time-slicing"
    if options.node_class and not any(label in options.node_selector for label in _SPOT_LABELS):
        selector[CAPACITY_TYPE] = options.node_class
    return {**selector, **options.node_selector}


def _has_the_name_of_whole_ones(gpu: GpuChoice) -> bool:
    """Whether shares of a card are told from whole cards by their node's label alone, and not by product either."""
    product = gpu.product or ""
    return gpu.share == "time-sliced" and gpu_resource(gpu) == NVIDIA_GPU and not product.endswith("-SHARED")


def tolerations(spec: JobSpec, options: ClusterOptions) -> list[Object]:
    """The taints that are borne: those asked for, that which keeps others off GPU nodes, and that of spot nodes."""
    found = []
    if spec.gpus_per_worker:
        keys = dict.fromkeys((NVIDIA_GPU, gpu_resource(options.gpu)))
        found += [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in keys]
    selector = node_selector(spec, options)
    if options.node_class == "spot":
        found += [
            {"key": label, "operator": "Equal", "value": selector[label], "effect": "NoSchedule"}
            for label in _SPOT_LABELS
            if label in selector
        ]
    for asked in options.tolerations:
        toleration: Object = {"key": asked.key, "operator": "Exists" if asked.value is None else "Equal"}
        if asked.value is not None:
            toleration["value"] = asked.value
        if asked.effect is not None:
            toleration["effect"] = asked.effect
        found.append(toleration)
    return [toleration for position, toleration in enumerate(found) if toleration not in found[:position]]


def problems(spec: JobSpec, options: ClusterOptions) -> list[FieldError]:
    """What of this can be in no cluster."""
    gpu = options.gpu
    if not spec.gpus_per_worker:
        return []
    if gpu.share == "mig" and not gpu.mig_profile and not gpu.resource:
        return [FieldError(field="cluster.gpu.mig_profile", message="A MIG GPU needs a profile, as 1g.5gb.")]
    if gpu.share != "mig" and gpu.mig_profile:
        return [FieldError(field="cluster.gpu.share", message="A MIG profile is for the share `mig` only.")]
    return []
