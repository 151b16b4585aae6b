"""The check of user options against a stock `profile_list`, for every way that options come in.

KubeSpawner checks options only when they name a profile; left out, the default profile is used with whatever the caller
sent: any image, whether or not one may be typed. It also matches only the beginning of a typed value. Pure: options and
KubeSpawner's own list in, nothing or a refusal out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jupyterhub.spawner import SpawnException

UNLISTED = "--unlisted-choice"
# What KubeSpawner's form sends as the choice when the text beside it counts.
UNLISTED_MARK = "unlisted-choice"
LONGEST = 1000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Profiles = Sequence[Mapping[str, Any]]


class OptionRefused(SpawnException, ValueError):  # type: ignore[misc]  # JupyterHub is not typed
    """Options that no profile of the list has. A ValueError too: that is what KubeSpawner raises and catches."""

    def __init__(self, sentence: str) -> None:
        SpawnException.__init__(self, sentence, reason="option", log_message=" ".join(sentence.split()))


def check(options: object, profiles: Profiles) -> None:
    """Refuse what the chosen profile, or the default one, does not offer.

    Keys that no option of any profile could have are left alone: a hub's own hooks may read them.

    Args:
        options: as JupyterHub hands them over; anything that JSON can say.
        profiles: after KubeSpawner filled in slugs and defaults. Empty: nothing of the options takes effect.

    Raises:
        OptionRefused: with a sentence.
    """
    if not profiles:
        return
    if not isinstance(options or {}, Mapping):
        raise OptionRefused("The options of a server are names with values.")
    given: Mapping[str, Any] = options or {}  # type: ignore[assignment]  # a mapping, as just checked
    profile = _profile(given.get("profile"), profiles)
    offered = profile.get("profile_options") or {}
    for key in given:
        option = str(key).removesuffix(UNLISTED)
        if str(key).endswith(UNLISTED) and option not in offered and given[key]:
            raise OptionRefused(f"The profile {profile['slug']} has no option {_shown(option)}.")
    for name, option in offered.items():
        _check_option(name, option, given)


def _profile(slug: object, profiles: Profiles) -> Mapping[str, Any]:
    if not slug:
        return next((each for each in profiles if each.get("default")), profiles[0])
    for each in profiles:
        if each["slug"] == slug:
            return each
    known = ", ".join(str(each["slug"]) for each in profiles)
    raise OptionRefused(f"There is no profile {_shown(slug)}. There are: {known}.")


def _check_option(name: str, option: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    typed, choice = given.get(f"{name}{UNLISTED}"), given.get(name)
    choices = option.get("choices") or {}
    if typed:
        _check_typed(name, option.get("unlisted_choice") or {}, typed)
        if choice == UNLISTED_MARK:
            return
    if choice:
        if not isinstance(choice, str) or choice not in choices:
            known = ", ".join(map(str, choices))
            raise OptionRefused(f"{_shown(choice)} is no choice of {name}. There are: {known or 'none'}.")
    elif not typed and not choices:
        raise OptionRefused(f"The option {name} needs a value.")


def _check_typed(name: str, unlisted: Mapping[str, Any], typed: object) -> None:
    if not unlisted.get("enabled"):
        raise OptionRefused(f"The option {name} takes one of its choices, no text.")
    if not isinstance(typed, str) or len(typed) > LONGEST or _CONTROL.search(typed):
        raise OptionRefused(f"The option {name} takes one line of text.")
    pattern = unlisted.get("validation_regex")
    if not pattern:
        return
    try:
        matches = re.fullmatch(pattern, typed)
    except re.error as error:
        raise OptionRefused(f"The option {name} cannot be checked: its pattern is wrong ({error}).") from None
    if not matches:
        told = unlisted.get("validation_message") or f"The option {name} does not take {_shown(typed)}."
        raise OptionRefused(str(told))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
