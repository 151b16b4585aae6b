"""What a pod, or a job's processes on one machine, hold and for how long: what it costs follows from nothing else.

Something is held from when it is placed until its last process ends, whatever it does meanwhile: a container that
starts again in place holds all the while, and what waits in a queue holds nothing. Node labels are those of NVIDIA's
device plugin and GPU feature discovery, of Kubernetes' cloud providers, and of Karpenter, EKS, GKE and AKS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from windlass.costs.book import Capacity, Shape, exact
from windlass.costs.products import mig_profile, share_parts

PRODUCT_LABEL = "nvidia.com/gpu.product"
REPLICAS_LABEL = "nvidia.com/gpu.replicas"
SHARING_LABEL = "nvidia.com/gpu.sharing-strategy"
INSTANCE_TYPE_LABELS = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
REGION_LABELS = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
_SPOT = {
    "karpenter.sh/capacity-type": "spot",
    "eks.amazonaws.com/capacityType": "SPOT",
    "cloud.google.com/gke-spot": "true",
    "cloud.google.com/gke-preemptible": "true",
    "kubernetes.azure.com/scalesetpriority": "spot",
}
_CARD = re.compile(r"nvidia\.com/gpu(\.shared)?|amd\.com/gpu|gpu\.intel\.com/(i915|xe)|habana\.ai/gaudi")
_SLICE = re.compile(r"nvidia\.com/mig-(?P<profile>.+?)(?P<shared>\.shared)?")
_SLICE_PRODUCT = re.compile(r".+-MIG-(?P<profile>[^-]+)(-SHARED)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Devices:
    """GPUs of one kind. `count` None: how much it is of whole cards is not known, and `problem` says why."""

    count: int | None = 0
    """Cards, slices or shares."""
    mig_profile: str | None = None
    """They are slices of this profile."""
    shares: int | None = None
    """They are parts of cards (or of slices) that are shared by time among so many."""
    problem: str = ""

    @property
    def part(self) -> Fraction:
        """How much of a card one of them is."""
        profile = mig_profile(self.mig_profile) if self.mig_profile else None
        return (profile.part if profile else Fraction(1)) / (self.shares or 1)


@dataclass(frozen=True, kw_only=True)
class Held:
    """What was held, and when. Moments are POSIX seconds; what is None is not known."""

    title: str
    """For people: `worker 3`, `this machine`."""
    since: float | None
    """None while it has no place, and then it holds nothing."""
    until: float | None = None
    """None while it holds on, or where nobody saw its end (`ended`)."""
    ended: bool = False
    """It holds nothing any more."""
    node: str | None = None
    instance_type: str | None = None
    capacity: Capacity | None = None
    region: str | None = None
    gpus: int | None = 0
    """Cards, MIG slices or shares."""
    product: str | None = None
    mig_profile: str | None = None
    shares: int | None = None
    """Into how many parts each card is cut by time; None: it is not."""
    cores: float | None = 0.0
    memory_gib: float | None = 0.0
    storage_gib: float | None = 0.0
    attempt: int = 0
    """How often all pods of the job had been started again before it."""
    own_machine: bool = False
    """A machine that no cloud's list of prices speaks of: the one that this server runs on."""
    shape: Shape | None = None
    """What its node has in all, where that was seen."""
    problem: str = ""
    """Why `gpus` is not known."""

    @property
    def devices(self) -> Devices:
        """Its GPUs."""
        return Devices(count=self.gpus, mig_profile=self.mig_profile, shares=self.shares, problem=self.problem)

    @property
    def cards(self) -> Fraction | None:
        """Its GPUs as whole cards: a MIG slice counts its sevenths, a share its part."""
        return None if self.gpus is None else self.gpus * self.devices.part

    def span(self, *, start: float | None, end: float | None, now: float) -> tuple[float, float] | None:
        """From when to when it held within a time; None where that is not known. Equal moments: it held nothing."""
        if self.since is None or self.since > now:
            return now, now
        if self.ended and self.until is None:
            # A time that was over before it began is none of it, whenever it ended.
            return (self.since, self.since) if end is not None and end <= self.since else None
        begins = self.since if start is None else max(self.since, start)
        ends = min(moment for moment in (self.until, end, now) if moment is not None)
        return begins, max(begins, ends)


@dataclass(frozen=True, kw_only=True)
class Holding:
    """All that one job held and holds, as far as its engine has seen it."""

    held: tuple[Held, ...] = ()
    missing: str = ""
    """Why some of it was not seen, as a sentence; then no sum of it is the whole."""


def devices_of(amounts: Mapping[str, float], labels: Mapping[str, str]) -> Devices:
    """The GPUs among what a pod asks for, by its node's labels. What is no card of a known maker is left out.

    Args:
        amounts: by extended resource.
        labels: of the node; of the pod's node selector where the node's are not known.
    """
    found = [(name, int(amount)) for name, amount in amounts.items() if amount and _is_gpu(name)]
    if not found:
        return Devices()
    if len(found) > 1:
        return Devices(count=None, problem="It holds GPUs of several kinds, whose parts of a card cannot be told.")
    resource, count = found[0]
    product = labels.get(PRODUCT_LABEL, "")
    slice_of = _SLICE.fullmatch(resource) or _SLICE_PRODUCT.fullmatch(product)
    profile = mig_profile(slice_of["profile"]) if slice_of else None
    if slice_of and profile is None:
        return Devices(count=None, problem=f"It holds a slice of an unknown size, {slice_of['profile']}.")
    shared = resource.endswith(".shared") or product.endswith("-SHARED")
    if not shared and labels.get(SHARING_LABEL) not in ("time-slicing", "mps"):
        return Devices(count=count, mig_profile=profile.name if profile else None)
    shares = share_parts(f"1/{labels.get(REPLICAS_LABEL, '')}")
    if shares is None:
        return Devices(count=None, problem="It is not known into how many parts the card is shared.")
    return Devices(count=count, mig_profile=profile.name if profile else None, shares=shares)


def capacity_of(labels: Mapping[str, str], *, known: bool) -> Capacity | None:
    """Spot where a label says so; else on-demand, if these are all the node's labels (`known`)."""
    if any(labels.get(name) == value for name, value in _SPOT.items()):
        return "spot"
    return "on-demand" if known else None


def first_label(labels: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """The value of the first of some labels that is there."""
    return next((labels[name] for name in names if labels.get(name)), None)


def shape_of(allocatable: Mapping[str, float], labels: Mapping[str, str]) -> Shape | None:
    """What a node has in all, of what it offers to pods; None where its GPUs cannot be counted as cards."""
    cards = Fraction(0)
    for name, amount in allocatable.items():
        devices = devices_of({name: amount}, labels)
        if devices.count is None:
            return None
        cards += devices.count * devices.part
    cores, memory = allocatable.get("cpu"), allocatable.get("memory")
    return Shape(
        gpus=cards.__ceil__(),
        product=labels.get(PRODUCT_LABEL),
        cores=None if cores is None else exact(cores),
        memory_gib=None if memory is None else exact(memory) / 2**30,
    )


def _is_gpu(resource: str) -> bool:
    return bool(_CARD.fullmatch(resource) or _SLICE.fullmatch(resource))
