"""OpenID Connect logins of kubeconfigs (`auth-provider: oidc`): an id token that ends, a refresh token for the next.

Issuers may make a refresh token good for one use. The one that comes back is therefore written into the kubeconfig, as
kubectl does: else its owner would be logged out of kubectl. The issuer's certificate is always checked.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import aiohttp
import yaml

from windlass.kube.certificates import server_trust
from windlass.kube.errors import Unavailable
from windlass.kube.kubeconfig import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

MARGIN_SECONDS = 30.0
"""How long before its end an id token is no longer used."""
_TIMEOUT = aiohttp.ClientTimeout(total=20)


class OpenIdLogin:
    """The id token of one user of a kubeconfig, made anew when it ends."""

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        file: Path,
        user_name: str,
        refused: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`refused`: an id token that the API server does not accept, whatever its end says."""
        self._config = dict(config)
        self._file = file
        self._user_name = user_name
        self._refused = refused
        self._clock = clock

    async def token(self) -> str:
        """An id token that still holds. Raises Unavailable with what to do."""
        known = str(self._config.get("id-token") or "")
        if not known or known == self._refused or ends_at(known) - MARGIN_SECONDS <= self._clock():
            await self._renew()
        return str(self._config["id-token"])

    async def _renew(self) -> None:
        issuer, client = self._config.get("idp-issuer-url"), self._config.get("client-id")
        if not self._config.get("refresh-token") or not issuer or not client:
            raise _failed("The kubeconfig's OpenID login has ended and cannot be renewed: log in anew with kubectl.")
        if not str(issuer).startswith("https://"):
            raise _failed("The kubeconfig's OpenID issuer is no https address, so no token is sent to it.")
        trust = await asyncio.to_thread(self._trust)
        try:
            connector = aiohttp.TCPConnector(ssl=True if trust is None else trust)
            async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, trust_env=True) as session:
                found = await self._ask(session, str(issuer).rstrip("/"), str(client))
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            raise _failed("The OpenID issuer of the kubeconfig cannot be reached.") from error
        self._config["id-token"] = str(found["id_token"])
        fresh = found.get("refresh_token")
        if isinstance(fresh, str) and fresh and fresh != self._config["refresh-token"]:
            self._config["refresh-token"] = fresh
            await asyncio.to_thread(self._write_down)

    async def _ask(self, session: aiohttp.ClientSession, issuer: str, client: str) -> dict[str, Any]:
        async with session.get(f"{issuer}/.well-known/openid-configuration", allow_redirects=False) as response:
            endpoint = str((await _json(response)).get("token_endpoint") or "")
        if not endpoint.startswith("https://"):
            raise _failed("The OpenID issuer of the kubeconfig names no https address to renew tokens at.")
        form = {"grant_type": "refresh_token", "refresh_token": str(self._config["refresh-token"])}
        secret = str(self._config.get("client-secret") or "")
        # A client without a secret says who it is in the form (RFC 6749, 2.3.1 and 3.2.1).
        headers = {"Authorization": _basic(client, secret)} if secret else {}
        form |= {} if secret else {"client_id": client}
        async with session.post(endpoint, data=form, headers=headers, allow_redirects=False) as response:
            found = await _json(response)
        if not isinstance(found.get("id_token"), str):
            raise _failed("The OpenID issuer of the kubeconfig did not renew the login: log in anew with kubectl.")
        return found

    def _trust(self) -> Any:
        data, path = (self._config.get(f"idp-certificate-authority{end}") for end in ("-data", ""))
        try:
            if data:
                return server_trust(authorities=base64.b64decode(str(data)).decode())
            place = self._file.absolute().parent / str(path)
            return server_trust(authorities=place.read_text(encoding="utf-8") if path else None)
        except (OSError, ValueError) as error:
            raise _failed("The certificate authority of the kubeconfig's OpenID issuer cannot be read.") from error

    def _write_down(self) -> None:
        """Without it the next login has to be a new one; that is no reason to fail this one."""
        with suppress(OSError, Unavailable), _locked(self._file):
            content = read_file(self._file)
            for item in content.get("users") or []:
                if item.get("name") == self._user_name:
                    names = ("id-token", "refresh-token")
                    item["user"]["auth-provider"]["config"] |= {name: self._config[name] for name in names}
            _replace(self._file, yaml.safe_dump(content, sort_keys=False))


def ends_at(token: str) -> float:
    """When an id token ends, in POSIX seconds; 0 for what is none, infinity for one that does not say."""
    try:
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        return float(claims.get("exp", float("inf")))
    except (IndexError, ValueError, TypeError, AttributeError):
        return 0.0


def _basic(client: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{quote_plus(client)}:{quote_plus(secret)}".encode()).decode()


async def _json(response: aiohttp.ClientResponse) -> dict[str, Any]:
    if response.status != 200:
        message = f"The OpenID issuer of the kubeconfig answered {response.status}: log in anew with kubectl."
        raise _failed(message)
    try:
        found = json.loads(await response.read())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _failed("The OpenID issuer of the kubeconfig answered with something that is no JSON object.")
    return found


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """The lock that kubectl takes. Raises FileExistsError while another holds it."""
    lock = file.with_name(f"{file.name}.lock")
    os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _replace(file: Path, text: str) -> None:
    target = file.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as new:
            new.write(text)
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _failed(sentence: str) -> Unavailable:
    return Unavailable(sentence, reason="NoAccess")
