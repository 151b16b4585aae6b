"""What the service is made of, given to every handler: one object, put together once at the start.

Everything in it is a promise (a Protocol) or a plain value, so that handlers know neither where the catalogue lies nor
whether there is a cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from windlass.contract.hub import StartingNode
from windlass.kube.client import KubeClient
from windlass_hub.profiles.store import Shelf, Snapshot, Store
from windlass_hub.settings import Settings

from .problems import Away

if TYPE_CHECKING:
    from windlass.metrics.prometheus.client import Prometheus
    from windlass_hub.profiles.availability import CapacitySnapshot
    from windlass_hub.promotions.asking import Promotions
    from windlass_hub.promotions.reading import PromotionReads
    from windlass_hub.promotions.registering import Registrations
    from windlass_hub.reconciler.running import Reconciler

    from .audit import Audit
    from .hub_api import HubApi
    from .own_places import OwnPlaces
    from .promoting import Promoting
    from .spending import Spending


class Capacity(Protocol):
    """Where the figures of nodes and GPUs come from."""

    @property
    def problem(self) -> str | None:
        """What keeps the figures from being right now, as a sentence."""
        ...

    async def start(self) -> None:
        """Begin to watch."""
        ...

    async def snapshot(self) -> CapacitySnapshot | None:
        """The figures of now; None while nothing is known."""
        ...

    def starting(self) -> Sequence[StartingNode]:
        """Nodes that an autoscaler is starting."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The cluster, as the service asks it and as users' servers reach it."""

    client: KubeClient
    server: str
    ca_pem: str | None = None


@dataclass(kw_only=True)
class ServiceState:
    """The parts. What is None is not there on this hub; `cluster_problem` says why there is no cluster, and so on."""

    settings: Settings
    store: Store
    shelf: Shelf
    audit: Audit
    hub_api: HubApi
    places: OwnPlaces
    feed_token: str = field(default="", repr=False)
    capacity: Capacity | None = None
    cluster: Cluster | None = None
    cluster_problem: str = "This hub has no Kubernetes cluster."
    prometheus: Prometheus | None = None
    reconciler: Reconciler | None = None
    reconciler_problem: str = "This hub has no jobs in a cluster."
    promoting: Promoting | None = None
    spending: Spending | None = None
    spending_problem: str = "This hub has no pods in a cluster."

    @property
    def promotions(self) -> Promotions:
        """What is done about promotions. Raises Away where this hub has none."""
        return self._promoting().promotions

    @property
    def registrations(self) -> Registrations:
        """What registers versions of protected models. Raises Away where this hub has no promotions."""
        return self._promoting().registrations

    @property
    def promotion_reads(self) -> PromotionReads:
        """What is read of promotions. Raises Away where this hub has none."""
        return self._promoting().reads

    def _promoting(self) -> Promoting:
        if self.promoting is None:
            raise Away("This hub keeps no promotions: its admins have not told it where MLflow is (mlflow_url).")
        return self.promoting

    @property
    def costs(self) -> Spending:
        """What pods cost. Raises Away where this hub keeps no records of that."""
        if self.spending is None:
            raise Away(f"This hub keeps no records of costs. {self.spending_problem}")
        return self.spending

    @property
    def kube(self) -> KubeClient | None:
        """The client of the cluster."""
        return self.cluster.client if self.cluster else None

    async def catalogue(self) -> tuple[Snapshot, str | None]:
        """The catalogue in force, and why it may be old. Raises StoreError when it was never read."""
        snapshot = await self.shelf.read()
        problem = self.shelf.problem
        return snapshot, f"The profiles cannot be read now, an older copy holds: {problem}" if problem else None
