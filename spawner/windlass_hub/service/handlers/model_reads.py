"""`audit/model-reads`: a user's server says that its user reads a model's files, for the audit log.

It is written as the hub knows the caller, whatever the body says; what the body says of the model is text, no more.
"""

from __future__ import annotations

from windlass.contract.hub import ModelRead
from windlass_hub.service.auth import ServiceHandler, needs
from windlass_hub.service.problems import TooMany


class ModelReadsHandler(ServiceHandler):
    """`api/audit/model-reads`."""

    scopes = needs(POST=())
    people_only = True
    largest_body_bytes = 16 * 1024

    async def post(self) -> None:
        """Write it down."""
        read = self.parse(ModelRead)
        target = f"{read.model}/{read.version or ''}" if read.model else f"run {read.run_id or ''}"
        try:
            self.limit("model-reads")
        except TooMany:
            # Counted with its repeats, so that a flood is seen as one.
            self.audit("model.read", target="(too many)", decision="refused")
            raise
        self.audit(
            "model.read", target=target, model=read.model, version=read.version, run_id=read.run_id, path=read.path
        )
        self.set_status(204)
        self.finish()
