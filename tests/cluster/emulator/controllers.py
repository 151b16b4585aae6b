"""The controllers a cluster runs beside its API: namespaces, garbage, default accounts, claims, quota status.

Each looks at what changed and writes as any client would; a test may switch one off.
"""

from __future__ import annotations

import asyncio
import copy
import time
import uuid
from typing import Any

from tests.cluster.emulator.kinds import CLAIMS, CONFIG_MAPS, NAMESPACES, PODS, QUOTAS, SERVICE_ACCOUNTS, Kind, Kinds
from tests.cluster.emulator.quota import status_of
from tests.cluster.emulator.storage import Change, Object, Storage
from tests.cluster.emulator.times import rfc3339


class Controllers:
    """Runs in the server's loop, a turn after each change."""

    def __init__(self, *, storage: Storage, kinds: Kinds) -> None:
        self._storage = storage
        self._kinds = kinds
        self._again = asyncio.Event()
        self._gone: set[str] = set()
        self.garbage_collector = True
        self.namespaces = True
        self.default_accounts = True
        self.claims = True

    def start(self) -> None:
        """Listen; called anew after the storage was cleared."""
        self._gone.clear()
        self._storage.listen(self._noted)

    def _noted(self, change: Change) -> None:
        if change.deleted:
            self._gone.add(change.new["metadata"]["uid"])
        self._again.set()

    async def run(self) -> None:
        while True:
            await self._again.wait()
            self._again.clear()
            # Clients see the state between: a namespace is Terminating for a moment.
            await asyncio.sleep(0.01)
            self._accounts()
            self._terminating()
            self._garbage()
            self._claim_status()
            self._quota_status()

    def _accounts(self) -> None:
        for namespace in self._storage.all(NAMESPACES) if self.default_accounts else ():
            name = namespace["metadata"]["name"]
            if namespace["metadata"].get("deletionTimestamp"):
                continue
            for kind, what, more in (
                (SERVICE_ACCOUNTS, "default", {}),
                (CONFIG_MAPS, "kube-root-ca.crt", {"data": {"ca.crt": "emulated"}}),
            ):
                if self._storage.get(kind, name, what) is None:
                    self._storage.put(kind, _made(kind, name, what, more))

    def _terminating(self) -> None:
        for namespace in self._storage.all(NAMESPACES) if self.namespaces else ():
            if not namespace["metadata"].get("deletionTimestamp"):
                continue
            name = namespace["metadata"]["name"]
            left = False
            for (group, plural), obj in self._storage.everything():
                if obj["metadata"].get("namespace") == name:
                    kind = self._kinds.plural(group, plural)
                    left = not (kind and self._ended(kind, obj)) or left
            if not left and not namespace["metadata"].get("finalizers"):
                self._storage.remove(NAMESPACES, namespace)

    def _ended(self, kind: Kind, obj: Object) -> bool:
        """Whether it could be taken away; what has finalizers or runs on a node is only marked."""
        metadata = obj["metadata"]
        on_node = (
            kind == PODS
            and obj["spec"].get("nodeName")
            and obj.get("status", {}).get("phase") in {"Running", "Pending"}
        )
        if not metadata.get("finalizers") and not on_node:
            self._storage.remove(kind, obj)
            return True
        if not metadata.get("deletionTimestamp"):
            new = copy.deepcopy(obj)
            seconds = new["spec"].get("terminationGracePeriodSeconds", 30) if on_node else 0
            new["metadata"]["deletionTimestamp"] = rfc3339(time.time() + seconds)
            new["metadata"]["deletionGracePeriodSeconds"] = seconds
            self._storage.put(kind, new)
        return False

    def _garbage(self) -> None:
        if not self.garbage_collector or not self._gone:
            self._finalize()
            return
        alive = {obj["metadata"]["uid"] for _, obj in self._storage.everything()}
        for (group, plural), obj in self._storage.everything():
            owners = obj["metadata"].get("ownerReferences") or []
            if owners and not any(owner["uid"] in alive for owner in owners):
                kind = self._kinds.plural(group, plural)
                if kind is not None:
                    self._ended(kind, obj)
        self._finalize()

    def _finalize(self) -> None:
        """Foreground deletion ends when nothing depends on the owner, orphaning when nothing points at it."""
        for (group, plural), obj in self._storage.everything():
            metadata = obj["metadata"]
            waiting = {"foregroundDeletion", "orphan"} & set(metadata.get("finalizers") or [])
            kind = self._kinds.plural(group, plural)
            if not (self.garbage_collector and waiting and metadata.get("deletionTimestamp") and kind):
                continue
            if self._dependents_left(metadata["uid"], orphan="orphan" in waiting):
                continue
            new = copy.deepcopy(obj)
            new["metadata"]["finalizers"] = [name for name in metadata["finalizers"] if name not in waiting]
            if new["metadata"]["finalizers"]:
                self._storage.put(kind, new)
            else:
                self._ended(kind, new)

    def _dependents_left(self, uid: str, *, orphan: bool) -> bool:
        left = False
        for (group, plural), obj in self._storage.everything():
            owners = obj["metadata"].get("ownerReferences") or []
            kind = self._kinds.plural(group, plural)
            if kind is None or not any(owner["uid"] == uid for owner in owners):
                continue
            if orphan:
                new = copy.deepcopy(obj)
                new["metadata"]["ownerReferences"] = [owner for owner in owners if owner["uid"] != uid]
                self._storage.put(kind, new)
            elif not self._ended(kind, obj):
                left = True
        return left

    def _claim_status(self) -> None:
        """Claims are bound at once, and let go when no pod uses them."""
        for claim in self._storage.all(CLAIMS) if self.claims else ():
            metadata = claim["metadata"]
            if metadata.get("deletionTimestamp") and "kubernetes.io/pvc-protection" in (
                metadata.get("finalizers") or []
            ):
                if not self._used(claim):
                    new = copy.deepcopy(claim)
                    new["metadata"]["finalizers"].remove("kubernetes.io/pvc-protection")
                    if new["metadata"]["finalizers"]:
                        self._storage.put(CLAIMS, new)
                    else:
                        self._storage.remove(CLAIMS, new)
            elif claim.get("status", {}).get("phase") != "Bound":
                self._storage.put(CLAIMS, {**claim, "status": {"phase": "Bound"}})

    def _used(self, claim: Object) -> bool:
        name = claim["metadata"]["name"]
        return any(
            volume.get("persistentVolumeClaim", {}).get("claimName") == name
            for pod in self._storage.all(PODS, claim["metadata"]["namespace"])
            for volume in pod["spec"].get("volumes") or []
        )

    def _quota_status(self) -> None:
        for found in self._storage.all(QUOTAS):
            status = status_of(self._storage, found)
            if found.get("status") != status:
                self._storage.put(QUOTAS, {**found, "status": status})


def _made(kind: Kind, namespace: str, name: str, more: dict[str, Any]) -> Object:
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": str(uuid.uuid4()),
        "creationTimestamp": rfc3339(time.time()),
    }
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **more}
