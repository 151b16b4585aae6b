"""One of several replicas of the hub service acts: the one that holds a Lease in the hub's namespace.

Clocks of machines differ, so no time written in the Lease is believed: a holder has left when the Lease has not changed
for as long as it lasts, by the clock of whoever looks. Two may act for a moment (a process that was stopped and goes
on): everything that is done may be done twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from windlass.kube.client import KubeClient
from windlass.kube.errors import Conflict, KubeError, NotFound
from windlass.kube.resources import LEASES

log = logging.getLogger("windlass_hub.reconciler")

LASTS_SECONDS = 60.0
RENEW_SECONDS = 15.0
GIVE_UP_SECONDS = 40.0
"""Without a renewal for this long one stops acting, well before another may begin."""


class Leadership:
    """Ask `hold` often; it asks the cluster only when it is time.

    Args:
        client: with the right to get, create and patch Leases in `namespace`.
        name: of the Lease.
        identity: of this process; no other has it.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        client: KubeClient,
        *,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._renewed_at: float | None = None
        self._asked_at: float | None = None
        self._seen = ("", clock())
        """The version of the Lease that was seen last, and when it was seen first."""
        self.problem: str | None = None
        """Why the Lease cannot be had, but for another's holding it."""

    @property
    def holds(self) -> bool:
        """Whether this process may act now."""
        return self._renewed_at is not None and self._clock() - self._renewed_at < GIVE_UP_SECONDS

    async def hold(self) -> bool:
        """Take or renew the Lease where it is time to; whether this process may act."""
        now = self._clock()
        if self._asked_at is None or now - self._asked_at >= RENEW_SECONDS:
            self._asked_at = now
            try:
                await self._take(now)
            except KubeError as error:
                if self.problem is None:
                    log.warning("The Lease %s cannot be had: %s", self._name, error.message)
                self.problem = error.message
            else:
                self.problem = None
        return self.holds

    async def let_go(self) -> None:
        """Let another replica go on at once."""
        if not self.holds:
            return
        self._renewed_at = None
        try:
            lease = await self._client.get(LEASES, self._name, namespace=self._namespace)
            if lease.get("spec", {}).get("holderIdentity") == self._identity:
                await self._write(lease, holder="")
        except KubeError as error:
            log.info("The Lease %s runs out by itself: %s", self._name, error.message)

    async def _take(self, now: float) -> None:
        try:
            lease = await self._client.get(LEASES, self._name, namespace=self._namespace)
        except NotFound:
            lease = await self._made()
        version, holder = str(lease["metadata"]["resourceVersion"]), lease.get("spec", {}).get("holderIdentity")
        if version != self._seen[0]:
            self._seen = (version, now)
        if holder and holder != self._identity and now - self._seen[1] < LASTS_SECONDS:
            self._renewed_at = None
            return
        try:
            written = await self._write(lease, holder=self._identity)
        except Conflict:
            self._renewed_at = None
            return
        self._seen = (str(written["metadata"]["resourceVersion"]), now)
        self._renewed_at = now
        if holder != self._identity:
            log.info("This process finishes jobs' records from now on.")

    async def _made(self) -> dict[str, Any]:
        try:
            body = {"metadata": {"name": self._name}, "spec": {"holderIdentity": ""}}
            return await self._client.create(LEASES, body, namespace=self._namespace)
        except Conflict:
            return await self._client.get(LEASES, self._name, namespace=self._namespace)

    async def _write(self, lease: dict[str, Any], *, holder: str) -> dict[str, Any]:
        now = datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec = {"holderIdentity": holder, "renewTime": now, "leaseDurationSeconds": int(LASTS_SECONDS)}
        patch = {"metadata": {"resourceVersion": lease["metadata"]["resourceVersion"]}, "spec": spec}
        return await self._client.patch(LEASES, self._name, patch, namespace=self._namespace)
