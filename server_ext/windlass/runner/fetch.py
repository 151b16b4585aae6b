"""Bring the bundle into a pod: `python fetch.py`, in an init container, before anything of the job runs.

It takes the archive from a mounted file (ConfigMap, volume claim) or from MLflow over HTTP, compares its sha256 with
the one in the job's manifest, and only then has `unpack.py`, which lies beside it, unpack it. The standard library is
all an image has for certain. Everything is said by environment variables, so that no command line holds a user's text:

* `WINDLASS_FOLDER`: where `bundle/`, `job/` and `home/` are made, an empty volume;
* `WINDLASS_BUNDLE_SHA256`: of the archive, in hexadecimal;
* `WINDLASS_BUNDLE_FILE`: the mounted archive; without it
* `MLFLOW_TRACKING_URI`, `WINDLASS_BUNDLE_RUN_ID`, `WINDLASS_BUNDLE_ARTIFACT`: where MLflow has it; with MLflow's own
  variables for credentials, certificates and the workspace.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

_PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_TIMEOUT_SECONDS = 60.0
_PIECE_BYTES = 1 << 20
_PASSING = (408, 425, 429, 500, 502, 503, 504)


class BundleMissing(Exception):
    """The bundle is not to be had; the message says why and what to do."""


def fetch(environ: Mapping[str, str]) -> Path:
    """Bring the bundle to `<WINDLASS_FOLDER>/bundle`; one that is there already is kept.

    Raises:
        BundleMissing: it cannot be read, fetched or unpacked, or is not the one that was sent.
    """
    folder = Path(_needed(environ, "WINDLASS_FOLDER"))
    for name in ("home", "job"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    destination = folder / "bundle"
    if destination.is_dir():
        return destination
    # A copy in a volume that nobody else writes to: what is compared is what is unpacked.
    with tempfile.NamedTemporaryFile(prefix=".bundle.", dir=folder) as archive:
        if environ.get("WINDLASS_BUNDLE_FILE"):
            found = _copy_file(Path(environ["WINDLASS_BUNDLE_FILE"]), archive)
        else:
            found = _download(environ, archive)
        archive.flush()
        if found != _needed(environ, "WINDLASS_BUNDLE_SHA256"):
            raise BundleMissing(
                "The bundle that came is not the one that was sent: its sha256 differs. Send the job again."
            )
        unpacked = subprocess.run(
            [sys.executable, str(Path(__file__).resolve().with_name("unpack.py")), archive.name, str(destination)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    if unpacked.returncode != 0:
        raise BundleMissing(unpacked.stderr.strip() or "The bundle could not be unpacked.")
    return destination


def _needed(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise BundleMissing(f"The variable {name} is not set: this program is for the pods of a job.")
    return value


def _copy_file(source: Path, archive: IO[bytes]) -> str:
    """Copy a mounted file; its sha256. Raises BundleMissing."""
    try:
        with source.open("rb") as content:
            return _copy(iter(lambda: content.read(_PIECE_BYTES), b""), archive)
    except FileNotFoundError:
        raise BundleMissing(f"The bundle is not at {source}: it was removed. Send the job again.") from None
    except OSError as error:
        raise BundleMissing(f"The bundle at {source} cannot be read: {error.strerror or error}.") from error


def _copy(pieces: Iterator[bytes], archive: IO[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        archive.write(piece)
    return digest.hexdigest()


def _download(environ: Mapping[str, str], archive: IO[bytes]) -> str:
    """Fetch the artifact, trying again while MLflow is away; its sha256. Raises BundleMissing."""
    request, context = _request(environ), _tls(environ)
    trouble = ""
    for pause_seconds in (*_PAUSES_SECONDS, None):
        archive.seek(0)
        archive.truncate()
        try:
            # http and https only: `_request` sees to that.
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS, context=context) as answer:  # noqa: S310
                return _copy(_whole(answer), archive)
        except urllib.error.HTTPError as error:
            trouble = f"HTTP {error.code}"
            error.close()
            if error.code not in _PASSING:
                raise BundleMissing(_refusal(error.code)) from None
        except (OSError, http.client.HTTPException) as error:
            trouble = str(getattr(error, "reason", error)) or type(error).__name__
        if pause_seconds is not None:
            time.sleep(pause_seconds)
    raise BundleMissing(f"MLflow cannot be reached from this pod to fetch the bundle: {trouble}.")


def _whole(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body in pieces; a connection that ends early is an error, and not a shorter file."""
    expected = answer.headers.get("Content-Length")
    received = 0
    while True:
        piece = answer.read(_PIECE_BYTES)
        if not piece:
            break
        received += len(piece)
        yield piece
    if expected is not None and received != int(expected):
        raise http.client.IncompleteRead(b"", int(expected) - received)


def _request(environ: Mapping[str, str]) -> urllib.request.Request:
    address = _needed(environ, "MLFLOW_TRACKING_URI").rstrip("/")
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        raise BundleMissing("The bundle can be fetched only from an MLflow at an http or https address.")
    query = urllib.parse.urlencode(
        {
            "run_id": _needed(environ, "WINDLASS_BUNDLE_RUN_ID"),
            "path": _needed(environ, "WINDLASS_BUNDLE_ARTIFACT"),
        }
    )
    request = urllib.request.Request(f"{address}/get-artifact?{query}")  # noqa: S310  (its scheme is checked)
    authorization = _authorization(environ)
    if authorization:
        # Unredirected: a store that MLflow redirects to must not see MLflow's credentials.
        request.add_unredirected_header("Authorization", authorization)
    if environ.get("MLFLOW_WORKSPACE"):
        request.add_unredirected_header("X-MLFLOW-WORKSPACE", environ["MLFLOW_WORKSPACE"])
    return request


def _authorization(environ: Mapping[str, str]) -> str:
    """MLflow's own rule: user name and password before the token."""
    user = environ.get("MLFLOW_TRACKING_USERNAME")
    if user:
        pair = f"{user}:{environ.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return "Basic " + base64.b64encode(pair.encode()).decode()
    token = environ.get("MLFLOW_TRACKING_TOKEN")
    return f"Bearer {token}" if token else ""


def _tls(environ: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None)
    if environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() == "true":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _refusal(code: int) -> str:
    if code in (401, 403):
        return (
            f"MLflow refused to hand out the bundle (HTTP {code}): the credentials in the Secret windlass-credentials "
            "are missing or not valid."
        )
    if code == 404:
        return "MLflow has no such bundle any more: its run was deleted. Send the job again."
    return f"MLflow refused to hand out the bundle (HTTP {code})."


def main() -> int:
    """The command line; the exit status."""
    try:
        fetch(os.environ)
    except (BundleMissing, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
