"""What an MLflow server is and can do, asked once.

MLflow 3 tells by `server-info` (from 3.9 on), every version by `/version`. Servers that tell neither, as hosted ones,
are taken for new ones: what they do not have they refuse, and the reads make do.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from windlass.errors import Upstream
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.rest import MlflowHttp

_SERVER_INFO = "/api/3.0/mlflow/server-info"
_FRESH_SECONDS = 600.0
_VERSION = re.compile(r"(\d+)\.(\d+)[\w.+-]*")
_NEWEST = (9, 0)


@dataclass(frozen=True)
class ServerFacts:
    """What a server is and can do."""

    version: str | None
    """As it says; None when it does not."""
    workspaces: bool
    """Whether runs are kept apart by workspace (`MLFLOW_WORKSPACE`)."""
    logged_models: bool
    """Whether models are things of their own (3.0 and later), with files outside their run's artifacts."""
    bulk_interval: bool
    """Whether it samples metric histories itself."""
    stages: bool
    """Whether model versions have stages: deprecated since 2.9, served by every 2.x and 3.x."""


class FactReads:
    """Asks for the facts and keeps them: for ten minutes, or until the server was away."""

    def __init__(self, http: MlflowHttp) -> None:
        self._http = http
        self._known: tuple[ServerFacts, float, int] | None = None

    async def get(self) -> ServerFacts:
        """The facts. Raises Unavailable, MlflowRefused (credentials) and Upstream."""
        if self._known is not None:
            facts, at, outages = self._known
            if outages == self._http.outages and time.monotonic() - at < _FRESH_SECONDS:
                return facts
        outages = self._http.outages
        facts = await self._ask()
        self._known = (facts, time.monotonic(), outages)
        return facts

    async def _ask(self) -> ServerFacts:
        workspaces = False
        try:
            workspaces = bool((await self._http.get(_SERVER_INFO)).get("workspaces_enabled"))
        except MlflowRefused as refused:
            if refused.status in (401, 403):
                raise
        except Upstream:
            # Servers before 3.9 may answer any unknown path with their web page.
            pass
        version = await self._version()
        major, minor = _parts(version)
        return ServerFacts(
            version=version,
            workspaces=workspaces,
            logged_models=major >= 3,
            bulk_interval=(major, minor) >= (2, 10),
            stages=version is None or major < 4,
        )

    async def _version(self) -> str | None:
        try:
            said = await self._http.text("/version")
        except MlflowRefused as refused:
            if refused.status in (401, 403):
                raise
            return None
        return said if _VERSION.fullmatch(said) else None


def _parts(version: str | None) -> tuple[int, int]:
    found = _VERSION.fullmatch(version or "")
    return (int(found[1]), int(found[2])) if found else _NEWEST
