"""The files of hub-config are for one and the same hub: names that must agree across them do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from windlass_hub.settings import Settings

HUB_CONFIG = Path(__file__).parents[2] / "hub-config"
VALUES = yaml.safe_load((HUB_CONFIG / "z2jh" / "values.yaml").read_text())
SETTINGS = Settings.model_validate(VALUES["custom"]["windlass"])
NAMESPACE = SETTINGS.hub_namespace
DOCKERFILES = {path.parent.name: path.read_text() for path in (HUB_CONFIG / "images").glob("*/Dockerfile")}
BUILT = {
    found for text in DOCKERFILES.values() for found in re.findall(r"registry\.example\.org/[\w./-]+:[\w.-]+", text)
}


def objects(path: str) -> list[dict[str, Any]]:
    return [item for item in yaml.safe_load_all((HUB_CONFIG / path).read_text()) if item]


@pytest.mark.parametrize("path", ["rbac/hub.yaml", "rbac/service.yaml"])
def test_the_rights_are_those_of_the_account_that_the_chart_makes(path: str) -> None:
    bindings = [item for item in objects(path) if item["kind"].endswith("Binding")]
    subjects = {(who["name"], who["namespace"]) for item in bindings for who in item["subjects"]}
    assert subjects == {(SETTINGS.hub_account, NAMESPACE)}
    assert {item["metadata"].get("namespace", NAMESPACE) for item in bindings} <= {NAMESPACE, "default"}


def test_the_fence_and_the_policies_are_round_the_namespace_of_the_values() -> None:
    fence = (HUB_CONFIG / "admission" / "hub-fence.yaml").read_text()
    accounts = set(re.findall(r"system:serviceaccount:([\w-]+:[\w-]+)", fence))
    assert accounts == {f"{NAMESPACE}:{SETTINGS.hub_account}"}
    for item in [*objects("network-policies/hub-namespace.yaml"), *objects("profiles.yaml")]:
        assert item["metadata"]["namespace"] == NAMESPACE


def test_the_hub_and_its_service_are_named_so_that_users_namespaces_find_them() -> None:
    addresses = (SETTINGS.service_url, VALUES["hub"]["config"]["JupyterHub"]["hub_connect_url"])
    assert {urlsplit(address).hostname for address in addresses} == {f"hub.{NAMESPACE}"}


def test_mlflow_lets_in_the_hub_s_namespace_and_its_users() -> None:
    [policy] = [item for item in objects("mlflow/mlflow.yaml") if item["kind"] == "NetworkPolicy"]
    let_in = [peer["namespaceSelector"]["matchLabels"] for peer in policy["spec"]["ingress"][0]["from"]]
    assert let_in == [{"kubernetes.io/metadata.name": NAMESPACE}, {"windlass.io/hub": SETTINGS.hub_id}]


def test_the_readme_installs_into_the_same_namespace() -> None:
    readme = (HUB_CONFIG / "README.md").read_text()
    assert set(re.findall(r"(?:--namespace|-n|create namespace) ([\w-]+)", readme)) == {NAMESPACE}
    chart = set(re.findall(r"--version ([\d.]+)", readme))
    assert chart == set(re.findall(r"k8s-hub:([\d.]+)", DOCKERFILES["hub"]))


def test_every_image_that_is_named_is_one_that_a_dockerfile_says_how_to_build() -> None:
    catalogue = yaml.safe_load(objects("profiles.yaml")[0]["data"]["profiles.yaml"])
    [deployment] = [item for item in objects("mlflow/mlflow.yaml") if item["kind"] == "Deployment"]
    named = {
        *(image["image"] for image in catalogue["images"]),
        *(f"{image['name']}:{image['tag']}" for image in (VALUES["hub"]["image"], VALUES["singleuser"]["image"])),
        deployment["spec"]["template"]["spec"]["containers"][0]["image"],
    }
    assert named <= BUILT


@pytest.mark.parametrize("image", sorted(DOCKERFILES))
def test_images_have_a_pinned_base_no_root_and_no_secret(image: str) -> None:
    text = DOCKERFILES[image]
    [base] = re.findall(r"^ARG BASE=\S+:(\S+)$", text, flags=re.MULTILINE)
    assert re.search(r"\d+\.\d+\.\d+", base), f"{base} moves on"
    assert "Air-gapped: give BASE" in text
    assert re.findall(r"^USER (.+)$", text, flags=re.MULTILINE)[-1] in ("1000", "${NB_UID}")
    assert not re.findall(r"^(?:ENV|ARG) \w*(?:PASSWORD|TOKEN|SECRET)", text, flags=re.MULTILINE)
