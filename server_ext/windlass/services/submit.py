"""Sends notebooks as jobs.

The order is what keeps the promises: the notebook is saved, the bundle lies on disk, then one transaction writes the
job and its idempotency key down, and only then an engine gets it. Whoever loses the race for a key answers with the
winner's job; a job that its engine refuses is taken back out.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from windlass.bundle.archive import Bundle, rebundle
from windlass.contract.jobs import Job, JobRequest, JobState, RerunRequest
from windlass.contract.runs import RunRerun
from windlass.errors import FieldError, InvalidRequest, NotFound, WindlassError
from windlass.ledger.jobs import JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.bundles import Bundles
from windlass.services.changes import ChangeHub
from windlass.services.drafts import Draft, Drafting, requirements
from windlass.services.environments import ChosenEnvironment
from windlass.services.folding import fold
from windlass.services.identifiers import new_job_id
from windlass.services.launch import Launcher
from windlass.services.present import present
from windlass.services.requests import check_parameters, check_request
from windlass.services.saving import SaveBroker


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """The answer to a submission."""

    job: Job
    created: bool
    """False: this key had made the job before."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A job that is ready to be written down and started."""

    row: JobRow
    environment: ChosenEnvironment | None = None
    """None: to be chosen by the row's."""


class Submission:
    """Sends notebooks, and sends them again."""

    def __init__(
        self,
        *,
        drafting: Drafting,
        launcher: Launcher,
        ledger: JobLedger,
        bundles: Bundles,
        hub: ChangeHub,
        saving: SaveBroker,
    ) -> None:
        self._drafting = drafting
        self._launcher = launcher
        self._ledger = ledger
        self._bundles = bundles
        self._hub = hub
        self._saving = saving
        self._keys = _KeyLocks()

    async def submit(self, request: JobRequest, *, owner: str, key: str | None) -> Submitted:
        """Send a notebook.

        Raises InvalidRequest, BundleRefused, NotFound, Conflict (the key was used for something else, or the browser
        could not save), StorageFull and Unavailable.
        """
        check_request(request)
        digest = _digest("submit", request.model_dump(mode="json"))
        async with self._keys.held(owner, key):
            earlier = await self._earlier(owner, key, digest)
            if earlier is not None:
                return earlier
            notices = []
            if request.ask_browser_to_save:
                notices += await self._saving.save(owner=owner, path=request.notebook)
            draft = await self._drafting.draft(request, owner=owner)
            return await self._send(draft, owner=owner, key=key, digest=digest, notices=notices)

    async def submit_made(
        self,
        make: Callable[[], AbstractAsyncContextManager[Draft]],
        *,
        what: str,
        asked: dict[str, Any],
        owner: str,
        key: str | None,
    ) -> Submitted:
        """Send what was written for the occasion rather than by the user.

        Args:
            make: makes the draft, and takes its files away at the end; not called when the key has made a job before.
            what: what is asked for, and
            asked: in which words: what the same key must stand for again.
            owner: whose job it is to be.
            key: an idempotency key, as `checked_key` gives it.

        Raises as `submit`, and what `make` raises.
        """
        digest = _digest(what, asked)
        async with self._keys.held(owner, key):
            earlier = await self._earlier(owner, key, digest)
            if earlier is not None:
                return earlier
            async with make() as draft:
                return await self._send(draft, owner=owner, key=key, digest=digest)

    async def rerun(self, job_id: str, request: RerunRequest, *, owner: str, key: str | None) -> Submitted:
        """Send what a job sent once more, with the same or other parameters.

        Raises NotFound, InvalidRequest, Conflict (what it sent is gone), StorageFull and Unavailable.
        """

        async def again() -> Prepared:
            old = await self._ledger.get(job_id, owner=owner)
            bundle = await asyncio.to_thread(self.bundle_again, str(old.bundle_sha256), request)
            row = row_again(old, bundle, request)
            row.sent_notices = self._drafting.notices_again(old.engine)
            return Prepared(row=row)

        return await self.send_again({"job": job_id}, request, owner=owner, key=key, prepare=again)

    async def send_again(
        self,
        what: dict[str, str],
        request: RerunRequest | RunRerun,
        *,
        owner: str,
        key: str | None,
        prepare: Callable[[], Awaitable[Prepared]],
    ) -> Submitted:
        """Send what was sent before, once per key.

        Args:
            what: names it, with the request: the same key must not be used for anything else.
            request: with the parameters, checked here.
            owner: whose job it is to be.
            key: an idempotency key, as `checked_key` gives it.
            prepare: makes the job when there is none of this key yet.

        Raises InvalidRequest, Conflict, StorageFull, Unavailable, and what `prepare` raises.
        """
        check_parameters(request.parameters)
        digest = _digest("rerun", {**what, **request.model_dump(mode="json")})
        async with self._keys.held(owner, key):
            earlier = await self._earlier(owner, key, digest)
            if earlier is not None:
                return earlier
            prepared = await prepare()
            return await self._start(prepared.row, key=key, digest=digest, environment=prepared.environment)

    async def _send(
        self, draft: Draft, *, owner: str, key: str | None, digest: str, notices: Iterable[str] = ()
    ) -> Submitted:
        draft.refuse_obstacles()
        bundle = await asyncio.to_thread(self._write, draft)
        row = _row_of(draft, bundle, owner=owner, notices=[*notices, *draft.notices])
        return await self._start(row, key=key, digest=digest, environment=draft.environment)

    def _write(self, draft: Draft) -> Bundle:
        self._bundles.prepare()
        bundle = draft.plan.write(self._bundles.folder)
        self._bundles.spare(bundle.path)
        return bundle

    def bundle_again(self, sha256: str, request: RerunRequest | RunRerun) -> Bundle:
        """A bundle on disk, with the parameters asked for. Raises Conflict when it is gone, and as `rebundle` does."""
        path = self._bundles.existing(sha256)
        self._bundles.spare(path)
        if request.parameters is None:
            return Bundle(path=path, sha256=sha256, size_bytes=path.stat().st_size)
        bundle = rebundle(path, parameters=request.parameters, folder=self._bundles.folder)
        self._bundles.spare(bundle.path)
        return bundle

    async def _earlier(self, owner: str, key: str | None, digest: str) -> Submitted | None:
        if key is None:
            return None
        row = await self._ledger.keyed(owner=owner, key=key, request_sha256=digest)
        return None if row is None else Submitted(job=present(row), created=False)

    async def _start(
        self, row: JobRow, *, key: str | None, digest: str, environment: ChosenEnvironment | None = None
    ) -> Submitted:
        if not self._launcher.tracks:
            row.record = "off"
        standing = await self._ledger.insert(row, key=key, request_sha256=digest)
        if standing.id != row.id:
            return Submitted(job=present(standing), created=False)
        self._hub.announce()
        try:
            status = await self._launcher.launch(row, environment=environment)
        except BaseException:
            await asyncio.shield(self._take_back(row))
            raise
        if status is not None:
            await self._ledger.apply([fold(status)])
            self._hub.announce()
        return Submitted(job=present(await self._unless_stopped(row)), created=True)

    async def _take_back(self, row: JobRow) -> None:
        """Leave nothing of a job whose start failed: not in the list, and not running, should its engine have it."""
        with suppress(WindlassError, OSError):
            await self._launcher.halt(row, reason="It could not be sent.")
        await self._ledger.remove(row.id)
        self._hub.announce()

    async def _unless_stopped(self, row: JobRow) -> JobRow:
        """How it stands now. Stop is final: a job stopped while it was handed over is stopped there too."""
        try:
            now = await self._ledger.get(row.id)
        except NotFound:
            now = None
        if now is None or now.state == JobState.STOPPED.value:
            await self._launcher.halt(row, reason="Stopped before it had started.")
        return now or row


def checked_key(key: str | None) -> str | None:
    """An Idempotency-Key as it may be used. Raises InvalidRequest."""
    if key is None:
        return None
    if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
        message = "The Idempotency-Key must be 1 to 255 visible ASCII characters."
        raise InvalidRequest(message, fields=[FieldError(field="Idempotency-Key", message=message)])
    return key


def _digest(what: str, document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([what, document], sort_keys=True).encode()).hexdigest()


def _row_of(draft: Draft, bundle: Bundle, *, owner: str, notices: list[str]) -> JobRow:
    now = time.time()
    return new_row(
        now,
        owner=owner,
        name=draft.name,
        notebook=draft.notebook,
        experiment=draft.experiment,
        engine=draft.engine.name,
        kind=draft.launch.kind,
        request=draft.request.model_dump(mode="json"),
        environment=draft.environment.name,
        environment_name=draft.environment.display_name,
        python=draft.environment.python,
        bundle_sha256=bundle.sha256,
        bundle_bytes=bundle.size_bytes,
        git=draft.plan.git.model_dump(mode="json") if draft.plan.git else None,
        imports=list(requirements(draft.plan.packages)),
        sent_notices=list(dict.fromkeys(notices)),
    )


def row_again(old: JobRow, bundle: Bundle, request: RerunRequest | RunRerun) -> JobRow:
    """A job that runs what another one ran, as that was asked for."""
    asked = dict(old.request)
    if request.parameters is not None:
        asked["parameters"] = request.model_dump(mode="json")["parameters"]
    return new_row(
        time.time(),
        owner=old.owner,
        name=old.name,
        notebook=old.notebook,
        experiment=old.experiment,
        engine=old.engine,
        kind=old.kind,
        request=asked,
        environment=old.environment,
        environment_name=old.environment_name,
        python=old.python,
        bundle_sha256=bundle.sha256,
        bundle_bytes=bundle.size_bytes,
        git=old.git,
        imports=list(old.imports or ()),
        rerun_of=old.id,
        sent_notices=[],
    )


def new_row(now: float, **columns: Any) -> JobRow:
    """A job that nobody has yet, created now (POSIX seconds)."""
    return JobRow(
        id=new_job_id(now=now),
        state="submitted",
        status={"reason": "Handing it to the engine."},
        runs=[],
        created_us=int(now * 1_000_000),
        **columns,
    )


class _KeyLocks:
    """One lock per key in use, so that equal requests at once do the work of bundling only once."""

    def __init__(self) -> None:
        self._locks: dict[tuple[str, str], tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def held(self, owner: str, key: str | None) -> AsyncIterator[None]:
        """Hold the key's lock; no key, no lock."""
        if key is None:
            yield
            return
        name = (owner, key)
        lock, users = self._locks.get(name, (asyncio.Lock(), 0))
        self._locks[name] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(name)
            if users > 1:
                self._locks[name] = (lock, users - 1)
