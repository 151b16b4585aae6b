"""Who answers `save` is who was asked, and nobody else."""

from __future__ import annotations

import asyncio

import pytest

from windlass.contract.socket import Saved, SaveRequest
from windlass.errors import Conflict
from windlass.services.saving import NO_ANSWER, NO_BROWSER, NOT_OPEN, SaveBroker


class Tab:
    """A tab that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[SaveRequest] = asyncio.Queue()

    async def ask(self, request: SaveRequest) -> None:
        await self.asked.put(request)


def saved(nonce: str, result: str, message: str | None = None) -> Saved:
    return Saved.model_validate({"nonce": nonce, "result": result, "message": message})


async def test_only_the_nonce_and_the_tab_that_was_asked_count() -> None:
    broker, tab, late = SaveBroker(timeout_seconds=0.3), Tab(), Tab()
    with broker.tab(owner="ann", ask=tab.ask) as number:
        saving = asyncio.create_task(broker.save(owner="ann", path="a.ipynb"))
        nonce = (await tab.asked.get()).nonce
        with broker.tab(owner="ann", ask=late.ask) as stranger:
            broker.answer(tab=number, owner="ann", answer=saved("guess", "saved"))
            broker.answer(tab=number, owner="bob", answer=saved(nonce, "saved"))
            broker.answer(tab=stranger, owner="ann", answer=saved(nonce, "saved"))
            assert await saving == [NO_ANSWER]
        broker.answer(tab=number, owner="ann", answer=saved(nonce, "saved"))


async def test_a_tab_with_edits_wins_over_one_without() -> None:
    broker, clean, edited = SaveBroker(timeout_seconds=5), Tab(), Tab()
    with broker.tab(owner="ann", ask=clean.ask) as one, broker.tab(owner="ann", ask=edited.ask) as other:
        saving = asyncio.create_task(broker.save(owner="ann", path="a.ipynb"))
        nonce = (await clean.asked.get()).nonce
        broker.answer(tab=one, owner="ann", answer=saved(nonce, "unchanged"))
        await asyncio.sleep(0)
        assert not saving.done()
        broker.answer(tab=other, owner="ann", answer=saved(nonce, "saved"))
        assert await saving == []


@pytest.mark.parametrize(
    ("answers", "notices"),
    [
        (["unchanged", "not_open"], []),
        (["not_open", "not_open"], [NOT_OPEN]),
        (["failed", "saved"], []),
        (["saved", "failed"], []),
    ],
)
async def test_what_several_tabs_say_makes_one_outcome(answers: list[str], notices: list[str]) -> None:
    broker, tabs = SaveBroker(timeout_seconds=5), [Tab(), Tab()]
    with broker.tab(owner="ann", ask=tabs[0].ask) as one, broker.tab(owner="ann", ask=tabs[1].ask) as other:
        saving = asyncio.create_task(broker.save(owner="ann", path="a.ipynb"))
        nonce = (await tabs[0].asked.get()).nonce
        for number, answer in zip((one, other), answers, strict=True):
            broker.answer(tab=number, owner="ann", answer=saved(nonce, answer))
        assert await saving == notices


async def test_a_failure_is_a_conflict_with_the_browsers_words() -> None:
    broker, tab = SaveBroker(timeout_seconds=5), Tab()
    with broker.tab(owner="ann", ask=tab.ask) as number:
        saving = asyncio.create_task(broker.save(owner="ann", path="a.ipynb"))
        nonce = (await tab.asked.get()).nonce
        broker.answer(tab=number, owner="ann", answer=saved(nonce, "failed", "The disk is full."))
        with pytest.raises(Conflict, match=r"a\.ipynb: The disk is full\. Nothing was sent"):
            await saving


async def test_a_tab_that_cannot_be_reached_is_not_waited_for_by_others() -> None:
    async def gone(_: SaveRequest) -> None:
        raise ConnectionError

    broker = SaveBroker(timeout_seconds=0.2)
    with broker.tab(owner="ann", ask=gone):
        assert await broker.save(owner="ann", path="a.ipynb") == [NO_ANSWER]
    assert await broker.save(owner="ann", path="a.ipynb") == [NO_BROWSER]
