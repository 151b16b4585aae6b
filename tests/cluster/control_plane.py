"""A control plane of its own for the tests: etcd, kube-apiserver, and the controllers where their binary is there.

It has no nodes and no scheduler. Everything is in one folder and on free ports, and ends with the tests.
"""

from __future__ import annotations

import re
import secrets
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

START_SECONDS = 90
ISSUER = "https://kubernetes.default.svc"
CONTROLLERS = "namespace,garbagecollector,serviceaccount,root-ca-cert-publisher,resourcequota,pvc-protection"
JOB_CONTROLLERS = "job,ttl-after-finished"
JOB_CONTROLLER_MINOR = 28
"""Before, it gives pods of Jobs other labels than the stand-in for JobSets relies on; a stand-in takes its place."""


class ControlPlane:
    """`binaries` is a folder as kubebuilder's assets are, or one with such a folder `bin` in it."""

    def __init__(self, *, binaries: Path, folder: Path) -> None:
        self._binaries = binaries / "bin" if (binaries / "bin" / "kube-apiserver").exists() else binaries
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.token = secrets.token_urlsafe(24)
        self.ca_file = folder / "certs" / "apiserver.crt"
        self.url = ""

    @property
    def has_controllers(self) -> bool:
        return (self._binaries / "kube-controller-manager").exists()

    @property
    def has_job_controller(self) -> bool:
        return self.has_controllers and self._minor() >= JOB_CONTROLLER_MINOR

    def start(self) -> None:
        """Up and ready, or a RuntimeError with the end of what it printed."""
        (self._folder / "certs").mkdir(parents=True)
        self._keys()
        client, peer, secure = (_free_port() for _ in range(3))
        self.url = f"https://127.0.0.1:{secure}"
        self._run("etcd", *_etcd_flags(self._folder, client, peer))
        self._run("kube-apiserver", *self._api_flags(f"http://127.0.0.1:{client}", secure))
        self._await_ready()
        if self.has_controllers:
            self._run("kube-controller-manager", *self._controller_flags())

    def stop(self) -> None:
        """End everything at once: nothing of it is kept."""
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def _keys(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (self._folder / "certs" / "sa.key").write_bytes(private)
        (self._folder / "certs" / "sa.pub").write_bytes(public)
        (self._folder / "certs" / "tokens.csv").write_text(f'{self.token},admin,admin-uid,"system:masters"\n')

    def _api_flags(self, etcd: str, port: int) -> list[str]:
        certs = self._folder / "certs"
        flags = [
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            "--endpoint-reconciler-type=none",
            f"--cert-dir={certs}",
            f"--token-auth-file={certs}/tokens.csv",
            "--authorization-mode=RBAC",
            "--anonymous-auth=false",
            f"--service-account-issuer={ISSUER}",
            f"--api-audiences={ISSUER}",
            f"--service-account-key-file={certs}/sa.pub",
            f"--service-account-signing-key-file={certs}/sa.key",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--allow-privileged=true",
        ]
        # Before 1.24 this plugin waits for token Secrets, which nothing here makes.
        return [*flags, *(["--disable-admission-plugins=ServiceAccount"] if self._minor() < 24 else [])]

    def _controller_flags(self) -> list[str]:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.url, "certificate-authority": str(self.ca_file)}}],
            "users": [{"name": "u", "user": {"token": self.token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "c",
        }
        path = self._folder / "controllers.yaml"
        path.write_text(yaml.safe_dump(config))
        flags = [
            f"--kubeconfig={path}",
            f"--controllers={CONTROLLERS}{f',{JOB_CONTROLLERS}' if self.has_job_controller else ''}",
            f"--root-ca-file={self.ca_file}",
            "--leader-elect=false",
            "--secure-port=0",
        ]
        return [*flags, *(["--port=0"] if self._minor() < 24 else [])]

    def _minor(self) -> int:
        told = subprocess.run([self._binaries / "kube-apiserver", "--version"], capture_output=True, check=True)
        found = re.search(rb"v1\.(\d+)", told.stdout)
        return int(found[1]) if found else 0

    def _run(self, name: str, *flags: str) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            command = [str(self._binaries / name), *flags]
            self._processes.append(
                subprocess.Popen(command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            ended = [process for process in self._processes if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"The control plane does not start.\n{self._last_words()}")
            time.sleep(0.1)

    def _last_words(self) -> str:
        logs = sorted(self._folder.glob("*.log"))
        return "\n".join(f"{path.name}: {path.read_text(errors='replace')[-2000:]}" for path in logs)

    def _ready(self) -> bool:
        if not self.ca_file.exists():
            return False
        request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {self.token}"})
        try:
            context = ssl.create_default_context(cafile=str(self.ca_file))
            with urllib.request.urlopen(request, timeout=2, context=context) as answer:
                return bool(answer.read() == b"ok")
        except (urllib.error.URLError, OSError):
            return False


def _etcd_flags(folder: Path, client: int, peer: int) -> list[str]:
    clients, peers = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    return [
        "--name=test",
        f"--data-dir={folder}/etcd",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=test={peers}",
        "--unsafe-no-fsync",
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
