"""What a profile asks of the cluster: GPUs, tolerations, volumes, and the image a user may type."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from .fields import (
    Bytes,
    Count,
    LabelKey,
    LabelValue,
    Line,
    Model,
    MountPath,
    ObjectName,
    ResourceName,
    Slug,
    refuse,
    ruled,
)
from .patterns import check_pattern

MigProfile = Annotated[
    str, ruled(r"^[1-7]g\.[0-9]{1,3}gb(\.me)?$", "A MIG profile, as 1g.5gb (with media engines: 1g.10gb.me).")
]


class Gpu(Model):
    """GPUs of a profile: whole cards, a MIG slice, or a share of a time-sliced card."""

    product: Line = Field(
        description="The value of the node label nvidia.com/gpu.product, as Tesla-T4. It prices and counts; "
        "node_selector is what places."
    )
    count: Annotated[Count, Field(le=64)] = Field(1, description="How many of them (cards, slices or shares).")
    mode: Literal["dedicated", "mig", "shared"] = Field(
        "dedicated", description="Whole cards, MIG slices, or shares of time-sliced cards."
    )
    mig_profile: MigProfile | None = Field(None, description="The slice, as 1g.5gb; for mode: mig.")
    replicas: Annotated[Count, Field(ge=2, le=64)] | None = Field(
        None, description="Into how many shares time-slicing cuts one card; for mode: shared."
    )
    resource: ResourceName | None = Field(
        None,
        description="The extended resource's name where it is not the usual one (nvidia.com/gpu; "
        "nvidia.com/mig-1g.5gb under MIG strategy mixed; nvidia.com/gpu.shared).",
    )

    @model_validator(mode="after")
    def _mode_is_whole(self) -> Gpu:
        if self.mode == "mig" and self.mig_profile is None:
            refuse((("mig_profile",), "A MIG GPU needs this, as 1g.5gb."))
        if self.mode != "mig" and self.mig_profile is not None:
            refuse((("mig_profile",), "This is for mode: mig only."))
        if self.mode == "shared" and self.replicas is None:
            refuse((("replicas",), "A time-sliced GPU needs this: into how many shares a card is cut."))
        if self.mode != "shared" and self.replicas is not None:
            refuse((("replicas",), "This is for mode: shared only."))
        return self

    @property
    def resource_name(self) -> str:
        """The extended resource asked of Kubernetes (device plugin naming, MIG strategy `mixed`)."""
        if self.resource:
            return self.resource
        if self.mode == "mig":
            return f"nvidia.com/mig-{self.mig_profile}"
        return "nvidia.com/gpu.shared" if self.mode == "shared" else "nvidia.com/gpu"

    @property
    def cards(self) -> float:
        """How much of whole cards this is: a MIG slice counts its compute sevenths, a share its 1/replicas."""
        if self.mode == "mig" and self.mig_profile:
            return self.count * int(self.mig_profile[0]) / 7
        return self.count / self.replicas if self.replicas else float(self.count)


class Toleration(Model):
    """A Kubernetes toleration."""

    key: LabelKey | None = Field(None, description="The taint's key; left out with operator Exists: every taint.")
    operator: Literal["Exists", "Equal"] = Field("Exists", description="Equal compares the value too.")
    value: LabelValue | None = Field(None, description="The taint's value, for operator Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="The taint's effect; left out: any."
    )
    seconds: Annotated[int, Field(ge=0, le=2**31)] | None = Field(
        None, description="How long an evicting taint is borne (tolerationSeconds); for effect NoExecute."
    )

    @model_validator(mode="after")
    def _operator_fits(self) -> Toleration:
        if self.operator == "Exists" and self.value is not None:
            refuse((("value",), "Operator Exists takes no value: use Equal."))
        if self.operator == "Equal" and not self.key:
            refuse((("key",), "Operator Equal needs a key."))
        if self.seconds is not None and self.effect != "NoExecute":
            refuse((("seconds",), "This is for effect: NoExecute only."))
        return self


class Volume(Model):
    """Something mounted: an existing claim, or scratch space that ends with the server."""

    name: Slug = Field(description="A name within the profile.")
    mount_path: MountPath = Field(description="Where it is mounted; {username} and the like may be used.")
    claim: ObjectName | None = Field(None, description="A PersistentVolumeClaim in the user's namespace.")
    scratch: Bytes | None = Field(None, description="Size of an emptyDir.")
    in_memory: bool = Field(False, description="The scratch space is memory (as /dev/shm needs).")
    read_only: bool = Field(False, description="It cannot be written to.")

    @model_validator(mode="after")
    def _one_source(self) -> Volume:
        if self.claim is None and self.scratch is None:
            refuse((("claim",), "Give either claim or scratch."))
        if self.claim is not None and self.scratch is not None:
            refuse((("scratch",), "Give either claim or scratch, not both."))
        if self.in_memory and self.scratch is None:
            refuse((("in_memory",), "This is for scratch space only."))
        return self


class FreeImage(Model):
    """Lets users type an image, within a pattern that must match it whole."""

    pattern: Line = Field(description="A regular expression; the whole image name must match it.")
    hint: Line = Field("An image your administrators allow", description="What users are told may be typed.")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        check_pattern(pattern)
        return pattern
