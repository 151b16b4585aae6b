"""Names of users' namespaces, whose they are, and what is in them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.kube.names import user_slug
from windlass_hub.access import HUB_LABEL, USERNAME_ANNOTATION
from windlass_hub.namespaces import Plan, contents, namespace, namespace_for, ownership
from windlass_hub.profiles.access import Person
from windlass_hub.profiles.model import Catalogue
from windlass_hub.settings import Settings

VALID = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
# Mostly names as people have them, and names made to trick.
NAMES = st.one_of(
    st.text(min_size=1, max_size=80),
    st.text(alphabet="ab-", min_size=1, max_size=70),
    st.text(alphabet="aA.@_-é ", min_size=1, max_size=70),
)
HUBS = st.tuples(
    st.from_regex(Settings.model_fields["namespace_prefix"].metadata[0].pattern, fullmatch=True),
    st.one_of(st.just("hub"), st.from_regex(Settings.model_fields["hub_id"].metadata[0].pattern, fullmatch=True)),
)


@pytest.mark.parametrize(
    ("username", "name"),
    [
        ("ada", "wl-ada"),
        ("ada-lovelace", "wl-ada-lovelace"),
        ("7of9", "wl-7of9"),
        ("x" * 60, "wl-" + "x" * 60),
        ("ada@example.org", "wl-ada-example-org---4b3c5d2f0a5c"),
        ("Ada", "wl-ada---"),
        ("ada--lovelace", "wl-ada-lovelace---"),
        ("-ada", "wl-ada---"),
        ("ada-", "wl-ada---"),
        ("../../etc/passwd", "wl-etc-passwd---"),
        ("愛", "wl-x---"),
        (" ", "wl-x---"),
    ],
)
def test_names_people_have(username: str, name: str) -> None:
    found = namespace_for(username, prefix="wl", hub_id="hub")
    if "---" in name:
        name = name[: name.index("---") + 3]
        assert re.fullmatch(re.escape(name) + "[0-9a-f]{12}", found)
    else:
        assert found == name


def test_a_name_too_long_is_cut_and_hashed() -> None:
    one, two = (namespace_for("x" * length, prefix="wl", hub_id="hub") for length in (61, 62))
    assert len(one) == len(two) == 63
    assert one != two


@given(username=NAMES, hub=HUBS)
def test_a_name_is_valid_whatever_the_user_is_called(username: str, hub: tuple[str, str]) -> None:
    prefix, hub_id = hub
    name = namespace_for(username, prefix=prefix, hub_id=hub_id)
    assert len(name) <= 63
    assert VALID.fullmatch(name)
    assert name.startswith(f"{prefix}-")


@given(username=NAMES)
def test_a_slug_is_a_label_value(username: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", user_slug(username))
    assert len(user_slug(username)) <= 63


@given(one=NAMES, two=NAMES, hub=HUBS)
def test_two_users_never_share_a_name(one: str, two: str, hub: tuple[str, str]) -> None:
    prefix, hub_id = hub
    names = {namespace_for(username, prefix=prefix, hub_id=hub_id) for username in (one, two)}
    assert len(names) == len({one, two})


@given(one=NAMES, two=NAMES)
def test_a_name_that_looks_hashed_is_hashed_again(one: str, two: str) -> None:
    made = user_slug(one)
    assert user_slug(made) == made or "---" in made
    if made != one:
        assert user_slug(made) != made
    assert (user_slug(one) == user_slug(two)) == (one == two)


@given(username=NAMES, ids=st.lists(st.sampled_from(["hub", "a", "a-b", "b", "h" * 32]), min_size=2, unique=True))
def test_hubs_with_one_prefix_do_not_meet(username: str, ids: list[str]) -> None:
    names = [namespace_for(username, prefix="wl", hub_id=hub_id) for hub_id in ids]
    assert len(set(names)) == len(names)


def _plan(**changes: object) -> Plan:
    settings = Settings(isolation=changes.pop("isolation", "own"))  # type: ignore[arg-type]
    given = {
        "name": "wl-ada",
        "person": Person(name="ada"),
        "catalogue": Catalogue(),
        "settings": settings,
        "hub_namespace": "jupyterhub",
    }
    return Plan(**{**given, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("labels", "annotations", "why"),
    [
        ({}, {}, "not made by Windlass"),
        ({HUB_LABEL: "hub"}, {USERNAME_ANNOTATION: "ada"}, "not made by Windlass"),
        ({"app.kubernetes.io/managed-by": "windlass"}, {USERNAME_ANNOTATION: "ada"}, "not made by Windlass"),
        ({HUB_LABEL: "b", "app.kubernetes.io/managed-by": "windlass"}, {USERNAME_ANNOTATION: "ada"}, "the hub b"),
        ({HUB_LABEL: "hub", "app.kubernetes.io/managed-by": "windlass"}, {USERNAME_ANNOTATION: "Ada"}, "another user"),
        ({HUB_LABEL: "hub", "app.kubernetes.io/managed-by": "windlass"}, {}, "another user"),
        ({HUB_LABEL: "hub", "app.kubernetes.io/managed-by": "windlass"}, {USERNAME_ANNOTATION: "ada"}, None),
    ],
)
def test_whose_a_namespace_is(labels: dict[str, str], annotations: dict[str, str], why: str | None) -> None:
    found = {"metadata": {"labels": labels, "annotations": annotations}}
    answer = ownership(found, username="ada", hub_id="hub")
    assert answer is None if why is None else why in str(answer)


def test_what_is_made_is_owned() -> None:
    _, made = namespace(_plan())
    assert ownership(made, username="ada", hub_id="hub") is None
    assert ownership({"metadata": {"labels": None, "annotations": None}}, username="ada", hub_id="hub") is not None


@pytest.mark.parametrize("isolation", ["own", "beside"])
def test_everything_is_in_the_namespace_and_carries_whose_it_is(isolation: str) -> None:
    plan = _plan(isolation=isolation)
    for _, body in contents(plan, {"HF_TOKEN": "x"}):
        assert body["metadata"]["namespace"] == "wl-ada"
        assert body["metadata"]["labels"].items() >= {HUB_LABEL: "hub", "windlass.io/user": "ada"}.items()


def test_nothing_is_said_of_a_secret_that_could_not_be_read() -> None:
    assert not [body for kind, body in contents(_plan(), None) if kind.kind == "Secret"]
