"""What `make test-cluster` was given by variables, checked before anything is asked of a cluster.

Whoever types it may have a KUBECONFIG of many clusters: a wrong variable is one sentence, and a cluster that looks
like production is not touched unless it is named.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

CONTEXT, CRDS, IMAGE = "WINDLASS_TEST_CONTEXT", "WINDLASS_TEST_CRDS", "WINDLASS_TEST_IMAGE"
WAY_IN = "WINDLASS_TEST_KUBECONFIG"
"""KUBECONFIG as the make target hands it on: libraries read KUBECONFIG itself when they are imported, and what is
tested would find it."""
_BINARIES = ("etcd", "kube-apiserver")
_PRODUCTION = re.compile(r"(?i)(?<![a-z])(prod|prd|production|live)(?![a-z])")
_IMAGE = re.compile(r"[a-z0-9][\w.:/@-]*", re.ASCII)


class Mistake(Exception):
    """What was given cannot be used; the text says what to do."""


@dataclass(frozen=True)
class Given:
    """Which server to test, and what with."""

    kubeconfig: Path | None = None
    context: str | None = None
    """None: the file's current one."""
    assets: Path | None = None
    crds: Path | None = None
    """The folder of the operators' own definitions."""
    image: str | None = None
    """What jobs run in where nodes are real."""

    @property
    def real(self) -> bool:
        """Whether a server is tested that is no emulator."""
        return self.kubeconfig is not None or self.assets is not None


def given(environ: Mapping[str, str] = os.environ) -> Given:
    """Raises a Mistake."""
    crds = definitions(environ)
    image = environ.get(IMAGE) or None
    if image is not None and not _IMAGE.fullmatch(image):
        raise Mistake(f"{IMAGE} is no name of an image: {image!r}.")
    if environ.get("WINDLASS_TEST_CLUSTER") != "1":
        return Given(crds=crds, image=image)
    if named := environ.get(WAY_IN) or environ.get("KUBECONFIG"):
        path = _kubeconfig(named)
        return Given(kubeconfig=path, context=environ.get(CONTEXT) or None, crds=crds, image=image)
    if environ.get("KUBEBUILDER_ASSETS"):
        return Given(assets=_assets(environ["KUBEBUILDER_ASSETS"]), crds=crds, image=image)
    raise Mistake(
        "Set KUBECONFIG (the file of a cluster whose admin you are; none is taken unasked) or KUBEBUILDER_ASSETS "
        "(a folder with etcd and kube-apiserver)."
    )


def definitions(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder of the operators' definitions. Raises a Mistake."""
    beside = Path(__file__).parents[3] / "shared" / "crds"
    return _definitions(environ[CRDS]) if environ.get(CRDS) else beside if beside.is_dir() else None


def refuse_production(*, context: str, cluster: str, server: str, named: bool) -> None:
    """Raises a Mistake for a cluster that by its names is one that people work on, unless its context was `named`."""
    if named:
        return
    for what, name in (("context", context), ("cluster", cluster), ("server", urlsplit(server).hostname or server)):
        if _PRODUCTION.search(name):
            raise Mistake(
                f"The {what} {name!r} looks like production, and the tests make namespaces, roles and definitions. "
                f"Choose another context, or set {CONTEXT}={context} if it is meant."
            )


def _kubeconfig(text: str) -> Path:
    if os.pathsep in text:
        raise Mistake(
            "KUBECONFIG names several files. Write the cluster to test into one: "
            "`kubectl config view --minify --flatten > test.kubeconfig`."
        )
    path = Path(text).expanduser()
    if not path.is_file():
        raise Mistake(f"KUBECONFIG names a file that is not there: {path}.")
    return path


def _assets(text: str) -> Path:
    folder = Path(text).expanduser()
    places = (folder, folder / "bin")
    if not any(all((place / name).is_file() for name in _BINARIES) for place in places):
        raise Mistake(
            f"KUBEBUILDER_ASSETS has no etcd and kube-apiserver: {folder}. "
            "`setup-envtest use -p path` names a folder that has."
        )
    return folder


def _definitions(text: str) -> Path:
    folder = Path(text).expanduser()
    files = sorted(folder.glob("*.json"))
    if not files:
        raise Mistake(
            f"{CRDS} names a folder without CustomResourceDefinitions as *.json: {folder}. "
            "Without the variable, small definitions that take any spec stand in."
        )
    for file in files:
        try:
            kind = json.loads(file.read_text()).get("kind")
        except (ValueError, AttributeError):
            kind = None
        if kind != "CustomResourceDefinition":
            raise Mistake(f"{CRDS} has a file that is no CustomResourceDefinition: {file}.")
    return folder
