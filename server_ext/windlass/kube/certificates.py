"""TLS towards an API server, from files and from text: how its certificate is checked, and which one of ours is shown.

Python reads a certificate's key from files alone; a key that came as text is on disk only while it is read, in a folder
that nobody else may open.
"""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from windlass.kube.errors import Unavailable


@dataclass(frozen=True, kw_only=True, repr=False)
class ClientCertificate:
    """A certificate and its key, as PEM."""

    certificate: str
    key: str


def server_trust(
    *, authorities: str | None, verify: bool = True, own: ClientCertificate | None = None
) -> ssl.SSLContext | bool | None:
    """As `kube.credentials.Credentials.ssl` has it. Reads files of the system: not for the event loop.

    Args:
        authorities: PEM of those that sign the server's certificate; the system's when None.
        verify: False: take any certificate.
        own: what proves who we are.

    Raises:
        Unavailable: what was given is no certificate, or the key is another's.
    """
    if own is None and not verify:
        return False
    if own is None and authorities is None:
        return None
    no_authority = Unavailable("The cluster's certificate authority is no certificate (PEM).", reason="NoAccess")
    if authorities is not None and not authorities.strip():
        # Python would take this for none given, and trust the system's.
        raise no_authority
    try:
        context = ssl.create_default_context(cadata=authorities)
    except (ssl.SSLError, ValueError) as error:
        raise no_authority from error
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if own is not None:
        _show(context, own)
    return context


def _show(context: ssl.SSLContext, own: ClientCertificate) -> None:
    with tempfile.TemporaryDirectory(prefix="windlass-") as folder:
        both = Path(folder) / "client.pem"
        both.touch(mode=0o600)
        both.write_text(f"{own.certificate}\n{own.key}\n", encoding="utf-8")
        try:
            # A key with a password would be asked for at the terminal of the server.
            context.load_cert_chain(both, password="")
        except (ssl.SSLError, ValueError) as error:
            message = "The client certificate for the cluster and its key are no pair that can be read (PEM)."
            raise Unavailable(message, reason="NoAccess") from error
