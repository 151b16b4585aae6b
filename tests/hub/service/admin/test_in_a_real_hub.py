"""The admins' REST interface and page behind a real JupyterHub and its proxy."""

from __future__ import annotations

import re

import pytest
from tests.hub.real_hub import Hub

ADDRESS = "api/admin/catalogue"


def test_an_edit_by_rest_is_what_the_next_spawn_has(hub: Hub) -> None:
    hub.wait_for_service()
    got = hub.service("GET", ADDRESS, user="wendy")
    document = got.json()["catalogue"]
    document["profiles"][1] |= {"usd_per_hour": 7.5, "environment": {"DATASET": "mnist"}}
    headers = {"If-Match": got.headers["ETag"]}
    saved = hub.service("PUT", ADDRESS, user="wendy", json={"catalogue": document, "note": "dearer"}, headers=headers)
    assert saved.status_code == 200, saved.text
    hub.start_server("bob", {"profile": "small"})
    chosen = hub.server("bob")["state"]["windlass"]["chosen"]
    assert (chosen["usd_per_hour"], chosen["revision"]) == (7.5, saved.json()["revision"])
    running = hub.service("GET", "api/admin/servers", user="rita").json()
    (row,) = (server for server in running["servers"] if server["user"] == "bob")
    assert (row["profile"], row["usd_per_hour"], row["state"]) == ("small", 7.5, "ready")
    assert running["totals"]["usd_per_hour"] == pytest.approx(7.5)
    stale = hub.service("PUT", ADDRESS, user="wendy", json={"catalogue": document}, headers=headers)
    assert stale.status_code == 412
    audit = hub.service("GET", "api/admin/audit", user="wendy").json()["entries"]
    assert ("wendy", "catalogue.save", "allowed") in [(e["who"], e["action"], e["decision"]) for e in audit]


@pytest.mark.parametrize("user", ["ann", "bob", "root"])
def test_somebody_without_the_scope_is_refused_by_page_and_rest(hub: Hub, user: str) -> None:
    hub.wait_for_service()
    before = hub.catalogue.read_text()
    for method, address in (("GET", ADDRESS), ("PUT", ADDRESS), ("GET", "api/admin/audit"), ("PUT", f"{ADDRESS}/yaml")):
        answer = hub.service(method, address, user=user, headers={"If-Match": "x"}, content=b"{}" * (method == "PUT"))
        assert answer.status_code == 403, f"{method} {address}: {answer.text}"
        assert "custom:windlass:profiles:read" in answer.json()["detail"]
    with hub.browser(user) as browser:
        page = browser.get(f"{hub.url}services/windlass/")
        assert page.status_code == 200
        assert "Profiles you may use" in page.text
        assert "main.js" not in page.text
        assert ("Research" in page.text) == (user == "ann")
    assert hub.catalogue.read_text() == before


def test_a_reader_sees_the_page_and_writes_nothing(hub: Hub) -> None:
    hub.wait_for_service()
    with hub.browser("rita") as browser:
        page = browser.get(f"{hub.url}services/windlass/")
        assert 'data-write="no"' in page.text
        xsrf = re.search('data-xsrf="([^"]+)"', page.text)
        assert xsrf
        answers = [
            browser.put(
                f"{hub.url}services/windlass/{ADDRESS}", json={"catalogue": {}}, headers={"If-Match": "x", **more}
            )
            for more in ({}, {"X-XSRFToken": xsrf[1]})
        ]
    assert [answer.status_code for answer in answers] == [403, 403]


def test_a_forged_request_with_somebodys_cookies_writes_nothing(hub: Hub) -> None:
    hub.wait_for_service()
    before = hub.catalogue.read_text()
    with hub.browser("wendy") as browser:
        browser.get(f"{hub.url}services/windlass/")
        address = f"{hub.url}services/windlass/{ADDRESS}"
        revision = hub.service("GET", ADDRESS, user="wendy").headers["ETag"]
        for more in ({}, {"X-XSRFToken": "guessed"}, {"Content-Type": "text/plain"}):
            answer = browser.put(address, json={"catalogue": {}}, headers={"If-Match": revision, **more})
            assert answer.status_code in {401, 403}, answer.text
    assert hub.catalogue.read_text() == before
