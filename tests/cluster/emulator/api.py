"""From a request to its answer, without HTTP: who asks, may they, and which part answers."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

from tests.cluster.emulator import reads, reviews
from tests.cluster.emulator.admission import Admission
from tests.cluster.emulator.controllers import Controllers
from tests.cluster.emulator.deletes import Deletes
from tests.cluster.emulator.errors import ApiError, conflict
from tests.cluster.emulator.kinds import (
    ACCESS_REVIEWS,
    CLUSTER_ROLES,
    NAMESPACES,
    PODS,
    RULES_REVIEWS,
    SERVICE_ACCOUNTS,
    Kind,
    Kinds,
)
from tests.cluster.emulator.pod_logs import PodLogs
from tests.cluster.emulator.rbac import Rbac
from tests.cluster.emulator.requests import Ask
from tests.cluster.emulator.storage import Object, Storage
from tests.cluster.emulator.times import rfc3339
from tests.cluster.emulator.tokens import Tokens
from tests.cluster.emulator.writes import Writes

_EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, {"nonResourceURLs": ["*"], "verbs": ["*"]}]


class Api:
    """One emulated cluster. `ahead` gives the seconds by which its clock is ahead."""

    def __init__(self, *, ahead: Callable[[], float]) -> None:
        self.storage = Storage()
        self.kinds = Kinds()
        self._clock = lambda: time.time() + ahead()
        self.tokens = Tokens(storage=self.storage, clock=self._clock)
        self.rbac = Rbac(storage=self.storage)
        self.admission = Admission(storage=self.storage, rbac=self.rbac)
        self.controllers = Controllers(storage=self.storage, kinds=self.kinds)
        self.logs = PodLogs()
        """What `pods/log` answers."""
        self._writes = Writes(storage=self.storage, kinds=self.kinds, admission=self.admission, clock=self._clock)
        self._deletes = Deletes(storage=self.storage, kinds=self.kinds, clock=self._clock)
        self.reset()

    def reset(self) -> None:
        """A cluster as it is after its installation."""
        self.storage.clear()
        self.kinds.reset()
        self.logs.clear()
        self.controllers.start()
        for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
            labels = {"kubernetes.io/metadata.name": name}
            spec = {"finalizers": ["kubernetes"]}
            self._put(NAMESPACES, {"name": name, "labels": labels}, spec=spec, status={"phase": "Active"})
        self._put(CLUSTER_ROLES, {"name": "cluster-admin"}, rules=_EVERYTHING)

    def answer(self, ask: Ask) -> tuple[int, Object]:
        """Status and body. Raises an ApiError. Watches and logs are answered elsewhere."""
        self.rbac.authorize(ask)
        if ask.kind == ACCESS_REVIEWS:
            return 201, reviews.access(self.rbac, ask)
        if ask.kind == RULES_REVIEWS:
            return 201, reviews.rules(self.rbac, ask)
        if ask.subresource not in {"", "status"}:
            return self._subresource(ask)
        if ask.verb == "create":
            return 201, self._writes.create(ask)
        if ask.verb == "patch":
            there = self.storage.get(ask.kind, ask.namespace, ask.name) is not None
            return (200 if there else 201), self._writes.patch(ask)
        return 200, _READS_AND_ENDS[ask.verb](self, ask)

    def _subresource(self, ask: Ask) -> tuple[int, Object]:
        live = reads.get(self.storage, ask)
        body = ask.body or {}
        if (ask.kind, ask.subresource) == (SERVICE_ACCOUNTS, "token"):
            return 201, self.tokens.request(live, body)
        if (ask.kind, ask.subresource) == (PODS, "binding"):
            return 201, self._bind(ask, live, body)
        if (ask.kind, ask.subresource) == (PODS, "eviction"):
            options = body.get("deleteOptions") or {}
            self._deletes.delete(Ask("delete", PODS, ask.user, ask.namespace, ask.name, body=options))
            return 201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
        if (ask.kind, ask.subresource) == (NAMESPACES, "finalize"):
            new = copy.deepcopy(live)
            new["spec"] = body.get("spec", {})
            return 200, self.storage.put(NAMESPACES, new)
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    def _bind(self, ask: Ask, pod: Object, body: Object) -> Object:
        if pod["spec"].get("nodeName"):
            why = f'pod {ask.name} is already assigned to node "{pod["spec"]["nodeName"]}"'
            raise conflict(PODS, ask.name, why)
        new = copy.deepcopy(pod)
        new["spec"]["nodeName"] = body["target"]["name"]
        conditions = [c for c in new.get("status", {}).get("conditions") or [] if c["type"] != "PodScheduled"]
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": rfc3339(self._clock())}
        new["status"] = {**new.get("status", {}), "conditions": [*conditions, scheduled]}
        self.storage.put(PODS, new)
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}

    def _put(self, kind: Kind, metadata: Object, **more: Any) -> None:
        filled = {"uid": f"uid-of-{metadata['name']}", "creationTimestamp": rfc3339(self._clock()), **metadata}
        self.storage.put(kind, {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": filled, **more})


_READS_AND_ENDS: dict[str, Callable[[Api, Ask], Object]] = {
    "get": lambda api, ask: reads.get(api.storage, ask),
    "list": lambda api, ask: reads.list_of(api.storage, ask),
    "update": lambda api, ask: api._writes.update(ask),
    "delete": lambda api, ask: api._deletes.delete(ask),
    "deletecollection": lambda api, ask: api._deletes.delete_collection(ask),
}
