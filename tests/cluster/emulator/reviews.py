"""SelfSubjectAccessReview and SelfSubjectRulesReview: what may I?"""

from __future__ import annotations

from typing import Any

from tests.cluster.emulator.errors import invalid
from tests.cluster.emulator.kinds import ACCESS_REVIEWS
from tests.cluster.emulator.rbac import Rbac, Right
from tests.cluster.emulator.requests import Ask


def access(rbac: Rbac, ask: Ask) -> dict[str, Any]:
    spec = (ask.body or {}).get("spec") or {}
    wanted = spec.get("resourceAttributes")
    if wanted is None:
        raise invalid(ACCESS_REVIEWS, "", [("spec.resourceAttributes", "Required value: or nonResourceAttributes")])
    resource = wanted.get("resource", "")
    if wanted.get("subresource"):
        resource = f"{resource}/{wanted['subresource']}"
    right = Right(wanted.get("verb", ""), wanted.get("group", ""), resource, wanted.get("name", ""))
    allowed = rbac.may(ask.user, right, wanted.get("namespace", ""))
    return {**ask.body, "status": {"allowed": allowed, **({} if allowed else {"reason": ""})}}


def rules(rbac: Rbac, ask: Ask) -> dict[str, Any]:
    namespace = ((ask.body or {}).get("spec") or {}).get("namespace", "")
    found = rbac.rules(ask.user, namespace)
    if ask.user.unlimited:
        found = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    names = ("verbs", "apiGroups", "resources", "resourceNames")
    shown = [{name: rule[name] for name in names if name in rule} for rule in found if rule.get("resources")]
    urls = [
        {"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]}
        for rule in found
        if "nonResourceURLs" in rule
    ]
    return {**ask.body, "status": {"resourceRules": shown, "nonResourceRules": urls, "incomplete": False}}
