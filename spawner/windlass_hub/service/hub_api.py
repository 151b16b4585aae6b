"""The hub's own REST interface, asked with the service's token: who there is, and which servers run.

Nothing but what `configure.SERVICE_SCOPES` allows is asked. Answers are plain dicts as the hub sends them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from .problems import Away, Upstream

PAGE = 200
PAGES_MEDIA_TYPE = "application/jupyterhub-pagination+json"
TIMEOUT_SECONDS = 10.0


class HubApi:
    """A client of the hub; it opens connections when first asked."""

    def __init__(self, *, url: str, token: str, verify: Any = True) -> None:
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/") + "/",
            headers={"Authorization": f"token {token}"},
            timeout=TIMEOUT_SECONDS,
            verify=verify,
            trust_env=False,
        )
        self._version: str | None = None

    async def close(self) -> None:
        """Give back the connections."""
        await self._http.aclose()

    async def version(self) -> str | None:
        """The hub's version; None where it does not say. Asked once."""
        if self._version is None:
            try:
                answer = await self._get("")
            except (Away, Upstream):
                return None
            self._version = str(answer.get("version") or "") or None
        return self._version

    async def user(self, name: str) -> dict[str, Any] | None:
        """A user with groups and servers (`server_state` where the service may see it); None: there is no such user."""
        if name in {".", ".."}:
            return None  # In an address these are no names, and would ask for something else.
        response = await self._ask(f"users/{quote(name, safe='')}")
        return None if response.status_code == 404 else _object(_checked(response))

    async def users(self, *, state: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """All users, or those in `state` (`active`, `ready`), page by page.

        Raises:
            Away, Upstream: the hub does not answer, or not as expected.
        """
        query: dict[str, str] = {"limit": str(PAGE)} | ({"state": state} if state else {})
        offset: int | None = 0
        while offset is not None:
            answer = await self._get("users", params={**query, "offset": str(offset)})
            for user in answer.get("items") or ():
                yield user
            following = (answer.get("_pagination") or {}).get("next") or {}
            offset = following.get("offset")

    async def _get(self, path: str, *, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        return _object(_checked(await self._ask(path, params=params)))

    async def _ask(self, path: str, *, params: Mapping[str, str] | None = None) -> httpx.Response:
        try:
            return await self._http.get(path, params=params, headers={"Accept": PAGES_MEDIA_TYPE})
        except httpx.HTTPError as error:
            raise Away("The hub does not answer now; try again.") from error


def _checked(response: httpx.Response) -> httpx.Response:
    if response.status_code in (401, 403):
        raise Upstream("The hub does not let this service ask that: its roles are not as `configure` sets them.")
    if not response.is_success:
        raise Away(f"The hub answered {response.status_code}; try again.")
    return response


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Upstream("The hub answered with something that is no JSON object.")
    return answer
