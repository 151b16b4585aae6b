"""What the user of a kubeconfig's context shows to get in: a token, a certificate, or what a program or issuer gives.

What is not supported is refused with a sentence; passed over, requests would be made as somebody else.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from windlass.kube.certificates import ClientCertificate
from windlass.kube.errors import Unavailable
from windlass.kube.exec_plugin import ExecCredential, run_plugin
from windlass.kube.kubeconfig import Context, Entry
from windlass.kube.openid import OpenIdLogin
from windlass.kube.token_file import TokenFile

MARGIN_SECONDS = 30.0
"""How long before its end a login program's answer is no longer used, if it lasts longer than twice that."""
_IMPERSONATION = ("as", "as-groups", "as-uid", "as-user-extra")


class Login(Protocol):
    """A way to prove who we are. `token` is asked before the certificate is read."""

    certificate: ClientCertificate | None

    async def token(self) -> str | None:
        """The token as it is now; None where there is none. Raises Unavailable with what to do."""
        ...


class StaticLogin:
    """What stands in the file itself."""

    def __init__(self, token: str | None, certificate: ClientCertificate | None) -> None:
        self.certificate = certificate
        self._token = token

    async def token(self) -> str | None:
        """The token as it stands there."""
        return self._token


class FileLogin:
    """A token in a file of its own, or that of an issuer, maybe with a certificate."""

    def __init__(self, source: TokenFile | OpenIdLogin, certificate: ClientCertificate | None) -> None:
        self.certificate = certificate
        self._source = source

    async def token(self) -> str | None:
        """The token as it is now. Raises Unavailable."""
        return await self._source.token()


class ExecLogin:
    """What a login program answers, kept until shortly before its end."""

    def __init__(
        self,
        context: Context,
        *,
        environ: Mapping[str, str],
        certificate: ClientCertificate | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.certificate = certificate
        self._context = context
        self._environ = environ
        self._clock = clock
        self._known: ExecCredential | None = None
        self._good_until = 0.0

    async def token(self) -> str | None:
        """The token, where the program gives one. Raises Unavailable."""
        if self._known is None or self._clock() >= self._good_until:
            self._known = await asyncio.to_thread(self._run)
            self.certificate = self._known.certificate or self.certificate
            self._good_until = self._until(self._known.expires_at)
        return self._known.token

    def _until(self, expires_at: float | None) -> float:
        if expires_at is None:
            return float("inf")
        left = expires_at - self._clock()
        return expires_at - (MARGIN_SECONDS if left > 2 * MARGIN_SECONDS else 0)

    def _run(self) -> ExecCredential:
        return run_plugin(
            self._context.user["exec"],
            folder=self._context.user_file.absolute().parent,
            cluster=_shown_cluster(self._context.cluster),
            environ=self._environ,
        )


def check_user(context: Context) -> None:
    """Raise Unavailable where the context's user asks for what is not supported."""
    user, name = context.user, context.user_name
    if any(user.get(key) for key in _IMPERSONATION):
        raise _refuse(f"The kubeconfig's user {name} acts as somebody else (`as`), which Windlass does not do.")
    if user.get("username") or user.get("password"):
        raise _refuse(
            f"The kubeconfig's user {name} has a password, which API servers no longer take: use a token, a certificate"
            " or a login program (`exec`)."
        )
    provider = user.get("auth-provider")
    if provider and (not isinstance(provider, dict) or provider.get("name") != "oidc"):
        kind = provider.get("name") if isinstance(provider, dict) else provider
        raise _refuse(
            f"The kubeconfig's user {name} logs in with the auth-provider {kind}, which kubectl no longer has either:"
            " write the kubeconfig anew with the cloud's own tool."
        )
    if user.get("exec") and not isinstance(user["exec"], dict):
        raise _refuse(f"The kubeconfig's user {name} has an `exec` that is no mapping.")


def login(context: Context, *, environ: Mapping[str, str], refused: str | None = None) -> Login:
    """How the context's user gets in. Reads files: not for the event loop.

    Args:
        context: one that `check_user` has found good.
        environ: the environment of a login program.
        refused: a token that the server did not accept.

    Raises:
        Unavailable: a file is missing, or what is in it is not what it should be.
    """
    user = context.user
    certificate = _certificate(context)
    if user.get("exec"):
        return ExecLogin(context, environ=environ, certificate=certificate)
    if user.get("auth-provider"):
        config = user["auth-provider"].get("config") or {}
        source = OpenIdLogin(config, file=context.user_file, user_name=context.user_name, refused=refused)
        return FileLogin(source, certificate)
    if user.get("tokenFile"):
        return FileLogin(TokenFile(Path(user["tokenFile"])), certificate)
    token = user.get("token")
    return StaticLogin(str(token) if token else None, certificate)


def authorities(cluster: Entry) -> str | None:
    """The certificates that sign the server's, as PEM; None: the system's. Raises Unavailable."""
    return _text(cluster, "certificate-authority", "The kubeconfig's cluster")


def _certificate(context: Context) -> ClientCertificate | None:
    whose = f"The kubeconfig's user {context.user_name}"
    certificate = _text(context.user, "client-certificate", whose)
    key = _text(context.user, "client-key", whose)
    if (certificate is None) != (key is None):
        raise _refuse(f"{whose} has only one of client-certificate and client-key.")
    return None if certificate is None or key is None else ClientCertificate(certificate=certificate, key=key)


def _text(entry: Entry, name: str, whose: str) -> str | None:
    """Inline (base64) before a file, as kubectl."""
    if entry.get(f"{name}-data"):
        try:
            return base64.b64decode(str(entry[f"{name}-data"]), validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise _refuse(f"{whose} has a {name}-data that is no base64.") from error
    if not entry.get(name):
        return None
    try:
        return Path(entry[name]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _refuse(f"{whose} names a {name} file that cannot be read: {entry[name]}.") from error


def _shown_cluster(cluster: Entry) -> dict[str, Any]:
    """The cluster as login programs are shown it (client.authentication.k8s.io/v1 Cluster)."""
    names = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")
    shown: dict[str, Any] = {name: cluster[name] for name in names if cluster.get(name)}
    pem = authorities(cluster)
    if pem is not None:
        shown["certificate-authority-data"] = base64.b64encode(pem.encode()).decode()
    for extension in cluster.get("extensions") or []:
        if isinstance(extension, dict) and extension.get("name") == "client.authentication.k8s.io/exec":
            shown["config"] = extension.get("extension")
    return shown


def _refuse(sentence: str) -> Unavailable:
    return Unavailable(sentence, reason="NoAccess")
