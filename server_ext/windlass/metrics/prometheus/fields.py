"""The figures that can be asked for, by name: which metrics of the exporters they are, in which unit.

DCGM's field ids: https://docs.nvidia.com/datacenter/dcgm/latest/dcgm-api/dcgm-api-field-ids.html. The exporter's metric
names are its own files' (etc/*.csv of NVIDIA/dcgm-exporter): those of today, and those of version 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MEBIBYTE = 1024 * 1024
SAMPLED_AT = "gpu_sampled_at"
SAMPLED_METRIC = "windlass_sampled_at"
"""What the expression calls it: no exporter has such a metric."""
SAMPLED_BY = ("DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_GPU_UTIL", "dcgm_fb_used", "dcgm_gpu_utilization")
"""Of which metrics the time is asked: an exporter tells all of a device at once, and each of them one of these."""


@dataclass(frozen=True, kw_only=True)
class GpuField:
    """A figure of a device, under the names it has had. All of them are asked for in one expression."""

    unit: str
    description: str
    metrics: tuple[str, ...]
    factor: float = 1.0
    """What the exporter tells, times this, is in the unit."""


@dataclass(frozen=True, kw_only=True)
class PodFigure:
    """A figure of a pod from the cluster's own metrics; `%(pods)s` stands for matchers, `%(window)s` for a rate's."""

    unit: str
    description: str
    expression: str
    over_time: str = ""
    """In place of it for a span, where that is another one."""


def _gpu(unit: str, description: str, *metrics: str, factor: float = 1.0) -> GpuField:
    return GpuField(unit=unit, description=description, metrics=metrics, factor=factor)


def _rate(metric: str, unit: str, description: str, *, by: str = "namespace, pod", more: str = "") -> PodFigure:
    selector = f"{metric}{{%(pods)s{more}}}"
    return PodFigure(
        unit=unit,
        description=description,
        # Of the last two samples: a rate over more is too low for as long as the pod is younger than that.
        expression=f"sum by ({by}) (irate({selector}[%(window)s]))",
        over_time=f"sum by ({by}) (rate({selector}[%(window)s]) and {selector} offset %(window)s)",
    )


_CONTAINERS = ', container!="", container!="POD"'
_BY_CONTAINER = "namespace, pod, container"

GPU_FIELDS: Mapping[str, GpuField] = {
    SAMPLED_AT: _gpu("posix_seconds", "When the exporter was read last", SAMPLED_METRIC),
    "gpu_utilization": _gpu(
        "fraction",
        "Part of the time a kernel ran on the GPU; 0 for whatever runs in MIG slices",
        "DCGM_FI_DEV_GPU_UTIL",
        "dcgm_gpu_utilization",
        factor=0.01,
    ),
    "gpu_memory_used": _gpu("bytes", "GPU memory in use", "DCGM_FI_DEV_FB_USED", "dcgm_fb_used", factor=MEBIBYTE),
    "gpu_memory_free": _gpu("bytes", "GPU memory not in use", "DCGM_FI_DEV_FB_FREE", "dcgm_fb_free", factor=MEBIBYTE),
    "gpu_memory_reserved": _gpu(
        "bytes", "GPU memory the driver keeps for itself", "DCGM_FI_DEV_FB_RESERVED", factor=MEBIBYTE
    ),
    "gpu_power": _gpu("watts", "Power the GPU takes", "DCGM_FI_DEV_POWER_USAGE", "dcgm_power_usage"),
    "gpu_energy": _gpu(
        "joules",
        "Energy the GPU took since the driver was loaded",
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        "dcgm_total_energy_consumption",
        factor=0.001,
    ),
    "gpu_temperature": _gpu("celsius", "Temperature of the GPU", "DCGM_FI_DEV_GPU_TEMP", "dcgm_gpu_temp"),
    "gpu_sm_clock": _gpu("megahertz", "Clock of the multiprocessors", "DCGM_FI_DEV_SM_CLOCK", "dcgm_sm_clock"),
    "gpu_xid": _gpu("xid", "The driver's last error; 0 for none", "DCGM_FI_DEV_XID_ERRORS", "dcgm_xid_errors"),
    "gpu_engine_active": _gpu(
        "fraction",
        "Part of the time the graphics or compute engine was active",
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
        "dcgm_fi_prof_gr_engine_active",
    ),
    "gpu_sm_active": _gpu(
        "fraction", "Part of the time a multiprocessor had work, over all of them", "DCGM_FI_PROF_SM_ACTIVE"
    ),
    "gpu_sm_occupancy": _gpu("fraction", "Warps resident, of the most there could be", "DCGM_FI_PROF_SM_OCCUPANCY"),
    "gpu_tensor_active": _gpu(
        "fraction",
        "Part of the time tensor cores worked",
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
        "dcgm_fi_prof_pipe_tensor_active",
    ),
    "gpu_memory_bandwidth_active": _gpu(
        "fraction",
        "Part of the time the memory interface was busy",
        "DCGM_FI_PROF_DRAM_ACTIVE",
        "dcgm_fi_prof_dram_active",
    ),
    # Version 1 has these as counters, of which nobody says since when: its names are left out.
    "gpu_pcie_sent": _gpu("bytes_per_second", "Bytes the GPU sent over PCIe", "DCGM_FI_PROF_PCIE_TX_BYTES"),
    "gpu_pcie_received": _gpu("bytes_per_second", "Bytes the GPU received over PCIe", "DCGM_FI_PROF_PCIE_RX_BYTES"),
    "gpu_nvlink_sent": _gpu("bytes_per_second", "Bytes the GPU sent over NVLink", "DCGM_FI_PROF_NVLINK_TX_BYTES"),
    "gpu_nvlink_received": _gpu(
        "bytes_per_second", "Bytes the GPU received over NVLink", "DCGM_FI_PROF_NVLINK_RX_BYTES"
    ),
}
"""Of devices; the exporter's metrics."""

_REQUESTED = (
    "max by (namespace, pod, container, resource, node) (kube_pod_container_resource_requests{%(pods)s, "
    'resource=~"nvidia_com_.+"}) and on (namespace, pod) (kube_pod_status_phase{%(pods)s, phase="Running"} == 1)'
)
POD_FIGURES: Mapping[str, PodFigure] = {
    "cpu_cores": _rate(
        "container_cpu_usage_seconds_total", "cores", "Cores in use", by=_BY_CONTAINER, more=_CONTAINERS
    ),
    "memory_used": PodFigure(
        unit="bytes",
        description="Memory in use that cannot be given back",
        expression=f"sum by ({_BY_CONTAINER}) (container_memory_working_set_bytes{{%(pods)s{_CONTAINERS}}})",
    ),
    "network_received": _rate("container_network_receive_bytes_total", "bytes_per_second", "Bytes received"),
    "network_sent": _rate("container_network_transmit_bytes_total", "bytes_per_second", "Bytes sent"),
    "gpu_requested": PodFigure(unit="devices", description="GPUs that running pods ask for", expression=_REQUESTED),
}
"""Of pods: cAdvisor's and kube-state-metrics'."""

QUERIES: Mapping[str, GpuField | PodFigure] = {**GPU_FIELDS, **POD_FIGURES}
"""Everything that can be asked for by name."""

POD_LABELS = (
    ("namespace", "pod", "container"),
    ("exported_namespace", "exported_pod", "exported_container"),
    ("pod_namespace", "pod_name", "container_name"),
)
"""Under which labels the exporter's pod is found: as it says; as Prometheus keeps that where it does not honor it and
names the exporter's own pod; as version 1 said."""
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "gpu": ("gpu",),
    "UUID": ("UUID", "uuid"),
    "modelName": ("modelName",),
    "GPU_I_PROFILE": ("GPU_I_PROFILE",),
    "GPU_I_ID": ("GPU_I_ID",),
    "Hostname": ("node", "Hostname", "hostname"),
    "vgpu": ("vgpu",),
    "resource": ("resource",),
}
"""What is told of a series besides its pod, by the name it is told under; everything else a cluster may label with
stays inside. The exporter wrote `Hostname` until 2026, and writes `hostname`; it is its pod's where nobody told it the
node's, which a scrape configuration may add."""


_TOLD_AS = tuple((label, name) for name, labels in SPELLINGS.items() for label in labels)
# What was kept aside is the exporter's; beside it `namespace` and `pod` are where the exporter itself runs.
_PODS_FIRST = (POD_LABELS[1], POD_LABELS[2], POD_LABELS[0])


def told_labels(metric: Mapping[str, str]) -> dict[str, str]:
    """The labels of a series as the asker gets them, with the pod that it is about; always in the same order."""
    told = {}
    for labels in _PODS_FIRST:
        if metric.get(labels[0]) and metric.get(labels[1]):
            told = {
                name: value for name, label in zip(POD_LABELS[0], labels, strict=True) if (value := metric.get(label))
            }
            break
    for label, name in _TOLD_AS:
        value = metric.get(label)
        if value and name not in told:
            told[name] = value
    return told
