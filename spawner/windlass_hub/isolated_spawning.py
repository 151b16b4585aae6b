"""A spawner whose users have namespaces of their own: for their servers too, or beside them for their jobs.

Only what KubeSpawner must be told of it; the namespaces themselves are `isolation.py`'s. With `isolation` none nothing
is changed.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING, Any

from kubespawner.spawner import KubeSpawner
from traitlets import Dict, Enum, TraitError, Unicode, default

from windlass.kube.client import KubeClient

from .access import notebook_component
from .isolation.ensuring import Isolation, IsolationError, UserNamespace
from .namespaces import namespace_for
from .pods.homes import HomeKeeping
from .profiles.access import Person
from .profiles.model import Catalogue
from .settings import Settings
from .spawning import refusal

FOREIGN = "namespace-foreign"
_JOBS_NAMESPACE = "windlass_jobs_namespace"
_isolations: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Isolation]] = weakref.WeakKeyDictionary()


class IsolatedSpawning(HomeKeeping):
    """KubeSpawner with a namespace per user."""

    isolation = Enum(
        ("none", "own", "beside"),
        "none",
        help="""own: each user's servers and jobs are in a namespace of their own, made and kept by Windlass.
        beside: servers stay where KubeSpawner puts them, jobs get a namespace per user. none: as KubeSpawner.""",
    ).tag(config=True)
    namespace_prefix = Unicode("wl", help="What the names of users' namespaces begin with.").tag(config=True)
    hub_id = Unicode("hub", help="Tells this hub's pods and namespaces from those of other hubs.").tag(config=True)
    credentials_dir = Unicode(
        "", help="A folder with users' and groups' credentials, made into one Secret in each user's jobs namespace."
    ).tag(config=True)
    windlass_settings = Dict(
        help="The hub side's Settings as configure() got them; what has a trait of its own here counts as there."
    ).tag(config=True)
    jobs_namespace: str = ""
    """Where the user's jobs run; empty: not isolated."""

    if TYPE_CHECKING:

        def person(self) -> Person:
            """Who the server is for; ProfileSpawning tells it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.isolation == "own" and not self.enable_user_namespaces:
            raise TraitError("isolation = 'own' needs enable_user_namespaces: leave that out of the configuration.")

    @default("enable_user_namespaces")
    def _user_namespaces_when_own(self) -> bool:
        return bool(self.isolation == "own")

    @default("user_namespace_template")
    def _own_namespace(self) -> str:
        if self.isolation != "own":
            stock: str = KubeSpawner.user_namespace_template.default_value
            return stock
        return namespace_for(self.user.name, prefix=self.namespace_prefix, hub_id=self.hub_id)

    @default("component_label")
    def _own_component(self) -> str:
        # In one cluster-wide watch another hub's pods, or pods that a user labels so, must not be seen as servers.
        return notebook_component(self.hub_id) if self.isolation == "own" else "singleuser-server"

    async def isolate(self, catalogue: Catalogue) -> None:
        """Make or repair the user's namespace, and set what follows from it. Does nothing twice.

        Raises:
            SpawnException: the namespace cannot be had.
        """
        try:
            place = await self._ensured(catalogue)
        except IsolationError as error:
            self.log.warning("No namespace for %s: %s", self.user.name, error)
            raise refusal(str(error), reason=error.reason) from error
        self.jobs_namespace = place.name
        if self.isolation == "own":
            if self.namespace != place.name:
                self._move_to(place.name)
            self.namespace = place.name
            self.service_account = place.service_account
            self.automount_service_account_token = False

    async def _ensured(self, catalogue: Catalogue) -> UserNamespace:
        isolation = isolation_for(self.kube_client(), self._settings())
        try:
            return await isolation.ensure(self.person(), catalogue=catalogue, notebook_namespace=self.namespace)
        except IsolationError as error:
            # The database remembers where the servers were: with everybody's, or under the user's old name.
            now = self._expand_user_properties(self.user_namespace_template)
            if self.isolation != "own" or error.reason != FOREIGN or self.namespace == now:
                raise
            return await isolation.ensure(self.person(), catalogue=catalogue, notebook_namespace=now)

    def _move_to(self, namespace: str) -> None:
        """The user was renamed, or the hub had no namespaces of users before: a volume cannot move along."""
        if self._pvc_exists:
            self.log.warning(
                "The servers of %s move from namespace %s to %s. Their home starts empty there: what was in the volume "
                "%s stays where it is and has to be copied by hand.",
                self.user.name,
                self.namespace,
                namespace,
                self.pvc_name,
            )
        self._pvc_exists = False

    def _settings(self) -> Settings:
        own = {
            "isolation": self.isolation,
            "namespace_prefix": self.namespace_prefix,
            "hub_id": self.hub_id,
            "credentials_dir": self.credentials_dir,
        }
        return Settings.model_validate({**self.windlass_settings, **own})

    async def _ensure_namespace(self) -> None:
        if self.isolation != "own":
            await super()._ensure_namespace()

    def get_env(self) -> dict[str, str]:
        """The server's environment: also where its jobs run."""
        environment: dict[str, str] = super().get_env()
        if self.jobs_namespace:
            environment["WINDLASS_JOBS_NAMESPACE"] = self.jobs_namespace
        return environment

    def get_state(self) -> dict[str, Any]:
        """What the hub keeps in its database."""
        state: dict[str, Any] = super().get_state()
        if self.jobs_namespace:
            state[_JOBS_NAMESPACE] = self.jobs_namespace
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """After a restart of the hub."""
        super().load_state(state)
        self.jobs_namespace = str(state.get(_JOBS_NAMESPACE) or "")

    async def delete_forever(self) -> None:
        """A named server or a user is deleted: with the user their namespace, and all that is in it."""
        await super().delete_forever()
        if self.isolation != "none" and not self.name:
            await isolation_for(self.kube_client(), self._settings()).remove(self.user.name)


def isolation_for(client: KubeClient, settings: Settings) -> Isolation:
    """The Isolation for these settings in the running event loop; `client` is that loop's.

    One for all spawners: it keeps a user's starts apart, and remembers facts of the cluster.
    """
    by_settings = _isolations.setdefault(asyncio.get_running_loop(), {})
    key = settings.model_dump_json()
    if key not in by_settings:
        by_settings[key] = Isolation(client, settings=settings)
    return by_settings[key]
