"""The API's verbs on plain dicts: what is sent and what comes back is what the API itself would show.

One client serves one account at one server. It retries nothing but a refused credential: whoever asks knows better
whether to ask again (`Unavailable.retry_after`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import aiohttp

from windlass.kube.credentials import Credentials
from windlass.kube.errors import Gone, KubeError, Unavailable, from_status
from windlass.kube.resources import Resource
from windlass.kube.transport import Transport, unavailable

Object = dict[str, Any]
Objects = list[Object]

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
_WATCH_MARGIN_SECONDS = 30
"""How much longer than asked a watch may stay open before it counts as broken."""


class KubeClient:
    """All verbs raise a KubeError; `timeout_seconds` is for each request but watches."""

    def __init__(
        self, credentials: Credentials, *, field_manager: str = "windlass", timeout_seconds: float = 10
    ) -> None:
        self._field_manager = field_manager
        self._timeout_seconds = timeout_seconds
        self._transport = Transport(credentials, timeout_seconds=timeout_seconds)

    async def close(self) -> None:
        """End the session, and with it every watch."""
        await self._transport.close()

    async def raw(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        """What the API answers at `path` (encoded by the caller, from / on), parsed; None for an empty answer."""
        answer = await self._transport.ask(
            method, path, query=query, body=body, content_type=content_type, accept=accept
        )
        try:
            return json.loads(answer) if answer else None
        except ValueError as error:
            raise KubeError(f"The Kubernetes API answered {method} {path} with something that is no JSON.") from error

    async def version(self) -> Object:
        """The server's `gitVersion`, `major`, `minor` and so on."""
        return _object(await self.raw("GET", "/version"))

    async def get(self, resource: Resource, name: str, *, namespace: str | None = None) -> Object:
        """One object. Raises NotFound."""
        return _object(await self.raw("GET", resource.path(namespace=namespace, name=name)))

    async def list(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 500,
        metadata_only: bool = False,
    ) -> tuple[Objects, str]:
        """All objects that match, and the resourceVersion to watch from. Read `limit` at a time.

        With `metadata_only` a server that can leaves out the rest, which may be the most of it.
        Where the history behind a page is dropped while the pages are read, everything is read anew in one answer.
        """
        path = resource.path(namespace=namespace)
        selectors = _given(labelSelector=label_selector, fieldSelector=field_selector)
        accept = _METADATA if metadata_only else "application/json"
        items: Objects = []
        token = ""
        while True:
            query = selectors | _given(limit=str(limit) if limit else "", **{"continue": token})
            try:
                page = _object(await self.raw("GET", path, query=query, accept=accept))
            except Gone:
                if not token:
                    raise
                items, token, limit = [], "", 0
                continue
            items += [_named_kind(item, resource) for item in page.get("items") or []]
            token = page.get("metadata", {}).get("continue") or ""
            if not token:
                return items, str(page.get("metadata", {}).get("resourceVersion", ""))

    async def create(
        self, resource: Resource, body: Object, *, namespace: str | None = None, dry_run: bool = False
    ) -> Object:
        """Make an object; its name is in `body`, or made up after `generateName`. Raises Conflict where it exists."""
        return await self._write("POST", resource.path(namespace=namespace), body, dry_run=dry_run)

    async def replace(
        self, resource: Resource, body: Object, *, namespace: str | None = None, dry_run: bool = False
    ) -> Object:
        """Put `body` in the place of the object of its name.

        Raises Conflict where `body` carries a resourceVersion that is no longer the newest.
        """
        path = resource.path(namespace=namespace or _namespace(body), name=_name(body))
        return await self._write("PUT", path, body, dry_run=dry_run)

    async def apply(self, resource: Resource, body: Object, *, force: bool = True, dry_run: bool = False) -> Object:
        """Server-side apply: make the fields in `body` so, give up those of ours that it no longer has.

        Raises Conflict where another manager owns a field, unless `force` takes it over.
        """
        path = resource.path(namespace=_namespace(body), name=_name(body))
        body = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        force_text = "true" if force else "false"
        return await self._write("PATCH", path, body, dry_run=dry_run, content_type=APPLY_PATCH, force=force_text)

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Object | Objects,
        *,
        namespace: str | None = None,
        content_type: str = MERGE_PATCH,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Change a part of an object, or of its `subresource` (as status)."""
        path = resource.path(namespace=namespace, name=name, subresource=subresource)
        return await self._write("PATCH", path, patch, dry_run=dry_run, content_type=content_type)

    async def delete(
        self,
        resource: Resource,
        name: str,
        *,
        namespace: str | None = None,
        grace_seconds: int | None = None,
        propagation: str | None = None,
        preconditions: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Ask for an object's end; it may take the grace period or finalizers to get there.

        `propagation` is Background, Foreground or Orphan. Raises NotFound, and Conflict where `preconditions` (uid,
        resourceVersion) are not met.
        """
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if propagation is not None:
            options["propagationPolicy"] = propagation
        if preconditions is not None:
            options["preconditions"] = dict(preconditions)
        if dry_run:
            options["dryRun"] = ["All"]
        return _object(await self.raw("DELETE", resource.path(namespace=namespace, name=name), body=options))

    async def subresource(
        self,
        resource: Resource,
        name: str,
        subresource: str,
        *,
        namespace: str | None = None,
        method: str = "POST",
        body: Any = None,
        query: Mapping[str, str] | None = None,
    ) -> Object:
        """Ask something of an object: `token` of a ServiceAccount (TokenRequest), `eviction` of a Pod, `status`."""
        path = resource.path(namespace=namespace, name=name, subresource=subresource)
        return _object(await self.raw(method, path, query=query, body=body))

    async def watch(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        timeout_seconds: int = 270,
        on_open: Callable[[], None] | None = None,
    ) -> AsyncGenerator[tuple[str, Object], None]:
        """What changes after `resource_version`, as (ADDED | MODIFIED | DELETED | BOOKMARK, object).

        Ends when the server ends it, after `timeout_seconds` at the latest. `on_open` is called once the server has
        accepted. Raises Gone where that version is too old and Unavailable where the connection breaks.
        """
        query = _given(
            watch="true",
            allowWatchBookmarks="true",
            timeoutSeconds=str(timeout_seconds),
            labelSelector=label_selector,
            fieldSelector=field_selector,
            resourceVersion=resource_version,
        )
        longest = timeout_seconds + _WATCH_MARGIN_SECONDS
        path = resource.path(namespace=namespace)
        async with aclosing(self.lines(path, query=query, seconds=longest, opened=on_open)) as lines:
            async for line in lines:
                yield _event(line, resource)

    async def lines(
        self, path: str, *, query: Mapping[str, str], seconds: float, opened: Callable[[], None] | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The answer line by line while it comes, without the line ends; for `seconds` at most.

        A last line without an end counts as broken off. Raises a KubeError.
        """
        rest = bytearray()
        async with aclosing(self.chunks(path, query=query, seconds=seconds, opened=opened)) as chunks:
            async for chunk in chunks:
                *whole, last = chunk.split(b"\n")
                for line in whole:
                    yield bytes(rest) + line
                    rest.clear()
                rest += last
        if rest:
            raise Unavailable(f"The connection to the Kubernetes API broke during GET {path}.", reason="Broken")

    async def chunks(
        self, path: str, *, query: Mapping[str, str], seconds: float, opened: Callable[[], None] | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The answer as it comes, cut anywhere: for logs, whose lines may be long. Otherwise as `lines`."""
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=self._timeout_seconds)
        async with self._transport.open("GET", path, query=query, limits=limits) as response:
            if opened is not None:
                opened()
            try:
                async for chunk in response.content.iter_any():
                    yield chunk
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
                raise unavailable(error, "GET", path) from error

    async def _write(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        dry_run: bool,
        content_type: str = "application/json",
        force: str = "",
    ) -> Object:
        # Servers before 1.25 pass over fieldValidation.
        query = _given(
            fieldManager=self._field_manager,
            fieldValidation="Strict",
            dryRun="All" if dry_run else "",
            force=force,
        )
        return _object(await self.raw(method, path, query=query, body=body, content_type=content_type))


def _given(**parameters: str) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value}


def _object(answer: Any) -> Object:
    if not isinstance(answer, dict):
        raise KubeError("The Kubernetes API answered with something that is no object.")
    return answer


def _named_kind(item: Object, resource: Resource) -> Object:
    """Items of a list say their kind only once, at the list; here each says its own, as events of a watch do."""
    if item.get("kind", "PartialObjectMetadata") == "PartialObjectMetadata":
        item |= {"apiVersion": resource.api_version, "kind": resource.kind}
    item.setdefault("apiVersion", resource.api_version)
    return item


def _name(body: Object) -> str:
    return str(body.get("metadata", {}).get("name") or "")


def _namespace(body: Object) -> str | None:
    namespace = body.get("metadata", {}).get("namespace")
    return None if namespace is None else str(namespace)


def _event(line: bytes, resource: Resource) -> tuple[str, Object]:
    try:
        event = json.loads(line)
        kind, changed = event["type"], event["object"]
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"A watch of {resource.plural} said something that is no event.", reason="Broken") from error
    if kind == "ERROR":
        raise from_status(changed, status=int(changed.get("code") or 500))
    return str(kind), _named_kind(changed, resource)
