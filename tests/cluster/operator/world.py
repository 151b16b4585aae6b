"""What controllers do with the API: read what is theirs, make it, say something, and write a status if it changed.

They read from the API each time and not from a copy, so that they never act on what is no longer so.
"""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tests.cluster.emulator.times import rfc3339

from windlass.kube.client import KubeClient
from windlass.kube.errors import Conflict, KubeError, NotFound, Unavailable
from windlass.kube.resources import EVENTS, Resource

Object = dict[str, Any]


class World:
    """One controller's view. `again` is told when an object is to be looked at later."""

    def __init__(self, client: KubeClient, *, component: str, again: Callable[[Object, float], None]) -> None:
        self.client = client
        self._component = component
        self._again = again

    @staticmethod
    def now() -> float:
        return time.time()

    def look_again(self, owner: Object, *, seconds: float) -> None:
        self._again(owner, max(0.05, seconds))

    async def owned(self, resource: Resource, owner: Object, *, selector: str = "") -> list[Object]:
        """What the owner controls, those that are going included."""
        items, _ = await self.client.list(resource, namespace=owner["metadata"]["namespace"], label_selector=selector)
        return [item for item in items if controller_uid(item) == owner["metadata"]["uid"]]

    async def make(self, resource: Resource, body: Object, owner: Object, *, quietly: bool = False) -> bool:
        """Make it for the owner; what is there already stays. Whether the API took it; else the owner's events say why.

        `quietly`: no event that it was made.
        """
        metadata = body["metadata"]
        metadata["ownerReferences"] = [reference(owner)]
        name = metadata.get("name") or metadata["generateName"]
        what = "Pod" if resource.kind == "Pod" and owner["kind"] != "Job" else ""
        noun = resource.kind.lower()
        try:
            made = await self.client.create(resource, body, namespace=owner["metadata"]["namespace"])
        except Conflict as error:
            if error.already_exists:
                return True
            raise
        except Unavailable:
            raise
        except KubeError as error:
            await self.say(owner, f"FailedCreate{what}", f"Error creating: {error}", "Warning")
            self.look_again(owner, seconds=1.0)
            return False
        if not quietly:
            name = made["metadata"]["name"]
            await self.say(owner, f"SuccessfulCreate{what}", f"Created {noun}: {name}")
        return True

    async def end(self, resource: Resource, item: Object) -> None:
        """Have it deleted, if it is not yet."""
        metadata = item["metadata"]
        if metadata.get("deletionTimestamp"):
            return
        with suppress(NotFound, Conflict):
            await self.client.delete(
                resource,
                metadata["name"],
                namespace=metadata["namespace"],
                propagation="Background",
                preconditions={"uid": metadata["uid"]},
            )

    async def write_status(self, resource: Resource, item: Object, status: Object) -> None:
        """Write the whole status where it is another; a conflict brings the object back later."""
        if item.get("status") == status:
            return
        body = {**copy.deepcopy(item), "status": status}
        metadata = item["metadata"]
        await self.client.raw(
            "PUT",
            resource.path(namespace=metadata["namespace"], name=metadata["name"], subresource="status"),
            body=body,
        )

    async def say(self, about: Object, reason: str, message: str, kind: str = "Normal") -> None:
        """Emit one event."""
        now, metadata = rfc3339(self.now()), about["metadata"]
        event = {
            "metadata": {"name": f"{metadata['name'][:200]}.{uuid.uuid4().hex[:12]}"},
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "reason": reason,
            "message": message,
            "type": kind,
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": self._component},
        }
        with suppress(KubeError):
            await self.client.create(EVENTS, event, namespace=metadata["namespace"])


def reference(owner: Object) -> Object:
    """A controller's reference to what it makes things for."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_uid(item: Object) -> str | None:
    owners = item["metadata"].get("ownerReferences") or []
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), None)


def holds(status: Object, kind: str) -> bool:
    """Whether a condition is true."""
    return any(each["type"] == kind and each["status"] == "True" for each in status.get("conditions") or [])


def set_condition(status: Object, kind: str, value: bool, reason: str, message: str, *, now: float) -> None:
    """In place, as controllers do: the time changes with the value only, and the order of the list never."""
    found = {"type": kind, "status": str(value), "reason": reason, "message": message}
    conditions = status.setdefault("conditions", [])
    for position, known in enumerate(conditions):
        if known["type"] == kind:
            same = known["status"] == str(value)
            found["lastTransitionTime"] = known["lastTransitionTime"] if same else rfc3339(now)
            conditions[position] = found
            return
    conditions.append({**found, "lastTransitionTime": rfc3339(now)})
