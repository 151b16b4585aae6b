"""Asks admission policies as an API server would, with the reference implementation of CEL.

Kubernetes adds functions of its own to CEL; the policies use those of the strings extension only. What a real server
makes of them is tested on one that has admission policies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

NO_CEL = "The implementation of CEL is there for Python 3.11 and newer."
cel = pytest.importorskip("cel_expr_python.cel", reason=NO_CEL)
ext_strings = pytest.importorskip("cel_expr_python.ext.ext_strings", reason=NO_CEL)

Object = dict[str, Any]

_ENVIRONMENT = cel.NewEnv(
    variables=dict.fromkeys(("object", "oldObject", "namespaceObject", "request", "variables"), cel.Type.DYN),
    extensions=[ext_strings.ExtStrings()],
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the API server hands to a policy."""

    operation: str = "CREATE"
    user: str = "system:serviceaccount:kubeflow:training-operator"
    group: str = ""
    resource: str = "pods"
    subresource: str = ""
    namespace: str = "wl-ada"
    name: str = ""
    object: Object | None = None
    old: Object | None = None
    in_namespace: Object | None = None

    def data(self) -> Object:
        """The variables of an expression."""
        resource = {"group": self.group, "version": "v1", "resource": self.resource}
        # A server leaves out what is empty: an expression that asks for it without `has` is an error there.
        named = {
            "subResource": self.subresource,
            "namespace": self.namespace,
            "name": self.name or (self.object or self.old or {}).get("metadata", {}).get("name", ""),
        }
        return {
            "object": self.object,
            "oldObject": self.old,
            "namespaceObject": self.in_namespace,
            "request": {
                "operation": self.operation,
                "userInfo": {"username": self.user},
                "resource": resource,
                **{field: text for field, text in named.items() if text},
            },
        }


def refusals(policies: list[Object], asked: Asked) -> list[str]:
    """The messages of all validations that fail; an expression that cannot be evaluated fails, as in `Fail`."""
    return [message for item in policies if item["kind"] == "ValidatingAdmissionPolicy" for message in _of(item, asked)]


def _of(policy: Object, asked: Asked) -> list[str]:
    spec = policy["spec"]
    if not any(_matches(rule, asked) for rule in spec["matchConstraints"]["resourceRules"]):
        return []
    data = asked.data()
    if not all(_value(condition["expression"], data) for condition in spec.get("matchConditions", [])):
        return []
    variables: Object = {}
    data["variables"] = variables
    for variable in spec.get("variables", []):
        variables[variable["name"]] = _value(variable["expression"], data)
    return [rule["message"] for rule in spec["validations"] if _value(rule["expression"], data) is not True]


def _matches(rule: Object, asked: Asked) -> bool:
    scope = "Cluster" if asked.resource == "namespaces" and not asked.group else "Namespaced"
    whole = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    return (
        asked.operation in rule["operations"]
        and bool({"*", asked.group} & set(rule["apiGroups"]))
        and bool({"*/*", whole} & set(rule["resources"]))
        and rule["scope"] in {"*", scope}
    )


def _value(expression: str, data: Object) -> Any:
    return _ENVIRONMENT.compile(expression).eval(data=data).plain_value()
