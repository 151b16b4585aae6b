"""What a user's namespace must be: its name, and every object in it, as plain dicts.

Names are valid for Kubernetes whatever the user is called, have at most 63 characters, and two users never share one. A
name that is valid as it stands is kept, so that people recognise theirs; every other gets a hash, behind `---`, which
no kept name contains. Who may choose their user name can find another with the same hash; so the full name stands in an
annotation, and `ownership` refuses a namespace that carries another's.

Nothing here asks a cluster: what is in force there comes in a `Plan`.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from windlass.kube.names import LONGEST_LABEL as LONGEST_NAME
from windlass.kube.names import MANAGED_BY_LABEL, MANAGER, user_slug
from windlass.kube.resources import (
    LIMIT_RANGES,
    NAMESPACES,
    NETWORK_POLICIES,
    RESOURCE_QUOTAS,
    ROLE_BINDINGS,
    SECRETS,
    SERVICE_ACCOUNTS,
    Resource,
)
from windlass.kube.user_secret import SECRET_NAME

from .access import HUB_LABEL, USER_ACCOUNT, USER_LABEL, USERNAME_ANNOTATION
from .isolation.allowances import allowance_annotations
from .isolation.network_policies import policies
from .isolation.quota import LIMITS, QUOTA, limit_range, resource_quota
from .profiles.access import Person, effective_quota
from .profiles.model import Catalogue
from .rights.model import Role
from .settings import Settings

Object = dict[str, Any]
Wanted = tuple[Resource, Object]

POD_SECURITY = {
    "pod-security.kubernetes.io/enforce": "baseline",
    "pod-security.kubernetes.io/warn": "restricted",
    "pod-security.kubernetes.io/audit": "restricted",
}
# z2jh's own policies let pods of a namespace with this label through to the hub.
NETWORK_ACCESS_HUB = "hub.jupyter.org/network-access-hub"
_DEFAULT_HUB_ID = str(Settings.model_fields["hub_id"].default)
_HASH_DIGITS = 12


def namespace_for(username: str, *, prefix: str, hub_id: str) -> str:
    """The name of a user's namespace.

    Hubs with different ids may share a prefix: all but the default id are part of the name, joined with `--`.
    """
    front = f"{prefix}-" if hub_id == _DEFAULT_HUB_ID else f"{prefix}-{hub_id}--"
    # The longest prefix with the longest hub id leaves too little: the id then takes part by its hash.
    if len(front) > LONGEST_NAME - 20:
        front = f"{prefix}-{hashlib.sha256(hub_id.encode()).hexdigest()[:_HASH_DIGITS]}--"
    return front + user_slug(username, longest=LONGEST_NAME - len(front))


def ownership(found: Object, *, username: str, hub_id: str) -> str | None:
    """Why a namespace that is there is not this user's of this hub, in a few words; None when it is."""
    metadata = found.get("metadata", {})
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    if labels.get(MANAGED_BY_LABEL) != MANAGER or HUB_LABEL not in labels:
        return "it was not made by Windlass"
    if labels[HUB_LABEL] != hub_id:
        return f"it belongs to the hub {labels[HUB_LABEL]}"
    if annotations.get(USERNAME_ANNOTATION) != username:
        return "it belongs to another user"
    return None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that the objects of one namespace follow from.

    Attributes:
        name: of the namespace.
        hub_namespace: where hub and proxy run.
        api_server: address ranges of the API server, as the cluster says.
        default_priorities: PriorityClasses that pods get which name none.
    """

    name: str
    person: Person
    catalogue: Catalogue
    settings: Settings
    hub_namespace: str
    api_server: tuple[str, ...] = ()
    default_priorities: tuple[str, ...] = ()

    @property
    def notebooks(self) -> bool:
        """Whether the user's notebooks are in it, or jobs only."""
        return self.settings.isolation == "own"

    @property
    def labels(self) -> dict[str, str]:
        """What everything of ours carries."""
        return {
            MANAGED_BY_LABEL: MANAGER,
            HUB_LABEL: self.settings.hub_id,
            USER_LABEL: user_slug(self.person.name),
        }

    def made(self, found: Object) -> bool:
        """Whether an object in the namespace carries this hub's labels."""
        labels = found["metadata"].get("labels") or {}
        return labels.get(MANAGED_BY_LABEL) == MANAGER and labels.get(HUB_LABEL) == self.settings.hub_id


def namespace(plan: Plan) -> Wanted:
    """The namespace itself: whose it is, how strict Pod Security is, and what admission lets jobs have."""
    labels = {**plan.labels, **POD_SECURITY}
    if plan.notebooks:
        labels[NETWORK_ACCESS_HUB] = "true"
    allowed = allowance_annotations(plan.catalogue, plan.person, default_priorities=plan.default_priorities)
    annotations = {USERNAME_ANNOTATION: plan.person.name, **allowed}
    return NAMESPACES, {"metadata": {"name": plan.name, "labels": labels, "annotations": annotations}}


def hub_bindings(plan: Plan) -> list[Wanted]:
    """The hub's own rights in the namespace; without them it can make nothing else there."""
    hub = _account(plan.settings.hub_account, plan.hub_namespace)
    roles = (Role.HUB_NAMESPACE, Role.HUB_NOTEBOOKS) if plan.notebooks else (Role.HUB_NAMESPACE,)
    return [_binding(plan, role, hub) for role in roles]


def contents(plan: Plan, credentials: Mapping[str, str] | None) -> list[Wanted]:
    """Everything in the namespace; `credentials` None leaves the Secret as it is."""
    settings = plan.settings
    service = _account(settings.service_account or settings.hub_account, plan.hub_namespace)
    quota = effective_quota(plan.catalogue.quotas, plan.person.groups)
    network = policies(
        network=settings.network,
        hub_namespace=plan.hub_namespace,
        hub_id=settings.hub_id,
        api_server=plan.api_server,
        notebooks=plan.notebooks,
    )
    wanted: list[Wanted] = [
        # Jobs that name no account run as `default`: neither account's token is mounted.
        *((SERVICE_ACCOUNTS, _object(plan, name, automountServiceAccountToken=False)) for name in _accounts()),
        *hub_bindings(plan),
        _binding(plan, Role.USER, _account(USER_ACCOUNT, plan.name)),
        _binding(plan, Role.SERVICE_NAMESPACE, service),
        *((NETWORK_POLICIES, _object(plan, name, spec=spec)) for name, spec in network.items()),
        (RESOURCE_QUOTAS, _object(plan, QUOTA, spec=resource_quota(quota))),
        (LIMIT_RANGES, _object(plan, LIMITS, spec=limit_range(quota))),
    ]
    if credentials is not None:
        data = {name: b64encode(value.encode()).decode() for name, value in sorted(credentials.items())}
        wanted.append((SECRETS, _object(plan, SECRET_NAME, type="Opaque", data=data)))
    return wanted


def _accounts() -> tuple[str, str]:
    return ("default", USER_ACCOUNT)


def _object(plan: Plan, name: str, **content: Any) -> Object:
    return {"metadata": {"name": name, "namespace": plan.name, "labels": plan.labels}, **content}


def _binding(plan: Plan, role: Role, subject: Object) -> Wanted:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role.value}
    return ROLE_BINDINGS, _object(plan, role.value, roleRef=reference, subjects=[subject])


def _account(name: str, namespace: str) -> Object:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
