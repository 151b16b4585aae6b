"""What every Windlass spawner shares, whatever it starts servers with: the profiles, who may have them, the spawn page.

A mixin: it decides what may start and remembers what was started; how it is started is the spawner's. JupyterHub hands
options over unchecked (a form, a link, the REST API, a PATCH to a stopped server, the database of a year ago), so there
is one gate, `choose()`, at the start itself. Whatever is refused is a SpawnException with a sentence: JupyterHub shows
it, and does not count it as an error of the hub.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jupyterhub import orm
from jupyterhub.spawner import SpawnException
from sqlalchemy.orm import object_session
from traitlets import Unicode, default
from traitlets.config import LoggingConfigurable

from windlass.kube.client import KubeClient

from . import page, places
from .budget_feed import refused_by_budget
from .capacity_feed import feed_for
from .chosen import Chosen, Kept, note
from .profiles.access import Person
from .profiles.availability import CapacitySnapshot, room_for
from .profiles.factory import open_store
from .profiles.options import FREE_IMAGE, IMAGE, PROFILE, Choice, OptionError, parse_form, resolve, shown
from .profiles.prices import hourly_price
from .profiles.store import Shelf, Snapshot, StoreError

if TYPE_CHECKING:  # at run time a mixin: JupyterHub wants start, stop and poll of every subclass of its Spawner
    from jupyterhub.spawner import Spawner as _Base
else:
    _Base = LoggingConfigurable

_AWAY = "The list of profiles cannot be read at the moment, so nothing can be started."
_shelves: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Shelf]] = weakref.WeakKeyDictionary()


class ProfileSpawning(_Base):  # type: ignore[misc]  # JupyterHub is not typed
    """Profiles for a JupyterHub spawner. Without `profile_store` it changes nothing."""

    profile_store = Unicode(
        "",
        help="""Where the profiles are: file:PATH, or configmap:NAMESPACE/NAME.
        Empty: no Windlass profiles, everything is as the spawner alone would do it.""",
    ).tag(config=True)
    hub_service_url = Unicode(
        "",
        help="""Where the Windlass hub service listens, as http://hub:8123.
        Asked for the capacity shown on the spawn page, and told to users' servers.""",
    ).tag(config=True)
    user_service_url = Unicode(
        "", help="How users' servers reach the hub service, where it is not by hub_service_url."
    ).tag(config=True)
    feed_token = Unicode("", help="What the hub and its service know each other by; set by configure().").tag(
        config=True
    )

    chosen: Chosen | None = None
    """What the server runs with; None while it is stopped."""
    last_end: str | None = None
    """Why the last server ended, as a sentence for its user; None when there is nothing to say."""

    @property
    def profile_slug(self) -> str | None:
        """The profile the server starts or runs with."""
        return self.chosen.profile if self.chosen else None

    def person(self) -> Person:
        """Who the server is for. A user without a list of groups (in other people's tests) is in none."""
        groups = getattr(self.user, "groups", ())
        names = [group.name for group in groups] if isinstance(groups, Sequence) else []
        return Person(name=str(self.user.name), groups=frozenset(names), admin=self.user.admin is True)

    async def choose(self) -> Choice:
        """Check the options and take a place; from here on the server counts as started.

        Returns:
            The profile and image to start.

        Raises:
            SpawnException: what was asked for is unknown, not allowed, taken or impossible, or nobody can tell.
        """
        snapshot = await self.read_profiles()
        try:
            choice = resolve(self.user_options, catalogue=snapshot.catalogue, person=self.person())
        except OptionError as error:
            raise refusal(str(error), reason="option") from None
        if over := await self.refused_by_budget():
            raise refusal(over, reason="budget", status=403)
        if impossible := room_for(choice.profile, await self.capacity()).impossible:
            raise refusal(impossible, reason="impossible")
        # No await from the count to the claim: two starts at once must not both have the last place.
        if taken := places.full(choice.profile, self):
            raise refusal(taken, reason="max_servers", status=429)
        price = hourly_price(choice.profile, snapshot.catalogue.prices)
        self._keep(
            Kept(chosen=Chosen.of(choice.profile, image=choice.image, usd_per_hour=price, revision=snapshot.revision))
        )
        self.save_state()
        return choice

    def save_state(self) -> None:
        """Write the state to the hub's database now.

        JupyterHub does so when a start is over; a hub that ends in the middle of one would not find the server again.
        """
        entry = self.orm_spawner
        session = object_session(entry) if isinstance(entry, orm.Spawner) else None
        if session is not None:
            entry.state = self.get_state()
            session.commit()

    async def read_profiles(self) -> Snapshot:
        """The catalogue in force; the last good copy while the store is away.

        Raises:
            SpawnException: it was never read.
        """
        try:
            return await self._shelf().read()
        except StoreError as error:
            self.log.error("%s %s", _AWAY, error)
            raise refusal(
                f"{_AWAY} Try again in a minute; your administrators find the reason in the hub's log.",
                reason="profiles_unavailable",
                status=503,
            ) from None

    async def capacity(self) -> CapacitySnapshot | None:
        """What there is room for; None: unknown."""
        if not self.hub_service_url or not self.feed_token:
            return None
        return await feed_for(f"{self._api(self.hub_service_url)}/internal/capacity", token=self.feed_token).latest()

    async def refused_by_budget(self) -> str | None:
        """Why the user's budget lets nothing new start; None where it does, or nobody can tell."""
        if not self.hub_service_url or not self.feed_token:
            return None
        person = self.person()
        url = f"{self._api(self.hub_service_url)}/internal/budget"
        return await refused_by_budget(url, token=self.feed_token, user=person.name, groups=person.groups)

    def store_client(self) -> KubeClient | None:
        """The client for a store in the cluster; a spawner that has one gives it."""
        return None

    async def render_page(self) -> str:
        """The options on JupyterHub's spawn page, as they are at this moment.

        With the store away: the reason, and no way to start.
        """
        try:
            snapshot = await self.read_profiles()
        except SpawnException as error:
            return page.render_page(cards=[], note=self.last_end, problem=error.message)
        catalogue = snapshot.catalogue
        taken = {profile.slug: why for profile in catalogue.profiles if (why := places.full(profile, self))}
        cards = page.cards_for(catalogue, self.person(), await self.capacity(), self.user_options, taken=taken)
        return page.render_page(cards=cards, note=self.last_end)

    def options_of_form(self, formdata: Mapping[str, Sequence[object]]) -> dict[str, str]:
        """The options in the posted spawn page.

        Raises:
            SpawnException: it is no form that the page could have sent.
        """
        try:
            return parse_form(formdata)
        except OptionError as error:
            raise refusal(str(error), reason="option") from None

    def options_from_query(self, query_data: dict[str, list[str]]) -> Any:
        """The options in a link: as in the form, or by the short names, `?opt-profile=t4&opt-image=torch`."""
        if not self.profile_store:
            return super().options_from_query(query_data)
        given = {name: values for name, values in query_data.items() if name != "_xsrf"}
        # A link that only looks like one of ours must not start, and bill, the default profile.
        if not given:
            raise refusal("Choose what to start.", reason="option")
        if not given.keys() - {PROFILE, IMAGE, FREE_IMAGE}:
            return {name: values[0] if len(values) == 1 else values for name, values in given.items()}
        for name in given:
            if name != PROFILE and not name.startswith("profile-option-"):
                raise refusal(f"The option {shown(name)} is not known.", reason="option")
        return self.options_of_form(given)

    def get_env(self) -> dict[str, str]:
        """The server's environment: which profile, its price where known, and where the hub service is."""
        environment: dict[str, str] = super().get_env()
        if not self.profile_store:
            return environment
        if self.chosen:
            environment["WINDLASS_PROFILE"] = self.chosen.profile
            if self.chosen.usd_per_hour is not None:
                environment["WINDLASS_USD_PER_HOUR"] = f"{self.chosen.usd_per_hour:g}"
        if service := self.user_service_url or self.hub_service_url:
            environment["WINDLASS_HUB_URL"] = self._api(service)
        return environment

    def get_state(self) -> dict[str, Any]:
        """What the hub keeps in its database: the spawner's own and ours."""
        return {**super().get_state(), **Kept(chosen=self.chosen, last_end=self.last_end).to_state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """After a restart of the hub: what runs holds its place again."""
        super().load_state(state)
        self._keep(Kept.from_state(state))

    def clear_state(self) -> None:
        """The server ended or did not start: its place is free. Why it ended is still known."""
        super().clear_state()
        self.chosen = None

    def ended(self, sentence: str) -> None:
        """Remember why the server ended by itself; its user reads it on the next spawn page."""
        self.last_end = note(sentence)

    def _keep(self, kept: Kept) -> None:
        self.chosen, self.last_end = kept.chosen, kept.last_end
        if kept.chosen:
            places.remember(self)

    def _shelf(self) -> Shelf:
        shelves = _shelves.setdefault(asyncio.get_running_loop(), {})
        if self.profile_store not in shelves:
            # The history is the service's; a reader keeps nothing.
            store = open_store(self.profile_store, keep_versions=1, client=self.store_client())
            shelves[self.profile_store] = Shelf(store)
        return shelves[self.profile_store]

    def _api(self, service: str) -> str:
        prefix = self.hub.base_url.rstrip("/").removesuffix("/hub")
        return f"{service.rstrip('/')}{prefix}/services/windlass/api"

    @default("options_form")
    def _windlass_options_form(self) -> Any:
        if self.profile_store:
            return _page_of
        stock = getattr(super(), "_options_form_default", None)
        return stock() if stock else ""

    @default("options_from_form")
    def _windlass_options_from_form(self) -> Any:
        if self.profile_store:
            return self.options_of_form
        stock = getattr(super(), "_options_from_form_default", None) or super()._options_from_form
        return stock()

    @default("apply_user_options")
    def _windlass_apply_user_options(self) -> Any:
        return _applied_at_start if self.profile_store else None


def refusal(sentence: str, *, reason: str, status: int = 400) -> SpawnException:
    """A refusal that people read; `reason` is its label in JupyterHub's metrics."""
    return SpawnException(sentence, reason=reason, status_code=status, log_message=" ".join(sentence.split()))


async def _page_of(spawner: ProfileSpawning) -> str:
    return await spawner.render_page()


def _applied_at_start(_spawner: Any, _options: Any) -> None:
    """Nothing: options take effect at start, after the check. Without this JupyterHub warns at each start."""
