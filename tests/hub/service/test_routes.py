"""Every route × every verb of the whole application: nobody gets in who may not, whatever handler is added."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from tests.hub.service.conftest import PREFIX, Service

from windlass_hub.service.answers import AnswerHandler
from windlass_hub.service.auth import CallbackHandler, PageHandler, ServiceHandler
from windlass_hub.settings import ACCESS_SERVICE, COSTS_READ, PROFILES_READ, PROFILES_WRITE

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
CUSTOM = {PROFILES_READ, PROFILES_WRITE, COSTS_READ}
OPEN = {"api/health", "api/internal/capacity", "api/internal/budget", "oauth_callback", ""}
"""What needs no identity of the hub: a probe, the hub's own secret, the login's end, the redirect to the home page."""


ME: tuple[str, ...] = ()
READ, WRITE = (PROFILES_READ,), (PROFILES_READ, PROFILES_WRITE)
COSTS, BUDGETS = (COSTS_READ,), (PROFILES_WRITE, COSTS_READ)
NEEDED: dict[str, dict[str, tuple[str, ...]]] = {
    "api/me": {"GET": ME},
    "api/token": {"POST": ME},
    "api/prices": {"GET": ME},
    "api/images": {"GET": ME},
    "api/profiles": {"GET": ME},
    "api/capacity": {"GET": ME},
    "api/metrics": {"GET": ME},
    "api/promotions": {"GET": ME},
    "api/models/1/promotions": {"GET": ME, "POST": ME},
    "api/models/1/promotions/1": {"POST": ME},
    "api/models/1/promotions/1/comparison": {"GET": ME},
    "api/models/1/versions": {"POST": ME},
    "api/models/1/promotion-terms": {"GET": ME},
    "api/audit/model-reads": {"POST": ME},
    "api/costs": {"GET": ME},
    "api/budgets": {"GET": ME},
    "api/server-cost": {"GET": ME},
    "api/admin/budgets/1/1/1": {"PUT": BUDGETS},
    "metrics": {"GET": COSTS},
    "api/admin/catalogue": {"GET": READ, "PUT": WRITE},
    "api/admin/catalogue/validate": {"POST": READ},
    "api/admin/catalogue/yaml": {"GET": READ, "PUT": WRITE},
    "api/admin/history": {"GET": READ},
    "api/admin/history/1": {"GET": READ},
    "api/admin/history/1/restore": {"POST": WRITE},
    "api/admin/preview": {"POST": READ},
    "api/admin/servers": {"GET": READ},
    "api/admin/audit": {"GET": WRITE},
    "": {"GET": ME},
    "promotions": {"GET": ME},
    "costs": {"GET": ME},
}
"""What each route needs, written a second time: a new route, or one that needs less than before, is to be looked at."""


def routes(service: Service) -> Iterator[tuple[str, type]]:
    """Each route's address (with something in the place of each group) and its handler."""
    for rule in service.app.wildcard_router.rules:
        pattern = rule.matcher.regex.pattern.removesuffix("$")
        yield re.sub(r"\([^)]*\)", "1", pattern).removeprefix(PREFIX), rule.target


def guarded(service: Service) -> list[tuple[str, type[ServiceHandler]]]:
    return [
        (path, handler)
        for path, handler in routes(service)
        if issubclass(handler, ServiceHandler) and not issubclass(handler, CallbackHandler)
    ]


async def ask(service: Service, who: str | None, verb: str, path: str) -> httpx.Response:
    async with service.client(who) as http:
        return await http.request(verb, path, json={} if verb in ("POST", "PUT", "PATCH") else None)


async def test_every_route_and_verb_needs_what_is_written_here(service: Service) -> None:
    found = {path: {verb: tuple(handler.scopes[verb]) for verb in handler.scopes} for path, handler in guarded(service)}
    assert found == NEEDED


@pytest.mark.parametrize("missing", sorted(CUSTOM))
async def test_all_scopes_but_one_are_not_enough(service: Service, missing: str) -> None:
    everything = {ACCESS_SERVICE, *CUSTOM, "admin:users", "admin:servers", "access:services", "self"}
    service.tokens["almost"] = service.hub.add("almost", *(everything - {missing}))
    for path, verbs in NEEDED.items():
        for verb, scopes in verbs.items():
            if missing in scopes:
                answer = await ask(service, "almost", verb, path)
                assert answer.status_code == 403, (verb, path, answer.text)
                assert missing in answer.json()["detail"]


async def test_what_is_open_is_a_short_list(service: Service) -> None:
    open_to_all = {path for path, handler in routes(service) if not issubclass(handler, ServiceHandler)}
    assert {path for path in open_to_all if not path.startswith(("static/", PREFIX.rstrip("/")))} <= OPEN
    assert len(guarded(service)) >= 7


@pytest.mark.parametrize("verb", VERBS)
async def test_nobody_gets_in_without_logging_in(service: Service, verb: str) -> None:
    for path, handler in guarded(service):
        answer = await ask(service, None, verb, path)
        if answer.status_code == 302:
            assert issubclass(handler, PageHandler)
            assert answer.headers["Location"].startswith("/hub/api/oauth2/authorize?")
        else:
            assert answer.status_code in (401, 403, 405), (verb, path, answer.status_code)
        assert answer.status_code != 405 or verb not in handler.scopes, (verb, path)


@pytest.mark.parametrize("verb", VERBS)
async def test_a_wrong_token_gets_nobody_in(service: Service, verb: str) -> None:
    for path, handler in guarded(service):
        async with service.client(None, headers={"Authorization": "token guessed"}) as http:
            answer = await http.request(verb, path)
        expected = (302, 401) if issubclass(handler, PageHandler) else (401,)
        assert answer.status_code in (expected if verb in handler.scopes else (405,)), (verb, path)


@pytest.mark.parametrize("verb", VERBS)
async def test_who_has_no_access_to_the_service_is_refused_everywhere(service: Service, verb: str) -> None:
    for path, handler in guarded(service):
        answer = await ask(service, "stranger", verb, path)
        assert answer.status_code == (403 if verb in handler.scopes else 405), (verb, path, answer.text)


@pytest.mark.parametrize("who", ["plain", "ann", "admin"])
async def test_without_the_scope_a_user_a_users_server_and_a_hub_admin_are_refused(service: Service, who: str) -> None:
    """`ann` is the token of a user's server; `admin` may do everything in the hub and holds no scope of ours."""
    looked_at = 0
    for path, handler in guarded(service):
        for verb in handler.scopes:
            needed = CUSTOM & set(handler.scopes[verb])
            if needed:
                looked_at += 1
                answer = await ask(service, who, verb, path)
                assert answer.status_code == 403, (verb, path, answer.text)
    assert looked_at or not any("admin/" in path for path, _ in guarded(service))


async def test_who_may_read_may_not_write(service: Service) -> None:
    for path, handler in guarded(service):
        for verb in handler.scopes:
            if PROFILES_WRITE in handler.scopes[verb]:
                answer = await ask(service, "reader", verb, path)
                assert answer.status_code == 403, (verb, path, answer.text)
                assert answer.json()["type"] == "windlass:forbidden"


async def test_what_changes_something_needs_more_than_reading(service: Service) -> None:
    """A verb that is not safe needs the right to write, but for what is the caller's own, and checks.

    Promotions have rules of their own (tests/hub/promotions): MLflow's permissions, and the groups an admin names.
    """
    own = {
        "api/token",
        "api/audit/model-reads",
        "api/models/1/promotions",
        "api/models/1/promotions/1",
        "api/models/1/versions",
    }
    harmless = own | {"api/admin/catalogue/validate", "api/admin/preview"}
    for path, handler in guarded(service):
        for verb in set(handler.scopes) - {"GET", "HEAD"}:
            if path not in harmless:
                assert PROFILES_WRITE in handler.scopes[verb], (verb, path)


async def test_verbs_are_offered_where_they_are_implemented(service: Service) -> None:
    for path, handler in guarded(service):
        for verb in VERBS:
            inherited = getattr(handler, verb.lower()) is getattr(AnswerHandler, verb.lower())
            assert inherited == (verb not in handler.scopes), (verb, path)


@pytest.mark.parametrize("verb", VERBS)
async def test_every_answer_forbids_framing_sniffing_and_keeping(service: Service, verb: str) -> None:
    for path, _handler in routes(service):
        if path.startswith(("static/", PREFIX.rstrip("/"))):
            continue
        for who in (None, "plain"):
            headers = (await ask(service, who, verb, path)).headers
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], (verb, path)
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] == "no-store"
            assert "TornadoServer" not in headers.get("Server", "")


async def test_what_is_not_there_is_said_so(service: Service) -> None:
    for verb in VERBS:
        answer = await ask(service, "writer", verb, "api/nothing")
        assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_verb_that_is_not_offered_names_those_that_are(service: Service) -> None:
    answer = await ask(service, "plain", "DELETE", "api/token")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    answer = await ask(service, "plain", "DELETE", "api/health")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
