"""What is generated from the access table is what is checked in, and Kubernetes would take it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from windlass_hub.access import rights_of
from windlass_hub.rights.model import Role
from windlass_hub.rights.rendering import EXAMPLE_API_SERVER, HUB_NAMESPACE, ROOT, files, main, rendered
from windlass_hub.settings import Settings

FILES = rendered(Settings(), hub_namespace=HUB_NAMESPACE, api_server=EXAMPLE_API_SERVER)


def objects(path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(FILES[path]))


def test_the_files_are_what_the_table_says() -> None:
    assert main(["--check"]) == 0


def test_a_file_that_was_changed_or_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in files(ROOT):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    monkeypatch.setattr("windlass_hub.rights.rendering.ROOT", tmp_path)
    assert main(["--check"]) == 0
    with (tmp_path / "hub-config/rbac/user.yaml").open("a") as file:
        file.write("# mine\n")
    (tmp_path / "docs/access.md").unlink()
    assert main(["--check"]) == 1
    told = capsys.readouterr().err
    assert "rbac/user.yaml" in told
    assert "docs/access.md" in told
    assert "hub.yaml" not in told
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_another_hub_gets_files_of_its_own(tmp_path: Path) -> None:
    main(
        [
            "--out",
            str(tmp_path),
            "--hub-namespace",
            "hub-a",
            "--hub-id",
            "a",
            "--prefix",
            "wla",
            "--service-account",
            "s",
        ]
    )
    text = "".join(path.read_text() for path in tmp_path.rglob("*.yaml"))
    assert "system:serviceaccount:hub-a:hub" in text
    assert "system:serviceaccount:hub-a:s" in text
    assert "startsWith('wla-')" in text
    assert "jupyterhub:hub" not in text
    assert "namespace: jupyterhub" not in text


@pytest.mark.parametrize("version", ["1.30.0", "1.33.0", "1.37.0"])
@pytest.mark.parametrize("path", [path for path in FILES if "cilium" not in path])
def test_kubernetes_knows_every_field(path: str, version: str) -> None:
    found = objects(path)
    assert found
    for item in found:
        kubernetes_validate.validate(item, version, strict=True)


@pytest.mark.parametrize("path", FILES)
def test_every_file_begins_with_what_it_is_for(path: str) -> None:
    first = FILES[path].splitlines()[0]
    assert first.startswith("# ")
    assert len(first) > 40


@pytest.mark.parametrize("path", FILES)
def test_no_file_names_an_object_twice(path: str) -> None:
    names = [(i["kind"], i["metadata"].get("namespace"), i["metadata"]["name"]) for i in objects(path)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("role", Role)
def test_every_role_is_rendered_whole(role: Role) -> None:
    roles = [i for path in FILES if path.startswith("rbac/") for i in objects(path) if i["kind"].endswith("Role")]
    (found,) = [item for item in roles if item["metadata"]["name"] == role.value]
    asked = {(r.group, resource, verb) for r in rights_of(role) for resource in r.resources for verb in r.verbs}
    written = {
        (group, resource, verb)
        for rule in found["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert written == asked


def test_notebooks_of_the_hubs_namespace_reach_what_z2jh_closes_and_no_more() -> None:
    path = "network-policies/hub-namespace.yaml"
    (found,) = [item for item in objects(path) if item["metadata"]["name"] == "windlass-notebooks-out"]
    rules = found["spec"]["egress"]
    peers = [peer for rule in rules for peer in rule["to"]]
    namespaces = {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for peer in peers
        if "namespaceSelector" in peer
    }
    assert namespaces >= {"mlflow", HUB_NAMESPACE}
    assert {"ipBlock": {"cidr": EXAMPLE_API_SERVER[0]}} in peers
    # Whether notebooks may use the internet at large is z2jh's own switch.
    assert not [rule for rule in rules if "ports" not in rule and any("ipBlock" in peer for peer in rule["to"])]


def test_hub_and_hub_service_reach_each_other_through_the_service() -> None:
    (found,) = [
        item for item in objects("network-policies/hub-namespace.yaml") if item["metadata"]["name"] == "windlass-hub"
    ]
    itself = {"podSelector": found["spec"]["podSelector"]}
    for rules, end in ((found["spec"]["ingress"], "from"), (found["spec"]["egress"], "to")):
        (ports,) = [{item["port"] for item in rule["ports"]} for rule in rules if itself in rule[end]]
        assert ports == {8081, 8123}


def test_the_doctors_list_is_the_table_of_the_user() -> None:
    document = json.loads((ROOT / "server_ext/windlass/kube/rights.json").read_text())
    assert len(document["rights"]) == len([*rights_of(Role.USER), *rights_of(Role.USER_CLUSTER_READ)])
    assert all(row["why"] and row["feature"] for row in document["rights"])
