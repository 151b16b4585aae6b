"""The MIG layouts: each can be cut on each card that it names, by the hardware's own table of placements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.hub_config.mig_cards import CARDS, COMPUTE_SLICES, MEMORY_SLICES, SHAPES, Card, Shape, placed

from windlass_hub.profiles.hardware import Gpu

FOLDER = Path(__file__).parents[2] / "hub-config" / "mig"
MANIFEST = yaml.safe_load((FOLDER / "layouts.yaml").read_text())
CONFIG = yaml.safe_load(MANIFEST["data"]["config.yaml"])
LAYOUTS: dict[str, list[dict[str, Any]]] = CONFIG["mig-configs"]
EVERYWHERE = ("seven", "seven-mixed", "half", "balanced", "halves")


def cards_of(entry: dict[str, Any]) -> Iterator[tuple[str, Card]]:
    """The cards that an entry cuts: it must name all of a product's ids, or none."""
    wanted = set(entry.get("device-filter", ()))
    for name, card in CARDS.items():
        if card.device_ids & wanted:
            assert card.device_ids <= wanted, f"{name} is named in part"
            yield name, card
            wanted -= card.device_ids
    assert not wanted, "an id of no known card"


def cut() -> Iterator[Any]:
    for name, entries in LAYOUTS.items():
        for entry in entries:
            if entry["mig-enabled"]:
                for card_name, card in cards_of(entry):
                    yield pytest.param(card, entry["mig-devices"], id=f"{name}, {card_name}")


def shapes_of(card: Card, devices: dict[str, int]) -> list[Shape]:
    return [card.shape(profile) for profile, count in devices.items() for _ in range(count)]


def test_it_is_a_valid_config_map_of_names_that_a_label_can_have() -> None:
    kubernetes_validate.validate(MANIFEST, "1.30", strict=True)
    assert CONFIG["version"] == "v1"
    assert all(re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", name) for name in LAYOUTS)


def test_entries_hold_what_the_mig_manager_knows_and_nothing_else() -> None:
    for entries in LAYOUTS.values():
        for entry in entries:
            assert (
                {"devices", "mig-enabled"} <= set(entry) <= {"devices", "mig-enabled", "mig-devices", "device-filter"}
            )
            assert entry["devices"] == "all" or all(type(index) is int for index in entry["devices"])
            assert ("mig-devices" in entry) is entry["mig-enabled"]


@pytest.mark.parametrize(("card", "devices"), list(cut()))
def test_the_hardware_can_be_cut_so(card: Card, devices: dict[str, int]) -> None:
    assert placed(shapes_of(card, devices)) is not None


@pytest.mark.parametrize("name", EVERYWHERE)
def test_each_layout_says_what_becomes_of_each_card_and_says_it_once(name: str) -> None:
    named = [card for entry in LAYOUTS[name] for card, _ in cards_of(entry)]
    assert sorted(named) == sorted(CARDS)


def test_a_card_is_cut_once_where_several_entries_hold_for_one_node() -> None:
    for entries in LAYOUTS.values():
        seen: set[tuple[str, int | str]] = set()
        for entry in entries:
            cards = [name for name, _ in cards_of(entry)] or list(CARDS)
            indices = ["all"] if entry["devices"] == "all" else entry["devices"]
            told = {(card, index) for card in cards for index in indices}
            assert not seen & told
            seen |= told


def test_the_layouts_that_were_asked_for_are_there() -> None:
    a100 = {
        name: entry["mig-devices"] for name, entries in LAYOUTS.items() for entry in entries if _of(entry, "A100 40 GB")
    }
    assert a100["half"] == {"1g.5gb": 2, "2g.10gb": 1}
    assert a100["balanced"] == {"1g.5gb": 2, "2g.10gb": 1, "3g.20gb": 1}
    for name in ("seven", "seven-mixed"):
        for entry in LAYOUTS[name]:
            for _, card in cards_of(entry):
                assert sum(shape.compute for shape in shapes_of(card, entry["mig-devices"])) == COMPUTE_SLICES


def test_each_slice_is_one_that_a_profile_of_the_hub_can_ask_for() -> None:
    for entries in LAYOUTS.values():
        for entry in entries:
            for profile in entry.get("mig-devices", ()):
                gpu = Gpu(product="any", mode="mig", mig_profile=profile)
                assert gpu.resource_name == f"nvidia.com/mig-{profile}"


def test_the_gpu_operator_is_told_where_they_are() -> None:
    values = yaml.safe_load((FOLDER / "gpu-operator-values.yaml").read_text())
    config = values["migManager"]["config"]
    assert config["name"] == MANIFEST["metadata"]["name"]
    assert LAYOUTS[config["default"]] == [{"devices": "all", "mig-enabled": False}]
    assert values["mig"]["strategy"] == "mixed"


KINDS = st.lists(st.sampled_from(sorted(SHAPES)), max_size=9)


@given(KINDS)
def test_what_can_be_cut_fits_the_card_and_does_not_overlap(kinds: list[str]) -> None:
    shapes = [SHAPES[kind] for kind in kinds]
    starts = placed(shapes)
    if starts is None:
        return
    assert sum(shape.compute for shape in shapes) <= COMPUTE_SLICES
    taken = [start + i for start, shape in zip(starts, shapes, strict=True) for i in range(shape.memory)]
    assert len(set(taken)) == len(taken) <= MEMORY_SLICES
    assert all(start in shape.starts for start, shape in zip(starts, shapes, strict=True))


@given(KINDS, st.randoms(use_true_random=False))
def test_one_slice_less_can_be_cut_too_and_order_does_not_matter(kinds: list[str], random: Any) -> None:
    shapes = [SHAPES[kind] for kind in kinds]
    shuffled = random.sample(shapes, len(shapes))
    assert (placed(shuffled) is None) is (placed(shapes) is None)
    if shapes and placed(shapes) is not None:
        assert placed(shapes[1:]) is not None


@pytest.mark.parametrize(
    "kinds",
    [["4g", "4g"], ["3g", "3g", "1g"], ["3g", "3g", "3g"], ["2g"] * 4, ["1g"] * 8, ["7g", "1g"], ["4g", "3g", "1g"]],
)
def test_what_the_hardware_refuses_is_refused(kinds: list[str]) -> None:
    """Also where the sums alone would allow it: a second 3g leaves a compute slice over, and no memory for it."""
    assert placed([SHAPES[kind] for kind in kinds]) is None


def _of(entry: dict[str, Any], card: str) -> bool:
    return bool(entry["mig-enabled"] and CARDS[card].device_ids & set(entry.get("device-filter", ())))
