"""Where a thing came from and what became of it: notebook → bundle → job → run → model version → deployment."""

from windlass.services.lineage.tracing import Lineages

__all__ = ["Lineages"]
