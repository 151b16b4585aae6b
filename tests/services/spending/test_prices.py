"""Which price book is in force: a file, the hub's catalogue over time, list prices; and what is said when it breaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engines.kubernetes.hub import a_hub

from windlass.hub.broker import HubBroker
from windlass.services.spending.prices import CATALOGUE_SECONDS, Prices

NOW = 1_790_000_000.0
BOOK = "version: 1\nprices:\n- {gpu: Tesla-T4, usd_per_hour: 1}\n"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def prices(tmp_path: Path, clock: Clock, *, file: Path | None = None, broker: HubBroker | None = None) -> Prices:
    return Prices(file=file, broker=broker, history=tmp_path / "catalogue_prices.json", clock=clock)


async def test_without_anything_list_prices_hold_and_say_that_they_are(tmp_path: Path) -> None:
    shown = await prices(tmp_path, Clock()).shown()
    assert shown.problem is None
    assert all("list price" in price.source for price in shown.items)


async def test_a_file_that_never_was_good_gives_nothing_a_price(tmp_path: Path) -> None:
    (tmp_path / "book.yaml").write_text("version: 1\nprices: 3")
    shown = await prices(tmp_path, Clock(), file=tmp_path / "book.yaml").shown()
    assert shown.items == []
    assert shown.problem is not None
    assert "book.yaml:2:" in shown.problem


async def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "book.yaml"
    path.write_text(BOOK)
    found = prices(tmp_path, clock, file=path)
    first = (await found.in_force()).book
    assert (await found.in_force()).book is first
    path.write_text(BOOK.replace("usd_per_hour: 1", "usd_per_hour: 25"))
    clock.pass_by(60)
    entry = (await found.in_force()).book.price("gpu", "Tesla-T4", at=NOW)
    assert entry is not None
    assert entry.usd_per_hour == 25


async def test_the_catalogues_prices_hold_from_when_they_were_seen(tmp_path: Path) -> None:
    clock = Clock()
    async with a_hub() as hub:
        hub.answers["prices"] = {"cpu_core_hour": 1.0, "spot_factor": 0.5, "revision": "1"}
        found = prices(tmp_path, clock, broker=hub.broker)
        first = (await found.in_force()).book
        clock.pass_by(CATALOGUE_SECONDS + 1)
        # Another revision with the same prices changes nothing.
        hub.answers["prices"] = {"cpu_core_hour": 1.0, "spot_factor": 0.5, "revision": "2"}
        assert (await found.in_force()).book is first
        clock.pass_by(CATALOGUE_SECONDS + 1)
        changed_at = clock.now
        hub.answers["prices"] = {"cpu_core_hour": 3.0, "spot_factor": 0.5, "revision": "3"}
        await found.in_force()
        # Another server of the user knows it too.
        clock.pass_by(CATALOGUE_SECONDS + 1)
        book = (await prices(tmp_path, clock, broker=hub.broker).in_force()).book
    told = [
        book.price("cpu", "core", at=at, capacity=capacity)
        for at in (NOW - 1e6, changed_at - 1, changed_at)
        for capacity in ("on-demand", "spot")
    ]
    assert [each and float(each.usd_per_hour) for each in told] == [1, 0.5, 1, 0.5, 3, 1.5]


async def test_a_hub_that_is_away_leaves_what_was_known_and_says_so(tmp_path: Path) -> None:
    clock = Clock()
    async with a_hub() as hub:
        hub.answers["prices"] = 503
        found = prices(tmp_path, clock, broker=hub.broker)
        away = await found.in_force()
        # What is counted now would be counted without prices that hold.
        assert (away.settled, away.book.entries) == (False, ())
        assert "cannot be read now" in (away.problem or "")
        hub.answers["prices"] = {"gpu_hour": {"Tesla-T4": 0.5}}
        clock.pass_by(60)
        back = await found.in_force()
        assert (back.settled, back.problem) == (True, None)
        hub.answers["prices"] = 503
        clock.pass_by(CATALOGUE_SECONDS + 1)
        gone = await found.in_force()
        assert gone.settled
        assert gone.book.price("gpu", "Tesla-T4", at=clock.now) is not None


async def test_a_hub_whose_catalogue_has_no_price_at_all_has_list_prices(tmp_path: Path) -> None:
    async with a_hub() as hub:
        hub.answers["prices"] = {"revision": "1"}
        shown = await prices(tmp_path, Clock(), broker=hub.broker).shown()
    assert "list price" in shown.items[0].source


@pytest.mark.parametrize("content", ["", "{", '{"revisions": 3}', '{"revisions": [{"from": "x", "prices": {}}]}'])
async def test_a_history_that_is_broken_is_begun_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "catalogue_prices.json").write_text(content)
    async with a_hub() as hub:
        hub.answers["prices"] = {"cpu_core_hour": 2.0}
        book = (await prices(tmp_path, Clock(), broker=hub.broker).in_force()).book
    assert book.price("cpu", "core", at=0.0) is not None
