"""A user's server on a hub: promotions are the hub's, and nothing goes past it while it is away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.hub.promotions.basic_auth import PASSWORD, BasicAuthMlflow
from tests.hub.promotions.conftest import Desk

from windlass.contract.models import PromotionAnswer, PromotionRequest, PromotionState
from windlass.errors import NotFound, Unavailable
from windlass.hub.broker import HubBroker
from windlass.services.experiments.cache import RunCache
from windlass.services.experiments.reading import RunReader
from windlass.services.registry.hub_side import HubSide
from windlass.services.registry.models import ModelRegistry
from windlass.services.registry.promote import AliasSettings, Promotions
from windlass.services.registry.sources import SourceRuns
from windlass.tracking.tracking import Tracking

CHAMPION = PromotionRequest(version="2", alias="champion", expected="", comment="better")


@pytest.fixture
async def promotions(desk: Desk, secured: BasicAuthMlflow, tmp_path: Path) -> AsyncIterator[Callable[..., Promotions]]:
    """What somebody's server has of promotions."""
    opened: list[HubBroker] = []
    trackings: list[Tracking] = []

    def make(who: str, url: str | None = None) -> Promotions:
        opened.append(HubBroker(url=url or f"{desk.service.url}api", token=desk.service.tokens[who]))
        address = secured.url.replace("http://", f"http://{who}:{PASSWORD}@")
        trackings.append(Tracking(data_dir=tmp_path, configured_uri=address, python="python"))
        runs = RunReader(tracking=trackings[-1], cache=RunCache())
        models = ModelRegistry(tracking=trackings[-1], sources=SourceRuns(runs=runs))
        return Promotions(tracking=trackings[-1], models=models, settings=AliasSettings(), hub=HubSide(opened[-1]))

    yield make
    for broker in opened:
        await broker.close()
    for tracking in trackings:
        await tracking.close()


async def test_the_hub_decides_and_keeps_the_log(
    secured: BasicAuthMlflow, named: Callable[..., str], promotions: Callable[..., Promotions]
) -> None:
    model, ann, leo = named(), promotions("ann"), promotions("leo")
    terms = await ann.terms(model)
    assert (terms.log, [rule.alias for rule in terms.rules][:1]) == ("hub", ["champion"])
    asked = await ann.promote(model, CHAMPION, owner="ann", key="k")
    assert (asked.state, asked.needs, secured.aliases(model)) == (PromotionState.WAITING, "1 of ml-leads", {})
    assert (await ann.promote(model, CHAMPION, owner="ann", key="k")).id == asked.id
    done = await leo.answer(model, asked.id, PromotionAnswer(decision="approve"))
    assert (done.state, secured.aliases(model)) == (PromotionState.DONE, {"champion": "2"})
    assert [line.comment for line in (await ann.log(model)).items] == ["better"]


async def test_while_the_hub_is_away_nothing_is_promoted_past_it(
    secured: BasicAuthMlflow, named: Callable[..., str], promotions: Callable[..., Promotions]
) -> None:
    model, ann = named(), promotions("ann", "http://127.0.0.1:9/api")
    for asked in (ann.promote(model, CHAMPION, owner="ann", key=None), ann.terms(model), ann.log(model)):
        with pytest.raises(Unavailable, match="hub service"):
            await asked
    assert secured.aliases(model) == {}


async def test_on_a_hub_that_leaves_promotions_alone_the_log_is_in_tags(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str], promotions: Callable[..., Promotions]
) -> None:
    desk.service.state.promoting, kept = None, desk.service.state.promoting
    model, ann = named(), promotions("ann")
    assert (await ann.terms(model)).log == "tags"
    assert (await ann.promote(model, CHAMPION, owner="ann", key=None)).state is PromotionState.DONE
    assert [line.by for line in (await ann.log(model)).items] == ["ann"]
    assert secured.aliases(model) == {"champion": "2"}
    with pytest.raises(NotFound, match="done at once"):
        await ann.answer(model, "1", PromotionAnswer(decision="approve"))
    desk.service.state.promoting = kept
