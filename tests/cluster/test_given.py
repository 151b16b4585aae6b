"""What somebody who types `make test-cluster` is told when something is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from tests.cluster.given import CONTEXT, CRDS, IMAGE, Given, Mistake, given, refuse_production
from tests.cluster.kubeconfig import read

ON = {"WINDLASS_TEST_CLUSTER": "1"}


def kubeconfig(path: Path, **changes: object) -> Path:
    content = {
        "clusters": [{"name": "here", "cluster": {"server": "https://127.0.0.1:6443"}}],
        "users": [{"name": "me", "user": {"token": "t"}}],
        "contexts": [
            {"name": "kind-one", "context": {"cluster": "here", "user": "me"}},
            {"name": "lost", "context": {"cluster": "gone", "user": "me"}},
        ],
        "current-context": "kind-one",
    }
    path.write_text(yaml.safe_dump({**content, **changes}))
    return path


def test_without_the_target_nothing_real_is_tested(tmp_path: Path) -> None:
    found = given({"KUBECONFIG": str(kubeconfig(tmp_path / "config"))})
    assert (found.real, found.kubeconfig) == (False, None)


def test_what_is_given_is_taken(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config")
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "a.json").write_text(json.dumps({"kind": "CustomResourceDefinition"}))
    more = {"KUBECONFIG": str(path), CONTEXT: "kind-one", CRDS: str(tmp_path / "crds"), IMAGE: "quay.io/a/b:1"}
    found = given({**ON, **more})
    assert found == Given(kubeconfig=path, context="kind-one", crds=tmp_path / "crds", image="quay.io/a/b:1")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "Set KUBECONFIG"),
        ({"KUBECONFIG": "/nowhere/config"}, "not there: /nowhere/config"),
        ({"KUBECONFIG": "/a:/b"}, "--flatten"),
        ({"KUBEBUILDER_ASSETS": "/nowhere"}, "no etcd and kube-apiserver: /nowhere"),
        ({CRDS: "/nowhere"}, "without CustomResourceDefinitions"),
        ({IMAGE: "not an image"}, "no name of an image"),
    ],
)
def test_a_wrong_variable_is_said_in_a_sentence(variables: dict[str, str], said: str) -> None:
    with pytest.raises(Mistake) as mistake:
        given({**ON, **variables})
    assert said in str(mistake.value)


@pytest.mark.parametrize("content", ["{", '"text"', '{"kind": "Pod"}'])
def test_a_file_that_is_no_definition_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "b.json").write_text(content)
    with pytest.raises(Mistake, match=r"no CustomResourceDefinition: .*b\.json"):
        given({CRDS: str(tmp_path)})


@pytest.mark.parametrize(
    ("context", "server"),
    [
        ("arn:aws:eks:eu-west-1:1:cluster/ml-prod", "https://x.eks.amazonaws.com"),
        ("Production", "https://10.0.0.1"),
        ("admin@live", "https://10.0.0.1"),
        ("ours", "https://api.prd.example.com:6443"),
    ],
)
def test_a_cluster_that_looks_like_production_is_touched_only_by_its_name(context: str, server: str) -> None:
    with pytest.raises(Mistake, match=CONTEXT):
        refuse_production(context=context, cluster="c", server=server, named=False)
    refuse_production(context=context, cluster="c", server=server, named=True)


@pytest.mark.parametrize("context", ["kind-kind", "minikube", "products-dev", "delivery", "reproduce"])
def test_other_names_are_no_obstacle(context: str) -> None:
    refuse_production(context=context, cluster=context, server="https://127.0.0.1:6443", named=False)


@pytest.mark.parametrize(
    ("changes", "context", "said"),
    [
        ({"current-context": ""}, None, "no current context"),
        ({}, "kind-two", "no 'kind-two' among its contexts: kind-one, lost"),
        ({}, "lost", "no 'gone' among its clusters: here"),
        ({"users": [{"name": "me", "user": {"client-certificate": "/nowhere.pem"}}]}, None, "cannot be used"),
        (
            {"users": [{"name": "me", "user": {"exec": {"command": "no-such-plugin", "apiVersion": "v1"}}}]},
            None,
            "'no-such-plugin' for credentials, which is not there",
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_says_why(
    tmp_path: Path, changes: dict[str, object], context: str | None, said: str
) -> None:
    with pytest.raises(Mistake) as mistake:
        read(kubeconfig(tmp_path / "config", **changes), context=context)
    assert said in str(mistake.value)


def test_a_file_that_is_no_kubeconfig_says_so(tmp_path: Path) -> None:
    for content in ("{", "text", "[]"):
        (tmp_path / "config").write_text(content)
        with pytest.raises(Mistake, match="no kubeconfig"):
            read(tmp_path / "config")
