"""The service's pages and the files they load, over HTTP."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.hub.service.conftest import Service

XSS = "<script>alert(1)</script>"


async def test_who_may_see_the_profiles_gets_the_admin_page_with_nothing_inline(service: Service) -> None:
    async with service.client("writer") as client:
        answer = await client.get("")
    assert answer.status_code == 200
    assert "static/admin/main.js" in answer.text
    assert ('data-write="yes"' in answer.text, 'data-costs="yes"' in answer.text) == (True, True)
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", answer.text)


async def test_others_get_what_they_may_use_with_its_price_as_text(service: Service) -> None:
    path = Path(service.state.settings.profiles.removeprefix("file:"))
    path.write_text(path.read_text().replace("CPU only", XSS))
    async with service.client("ann") as client:
        mine = (await client.get("")).text
    async with service.client("bob") as client:
        other = (await client.get("")).text
    assert "&lt;script&gt;alert(1)" in mine
    assert XSS not in mine
    assert ("Tesla T4" in mine, "Tesla T4" in other) == (True, False)
    assert "$0.58 per hour" in mine
    assert "main.js" not in mine


async def test_without_a_catalogue_the_page_says_so(service: Service) -> None:
    Path(service.state.settings.profiles.removeprefix("file:")).unlink()
    service.state.shelf.last = None
    async with service.client("bob") as client:
        answer = await client.get("")
    assert (answer.status_code, "cannot be read at the moment" in answer.text) == (200, True)


async def test_a_refusal_of_the_page_is_a_page(service: Service) -> None:
    async with service.client("stranger") as client:
        answer = await client.get("")
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "You have no access to this service" in answer.text


async def test_whoever_is_not_logged_in_is_sent_to_the_hub(service: Service) -> None:
    async with service.client() as client:
        answer = await client.get("")
    assert answer.status_code == 302
    assert "oauth2/authorize" in answer.headers["Location"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("admin/main.js", "text/javascript"), ("admin/admin.css", "text/css"), ("admin/theme.js", "text/javascript")],
)
async def test_files_come_with_their_type_and_are_asked_for_again_only_when_changed(
    service: Service, name: str, kind: str
) -> None:
    async with service.client() as client:
        first = await client.get(f"static/{name}")
        assert (first.status_code, first.headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")
        assert first.headers["X-Content-Type-Options"] == "nosniff"
        again = await client.get(f"static/{name}", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["", "admin", "nothing.js", "../pages/home.py", "%2e%2e/py.typed", "admin/../../settings.py"]
)
async def test_nothing_but_our_files_is_given(service: Service, path: str) -> None:
    async with service.client() as client:
        assert (await client.get(f"static/{path}")).status_code == 404
