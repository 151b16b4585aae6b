"""Makes a user's namespace what it must be, at each start of a server, and removes it with the user.

What is there is read first (seven requests when nothing changed) and only what differs is written. A namespace that is
not this user's of this hub is never touched, whatever it is called. Two starts at once, a namespace that is just being
deleted, and rights that the API server has not seen yet are all usual and waited for.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from windlass.kube.client import KubeClient
from windlass.kube.errors import Conflict, NotFound
from windlass.kube.names import MANAGED_BY_LABEL, MANAGER, user_slug
from windlass.kube.resources import NAMESPACES, SECRETS
from windlass.kube.user_secret import SECRET_NAME
from windlass_hub.access import HUB_LABEL, USER_ACCOUNT, USER_LABEL
from windlass_hub.namespaces import (
    Object,
    Plan,
    namespace,
    namespace_for,
    ownership,
)
from windlass_hub.profiles.access import Person
from windlass_hub.profiles.model import Catalogue
from windlass_hub.settings import Settings

from .cluster_facts import ClusterFacts
from .credentials import CredentialsError, CredentialSource
from .drift import drifted
from .errors import IsolationError, as_sentences
from .reconciliation import Found, Reconciliation, get_or_none, lengthening

__all__ = ["Isolation", "IsolationError", "UserNamespace"]

log = logging.getLogger(__name__)

_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, kw_only=True)
class UserNamespace:
    """Where a user's jobs run, the account they are sent with, and the Secret that their pods may refer to."""

    name: str
    service_account: str
    secret_name: str


class Isolation:
    """Reconciles users' namespaces with the account of `client`; one per process.

    Args:
        client: of the hub's account.
        settings: `isolation` must not be `none`.
        patience_seconds: how long to wait for a namespace that is being deleted, and for new rights to be known.
    """

    def __init__(self, client: KubeClient, *, settings: Settings, patience_seconds: float = 20.0) -> None:
        if settings.isolation == "none":
            raise ValueError("With isolation none there are no users' namespaces.")
        self._client = client
        self._settings = settings
        self._patience = patience_seconds
        self._facts = ClusterFacts(client)
        self._credentials = CredentialSource(settings.credentials_dir)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ensure(
        self, person: Person, *, catalogue: Catalogue, notebook_namespace: str | None = None
    ) -> UserNamespace:
        """Make or repair the namespace of a person.

        Args:
            person: with the groups they are in now.
            catalogue: the profiles and quotas in force.
            notebook_namespace: where their notebook is to run. With isolation `own` this is the user's namespace, when
                it is another than the name would be now.

        Raises:
            IsolationError: it belongs to somebody else, is still being deleted, or the cluster does not do it.
        """
        settings = self._settings
        name = namespace_for(person.name, prefix=settings.namespace_prefix, hub_id=settings.hub_id)
        if settings.isolation == "own" and notebook_namespace:
            name = notebook_namespace
        async with self._alone(name), as_sentences(name):
            plan = Plan(
                name=name,
                person=person,
                catalogue=catalogue,
                settings=settings,
                hub_namespace=settings.hub_namespace or own_namespace(),
                api_server=await self._facts.api_server(),
                default_priorities=await self._facts.default_priorities(),
            )
            made = await self._namespace(plan)
            contents = Reconciliation(self._client, patience_seconds=self._patience)
            found = await contents.read(plan, made=made)
            await contents.mend(plan, found, credentials=await self._credentials_of(plan, found))
        return UserNamespace(name=name, service_account=USER_ACCOUNT, secret_name=SECRET_NAME)

    async def remove(self, username: str) -> list[str]:
        """Remove the namespaces of a user that this hub made, with all that is in them.

        Returns:
            The names of those whose removal was asked for; it goes on afterwards.

        Raises:
            IsolationError: the cluster does not do it.
        """
        selector = (
            f"{MANAGED_BY_LABEL}={MANAGER},{HUB_LABEL}={self._settings.hub_id},{USER_LABEL}={user_slug(username)}"
        )
        removed = []
        async with as_sentences(f"of {username}"):
            found, _ = await self._client.list(NAMESPACES, label_selector=selector)
            for item in found:
                if ownership(item, username=username, hub_id=self._settings.hub_id) is not None:
                    continue
                name, uid = str(item["metadata"]["name"]), str(item["metadata"]["uid"])
                try:
                    await self._client.delete(NAMESPACES, name, preconditions={"uid": uid})
                except (NotFound, Conflict):
                    continue
                log.info("Removing the namespace %s of %r.", name, username)
                removed.append(name)
        return removed

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:
            yield

    async def _namespace(self, plan: Plan) -> bool:
        """Make the namespace, or repair its labels and annotations; whether it was made."""
        _, wanted = namespace(plan)
        deadline = time.monotonic() + self._patience
        pauses = lengthening()
        while True:
            found = await get_or_none(self._client, NAMESPACES, plan.name)
            if found is None:
                try:
                    await self._client.create(NAMESPACES, wanted)
                except Conflict:
                    continue
                log.info("Made the namespace %s for %r.", plan.name, plan.person.name)
                return True
            self._refuse_if_foreign(found, plan)
            if not _terminating(found):
                break
            if time.monotonic() > deadline:
                raise IsolationError(
                    f"Your namespace {plan.name} is still being deleted. Try again in a minute; if it stays, your "
                    "administrators can see in its status what holds it.",
                    reason="namespace-terminating",
                )
            await asyncio.sleep(next(pauses))
        if drifted(NAMESPACES, wanted, found):
            log.warning("Repairing labels or annotations of the namespace %s.", plan.name)
            # The uid: a namespace that came in between under this name is not ours.
            uid = found["metadata"]["uid"]
            await self._client.apply(NAMESPACES, {"metadata": {**wanted["metadata"], "uid": uid}})
        return False

    def _refuse_if_foreign(self, found: Object, plan: Plan) -> None:
        why = ownership(found, username=plan.person.name, hub_id=self._settings.hub_id)
        if why is not None:
            raise IsolationError(
                f"The namespace {plan.name} is there already, and {why}. Ask your administrators to remove or rename "
                "it, or to give this hub another namespace_prefix.",
                reason="namespace-foreign",
            )

    async def _credentials_of(self, plan: Plan, found: Found) -> dict[str, str] | None:
        """What the person has; None keeps what was given last, when the administrator's files cannot be read."""
        try:
            return await asyncio.to_thread(self._credentials.read, plan.person)
        except CredentialsError as error:
            if (SECRETS.plural, SECRET_NAME) not in found:
                raise IsolationError(
                    f"{error} Ask your administrators to mend it.", reason="credentials-unreadable"
                ) from None
            log.error("The credentials of %r stay as they were: %s", plan.person.name, error)
            return None


def own_namespace() -> str:
    """The namespace of the pod this runs in. Raises IsolationError outside of one."""
    try:
        return _POD_NAMESPACE.read_text(encoding="utf-8").strip()
    except OSError:
        raise IsolationError(
            "The hub does not know its own namespace. Ask your administrators to set hub_namespace.",
            reason="hub-namespace-unknown",
        ) from None


def _terminating(found: Object) -> bool:
    return bool(found["metadata"].get("deletionTimestamp")) or found.get("status", {}).get("phase") == "Terminating"
