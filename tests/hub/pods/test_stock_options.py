"""Options against a stock `profile_list`, as they come by form, by REST and from the database."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyterhub.spawner import SpawnException

from windlass_hub.pods.stock_options import OptionRefused, check

PROFILES: list[dict[str, Any]] = [
    {
        "slug": "free",
        "default": True,
        "profile_options": {
            "image": {
                "choices": {"a": {"default": True}, "b": {}},
                "unlisted_choice": {"enabled": True, "validation_regex": "^ours/[a-z]+$"},
            },
            "size": {"choices": {"s": {"default": True}}, "unlisted_choice": {"enabled": False}},
        },
    },
    {"slug": "plain"},
]
REFUSED: list[Any] = [
    {"image--unlisted-choice": "evil/x:1"},
    {"profile": None, "image--unlisted-choice": "evil/x:1"},
    {"profile": "free", "image--unlisted-choice": "ours/abc:evil"},
    {"profile": "free", "image--unlisted-choice": "ours/abc\n"},
    {"profile": "free", "image--unlisted-choice": {"x": 1}},
    {"profile": "free", "size--unlisted-choice": "huge"},
    {"profile": "free", "image": "c"},
    {"profile": "free", "image": ["a"]},
    {"profile": "free", "image": "unlisted-choice"},
    {"profile": "plain", "image--unlisted-choice": "ours/abc"},
    {"profile": "none"},
    {"profile": ["plain"]},
    "profile",
]


@pytest.mark.parametrize("options", REFUSED, ids=str)
def test_what_no_profile_offers_is_refused_in_words(options: Any) -> None:
    with pytest.raises(OptionRefused) as caught:
        check(options, PROFILES)
    assert isinstance(caught.value, SpawnException)
    assert isinstance(caught.value, ValueError)
    assert caught.value.reason == "option"
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize(
    "options",
    [
        None,
        {},
        {"profile": "plain"},
        {"profile": "free", "image": "b"},
        {"image": "b", "size": "s"},
        {"profile": "free", "image--unlisted-choice": "ours/abc"},
        {"profile": "free", "image": "unlisted-choice", "image--unlisted-choice": "ours/abc"},
        {"profile": "free", "image--unlisted-choice": ""},
        {"profile": "plain", "read-by-a-hook": 1},
    ],
    ids=str,
)
def test_what_a_profile_offers_is_taken(options: Any) -> None:
    check(options, PROFILES)


def test_without_profiles_options_are_the_hubs_own_business() -> None:
    check({"anything": 1}, [])


def test_an_option_without_any_choice_needs_a_value() -> None:
    with pytest.raises(OptionRefused, match="needs a value"):
        check({}, [{"slug": "x", "profile_options": {"image": {"unlisted_choice": {"enabled": True}}}}])


def test_a_pattern_that_is_none_refuses_instead_of_failing() -> None:
    unlisted = {"enabled": True, "validation_regex": "("}
    with pytest.raises(OptionRefused, match="pattern is wrong"):
        check({"i--unlisted-choice": "x"}, [{"slug": "x", "profile_options": {"i": {"unlisted_choice": unlisted}}}])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
_KEYS = st.sampled_from(["profile", "image", "image--unlisted-choice", "size", "size--unlisted-choice", "x"])


@given(_JSON | st.dictionaries(_KEYS, _JSON | st.sampled_from(["free", "plain", "a", "s", "ours/abc"])))
def test_no_json_is_an_error_of_the_hub(options: Any) -> None:
    with suppress(OptionRefused):
        check(options, PROFILES)
