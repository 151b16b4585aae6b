"""Addresses of objects: whatever a name is, it reaches no other object's."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.kube.errors import Invalid
from windlass.kube.resources import CLUSTER_ROLES, NODE_CLAIMS, NODES, PODS, SERVICE_ACCOUNTS


def test_addresses() -> None:
    assert PODS.path() == "/api/v1/pods"
    assert PODS.path(namespace="a") == "/api/v1/namespaces/a/pods"
    assert PODS.path(namespace="a", name="b", subresource="log") == "/api/v1/namespaces/a/pods/b/log"
    assert NODE_CLAIMS.path(name="x") == "/apis/karpenter.sh/v1/nodeclaims/x"
    assert CLUSTER_ROLES.path(name="system:node") == "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode"
    assert (PODS.api_version, NODE_CLAIMS.api_version) == ("v1", "karpenter.sh/v1")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../secrets", "a%2fb", "/"])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    for place in ({"namespace": name}, {"namespace": "a", "name": name}):
        with pytest.raises(Invalid):
            PODS.path(**place)
    with pytest.raises(Invalid):
        SERVICE_ACCOUNTS.path(namespace="a", name="b", subresource=name)


def test_a_name_comes_with_its_namespace() -> None:
    with pytest.raises(Invalid, match="named together with its namespace"):
        PODS.path(name="a")
    with pytest.raises(Invalid, match="in no namespace"):
        NODES.path(namespace="a", name="b")
    with pytest.raises(Invalid, match="needs the name of one"):
        PODS.path(namespace="a", subresource="log")


@given(st.text(), st.text())
def test_a_path_has_the_pieces_it_was_made_of(namespace: str, name: str) -> None:
    try:
        path = PODS.path(namespace=namespace, name=name)
    except Invalid:
        return
    assert [unquote(piece) for piece in path.split("/")] == ["", "api", "v1", "namespaces", namespace, "pods", name]
    assert path.isascii()
    assert not set(path) & set("?# \\")
