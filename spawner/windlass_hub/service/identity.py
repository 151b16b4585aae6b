"""Which namespace is the caller's: computed from the name that the hub authenticated, from nothing that was sent."""

from __future__ import annotations

from ..settings import Settings

SERVICE_ACCOUNT = "windlass-user"


def jobs_namespace(name: str, settings: Settings) -> str | None:
    """The namespace of that user's jobs; None on a hub that makes none."""
    if settings.spawner != "kubernetes" or settings.isolation == "none":
        return None
    from ..isolation import namespace_for

    return str(namespace_for(name, prefix=settings.namespace_prefix, hub_id=settings.hub_id))
