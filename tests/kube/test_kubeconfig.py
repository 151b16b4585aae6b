"""Kubeconfig files: found, merged, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from windlass.kube.errors import Unavailable
from windlass.kube.kubeconfig import kubeconfig_files, read_context


def a_config(name: str = "one", **changes: Any) -> dict[str, Any]:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}.example.com:6443"}}],
        "users": [{"name": f"{name}-user", "user": {"token": "hunter2"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": f"{name}-user", "namespace": f"{name}-ns"}}],
        "current-context": name,
    }
    return config | changes


def written(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return path


def test_files_are_those_listed_else_the_one_at_home(tmp_path: Path) -> None:
    at_home = written(tmp_path / ".kube" / "config", a_config())
    first, second = (written(tmp_path / name, a_config()) for name in ("first", "second"))
    home = {"HOME": str(tmp_path)}
    assert kubeconfig_files(home) == [at_home]
    assert kubeconfig_files(home | {"KUBECONFIG": f"{first}::{tmp_path}/missing:{second}"}) == [first, second]
    assert kubeconfig_files(home | {"KUBECONFIG": str(tmp_path / "missing")}) == []
    assert kubeconfig_files({"HOME": str(tmp_path / "elsewhere")}) == []


def test_the_current_context_names_cluster_user_and_namespace(tmp_path: Path) -> None:
    context = read_context([written(tmp_path / "config", a_config())])
    assert context.name == "one"
    assert context.namespace == "one-ns"
    assert context.cluster["server"] == "https://one.example.com:6443"
    assert context.user == {"token": "hunter2"}
    assert "hunter2" not in repr(context)


def test_of_several_files_the_first_to_say_something_is_believed(tmp_path: Path) -> None:
    first = written(tmp_path / "a", a_config("one"))
    clash = a_config("two")
    clash["clusters"].append({"name": "one", "cluster": {"server": "https://not-this.example.com"}})
    second = written(tmp_path / "b", clash)
    assert read_context([first, second]).name == "one"
    assert read_context([second, first]).name == "two"
    assert read_context([first, second], name="one").cluster["server"] == "https://one.example.com:6443"
    assert read_context([first, second], name="two").namespace == "two-ns"


def test_a_context_may_take_its_parts_from_other_files(tmp_path: Path) -> None:
    clusters = written(tmp_path / "clusters" / "c", a_config(users=None, contexts=[], **{"current-context": ""}))
    users = written(tmp_path / "users" / "u", {"users": [{"name": "one-user", "user": {"tokenFile": "tokens/mine"}}]})
    contexts = written(tmp_path / "x", a_config(clusters=None, users=None))
    context = read_context([clusters, users, contexts])
    assert context.user["tokenFile"] == str(tmp_path / "users" / "tokens" / "mine")
    assert context.cluster["server"] == "https://one.example.com:6443"


def test_paths_are_meant_from_the_folder_of_their_file(tmp_path: Path) -> None:
    config = a_config()
    config["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    config["users"][0]["user"] = {"client-certificate": "me.crt", "client-key": "/elsewhere/me.key"}
    context = read_context([written(tmp_path / "deep" / "config", config)])
    assert context.cluster["certificate-authority"] == str(tmp_path / "deep" / "ca.crt")
    assert context.user == {
        "client-certificate": str(tmp_path / "deep" / "me.crt"),
        "client-key": "/elsewhere/me.key",
    }


def test_a_context_without_namespace_or_user_is_one(tmp_path: Path) -> None:
    context = read_context(
        [written(tmp_path / "c", a_config(contexts=[{"name": "one", "context": {"cluster": "one"}}]))]
    )
    assert (context.namespace, context.user) == ("default", {})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"current-context": None}, r"no current context: choose one .*\(there are: one\)"),
        ({"current-context": None, "contexts": []}, r"\(there are: none\)"),
        ({"current-context": "prod"}, "context prod is not in it"),
        ({"users": []}, "context one names a user that is not in it"),
        ({"clusters": None}, "context one names a cluster that is not in it"),
        ({"clusters": {"one": {}}}, "clusters that are no list of mappings"),
        ({"users": ["me"]}, "users that are no list of mappings"),
        ({"contexts": [{"name": "one", "context": "me"}]}, "a context that is no mapping"),
    ],
)
def test_what_is_missing_is_said(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=sentence):
        read_context([written(tmp_path / "config", a_config(**changes))])


def test_a_file_that_is_no_yaml_is_named_and_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("users:\n- token: hunter2\n  }{")
    with pytest.raises(Unavailable, match=f"The kubeconfig {file} is no YAML") as failure:
        read_context([file])
    assert failure.value.__cause__ is None
    file.write_text("- hunter2")
    with pytest.raises(Unavailable, match="holds no mapping"):
        read_context([file])


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be read: Is a directory"):
        read_context([tmp_path])


YAML_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "cluster", "user", "context", "server", "one"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["clusters", "users", "contexts", "current-context"]), YAML_VALUES))
def test_whatever_a_file_holds_gives_a_context_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any]
) -> None:
    file = written(tmp_path_factory.mktemp("any") / "config", a_config(**changes))
    try:
        found = read_context([file])
    except Unavailable as failure:
        sentence = str(failure)
    else:
        sentence = f"The kubeconfig's context {found.name}: {found.cluster | found.user}"
    assert sentence.startswith("The kubeconfig")
