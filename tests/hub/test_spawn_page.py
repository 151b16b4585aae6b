"""Spawn page, REST and links of a real hub: what is chosen is started, and nothing else ever is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.hub import real_hub
from tests.hub.real_hub import Hub

from windlass_hub.profiles.access import Person
from windlass_hub.profiles.model import load_catalogue
from windlass_hub.profiles.options import OptionError, resolve

BOB = Person(name="bob")
FREE = """
  - {slug: free, display_name: Free, cpu: 1, memory: 1G, free_image: {pattern: '[a-z/.]+', hint: Lower case only}}
  - {slug: one, display_name: The one, cpu: 1, memory: 1G, max_servers: 1}
  - {slug: gpus, display_name: Many GPUs, cpu: 1, memory: 1G, gpu: {product: T4, count: 64}, max_servers: 1}
images:"""
WITH_MORE = real_hub.CATALOGUE.replace("\nimages:", FREE)

BAD = {
    "an unknown profile": {"profile": "gone"},
    "another group's profile": {"profile": "research"},
    "another group's profile with its image": {"profile": "research", "image": "torch"},
    "an image of another profile": {"profile": "small", "image": "torch"},
    "an image of none": {"profile": "cpu", "image": "gone"},
    "an image by its name": {"profile": "cpu", "image": "registry.example/base:1"},
    "an image of one's own where none may be": {"profile": "cpu", "image--unlisted-choice": "evil/x"},
    "that without a profile": {"image--unlisted-choice": "evil/x"},
    "one that only begins as it should": {"profile": "free", "image--unlisted-choice": "a/b:EVIL"},
    "two images": {"profile": "free", "image": "base", "image--unlisted-choice": "a/b"},
    "a trait of the spawner": {"profile": "cpu", "cpu_limit": "64"},
    "another trait": {"profile": "cpu", "cmd": "/bin/sh"},
    "a line break": {"profile": "cpu\n"},
    "a path": {"profile": "../cpu"},
    "much text": {"profile": "cpu" * 200},
    "markup": {"profile": "<img src=x onerror=alert(1)>"},
}
BAD_JSON = {
    "a list": {"profile": ["cpu"]},
    "a number": {"profile": 1},
    "nothing": {"profile": None},
    "an object": {"profile": {"slug": "cpu"}},
    "an override": {"kubespawner_override": {"image": "x"}},
    "empty text": {"profile": ""},
}


def form_of(options: dict[str, Any]) -> dict[str, str]:
    slug = options.get("profile", "")
    named = {"profile": slug} if "profile" in options else {}
    return named | {f"profile-option-{slug}--{k}": v for k, v in options.items() if k != "profile"}


def post_form(hub: Hub, browser: httpx.Client, fields: dict[str, str]) -> httpx.Response:
    xsrf = next(
        cookie.value for cookie in browser.cookies.jar if cookie.name == "_xsrf" and cookie.path == "/hubs/hub/"
    )
    return browser.post(f"{hub.url}hub/spawn", params={"_xsrf": xsrf}, data=fields)


def failures(hub: Hub) -> dict[str, float]:
    """How many starts JupyterHub counted, by status and reason."""
    text = httpx.get(f"{hub.url}hub/metrics", headers={"Authorization": f"token {hub.token}"}, timeout=30).text
    lines = [line for line in text.splitlines() if "server_spawn_duration_seconds_count{" in line]
    return {line.split("{")[1].split("}")[0]: float(line.rsplit(" ", 1)[1]) for line in lines}


@pytest.mark.parametrize("what", [*BAD, *BAD_JSON])
def test_rest_starts_nothing_with(hub: Hub, what: str) -> None:
    hub.catalogue.write_text(WITH_MORE)
    answer = hub.api("POST", "users/bob/server", json={"user_options": (BAD | BAD_JSON)[what]})
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].endswith(".")
    assert not hub.server("bob")


def test_the_form_starts_nothing_with_any_of_them(hub: Hub) -> None:
    hub.catalogue.write_text(WITH_MORE)
    with hub.browser("bob") as browser:
        for what, options in BAD.items():
            if what in ("two images", "a line break"):
                continue  # a form sends both fields, and the list counts; white space around a field is cut
            answer = post_form(hub, browser, form_of(options))
            assert answer.status_code == 400, (what, answer.status_code)
            assert "spawn-error-msg" in answer.text, what
            assert "<img src=x" not in answer.text, what
    assert not hub.server("bob")


def test_a_link_starts_nothing_with_any_of_them(hub: Hub) -> None:
    hub.catalogue.write_text(WITH_MORE)
    with hub.browser("bob") as browser:
        for what, options in (BAD | {"nothing of ours": {"_xsrf": "x"}}).items():
            for prefix in ("", "opt-"):
                if what == "nothing of ours" and prefix:
                    continue
                query = {f"{prefix}{name}": value for name, value in options.items()}
                answer = browser.get(f"{hub.url}hub/spawn", params=query)
                assert answer.status_code == 400, (what, answer.status_code)
                assert "spawn-error-msg" in answer.text, what
    assert not hub.server("bob")


def test_options_set_while_a_server_is_stopped_are_checked_at_its_start(hub: Hub) -> None:
    hub.start_server("bob", {"profile": "cpu"}, name="second")
    hub.stop_server("bob", name="second")
    changed = hub.api("PATCH", "users/bob/servers/second", json={"user_options": {"profile": "research"}})
    assert changed.is_success, changed.text
    answer = hub.api("POST", "users/bob/servers/second")
    assert answer.status_code == 400
    assert "not open to you" in answer.json()["message"]
    assert not hub.server("bob", name="second").get("ready")
    hub.ask("DELETE", "users/bob/servers/second", json={"remove": True})


_CATALOGUE = load_catalogue(WITH_MORE)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=30)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)
_KEYS = st.one_of(st.sampled_from(["profile", "image", "image--unlisted-choice"]), st.text(max_size=12))


@given(options=st.dictionaries(_KEYS, _JSON | st.sampled_from(["cpu", "free", "base", "research", "x/y"]), max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_posted_is_refused_with_a_sentence_unless_it_is_on_offer(hub: Hub, options: dict[str, Any]) -> None:
    try:
        resolve(options, catalogue=_CATALOGUE, person=BOB)
    except OptionError:
        pass
    else:
        assume(False)
    if hub.catalogue.read_text() != WITH_MORE:
        hub.catalogue.write_text(WITH_MORE)
    answer = hub.api("POST", "users/bob/server", json={"user_options": options})
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"]


def test_refusals_are_no_errors_of_the_hub(hub: Hub) -> None:
    before = failures(hub)
    for _ in range(6):  # one more than what makes JupyterHub give up
        assert hub.api("POST", "users/bob/server", json={"user_options": {"profile": "gone"}}).status_code == 400
    after = failures(hub)
    assert sum(n for k, n in after.items() if 'reason="option"' in k and 'status="failure"' in k) >= 6
    errors = {k: n for k, n in after.items() if 'status="error"' in k}
    assert errors == {k: n for k, n in before.items() if 'status="error"' in k}
    assert hub.process is not None
    assert hub.process.poll() is None


def test_the_page_shows_what_is_open_to_whom(hub: Hub) -> None:
    with hub.browser("ann") as ann, hub.browser("bob") as bob:
        mine, theirs = (browser.get(f"{hub.url}hub/spawn").text for browser in (ann, bob))
    assert "For the research group." in mine
    assert "Only for members of research." in theirs
    assert "Only for members" not in mine
    assert "$0.12 per hour" in theirs


def test_what_the_form_says_is_what_the_server_is_told(hub: Hub) -> None:
    with hub.browser("ann") as browser:
        answer = post_form(hub, browser, {"profile": "research", "profile-option-cpu--image": "base"})
        assert answer.status_code == 200, answer.text
    real_hub.until(lambda: hub.server("ann").get("ready"), what="the server's start")
    found = hub.server("ann")
    chosen = found["state"]["windlass"]["chosen"]
    assert (chosen["profile"], chosen["image"]) == ("research", "registry.example/torch:2")
    assert found["user_options"] == {"profile": "research"}
    environment = psutil.Process(found["state"]["pid"]).environ()
    assert environment["WINDLASS_PROFILE"] == "research"
    assert environment["DATASET"] == "digits"
    assert environment["WINDLASS_HUB_URL"] == f"{hub.service_url}/hubs/services/windlass/api"
    assert environment["MEM_LIMIT"] == "2000000000"
    assert environment["CUDA_VISIBLE_DEVICES"] == ""
    with hub.client("ann") as http:
        assert http.get("/info").json()["on_hub"] is True
    assert "unhandled user_options" not in hub.log


def test_a_link_starts_what_it_names(hub: Hub) -> None:
    with hub.browser("bob") as browser:
        answer = browser.get(f"{hub.url}hub/spawn", params={"opt-profile": "cpu", "opt-image": "torch"})
        assert answer.status_code == 200
    real_hub.until(lambda: hub.server("bob").get("ready"), what="the server's start")
    assert hub.server("bob")["user_options"] == {"profile": "cpu", "image": "torch"}


def test_of_two_starts_at_once_one_has_the_last_place_also_after_a_restart(hub: Hub) -> None:
    hub.catalogue.write_text(WITH_MORE)

    def start(user: str) -> httpx.Response:
        return hub.api("POST", f"users/{user}/server", json={"user_options": {"profile": "one"}})

    with ThreadPoolExecutor(2) as pool:
        answers = dict(zip(("ann", "bob"), pool.map(start, ("ann", "bob")), strict=True))
    refused = [user for user, answer in answers.items() if answer.status_code == 429]
    assert len(refused) == 1, {user: answer.text for user, answer in answers.items()}
    (loser,) = refused
    (winner,) = answers.keys() - {loser}
    real_hub.until(lambda: hub.server(winner).get("ready"), what="the start")
    before = hub.server(winner)

    hub.restart(kill=True)
    after = hub.server(winner)
    assert after["ready"]
    assert (after["state"], after["user_options"]) == (before["state"], before["user_options"])
    assert start(loser).status_code == 429
    with hub.browser(loser) as browser:
        assert "The only server of The one" in browser.get(f"{hub.url}hub/spawn").text
    hub.stop_server(winner)
    hub.start_server(loser, {"profile": "one"})
    hub.stop_server(loser)
    assert hub.api("POST", f"users/{winner}/server").status_code in (201, 202), "started again as it was"
    real_hub.until(lambda: hub.server(winner).get("ready"), what="the start")
    assert hub.server(winner)["user_options"] == {"profile": "one"}


def test_a_start_that_fails_gives_its_place_back(hub: Hub) -> None:
    hub.catalogue.write_text(WITH_MORE)
    for user in ("ann", "bob", "ann"):
        answer = hub.api("POST", f"users/{user}/server", json={"user_options": {"profile": "gpus"}})
        assert answer.status_code == 503
        assert "64 needed" in answer.json()["message"]


def test_an_edit_holds_for_the_next_start_and_a_broken_one_for_none(hub: Hub) -> None:
    hub.catalogue.write_text(real_hub.CATALOGUE.replace("memory: 4G", "memory: 3G").replace("0.12", "0.11"))
    hub.start_server("bob", {"profile": "cpu"})
    environment = psutil.Process(hub.server("bob")["state"]["pid"]).environ()
    assert (environment["MEM_LIMIT"], environment["WINDLASS_USD_PER_HOUR"]) == ("3000000000", "0.11")
    hub.stop_server("bob")
    hub.catalogue.write_text("profiles: [{slug: cpu}]\n")
    with hub.browser("bob") as browser:
        assert "3 GB memory" in browser.get(f"{hub.url}hub/spawn").text
    hub.start_server("bob", {"profile": "cpu"})


def test_a_server_that_died_says_so_on_the_next_page(hub: Hub) -> None:
    hub.start_server("bob", {"profile": "cpu"})
    psutil.Process(hub.server("bob")["state"]["pid"]).kill()
    real_hub.until(lambda: not hub.server("bob").get("ready"), what="the hub's look at the server")
    with hub.browser("bob") as browser:
        page = unescape(browser.get(f"{hub.url}hub/spawn").text)
    assert "Your last server was ended from outside (SIGKILL)" in page


def test_profiles_that_were_never_read_start_nothing_and_stop_no_hub(tmp_path: Path) -> None:
    if real_hub.MISSING:
        pytest.skip(real_hub.MISSING)
    with real_hub.running(tmp_path, catalogue=None, people={"bob": ()}) as hub:
        with hub.browser("bob") as browser:
            page = browser.get(f"{hub.url}hub/spawn").text
            assert "cannot be read at the moment" in page
            assert str(tmp_path) not in page
        for _ in range(6):
            answer = hub.api("POST", "users/bob/server", json={"user_options": {"profile": "cpu"}})
            assert answer.status_code == 503
            assert "Try again in a minute" in answer.json()["message"]
        assert hub.process is not None
        assert hub.process.poll() is None
        hub.catalogue.write_text(real_hub.CATALOGUE)
        hub.start_server("bob", {"profile": "cpu"})
