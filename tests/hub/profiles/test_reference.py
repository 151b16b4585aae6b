"""The field reference is the model's own, and the page's examples are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from windlass_hub.profiles.model import Profile, load_catalogue
from windlass_hub.profiles.reference import field_reference, main, with_reference

PAGE = Path(__file__).parents[3] / "docs" / "profiles.md"


def test_the_page_says_what_the_model_does() -> None:
    page = PAGE.read_text("utf-8")
    assert page == with_reference(page), "run: python -m windlass_hub.profiles.reference docs/profiles.md"


def test_every_field_is_explained() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.*?) \| (.+) \|$", field_reference(), flags=re.MULTILINE)
    assert {name for name, *_ in rows} >= set(Profile.model_fields)
    assert all(meaning.endswith(".") for *_, meaning in rows)


def test_every_yaml_block_of_the_page_is_accepted() -> None:
    blocks = re.findall(r"\n\n((?:    .*\n)+)", PAGE.read_text("utf-8"))
    parsed = [yaml.safe_load(block) for block in blocks if re.match(r" +(profiles|quotas|free_image):\n", block)]
    assert len(parsed) == 3
    for document in parsed:
        profile = {"slug": "p", "display_name": "P", "cpu": 1, "memory": "1G", **document}
        load_catalogue({"profiles": [profile]} if "free_image" in document else document)


def test_the_tables_inline_fields_are_accepted() -> None:
    machine = PAGE.read_text("utf-8").partition("## Say what the machine is")[2].partition("\n## ")[0]
    snippets = re.findall(r"`((?:gpu|volumes|environment|node_selector): .+?)`", machine)
    assert len(snippets) >= 8
    for snippet in snippets:
        fields = yaml.safe_load(snippet.replace("…", "product: T4"))
        load_catalogue({"profiles": [{"slug": "p", "display_name": "P", "cpu": 4, "memory": "16G", **fields}]})


def test_a_page_without_its_place_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here")
    with pytest.raises(ValueError, match="no place for the reference"):
        main([str(page)])
    assert main([]) == 2
