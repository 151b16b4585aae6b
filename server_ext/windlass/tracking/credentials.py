"""How the tracking server is told who asks: MLflow's own variables, the address, certificates.

One place decides it, so that records, reads and probes are let in alike. What it gives goes into headers only; nothing
here logs, and whoever makes messages takes the secrets out first.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from windlass.errors import Unavailable

HOW_TO_LOG_IN = (
    "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, and start the server again"
)


@dataclass(frozen=True)
class Access:
    """What goes with every request to one tracking server."""

    headers: dict[bytes, bytes] = field(repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def without_secrets(self, text: str) -> str:
        """A text of somebody else's, fit to be shown: servers do quote what they were sent."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "…")
        return text


def access(uri: str, environ: Mapping[str, str]) -> Access:
    """Credentials for an address: its own first, then MLflow's variables, in MLflow's order.

    Raises Unavailable when a variable cannot be sent in a header.
    """
    headers: dict[bytes, bytes] = {}
    if workspace := environ.get("MLFLOW_WORKSPACE", "").strip():
        headers[b"X-MLFLOW-WORKSPACE"] = _header(workspace, "MLFLOW_WORKSPACE")
    parts = urlsplit(uri)
    if parts.username:
        return _basic(headers, unquote(parts.username), unquote(parts.password or ""))
    if username := environ.get("MLFLOW_TRACKING_USERNAME"):
        return _basic(headers, username, environ.get("MLFLOW_TRACKING_PASSWORD", ""))
    if token := environ.get("MLFLOW_TRACKING_TOKEN", "").strip():
        headers[b"Authorization"] = _header(f"Bearer {token}", "MLFLOW_TRACKING_TOKEN")
        return Access(headers=headers, secrets=(token,))
    return Access(headers=headers)


def _basic(headers: dict[bytes, bytes], username: str, password: str) -> Access:
    sent = b64encode(f"{username}:{password}".encode()).decode()
    # As servers may quote it: itself, as it stands in an address, or the header, which is no cipher.
    forms = (password, quote(password), quote(password, safe=""), quote_plus(password), sent) if password else ()
    return Access(headers=headers, basic=(username, password), secrets=forms)


def _header(value: str, variable: str) -> bytes:
    if not value.isprintable():
        raise Unavailable(f"{variable} holds a line break or another character that cannot be sent: set it anew.")
    return value.encode("utf-8")


def verify() -> Any:
    """What httpx is to check certificates against, by MLflow's own variables."""
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("1", "true"):
        return False
    certificate = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    if not certificate:
        return True
    import ssl

    try:
        return ssl.create_default_context(cafile=certificate)
    except (OSError, ssl.SSLError) as error:
        message = "The certificates that MLFLOW_TRACKING_SERVER_CERT_PATH names cannot be read: correct the path."
        raise Unavailable(message) from error
