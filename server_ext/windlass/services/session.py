"""One browser tab's conversation: what it follows, and what it is told.

Each thing followed is a task that reads, sends, and waits until the message has left before it reads on; so a slow tab
holds at most one message per thing followed, and finds the newest state when it catches up. Knows no web server: it is
given a way to send.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Protocol

from pydantic import ValidationError

from windlass.contract import socket as messages
from windlass.contract.base import WireModel
from windlass.contract.problem import Problem
from windlass.engines.base import Engine
from windlass.errors import InvalidRequest, WindlassError
from windlass.ledger.jobs import JobLedger
from windlass.services.changes import ChangeHub
from windlass.services.cursors import change_cursor, read_change_cursor
from windlass.services.logs import LogFeeds
from windlass.services.notebooks import NotebookFeeds
from windlass.services.present import present
from windlass.services.saving import SaveBroker

MOST_FOLLOWED = 100
"""How many things one tab may follow at once."""
BREATH_SECONDS = 0.05
"""Between two messages about jobs: many changes at once become one message."""

_log = logging.getLogger(__name__)

Telling = Callable[[], Awaitable[None]]
"""Tells the tab of one thing it follows, until that ends; begun by its task, which may be cancelled before."""


class FindsEngine(Protocol):
    """Finds the engine of a user's job."""

    async def engine_of(self, job_id: str, *, owner: str) -> Engine:
        """Raises NotFound."""
        ...


class FollowsGpus(Protocol):
    """Sees GPUs as a user does."""

    def follow(self, *, owner: str) -> AsyncGenerator[messages.GpusEvent | messages.GpuReadingsEvent, None]:
        """All of it, then what is new; it looks for as long as this is not closed."""
        ...


class SocketSession:
    """A connected tab. `run` until it is gone; `receive` what it says."""

    def __init__(
        self,
        *,
        owner: str,
        version: str,
        send: Callable[[str], Awaitable[None]],
        describe: Callable[[WindlassError], Problem],
        jobs: FindsEngine,
        ledger: JobLedger,
        hub: ChangeHub,
        logs: LogFeeds,
        notebooks: NotebookFeeds,
        saving: SaveBroker,
        gpus: FollowsGpus,
    ) -> None:
        self._owner = owner
        self._version = version
        self._send_text = send
        self._describe = describe
        self._jobs = jobs
        self._ledger = ledger
        self._hub = hub
        self._logs = logs
        self._notebooks = notebooks
        self._saving = saving
        self._gpus = gpus
        self._following: dict[tuple[object, ...], asyncio.Task[None]] = {}
        self._tab: int | None = None
        self._gone = asyncio.Event()

    async def run(self) -> None:
        """Greet, take part in saving, and clean up when `close` was called."""
        with self._saving.tab(owner=self._owner, ask=self._send) as self._tab, self._hub.listening():
            try:
                await self._send(messages.Hello(server_version=self._version))
                await self._gone.wait()
            except ConnectionError:
                _log.debug("A browser tab went away while it was greeted.")
            finally:
                tasks = list(self._following.values())
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def close(self) -> None:
        """The tab is gone."""
        self._gone.set()

    async def receive(self, text: str | bytes) -> None:
        """Serve one message of the tab."""
        try:
            message = messages.client_message.validate_json(text)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            await self._complain(
                InvalidRequest(f"The message is not understood: {where or 'it'}: {error.errors()[0]['msg']}.")
            )
            return
        match message:
            case messages.SubscribeJobs():
                await self._follow(("jobs",), partial(self._tell_jobs, message.cursor), None)
            case messages.SubscribeLog():
                await self._follow(
                    ("log", message.job_id, message.rank), partial(self._tell_log, message), message.job_id
                )
            case messages.UnsubscribeLog():
                self._unfollow(("log", message.job_id, message.rank))
            case messages.SubscribeNotebook():
                telling = partial(self._tell_notebook, message.job_id)
                await self._follow(("notebook", message.job_id), telling, message.job_id)
            case messages.UnsubscribeNotebook():
                self._unfollow(("notebook", message.job_id))
            case messages.SubscribeGpus():
                await self._follow(("gpus",), self._tell_gpus, None)
            case messages.UnsubscribeGpus():
                self._unfollow(("gpus",))
            case messages.Saved():
                if self._tab is not None:
                    self._saving.answer(tab=self._tab, owner=self._owner, answer=message)

    async def _follow(self, key: tuple[object, ...], telling: Telling, job_id: str | None) -> None:
        self._unfollow(key)
        if len(self._following) >= MOST_FOLLOWED or self._gone.is_set():
            await self._complain(InvalidRequest("This tab follows too much already: close some job pages."), job_id)
            return
        task = asyncio.create_task(self._guarded(telling, job_id), name=f"windlass-follow-{key[0]}")
        self._following[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))

    def _unfollow(self, key: tuple[object, ...]) -> None:
        task = self._following.pop(key, None)
        if task is not None:
            task.cancel()

    def _forget(self, key: tuple[object, ...], task: asyncio.Task[None]) -> None:
        if self._following.get(key) is task:
            del self._following[key]

    async def _guarded(self, telling: Telling, job_id: str | None) -> None:
        try:
            await telling()
        except ConnectionError:
            self.close()
        except WindlassError as error:
            await self._complain(error, job_id)

    async def _tell_jobs(self, cursor: str | None) -> None:
        epoch, since = read_change_cursor(cursor)
        first = True
        while True:
            seen = self._hub.count
            changes = await self._ledger.changes(owner=self._owner, epoch=epoch, since=since)
            if first or changes.reset or changes.jobs or changes.removed:
                await self._send(
                    messages.JobsEvent(
                        cursor=change_cursor(changes.epoch, changes.sequence),
                        reset=changes.reset,
                        jobs=[present(row) for row in changes.jobs],
                        removed=changes.removed,
                    )
                )
            first, epoch, since = False, changes.epoch, changes.sequence
            await self._hub.wait(seen=seen)
            await asyncio.sleep(BREATH_SECONDS)

    async def _tell_log(self, wanted: messages.SubscribeLog) -> None:
        engine = await self._jobs.engine_of(wanted.job_id, owner=self._owner)
        pages = self._logs.follow(engine, wanted.job_id, rank=wanted.rank, offset=wanted.offset)
        async for page in pages:
            await self._send(messages.LogEvent(job_id=wanted.job_id, rank=wanted.rank, page=page))

    async def _tell_notebook(self, job_id: str) -> None:
        engine = await self._jobs.engine_of(job_id, owner=self._owner)
        async for version in self._notebooks.follow(engine, job_id):
            await self._send(messages.NotebookEvent(job_id=job_id, version=version))

    async def _tell_gpus(self) -> None:
        # Closed at once when the tab is told no more: while it is open somebody looks.
        async with aclosing(self._gpus.follow(owner=self._owner)) as events:
            async for event in events:
                await self._send(event)

    async def _complain(self, error: WindlassError, job_id: str | None = None) -> None:
        try:
            await self._send(messages.ProblemEvent(job_id=job_id, problem=self._describe(error)))
        except ConnectionError:
            self.close()

    async def _send(self, message: WireModel) -> None:
        """Send, and wait until it has left. Raises ConnectionError when the tab is gone."""
        await self._send_text(message.model_dump_json())
