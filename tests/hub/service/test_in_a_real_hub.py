"""The service as a real hub starts it: asked by users' servers with their tokens, and by browsers that logged in."""

from __future__ import annotations

import httpx
import psutil
import pytest
from tests.hub import real_hub
from tests.hub.real_hub import Hub

from windlass_hub.service.hub_api import HubApi
from windlass_hub.service.reconciling import HubServers
from windlass_hub.settings import COSTS_READ, PROFILES_READ, PROFILES_WRITE, SERVICE_NAME

pytestmark = pytest.mark.skipif(bool(real_hub.MISSING), reason=real_hub.MISSING or "")


def environment_where(hub: Hub, name: str, value: str) -> dict[str, str]:
    """What the hub gave the process in whose environment this is."""
    for process in psutil.process_iter():
        try:
            found = process.environ()
        except (psutil.Error, OSError):
            continue
        if found.get(name) == value and found.get(real_hub.MARK) == hub.run_id:
            return found
    raise AssertionError(f"The process of {value} does not run.")


def server_environment(hub: Hub, user: str) -> dict[str, str]:
    """What the hub gave the server of `user`: its own token, and where the service is."""
    return environment_where(hub, "JUPYTERHUB_USER", user)


def ask(environment: dict[str, str], path: str, method: str = "GET") -> httpx.Response:
    headers = {"Authorization": f"token {environment['JUPYTERHUB_API_TOKEN']}"}
    return httpx.request(method, f"{environment['WINDLASS_HUB_URL']}/{path}", headers=headers, timeout=30)


def test_a_users_server_is_told_who_it_serves_and_what_there_is(hub: Hub) -> None:
    hub.wait_for_service()
    hub.start_server("ann", {"profile": "cpu"})
    server = server_environment(hub, "ann")
    me = ask(server, "me").json()
    assert (me["name"], me["groups"], me["admin"], me["scopes"]) == ("ann", ["research"], False, [])
    assert {"prices", "images", "profiles", "capacity"} <= set(me["features"])
    assert ask(server, "prices").json()["currency"] == "USD"
    assert [image["slug"] for image in ask(server, "images").json()["items"]] == ["base", "torch"]
    assert "research" in [profile["slug"] for profile in ask(server, "profiles").json()["items"]]
    assert ask(server, "capacity").json()["source"] == "machine"
    with hub.client("ann") as own:
        told = own.get("/info").json()["hub"]
        assert told == {
            "user": "ann",
            "groups": ["research"],
            "jobs_namespace": None,
            "profile": "cpu",
            "usd_per_hour": 0.12,
            "message": None,
        }
        checks = {check["name"]: check["message"] for check in own.get("/doctor").json()["items"]}
        assert checks["hub groups"] == "ann, in research"
        assert checks["hub"].startswith("reachable: Windlass ")
    refused = ask(server, "token", "POST")
    assert (refused.status_code, refused.headers["Content-Type"]) == (503, "application/problem+json")


def test_the_server_of_an_admin_reaches_nothing_of_the_admins(hub: Hub) -> None:
    hub.wait_for_service()
    hub.start_server("wendy", {"profile": "cpu"})
    server = server_environment(hub, "wendy")
    assert ask(server, "me").json()["scopes"] == []
    for path in ("admin/catalogue", "admin/servers", "admin/audit", "admin/history"):
        assert ask(server, path).status_code == 403, path


def test_what_a_token_holds_is_what_its_user_may(hub: Hub) -> None:
    hub.wait_for_service()
    expected = {
        "wendy": {PROFILES_READ, PROFILES_WRITE, COSTS_READ},
        "rita": {PROFILES_READ, COSTS_READ},
        "root": set(),
        "bob": set(),
    }
    for user, scopes in expected.items():
        me = hub.service("GET", "api/me", user=user).json()
        assert (me["name"], set(me["scopes"])) == (user, scopes)
    assert hub.service("GET", "api/me", user="root").json()["admin"] is True
    assert hub.service("GET", "api/admin/catalogue", user="rita").status_code == 200
    for user in ("rita", "root", "bob"):
        put = hub.service("PUT", "api/admin/catalogue", user=user, json={})
        assert put.status_code == 403, (user, put.text)


def test_a_browser_logs_in_through_the_hub_and_its_cookie_counts_with_the_xsrf_token_only(hub: Hub) -> None:
    hub.wait_for_service()
    with hub.browser("wendy") as browser:
        page = browser.get(f"{hub.url}services/windlass/api/me", follow_redirects=True)
        assert page.status_code == 401, "REST sends nobody to a login"
        home = browser.get(f"{hub.url}services/windlass/", follow_redirects=True)
        assert home.status_code == 200, home.text
        assert "frame-ancestors 'none'" in home.headers["Content-Security-Policy"]
        (xsrf,) = [found.value for found in browser.cookies.jar if found.name == "_xsrf" and "services" in found.path]
        api = f"{hub.url}services/windlass/api"
        sent_by_script = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
        assert browser.get(f"{api}/me", headers=sent_by_script).status_code == 403
        proven = {**sent_by_script, "X-XSRFToken": xsrf or ""}
        me = browser.get(f"{api}/me", headers=proven)
        assert me.json()["name"] == "wendy"
        assert PROFILES_WRITE in me.json()["scopes"]
        document = {"profiles": []}
        assert browser.put(f"{api}/admin/catalogue", json=document).status_code == 403
        forged = {**proven, "X-XSRFToken": "forged"}
        assert browser.put(f"{api}/admin/catalogue", json=document, headers=forged).status_code == 403
        taken = browser.post(f"{api}/admin/catalogue/validate", json=document, headers=proven)
        assert taken.status_code == 200, taken.text
        log = browser.get(f"{api}/admin/audit", params={"who": "(unknown)"}, headers=proven).json()["entries"]
        refused = {entry["action"].split()[0]: entry["detail"]["reason"] for entry in log}
        assert refused.keys() == {"GET", "PUT"}
        assert all("XSRF" in reason for reason in refused.values())


def test_who_lost_a_right_writes_nothing_more(hub: Hub) -> None:
    """Rights are asked of the hub anew for each change, whatever was true a second ago."""
    hub.wait_for_service()
    hub.ask("POST", "groups/platform/users", json={"users": ["bob"]})
    try:
        answer = hub.service("POST", "api/admin/catalogue/validate", user="bob", json={"profiles": []})
        assert answer.status_code == 200, answer.text
    finally:
        hub.ask("DELETE", "groups/platform/users", content='{"users": ["bob"]}')
    answer = hub.service("POST", "api/admin/catalogue/validate", user="bob", json={"profiles": []})
    assert answer.status_code == 403


def test_the_log_of_decisions_outlives_a_restart_of_the_hub(hub: Hub) -> None:
    hub.wait_for_service()
    assert hub.service("GET", "api/admin/catalogue", user="bob").status_code == 403
    hub.restart()
    hub.wait_for_service()
    entries = hub.service("GET", "api/admin/audit", user="wendy").json()
    assert any(entry["who"] == "bob" and entry["decision"] == "refused" for entry in entries["entries"]), entries


async def test_with_its_scopes_the_service_learns_whose_server_runs(hub: Hub) -> None:
    hub.wait_for_service()
    hub.start_server("ann", {"profile": "cpu"})
    given = environment_where(hub, "JUPYTERHUB_SERVICE_NAME", SERVICE_NAME)
    api = HubApi(url=given["JUPYTERHUB_API_URL"], token=given["JUPYTERHUB_API_TOKEN"])
    assert set(await HubServers(api).running() or ()) == {"ann"}
    await api.close()
