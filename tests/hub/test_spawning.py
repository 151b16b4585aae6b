"""The gate before every start, in this process: places, refusals, state, users that are no real users."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jupyterhub import orm
from jupyterhub.spawner import SpawnException
from tests.conftest import until

from windlass_hub import local
from windlass_hub.chosen import Kept
from windlass_hub.local import WindlassLocalSpawner

CATALOGUE = """
profiles:
  - {slug: cpu, display_name: CPU, cpu: 2, memory: 4G, usd_per_hour: 0.5, images: [base], default: true}
  - {slug: one, display_name: The one, cpu: 1, memory: 1G, max_servers: 1}
  - {slug: mine, display_name: Two each, cpu: 1, memory: 1G, max_servers_per_user: 2}
  - {slug: gpu, display_name: GPU, cpu: 1, memory: 1G, gpu: {product: T4, count: 2}}
  - {slug: part, display_name: Part, cpu: 1, memory: 1G, gpu: {product: T4, mode: shared, replicas: 2}}
  - {slug: theirs, display_name: Theirs, cpu: 1, memory: 1G, groups: [research]}
  - {slug: env, display_name: Env, cpu: 1, memory: 1G, environment: {WHO: "{username}", RAW: "{x}"}}
images:
  - {slug: base, display_name: Base, image: "registry.example/base:1"}
"""


@pytest.fixture
def store(tmp_path: Path) -> str:
    (tmp_path / "profiles.yaml").write_text(CATALOGUE)
    return f"file:{tmp_path}/profiles.yaml"


def spawner(store: str, user: str = "ann", *, groups: tuple[str, ...] = (), **more: Any) -> Any:
    """A spawner without a hub's database behind it."""
    person = SimpleNamespace(
        name=user, admin=False, groups=[SimpleNamespace(name=g) for g in groups], url=f"/user/{user}/", settings={}
    )
    hub = SimpleNamespace(base_url="/hub/", public_host="", api_url="http://127.0.0.1:1/hub/api")
    return WindlassLocalSpawner(user=person, hub=hub, profile_store=store, **more)


async def test_a_place_is_given_once_even_to_two_at_the_same_moment(store: str) -> None:
    first, second = spawner(store, "ann"), spawner(store, "bob")
    for each in (first, second):
        each.user_options = {"profile": "one"}
    outcome = await asyncio.gather(first.choose(), second.choose(), return_exceptions=True)
    (refused,) = [error for error in outcome if isinstance(error, SpawnException)]
    assert refused.reason == "max_servers"
    assert refused.status_code == 429
    assert "The one" in refused.message
    winner, loser = (first, second) if first.chosen else (second, first)
    assert (await winner.choose()).profile.slug == "one", "one's own place does not stand in one's way"
    winner.clear_state()
    assert (await loser.choose()).profile.slug == "one"


async def test_a_place_is_held_after_a_restart_and_free_when_the_server_is_gone(store: str) -> None:
    before = spawner(store, "ann")
    before.user_options = {"profile": "one"}
    await before.choose()
    state = before.get_state()
    before.clear_state()

    after, other = spawner(store, "ann"), spawner(store, "bob")
    after.load_state(state)
    other.user_options = {"profile": "one"}
    with pytest.raises(SpawnException, match="taken"):
        await other.choose()
    after.set_trait("orm_spawner", orm.Spawner(name=""))
    assert (await other.choose()).profile.slug == "one", "the hub's database has no such server"


async def test_a_user_has_as_many_as_the_profile_says(store: str) -> None:
    servers = []
    for name in ("a", "b", "c"):
        entry = orm.Server(base_url="/", proto="http", ip="127.0.0.1", port=1, cookie_name="c")
        each = spawner(store)
        each.set_trait("orm_spawner", orm.Spawner(name=name, server=entry))
        each.user_options = {"profile": "mine"}
        servers.append(each)
    await servers[0].choose()
    await servers[1].choose()
    with pytest.raises(SpawnException, match="You have 2 servers of Two each"):
        await servers[2].choose()
    other = spawner(store, "bob")
    other.user_options = {"profile": "mine"}
    await other.choose()


@pytest.mark.parametrize(
    "options",
    [
        {"profile": "theirs"},
        {"profile": "gone"},
        {"profile": ""},
        {"profile": None},
        {"profile": ["cpu"]},
        {"profile": "cpu", "image": "registry.example/evil:1"},
        {"profile": "cpu", "image--unlisted-choice": "registry.example/evil:1"},
        {"image--unlisted-choice": "registry.example/evil:1"},
        {"image": "gone"},
        {"profile": "cpu", "cpu_limit": 64},
        {"kubespawner_override": {"image": "x"}},
        {"profile": "cpu\n"},
        {"profile": "c" * 400},
        {"profile": {"$ne": ""}},
        {"": "x"},
    ],
)
async def test_options_that_the_page_would_not_send_are_refused(store: str, options: dict[str, Any]) -> None:
    made = spawner(store)
    made.user_options = options
    with pytest.raises(SpawnException) as refused:
        await made.choose()
    assert refused.value.status_code == 400
    assert refused.value.reason == "option"
    assert refused.value.message.endswith((".", "them."))
    assert made.chosen is None


@given(
    options=st.dictionaries(
        st.one_of(st.sampled_from(["profile", "image", "image--unlisted-choice"]), st.text(max_size=20)),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40)),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=5,
        ),
        max_size=4,
    )
)
@settings(max_examples=200, deadline=None)
def test_any_options_are_either_taken_or_refused_with_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, options: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    if not path.exists():
        path.write_text(CATALOGUE)
    made = spawner(f"file:{path}")
    made.user_options = options
    try:
        choice = asyncio.run(made.choose())
    except SpawnException as error:
        outcome: tuple[Any, ...] = (error.status_code, "\n" in error.log_message)
    else:
        outcome = (choice.profile.slug == "theirs", choice.image in (None, "registry.example/base:1"))
    assert outcome in ((400, False), (False, True))


async def test_without_options_the_default_profile_is_checked_like_any_other(store: str) -> None:
    made = spawner(store)
    assert (await made.choose()).profile.slug == "cpu"
    assert made.chosen.usd_per_hour == 0.5
    assert made.chosen.image == "registry.example/base:1"


async def test_a_users_groups_open_profiles(store: str) -> None:
    made = spawner(store, groups=("research",))
    made.user_options = {"profile": "theirs"}
    assert (await made.choose()).profile.slug == "theirs"


async def test_users_that_are_mocks_are_in_no_group(store: str) -> None:
    made = spawner(store)
    made.user = Mock()
    made.user.name = "mock@name"
    assert made.person().groups == frozenset()
    assert made.person().admin is False
    made.user_options = {"profile": "theirs"}
    with pytest.raises(SpawnException):
        await made.choose()


async def test_a_store_that_breaks_leaves_the_last_good_copy_and_one_never_read_refuses(
    store: str, tmp_path: Path
) -> None:
    made = spawner(store)
    await made.choose()
    (tmp_path / "profiles.yaml").write_text("profiles: 7")
    assert (await made.choose()).profile.slug == "cpu"
    for address in (f"file:{tmp_path}/none.yaml", "nonsense", "configmap:hub/profiles"):
        never = spawner(address)
        with pytest.raises(SpawnException) as refused:
            await never.choose()
        assert (refused.value.reason, refused.value.status_code) == ("profiles_unavailable", 503)
        page = await never.get_options_form()
        assert "cannot be read" in page
        assert 'name="profile"' not in page
        assert str(tmp_path) not in page, "where the file lies is not for everybody"


async def test_what_was_started_is_kept_and_what_ended_is_told(store: str) -> None:
    made = spawner(store)
    assert "windlass" not in made.get_state()
    await made.choose()
    kept = made.get_state()["windlass"]["chosen"]
    assert (kept["profile"], kept["display_name"], kept["usd_per_hour"]) == ("cpu", "CPU", 0.5)
    assert kept["started_at"].endswith(("Z", "+00:00"))
    environment = made.get_env()
    assert environment["WINDLASS_PROFILE"] == "cpu"
    assert environment["WINDLASS_USD_PER_HOUR"] == "0.5"
    assert "WINDLASS_HUB_URL" not in environment
    made.ended("It ran out of memory.")
    made.clear_state()
    again = spawner(store)
    again.load_state(made.get_state())
    assert again.chosen is None
    assert "It ran out of memory." in await again.get_options_form()
    await again.choose()
    assert again.last_end is None


async def test_a_hub_that_ends_during_a_start_finds_the_server_again(store: str, tmp_path: Path) -> None:
    session = orm.new_session_factory(f"sqlite:///{tmp_path}/hub.sqlite")()
    user = orm.User(name="ann")
    entry = orm.Spawner(name="", user=user)
    session.add_all([user, entry])
    session.commit()
    made = spawner(
        store,
        orm_spawner=entry,
        cmd=[sys.executable, "-c", "import time; time.sleep(600)"],
        home_dir_template=f"{tmp_path}/{{username}}",
    )
    await made.start()
    try:
        session.rollback()
        after = spawner(store)
        after.load_state(session.query(orm.Spawner).one().state)
        assert await after.poll() is None
        assert after.chosen == made.chosen
    finally:
        made.proc.kill()
        made.proc.wait()
        session.close()
        session.get_bind().dispose()


@pytest.mark.parametrize("state", [{}, {"windlass": None}, {"windlass": 7}, {"windlass": {"chosen": {"profile": 1}}}])
def test_a_state_that_is_not_ours_is_passed_over(state: dict[str, Any]) -> None:
    assert Kept.from_state(state) == Kept()


def test_where_the_hub_service_is_is_told_with_the_hubs_own_prefix(store: str) -> None:
    made = spawner(store, hub_service_url="http://hub:8123/")
    made.hub.base_url = "/hubs/hub/"
    assert made.get_env()["WINDLASS_HUB_URL"] == "http://hub:8123/hubs/services/windlass/api"
    made.user_service_url = "http://hub.jhub:8123"
    assert made.get_env()["WINDLASS_HUB_URL"] == "http://hub.jhub:8123/hubs/services/windlass/api"


def test_without_a_store_the_spawner_is_what_it_was() -> None:
    made = spawner("")
    assert made.options_form == ""
    assert made.apply_user_options is None
    assert made.run_options_from_form({"a": ["b"]}) == {"a": ["b"]}
    assert not [name for name in made.get_env() if name.startswith("WINDLASS")]


async def test_a_link_names_options_shortly_and_one_without_any_starts_nothing(store: str) -> None:
    made = spawner(store)
    assert made.options_from_query({"profile": ["cpu"], "image": ["base"]}) == {"profile": "cpu", "image": "base"}
    form = {"profile": ["cpu"], "profile-option-cpu--image": ["base"], "_xsrf": ["x"]}
    assert made.options_from_query(form) == {"profile": "cpu", "image": "base"}
    for query in ({"_xsrf": ["x"]}, {"cpu_limit": ["64"]}, {"profile": ["cpu"], "cpu_limit": ["64"]}):
        with pytest.raises(SpawnException):
            made.options_from_query(query)


async def test_gpus_of_this_machine_are_given_to_one_server_at_a_time(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "gpu_ids", lambda: ("0", "1", "2"))

    async def take(user: str, profile: str) -> Any:
        made = spawner(store, user)
        made.user_options = {"profile": profile}
        made._choice = await made.choose()
        await made._take_gpus(made._choice.profile.gpu)
        return made

    first = await take("ann", "gpu")
    assert first.get_env()["CUDA_VISIBLE_DEVICES"] == "0,1"
    with pytest.raises(SpawnException, match="3 GPUs, of which 1 is free; 2 needed") as refused:
        await take("bob", "gpu")
    assert refused.value.reason == "capacity"
    shares = [await take(name, "part") for name in ("cyn", "dan")]
    assert [share.gpus for share in shares] == [("2",), ("2",)], "a card is cut into no more than its shares"
    with pytest.raises(SpawnException, match="of which 0 are free"):
        await take("gus", "part")
    again = spawner(store)
    again.load_state(first.get_state())
    assert again.gpus == ("0", "1")
    first.clear_state()
    again.clear_state()
    assert (await take("eve", "gpu")).gpus == ("0", "1")
    assert (await take("fay", "cpu")).get_env()["CUDA_VISIBLE_DEVICES"] == ""


async def test_limits_and_variables_of_the_profile_are_told_to_the_server(store: str) -> None:
    made = spawner(store, "an/n")
    made.user_options = {"profile": "env"}
    made._choice = await made.choose()
    environment = made.get_env()
    assert (environment["CPU_LIMIT"], environment["MEM_LIMIT"]) == ("1.0", "1000000000")
    assert (environment["WHO"], environment["RAW"]) == ("an%2Fn", "{x}")


@pytest.mark.parametrize(
    ("user", "folder"), [("ann", "ann"), ("a/b", "a%2Fb"), ("..", "%2E%2E"), ("é@x.y", "%C3%A9@x.y")]
)
def test_no_name_leads_out_of_the_folder_of_homes(user: str, folder: str) -> None:
    made = spawner("", user, home_dir_template="/srv/homes/{username}")
    assert made.home == Path("/srv/homes", folder)


@pytest.mark.parametrize(
    ("code", "said"),
    [("exit(3)", "exit status 3"), ("import os; os.kill(os.getpid(), 9)", "SIGKILL"), ("exit(0)", None)],
)
async def test_why_a_server_ended_is_told(tmp_path: Path, code: str, said: str | None) -> None:
    made = spawner("", cmd=[sys.executable, "-c", code], home_dir_template=f"{tmp_path}/{{username}}")
    await made.start()
    made.proc.wait(30)
    assert await made.poll() is not None
    assert (made.last_end is None) if said is None else (said in made.last_end)


async def test_a_server_that_the_hub_stops_did_not_end_by_itself(tmp_path: Path) -> None:
    made = spawner(
        "", cmd=[sys.executable, "-c", "import time; time.sleep(600)"], home_dir_template=f"{tmp_path}/{{username}}"
    )
    made.interrupt_timeout = 5
    await made.start()
    assert await made.poll() is None
    await made.stop()
    assert await made.poll() is not None
    assert made.last_end is None


async def test_another_process_with_the_number_of_an_old_one_is_not_the_server() -> None:
    mine = {"pid": os.getpid(), "began": psutil.Process().create_time()}
    made = spawner("")
    made.load_state(mine)
    assert await made.poll() is None
    made = spawner("")
    made.load_state(mine | {"began": mine["began"] - 1000})
    assert await made.poll() == 0


async def test_a_server_that_died_while_the_hub_was_away_is_seen_though_nobody_buried_it() -> None:
    process = psutil.Popen([sys.executable, "-c", ""])
    try:
        until(lambda: process.status() == psutil.STATUS_ZOMBIE, what="the process's end")
        made = spawner("")
        made.load_state({"pid": process.pid})
        assert await made.poll() == 0
        assert "while the hub was restarted" in made.last_end
    finally:
        process.wait()
