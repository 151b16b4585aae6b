"""The page for hub administrators names every setting, with its real default where it states one."""

from __future__ import annotations

import re
from pathlib import Path

from windlass_hub.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "hub.md").read_text()


def test_every_setting_is_on_the_page_and_no_other() -> None:
    table = PAGE.split("| setting | default | meaning |")[1].split("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == set(Settings.model_fields)


def test_the_defaults_it_states_are_the_real_ones() -> None:
    stated = re.findall(r"^\| `(\w+)` \| `?([^`|]+?)`? \|", PAGE, flags=re.MULTILINE)
    defaults = {name: str(field.default).removesuffix(".0") for name, field in Settings.model_fields.items()}
    checked = {name: said for name, said in stated if defaults.get(name) and defaults[name] != "()"}
    assert {name: defaults[name] for name in checked if name not in _IN_WORDS} == {
        name: said for name, said in checked.items() if name not in _IN_WORDS
    }
    assert len(checked) > 8


_IN_WORDS = {"database", "network", "promotion"}
