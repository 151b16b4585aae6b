"""What is asked about the cluster behind an engine: what it offers, and where a user's job is in it."""

from __future__ import annotations

from windlass.contract.cluster import ClusterOffers, JobPlacement
from windlass.engines.base import InCluster
from windlass.errors import NotFound
from windlass.ledger.jobs import JobLedger
from windlass.services.engines import Engines

CLUSTER_ENGINE = "kubernetes"


class ClusterQueries:
    """Answers about the cluster. A user finds only their own jobs."""

    def __init__(self, *, ledger: JobLedger, engines: Engines) -> None:
        self._ledger = ledger
        self._engines = engines

    async def offers(self) -> ClusterOffers:
        """What the cluster offers. Raises NotFound without such an engine, Unavailable and Forbidden."""
        if CLUSTER_ENGINE not in self._engines.names:
            raise NotFound("This server has no engine that runs jobs in a cluster.")
        engine = self._engines.get(CLUSTER_ENGINE)
        if not isinstance(engine, InCluster):
            raise NotFound(f"This server's {CLUSTER_ENGINE} engine does not say what it offers.")
        return await engine.offers()

    async def placement(self, job_id: str, *, owner: str) -> JobPlacement:
        """Where a job is. Raises NotFound, also for a job that runs in no cluster."""
        row = await self._ledger.get(job_id, owner=owner)
        engine = self._engines.get(row.engine)
        if not isinstance(engine, InCluster):
            raise NotFound(f"{row.name} runs on {engine.display_name.lower()} and not in a cluster.")
        return await engine.placement(job_id)
