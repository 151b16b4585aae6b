"""The save hand-shake: the server asks the user's browser tabs to save a notebook before it is bundled.

A kernel that is busy running `%train` cannot wait for the browser itself; the server can. What runs is then what is on
the screen, or the user is told that it could not be made so.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from windlass.contract.socket import Saved, SaveRequest
from windlass.errors import Conflict

NO_BROWSER = "The file as last saved was sent: no browser was connected that could have saved it first."
NOT_OPEN = "The file as last saved was sent: it is not open in any connected browser tab."
NO_ANSWER = "The file as last saved was sent: the browser did not answer."
SETTLE_SECONDS = 1.0
"""How long other tabs may take after one has said that it has nothing to save."""

_log = logging.getLogger(__name__)

Ask = Callable[[SaveRequest], Awaitable[None]]


@dataclass(kw_only=True)
class _Question:
    """One `save`, while answers come in."""

    owner: str
    waiting_for: set[int]
    answers: list[Saved] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def any_is(self, *results: str) -> bool:
        return any(answer.result in results for answer in self.answers)

    @property
    def complete(self) -> bool:
        return not self.waiting_for


class SaveBroker:
    """Carries `save` to the tabs of a user and their answers back."""

    def __init__(self, *, timeout_seconds: float = 5.0) -> None:
        self._timeout = timeout_seconds
        self._tabs: dict[str, dict[int, Ask]] = {}
        self._questions: dict[str, _Question] = {}
        self._numbers = count()

    @contextmanager
    def tab(self, *, owner: str, ask: Ask) -> Iterator[int]:
        """Register a tab for as long as it is connected; gives its number."""
        number = next(self._numbers)
        self._tabs.setdefault(owner, {})[number] = ask
        try:
            yield number
        finally:
            self._tabs[owner].pop(number)
            if not self._tabs[owner]:
                self._tabs.pop(owner)
            for question in self._questions.values():
                question.waiting_for.discard(number)
                question.news.set()

    def answer(self, *, tab: int, owner: str, answer: Saved) -> None:
        """A tab's answer; one that nobody waits for (late, repeated, another user's) is dropped."""
        question = self._questions.get(answer.nonce)
        if question is None or question.owner != owner or tab not in question.waiting_for:
            return
        question.waiting_for.discard(tab)
        question.answers.append(answer)
        question.news.set()

    async def save(self, *, owner: str, path: str) -> list[str]:
        """Have the user's tabs save the notebook at `path`. Returns what the user ought to be told.

        Raises Conflict when a tab has it open and could not save it.
        """
        tabs = dict(self._tabs.get(owner, {}))
        if not tabs:
            return [NO_BROWSER]
        nonce = secrets.token_urlsafe(16)
        question = self._questions[nonce] = _Question(owner=owner, waiting_for=set(tabs))
        asking = [asyncio.ensure_future(_ask(ask, SaveRequest(nonce=nonce, path=path))) for ask in tabs.values()]
        try:
            await self._gather_answers(question)
        finally:
            self._questions.pop(nonce)
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        return _outcome(question, path)

    async def _gather_answers(self, question: _Question) -> None:
        """Wait until a tab has saved, all have answered, or the time is up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        while not (question.complete or question.any_is("saved")):
            if question.any_is("unchanged", "failed"):
                deadline = min(deadline, loop.time() + SETTLE_SECONDS)
            question.news.clear()
            try:
                await asyncio.wait_for(question.news.wait(), max(0.0, deadline - loop.time()))
            except asyncio.TimeoutError:
                return


async def _ask(ask: Ask, request: SaveRequest) -> None:
    try:
        await ask(request)
    except ConnectionError:
        _log.debug("A browser tab went away before it could be asked to save.")


def _outcome(question: _Question, path: str) -> list[str]:
    if question.any_is("saved"):
        return []
    failure = next((answer for answer in question.answers if answer.result == "failed"), None)
    if failure is not None:
        why = f": {failure.message.strip().rstrip('.')}" if failure.message and failure.message.strip() else ""
        raise Conflict(
            f"The browser could not save {path}{why}. Nothing was sent. Save the notebook yourself, or send the file "
            "as it was last saved, with `windlass train`."
        )
    if question.any_is("unchanged"):
        return []
    return [NOT_OPEN] if question.complete and question.answers else [NO_ANSWER]
