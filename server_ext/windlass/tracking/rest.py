"""The way to an MLflow server: one connection pool, credentials, attempts, faults made plain.

No `Origin` is ever sent: MLflow refuses foreign ones. Redirects are followed within the server's own origin only, so
that credentials go nowhere else. It knows no runs and no models; what it carries are paths and JSON objects.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from windlass.errors import Unavailable
from windlass.runner.mlflow_place import without_credentials
from windlass.tracking.answers import exhausted, object_of, refusal
from windlass.tracking.credentials import access, verify

if TYPE_CHECKING:
    import httpx
    from typing_extensions import Self

API = "/api/2.0/mlflow/"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
Query = Mapping[str, "str | int | list[str]"]

_TRANSIENT = frozenset({429, 502, 503, 504})
_NOT_DONE = frozenset({429, 503})
_ATTEMPTS = 3
_PROBE_SECONDS = 5.0
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 170.0
_LONGEST_PAUSE_SECONDS = 5.0
_LONGEST_CHAIN = 5
_CHUNK_BYTES = 1 << 20


async def reachable(uri: str) -> bool:
    """Whether an MLflow answers at an address, asked once; being refused for want of credentials counts."""
    import httpx

    try:
        async with httpx.AsyncClient(timeout=_PROBE_SECONDS, verify=verify()) as http:
            response = await http.get(without_credentials(uri).rstrip("/") + "/health")
    except (httpx.HTTPError, httpx.InvalidURL, Unavailable):
        return False
    return response.status_code not in (502, 503, 504)


@dataclass(frozen=True)
class Streamed:
    """An answer whose bytes are still to come."""

    size_bytes: int | None
    """In all; None where the server does not say."""
    media_type: str
    """As the server says it, which is no promise."""
    chunks: AsyncIterator[bytes]


class MlflowHttp:
    """One tracking server.

    Methods raise Unavailable when it is away or stays busy, MlflowRefused when it will not, and Upstream when it
    answers what cannot be understood. An `endpoint` is relative to `/api/2.0/mlflow/`, or, with a slash before it, to
    the server's address.

    Args:
        uri: its address.
        environ: where MLflow's own variables with the credentials are.
    """

    def __init__(self, uri: str, *, environ: Mapping[str, str] = os.environ) -> None:
        import httpx

        self.url = without_credentials(uri).rstrip("/")
        try:
            parts = urlsplit(uri)
            local = parts.hostname in LOOPBACK and parts.port != 0
            self._access = access(uri, environ)
        except ValueError:
            raise Unavailable(f"{self.url} is no address of a server: correct it.") from None
        headers = {b"Accept": b"application/json", **self._access.headers}
        if local:
            # To compress for a wire that is memory takes longer than to copy.
            headers[b"Accept-Encoding"] = b"identity"
        self.outages = 0
        """How often it was found to be away: what was known of it may have changed by then."""
        self._http: httpx.AsyncClient = httpx.AsyncClient(
            headers=headers,
            auth=httpx.BasicAuth(*self._access.basic) if self._access.basic else None,
            timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=60.0),
            verify=verify(),
            trust_env=not local,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def get(self, endpoint: str, query: Query | None = None) -> dict[str, Any]:
        """Ask for an object."""
        return object_of(await self.request("GET", endpoint, query=query), url=self.url)

    async def post(self, endpoint: str, body: Mapping[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
        """Send an object, get one. What must not be done twice is tried again only where it was surely not done."""
        return object_of(await self.request("POST", endpoint, body=body, repeatable=repeatable), url=self.url)

    async def patch(self, endpoint: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change an object."""
        return object_of(await self.request("PATCH", endpoint, body=body), url=self.url)

    async def delete(self, endpoint: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Remove what the body, or the query of the endpoint, names."""
        return object_of(await self.request("DELETE", endpoint, body=body), url=self.url)

    async def put_file(self, endpoint: str, path: Path) -> None:
        """Send a file's bytes."""
        headers = {"Content-Length": str(path.stat().st_size), "Content-Type": "application/octet-stream"}
        await self.request("PUT", endpoint, path=path, headers=headers)

    async def text(self, endpoint: str) -> str:
        """Ask for a text, of which 1,000 characters count."""
        return (await self.request("GET", endpoint)).text[:1000].strip()

    @asynccontextmanager
    async def stream(self, endpoint: str, query: Query | None = None) -> AsyncIterator[Streamed]:
        """Ask for bytes, to be read in the `async with`; tried again until the first of them.

        A connection that breaks in the middle raises Unavailable where the chunks are read.
        """
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        response = await self.request("GET", endpoint, query=query, headers=headers, streamed=True)
        try:
            length = response.headers.get("content-length", "")
            encoded = response.headers.get("content-encoding", "identity") != "identity"
            yield Streamed(
                size_bytes=int(length) if length.isdecimal() and not encoded else None,
                media_type=str(response.headers.get("content-type", "application/octet-stream")),
                chunks=self._chunks_of(response),
            )
        finally:
            await response.aclose()

    async def request(
        self,
        method: str,
        endpoint: str,
        *,
        query: Query | None = None,
        body: Mapping[str, Any] | None = None,
        path: Path | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
        streamed: bool = False,
    ) -> httpx.Response:
        """Send a request, again after a pause while the trouble may pass; answers with a status below 300."""
        url = self._url_of(endpoint)
        response: httpx.Response | None = None
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_pause(attempt, response))
            content = _chunks_in(path) if path is not None else None
            try:
                request = self._http.build_request(
                    method, url, params=query, json=body, content=content, headers=headers
                )
                response = await self._exchange(request, streamed=streamed)
            except _trouble() as error:
                response = None
                self._give_up_on(error, repeatable=repeatable)
                continue
            if response.status_code in _TRANSIENT and (repeatable or response.status_code in _NOT_DONE):
                continue
            if response.status_code >= 300:
                raise refusal(response, url=self.url, clean=self._access.without_secrets)
            return response
        self.outages += 1
        raise exhausted(response.status_code if response is not None else None, url=self.url)

    async def _exchange(self, request: httpx.Request, *, streamed: bool) -> httpx.Response:
        """One attempt, redirects within the origin followed. The body is read, but for a good answer to be streamed."""
        response = await self._http.send(request, stream=True)
        for _ in range(_LONGEST_CHAIN):
            onward = response.next_request
            if onward is None or not _may_follow(request, onward):
                break
            await response.aclose()
            request = onward
            response = await self._http.send(request, stream=True)
        if not (streamed and response.status_code < 300):
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response

    def _give_up_on(self, error: Exception, *, repeatable: bool) -> None:
        """Raise when another attempt is of no use, or may do a thing twice."""
        import httpx

        if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError)):
            raise Unavailable(f"{self.url} is no address of an MLflow server: correct it.") from None
        sent = not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
        if sent and not repeatable:
            message = f"MLflow at {self.url} broke off before it answered: see whether it was done, then try again."
            raise Unavailable(message) from None

    async def _chunks_of(self, response: httpx.Response) -> AsyncIterator[bytes]:
        import httpx

        try:
            async for chunk in response.aiter_bytes():
                yield chunk
        except (httpx.TransportError, httpx.DecodingError):
            raise Unavailable(f"MLflow at {self.url} broke off in the middle of a file: try again.") from None

    def _url_of(self, endpoint: str) -> str:
        return self.url + (endpoint if endpoint.startswith("/") else API + endpoint)


def _trouble() -> tuple[type[Exception], ...]:
    import httpx

    return httpx.TransportError, httpx.DecodingError, httpx.InvalidURL, UnicodeError


def _pause(attempt: int, response: httpx.Response | None) -> float:
    """Seconds before an attempt: growing, spread, and as long as the server asks within reason."""
    asked = str(response.headers.get("retry-after", "")) if response is not None else ""
    floor = min(float(asked), _LONGEST_PAUSE_SECONDS) if asked.isdecimal() else 0.0
    return max(floor, 0.3 * float(2**attempt) * random.uniform(0.5, 1.5))  # noqa: S311 - jitter


def _may_follow(request: httpx.Request, onward: httpx.Request) -> bool:
    """Whether a redirect asks the same of the same server, and what was sent can be sent again."""
    import httpx

    again = request.method == onward.method and isinstance(request.stream, httpx.ByteStream)
    return again and _same_origin(request.url, onward.url)


def _same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Whether credentials for the one may go to the other: the same server, or its step up to TLS."""
    if one.host != other.host:
        return False
    if one.scheme == "http" and other.scheme == "https":
        return one.port is None and other.port is None
    return one.scheme == other.scheme and one.port == other.port


async def _chunks_in(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while data := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield data
