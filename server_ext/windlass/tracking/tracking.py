"""Where this server's jobs are tracked: a configured MLflow, or the embedded one, or none.

The one door to tracking for services. It never waits for MLflow and never imports it.
"""

from __future__ import annotations

from pathlib import Path

from windlass.contract.info import TrackingInfo
from windlass.contract.jobs import GitState


class Tracking:
    """Where runs are tracked; all methods are quick and safe to call often."""

    def __init__(self, *, data_dir: Path, configured_uri: str | None, python: str, enabled: bool = True) -> None:
        self._data_dir = data_dir
        self._configured_uri = configured_uri
        self._python = python
        self._enabled = enabled

    async def info(self) -> TrackingInfo:
        """Where runs are tracked and whether that is up; never waits for a dead server."""
        return TrackingInfo(mode="off", state="off")

    def warm_up(self) -> None:
        """Start the embedded server ahead; returns at once."""

    async def job_environment(
        self,
        *,
        job_id: str,
        owner: str,
        notebook: str,
        bundle_sha256: str,
        experiment: str,
        git: GitState | None,
    ) -> dict[str, str]:
        """Environment variables that make a job's MLflow calls land here; empty when tracking is off."""
        return {}

    async def close(self) -> None:
        """Let go. The embedded server goes on while jobs or other Jupyter servers need it."""
