"""Who may do what, from the roles and bindings that are stored; and who may hand on which rights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.cluster.emulator.errors import forbidden, not_found
from tests.cluster.emulator.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES, Kind
from tests.cluster.emulator.requests import Ask
from tests.cluster.emulator.storage import Object, Storage
from tests.cluster.emulator.tokens import User

Rule = dict[str, Any]

GRANTED_TO_ALL: list[Rule] = [
    {
        "verbs": ["create"],
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    },
    {"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/readyz", "/version"]},
]
"""What the roles `system:basic-user` and `system:discovery` give every account of a real cluster."""


@dataclass(frozen=True)
class Right:
    """One thing that somebody may or may not do."""

    verb: str
    group: str
    resource: str
    """With its subresource: `pods/log`."""
    name: str = ""


class Rbac:
    """Decides; knows nothing but what is stored."""

    def __init__(self, *, storage: Storage) -> None:
        self._storage = storage

    def rules(self, user: User, namespace: str) -> list[Rule]:
        """Every rule that holds for the account in a namespace ("" for cluster-wide things)."""
        found = list(GRANTED_TO_ALL)
        for binding in self._bindings(user, namespace):
            role = self._role(binding["roleRef"], binding["metadata"].get("namespace", ""))
            found += (role or {}).get("rules") or []
        return found

    def may(self, user: User, right: Right, namespace: str) -> bool:
        return user.unlimited or any(covers(rule, right) for rule in self.rules(user, namespace))

    def authorize(self, ask: Ask) -> None:
        """Raises the 403 that the real server words."""
        resource = f"{ask.kind.plural}/{ask.subresource}" if ask.subresource else ask.kind.plural
        right = Right(ask.verb, ask.kind.group, resource, ask.name)
        if not self.may(ask.user, right, ask.namespace):
            where = f'in the namespace "{ask.namespace}"' if ask.namespace else "at the cluster scope"
            what = f'cannot {ask.verb} resource "{resource}" in API group "{ask.kind.group}" {where}'
            why = f'User "{ask.user.name}" {what}'
            raise forbidden(ask.kind, ask.name, why)

    def check_escalation(self, ask: Ask, old: Object | None, new: Object) -> None:
        """Nobody makes a role or a binding that gives what they do not have, but with `escalate` and `bind`."""
        if ask.user.unlimited:
            return
        if ask.kind in {ROLES, CLUSTER_ROLES}:
            if old is None or old.get("rules") != new.get("rules"):
                name = new["metadata"]["name"]
                self._check_rules(ask, new, Right("escalate", ask.kind.group, ask.kind.plural, name), ask.kind)
        elif ask.kind in {ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS}:
            reference = new["roleRef"]
            kind = CLUSTER_ROLES if reference["kind"] == "ClusterRole" else ROLES
            self._check_rules(ask, new, Right("bind", kind.group, kind.plural, reference["name"]), kind)

    def _check_rules(self, ask: Ask, new: Object, pass_by: Right, kind: Kind) -> None:
        """`pass_by` is the right that makes the others unnecessary."""
        if self.may(ask.user, pass_by, ask.namespace):
            return
        role: Object | None = new
        if pass_by.verb == "bind":
            role = self._role({"kind": kind.kind, "name": pass_by.name}, ask.namespace)
        if role is None:
            raise not_found(kind, pass_by.name)
        rules = role.get("rules") or []
        missing = [right for right in _rights(rules) if not self.may(ask.user, right, ask.namespace)]
        if missing:
            shown = "\n".join(
                f'{{APIGroups:["{right.group}"], Resources:["{right.resource}"], Verbs:["{right.verb}"]}}'
                for right in missing
            )
            groups = " ".join(f'"{group}"' for group in ask.user.groups)
            why = (
                f'user "{ask.user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently '
                f"held:\n{shown}"
            )
            raise forbidden(ask.kind, new["metadata"]["name"], why)

    def _bindings(self, user: User, namespace: str) -> Iterator[Object]:
        bindings = self._storage.all(CLUSTER_ROLE_BINDINGS)
        if namespace:
            bindings = bindings + self._storage.all(ROLE_BINDINGS, namespace)
        for binding in bindings:
            place = binding["metadata"].get("namespace", "")
            if any(_is(subject, user, place) for subject in binding.get("subjects") or []):
                yield binding

    def _role(self, reference: dict[str, Any], namespace: str) -> Object | None:
        if reference.get("kind") == "ClusterRole":
            return self._storage.get(CLUSTER_ROLES, "", reference["name"])
        return self._storage.get(ROLES, namespace, reference["name"])


def _is(subject: dict[str, Any], user: User, namespace: str) -> bool:
    kind, name = subject.get("kind"), subject.get("name")
    if kind == "Group":
        return name in user.groups
    if kind == "ServiceAccount":
        return user.name == f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}"
    return kind == "User" and name == user.name


def covers(rule: Rule, right: Right) -> bool:
    """Whether a rule gives a right, as the real authorizer reads it."""
    if "nonResourceURLs" in rule and not rule.get("resources"):
        return False
    names = rule.get("resourceNames") or []
    return (
        _has(rule.get("verbs"), right.verb)
        and _has(rule.get("apiGroups"), right.group)
        and _has_resource(rule.get("resources"), right.resource)
        and (not names or right.name in names)
    )


def _has(values: list[str] | None, wanted: str) -> bool:
    return "*" in (values or []) or wanted in (values or [])


def _has_resource(values: list[str] | None, wanted: str) -> bool:
    main, slash, sub = wanted.partition("/")
    return (
        _has(values, wanted) or bool(slash and f"*/{sub}" in (values or [])) or (main == "*" and "*" in (values or []))
    )


def _rights(rules: list[Rule]) -> Iterator[Right]:
    for rule in rules:
        for group in rule.get("apiGroups") or []:
            for resource in rule.get("resources") or []:
                for verb in rule.get("verbs") or []:
                    for name in rule.get("resourceNames") or [""]:
                        yield Right(verb, group, resource, name)
