"""A kubeconfig's context, for the tests' own use: tokens, client certificates and exec plugins."""

from __future__ import annotations

import base64
import binascii
import json
import os
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.cluster.given import Mistake


@dataclass
class Access:
    """A way in, good for a `KubeClient`."""

    context: str
    cluster: str
    server: str
    ssl: ssl.SSLContext | bool | None
    verify: bool
    authorities: str | None
    token: str | None

    async def headers(self) -> dict[str, str]:
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    async def refresh(self) -> None:
        """What was read is what there is."""


def read(path: Path, *, context: str | None = None) -> Access:
    """Raises a Mistake that names what the file lacks."""
    try:
        config = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Mistake(f"{path} is no kubeconfig: it is not YAML.") from error
    if not isinstance(config, dict):
        raise Mistake(f"{path} is no kubeconfig.")
    name = context or config.get("current-context")
    if not name:
        raise Mistake(f"{path} has no current context: `kubectl config use-context` sets one.")
    chosen = _named(config, "contexts", name, path)["context"]
    cluster = _named(config, "clusters", chosen.get("cluster"), path)["cluster"]
    user = dict(_named(config, "users", chosen.get("user"), path)["user"] or {})
    try:
        return _access(name, chosen["cluster"], cluster, user, folder=path.parent)
    except (KeyError, OSError, binascii.Error, ssl.SSLError) as error:
        raise Mistake(f"The context {name!r} of {path} cannot be used: {error!r}.") from error


def _access(context: str, name: str, cluster: dict[str, Any], user: dict[str, Any], *, folder: Path) -> Access:
    user |= _executed(user["exec"]) if user.get("exec") else {}
    verify = not cluster.get("insecure-skip-tls-verify")
    authorities = _text(cluster, "certificate-authority", folder)
    tls = ssl.create_default_context(cadata=authorities)
    if not verify:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    certificate, key = (_text(user, each, folder) for each in ("client-certificate", "client-key"))
    if certificate and key:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as both:
            both.write(f"{certificate}\n{key}\n")
            both.flush()
            tls.load_cert_chain(both.name)
    token = user.get("token") or ((folder / user["tokenFile"]).read_text().strip() if "tokenFile" in user else None)
    return Access(context, name, cluster["server"], tls, verify, authorities, token)


def _named(config: dict[str, Any], section: str, name: str | None, path: Path) -> dict[str, Any]:
    entries: list[dict[str, Any]] = config.get(section) or []
    found = next((entry for entry in entries if entry.get("name") == name), None)
    if found is None:
        known = ", ".join(str(entry.get("name")) for entry in entries) or "none"
        raise Mistake(f"{path} has no {name!r} among its {section}: {known}.")
    return found


def _text(entry: dict[str, Any], name: str, folder: Path) -> str | None:
    if entry.get(f"{name}-data"):
        return base64.b64decode(entry[f"{name}-data"]).decode()
    return (folder / entry[name]).read_text() if entry.get(name) else None


def _executed(plugin: dict[str, Any]) -> dict[str, Any]:
    more = {variable["name"]: variable["value"] for variable in plugin.get("env") or []}
    info = {"kind": "ExecCredential", "apiVersion": plugin["apiVersion"], "spec": {"interactive": False}}
    environment = os.environ | more | {"KUBERNETES_EXEC_INFO": json.dumps(info)}
    command = [plugin["command"], *(plugin.get("args") or [])]
    try:
        answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=60)
        status = json.loads(answer.stdout)["status"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        # Not the error itself: it may hold what the plugin printed.
        how = "is not there" if isinstance(error, FileNotFoundError) else "gives no credentials"
        raise Mistake(f"The kubeconfig asks {plugin['command']!r} for credentials, which {how}.") from error
    found = {"token": status.get("token")}
    for name, field in (("client-certificate", "clientCertificateData"), ("client-key", "clientKeyData")):
        if field in status:
            found[f"{name}-data"] = base64.b64encode(status[field].encode()).decode()
    return found
