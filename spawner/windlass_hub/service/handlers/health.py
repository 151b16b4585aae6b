"""`health`: for probes, which have no identity: that the service lives, and which parts are troubled; no more."""

from __future__ import annotations

from windlass_hub.service.answers import AnswerHandler


class HealthHandler(AnswerHandler):
    """`api/health`."""

    async def get(self) -> None:
        """200 while the service can answer; troubled parts are named, and do not take it out of service."""
        state = self.state
        audit = state.audit.health()
        troubled = {
            "audit": not audit.ok,
            "profiles": state.shelf.last is None or state.shelf.problem is not None,
            "records": state.reconciler is not None and state.reconciler.problem is not None,
            "costs": state.spending is not None and state.spending.problem is not None,
            "capacity": state.capacity is not None and state.capacity.problem is not None,
        }
        self.reply({"status": "ok", "troubled": [name for name, is_so in troubled.items() if is_so]})
