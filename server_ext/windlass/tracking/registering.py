"""Makes a version of some files, once: whoever else registers the same at the same moment, on whatever server.

MLflow would make a new version each time it is asked. So the files are the key: a request sent twice (a double click,
an answer that was lost, two tabs, two servers) finds the version that the first one made. Registrations of one model
take turns (turns.py), and so do a user's server and the hub service. It knows no rule and no run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from windlass.errors import InvalidRequest
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.reads.registry import RegistryReads
from windlass.tracking.turns import turn

PATIENCE_SECONDS = 30.0
"""How long a registration waits for others of the same model."""
_EXISTS = "RESOURCE_ALREADY_EXISTS"
_FAILED = "FAILED_REGISTRATION"


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """What is registered: the address of the files, and what they are of."""

    source: str
    run_id: str
    model_id: str | None = None
    """The LoggedModel, if they are one's."""
    path: str | None = None
    """Among the run's artifacts, if they are not."""


async def ensure_model(registry: RegistryReads, name: str) -> bool:
    """Make a model unless there is one of that name; whether it was made. Raises as MLflow does."""
    try:
        await registry.create_model(name)
    except MlflowRefused as refused:
        if refused.error_code != _EXISTS:
            raise
        return False
    return True


async def earlier_version(registry: RegistryReads, name: str, files: ModelFiles) -> dict[str, Any] | None:
    """The newest version of these files under this name, if any, but for one whose registration failed."""
    try:
        found = await registry.versions_of_source(name=name, source=files.source)
    except InvalidRequest:
        # A name that MLflow's filters cannot hold.
        versions = await registry.versions_of_run(files.run_id)
        found = [each for each in versions if (each.get("name"), each.get("source")) == (name, files.source)]
    return next((each for each in found if each.get("status") != _FAILED), None)


async def register_once(
    registry: RegistryReads,
    name: str,
    files: ModelFiles,
    *,
    by: str,
    description: str | None,
    tags: Mapping[str, str],
) -> tuple[dict[str, Any], bool]:
    """The version of these files, and whether it was made now.

    Args:
        registry: with credentials that may edit the model, which must be there.
        name: the model.
        files: what it is made of.
        by: who registers, for those who wait.
        description: of the version.
        tags: of the version.

    Raises:
        Conflict: others were at this model for too long.
        Unavailable: MLflow is away; it may have been done, which asking again finds.
        MlflowRefused, Upstream: as MLflow says.
    """
    async with turn(registry, name, by=by, patience_seconds=PATIENCE_SECONDS):
        earlier = await earlier_version(registry, name, files)
        if earlier is not None:
            return earlier, False
        made = await registry.create_version(
            name,
            source=files.source,
            run_id=files.run_id,
            model_id=files.model_id,
            description=description,
            tags=tags,
        )
    return {**made, "aliases": []}, True
