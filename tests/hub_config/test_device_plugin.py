"""The device plugin's configurations: what they call a resource is what profiles, quotas and alert rules call it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from windlass_hub.profiles.model import Catalogue, load_catalogue

HUB_CONFIG = Path(__file__).parents[2] / "hub-config"
MANIFEST = yaml.safe_load((HUB_CONFIG / "device-plugin" / "configs.yaml").read_text())
CONFIGS: dict[str, dict[str, Any]] = {name: yaml.safe_load(text) for name, text in MANIFEST["data"].items()}


def catalogue() -> Catalogue:
    return load_catalogue((files("windlass_hub.profiles") / "examples.yaml").read_text(encoding="utf-8"))


def offered(config: dict[str, Any]) -> set[str]:
    """The resources that are shared, under the names that the plugin then gives them."""
    slicing = config.get("sharing", {}).get("timeSlicing", {})
    more = ".shared" if slicing.get("renameByDefault") else ""
    return {resource["name"] + more for resource in slicing.get("resources", ())}


def test_it_is_a_valid_config_map() -> None:
    kubernetes_validate.validate(MANIFEST, "1.30", strict=True)


def test_each_configuration_holds_what_the_plugin_knows() -> None:
    for config in CONFIGS.values():
        assert config["version"] == "v1"
        assert config["flags"]["migStrategy"] in {"none", "single", "mixed"}
        assert set(config) <= {"version", "flags", "sharing"}


def test_a_card_is_shared_by_four_under_a_name_of_its_own() -> None:
    slicing = CONFIGS["time-sliced"]["sharing"]["timeSlicing"]
    assert slicing["resources"] == [{"name": "nvidia.com/gpu", "replicas": 4}]
    assert slicing["failRequestsGreaterThanOne"] is True
    assert offered(CONFIGS["time-sliced"]) == {"nvidia.com/gpu.shared"}
    assert not offered(CONFIGS["whole"]) | offered(CONFIGS["mig"])


def test_profiles_ask_for_what_the_plugin_offers() -> None:
    shared = [profile.gpu for profile in catalogue().profiles if profile.gpu and profile.gpu.mode == "shared"]
    assert shared
    assert {gpu.resource_name for gpu in shared} == offered(CONFIGS["time-sliced"])
    assert {gpu.replicas for gpu in shared} == {4}
    slices = [profile.gpu for profile in catalogue().profiles if profile.gpu and profile.gpu.mode == "mig"]
    assert slices
    assert CONFIGS["mig"]["flags"]["migStrategy"] == "mixed", "only so slices have the names that profiles ask for"


def test_both_ways_of_installing_name_the_config_map_and_a_default_of_it() -> None:
    chart = yaml.safe_load((HUB_CONFIG / "device-plugin" / "values.yaml").read_text())["config"]
    operator = yaml.safe_load((HUB_CONFIG / "mig" / "gpu-operator-values.yaml").read_text())["devicePlugin"]["config"]
    for config in (chart, operator):
        assert config["name"] == MANIFEST["metadata"]["name"]
        assert config["default"] in CONFIGS
        assert not offered(CONFIGS[config["default"]]), "sharing is chosen, never got unasked"
