"""A kubeconfig's current context, for the tests' own use: tokens, client certificates and exec plugins."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass
class Access:
    """A way in, good for a `KubeClient`."""

    server: str
    ssl: ssl.SSLContext | bool | None
    verify: bool
    authorities: str | None
    token: str | None

    async def headers(self) -> dict[str, str]:
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    async def refresh(self) -> None:
        """What was read is what there is."""


def read(path: Path) -> Access:
    """Raises a KeyError that names what the file lacks."""
    config = yaml.safe_load(path.read_text())
    context = _named(config["contexts"], config["current-context"])["context"]
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"])["user"]
    user |= _executed(user["exec"]) if "exec" in user else {}
    verify = not cluster.get("insecure-skip-tls-verify")
    authorities = _text(cluster, "certificate-authority", path.parent)
    tls = ssl.create_default_context(cadata=authorities)
    if not verify:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    certificate, key = (_text(user, name, path.parent) for name in ("client-certificate", "client-key"))
    if certificate and key:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as both:
            both.write(f"{certificate}\n{key}\n")
            both.flush()
            tls.load_cert_chain(both.name)
    token = user.get("token") or (Path(user["tokenFile"]).read_text().strip() if "tokenFile" in user else None)
    return Access(cluster["server"], tls, verify, authorities, token)


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _text(entry: dict[str, Any], name: str, folder: Path) -> str | None:
    if f"{name}-data" in entry:
        return base64.b64decode(entry[f"{name}-data"]).decode()
    return (folder / entry[name]).read_text() if name in entry else None


def _executed(plugin: dict[str, Any]) -> dict[str, Any]:
    more = {variable["name"]: variable["value"] for variable in plugin.get("env") or []}
    info = {"kind": "ExecCredential", "apiVersion": plugin["apiVersion"], "spec": {"interactive": False}}
    environment = os.environ | more | {"KUBERNETES_EXEC_INFO": json.dumps(info)}
    command = [plugin["command"], *(plugin.get("args") or [])]
    answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=60)
    status = json.loads(answer.stdout)["status"]
    found = {"token": status.get("token")}
    for name, field in (("client-certificate", "clientCertificateData"), ("client-key", "clientKeyData")):
        if field in status:
            found[f"{name}-data"] = base64.b64encode(status[field].encode()).decode()
    return found
