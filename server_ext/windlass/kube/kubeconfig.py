"""Kubeconfig files, as kubectl reads them: found, merged, and one context of them taken out.

`KUBECONFIG` may list several files: for each cluster, user, context and for the current context, whoever says it first
is believed. Paths in a file are relative to its folder. What a context's user has to do to get in is known by
`kube.kubeconfig_credentials`. Python's Kubernetes libraries are not used for this: they load 17 to 59 MB, pass over a
login program that fails, wait for one for ever, do not check an OpenID issuer's certificate, and leave keys in /tmp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from windlass.kube.errors import Unavailable

Entry = dict[str, Any]

_CLUSTER_PATHS = ("certificate-authority",)
_USER_PATHS = ("client-certificate", "client-key", "tokenFile")


@dataclass(frozen=True, kw_only=True)
class Context:
    """One way into one cluster. `cluster` and `user` are as in the file, with paths made absolute."""

    name: str
    namespace: str
    cluster: Entry = field(repr=False)
    user_name: str
    user: Entry = field(repr=False)
    user_file: Path
    """Where the user's entry stands: login programs with a relative path are meant from its folder."""


@dataclass(kw_only=True)
class _Merged:
    """All files together: entry and file by name."""

    current: str = ""
    clusters: dict[str, tuple[Entry, Path]] = field(default_factory=dict)
    users: dict[str, tuple[Entry, Path]] = field(default_factory=dict)
    contexts: dict[str, tuple[Entry, Path]] = field(default_factory=dict)


def kubeconfig_files(environ: Mapping[str, str]) -> list[Path]:
    """The kubeconfig files that are there: those that `KUBECONFIG` lists, else the one in the home folder."""
    listed = [Path(item).expanduser() for item in environ.get("KUBECONFIG", "").split(":") if item.strip()]
    if not listed:
        home = environ.get("HOME")
        listed = [(Path(home) if home else Path.home()) / ".kube" / "config"]
    return [path for path in listed if path.is_file()]


def read_context(files: Sequence[Path], *, name: str | None = None) -> Context:
    """The context of that name, else the current one. Reads files: not for the event loop.

    Raises:
        Unavailable: a file cannot be read, or names what is in none of them; the sentence says which.
    """
    merged = _Merged()
    for path in files:
        _add(merged, path)
    chosen = name or merged.current
    if not chosen:
        known = ", ".join(sorted(merged.contexts)) or "none"
        raise _wrong(
            f"The kubeconfig has no current context: choose one with `kubectl config use-context` (there are: {known})."
        )
    if chosen not in merged.contexts:
        raise _wrong(f"The kubeconfig's context {chosen} is not in it.")
    context, _ = merged.contexts[chosen]
    cluster_name, user_name = str(context.get("cluster") or ""), str(context.get("user") or "")
    if cluster_name not in merged.clusters:
        raise _wrong(f"The kubeconfig's context {chosen} names a cluster that is not in it.")
    # A context without a user asks as nobody.
    if user_name and user_name not in merged.users:
        raise _wrong(f"The kubeconfig's context {chosen} names a user that is not in it.")
    cluster, cluster_file = merged.clusters[cluster_name]
    user, user_file = merged.users.get(user_name, ({}, cluster_file))
    return Context(
        name=chosen,
        namespace=str(context.get("namespace") or "default"),
        cluster=_absolute(cluster, _CLUSTER_PATHS, cluster_file),
        user_name=user_name,
        user=_absolute(user, _USER_PATHS, user_file),
        user_file=user_file,
    )


def read_file(path: Path) -> Entry:
    """One kubeconfig file as it stands. Raises Unavailable."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _wrong(f"The kubeconfig {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        # Without the cause: it quotes the file, which may hold a token.
        raise _wrong(f"The kubeconfig {path} is no YAML.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise _wrong(f"The kubeconfig {path} is none: it holds no mapping.")
    return content


def _add(merged: _Merged, path: Path) -> None:
    content = read_file(path)
    merged.current = merged.current or str(content.get("current-context") or "")
    parts = (("clusters", "cluster"), ("users", "user"), ("contexts", "context"))
    for (plural, singular), known in zip(parts, (merged.clusters, merged.users, merged.contexts), strict=True):
        for item in _items(content, plural, path):
            entry = item.get(singular) or {}
            if not isinstance(entry, dict):
                raise _wrong(f"The kubeconfig {path} has a {singular} that is no mapping.")
            known.setdefault(str(item.get("name")), (entry, path))


def _items(content: Entry, plural: str, path: Path) -> list[Entry]:
    items = content.get(plural) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _wrong(f"The kubeconfig {path} has {plural} that are no list of mappings.")
    return items


def _absolute(entry: Entry, names: Sequence[str], file: Path) -> Entry:
    folder = file.absolute().parent
    return entry | {name: str(folder / str(entry[name])) for name in names if entry.get(name)}


def _wrong(sentence: str) -> Unavailable:
    return Unavailable(sentence, reason="NoAccess")
