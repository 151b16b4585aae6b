"""HTTP to one API server: one session, credentials renewed once when refused, and every failure a `KubeError`.

Paths, queries and statuses are logged; headers and bodies never are. Redirects are not followed: the token is for this
server alone.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

from windlass.kube.credentials import Credentials, Routed
from windlass.kube.errors import KubeError, Unavailable, from_answer

log = logging.getLogger(__name__)

_BROKEN = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""What aiohttp raises when there is no (whole) answer; a wrong certificate is among them."""


class Transport:
    """Requests with credentials. The session is made at the first request, in the loop that is running then."""

    def __init__(self, credentials: Credentials, *, timeout_seconds: float) -> None:
        self._credentials = credentials
        self._route: dict[str, str | None] = {}
        if isinstance(credentials, Routed):
            self._route = {"proxy": credentials.proxy, "server_hostname": credentials.tls_server_name}
        self._timeout_seconds = timeout_seconds
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def close(self) -> None:
        """End the session and what still runs over it. Asking afterwards is an error of the caller's."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            # Connections that were cut are closed by the loop in its next turn.
            await asyncio.sleep(0)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> bytes:
        """The whole body of the answer. Raises a KubeError."""
        limits = aiohttp.ClientTimeout(total=self._timeout_seconds)
        answer = self.open(
            method, path, query=query, body=body, content_type=content_type, accept=accept, limits=limits
        )
        async with answer as response:
            return await self._read(response, path)

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        limits: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A successful answer whose body is still to come. Raises a KubeError."""
        data = None if body is None else json.dumps(body).encode()
        for last in (False, True):
            response = await self._send(
                method, path, query=query or {}, data=data, content_type=content_type, accept=accept, limits=limits
            )
            try:
                if response.status == 401 and not last:
                    await self._read(response, path)
                elif response.status < 300:
                    yield response
                    return
                else:
                    raise await self._error(response, path)
            finally:
                _let_go(response)
            await self._credentials.refresh()

    async def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        data: bytes | None,
        content_type: str,
        accept: str,
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        headers = {"Accept": accept, **await self._credentials.headers()}
        if data is not None:
            headers["Content-Type"] = content_type
        verify = self._credentials.ssl
        begun = time.monotonic()
        try:
            request = self._opened().request(
                method,
                URL(self._credentials.server.rstrip("/") + path, encoded=True).update_query(query),
                # In pieces: a whole bundle written at once would hold up everything else.
                data=None if data is None else io.BytesIO(data),
                headers=headers,
                ssl=True if verify is None else verify,
                timeout=limits,
                allow_redirects=False,
                **self._route,
            )
            # A watch may last; that it begins may not take longer than any other answer.
            response = await _within(self._timeout_seconds, request)
        except _BROKEN as error:
            log.debug("%s %s: no answer: %s", method, path, type(error).__name__)
            raise unavailable(error, method, path) from error
        milliseconds = 1000 * (time.monotonic() - begun)
        log.debug("%s %s -> %d in %.0f ms", method, path, response.status, milliseconds)
        return response

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise RuntimeError("This client of the Kubernetes API has been closed.")
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, socket_factory=_watchful_socket)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    @staticmethod
    async def _read(response: aiohttp.ClientResponse, path: str) -> bytes:
        try:
            return await response.read()
        except _BROKEN as error:
            raise unavailable(error, response.method, path) from error

    async def _error(self, response: aiohttp.ClientResponse, path: str) -> KubeError:
        body = await self._read(response, path)
        return from_answer(status=response.status, body=body, retry_after=response.headers.get("Retry-After"))


async def _within(seconds: float, request: Awaitable[aiohttp.ClientResponse]) -> aiohttp.ClientResponse:
    """The answer's beginning, or a TimeoutError. Before Python 3.12 `asyncio.wait_for` can lose a cancellation."""
    task = asyncio.ensure_future(request)
    try:
        await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        _abandon(task)
        raise
    if not task.done():
        _abandon(task)
        raise asyncio.TimeoutError
    return task.result()


def _abandon(task: asyncio.Future[aiohttp.ClientResponse]) -> None:
    """Nobody takes the answer: where it comes all the same, as in the turn of a cancellation, its connection is cut."""

    def cut(ended: asyncio.Future[aiohttp.ClientResponse]) -> None:
        if not ended.cancelled() and ended.exception() is None:
            _let_go(ended.result())

    task.cancel()
    task.add_done_callback(cut)


def _let_go(response: aiohttp.ClientResponse) -> None:
    """Give the connection back; cut it where the answer was left in the middle, as a watch is.

    Closing such a connection politely would wait for a server that may be gone.
    """
    if not response.content.at_eof():
        connection = response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        response.close()
    response.release()


def unavailable(error: BaseException, method: str, path: str) -> Unavailable:
    """The error for a connection that failed or broke. The address and the query are left out: they may be private."""
    if isinstance(error, asyncio.TimeoutError):
        return Unavailable(f"The Kubernetes API did not answer {method} {path} in time.", reason="Timeout")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Unavailable("The Kubernetes API's certificate cannot be trusted.", reason="Certificate")
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        why = os.strerror(number) if number else type(error.os_error).__name__
        return Unavailable(f"The Kubernetes API cannot be reached: {why}.", reason="Unreachable")
    return Unavailable(f"The connection to the Kubernetes API broke during {method} {path}.", reason="Broken")


def _watchful_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket that notices within about a minute that the other side is gone, also when nothing is said for long."""
    family, kind, protocol, *_ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 60000)):
        if hasattr(socket, option):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return made
