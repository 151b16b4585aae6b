"""The options of `train` that say what workers are given in a cluster: words into `contract.cluster.ClusterOptions`.

As `windlass.options`, it talks to no server and prints nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from windlass.contract.cluster import ClaimMount, ClusterOptions, GpuChoice
from windlass.kube.quantities import parse_bytes, parse_quantity

if TYPE_CHECKING:  # generic for the type checker only: at run time since click 8.5
    _BytesBase = click.ParamType[int]
    _CoresBase = click.ParamType[float]
    _VolumeBase = click.ParamType[ClaimMount]
    _LabelBase = click.ParamType[tuple[str, str]]
else:
    _BytesBase = _CoresBase = _VolumeBase = _LabelBase = click.ParamType


class BytesType(_BytesBase):
    """`32Gi`, as bytes."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Whole bytes; a usage error with a sentence when it is no amount."""
        try:
            return parse_bytes(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class CoresType(_CoresBase):
    """`4` or `500m`, as cores."""

    name = "cores"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Cores; a usage error with a sentence when it is no amount."""
        try:
            return float(parse_quantity(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class VolumeType(_VolumeBase):
    """`CLAIM:/path`, `CLAIM/folder:/path` or with `:ro` behind it."""

    name = "volume"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ClaimMount:
        """A mount; a usage error with a sentence when it is none."""
        if isinstance(value, ClaimMount):
            return value
        source, _, rest = str(value).partition(":")
        path, _, mode = rest.partition(":")
        if mode not in ("", "ro", "rw"):
            self.fail(f"{value!r}: what stands behind the path can be ro or rw.", param, ctx)
        claim, _, sub_path = source.partition("/")
        try:
            return ClaimMount(claim=claim, path=path, sub_path=sub_path or None, read_only=mode == "ro")
        except ValueError:
            self.fail(f"{value!r} is no volume: write CLAIM:/path or CLAIM:/path:ro.", param, ctx)


class LabelType(_LabelBase):
    """`name=value` of a node's label."""

    name = "label"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Name and value; a usage error without an `=`."""
        if isinstance(value, tuple):
            return value
        name, equals, content = str(value).partition("=")
        if not equals:
            self.fail(f"{value!r} is no label: write NAME=VALUE.", param, ctx)
        return name, content


CLUSTER_OPTIONS = (
    click.option("--image", metavar="IMAGE", help="In a cluster: the image it runs in.  [default: this server's own]"),
    click.option("--cpu", type=CoresType(), metavar="CORES", help="In a cluster: cores per worker, as 4 or 500m."),
    click.option("--memory", type=BytesType(), metavar="SIZE", help="In a cluster: memory per worker, as 32Gi."),
    click.option(
        "--shm", type=BytesType(), metavar="SIZE", help="In a cluster: /dev/shm, as 8Gi (part of the memory)."
    ),
    click.option("--gpu-product", metavar="NAME", help="In a cluster: which GPUs, as NVIDIA-A100-SXM4-80GB."),
    click.option(
        "--gpu-share",
        type=click.Choice(["whole", "time-sliced"]),
        help="In a cluster: whole GPUs, or some shared by time-slicing.  [default: whole]",
    ),
    click.option("--mig", metavar="PROFILE", help="In a cluster: a part of a GPU by MIG, as 1g.5gb."),
    click.option("--queue", metavar="NAME", help="In a cluster: the queue (Kueue's LocalQueue)."),
    click.option(
        "--volume",
        "volumes",
        type=VolumeType(),
        multiple=True,
        metavar="CLAIM:/PATH[:ro]",
        help="In a cluster: a volume claim to mount. May be repeated.",
    ),
    click.option(
        "--spot/--on-demand", "spot", default=None, help="In a cluster: nodes that may be taken away, or not."
    ),
    click.option(
        "--node-label",
        "node_labels",
        type=LabelType(),
        multiple=True,
        metavar="NAME=VALUE",
        help="In a cluster: a label that nodes must have. May be repeated.",
    ),
    click.option("--priority", metavar="CLASS", help="In a cluster: the priority class."),
    click.option("--runtime", metavar="NAME", help="In a cluster: the training runtime of a TrainJob."),
    click.option("--bundle-claim", metavar="CLAIM", help="In a cluster: the claim that carries a large bundle."),
    click.option("--no-install", is_flag=True, help="In a cluster: install nothing that the image lacks."),
)


@dataclass(frozen=True, kw_only=True)
class ClusterWords:
    """What was asked of a cluster. Field names are those of the click options."""

    image: str | None = None
    cpu: float | None = None
    memory: int | None = None
    shm: int | None = None
    gpu_product: str | None = None
    gpu_share: str | None = None
    mig: str | None = None
    queue: str | None = None
    volumes: tuple[ClaimMount, ...] = ()
    spot: bool | None = None
    node_labels: tuple[tuple[str, str], ...] = ()
    priority: str | None = None
    runtime: str | None = None
    bundle_claim: str | None = None
    no_install: bool = False

    def cluster_options(self) -> ClusterOptions | None:
        """As the request has them; None where nothing was asked for. Raises ValidationError."""
        given: Mapping[str, Any] = {
            "image": self.image,
            "cpu": self.cpu,
            "memory_bytes": self.memory,
            "shared_memory_bytes": self.shm,
            "gpu": self._gpu(),
            "node_class": None if self.spot is None else "spot" if self.spot else "on-demand",
            "node_selector": dict(self.node_labels) or None,
            "priority_class": self.priority,
            "queue": self.queue,
            "runtime": self.runtime,
            "volumes": list(self.volumes) or None,
            "bundle_claim": self.bundle_claim,
            "install_packages": False if self.no_install else None,
        }
        known = {name: value for name, value in given.items() if value is not None}
        return ClusterOptions(**known) if known else None

    def _gpu(self) -> GpuChoice | None:
        given = {"product": self.gpu_product, "share": "mig" if self.mig else self.gpu_share, "mig_profile": self.mig}
        known = {name: value for name, value in given.items() if value is not None}
        return GpuChoice.model_validate(known) if known else None
