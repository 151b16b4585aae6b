"""Servers as pods: KubeSpawner with Windlass's profiles, refusals that people understand, and no lost GPUs.

Only small hooks of KubeSpawner are overridden here; what they decide is in the modules beside this one. With nothing of
Windlass configured it starts, stops and answers as KubeSpawner does, but for what was dangerous.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from jupyterhub.spawner import SpawnException
from kubernetes_asyncio.client.rest import ApiException
from tornado import web
from traitlets import Float, Integer, TraitError, default

from windlass.kube.client import KubeClient
from windlass.kube.errors import KubeError

from .isolated_spawning import IsolatedSpawning
from .page import render_profile_list
from .pods import patience, stock_options
from .pods.api import NoAnswer, Refused, remove
from .pods.overriding import Overriding
from .pods.reflectors import NotLoaded, SteadyPods
from .pods.refusals import Answer, given_up, refused
from .pods.state import Pod, PodState, owner_of, read_pod
from .pods.watching import UNHEARD
from .profiles.model import Catalogue
from .profiles.options import Choice
from .profiles.rendering import COLLECTIONS, overrides, with_base
from .spawning import ProfileSpawning, refusal

_TIMEOUTS = (asyncio.TimeoutError, TimeoutError)  # one and the same since Python 3.11


class WindlassSpawner(ProfileSpawning, IsolatedSpawning):
    """KubeSpawner with Windlass profiles."""

    start_minutes = Float(
        0,
        min=0,
        help="""How long a start may take before it is given up, with the reason. It is always given up before
        `start_timeout`; 0: not earlier than that.""",
    ).tag(config=True)
    crash_restarts = Integer(
        5, min=1, help="A server that crashed and was restarted so many times is stopped, and its node given back."
    ).tag(config=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._overriding = Overriding()
        self._asked_for_pod = False
        self._last_answer: Answer | None = None
        super().__init__(*args, **kwargs)

    @default("start_timeout")
    def _time_for_nodes(self) -> int:
        return 60 if not self.start_minutes else int(60 * self.start_minutes) + 60

    # -- what is started ------------------------------------------------------------------------------------------

    async def load_user_options(self) -> None:
        """Check the options, and set what the profile says, on what the configuration and earlier hooks left.

        Raises:
            SpawnException: the options are refused, or the user's namespace cannot be made.
        """
        self._overriding.take_back(self)
        with self._overriding.recording(self):
            if self.profile_store:
                self.apply_choice(await self.choose(), (await self.read_profiles()).catalogue)
            else:
                await self._load_stock_options()
        if self.isolation != "none":
            await self.isolate((await self.read_profiles()).catalogue if self.profile_store else Catalogue())

    def apply_choice(self, choice: Choice, catalogue: Catalogue) -> None:
        """Set the traits of a choice; lists of the hub's configuration (tolerations, volumes) are added to."""
        traits = overrides(choice, catalogue)
        for name in COLLECTIONS:
            traits[name] = with_base(getattr(self, name), traits[name])
        self._apply_overrides(traits)

    async def _load_stock_options(self) -> None:
        try:
            await super().load_user_options()
        except SpawnException:
            raise
        except (TraitError, LookupError, TypeError) as error:
            self.log.error("The profile cannot be applied: %s", error)
            raise refusal(
                "This profile is not set up right; please tell your administrators.", reason="profile"
            ) from error

    def _render_options_form(self, profile_list: list[Any]) -> str:
        """KubeSpawner's form for its own `profile_list`, with what it puts into the page escaped."""
        profiles = self._get_initialized_profile_list(profile_list)
        try:
            stock_options.check(self.user_options, profiles)
        except stock_options.OptionRefused as error:
            self.log.info("The options of the last start do not fit the profiles any more: %s", error)
            options: dict[str, Any] = {}
        else:
            options = self.user_options or {}
        return render_profile_list(
            profiles,
            options,
            template=self.profile_form_template,
            template_paths=self.additional_profile_form_template_paths,
        )

    def _validate_user_options(self, profile_list: list[Any]) -> None:
        stock_options.check(self.user_options, profile_list)

    def _apply_overrides(self, spawner_override: Mapping[str, Any]) -> None:
        self._overriding.about_to_set(self, spawner_override)
        super()._apply_overrides(spawner_override)

    # -- start ----------------------------------------------------------------------------------------------------

    async def _start(self) -> str:
        self._pod_uid, self._asked_for_pod, self._last_answer = None, False, None
        self._starting.add(self)
        try:
            url = await self._started_in_time()
        except BaseException as error:
            await self._leave_nothing()
            if (refusing := self._as_refusal(error)) is None:
                raise
            raise refusing from error
        finally:
            self._start_is_over()
        self.last_end = None
        return url

    async def _started_in_time(self) -> str:
        begun = time.monotonic()
        seconds = patience.seconds_to_start(start_minutes=self.start_minutes, start_timeout=self.start_timeout)
        waiting = patience.Patience(crash_restarts=min(self.crash_restarts, 3))
        starting = asyncio.ensure_future(super()._start())
        try:
            while True:
                left = begun + seconds - time.monotonic()
                await asyncio.wait({starting}, timeout=min(0.5, max(0.0, left)))
                if starting.done():
                    return str(starting.result())
                pod = self._own(self._reflected_pod())
                trouble = waiting.look(pod, now=time.monotonic()) or self._vanished()
                if left <= 0 and pod is None and not getattr(self.pod_reflector, "fresh", True):
                    raise NotLoaded("The pods could not be watched.")
                if trouble is None and left <= 0:
                    product = self.chosen.gpu.product if self.chosen and self.chosen.gpu else ""
                    trouble = patience.too_long(pod, self.events, seconds=seconds, product=product)
                if trouble is not None:
                    raise given_up(trouble.sentence, reason=trouble.reason)
        finally:
            if not starting.done():
                starting.cancel()
                await asyncio.wait({starting})
            if not starting.cancelled():
                starting.exception()  # known from now on: nobody else asks

    def _vanished(self) -> patience.Trouble | None:
        """The pod that this start made was there and is gone."""
        reflector = self.pod_reflector
        if self._pod_uid is None or not isinstance(reflector, SteadyPods) or self._reflected_pod() is not None:
            return None
        seen = reflector.departed(self._ref_key())
        return patience.vanished(seen) if seen is not None and seen["metadata"].get("uid") == self._pod_uid else None

    def _as_refusal(self, error: BaseException) -> SpawnException | None:
        if isinstance(error, (SpawnException, asyncio.CancelledError)):
            return None
        if isinstance(error, Refused):
            return refused(error.answer, what="the server's pod", namespace=self.namespace)
        if isinstance(error, (ApiException, KubeError)):
            return refused(Answer.of(error), what="a part of the server", namespace=self.namespace)
        given_up_asking = isinstance(error, _TIMEOUTS) and self._last_answer is not None
        if given_up_asking or isinstance(error, (NoAnswer, NotLoaded, aiohttp.ClientError)):
            answer = self._last_answer or Answer(status=0, reason="", message=str(error))
            return refused(answer, what="the server's pod", namespace=self.namespace)
        return None

    async def _leave_nothing(self) -> None:
        """Take back the pod of a start that failed. Bounded: JupyterHub waits for a start that it has cancelled."""
        if not self._asked_for_pod:
            return
        removing = remove(self._pod_api(), grace_seconds=0, force_after_seconds=20, log=self.log, uid=self._pod_uid)
        try:
            await asyncio.wait_for(removing, 30)
        except (Refused, asyncio.TimeoutError, *UNHEARD) as error:
            self.log.error("The pod %s of a failed start may be left: %s", self.pod_name, error)

    async def _make_create_pod_request(self, pod: Any, request_timeout: float) -> bool:
        self._asked_for_pod = True
        try:
            self._pod_uid = await self._pod_api(request_timeout).create(pod)
        except NoAnswer as error:
            self.log.warning("Kubernetes did not answer the request for pod %s: %s", self.pod_name, error)
            self._last_answer = Answer(status=0, reason="", message=str(error))
            return False
        except Refused as refusing:
            if refusing.answer.exists:
                self._asked_for_pod = False  # whose it is, is not known yet
                await self._clear_the_way()
            elif not refusing.answer.transient:
                self._asked_for_pod = False
                raise
            self._last_answer = refusing.answer
            return False
        self._last_answer = None
        return True

    async def _clear_the_way(self) -> None:
        """A pod of our name is there: by a hub that went down in the middle of a start, or by our own lost request."""
        found = await self._pod_api().read()
        if found is None:
            return
        owner, server = owner_of(found)
        if owner not in {None, self.user.name}:
            raise refusal(
                f"The name of your server's pod, {self.pod_name}, is taken by another user's. "
                "Please tell your administrators.",
                reason="name_taken",
            )
        if server not in {None, self.name}:
            other = f"your server {server}" if server else "your default server"
            raise refusal(
                f"The name of your server's pod, {self.pod_name}, is taken by {other}: stop that first.",
                reason="name_taken",
            )
        self.log.warning("Found pod %s of an earlier start, deleting it", self.pod_name)
        await self.stop(now=True)

    async def _make_create_pvc_request(self, pvc: Any, request_timeout: float) -> bool:
        try:
            done = bool(await super()._make_create_pvc_request(pvc, request_timeout))
        except ApiException as error:
            self._last_answer = Answer.of(error)
            if self._last_answer.transient:
                return False
            raise refused(self._last_answer, what="the server's volume", namespace=self.namespace) from error
        except aiohttp.ClientError as error:
            self._last_answer = Answer(status=0, reason="", message=str(error))
            return False
        self._last_answer = None
        return done

    def is_pod_running(self, pod: Pod | None) -> bool:
        """Whether it is the pod of this start, and ready."""
        if pod is None or self._own(pod) is None:
            return False
        status = pod["status"]
        ready = bool(status.get("podIP")) and bool(status.get("containerStatuses"))
        return ready and read_pod(pod).phase == "running"

    # -- while it runs --------------------------------------------------------------------------------------------

    async def poll(self) -> int | None:
        """None while the server runs or starts; else how it ended. What nobody can tell counts as it last was."""
        pod, certain = await self._current_pod()
        state = read_pod(pod)
        if pod is None:
            return self._gone() if certain or not self._should_run() else None
        if state.ended or self._given_up(state):
            return await self._end(state)
        self._follow_address(pod)
        return None

    def _follow_address(self, pod: Pod) -> None:
        """A pod whose network was made anew answers elsewhere than the hub's database has it.

        KubeSpawner does so in its `poll`, which looks for the pod again, and deletes without a word one that ended
        in between.
        """
        if not self.is_pod_running(pod) or not self.server:
            return
        there, known = (_address(url) for url in (self._get_pod_url(pod), self.server.url))
        if there == known:
            return
        self.log.warning("Pod %s is at %s:%s now, no longer at %s:%s", self._ref_key(), *there, *known)
        self.server.ip, self.server.port = there
        self.db.commit()

    def _should_run(self) -> bool:
        """Whether the hub's database has a server here, for want of anything newer."""
        return getattr(self.orm_spawner, "server", None) is not None

    def _gone(self) -> int:
        reflector = self.pod_reflector
        seen = reflector.departed(self._ref_key()) if isinstance(reflector, SteadyPods) else None
        state = read_pod(seen, gone=True)
        if seen is not None and state.phase != "absent":
            self.ended(state.sentence)
        return state.exit_code or 1

    def _given_up(self, state: PodState) -> bool:
        return state.phase == "crash-looping" and state.restarts >= self.crash_restarts

    async def _end(self, state: PodState) -> int | None:
        crashing = state.phase == "crash-looping"
        self.ended(f"{state.sentence} It was stopped." if crashing else state.sentence)
        self.log.warning("Server %s: %s", self.pod_name, state.sentence)
        if self.delete_stopped_pods or crashing:
            try:
                await self.stop(now=True)
            except (web.HTTPError, TimeoutError) as error:
                self.log.error("The pod %s of a server that ended is left: %s", self.pod_name, error)
                if crashing:
                    return None  # it still starts again and again, and still has its node
        return 1 if state.exit_code is None else state.exit_code

    async def stop(self, now: bool = False) -> None:
        """End the server. Returns when its pod is gone, and not before: JupyterHub believes it.

        Raises:
            web.HTTPError: the hub may not delete pods there.
            TimeoutError: the cluster does not let go of the pod.
        """
        grace = 0 if now else self.delete_grace_period
        limit = max(self.start_timeout, 2 * grace)
        try:
            await remove(self._pod_api(), grace_seconds=grace, force_after_seconds=limit, log=self.log)
        except Refused as error:
            raise web.HTTPError(403, f"The server's pod cannot be deleted: {error}") from error
        self._forget_pod()

    def _forget_pod(self) -> None:
        """What the API server no longer has is not shown by a reflector that is a moment behind."""
        reflector = self.pod_reflector
        if reflector is not None:
            reflector.resources.pop(self._ref_key(), None)

    # -- what is kept ---------------------------------------------------------------------------------------------

    def clear_state(self) -> None:
        """For a new start, before group overrides and hooks: what the last profile set is taken back here."""
        # The namespace stays, as with KubeSpawner: a pod that did not stop would be lost.
        self._overriding.take_back(self, keep={"namespace"})
        super().clear_state()
        self._pod_uid = None

    def store_client(self) -> KubeClient | None:
        """For a catalogue in the cluster."""
        return self.kube_client() if self.profile_store.startswith("configmap:") else None


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
