"""The one table of who may do what, and why: rights in Kubernetes, ways through the network, and secrets.

The RBAC files, the NetworkPolicies, the admission policies, docs/access.md and the list `windlass doctor` goes by are
generated from it (`python -m windlass_hub.rights.rendering`), and the hub makes users' namespaces by it; a test fails
where a file differs. Whoever needs one more right adds a row, with the sentence that justifies it.
"""

from __future__ import annotations

from typing import get_args

from windlass.kube.user_secret import SECRET_NAME, VARIABLES

from .rights.kubernetes import BINDABLE, CLUSTER_READS, HUB_RIGHTS, SERVICE_RIGHTS, USER_ACCOUNT, USER_RIGHTS
from .rights.model import Entry, Feature, Right, Role, SecretUse
from .rights.never import NEVER
from .rights.ways import WAYS

__all__ = ["BINDABLE", "NEVER", "RIGHTS", "SECRETS", "TABLE", "USER_ACCOUNT", "WAYS", "notebook_component", "rights_of"]

HUB_LABEL = "windlass.io/hub"
USER_LABEL = "windlass.io/user"
USERNAME_ANNOTATION = "windlass.io/username"

_SECRET_REASONS: dict[Feature, str] = {
    "experiments": "Log to MLflow as oneself, without a password in a notebook or a manifest.",
    "volumes": "Data in object stores and DVC remotes.",
    "jobs": "Private models, and packages from a private index.",
}

RIGHTS: tuple[Right, ...] = (*USER_RIGHTS, *CLUSTER_READS, *HUB_RIGHTS, *SERVICE_RIGHTS)
SECRETS: tuple[SecretUse, ...] = tuple(
    SecretUse(
        name=SECRET_NAME,
        keys=tuple(name for name, needed_for in VARIABLES.items() if needed_for == feature),
        reader="pods of the user's jobs and models, by secretKeyRef",
        feature=feature,
        why=why,
    )
    for feature, why in _SECRET_REASONS.items()
)
TABLE: tuple[Entry, ...] = (*RIGHTS, *WAYS, *SECRETS)
FEATURES: tuple[Feature, ...] = get_args(Feature)


def notebook_component(hub_id: str) -> str:
    """The pod label `component` of this hub's notebooks; nothing else in a user's namespace may carry it."""
    return f"windlass-notebook-{hub_id}"


def rights_of(role: Role) -> list[Right]:
    """The rows of one role, in the table's order."""
    return [right for right in RIGHTS if right.role is role]
