"""The Helm values, read back the way the chart's hub reads them: `extraConfig` run by JupyterHub's own loader."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest
import yaml
from jupyterhub.app import JupyterHub
from traitlets.config import Config

from windlass_hub.settings import Settings

VALUES = Path(__file__).parents[2] / "hub-config" / "z2jh" / "values.yaml"


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return yaml.safe_load(VALUES.read_text())


@pytest.fixture
def config(values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """What `hub.config` and `hub.extraConfig` come to, with the chart's `z2jh` module answering from the values."""

    def get_config(key: str, default: Any = None) -> Any:
        found: Any = values
        for part in key.split("."):
            if not isinstance(found, dict) or part not in found:
                return default
            found = found[part]
        return found

    z2jh = types.ModuleType("z2jh")
    z2jh.get_config = get_config  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "z2jh", z2jh)
    file = tmp_path / "jupyterhub_config.py"
    code = [
        "c = get_config()",
        *(f"c[{name!r}].update({section!r})" for name, section in values["hub"]["config"].items()),
    ]
    code += [text for _, text in sorted(values["hub"]["extraConfig"].items())]
    file.write_text("\n".join(code))
    loaded = JupyterHub._load_config_files(file.stem, path=[str(tmp_path)], log=None, raise_config_file_errors=True)
    [(config, _)] = loaded
    return config


def test_the_settings_are_ones_this_version_knows(values: dict[str, Any]) -> None:
    settings = Settings.model_validate(values["custom"]["windlass"])
    assert settings.spawner == "kubernetes"
    assert settings.isolation == "beside"


def test_the_hub_gets_the_spawner_the_service_and_the_roles(config: Config, values: dict[str, Any]) -> None:
    assert config.JupyterHub.spawner_class == "windlass_hub.spawner.WindlassSpawner"
    assert config.JupyterHub.allow_named_servers is True
    [service] = config.JupyterHub.services
    assert service["url"] == values["custom"]["windlass"]["service_url"]
    [admin] = [role for role in config.JupyterHub.load_roles if role["name"] == "windlass-admin"]
    assert admin["groups"] == values["custom"]["windlass"]["admin_groups"]
    assert set(config.JupyterHub) <= set(JupyterHub.class_traits(config=True))


def test_the_service_port_is_open_at_each_place_that_could_close_it(values: dict[str, Any]) -> None:
    port = int(values["custom"]["windlass"]["service_url"].rpartition(":")[2])
    assert port in [item["port"] for item in values["hub"]["service"]["extraPorts"]]
    for policy in (
        values["hub"]["networkPolicy"]["ingress"],
        values["proxy"]["chp"]["networkPolicy"]["egress"],
        values["singleuser"]["networkPolicy"]["egress"],
    ):
        assert port in [item["port"] for rule in policy for item in rule["ports"]]


def test_user_pods_reach_the_api_server_and_no_other_private_address(values: dict[str, Any]) -> None:
    policy = values["singleuser"]["networkPolicy"]
    assert policy["egressAllowRules"]["privateIPs"] is False
    assert policy["egressAllowRules"]["cloudMetadataServer"] is False
    blocks = [to["ipBlock"]["cidr"] for rule in policy["egress"] for to in rule["to"] if "ipBlock" in to]
    assert blocks
    assert all(block.endswith("/32") for block in blocks)


def test_a_start_is_given_up_with_its_reason_before_the_hub_s_own_time_out(values: dict[str, Any]) -> None:
    settings = Settings.model_validate(values["custom"]["windlass"])
    assert values["singleuser"]["startTimeout"] > settings.start_minutes * 60


def test_nothing_in_user_pods_offends_pod_security_baseline(values: dict[str, Any]) -> None:
    assert values["singleuser"]["cloudMetadata"]["blockWithIptables"] is False
    assert values["singleuser"]["serviceAccountName"] is None
