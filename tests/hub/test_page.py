"""The spawn page as HTML: what it says, to whom, and that nothing admins write becomes part of it."""

from __future__ import annotations

from datetime import datetime, timezone
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass_hub.page import cards_for, gpu_in_words, price_in_words, render_page, render_profile_list
from windlass_hub.profiles.access import Person
from windlass_hub.profiles.availability import CapacitySnapshot, NodeRoom
from windlass_hub.profiles.model import Catalogue, Gpu, load_catalogue

ANN = Person(name="ann", groups=frozenset({"research"}))
BOB = Person(name="bob")
BAIT = "\"'></p></style></script><img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}"


class Page(HTMLParser):
    """What a browser would make of it: elements with their attributes, and the text between."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [a for name, a in self.elements if name == tag and all(a.get(k) == v for k, v in wanted.items())]

    @property
    def chosen(self) -> list[str | None]:
        return [radio["value"] for radio in self.all("input", type="radio") if "checked" in radio]


def catalogue(*profiles: dict[str, Any], **more: Any) -> Catalogue:
    usual = {"display_name": "P", "cpu": 1, "memory": "1G"}
    images = [
        {"slug": "base", "display_name": "Base", "image": "registry.example/base:1"},
        {"slug": "torch", "display_name": "PyTorch", "image": "registry.example/torch:2"},
    ]
    return load_catalogue({"profiles": [usual | p for p in profiles], "images": images, **more})


def page_of(found: Catalogue, person: Person = ANN, **more: Any) -> Page:
    cards = cards_for(
        found, person, more.pop("snapshot", None), more.pop("remembered", {}), taken=more.pop("taken", {})
    )
    return Page(render_page(cards=cards, **more))


def snapshot(**gpus: float) -> CapacitySnapshot:
    node = NodeRoom(name="n", labels={}, allocatable={"cpu": 8.0, "memory": 64e9, "pods": 110.0, **gpus}, ready=True)
    return CapacitySnapshot(
        taken_at=datetime.now(timezone.utc), nodes=[node], pools=[], source="kubernetes", complete=True
    )


def test_a_card_says_machine_price_and_room() -> None:
    found = catalogue(
        {"slug": "cpu", "cpu": "500m", "memory": "4Gi", "usd_per_hour": 0.526, "description": "First.\nSecond."},
        {"slug": "spot", "spot": True, "interface": "jupyterlab"},
    )
    text = page_of(found, snapshot=snapshot()).text
    for part in ("0.5 CPU cores", "4 GiB memory", "no GPU", "$0.53 per hour", "First.\nSecond.", "14 of 14 free"):
        assert part in text
    assert "spot: may be taken away at any time" in text
    assert "price not set" in text


@pytest.mark.parametrize(
    ("price", "words"),
    [
        (None, "price not set"),
        (0.0, "$0.00 per hour"),
        (0.526, "$0.53 per hour"),
        (1234.5, "$1,234.50 per hour"),
        (0.004, "$0.004 per hour"),
    ],
)
def test_a_price_is_said_as_it_is_and_unknown_is_not_nothing(price: float | None, words: str) -> None:
    assert price_in_words(price) == words


@pytest.mark.parametrize(
    ("gpu", "words"),
    [
        ({"product": "Tesla-T4"}, "Tesla T4 GPU"),
        ({"product": "H100", "count": 8}, "8 × H100 GPUs"),
        ({"product": "A100", "mode": "mig", "mig_profile": "1g.5gb", "count": 2}, "2 slices 1g.5gb of A100"),
        ({"product": "Tesla-T4", "mode": "shared", "replicas": 4}, "1 of 4 shares of a Tesla T4 GPU"),
    ],
)
def test_gpus_are_said_for_what_they_are(gpu: dict[str, Any], words: str) -> None:
    assert gpu_in_words(Gpu.model_validate(gpu)) == words


def test_a_group_s_profile_says_whom_it_is_for_and_comes_last() -> None:
    found = catalogue(
        {"slug": "theirs", "display_name": "Theirs", "groups": ["research"], "default": True}, {"slug": "all"}
    )
    assert "Only for members" not in page_of(found, ANN).text
    page = page_of(found, BOB)
    assert "Theirs" in page.text
    assert "Only for members of research." in page.text
    radios = page.all("input", type="radio")
    assert [(radio["value"], "disabled" in radio, "checked" in radio) for radio in radios] == [
        ("all", False, True),
        ("theirs", True, False),
    ]


def test_profiles_for_named_people_are_not_mentioned_to_others() -> None:
    found = catalogue({"slug": "all"}, {"slug": "secret", "display_name": "Hidden", "users": ["ann"]})
    assert "Hidden" in page_of(found, ANN).text
    page = page_of(found, BOB)
    assert "Hidden" not in page.text
    assert [radio["value"] for radio in page.all("input", type="radio")] == ["all"]


def test_what_cannot_start_is_off_and_says_why() -> None:
    found = catalogue(
        {"slug": "big", "cpu": 1000, "default": True},
        {"slug": "busy", "max_servers": 1},
        {"slug": "fine", "images": ["base", "torch"]},
    )
    page = page_of(found, snapshot=snapshot(), taken={"busy": "The only server is taken."})
    off = {radio["value"] for radio in page.all("input", type="radio") if "disabled" in radio}
    assert off == {"big", "busy"}
    assert "No node is big enough" in page.text
    assert "The only server is taken." in page.text
    assert page.chosen == ["fine"], "the default cannot start, so the first that can is chosen"


def test_the_last_choice_is_remembered_where_it_still_is_one() -> None:
    found = catalogue(
        {"slug": "one", "images": ["base", "torch"]},
        {"slug": "two", "images": ["base", "torch"], "free_image": {"pattern": "[a-z/.]+"}},
    )

    def selected(page: Page) -> list[str | None]:
        return [option["value"] for option in page.all("option") if "selected" in option]

    page = page_of(found, remembered={"profile": "two", "image": "torch"})
    assert (page.chosen, selected(page)) == (["two"], ["base", "torch"])
    page = page_of(found, remembered={"profile": "two", "image--unlisted-choice": "registry.example/mine"})
    assert selected(page) == ["base", "unlisted-choice"]
    assert [field["value"] for field in page.all("input", type="text")] == ["registry.example/mine"]
    for stale in (
        {"profile": "gone"},
        {"profile": ["two"], "image": 7},
        {"profile": "one", "image": "gone", "image--unlisted-choice": "x"},
        {"image": "torch"},
    ):
        page = page_of(found, remembered=stale)
        assert (page.chosen, selected(page)) == (["one"], ["base", "base"])


def test_the_filter_comes_with_many_profiles_and_ids_stay_apart() -> None:
    few = page_of(catalogue(*({"slug": f"p{i}"} for i in range(8))))
    many = page_of(catalogue(*({"slug": f"p{i}", "images": ["base", "torch"]} for i in range(50))))
    assert not few.all("input", type="search")
    assert len(many.all("input", type="search")) == 1
    assert len(many.all("input", type="radio")) == 50
    ids = [a["id"] for _, a in many.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    named = {part for _, a in many.elements for part in (a.get("aria-describedby") or "").split()}
    named |= {str(label["for"]) for label in many.all("label")}
    assert named <= set(ids)


def test_with_nothing_to_start_it_says_what_to_do_and_hides_the_button() -> None:
    for page in (
        page_of(catalogue({"slug": "theirs", "users": ["bob"]})),
        page_of(catalogue({"slug": "full"}), taken={"full": "Taken."}),
        Page(render_page(cards=[], problem="The profiles cannot be read.")),
    ):
        assert page.all("a", href="?")
        assert page.all("div", role="alert")
        assert ".feedback-container { display: none; }" in page.text
    assert ".feedback-container { display: none; }" not in page_of(catalogue({"slug": "fine"})).text


def test_it_says_why_the_last_server_ended() -> None:
    page = page_of(catalogue({"slug": "p"}), note=f"It ended. {BAIT}")
    assert BAIT in page.text
    assert not page.all("img")


def hostile(text: str) -> Catalogue:
    line = text[:120]
    profile = {
        "slug": "p",
        "display_name": line,
        "description": text,
        "gpu": {"product": line},
        "images": ["a", "b"],
        "free_image": {"pattern": "[a-z]+", "hint": line},
    }
    images = [{"slug": s, "display_name": line, "description": text, "image": "x/y"} for s in ("a", "b")]
    return load_catalogue({"profiles": [{"cpu": 1, "memory": "1G"} | profile], "images": images})


_PLAIN = [tag for tag, _ in page_of(hostile("plain")).elements]
_TEXT = st.text(
    st.one_of(st.sampled_from("<>\"'&{}%#/=-`"), st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    min_size=1,
    max_size=120,
).filter(lambda text: text.strip())


@given(_TEXT)
@settings(max_examples=100, deadline=None)
def test_whatever_is_written_the_page_has_the_same_elements(text: str) -> None:
    assert [tag for tag, _ in page_of(hostile(text)).elements] == _PLAIN


def test_bait_in_every_field_comes_out_as_it_was_written() -> None:
    page = page_of(hostile(BAIT), remembered={"profile": "p", "image--unlisted-choice": BAIT})
    assert [tag for tag, _ in page.elements] == _PLAIN
    assert page.text.count(BAIT) == 10, (
        "name (for eyes, and in the names of two fields), description, GPU, hint, two images"
    )
    assert [field["value"] for field in page.all("input", type="text")] == [BAIT]


def test_kubespawners_own_form_is_escaped_too() -> None:
    option = {"display_name": BAIT, "choices": {"a": {"display_name": BAIT, "default": True}}}
    option["unlisted_choice"] = {"enabled": True, "display_name": BAIT, "display_name_in_choices": BAIT}
    profiles = [
        {"slug": "p", "display_name": BAIT, "description": BAIT, "default": True, "profile_options": {"image": option}}
    ]
    page = Page(render_profile_list(profiles, {"profile": BAIT}))
    assert not page.all("img")
    assert len(page.all("script")) == 1
    assert BAIT in page.text
    mine = render_profile_list(profiles, {}, template="<b>{{ profile_list[0].display_name }}</b>")
    assert [tag for tag, _ in Page(mine).elements] == ["b"]
