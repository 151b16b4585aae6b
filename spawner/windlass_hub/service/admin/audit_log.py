"""`admin/audit`: who was given or refused what. Only for those who may change profiles."""

from __future__ import annotations

from typing import ClassVar

from windlass_hub.service.audit_database import DatabaseProblem
from windlass_hub.service.auth import ServiceHandler
from windlass_hub.service.problems import Away
from windlass_hub.settings import PROFILES_READ, PROFILES_WRITE

MOST = 500


class AuditHandler(ServiceHandler):
    """`api/admin/audit`."""

    scopes: ClassVar = {"GET": (PROFILES_READ, PROFILES_WRITE)}

    async def get(self) -> None:
        """The newest decisions; `before` goes on from an id, `who` and `action` narrow it down."""
        limit = self.query_count("limit", default=100, most=MOST)
        before = self.query_count("before", default=0, least=0, most=2**53) or None
        try:
            entries = await self.state.audit.latest(
                limit=limit,
                before=before,
                who=self.query_text("who", most=255),
                action=self.query_text("action", most=120),
            )
        except DatabaseProblem as error:
            raise Away(str(error)) from error
        health = self.state.audit.health()
        self.reply(
            {
                "entries": [
                    {
                        "id": entry.id,
                        "at": entry.at.isoformat(),
                        "who": entry.who,
                        "action": entry.action,
                        "target": entry.target,
                        "decision": entry.decision,
                        "detail": entry.detail,
                    }
                    for entry in entries
                ],
                "next": entries[-1].id if len(entries) == limit else None,
                "waiting": health.waiting,
                "problem": health.problem,
            }
        )
