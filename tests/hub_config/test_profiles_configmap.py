"""The ConfigMap an administrator applies first holds the examples that ship with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import kubernetes_validate
import yaml

from windlass_hub.profiles.model import load_catalogue

MANIFEST = yaml.safe_load((Path(__file__).parents[2] / "hub-config" / "profiles.yaml").read_text())


def test_it_is_a_valid_config_map_where_the_values_look_for_it() -> None:
    kubernetes_validate.validate(MANIFEST, "1.30", strict=True)
    values = yaml.safe_load((Path(__file__).parents[2] / "hub-config" / "z2jh" / "values.yaml").read_text())
    place = f"configmap:{MANIFEST['metadata']['namespace']}/{MANIFEST['metadata']['name']}"
    assert values["custom"]["windlass"]["profiles"] == place


def test_it_holds_the_shipped_examples() -> None:
    text = MANIFEST["data"]["profiles.yaml"]
    assert text == (files("windlass_hub.profiles") / "examples.yaml").read_text(encoding="utf-8")
    assert {"cpu", "t4"} <= {profile.slug.partition("-")[0] for profile in load_catalogue(text).profiles}
