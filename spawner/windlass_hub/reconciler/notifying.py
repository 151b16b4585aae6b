"""Tells an address of the administrator's that a job has ended: a signed POST, at least once, with one id per job.

The receiver tells repeats by the id. The signature is made as MLflow's webhooks make theirs (HMAC-SHA256 over
`id.timestamp.body`), so that one receiver can check both. Nothing of the job's log, parameters or environment is sent.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path

import httpx

from .records import JobRecord

TIMEOUT_SECONDS = 10.0
DELIVERY_HEADER = "X-Windlass-Delivery-Id"
TIMESTAMP_HEADER = "X-Windlass-Timestamp"
SIGNATURE_HEADER = "X-Windlass-Signature"
_LATER = frozenset({408, 425, 429})


class NotTold(Exception):
    """The receiver is away, or says to come again; `str()` is a sentence without address and body."""


class NotWanted(Exception):
    """The receiver refuses, and will again; `str()` is a sentence."""


class Notifier:
    """A client of one address.

    Args:
        url: https, or http inside the cluster, as `Settings.notify_url` has checked it.
        secret_file: the key of the signature, read at each call: it may be rotated. Empty: nothing is signed.
        clock: POSIX seconds.
    """

    def __init__(self, *, url: str, secret_file: str = "", clock: Callable[[], float] = time.time) -> None:
        self._url = url
        self._secret_file = secret_file
        self._clock = clock
        self._http = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False)

    async def close(self) -> None:
        """Give back the connections."""
        await self._http.aclose()

    async def tell(self, record: JobRecord) -> None:
        """Tell of one job. Raises NotTold and NotWanted."""
        await self.send(message(record), delivery_id=record.delivery_id)

    async def send(self, content: Mapping[str, object], *, delivery_id: str) -> None:
        """Tell of something; the id is the same at each try. Raises NotTold and NotWanted."""
        body = json.dumps(content, separators=(",", ":")).encode()
        try:
            secret = await asyncio.to_thread(self._secret)
        except OSError as error:
            raise NotTold(f"The key of the signature cannot be read: {error.strerror}.") from error
        headers = {
            "Content-Type": "application/json",
            **signed(body, delivery_id=delivery_id, timestamp=int(self._clock()), secret=secret),
        }
        try:
            # httpx times each read alone: an answer that trickles would never end.
            status = await asyncio.wait_for(self._post(body, headers), TIMEOUT_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL, asyncio.TimeoutError) as error:
            raise NotTold(f"The receiver of notifications does not answer ({type(error).__name__}).") from error
        if status in _LATER or status >= 500:
            raise NotTold(f"The receiver of notifications answered {status}.")
        if not 200 <= status < 300:
            raise NotWanted(f"The receiver of notifications answered {status}.")

    async def _post(self, body: bytes, headers: dict[str, str]) -> int:
        # The answer's body is never read: only its status says something.
        async with self._http.stream("POST", self._url, content=body, headers=headers) as response:
            return response.status_code

    def _secret(self) -> bytes:
        return Path(self._secret_file).read_bytes().strip() if self._secret_file else b""


def signed(body: bytes, *, delivery_id: str, timestamp: int, secret: bytes) -> dict[str, str]:
    """The headers that say which delivery it is, and prove whose."""
    headers = {DELIVERY_HEADER: delivery_id, TIMESTAMP_HEADER: str(timestamp)}
    if secret:
        content = f"{delivery_id}.{timestamp}.".encode() + body
        digest = hmac.new(secret, content, hashlib.sha256).digest()
        headers[SIGNATURE_HEADER] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def message(record: JobRecord) -> dict[str, object]:
    """What is told of a job; what is not known is null."""
    return {
        "event": "job.ended",
        "delivery_id": record.delivery_id,
        "job": {
            "id": record.job_id,
            "name": record.name,
            "owner": record.owner,
            "namespace": record.namespace,
            "kind": record.kind,
            "state": record.state,
            "cause": record.cause,
            "reason": record.reason,
            "exit_code": record.exit_code,
            "created_at": _moment(record.created_at),
            "started_at": _moment(record.started_at),
            "ended_at": _moment(record.ended_at),
            "gpu_hours": record.gpu_hours,
            "cost_usd": record.usd,
            "currency": "USD",
            "cost_note": record.cost_note or None,
        },
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).isoformat().replace("+00:00", "Z")
