"""The Helm values, read back the way the chart's hub reads them: `extraConfig` run by JupyterHub's own loader."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import kubespawner.spawner
import pytest
import yaml
from jupyterhub.app import JupyterHub
from jupyterhub.objects import Hub
from tests.hub.spawner.conftest import user_named
from traitlets.config import Config

from windlass_hub.settings import FEED_TOKEN_ENVIRONMENT, Settings
from windlass_hub.spawner import WindlassSpawner

VALUES = Path(__file__).parents[2] / "hub-config" / "z2jh" / "values.yaml"
# What the chart itself sets before `hub.config`, by its defaults and by our values.
BY_THE_CHART = """
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.JupyterHub.services = [{"name": "jupyterhub-idle-culler", "command": ["true"]}]
c.JupyterHub.load_roles = [{"name": "jupyterhub-idle-culler", "services": ["jupyterhub-idle-culler"], "scopes": []}]
c.KubeSpawner.namespace = "jupyterhub"
c.KubeSpawner.fs_gid = 100
c.KubeSpawner.uid = 1000
c.KubeSpawner.volumes = [{"name": "home-{user_server}", "persistentVolumeClaim": {"claimName": "claim-{user_server}"}}]
c.KubeSpawner.volume_mounts = [{"mountPath": "/home/jovyan", "name": "home-{user_server}"}]
c.Spawner.cmd = "jupyterhub-singleuser"
"""
# The values that the chart hands on to KubeSpawner.
HANDED_ON = {
    "startTimeout": "start_timeout",
    "extraPodConfig": "extra_pod_config",
    "serviceAccountName": "service_account",
}


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
    image, singleuser = values["singleuser"]["image"], values["singleuser"]
    code = [
        "c = get_config()",
        BY_THE_CHART,
        f"c.KubeSpawner.image = {image['name'] + ':' + image['tag']!r}",
        *(f"c.KubeSpawner.{trait} = {singleuser[key]!r}" for key, trait in HANDED_ON.items() if singleuser.get(key)),
        *(f"c[{name!r}].update({section!r})" for name, section in values["hub"]["config"].items()),
    ]
    code += [text for _, text in sorted(values["hub"]["extraConfig"].items())]
    file.write_text("\n".join(code))
    loaded = JupyterHub._load_config_files(file.stem, path=[str(tmp_path)], log=None, raise_config_file_errors=True)
    [(config, _)] = loaded
    return config


def test_every_key_is_one_the_chart_knows(values: dict[str, Any]) -> None:
    schema = yaml.safe_load((Path(__file__).parent / "chart_schema.yaml").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(values)


def test_what_the_chart_puts_into_objects_is_valid_there(values: dict[str, Any]) -> None:
    for part in (values["hub"], values["proxy"]["chp"], values["singleuser"]):
        rules = {way: part["networkPolicy"][way] for way in ("ingress", "egress") if way in part["networkPolicy"]}
        _valid("networking.k8s.io/v1", "NetworkPolicy", {"podSelector": {}, **rules})
    _valid("v1", "Service", {"ports": values["hub"]["service"]["extraPorts"]})
    container = {"name": "hub", "image": "hub", "volumeMounts": values["hub"]["extraVolumeMounts"]}
    _valid("v1", "Pod", {"containers": [container], "volumes": values["hub"]["extraVolumes"]})


def _valid(version: str, kind: str, spec: dict[str, Any]) -> None:
    manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": "hub"}, "spec": spec}
    kubernetes_validate.validate(manifest, "1.30", strict=True)


def test_the_settings_are_ones_this_version_knows(values: dict[str, Any]) -> None:
    settings = Settings.model_validate(values["custom"]["windlass"])
    assert settings.spawner == "kubernetes"
    assert settings.isolation == "beside"


def test_the_hub_gets_the_spawner_the_service_and_the_roles(config: Config, values: dict[str, Any]) -> None:
    assert config.JupyterHub.spawner_class == "windlass_hub.spawner.WindlassSpawner"
    assert config.JupyterHub.allow_named_servers is True
    culler, service = config.JupyterHub.services
    assert culler["name"] == "jupyterhub-idle-culler"
    assert service["url"] == values["custom"]["windlass"]["service_url"]
    assert service["command"][1:] == ["-m", "windlass_hub.service"]
    assert service["environment"][FEED_TOKEN_ENVIRONMENT] == config.WindlassSpawner.feed_token
    [admin] = [role for role in config.JupyterHub.load_roles if role["name"] == "windlass-admin"]
    assert admin["groups"] == values["custom"]["windlass"]["admin_groups"]
    assert set(config.JupyterHub) <= set(JupyterHub.class_traits(config=True))


async def test_what_the_chart_tells_kubespawner_holds_for_ours(
    config: Config, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubespawner.spawner, "load_config", lambda **_: None)
    spawner = WindlassSpawner(
        config=Config({**config, "WindlassSpawner": {**config.WindlassSpawner, "profile_store": ""}}),
        user=user_named("ann"),
        hub=Hub(),
        api_token="secret-token",
        oauth_client_id="unused",
    )
    pod = (await spawner.get_pod_manifest()).to_dict()
    spec, image = pod["spec"], values["singleuser"]["image"]
    # Without its group a home on a block device belongs to root, and JupyterLab cannot write to it.
    assert spec["security_context"] == {"fsGroup": 100, "seccompProfile": {"type": "RuntimeDefault"}}
    assert spec["containers"][0]["image"] == f"{image['name']}:{image['tag']}"
    assert spec["volumes"][0]["persistent_volume_claim"]["claimName"].startswith("claim-ann")
    assert spec["automount_service_account_token"] is False
    assert spawner.start_timeout == values["singleuser"]["startTimeout"]
    assert spawner.cmd == ["jupyterhub-singleuser"]


def test_the_service_port_is_open_to_all_who_ask_it(values: dict[str, Any]) -> None:
    port = int(values["custom"]["windlass"]["service_url"].rpartition(":")[2])
    assert [port, port] == [values["hub"]["service"]["extraPorts"][0][key] for key in ("port", "targetPort")]
    asking = _peers(values["hub"]["networkPolicy"]["ingress"], port)
    for labels in (
        {"hub.jupyter.org/network-access-hub": "true"},  # users' servers beside the hub
        {"windlass.io/hub": values["custom"]["windlass"]["hub_id"]},  # and in namespaces of their own
        {"component": "proxy"},
        {"component": "hub"},  # JupyterHub waits for its service to answer, and ends where it does not
    ):
        assert labels in asking
    # The service asks the hub who somebody is by the same way round.
    assert {"component": "hub"} in _peers(values["hub"]["networkPolicy"]["ingress"], 8081)
    for part in (values["proxy"]["chp"], values["singleuser"]):
        assert {"component": "hub"} in _peers(part["networkPolicy"]["egress"], port)


def _peers(rules: list[dict[str, Any]], port: int) -> list[dict[str, str]]:
    """The labels of those whom the rules let through at `port`."""
    peers = [peer for rule in rules if port in [item["port"] for item in rule["ports"]] for peer in _ends(rule)]
    return [selector["matchLabels"] for peer in peers for selector in peer.values() if "matchLabels" in selector]


def _ends(rule: dict[str, Any]) -> list[dict[str, Any]]:
    return [*rule.get("from", []), *rule.get("to", [])]


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
