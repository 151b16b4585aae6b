"""A run of the tests on somebody's cluster: alone there, by an account of its own, and leaving nothing behind.

The namespace `windlass-test` says that a run is under way; what has no namespace carries the run's label, so that the
next run finds what one that was killed left.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.cluster.given import Mistake

from windlass.kube.client import KubeClient
from windlass.kube.credentials import Credentials
from windlass.kube.errors import Conflict, KubeError, NotFound
from windlass.kube.resources import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CLUSTER_TRAINING_RUNTIMES,
    CUSTOM_RESOURCE_DEFINITIONS,
    NAMESPACES,
    PRIORITY_CLASSES,
    SERVICE_ACCOUNTS,
    VALIDATING_ADMISSION_POLICIES,
    VALIDATING_ADMISSION_POLICY_BINDINGS,
    Resource,
)

Object = dict[str, Any]
Made = tuple[Resource, str, str | None]

PLACE = "windlass-test"
LABEL = "windlass.io/test-run"
RENEWED = "windlass.io/test-renewed"
RENEW_SECONDS = 20.0
STALE_SECONDS = 300.0
GOING_SECONDS = 90.0
_ADMIN_SECONDS = 6 * 3600
_NAMED_BY_TESTS = re.compile(r"(wl-test|wl-hub)-[0-9a-f]{8}|wlt-[0-9a-f]{8}--.*")
"""Namespaces that the product makes in tests do not carry the run's label."""
_SWEPT = (
    VALIDATING_ADMISSION_POLICY_BINDINGS,
    VALIDATING_ADMISSION_POLICIES,
    CLUSTER_TRAINING_RUNTIMES,
    PRIORITY_CLASSES,
    NAMESPACES,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CUSTOM_RESOURCE_DEFINITIONS,
)


class Occupancy:
    """One run. `made` is whatever tests made and have not removed yet."""

    def __init__(self, access: Callable[[], Credentials]) -> None:
        """`access` reads the way in anew: that of a cloud is good for minutes only."""
        self.run = uuid.uuid4().hex[:12]
        self.made: dict[Made, None] = {}
        self._access = access
        self._renewed = 0.0
        self._taken = False

    @contextmanager
    def unless_kept(self) -> Iterator[None]:
        """Around what follows `take`: Ctrl-C there leaves nothing behind either."""
        try:
            yield
        except BaseException:
            if self._taken:
                asyncio.run(self.leave())
            raise

    async def take(self) -> str:
        """Make the cluster ours and answer a token of the tests' own admin. Raises a Mistake where it is another's."""
        client = KubeClient(self._access())
        try:
            await self._alone(client)
            await _sweep(client, LABEL)
            return await self._admitted(client)
        finally:
            await client.close()

    async def renew(self, client: KubeClient) -> None:
        """Say now and then that this run goes on."""
        if time.monotonic() - self._renewed > RENEW_SECONDS:
            self._renewed = time.monotonic()
            patch = {"metadata": {"annotations": {RENEWED: str(int(time.time()))}}}
            await client.patch(NAMESPACES, PLACE, patch)

    async def leave(self) -> list[str]:
        """Remove all that is left, the place and the account last; what would not go, in words."""
        client = KubeClient(self._access())
        try:
            for resource, name, namespace in reversed(self.made):
                await _delete(client, resource, name, namespace)
            namespaces = {name for resource, name, _ in self.made if resource == NAMESPACES}
            left = await _gone(client, namespaces)
            left += await _sweep(client, f"{LABEL}={self.run}")
            await _delete(client, NAMESPACES, PLACE, None)
            return left + await _gone(client, {PLACE})
        finally:
            await client.close()

    async def _alone(self, client: KubeClient) -> None:
        """Nobody else's run is under way, nor Windlass at home here: tests make and remove roles of its names."""
        try:
            place = await client.get(NAMESPACES, PLACE)
        except NotFound:
            if theirs := [name async for _, name in _ours_by_name(client)]:
                raise Mistake(
                    f"Windlass is installed on this cluster ({', '.join(theirs[:3])}), and the tests make and remove "
                    "roles and policies of those names. Choose another cluster."
                ) from None
            return
        metadata = place["metadata"]
        if LABEL not in (metadata.get("labels") or {}):
            raise Mistake(f"The namespace {PLACE} of this cluster is not the tests' own. Choose another cluster.")
        renewed = float((metadata.get("annotations") or {}).get(RENEWED) or 0)
        if not metadata.get("deletionTimestamp") and time.time() - renewed < STALE_SECONDS:
            raise Mistake(
                f"Another run of the tests holds this cluster, or one was killed less than {STALE_SECONDS / 60:.0f} "
                "minutes ago. Wait, or if you know that none goes on: "
                f"`kubectl annotate --overwrite namespace {PLACE} {RENEWED}=0`, and try again."
            )
        # There was none before the run that died, so these are what it left.
        for resource, name in [each async for each in _ours_by_name(client)]:
            await _delete(client, resource, name, None)

    async def _admitted(self, client: KubeClient) -> str:
        annotations = {RENEWED: str(int(time.time()))}
        place: Object = {"metadata": {"name": PLACE, "labels": {LABEL: self.run}, "annotations": annotations}}
        try:
            await client.create(NAMESPACES, place)
        except Conflict as error:
            raise Mistake("Another run of the tests came first.") from error
        self._taken = True
        await client.create(SERVICE_ACCOUNTS, {"metadata": {"name": "admin"}}, namespace=PLACE)
        binding = {
            "metadata": {"name": f"{PLACE}-admin-{self.run}", "labels": {LABEL: self.run}},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "admin", "namespace": PLACE}],
        }
        await client.create(CLUSTER_ROLE_BINDINGS, binding)
        body: Object = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        body["spec"] = {"expirationSeconds": _ADMIN_SECONDS}
        answer = await client.subresource(SERVICE_ACCOUNTS, "admin", "token", namespace=PLACE, body=body)
        return str(answer["status"]["token"])


async def _ours_by_name(client: KubeClient) -> AsyncIterator[tuple[Resource, str]]:
    """What an administrator applies for Windlass, whoever did."""
    for resource in (
        VALIDATING_ADMISSION_POLICY_BINDINGS,
        VALIDATING_ADMISSION_POLICIES,
        CLUSTER_ROLE_BINDINGS,
        CLUSTER_ROLES,
    ):
        try:
            items, _ = await client.list(resource, metadata_only=True)
        except NotFound:
            continue
        for name in (item["metadata"]["name"] for item in items):
            if name.startswith("windlass-") and not name.startswith(PLACE):
                yield resource, name


async def _sweep(client: KubeClient, selector: str) -> list[str]:
    """Remove what carries the label; namespaces are waited for, so that definitions go after what they define."""
    left: list[str] = []
    for resource in _SWEPT:
        try:
            items, _ = await client.list(resource, label_selector=selector, metadata_only=True)
        except NotFound:
            continue
        names = [item["metadata"]["name"] for item in items]
        if resource == NAMESPACES:
            everything, _ = await client.list(NAMESPACES, metadata_only=True)
            known = (item["metadata"]["name"] for item in everything)
            names += [name for name in known if name not in names and _NAMED_BY_TESTS.fullmatch(name)]
        for name in names:
            await _delete(client, resource, name, None)
        if resource == NAMESPACES:
            left += await _gone(client, names)
    return left


async def _delete(client: KubeClient, resource: Resource, name: str, namespace: str | None) -> None:
    with suppress(KubeError):
        await client.delete(resource, name, namespace=namespace, propagation="Background")


async def _gone(client: KubeClient, names: Iterable[str]) -> list[str]:
    """Wait until these namespaces are; those that stay, in words."""
    waiting, deadline = set(names), time.monotonic() + GOING_SECONDS
    while waiting and time.monotonic() < deadline:
        items, _ = await client.list(NAMESPACES, metadata_only=True)
        waiting &= {item["metadata"]["name"] for item in items}
        if waiting:
            await asyncio.sleep(0.3)
    return [f"namespace {name}" for name in sorted(waiting)]
