"""A job in a cluster: what may be asked for, what the cluster offers, and where the job's pods are.

What is asked for is checked here as far as text can be checked: whatever passes can stand in a manifest as a value and
be nothing else there.
"""

from __future__ import annotations

import posixpath
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from windlass.contract.base import Timestamp, WireModel

_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_QUALIFIED = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL_KEY = rf"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?{_QUALIFIED}$"
_LABEL_VALUE = rf"^({_QUALIFIED})?$"
_RESOURCE = rf"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+/{_QUALIFIED}$"
_IMAGE = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$"
_MIG_PROFILE = r"^[1-9]g\.[1-9][0-9]{0,2}gb(\.me)?$"
_REGISTRY = r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*(:[0-9]{1,5})?"
_REPOSITORY = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_IMAGE_NAME = re.compile(
    rf"({_REGISTRY}/)?{_REPOSITORY}(/{_REPOSITORY})*(:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?"
    r"(@[A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?"
)
"""What kubelets take for the name of an image; they say so only when the pod has been waiting for it."""
_AN_IMAGE = "must be the name of an image, as registry.example/team/torch:2.13"


def _ruled(pattern: str, rule: str) -> BeforeValidator:
    """The rule in words, for people who have broken the pattern that stands beside it."""
    compiled = re.compile(pattern)

    def said(value: Any) -> Any:
        if isinstance(value, str) and not compiled.fullmatch(value):
            raise _wrong(rule)
        return value

    return BeforeValidator(said)


def _wrong(rule: str) -> PydanticCustomError:
    return PydanticCustomError("text_of_cluster", "{rule}", {"rule": rule})


def _absolute(path: str) -> str:
    if not path.startswith("/") or ".." in path.split("/") or ":" in path or not path.isprintable():
        raise _wrong("must be an absolute path without '..' and ':'")
    # Two slashes at the beginning are a path of its own to POSIX, and none to Linux.
    return "/" + posixpath.normpath(path).lstrip("/")


def _inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/") or not path.isprintable():
        raise _wrong("must be a path inside the volume: relative, without '..'")
    return path


def _image(name: str) -> str:
    if not _IMAGE_NAME.fullmatch(name):
        raise _wrong(_AN_IMAGE)
    return name


_WORDS = "lower-case letters, digits and hyphens, with a letter or digit at both ends"
Name = Annotated[str, StringConstraints(pattern=_NAME, max_length=63), _ruled(_NAME, f"must be {_WORDS}")]
"""Of an object that is also a DNS label."""
Subdomain = Annotated[
    str,
    StringConstraints(pattern=_SUBDOMAIN, max_length=253),
    _ruled(_SUBDOMAIN, f"must be a name in the cluster: {_WORDS}, and dots between such words"),
]
LabelKey = Annotated[
    str,
    StringConstraints(pattern=_LABEL_KEY, max_length=317),
    _ruled(_LABEL_KEY, "must be the name of a label, as topology.kubernetes.io/zone"),
]
LabelValue = Annotated[
    str,
    StringConstraints(pattern=_LABEL_VALUE, max_length=63),
    _ruled(_LABEL_VALUE, "must be a label's value: at most 63 letters, digits, hyphens, dots and underscores"),
]

JobKind = Literal["PyTorchJob", "TrainJob", "Job"]
GpuShare = Literal["whole", "mig", "time-sliced"]


class GpuChoice(WireModel):
    """Which GPUs; how many of them is `gpus_per_worker`."""

    product: LabelValue | None = None
    """As the label nvidia.com/gpu.product of nodes has it; any when left out."""
    share: GpuShare = "whole"
    mig_profile: (
        Annotated[
            str,
            StringConstraints(pattern=_MIG_PROFILE),
            _ruled(_MIG_PROFILE, "must be a MIG profile, as 1g.5gb (with media engines: 1g.10gb.me)"),
        ]
        | None
    ) = None
    """With `mig`: `1g.5gb` and the like."""
    resource: (
        Annotated[
            str,
            StringConstraints(pattern=_RESOURCE, max_length=253),
            _ruled(_RESOURCE, "must be the name of a device in the cluster, as nvidia.com/gpu"),
        ]
        | None
    ) = None
    """What the cluster calls it (`OfferedGpu.resource`); as NVIDIA's device plugin when left out: `nvidia.com/gpu`,
    `nvidia.com/mig-1g.5gb`, `nvidia.com/gpu.shared`."""


class ClaimMount(WireModel):
    """A volume claim of the jobs namespace, mounted in every worker."""

    claim: Subdomain
    path: Annotated[str, Field(min_length=2, max_length=1024), AfterValidator(_absolute)]
    sub_path: Annotated[str, Field(max_length=1024), AfterValidator(_inside)] | None = None
    read_only: bool = False


class PodToleration(WireModel):
    """A taint of nodes that the workers may run on all the same."""

    key: LabelKey
    value: LabelValue | None = None
    """Any value when left out."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None


class ClusterOptions(WireModel):
    """What a worker is given in a cluster. All of it may be left out."""

    image: (
        Annotated[
            str, StringConstraints(pattern=_IMAGE, max_length=512), _ruled(_IMAGE, _AN_IMAGE), AfterValidator(_image)
        ]
        | None
    ) = None
    """The first that is offered when left out: the server's setting, else its own image, else the catalogue's first."""
    cpu: float | None = Field(default=None, gt=0, le=1024)
    """Cores per worker."""
    memory_bytes: int | None = Field(default=None, ge=16 * 2**20, le=64 * 2**40)
    """Per worker."""
    shared_memory_bytes: int | None = Field(default=None, ge=2**20, le=16 * 2**40)
    """Size of /dev/shm, which is part of the memory; a quarter of it, at least 1 GiB, when left out."""
    gpu: GpuChoice = Field(default_factory=GpuChoice)
    node_class: Literal["spot", "on-demand"] | None = None
    node_selector: dict[LabelKey, LabelValue] = Field(default_factory=dict, max_length=32)
    tolerations: list[PodToleration] = Field(default_factory=list, max_length=32)
    priority_class: Subdomain | None = None
    queue: Name | None = None
    """A LocalQueue of Kueue in the jobs namespace."""
    runtime: Subdomain | None = None
    """With TrainJob: the runtime; chosen by the code's framework when left out."""
    volumes: list[ClaimMount] = Field(default_factory=list, max_length=16)
    bundle_claim: Subdomain | None = None
    """The claim that carries a bundle too large for a ConfigMap, where there is no artifact store that pods reach."""
    install_packages: bool = True
    """Install what the code imports and the image lacks before the job starts."""
    keep_seconds: int = Field(default=86_400, ge=0, le=60 * 60 * 24 * 60)
    """How long the cluster keeps the job's objects after its end; the log and the record are kept here longer."""


class OfferedKind(WireModel):
    """A kind of job, and whether this cluster runs it."""

    name: JobKind
    served: bool
    reason: str
    """Why it would be chosen, or what it lacks."""


class OfferedGpu(WireModel):
    """GPUs of one product shared in one way; null is unknown."""

    product: str
    share: GpuShare
    mig_profile: str | None = None
    resource: str
    total: int | None = None
    free: int | None = None


class OfferedImage(WireModel):
    """An image a job may run in."""

    image: str
    display_name: str
    description: str = ""
    origin: Literal["server", "catalogue"]


class OfferedClaim(WireModel):
    """A volume claim of the jobs namespace."""

    name: str
    bound: bool
    access_modes: list[str] = Field(default_factory=list)
    capacity_bytes: int | None = None


class OfferedQueue(WireModel):
    """A LocalQueue; null is unknown."""

    name: str
    pending: int | None = None
    admitted: int | None = None


class OfferedRuntime(WireModel):
    """A training runtime of Kubeflow Trainer."""

    name: str
    kind: Literal["ClusterTrainingRuntime", "TrainingRuntime"]
    framework: str | None = None
    deprecated: bool = False


class ClusterOffers(WireModel):
    """What the cluster behind the `kubernetes` engine offers this user. Lists are empty where there is nothing."""

    namespace: str
    server: str
    """The API server's address."""
    version: str | None = None
    kinds: list[OfferedKind]
    gpus: list[OfferedGpu] = Field(default_factory=list)
    images: list[OfferedImage] = Field(default_factory=list)
    claims: list[OfferedClaim] = Field(default_factory=list)
    queues: list[OfferedQueue] = Field(default_factory=list)
    runtimes: list[OfferedRuntime] = Field(default_factory=list)
    priority_classes: list[str] = Field(default_factory=list)
    node_classes: list[Literal["spot", "on-demand"]] = Field(default_factory=list)
    problems: list[str] = Field(default_factory=list)
    """What could not be read, and why."""


class JobPod(WireModel):
    """One pod of a job."""

    name: str
    role: str
    """`master`, `worker`, `node` …"""
    ranks: list[int] = Field(default_factory=list)
    node: str | None = None
    state: str = Field(pattern="^(waiting|starting|running|succeeded|failed|gone)$")
    reason: str = ""
    """Why it waits or failed, in plain words."""
    restarts: int = 0
    exit_code: int | None = None
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None


class TimelineStep(WireModel):
    """One moment of a job's way: when it was reached, and how long it took since the one before; null is not yet."""

    name: Literal[
        "created", "queued", "admitted", "node_requested", "node_ready", "image_pulled", "first_line", "ended"
    ]
    at: Timestamp | None = None
    seconds: float | None = None
    note: str = ""


class JobPlacement(WireModel):
    """Where a job is in its cluster."""

    namespace: str
    object_kind: str
    object_name: str
    kind_reason: str = ""
    """Why it is of this kind."""
    pods: list[JobPod] = Field(default_factory=list)
    timeline: list[TimelineStep] = Field(default_factory=list)
