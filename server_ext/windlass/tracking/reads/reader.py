"""Everything that is read of one MLflow server, over one connection pool."""

from __future__ import annotations

import os
from collections.abc import Mapping

from windlass.tracking.reads.artifacts import ArtifactReads
from windlass.tracking.reads.experiments import ExperimentReads
from windlass.tracking.reads.facts import FactReads, ServerFacts
from windlass.tracking.reads.history import HistoryReads
from windlass.tracking.reads.logged_models import LoggedModelReads
from windlass.tracking.reads.registry import RegistryReads
from windlass.tracking.reads.runs import RunReads
from windlass.tracking.rest import MlflowHttp


class MlflowReads:
    """One server, by topic. Methods raise Unavailable when it is away, MlflowRefused when it will not, and Upstream.

    Args:
        uri: its address.
        environ: where MLflow's own variables with the credentials are.
    """

    def __init__(self, uri: str, *, environ: Mapping[str, str] = os.environ) -> None:
        self._http = MlflowHttp(uri, environ=environ)
        self.url = self._http.url
        """The address, without credentials."""
        self._facts = FactReads(self._http)
        self.experiments = ExperimentReads(self._http)
        self.runs = RunReads(self._http)
        self.history = HistoryReads(self._http, self._facts)
        self.artifacts = ArtifactReads(self._http)
        self.logged_models = LoggedModelReads(self._http)
        self.registry = RegistryReads(self._http)

    async def facts(self) -> ServerFacts:
        """What the server is and can do."""
        return await self._facts.get()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.close()
