"""A job made ready for a cluster, and what is seen of it there: the values that all modules of this engine share.

Nothing here asks a cluster or a disk. Objects of Kubernetes are plain dicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from windlass.contract.cluster import ClusterOptions
from windlass.engines.base import JobSpec, State
from windlass.errors import FieldError
from windlass.kube.resources import Resource

Object = dict[str, Any]

BUNDLE_FOLDER = "/windlass/bundle"
"""Where the init container unpacks the bundle, in an emptyDir that the ranks read."""
JOB_FOLDER = "/windlass/job"
"""Where the runner writes status and executed notebook, in an emptyDir; what leaves the pod leaves by its log."""
PACKAGES_FOLDER = "/windlass/packages"
"""Where an init container installs what the image lacks."""


@dataclass(frozen=True, kw_only=True)
class InConfigMap:
    """The bundle as `binaryData` of a ConfigMap of the job's own name."""

    name: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class FromArtifacts:
    """The bundle as an artifact of MLflow, fetched by an init container; credentials come from the user's Secret."""

    tracking_uri: str
    run_id: str
    path: str
    """Of the artifact, in the run."""


@dataclass(frozen=True, kw_only=True)
class FromClaim:
    """The bundle as a file on a volume claim."""

    claim: str
    path: str
    """In the volume: `.windlass/bundles/<sha256>.tar.gz`."""


Delivery = InConfigMap | FromArtifacts | FromClaim


@dataclass(frozen=True, kw_only=True)
class ClusterJob:
    """A job, thought through to the last value that its manifests hold."""

    spec: JobSpec
    options: ClusterOptions
    name: str
    """Of all its objects: a DNS-1035 label, short enough for what operators add to it (`kube.names.object_name`)."""
    namespace: str
    image: str
    python: str = "python"
    """The interpreter in the image, as found on its PATH."""
    delivery: Delivery
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of every object and pod (`kube.names.job_labels`)."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Of the job's own object: enough to write the job list anew."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Of the ranks: never a secret; secrets are references to the user's Secret."""
    packages: Sequence[str] = ()
    """What an init container installs (`name==version`); empty: there is none."""
    index_url: str | None = None
    """Where from; the Secret's PIP_INDEX_URL, else the image's own setting, when None."""
    pull_secrets: Sequence[str] = ()
    restricted: bool = True
    """Keep to the *restricted* Pod Security profile; without it the image's own user runs the job."""
    user_id: int | None = 1000
    """Who the job runs as (`restricted`): images of root start as this user all the same. Jupyter's images have it.
    None where the cluster gives each namespace its own users, as OpenShift does."""
    group_id: int | None = 100
    """The group that volumes are made writable for; Jupyter's images have it. None as with `user_id`."""
    service_account: str | None = None
    """The pods' account, without its token; the namespace's default when None."""


@dataclass(frozen=True, kw_only=True)
class ServedKind:
    """A resource that the cluster serves, at the version that is used."""

    resource: Resource
    schema: Object | None = None
    """Its OpenAPI schema (v3), where the server publishes it."""


TrainDialect = Literal["podSpecOverrides", "podTemplateOverrides", "runtimePatches"]


@dataclass(frozen=True, kw_only=True)
class ClusterFacts:
    """What the cluster serves, read by discovery (`discovery.discover`); the same for minutes."""

    version: str = ""
    kinds: Mapping[str, ServedKind] = field(default_factory=dict)
    """By kind: PyTorchJob, TrainJob, JobSet, Job, Workload, LocalQueue …"""
    train_dialect: TrainDialect | None = None
    """How this Trainer takes changes of pods; None without TrainJob."""
    runtimes: Sequence[Object] = ()
    """Trimmed ClusterTrainingRuntimes and TrainingRuntimes: kind, name, framework label, spec."""
    problems: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Observed:
    """All that is known of one job in the cluster at one moment."""

    job: Object | None
    """The job's own object; None when it is gone."""
    last: Object | None = None
    """As it was last, when it is gone and was seen before."""
    pods: Sequence[Object] = ()
    events: Sequence[Object] = ()
    """core/v1 Events about the job, its pods and its claims, oldest first."""
    workload: Object | None = None
    """Kueue's, where there is one."""
    jobset: Object | None = None
    """Of a TrainJob."""
    replaced: int = 0
    """How many pods were taken away and made again while this was watched; operators do not count these."""
    seconds_since_created: float = 0.0
    departed: Sequence[Object] = ()
    """Pods that were taken away as the job ended, as they were last: they tell where it was, and not how it stands."""
    end_unseen: bool = False
    """Its object went while nobody watched, so that `last` need not be how it ended."""
    readings: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was read of it, by reader: several ask, and an observation does not change."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """How a job stands by its object and pods. `reason` is in plain words; times are POSIX seconds."""

    state: State
    reason: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    restarts: int = 0
    exit_code: int | None = None


class Kind(Protocol):
    """One kind of job object. Pure: asks nothing."""

    name: str
    """As users see it: `PyTorchJob`."""
    container: str
    """The container that runs the ranks."""

    def served(self, facts: ClusterFacts) -> Resource | None:
        """The resource to use; None where the cluster has not got it."""
        ...

    def problems(self, job: ClusterJob, facts: ClusterFacts) -> list[FieldError]:
        """What of the request this kind cannot do."""
        ...

    def notices(self, job: ClusterJob, facts: ClusterFacts) -> list[str]:
        """What this kind does in its own way, for the user to know."""
        ...

    def render(self, job: ClusterJob, facts: ClusterFacts) -> list[Object]:
        """All objects but the bundle's, in the order they are made; the job's own object is the last."""
        ...

    def phase(self, seen: Observed) -> Phase:
        """How the job stands, from its conditions and its pods (the reason without what `reasons` adds)."""
        ...

    def node_rank(self, pod: Object) -> int | None:
        """Which worker this pod is, from 0; None when the pod runs no ranks (a launcher)."""
        ...

    def suspended(self, value: bool) -> Object:
        """The merge patch of the job object that suspends it, or lets it go on."""
        ...
