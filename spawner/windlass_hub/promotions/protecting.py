"""Sees to it that MLflow itself keeps people from moving protected aliases: lowers who may edit a protected model.

Only where the admin asks for it (`protect`), only of models that a rule protects, and only what accounts that this hub
hands out were given for that one model, as MLflow gives MANAGE to whoever made it. What is wider (a role, a grant for
all models) or somebody else's account is left, and told. Each change is a line of the audit log, and lowered again
nothing is left to do.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from windlass.errors import Unavailable
from windlass.tracking.answers import MlflowRefused

from .enforcement import MAY_MOVE, HandedOut
from .registry import Registry
from .rules import PromotionSettings

WHO = "windlass-promotions"
"""Who the audit log says it was."""
_LIST, _CURRENT = "users/list", "users/current"
_UPDATE = "/api/3.0/mlflow/roles/permissions/update"
_WORKSPACE = "default"
_KINDS = frozenset({"registered_model", "workspace"})
_MOST_TOLD = 20
_NO_ADMIN = "the hub service cannot lower who may edit models: its account is no admin of MLflow"
_NO_APP = "the hub service cannot lower who may edit models: this MLflow has no basic-auth app that it knows"

log = logging.getLogger("windlass_hub.promotions")


@dataclass(frozen=True, kw_only=True)
class _Grant:
    """What a role, or an account's own grant, allows on models."""

    id: int
    account: str
    role: str | None
    """None: the account's own."""
    model: str
    """A name, or `*`."""
    permission: str

    @property
    def told(self) -> str:
        what = "all models" if self.model == "*" else repr(self.model)
        by = f" by the role {self.role}" if self.role else ""
        return f"{self.account} has {self.permission} of {what}{by}"


class Protection:
    """Lowers, and tells what it cannot lower.

    Args:
        settings: whether it is wanted, and for which models.
        service: MLflow with the hub service's own credentials, of an admin.
        handed_out: the accounts that the hub gives to its users.
        changed: told of each model of which something was lowered.
        decide: writes a line of the audit log.
    """

    def __init__(
        self,
        *,
        settings: PromotionSettings,
        service: Registry,
        handed_out: Callable[[], Awaitable[HandedOut]],
        changed: Callable[[str], None],
        decide: Callable[..., None],
    ) -> None:
        self._settings = settings
        self._service = service
        self._handed_out = handed_out
        self._changed = changed
        self._decide = decide
        self._told: tuple[str, ...] = ()

    async def enforce(self) -> None:
        """Lower what can be lowered, of all models. Raises Unavailable and Upstream while MLflow cannot be asked."""
        if not self._settings.protect or not self._settings.rules:
            return
        try:
            own = (await self._service.get(_CURRENT))["user"]
            left = [_NO_ADMIN] if not own["is_admin"] else await self._lowered(own=str(own["username"]))
        except MlflowRefused as refused:
            if not refused.is_missing and refused.status not in (401, 403):
                raise
            left = [_NO_APP if refused.is_missing else _NO_ADMIN]
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable("MLflow tells of its users in a way that this version does not understand.") from error
        except OSError as error:
            raise Unavailable(f"The credentials that this hub hands out cannot be read: {error}") from error
        self._tell(left)

    async def _lowered(self, *, own: str) -> list[str]:
        """Lower; sentences of what is left."""
        users = (await self._service.get(_LIST))["users"]
        given = await self._handed_out()
        admins = {str(user["username"]) for user in users if user["is_admin"]} | {own}
        left = [f"the hub hands out the credentials of {name}, an admin" for name in sorted(given.accounts & admins)]
        if given.unknown:
            left.append("the hub hands out tokens, and whose they are cannot be found out")
        for grant in _grants(users, but=admins):
            if grant.model != "*" and not self._settings.rules_of(grant.model):
                continue
            if grant.role is not None or grant.model == "*":
                left.append(f"{grant.told}, which cannot be lowered for one model")
            elif grant.account not in given.accounts:
                left.append(f"{grant.told}, and is no account that this hub hands out")
            else:
                await self._lower(grant)
        return left

    async def _lower(self, grant: _Grant) -> None:
        to = self._settings.register_with
        try:
            await self._service.patch(_UPDATE, {"role_permission_id": grant.id, "permission": to})
        except MlflowRefused as refused:
            if not refused.is_missing:
                raise
            return  # It was revoked meanwhile.
        self._changed(grant.model)
        detail = {"account": grant.account, "from": grant.permission, "to": to}
        self._decide(who=WHO, action="promotion.protect", target=grant.model, decision="allowed", detail=detail)
        log.info("%s: %s of %r is lowered to %s.", grant.account, grant.permission, grant.model, to)

    def _tell(self, left: list[str]) -> None:
        """Say what is left, once for as long as it is the same."""
        if tuple(left) == self._told:
            return
        self._told = tuple(left)
        if left:
            detail = {"left": len(left), "why": "; ".join(left)}
            self._decide(who=WHO, action="promotion.protect", decision="failed", detail=detail)
        for sentence in left[:_MOST_TOLD]:
            log.warning("Aliases can be moved past Windlass: %s.", sentence)
        if len(left) > _MOST_TOLD:
            log.warning("Aliases can be moved past Windlass in %d more ways.", len(left) - _MOST_TOLD)


def _grants(users: list[Mapping[str, Any]], *, but: set[str]) -> Iterator[_Grant]:
    """All that lets somebody move aliases, but for admins."""
    for user in users:
        for role in user["roles"] if str(user["username"]) not in but else ():
            is_own = role["name"] == f"__user_{user['id']}__"
            for grant in role["permissions"]:
                # Another workspace has models of its own, maybe of the same name.
                if role["workspace"] != _WORKSPACE or grant["permission"] not in MAY_MOVE:
                    continue
                if grant["resource_type"] in _KINDS:
                    yield _Grant(
                        id=int(grant["id"]),
                        account=str(user["username"]),
                        role=None if is_own else str(role["name"]),
                        model=str(grant["resource_pattern"]),
                        permission=str(grant["permission"]),
                    )
