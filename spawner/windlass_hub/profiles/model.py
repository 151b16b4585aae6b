"""What an admin writes: the catalogue of profiles, images, prices and quotas.

Everything that reaches the hub from an admin (a file, a ConfigMap, the admin page, an import) passes through
`load_catalogue` and is refused here or trusted from here on. The model knows no Kubernetes client and no JupyterHub.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from .quantities import parse_quantity

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")]
Text = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
ImageName = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[^\x00-\x1f\x7f]+$")]
LabelKey = Annotated[
    str,
    StringConstraints(
        max_length=317,
        pattern=r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$",
    ),
]
LabelValue = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$")]
Money = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]


def _positive(written: str) -> str:
    if parse_quantity(written) <= 0:
        raise ValueError("must be more than 0.")
    return written


Quantity = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_positive)]
RESERVED_ENVIRONMENT = ("JUPYTERHUB_", "WINDLASS_", "JPY_", "KUBERNETES_")


class Model(BaseModel):
    """Strict and immutable: an unknown key is a typing mistake that would otherwise be ignored in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Gpu(Model):
    """GPUs of a profile: whole cards, a MIG slice, or a share of a time-sliced card."""

    product: Line = Field(description="The value of the node label nvidia.com/gpu.product, as Tesla-T4.")
    count: int = Field(1, ge=1, le=64, description="How many of them (cards, slices or shares).")
    mode: Literal["dedicated", "mig", "shared"] = "dedicated"
    mig_profile: Annotated[str, StringConstraints(pattern=r"^[1-7]g\.[0-9]{1,3}gb$")] | None = None
    replicas: int | None = Field(None, ge=2, le=64, description="Into how many shares time-slicing cuts one card.")
    resource: LabelKey | None = Field(None, description="The extended resource's name where it is not the usual one.")

    @model_validator(mode="after")
    def _mode_is_whole(self) -> Gpu:
        if self.mode == "mig" and self.mig_profile is None:
            raise ValueError("a MIG GPU needs mig_profile, as 1g.5gb.")
        if self.mode != "mig" and self.mig_profile is not None:
            raise ValueError("mig_profile is for mode: mig only.")
        if self.mode == "shared" and self.replicas is None:
            raise ValueError("a time-sliced GPU needs replicas: into how many shares a card is cut.")
        if self.mode != "shared" and self.replicas is not None:
            raise ValueError("replicas is for mode: shared only.")
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

    key: LabelKey | None = None
    operator: Literal["Exists", "Equal"] = "Exists"
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    seconds: int | None = Field(None, ge=0, description="How long an evicting taint is borne (tolerationSeconds).")

    @model_validator(mode="after")
    def _operator_fits(self) -> Toleration:
        if self.operator == "Exists" and self.value is not None:
            raise ValueError("operator Exists takes no value.")
        if self.operator == "Equal" and not self.key:
            raise ValueError("operator Equal needs a key.")
        return self


class Volume(Model):
    """Something mounted: an existing claim, or scratch space that ends with the server."""

    name: Slug
    mount_path: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/{}-]{1,200}$")]
    claim: Slug | None = Field(None, description="A PersistentVolumeClaim in the user's namespace.")
    scratch: Quantity | None = Field(None, description="Size of an emptyDir.")
    in_memory: bool = Field(False, description="The scratch space is memory (as /dev/shm needs).")
    read_only: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> Volume:
        if (self.claim is None) == (self.scratch is None):
            raise ValueError("give either claim or scratch.")
        if ".." in self.mount_path.split("/"):
            raise ValueError("mount_path must not go upwards.")
        return self


class FreeImage(Model):
    """Lets users type an image, within a pattern that must match it whole."""

    pattern: Line = Field(description="A regular expression; the whole image name must match it.")
    hint: Line = "An image your administrators allow"

    @model_validator(mode="after")
    def _compiles(self) -> FreeImage:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"pattern is no regular expression: {error}.") from None
        return self


class IdleLimits(Model):
    """When an unused server is stopped. Kept for the culler; None: the hub's own default holds."""

    interactive_minutes: int | None = Field(None, ge=5, le=525_600)
    gpu_minutes: int | None = Field(None, ge=5, le=525_600)
    time_to_live_hours: float | None = Field(None, gt=0, le=8_760)


class Profile(Model):
    """One card of the spawn page: a machine, an image, a price, and who may have it."""

    slug: Slug
    display_name: Line
    description: Text = ""
    cpu: Quantity = Field(description="Cores, the limit.")
    cpu_guarantee: Quantity | None = Field(None, description="Cores reserved; as cpu when left out.")
    memory: Quantity = Field(description="The limit, as 16G.")
    memory_guarantee: Quantity | None = Field(None, description="Memory reserved; as memory when left out.")
    gpu: Gpu | None = None
    node_selector: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    spot: bool = Field(False, description="Runs on capacity that may be taken away.")
    images: tuple[Slug, ...] = Field((), description="Slugs of the catalogue's images; the first is the default.")
    free_image: FreeImage | None = None
    interface: Literal["jupyterlab", "vscode"] = "jupyterlab"
    volumes: tuple[Volume, ...] = ()
    environment: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")], Text] = Field(
        default_factory=dict
    )
    usd_per_hour: Money | None = Field(
        None, description="The price; worked out from the catalogue's prices when left out."
    )
    groups: tuple[Name, ...] = Field(
        (), description="JupyterHub groups that may use it; with users empty too: everyone."
    )
    users: tuple[Name, ...] = ()
    max_servers: int | None = Field(
        None, ge=1, description="How many servers of this profile may run at once, over all users."
    )
    max_servers_per_user: int | None = Field(None, ge=1)
    idle: IdleLimits = IdleLimits()
    priority_class: Slug | None = Field(None, description="A Kubernetes PriorityClass.")
    runtime_class: Slug | None = None
    node_start_minutes: float | None = Field(
        None,
        gt=0,
        le=120,
        description="How long an autoscaler takes to start such a node; left out: no node is started for it.",
    )
    default: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Profile:
        for limit, guarantee in (("cpu", "cpu_guarantee"), ("memory", "memory_guarantee")):
            reserved = getattr(self, guarantee)
            if reserved is not None and parse_quantity(reserved) > parse_quantity(getattr(self, limit)):
                raise ValueError(f"{guarantee} must not be more than {limit}.")
        for name in self.environment:
            if name.upper().startswith(RESERVED_ENVIRONMENT):
                raise ValueError(f"environment must not set {name}: the hub sets it.")
        for what, names in (
            ("volume", [v.name for v in self.volumes]),
            ("mount_path", [v.mount_path for v in self.volumes]),
        ):
            if twice := _repeated(names):
                raise ValueError(f"{what} {twice} is there twice.")
        return self


class Image(Model):
    """An image of the catalogue: offered on the spawn page and for jobs."""

    slug: Slug
    display_name: Line
    image: ImageName
    description: Text = ""
    interfaces: tuple[Literal["jupyterlab", "vscode"], ...] = ("jupyterlab",)


class Prices(Model):
    """What things cost per hour, in USD. What is left out is unknown, never free."""

    cpu_core_hour: Money | None = None
    memory_gib_hour: Money | None = None
    gpu_hour: dict[Line, Money] = Field(default_factory=dict, description="Per whole card, by GPU product.")
    spot_factor: float = Field(1.0, gt=0, le=1, description="What spot capacity costs of the full price.")


class Quota(Model):
    """What one user's namespace may hold at once, notebooks and jobs together. Left out: no limit."""

    cpu: Quantity | None = None
    memory: Quantity | None = None
    storage: Quantity | None = None
    gpus: dict[LabelKey, Annotated[int, Field(ge=0, le=10_000)]] = Field(
        default_factory=dict, description="By extended resource, as nvidia.com/gpu."
    )
    pods: int | None = Field(None, ge=1)
    jobs: int | None = Field(None, ge=0)


class Quotas(Model):
    """The quota of everyone, and what groups have instead: item by item, the most generous of a user's groups."""

    default: Quota = Quota()
    groups: dict[Name, Quota] = Field(default_factory=dict)


class Catalogue(Model):
    """The whole document."""

    version: Literal[1] = 1
    profiles: tuple[Profile, ...] = ()
    images: tuple[Image, ...] = ()
    prices: Prices = Prices()
    quotas: Quotas = Quotas()

    @model_validator(mode="after")
    def _agrees(self) -> Catalogue:
        known = {image.slug: image for image in self.images}
        for what, slugs in (
            ("profile", [p.slug for p in self.profiles]),
            ("image", list(known) if len(known) == len(self.images) else [i.slug for i in self.images]),
        ):
            if twice := _repeated(slugs):
                raise ValueError(f"{what} {twice} is there twice: slugs must differ.")
        if sum(p.default for p in self.profiles) > 1:
            raise ValueError("more than one profile is the default.")
        for profile in self.profiles:
            for slug in profile.images:
                if slug not in known:
                    raise ValueError(f"profile {profile.slug} names the image {slug}, which is not in images.")
                if profile.interface not in known[slug].interfaces:
                    raise ValueError(
                        f"profile {profile.slug} needs {profile.interface}, which the image {slug} does not have."
                    )
        return self

    def profile(self, slug: str) -> Profile | None:
        """The profile of that slug, or None."""
        return next((p for p in self.profiles if p.slug == slug), None)

    def image(self, slug: str) -> Image | None:
        """The image of that slug, or None."""
        return next((i for i in self.images if i.slug == slug), None)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong at one place; `path` is dotted with list positions, as `profiles.2.gpu.count`."""

    path: str
    message: str


class CatalogueError(Exception):
    """The document cannot be used; `problems` says where and why. `str()` is one sentence."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{first.path + ': ' if first.path else ''}{first.message}{more}")


def load_catalogue(document: str | dict[str, Any]) -> Catalogue:
    """Read a catalogue from YAML (or JSON) text or from its parsed form.

    Raises:
        CatalogueError: it is no YAML, no mapping, or something in it is wrong; every problem is listed.
    """
    if isinstance(document, str):
        try:
            document = yaml.load(document, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}  # noqa: S506  (both are safe loaders)
        except yaml.YAMLError as error:
            raise CatalogueError([Problem(path="", message=f"This is no YAML: {_one_line(error)}")]) from None
    if not isinstance(document, dict):
        raise CatalogueError(
            [Problem(path="", message="A catalogue is a mapping with profiles, images, prices and quotas.")]
        )
    try:
        return Catalogue.model_validate(document)
    except ValidationError as error:
        raise CatalogueError(list(_problems(error))) from None


def dump_catalogue(catalogue: Catalogue) -> str:
    """The catalogue as YAML that a person or GitOps can own; what is left at its default is left out."""
    plain = {"version": catalogue.version, **catalogue.model_dump(mode="json", exclude_defaults=True)}
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100))


def _problems(error: ValidationError) -> Iterator[Problem]:
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "This key is not known."
        yield Problem(path=".".join(str(part) for part in item["loc"]), message=message)


def _repeated(names: list[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _one_line(error: yaml.YAMLError) -> str:
    return re.sub(r"\s+", " ", str(error)).strip()
