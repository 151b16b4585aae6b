"""docs/access.md and the doctor's list, drawn from the access table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from windlass.kube.user_secret import SECRET_NAME
from windlass_hub.access import NEVER, SECRETS, USER_ACCOUNT, WAYS, rights_of

from .model import Never, Pods, Right, Role, Way

_INTRODUCTION = """\
# Who may do what, and why

<!-- Written by `python -m windlass_hub.rights.rendering`; change the table in `spawner/windlass_hub/access.py`. -->

Every right in Kubernetes, every way through the network and every secret that Windlass needs stands in one table in the
code. The files in `hub-config/rbac`, `hub-config/network-policies` and `hub-config/admission`, the namespaces that the
hub makes, `windlass doctor` and this page are generated from it.

## How a user is kept apart

Each user has a namespace of their own: the notebook's, or, where homes must stay where they are, one for jobs beside.
The hub makes it when a server starts, repairs what was changed, and removes it with the user. In it are:

- an account, `windlass-user`, whose token no pod gets: the user's server asks the hub service for a short-lived one;
- `windlass-credentials`, the one Secret: jobs name its variables by reference, the account cannot read it;
- a NetworkPolicy that closes both directions, and one for each kind of pod that opens what is listed below;
- a ResourceQuota from the catalogue (notebooks and jobs count together), and default requests and limits;
- Pod Security at `baseline`, with warnings for what `restricted` would refuse.

Who may create a job chooses what is in its pods. So whatever is in a namespace is readable by its user, and nothing of
anybody else's may be put there.

## What holds jobs to the limits of notebooks

Profiles are not only a form: the hub writes what a person's profiles have (priorities, tolerations, nodes, GPUs,
runtimes) into annotations of their namespace, and the policy in `hub-config/admission/user-pods.yaml` refuses pods that
ask for more, whichever operator makes them. Quota holds the sums. Both also hold what is sent with kubectl.

- Admission policies need Kubernetes 1.30. Before that only quota and Pod Security hold: tolerations, priorities and
  nodes of jobs are then not limited. Taints that no user's pods may tolerate need another guard there.
- An image that asks for all GPUs gets them where NVIDIA's is the default runtime. Set
  `accept-nvidia-visible-devices-envvar-when-unprivileged = false` in its configuration.
- The launcher of an MPIJob v1 runs user code with an account of its own that may exec into pods of the namespace.
  The MPI operator (v2beta1) has no such account: prefer it.
- JupyterHub's `internal_ssl` needs the hub to write Secrets of other names, and is not provided for.

The hub's own account is fenced in turn (`hub-config/admission/hub-fence.yaml`): it writes only in namespaces that carry
its label, makes only namespaces of its prefix, and binds only the roles below. Before Kubernetes 1.30 nothing but RBAC
holds it, and RBAC cannot say "namespaces of mine": whoever takes over the hub could there bind these roles anywhere.
"""

_NEVER = """\
## What the user's account must never have

Tests ask a real authorizer for each; `windlass doctor` names any that something else has granted.
"""

_WAYS = """\
## Ways through the network

Everything else is closed. Where the places are (MLflow, the artifact store and so on) is said by `Settings.network`.
"""

_SECRETS = f"""\
## Secrets

Of `{SECRET_NAME}`, in the user's namespace. Where an administrator keeps what goes into it is said in
`windlass_hub.isolation.credentials`: files by user and group, in the folder `Settings.credentials_dir`.
"""

_ROLE_TITLES = {
    Role.USER: "The user's account",
    Role.USER_CLUSTER_READ: "The user's account, beyond the namespace",
    Role.HUB: "The hub",
    Role.HUB_NAMESPACE: "The hub, in users' namespaces",
    Role.HUB_NOTEBOOKS: "The hub, where notebooks run",
    Role.HUB_CATALOGUE: "The hub, in its own namespace",
    Role.HUB_API_ADDRESS: "The hub, in the namespace `default`",
    Role.SERVICE: "The hub service",
    Role.SERVICE_NAMESPACE: "The hub service, in users' namespaces",
    Role.SERVICE_CATALOGUE: "The hub service, in the hub's namespace",
}
_POD_TITLES = {
    Pods.ALL: "All pods of a user's namespace",
    Pods.NOTEBOOKS: "Notebooks (where they run in the user's namespace)",
    Pods.TRAINING: "Training pods (label `job-type: training`)",
    Pods.SERVING: "Models (label `serving.kserve.io/inferenceservice`)",
    Pods.LAUNCHERS: "Pods of MPIJobs",
    Pods.RAY_HEADS: "Heads of Ray clusters",
}


def page() -> str:
    """The whole of docs/access.md."""
    parts = [_INTRODUCTION, "## Rights in Kubernetes\n"]
    for role in Role:
        parts.append(f"### {_ROLE_TITLES[role]}\n\n`{role.value}`, in {role.where}.\n")
        parts.append(_table(("resources", "verbs", "for", "why"), map(_right_row, rights_of(role))))
    parts += [_NEVER, _table(("resources", "verbs", "why"), map(_never_row, NEVER)), _WAYS]
    for pods in Pods:
        rows = [_way_row(way) for way in WAYS if way.pods is pods]
        parts += [f"### {_POD_TITLES[pods]}\n", _table(("direction", "peer", "ports", "for", "why"), rows)]
    uses = [(", ".join(f"`{key}`" for key in use.keys), use.reader, str(use.feature), use.why) for use in SECRETS]
    parts += [_SECRETS, _table(("keys", "read by", "for", "why"), uses)]
    return "\n".join(parts)


def doctor_rights() -> str:
    """rights.json: what `windlass doctor` asks the cluster about, without the hub side installed."""
    document: dict[str, Any] = {
        "about": "Written by `python -m windlass_hub.rights.rendering` from the access table.",
        "account": USER_ACCOUNT,
        "rights": [_right(right) for role in (Role.USER, Role.USER_CLUSTER_READ) for right in rights_of(role)],
        "never": [_never(never) for never in NEVER],
    }
    return json.dumps(document, indent=1) + "\n"


def _right(right: Right) -> dict[str, Any]:
    return {
        "group": right.group,
        "resources": list(right.resources),
        "verbs": list(right.verbs),
        "namespaced": right.role is Role.USER,
        "feature": right.feature,
        "why": right.why,
    }


def _never(never: Never) -> dict[str, Any]:
    return {"group": never.group, "resources": list(never.resources), "verbs": list(never.verbs), "why": never.why}


def _right_row(right: Right) -> tuple[str, ...]:
    return _resources(right.group, right.resources, right.names), ", ".join(right.verbs), right.feature, right.why


def _never_row(never: Never) -> tuple[str, ...]:
    return _resources(never.group, never.resources), ", ".join(never.verbs), never.why


def _way_row(way: Way) -> tuple[str, ...]:
    ports = ", ".join(map(str, way.ports)) or "as the place says"
    return way.direction, way.peer.value, ports, way.feature, way.why


def _resources(group: str, resources: tuple[str, ...], names: tuple[str, ...] = ()) -> str:
    listed = ", ".join(f"`{resource}`" for resource in resources)
    where = f" ({group})" if group else ""
    only = f", only {', '.join(f'`{name}`' for name in names)}" if names else ""
    return listed + where + only


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
