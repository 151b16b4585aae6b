"""What a user asked for: every way to ask for more than is offered is refused, with OptionError and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.profiles.access import Person, why_not
from windlass_hub.profiles.model import load_catalogue
from windlass_hub.profiles.options import OptionError, parse_form, resolve

CATALOGUE = load_catalogue(
    {
        "profiles": [
            {"slug": "big", "display_name": "Big", "cpu": 64, "memory": "1T", "groups": ["training"], "default": True},
            {"slug": "bare", "display_name": "Bare", "cpu": 1, "memory": "1G"},
            {"slug": "cpu", "display_name": "CPU", "cpu": 1, "memory": "1G", "images": ["lab", "torch"]},
            {
                "slug": "free",
                "display_name": "Free",
                "cpu": 1,
                "memory": "1G",
                "images": ["lab"],
                "free_image": {"pattern": "ours/[a-z]+|team/x", "hint": "ours/NAME"},
            },
            {"slug": "only-free", "display_name": "Typed", "cpu": 1, "memory": "1G", "free_image": {"pattern": "o/.*"}},
        ],
        "images": [
            {"slug": "lab", "display_name": "Lab", "image": "registry/lab:1"},
            {"slug": "torch", "display_name": "Torch", "image": "registry/torch:1"},
            {"slug": "secret", "display_name": "Not offered", "image": "registry/secret:1"},
        ],
    }
)
ANN = Person(name="ann")
TRAINER = Person(name="tom", groups=frozenset({"training"}))


@pytest.mark.parametrize(
    ("options", "person", "profile", "image", "slug"),
    [
        ({}, ANN, "bare", None, None),
        ({}, TRAINER, "big", None, None),
        ({"profile": "cpu"}, ANN, "cpu", "registry/lab:1", "lab"),
        ({"profile": "cpu", "image": "torch"}, ANN, "cpu", "registry/torch:1", "torch"),
        ({"profile": "free"}, ANN, "free", "registry/lab:1", "lab"),
        ({"profile": "free", "image--unlisted-choice": "ours/mine"}, ANN, "free", "ours/mine", None),
        ({"profile": "only-free"}, ANN, "only-free", None, None),
    ],
)
def test_what_is_offered_is_resolved(
    options: dict[str, object], person: Person, profile: str, image: str | None, slug: str | None
) -> None:
    choice = resolve(options, catalogue=CATALOGUE, person=person)
    assert (choice.profile.slug, choice.image, choice.image_slug) == (profile, image, slug)


@pytest.mark.parametrize(
    ("options", "blamed"),
    [
        ({"profile": "big"}, "profile"),
        ({"profile": "nope"}, "profile"),
        ({"profile": "CPU"}, "profile"),
        ({"profile": ""}, "profile"),
        ({"profile": None}, "profile"),
        ({"profile": ["cpu"]}, "profile"),
        ({"profile": {"slug": "cpu"}}, "profile"),
        ({"profile": "cpu\n"}, "profile"),
        ({"profile": "c" * 301}, "profile"),
        ({"profile": "cpu", "image": "secret"}, "image"),
        ({"profile": "cpu", "image": "registry/lab:1"}, "image"),
        ({"profile": "cpu", "image": 1}, "image"),
        ({"profile": "cpu", "image": ""}, "image"),
        ({"profile": "bare", "image": "lab"}, "image"),
        # What KubeSpawner lets through: no profile named, so nothing of the rest was looked at.
        ({"image--unlisted-choice": "evil/x:1"}, "image--unlisted-choice"),
        ({"image": "secret"}, "image"),
        ({"profile": "cpu", "image--unlisted-choice": "ours/mine"}, "image--unlisted-choice"),
        ({"profile": "free", "image--unlisted-choice": "evil/x"}, "image--unlisted-choice"),
        # Only the beginning matches, or only one alternative was anchored.
        ({"profile": "free", "image--unlisted-choice": "ours/mine:tag"}, "image--unlisted-choice"),
        ({"profile": "free", "image--unlisted-choice": "evil/ours/mine"}, "image--unlisted-choice"),
        ({"profile": "free", "image--unlisted-choice": "evil/team/x"}, "image--unlisted-choice"),
        ({"profile": "free", "image--unlisted-choice": "team/xx"}, "image--unlisted-choice"),
        ({"profile": "free", "image--unlisted-choice": "ours/mine\n"}, "image--unlisted-choice"),
        ({"profile": "free", "image--unlisted-choice": " ours/mine"}, "image--unlisted-choice"),
        ({"profile": "only-free", "image--unlisted-choice": "o/$(id)"}, "image--unlisted-choice"),
        ({"profile": "only-free", "image--unlisted-choice": "o/{username}"}, "image--unlisted-choice"),
        ({"profile": "only-free", "image--unlisted-choice": "o/" + "x" * 400}, "image--unlisted-choice"),
        ({"profile": "free", "image": "lab", "image--unlisted-choice": "ours/mine"}, "image"),
        ({"profile": "cpu", "cpu_limit": "64"}, "cpu_limit"),
        ({"profile": "cpu", "kubespawner_override": {"image": "evil"}}, "kubespawner_override"),
        ({"profile": "cpu", "default": True}, "default"),
        ({"profile": "cpu", "profile_options": "x"}, "profile_options"),
        ({"profile": "cpu", "resources": "x"}, "resources"),
    ],
)
def test_whatever_is_not_offered_is_refused_with_a_sentence(options: dict[str, object], blamed: str) -> None:
    with pytest.raises(OptionError) as refusal:
        resolve(options, catalogue=CATALOGUE, person=ANN)
    assert refusal.value.option == blamed
    assert str(refusal.value).endswith((".", "}"))
    assert "\n" not in str(refusal.value)


def test_a_refusal_says_which_group_to_ask_for() -> None:
    with pytest.raises(OptionError, match=r"Big is not open to you\. Only for members of training"):
        resolve({"profile": "big"}, catalogue=CATALOGUE, person=ANN)


def test_an_empty_catalogue_starts_nothing() -> None:
    with pytest.raises(OptionError, match="No profile is open to you"):
        resolve({}, catalogue=load_catalogue({}), person=ANN)


def test_what_is_echoed_is_short_and_on_one_line() -> None:
    with pytest.raises(OptionError) as refusal:
        resolve({"x\r\ninjected: header" * 99: 1}, catalogue=CATALOGUE, person=ANN)
    assert "\r" not in str(refusal.value)
    assert len(str(refusal.value)) < 250


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
slugs = st.sampled_from(["big", "bare", "cpu", "free", "only-free", "lab", "torch", "secret", "ours/mine", "o/x", ""])
known_keys = st.sampled_from(["profile", "image", "image--unlisted-choice"])
any_options = st.dictionaries(known_keys | st.text(max_size=8), slugs | json_values, max_size=4)
people = st.builds(
    Person, name=st.text(max_size=5), groups=st.frozensets(st.sampled_from(["training", "x"])), admin=st.booleans()
)


@given(options=any_options | json_values, person=people)
def test_any_json_is_either_refused_or_becomes_something_offered_to_that_person(
    options: object, person: Person
) -> None:
    try:
        choice = resolve(options, catalogue=CATALOGUE, person=person)  # type: ignore[arg-type]  # any JSON
    except OptionError as error:
        sentence = str(error)
        assert sentence
        return
    assert choice.profile in CATALOGUE.profiles
    assert why_not(choice.profile, person) is None
    if choice.image_slug is not None:
        image = CATALOGUE.image(choice.image_slug)
        assert image is not None
        assert choice.image_slug in choice.profile.images
        assert choice.image == image.image
    elif choice.image is not None:
        assert choice.profile.free_image is not None
        assert choice.image.startswith(("ours/", "team/x", "o/"))
    else:
        assert not choice.profile.images


def test_a_form_is_read_by_the_chosen_profile_alone() -> None:
    form = {
        "profile": ["cpu"],
        "profile-option-cpu--image": ["torch"],
        "profile-option-cpu--image--unlisted-choice": [""],
        "profile-option-free--image": ["lab"],
        "_xsrf": ["x"],
    }
    assert parse_form(form) == {"profile": "cpu", "image": "torch"}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, {}),
        ({"next": ["/hub"]}, {}),
        ({"profile": [b"cpu"]}, {"profile": "cpu"}),
        ({"profile": ["cpu "]}, {"profile": "cpu"}),
        ({"profile": ["cpu"], "profile-option-cpu--image": [""]}, {"profile": "cpu"}),
        ({"profile": ["cpu"], "profile-option-cpu--image_file": [{"filename": "x"}]}, {"profile": "cpu"}),
        (
            {
                "profile": ["free"],
                "profile-option-free--image": ["unlisted-choice"],
                "profile-option-free--image--unlisted-choice": [" ours/mine "],
            },
            {"profile": "free", "image--unlisted-choice": "ours/mine"},
        ),
        (
            {
                "profile": ["free"],
                "profile-option-free--image": ["lab"],
                "profile-option-free--image--unlisted-choice": ["left in the box"],
            },
            {"profile": "free", "image": "lab"},
        ),
        ({"profile": ["cpu"], "profile-option-cpu--cpu": ["99"]}, {"profile": "cpu", "cpu": "99"}),
    ],
)
def test_forms_become_options(form: dict[str, list[object]], expected: dict[str, str]) -> None:
    assert parse_form(form) == expected


@pytest.mark.parametrize(
    "form",
    [
        {"profile-option-cpu--image": ["torch"]},
        {"profile": [""], "profile-option-cpu--image": ["torch"]},
        {"profile": ["cpu", "free"]},
        {"profile": ["cpu"], "profile-option-cpu--image": ["lab", "torch"]},
        {"profile": [b"\xff"]},
    ],
)
def test_a_form_that_contradicts_itself_is_refused(form: dict[str, list[object]]) -> None:
    with pytest.raises(OptionError):
        parse_form(form)


@given(
    form=st.dictionaries(
        st.sampled_from(["profile", "profile-option-cpu--image", "profile-option-free--image--unlisted-choice"])
        | st.text(),
        st.lists(st.text() | st.binary() | slugs, max_size=2),
        max_size=4,
    )
)
def test_any_form_is_refused_or_becomes_text(form: dict[str, list[object]]) -> None:
    try:
        options = parse_form(form)
    except OptionError:
        return
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in options.items())
