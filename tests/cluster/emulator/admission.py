"""What admission does to objects before they are stored: namespaces that take nothing, accounts, limits and quotas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.cluster.emulator import quota
from tests.cluster.emulator.errors import ApiError, forbidden, not_found
from tests.cluster.emulator.kinds import LIMIT_RANGES, NAMESPACES, PODS, SERVICE_ACCOUNTS, Kind
from tests.cluster.emulator.quantities import quantity
from tests.cluster.emulator.rbac import Rbac
from tests.cluster.emulator.requests import Ask
from tests.cluster.emulator.storage import Object, Storage


class Admission:
    """The chain; a test may switch parts of it off."""

    def __init__(self, *, storage: Storage, rbac: Rbac) -> None:
        self._storage = storage
        self._rbac = rbac
        self.service_accounts = True
        """Refuse pods whose ServiceAccount does not exist."""
        self.webhooks: list[Callable[[Kind, Object], None]] = []
        """Change new objects, as mutating webhooks of a test's own."""

    def check_place(self, ask: Ask) -> None:
        """Refuse to make anything where there is no namespace, or one that is going."""
        if not ask.kind.namespaced:
            return
        namespace = self._storage.get(NAMESPACES, "", ask.namespace)
        if namespace is None:
            raise not_found(NAMESPACES, ask.namespace)
        if namespace["metadata"].get("deletionTimestamp"):
            name = ask.body["metadata"].get("name", "") if isinstance(ask.body, dict) else ask.name
            why = f"unable to create new content in namespace {ask.namespace} because it is being terminated"
            raise _terminating(forbidden(ask.kind, name, why))

    def mutate(self, ask: Ask, obj: Object) -> None:
        """Fill in, as LimitRanger, ServiceAccount and webhooks do. `obj` is new and is changed."""
        for change in self.webhooks:
            change(ask.kind, obj)
        if ask.kind != PODS:
            return
        spec = obj["spec"]
        spec.setdefault("serviceAccountName", "default")
        spec["serviceAccount"] = spec["serviceAccountName"]
        for limits in self._storage.all(LIMIT_RANGES, ask.namespace):
            for item in limits.get("spec", {}).get("limits") or []:
                if item.get("type") == "Container":
                    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
                        _limited(container, item)

    def check(self, ask: Ask, old: Object | None, new: Object) -> None:
        """Refuse what may not be; `old` is None for a new object."""
        self._rbac.check_escalation(ask, old, new)
        if old is not None:
            return
        if ask.kind == PODS:
            self._check_account(ask, new)
            self._check_limits(ask, new)
        quota.check(self._storage, ask, new)

    def _check_account(self, ask: Ask, pod: Object) -> None:
        account = pod["spec"]["serviceAccountName"]
        if self.service_accounts and self._storage.get(SERVICE_ACCOUNTS, ask.namespace, account) is None:
            why = f'error looking up service account {ask.namespace}/{account}: serviceaccount "{account}" not found'
            raise forbidden(PODS, pod["metadata"]["name"], why)

    def _check_limits(self, ask: Ask, pod: Object) -> None:
        for limits in self._storage.all(LIMIT_RANGES, ask.namespace):
            for item in limits.get("spec", {}).get("limits") or []:
                if item.get("type") == "Container":
                    for container in pod["spec"].get("containers") or []:
                        _within(pod["metadata"]["name"], container, item)


def _terminating(error: ApiError) -> ApiError:
    error.body["details"] = {**error.body["details"], "causes": [{"reason": "NamespaceTerminating"}]}
    return error


def _limited(container: Object, item: dict[str, Any]) -> None:
    resources = container.setdefault("resources", {})
    limits = {**(item.get("default") or {}), **(resources.get("limits") or {})}
    requests = {**(item.get("defaultRequest") or {}), **(resources.get("requests") or {})}
    for name, value in (item.get("default") or {}).items():
        requests.setdefault(name, value)
    if limits:
        resources["limits"] = limits
    if requests:
        resources["requests"] = requests


def _within(pod: str, container: Object, item: dict[str, Any]) -> None:
    """Against `max` and `min`."""
    resources = container.get("resources") or {}
    for name, most in (item.get("max") or {}).items():
        asked = (resources.get("limits") or {}).get(name)
        if asked is None or quantity(asked) > quantity(most):
            got = "no limit is specified" if asked is None else f"limit is {asked}"
            raise forbidden(PODS, pod, f"maximum {name} usage per Container is {most}, but {got}")
    for name, least in (item.get("min") or {}).items():
        asked = (resources.get("requests") or {}).get(name)
        if asked is None or quantity(asked) < quantity(least):
            got = "no request is specified" if asked is None else f"request is {asked}"
            raise forbidden(PODS, pod, f"minimum {name} usage per Container is {least}, but {got}")
