"""What crosses the wire between a user's server and the hub service.

The two are updated at different times: an image lives for months. So, unlike the models of our own REST interface,
these pass over fields that they do not know, and give every later field a default.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from windlass.contract.base import Timestamp

FEATURE = Literal["token", "prices", "images", "profiles", "capacity", "metrics", "promotions", "model-reads"]


class HubModel(BaseModel):
    """A message that an older or newer side may read."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)


class Me(HubModel):
    """Who the caller is to the hub, and what the service can do for them."""

    name: str
    groups: list[str] = Field(default_factory=list)
    admin: bool | None = None
    """A hub admin; null where the hub did not say. It gives no right in Windlass."""
    jobs_namespace: str | None = None
    """Where the caller's jobs go; null on a hub without namespaces per user."""
    service_account: str | None = None
    scopes: list[str] = Field(default_factory=list)
    """The custom Windlass scopes that the caller's token holds."""
    hub_version: str | None = None
    service_version: str = ""
    features: list[str] = Field(default_factory=list)
    """Which of the service's parts work on this hub: token, prices, images, profiles, capacity, metrics, promotions,
    model-reads."""


class KubernetesToken(HubModel):
    """A short-lived credential for the caller's own namespace. Never logged; its representation hides the token."""

    token: str = Field(repr=False)
    expires_at: Timestamp
    namespace: str
    service_account: str
    server: str
    """The API server's address."""
    ca_pem: str | None = None
    """Certificates that sign the server's; null: the system's."""


class OfTheCatalogue(HubModel):
    """What is read from the catalogue."""

    revision: str = ""
    stale: str | None = None
    """Why this may be old: the catalogue cannot be read now, and the last good copy holds."""


class Prices(OfTheCatalogue):
    """What things cost per hour. What is missing is unknown, never free."""

    currency: str = "USD"
    cpu_core_hour: float | None = None
    memory_gib_hour: float | None = None
    gpu_hour: dict[str, float] = Field(default_factory=dict)
    """Per whole card, by GPU product."""
    spot_factor: float = 1.0


class CatalogueImage(HubModel):
    """An image that servers and jobs may use."""

    slug: str
    display_name: str
    image: str
    description: str = ""
    interfaces: list[str] = Field(default_factory=list)


class ImageList(OfTheCatalogue):
    """All images of the catalogue."""

    items: list[CatalogueImage]


class ProfileGpu(HubModel):
    """The GPUs of a profile."""

    product: str
    count: int
    mode: str
    resource: str
    cards: float
    """How much of whole cards it is."""


class ProfileAvailability(HubModel):
    """Whether a server of a profile could start now; null is unknown."""

    free: int | None = None
    total: int | None = None
    starts_node: bool = False
    minutes: float | None = None
    sentence: str = ""
    impossible: str | None = None


class UserProfile(HubModel):
    """A profile that the caller may use."""

    slug: str
    display_name: str
    description: str = ""
    cpu_cores: float
    memory_bytes: int
    gpu: ProfileGpu | None = None
    spot: bool = False
    interface: str = "jupyterlab"
    images: list[str] = Field(default_factory=list)
    usd_per_hour: float | None = None
    availability: ProfileAvailability = ProfileAvailability()


class ProfileList(OfTheCatalogue):
    """The profiles that the caller may use."""

    items: list[UserProfile]


class GpuCapacity(HubModel):
    """All GPUs of one product and one way to share them; null is unknown."""

    product: str
    resource: str
    total: int | None = None
    free: int | None = None


class NodeCapacity(HubModel):
    """A node, reduced to what matters to who waits for one."""

    name: str
    ready: bool
    schedulable: bool = True
    instance_type: str | None = None
    zone: str | None = None
    region: str | None = None
    spot: bool | None = None
    """null: no label says on which capacity it runs."""
    pool: str | None = None
    gpu_product: str | None = None
    gpu_sharing: str | None = None
    """`time-slicing` or `mps`, where the device plugin shares cards."""
    gpu_replicas: int | None = None
    """Into how many parts it shares each."""
    cpu_cores: float | None = None
    cpu_cores_free: float | None = None
    memory_bytes: int | None = None
    memory_bytes_free: int | None = None
    gpus: dict[str, int] = Field(default_factory=dict)
    """By extended resource."""
    gpus_free: dict[str, int] = Field(default_factory=dict)


class PoolCapacity(HubModel):
    """A Karpenter NodePool: what an autoscaler may still start."""

    name: str
    ready: bool | None = None
    limits: dict[str, float] = Field(default_factory=dict)
    used: dict[str, float] = Field(default_factory=dict)
    instance_types: list[str] = Field(default_factory=list)
    capacity_types: list[str] = Field(default_factory=list)


class StartingNode(HubModel):
    """A Karpenter NodeClaim that is no ready node yet."""

    name: str
    pool: str | None = None
    instance_type: str | None = None
    spot: bool | None = None
    state: Literal["requested", "launched", "registered", "failed"]
    reason: str | None = None
    since: Timestamp | None = None


class ClusterCapacity(HubModel):
    """What the cluster, or this machine, has and what of it is free."""

    source: Literal["kubernetes", "machine", "unknown"]
    complete: bool
    """False while a part could not be read anew: figures may be old or missing."""
    taken_at: Timestamp | None = None
    problem: str | None = None
    nodes: list[NodeCapacity] = Field(default_factory=list)
    gpus: list[GpuCapacity] = Field(default_factory=list)
    pools: list[PoolCapacity] = Field(default_factory=list)
    starting: list[StartingNode] = Field(default_factory=list)


class MetricSeries(HubModel):
    """One line of a metric: points of (POSIX seconds, value); a gap or a value that is no number is null."""

    labels: dict[str, str]
    points: list[tuple[float, float | None]]


class Metric(HubModel):
    """One named metric of the caller's own pods."""

    name: str
    unit: str
    description: str
    series: list[MetricSeries] = Field(default_factory=list)
    problem: str | None = None
    """Why there is none, or not all of it."""
    complete: bool = True


class Metrics(HubModel):
    """What was asked, and what Prometheus has of it."""

    start: float
    end: float
    step_seconds: float | None = None
    """null for values of one moment."""
    items: list[Metric]


class VersionRequest(HubModel):
    """Register a version in the name of the caller, who may not edit the model in MLflow.

    One of `model_id` and `path` says what of the run is meant: a LoggedModel, or a folder among its artifacts (empty:
    all of them).
    """

    run_id: str = Field(min_length=1, max_length=64)
    model_id: str | None = Field(default=None, min_length=1, max_length=64)
    path: str | None = Field(default=None, max_length=1024)
    description: str | None = Field(default=None, max_length=5000)
    tags: dict[str, str] = Field(default_factory=dict, max_length=50)


class VersionMade(HubModel):
    """The version that a registration led to."""

    name: str
    version: str
    created: bool
    """False: the same files were that version already."""


class ModelRead(HubModel):
    """That a user's server reads a file of a model for its user: for the audit log."""

    model: str | None = Field(default=None, max_length=256)
    version: str | None = Field(default=None, max_length=20)
    run_id: str | None = Field(default=None, max_length=64)
    path: str | None = Field(default=None, max_length=4096)
    """Of the file or folder, within the model or the run's artifacts."""
