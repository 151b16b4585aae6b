"""The page of promotions and what it asks for, over HTTP; tests/e2e/hub-promotions.spec.ts has it in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.hub.promotions.basic_auth import BasicAuthMlflow
from tests.hub.promotions.conftest import Desk


async def test_the_page_has_nothing_inline_and_is_in_the_navigation(desk: Desk) -> None:
    async with desk.service.client("bob") as client:
        page = await client.get("promotions")
        home = await client.get("")
    assert page.status_code == 200
    assert 'href="/services/windlass/promotions" aria-current="page">Promotions' in page.text
    assert 'href="/services/windlass/promotions">Promotions' in home.text
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", page.text)
    assert "unsafe" not in page.headers["Content-Security-Policy"]


async def test_without_mlflow_there_is_no_page_and_no_way_to_it(desk: Desk) -> None:
    desk.service.state.promoting, kept = None, desk.service.state.promoting
    async with desk.service.client("bob") as client:
        page = await client.get("promotions")
        home = await client.get("")
    desk.service.state.promoting = kept
    assert (page.status_code, "where MLflow is" in page.text) == (403, True)
    assert "Promotions" not in home.text


async def test_an_approver_sees_both_versions_and_nobody_else_does(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named()
    secured.set_alias(model, "champion", 1)
    waiting = (await desk.promote("ann", model, 2, expected="1")).json()
    path = f"models/{model}/promotions/{waiting['id']}/comparison"
    for who in ("leo", "ann"):
        found = (await desk.call(who, "GET", path)).json()
        assert (found["before"]["version"], found["after"]["version"]) == ("1", "2")
        assert found["after"]["metrics"] == {"accuracy": 0.9}
        assert found["after"]["run_name"]
    assert (await desk.call("bob", "GET", path)).status_code == 404
    secured.ask("DELETE", "2.0/mlflow/model-versions/delete", json={"name": model, "version": "1"})
    assert (await desk.call("leo", "GET", path)).json()["before"] is None


async def test_what_concerns_nobody_is_shown_to_nobody(desk: Desk, named: Callable[..., str]) -> None:
    model = named()
    await desk.promote("ann", model, 2, "challenger")
    waiting = (await desk.promote("ann", model, 2)).json()
    for query in ("promotions", "promotions?state=waiting"):
        assert (await desk.call("bob", "GET", query)).json()["items"] == []
    (seen,) = (await desk.call("lea", "GET", "promotions?state=waiting")).json()["items"]
    assert (seen["id"], seen["may_approve"]) == (waiting["id"], True)
    assert len((await desk.call("ann", "GET", "promotions")).json()["items"]) == 2
