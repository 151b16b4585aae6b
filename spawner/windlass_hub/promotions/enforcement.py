"""Whether MLflow itself keeps others from moving a model's aliases, asked of MLflow: never assumed.

What holds in MLflow (its basic-auth app, 3.x): one permission per model, EDIT, is needed both to move an alias and to
register a version; there is none for aliases alone. So a model is kept where every account that is no admin holds at
most READ or USE of it, and then only the hub service and admins register versions of it too. Whoever registered a model
holds MANAGE of it until that is revoked. What cannot be found out counts as not kept.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from windlass.errors import WindlassError
from windlass.tracking.answers import MlflowRefused

from .registry import Registry

KEPT_SECONDS = 60.0
_MODELS_KNOWN = 500
_MOST_KINDS = 40
_MAY_NOT_MOVE = frozenset({"READ", "USE", "NO_PERMISSIONS", "DENY"})
MAY_MOVE = frozenset({"EDIT", "MANAGE"})
_UNKNOWN = "Whether MLflow keeps others from moving it cannot be found out ({why})."
_WIDER = "Of these {count} may edit all models, by a role or by what MLflow allows everybody: lower that in MLflow."
_NO_ADMIN = "the hub service's account is no admin of MLflow"
_LIST, _CURRENT = "users/list", "users/current"
_PERMISSION = "/api/3.0/mlflow/users/permissions/get"


@dataclass(frozen=True, kw_only=True)
class Enforcement:
    """What was found: `because` is a sentence for whoever promotes."""

    enforced: bool
    because: str


@dataclass(frozen=True, kw_only=True)
class HandedOut:
    """The MLflow accounts whose credentials this hub hands out; `unknown`: some are tokens, which tell no account."""

    accounts: frozenset[str] = frozenset()
    unknown: bool = False


class Enforcements:
    """Asks, and remembers an answer for a minute.

    Args:
        service: MLflow with the hub service's own credentials.
        anonymous: MLflow without any.
        handed_out: the accounts that the hub gives to its users.
    """

    def __init__(
        self,
        *,
        service: Registry,
        anonymous: Registry,
        handed_out: Callable[[], Awaitable[HandedOut]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._anonymous = anonymous
        self._handed_out = handed_out
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Enforcement]] = OrderedDict()

    async def of(self, model: str) -> Enforcement:
        """What holds for a model. Raises nothing: what cannot be found out is not enforced."""
        known = self._known.get(model)
        if known is not None and self._clock() - known[0] < KEPT_SECONDS:
            return known[1]
        try:
            found = await self._find(model)
        except (WindlassError, OSError, KeyError, TypeError, ValueError) as error:
            why = "it does not answer" if not isinstance(error, MlflowRefused) else _why_refused(error)
            found = _not(_UNKNOWN.format(why=why))
        self._known[model] = (self._clock(), found)
        self._known.move_to_end(model)
        while len(self._known) > _MODELS_KNOWN:
            self._known.popitem(last=False)
        return found

    def forget(self, model: str) -> None:
        """Something was changed that bears on this model: ask anew."""
        self._known.pop(model, None)

    async def _find(self, model: str) -> Enforcement:
        if await self._is_open(model):
            return _not("This MLflow server asks nobody who they are: whoever reaches it can move every alias.")
        account = (await self._service.get(_CURRENT))["user"]
        if not account["is_admin"]:
            return _not(_UNKNOWN.format(why=_NO_ADMIN))
        own = str(account["username"])
        users = (await self._service.get(_LIST))["users"]
        given = await self._handed_out()
        if given.unknown:
            return _not("This hub hands out tokens of MLflow, and whose they are cannot be found out.")
        admins = {str(user["username"]) for user in users if user["is_admin"]}
        if given.accounts & (admins | {own}):
            return _not("This hub hands out credentials of an MLflow admin, or the hub service's own.")
        others = [user for user in users if not user["is_admin"] and str(user["username"]) != own]
        return await self._by_permission(model, others)

    async def _is_open(self, model: str) -> bool:
        try:
            await self._anonymous.get("registered-models/get", {"name": model})
        except MlflowRefused as refusal:
            return refusal.status not in (401, 403)
        return True

    async def _by_permission(self, model: str, users: Iterable[Mapping[str, Any]]) -> Enforcement:
        kinds: dict[frozenset[tuple[str, ...]], list[str]] = {}
        for user in users:
            kinds.setdefault(_grants(user, model), []).append(str(user["username"]))
        if len(kinds) > _MOST_KINDS:
            return _not("MLflow has too many different roles to find out who may move this model's aliases.")
        may = wider = 0
        for grants, names in kinds.items():
            # Who holds the same grants is answered the same: one of them is asked for.
            query = {"username": names[0], "resource_type": "registered_model", "resource_id": model}
            permission = (await self._service.get(_PERMISSION, query))["permission"]
            if permission in MAY_MOVE:
                may += len(names)
                wider += 0 if any(grant[2] == model and grant[3] in MAY_MOVE for grant in grants) else len(names)
            elif permission not in _MAY_NOT_MOVE:
                return _not(f"MLflow has a permission that this version does not know ({str(permission)[:40]}).")
        if may:
            accounts = "1 account" if may == 1 else f"{may} accounts"
            told = f"In MLflow, {accounts} besides its admins may edit this model, and so move its aliases."
            return _not(f"{told} {_WIDER.format(count=wider)}" if wider else told)
        return Enforcement(
            enforced=True, because="MLflow lets nobody but its admins and the hub service move this model's aliases."
        )


def _grants(user: Mapping[str, Any], model: str) -> frozenset[tuple[str, ...]]:
    """What can bear on the model: grants for it, or for all of something."""
    return frozenset(
        (str(role["workspace"]), str(grant["resource_type"]), str(grant["resource_pattern"]), str(grant["permission"]))
        for role in user["roles"]
        for grant in role["permissions"]
        if grant["resource_pattern"] in ("*", model)
    )


def _why_refused(refusal: MlflowRefused) -> str:
    if refusal.status in (401, 403):
        return _NO_ADMIN
    return "this MLflow does not tell" if refusal.is_missing else "MLflow refuses"


def _not(because: str) -> Enforcement:
    return Enforcement(enforced=False, because=because)
