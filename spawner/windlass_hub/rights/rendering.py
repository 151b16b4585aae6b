"""Writes what is generated from the access table: `python -m windlass_hub.rights.rendering [--check]`.

The checked-in files are for a hub in the namespace `jupyterhub` with the default settings. For another hub write them
into a folder of your own:

    python -m windlass_hub.rights.rendering --out my-files --hub-namespace hub-a --hub-id a --prefix wl-a

With `--check` nothing is written: the status is 1 where a file is not what the table says, and the files are named.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from windlass_hub.namespaces import Plan, contents, namespace, namespace_for
from windlass_hub.profiles.access import Person
from windlass_hub.profiles.model import Catalogue
from windlass_hub.settings import Settings

from .admission import hub_fence, user_pods
from .manifests import cilium_policies, hub_policies, hub_roles, service_roles, user_roles
from .page import doctor_rights, page

Object = dict[str, Any]

ROOT = Path(__file__).resolve().parents[3]
HUB_NAMESPACE = "jupyterhub"
# The service address of most clusters; documentation's own range stands for the machines behind it.
EXAMPLE_API_SERVER = ("10.96.0.1/32", "192.0.2.10/32")
_EXAMPLE_USER = "ada"
_MARK = "Written by `python -m windlass_hub.rights.rendering` from spawner/windlass_hub/access.py; do not edit."


def rendered(settings: Settings, *, hub_namespace: str, api_server: tuple[str, ...]) -> dict[str, str]:
    """All files that hold for one hub, by their path below hub-config."""
    placed = {"hub_namespace": hub_namespace}
    return {
        "rbac/user.yaml": _yaml(
            "What users' accounts may do. Apply once; the hub binds the first role in each user's namespace.\n"
            "The second holds in the whole cluster for all ServiceAccounts: Kubernetes has no group for those of the\n"
            "users' namespaces alone, and what it shows (templates, classes) is nobody's in particular.",
            user_roles(),
        ),
        "rbac/hub.yaml": _yaml(
            "What the hub's account may do. Apply once, together with admission/hub-fence.yaml, which holds it to the\n"
            "namespaces of its users.",
            hub_roles(settings, **placed),
        ),
        "rbac/service.yaml": _yaml(
            "What the hub service's account may do: the hub's own, where the service runs in the hub's pod.",
            service_roles(settings, **placed),
        ),
        "admission/hub-fence.yaml": _yaml(
            "Holds the hub's account to the namespaces of its users. Kubernetes 1.30 and newer.",
            hub_fence(settings, **placed),
        ),
        "admission/user-pods.yaml": _yaml(
            "Holds pods in users' namespaces to what the profiles of their user have. Kubernetes 1.30 and newer.\n"
            "Which those are stands in the namespace's annotations, written by the hub at each start.",
            user_pods(settings, **placed),
        ),
        "network-policies/hub-namespace.yaml": _yaml(
            "What the hub's namespace must let through besides z2jh's own policies, which must be on (they are by\n"
            "default): these only add to them. z2jh closes private addresses to notebooks, the API server's too.\n"
            "Put in your API server's addresses: `kubectl -n default get service,endpoints kubernetes`.",
            hub_policies(settings, **placed, api_server=api_server),
        ),
        "network-policies/cilium.yaml": _yaml(
            "Only where Cilium enforces the policies: no address range stands for the API server there.",
            cilium_policies(settings, **placed),
        ),
        "network-policies/user-namespace.yaml": _yaml(
            "An example to read, not to apply: what the hub makes for a user called `ada` of a hub with isolation\n"
            "`own` and an empty catalogue. The addresses of the API server are asked of the cluster.",
            _example(settings, **placed, api_server=api_server),
        ),
    }


def _example(settings: Settings, *, hub_namespace: str, api_server: tuple[str, ...]) -> list[Object]:
    plan = Plan(
        name=namespace_for(_EXAMPLE_USER, prefix=settings.namespace_prefix, hub_id=settings.hub_id),
        person=Person(name=_EXAMPLE_USER),
        catalogue=Catalogue(),
        settings=settings.model_copy(update={"isolation": "own"}),
        hub_namespace=hub_namespace,
        api_server=api_server,
    )
    wanted = [namespace(plan), *contents(plan, {})]
    return [{"apiVersion": kind.api_version, "kind": kind.kind, **body} for kind, body in wanted]


def files(root: Path) -> dict[Path, str]:
    """Everything that is checked in, by path."""
    named = rendered(Settings(), hub_namespace=HUB_NAMESPACE, api_server=EXAMPLE_API_SERVER)
    return {
        **{root / "hub-config" / path: text for path, text in named.items()},
        root / "docs" / "access.md": page(),
        root / "server_ext" / "windlass" / "kube" / "rights.json": doctor_rights(),
    }


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m windlass_hub.rights.rendering", description=_MARK)
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 where a file differs")
    parser.add_argument("--out", type=Path, help="a folder for the files of another hub than the default one")
    parser.add_argument("--hub-namespace", default=HUB_NAMESPACE)
    parser.add_argument("--hub-id", default="hub")
    parser.add_argument("--prefix", default="wl", help="what users' namespaces begin with")
    parser.add_argument("--hub-account", default="hub", help="the hub's ServiceAccount")
    parser.add_argument("--service-account", default="", help="the hub service's, where it has one of its own")
    parser.add_argument("--api-server", action="append", default=[], help="address range of the API server; repeatable")
    options = parser.parse_args(arguments)
    if options.out is None:
        wanted = files(ROOT)
    else:
        settings = Settings(
            hub_id=options.hub_id,
            namespace_prefix=options.prefix,
            hub_account=options.hub_account,
            service_account=options.service_account,
        )
        server = tuple(options.api_server) or EXAMPLE_API_SERVER
        named = rendered(settings, hub_namespace=options.hub_namespace, api_server=server)
        wanted = {options.out / path: text for path, text in named.items()}
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if options.check:
        for path in stale:
            sys.stderr.write(f"{path} is not what the access table says: run {parser.prog}\n")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    return 0


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML has no types
    """Block style, without references between equal parts: people read these files."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  (the base class asks with it)
        """Write equal parts out."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """Expressions are folded, or each of their quotes would be doubled."""
    folded = ">" if "'" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=folded)


_Dumper.add_representer(str, _text)


def _yaml(purpose: str, objects: list[Object]) -> str:
    head = "".join(f"# {line}\n" for line in [*purpose.splitlines(), _MARK])
    documents = (yaml.dump(item, Dumper=_Dumper, sort_keys=False, width=118, allow_unicode=True) for item in objects)
    return head + "".join(f"---\n{document}" for document in documents)


if __name__ == "__main__":
    sys.exit(main())
