"""What an admin writes: the catalogue of profiles, images, prices and quotas.

Everything that reaches the hub from an admin (a file, a ConfigMap, the admin page, an import) passes through
`load_catalogue` and is refused here or trusted from here on. The model knows no Kubernetes client and no JupyterHub.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from windlass.kube.quantities import parse_quantity

from .fields import (
    RESERVED_ENVIRONMENT,
    Bytes,
    Cores,
    Count,
    CountOrNone,
    ImageName,
    LabelKey,
    LabelValue,
    Line,
    Model,
    Money,
    Name,
    ObjectName,
    ResourceName,
    Slug,
    Text,
    Value,
    VariableName,
    refuse,
    repeated,
)
from .hardware import FreeImage, Gpu, Toleration, Volume
from .problems import CatalogueError, Problem, problems_of
from .yaml_text import NotPlainYaml, read_yaml

__all__ = [
    "Catalogue",
    "CatalogueError",
    "FreeImage",
    "Gpu",
    "IdleLimits",
    "Image",
    "Model",
    "Prices",
    "Problem",
    "Profile",
    "Quota",
    "Quotas",
    "Toleration",
    "Volume",
    "dump_catalogue",
    "load_catalogue",
]

Interface = Literal["jupyterlab", "vscode"]


class IdleLimits(Model):
    """When an unused server is stopped. Kept for the culler; None: the hub's own default holds."""

    interactive_minutes: int | None = Field(
        None, ge=5, le=525_600, description="Minutes without anybody at the browser."
    )
    gpu_minutes: int | None = Field(None, ge=5, le=525_600, description="Minutes without work on the GPU.")
    time_to_live_hours: float | None = Field(None, gt=0, le=8_760, description="Hours after which it ends in any case.")


class Profile(Model):
    """One card of the spawn page: a machine, an image, a price, and who may have it."""

    slug: Slug = Field(description="Its name for machines; kept in users' choices, so better not changed.")
    display_name: Line = Field(description="Its name on the card.")
    description: Text = Field("", description="A few words under the name. Plain text.")
    cpu: Cores = Field(description="Cores, the limit.")
    cpu_guarantee: Cores | None = Field(None, description="Cores reserved; as cpu when left out.")
    memory: Bytes = Field(description="The limit, as 16G (10^9 bytes each) or 16Gi (2^30).")
    memory_guarantee: Bytes | None = Field(None, description="Memory reserved; as memory when left out.")
    gpu: Gpu | None = Field(None, description="GPUs; left out: none, and the container is shown none.")
    node_selector: Annotated[dict[LabelKey, LabelValue], Field(max_length=30)] = Field(
        default_factory=dict, description="Labels a node must have. It decides which nodes the servers run on."
    )
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=30)] = Field(
        (), description="Taints that are borne. Those of GPU and spot nodes are added by themselves."
    )
    spot: bool = Field(False, description="Runs on capacity that may be taken away.")
    images: Annotated[tuple[Slug, ...], Field(max_length=100)] = Field(
        (), description="Slugs of the catalogue's images; the first is the default. None: the hub's own image."
    )
    free_image: FreeImage | None = Field(None, description="Lets users type an image as well.")
    interface: Interface = Field("jupyterlab", description="What opens: JupyterLab, or VS Code in the browser.")
    volumes: Annotated[tuple[Volume, ...], Field(max_length=30)] = Field(
        (), description="Mounted beside what the hub's configuration mounts."
    )
    environment: Annotated[dict[VariableName, Value], Field(max_length=200)] = Field(
        default_factory=dict, description="Variables. {username} is put in; other braces stay. No secrets."
    )
    usd_per_hour: Money | None = Field(
        None, description="The price; worked out from the catalogue's prices when left out."
    )
    groups: Annotated[tuple[Name, ...], Field(max_length=1000)] = Field(
        (), description="JupyterHub groups that may use it; with users empty too: everyone."
    )
    users: Annotated[tuple[Name, ...], Field(max_length=1000)] = Field((), description="Users who may use it.")
    max_servers: Count | None = Field(
        None, description="How many servers of this profile may run at once, over all users."
    )
    max_servers_per_user: Count | None = Field(None, description="The same for one user.")
    idle: IdleLimits = Field(IdleLimits(), description="When an unused server is stopped.")
    priority_class: ObjectName | None = Field(None, description="A Kubernetes PriorityClass.")
    runtime_class: ObjectName | None = Field(None, description="A Kubernetes RuntimeClass.")
    node_start_minutes: float | None = Field(
        None,
        gt=0,
        le=120,
        description="How long an autoscaler takes to start such a node. Left out: only Karpenter's pools are believed "
        "to start nodes for it.",
    )
    default: bool = Field(False, description="Chosen when nobody chooses. Without one: the first a user may use.")

    @model_validator(mode="after")
    def _whole(self) -> Profile:
        if found := [*self._unfit_guarantees(), *self._repetitions()]:
            refuse(*found)
        return self

    def _unfit_guarantees(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        for limit, guarantee in (("cpu", "cpu_guarantee"), ("memory", "memory_guarantee")):
            reserved = getattr(self, guarantee)
            if reserved is not None and parse_quantity(reserved) > parse_quantity(getattr(self, limit)):
                yield (guarantee,), f"This must not be more than {limit}."
        for name in self.environment:
            if name.upper().startswith(RESERVED_ENVIRONMENT):
                yield ("environment", name), "The hub sets this variable itself."

    def _repetitions(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        for i in repeated([volume.name for volume in self.volumes]):
            yield ("volumes", i, "name"), "This name is there twice."
        for i in repeated([volume.mount_path for volume in self.volumes]):
            yield ("volumes", i, "mount_path"), "Something else is mounted there."
        for i in repeated(list(self.images)):
            yield ("images", i), "This image is there twice."


class Image(Model):
    """An image of the catalogue: offered on the spawn page and for jobs."""

    slug: Slug = Field(description="Its name for machines; profiles refer to it.")
    display_name: Line = Field(description="Its name on the spawn page.")
    image: ImageName = Field(description="What is pulled, as registry/name:tag or with a digest.")
    description: Text = Field("", description="A few words. Plain text.")
    interfaces: Annotated[tuple[Interface, ...], Field(max_length=2)] = Field(
        ("jupyterlab",), description="What it can open."
    )


class Prices(Model):
    """What things cost per hour, in USD. What is left out is unknown, never free."""

    cpu_core_hour: Money | None = Field(None, description="One core.")
    memory_gib_hour: Money | None = Field(None, description="One GiB of memory.")
    gpu_hour: Annotated[dict[Line, Money], Field(max_length=200)] = Field(
        default_factory=dict, description="Per whole card, by GPU product."
    )
    spot_factor: float = Field(1.0, gt=0, le=1, description="What spot capacity costs of the full price, as 0.35.")


class Quota(Model):
    """What one user's namespace may hold at once, notebooks and jobs together. Left out: no limit."""

    cpu: Cores | None = Field(None, description="Cores.")
    memory: Bytes | None = Field(None, description="Memory.")
    storage: Bytes | None = Field(None, description="Storage asked for by claims.")
    gpus: Annotated[dict[ResourceName, CountOrNone], Field(max_length=100)] = Field(
        default_factory=dict, description="By extended resource, as nvidia.com/gpu: 2."
    )
    pods: Count | None = Field(None, description="Pods.")
    jobs: CountOrNone | None = Field(None, description="Training jobs.")


class Quotas(Model):
    """The quota of everyone, and what groups have instead: item by item, the most generous of a user's groups."""

    default: Quota = Field(Quota(), description="Everyone's.")
    groups: Annotated[dict[Name, Quota], Field(max_length=1000)] = Field(
        default_factory=dict,
        description="By group. What a group leaves out is as in default; of several groups the most generous counts.",
    )


class Catalogue(Model):
    """The whole document."""

    version: Literal[1] = Field(1, description="Of this format.")
    profiles: Annotated[tuple[Profile, ...], Field(max_length=500)] = Field((), description="In the page's order.")
    images: Annotated[tuple[Image, ...], Field(max_length=500)] = Field((), description="What profiles choose from.")
    prices: Prices = Field(Prices(), description="For profiles without a price of their own.")
    quotas: Quotas = Field(Quotas(), description="What a user may hold at once.")

    @model_validator(mode="after")
    def _agrees(self) -> Catalogue:
        if found := [*self._repetitions(), *self._unfit_images()]:
            refuse(*found)
        return self

    def _repetitions(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        for i in repeated([profile.slug for profile in self.profiles]):
            yield ("profiles", i, "slug"), f"The profile {self.profiles[i].slug} is there twice: slugs must differ."
        for i in repeated([image.slug for image in self.images]):
            yield ("images", i, "slug"), f"The image {self.images[i].slug} is there twice: slugs must differ."
        for i in [i for i, profile in enumerate(self.profiles) if profile.default][1:]:
            yield ("profiles", i, "default"), "Another profile is the default already."

    def _unfit_images(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        known = {image.slug: image for image in self.images}
        for i, profile in enumerate(self.profiles):
            for j, slug in enumerate(profile.images):
                if slug not in known:
                    yield ("profiles", i, "images", j), f"There is no image {slug} in images."
                elif profile.interface not in known[slug].interfaces:
                    yield ("profiles", i, "images", j), f"The image {slug} cannot open {profile.interface}."

    def profile(self, slug: str) -> Profile | None:
        """The profile of that slug, or None."""
        return next((p for p in self.profiles if p.slug == slug), None)

    def image(self, slug: str) -> Image | None:
        """The image of that slug, or None."""
        return next((i for i in self.images if i.slug == slug), None)


def load_catalogue(document: str | dict[str, Any]) -> Catalogue:
    """Read a catalogue from YAML (or JSON) text or from its parsed form.

    Raises:
        CatalogueError: it is no plain YAML, no mapping, or something in it is wrong; the problems are listed.
    """
    plain: Any = document
    if isinstance(document, str):
        try:
            plain = read_yaml(document)
        except NotPlainYaml as error:
            raise CatalogueError([Problem(path="", message=str(error))]) from None
        plain = {} if plain is None else plain
    if not isinstance(plain, dict):
        what = "A catalogue is a mapping with profiles, images, prices and quotas."
        raise CatalogueError([Problem(path="", message=what)])
    try:
        return Catalogue.model_validate(plain)
    except ValidationError as error:
        raise CatalogueError(problems_of(error)) from None


def dump_catalogue(catalogue: Catalogue) -> str:
    """The catalogue as YAML that a person or GitOps can own; what is left at its default is left out."""
    plain = {"version": catalogue.version, **catalogue.model_dump(mode="json", exclude_defaults=True)}
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100))
