"""Brings what is in one user's namespace to what a plan says: reads all of it at once, writes only what differs.

Whose the namespace is has been settled before; here it is ours. Every step may be done twice, or by two at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, repeat
from typing import TypeVar

from windlass.kube.client import JSON_PATCH, KubeClient
from windlass.kube.errors import Conflict, Forbidden, NotFound
from windlass.kube.resources import (
    LIMIT_RANGES,
    NETWORK_POLICIES,
    RESOURCE_QUOTAS,
    ROLE_BINDINGS,
    SECRETS,
    SERVICE_ACCOUNTS,
    Resource,
)
from windlass.kube.user_secret import SECRET_NAME
from windlass_hub.namespaces import Object, Plan, Wanted, contents, hub_bindings

from .drift import drifted, wrong_parts
from .quota import LIMITS, QUOTA

log = logging.getLogger(__name__)

Found = dict[tuple[str, str], Object]
"""Objects by the plural of their kind and their name."""

_Answer = TypeVar("_Answer")

# Kinds of which the namespace holds several of ours; what is ours and no longer wanted is removed.
_LISTED = (SERVICE_ACCOUNTS, ROLE_BINDINGS, NETWORK_POLICIES)
_SINGLE = ((RESOURCE_QUOTAS, QUOTA), (LIMIT_RANGES, LIMITS), (SECRETS, SECRET_NAME))
_PRUNED = (ROLE_BINDINGS, NETWORK_POLICIES)
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0)


class Reconciliation:
    """One reconciliation of one namespace; `patience_seconds` is how long new rights may take to be known."""

    def __init__(self, client: KubeClient, *, patience_seconds: float) -> None:
        self._client = client
        self._patience = patience_seconds
        self._new_rights = False

    async def read(self, plan: Plan, *, made: bool) -> Found:
        """Everything of ours in the namespace, at once; the hub's own rights there are restored where they are gone.

        Args:
            plan: of the namespace, which is there.
            made: whether it was made just now.
        """
        if not made:
            try:
                return await self._read(plan)
            except Forbidden:
                log.warning("Restoring the hub's rights in the namespace %s.", plan.name)
        self._new_rights = True
        await self._bind_hub(plan)
        return await self._patiently(lambda: self._read(plan))

    async def mend(self, plan: Plan, found: Found, *, credentials: Mapping[str, str] | None) -> None:
        """Make everything as wanted; `credentials` None leaves the Secret as it is."""
        wanted = contents(plan, credentials)
        await _all([*(self._mend(*one, found) for one in wanted), *self._pruning(plan, wanted, found)])

    async def _bind_hub(self, plan: Plan) -> None:
        for resource, body in hub_bindings(plan):
            name = body["metadata"]["name"]
            there = await get_or_none(self._client, resource, name, namespace=plan.name)
            await self._mend(resource, body, {} if there is None else {(resource.plural, name): there})

    async def _read(self, plan: Plan) -> Found:
        async def listed(resource: Resource) -> list[Object]:
            # Not by label: an object that lost its labels is ours all the same, by its name.
            items, _ = await self._client.list(resource, namespace=plan.name)
            return items

        async def single(resource: Resource, name: str) -> list[Object]:
            found = await get_or_none(self._client, resource, name, namespace=plan.name)
            return [] if found is None else [found]

        asked = [(resource, listed(resource)) for resource in _LISTED]
        asked += [(resource, single(resource, name)) for resource, name in _SINGLE]
        answers = await _all([answer for _, answer in asked])
        return {
            (resource.plural, str(item["metadata"]["name"])): item
            for (resource, _), items in zip(asked, answers, strict=True)
            for item in items
        }

    async def _mend(self, resource: Resource, wanted: Object, found: Found) -> None:
        """Make one object as wanted, if it is not."""
        name, where = wanted["metadata"]["name"], wanted["metadata"]["namespace"]
        there = found.get((resource.plural, name))
        if there is not None:
            if not drifted(resource, wanted, there):
                return
            # The default account is not ours before the first time.
            changed = wanted["metadata"]["labels"].items() <= (there["metadata"].get("labels") or {}).items()
            log.log(logging.WARNING if changed else logging.INFO, "Repairing %s %s in %s.", resource.kind, name, where)
            if "roleRef" in wrong_parts(resource, wanted, there):
                # Kubernetes lets nobody change where a binding points.
                await self._delete(resource, there)
        apply = partial(self._client.apply, resource, wanted)
        applied = await (self._patiently(apply) if self._new_rights else apply())
        # What another manager put beside ours stays in an apply; here it goes.
        if wrong := wrong_parts(resource, wanted, applied):
            patch: list[Object] = [{"op": "add", "path": f"/{part}", "value": wanted[part]} for part in wrong]
            await self._client.patch(resource, name, patch, namespace=where, content_type=JSON_PATCH)

    def _pruning(self, plan: Plan, wanted: Sequence[Wanted], found: Found) -> list[Awaitable[None]]:
        """What removes the objects of ours that are no longer wanted."""
        kept = {(resource.plural, body["metadata"]["name"]) for resource, body in wanted}
        return [
            self._delete(resource, item)
            for resource in _PRUNED
            for key, item in found.items()
            if key[0] == resource.plural and key not in kept and plan.made(item)
        ]

    async def _delete(self, resource: Resource, item: Object) -> None:
        metadata = item["metadata"]
        try:
            await self._client.delete(
                resource,
                str(metadata["name"]),
                namespace=str(metadata["namespace"]),
                preconditions={"uid": str(metadata["uid"])},
            )
        except (NotFound, Conflict):
            # Somebody was quicker.
            return

    async def _patiently(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Ask again while there is no right: the API server's authorizer sees a new binding a little later."""
        deadline = time.monotonic() + self._patience
        for pause in lengthening():
            try:
                return await ask()
            except Forbidden as error:
                if not _no_right(error) or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("The pauses do not end.")


async def get_or_none(
    client: KubeClient, resource: Resource, name: str, *, namespace: str | None = None
) -> Object | None:
    """One object; None where there is none."""
    try:
        return await client.get(resource, name, namespace=namespace)
    except NotFound:
        return None


def lengthening() -> Iterator[float]:
    """Seconds between tries, without end."""
    return chain(_PAUSES, repeat(_PAUSES[-1]))


async def _all(asked: Iterable[Awaitable[_Answer]]) -> list[_Answer]:
    """All answers, or the first error once every one of them has ended."""
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]


def _no_right(error: Forbidden) -> bool:
    """Whether the authorizer said no; quotas and policies say so in other words."""
    return " cannot " in error.message
