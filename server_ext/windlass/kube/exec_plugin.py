"""Login programs of kubeconfigs (`exec`): `aws eks get-token`, `gke-gcloud-auth-plugin`, `kubelogin` and their like.

The protocol is Kubernetes' client.authentication.k8s.io: what is asked travels in KUBERNETES_EXEC_INFO, the answer is
one ExecCredential on stdout. A program runs as a group of processes of its own, without a terminal, and is ended with
all it started when it takes too long. Nothing it answers is logged.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from windlass.kube.certificates import ClientCertificate
from windlass.kube.errors import Unavailable

TIMEOUT_SECONDS = 60.0
"""Logins that open a browser are done with `kubectl` once; what is asked here is what they keep."""
_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_SHOWN_CHARACTERS = 300


@dataclass(frozen=True, kw_only=True, repr=False)
class ExecCredential:
    """What a login program answered; `expires_at` in POSIX seconds, None: it did not say."""

    token: str | None
    certificate: ClientCertificate | None
    expires_at: float | None


def run_plugin(
    plugin: Mapping[str, Any],
    *,
    folder: Path,
    cluster: Mapping[str, Any],
    environ: Mapping[str, str],
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> ExecCredential:
    """Run a login program and read its answer. Blocks: for a thread.

    Args:
        plugin: the user's `exec` in the kubeconfig.
        folder: of the kubeconfig; commands with a relative path are meant from there.
        cluster: the context's cluster as the protocol shows it to programs that ask for it (`provideClusterInfo`).
        environ: the environment of the program, before what the kubeconfig adds.
        timeout_seconds: how long it may take.

    Raises:
        Unavailable: with a sentence that names the program.
    """
    command = str(plugin.get("command") or "")
    version = str(plugin.get("apiVersion") or "")
    if not command or version not in _VERSIONS:
        message = f"The kubeconfig's login program {command!r} speaks {version or 'no version'}, not {_VERSIONS[0]}."
        raise _failed(f"{message} Update it and write the kubeconfig anew with it.")
    if plugin.get("interactiveMode") == "Always":
        raise _failed(f"The login program {command} wants to ask at a terminal, and there is none here.")
    asked: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        asked["cluster"] = dict(cluster)
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": asked}
    environment = {**environ, **_variables(plugin), "KUBERNETES_EXEC_INFO": json.dumps(info)}
    program = _found(command, folder=folder, environ=environ, hint=str(plugin.get("installHint") or ""))
    arguments = [str(argument) for argument in plugin.get("args") or []]
    answer = _output([program, *arguments], name=command, environment=environment, timeout_seconds=timeout_seconds)
    return _read(answer, name=command, version=version)


def _variables(plugin: Mapping[str, Any]) -> dict[str, str]:
    given = [item for item in plugin.get("env") or [] if isinstance(item, dict) and item.get("name")]
    return {str(item["name"]): str(item.get("value") or "") for item in given}


def _found(command: str, *, folder: Path, environ: Mapping[str, str], hint: str) -> str:
    """As kubectl: a bare name is looked for on the PATH, a path is relative to the kubeconfig."""
    place = str(folder / command) if "/" in command else command
    program = shutil.which(place, path=environ.get("PATH"))
    if program is None:
        raise _failed(f"The login program {command} of the kubeconfig is not installed here. {hint[:1000]}".strip())
    return program


def _output(command: list[str], *, name: str, environment: Mapping[str, str], timeout_seconds: float) -> bytes:
    try:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise _failed(f"The login program {name} of the kubeconfig cannot be started here.") from error
    with process:
        try:
            output, complaint = process.communicate(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            message = f"The login program {name} took longer than {timeout_seconds:g} s."
            raise _failed(f"{message} Log in once with `kubectl get pods`, then try again.") from None
    if process.returncode != 0:
        lines = complaint.decode(errors="replace").strip().splitlines()
        why = "".join(character for character in (lines or [""])[-1] if character.isprintable())[:_SHOWN_CHARACTERS]
        raise _failed(f"The login program {name} failed with status {process.returncode}: {why or 'it said nothing'}")
    return output


def _read(answer: bytes, *, name: str, version: str) -> ExecCredential:
    try:
        found = json.loads(answer)
        status = found["status"]
        if found["kind"] != "ExecCredential" or found["apiVersion"] != version:
            raise _failed(f"The login program {name} answered in another version than the kubeconfig asks for.")
        token, certificate, key = (
            status.get(field) or None for field in ("token", "clientCertificateData", "clientKeyData")
        )
        expires = status.get("expirationTimestamp")
        expires_at = None if expires is None else _seconds(str(expires))
    except (ValueError, KeyError, TypeError, AttributeError):
        # Without the cause: it quotes the answer, which may hold a token.
        raise _failed(f"The login program {name} answered with something that is no ExecCredential.") from None
    own = ClientCertificate(certificate=certificate, key=key) if certificate and key else None
    if own is None and not token:
        raise _failed(f"The login program {name} answered with neither a token nor a certificate and its key.")
    return ExecCredential(token=token, certificate=own, expires_at=expires_at)


def _seconds(text: str) -> float:
    # Go writes fractions of any length, which Python before 3.11 does not read.
    moment = datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _failed(sentence: str) -> Unavailable:
    return Unavailable(sentence, reason="NoAccess")
