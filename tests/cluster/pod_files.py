"""What a kubelet gives to a pod's containers: volumes as folders, variables with their values."""

from __future__ import annotations

import base64
import os
import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from windlass.kube.client import KubeClient
from windlass.kube.errors import NotFound
from windlass.kube.resources import CONFIG_MAPS, SECRETS

Object = dict[str, Any]
Mount = tuple[str, str, bool]
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_KEYED = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_PORTS = ("MASTER_PORT", "PET_MASTER_PORT")


class NotThere(Exception):
    """A volume's content or a variable's value is missing; the message is as a kubelet says it."""


class Ports:
    """Pods share one machine's ports: each rendezvous gets a free one in the place of the one its pods name."""

    def __init__(self) -> None:
        self._taken: dict[str, str] = {}

    def of(self, rendezvous: str) -> str:
        if rendezvous not in self._taken:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._taken[rendezvous] = str(probe.getsockname()[1])
        return self._taken[rendezvous]


class PodFiles:
    """One pod's volumes in `folder`; claims are in `claims`, and outlive it."""

    def __init__(self, client: KubeClient, pod: Object, *, folder: Path, claims: Path, ports: Ports) -> None:
        self._client = client
        self._pod = pod
        self._namespace = pod["metadata"]["namespace"]
        self._folder = folder
        self._claims = claims
        self._ports = ports
        self._volumes: dict[str, Path] = {}

    async def prepare(self) -> None:
        """Make all volumes. Raises NotThere."""
        for volume in self._pod["spec"].get("volumes") or ():
            name = volume["name"]
            if claim := volume.get("persistentVolumeClaim"):
                self._volumes[name] = self._claims / self._namespace / claim["claimName"]
            else:
                self._volumes[name] = self._folder / "volumes" / name
            self._volumes[name].mkdir(parents=True, exist_ok=True)
            for kind, resource, field in (("configMap", CONFIG_MAPS, "name"), ("secret", SECRETS, "secretName")):
                if source := volume.get(kind):
                    item = await self._get(resource, source[field], volume=name)
                    _write(item, source.get("items"), self._volumes[name])

    def mounts(self, container: Object) -> list[Mount]:
        """What the container sees where, with the names that its rendezvous uses in /etc/hosts."""
        found: list[Mount] = [(str(self._hosts()), "/etc/hosts", True)]
        for mount in container.get("volumeMounts") or ():
            source = self._volumes[mount["name"]] / mount.get("subPath", "")
            source.mkdir(parents=True, exist_ok=True)
            found.append((str(source), mount["mountPath"], bool(mount.get("readOnly"))))
        return found

    def command(self, container: Object, environment: Mapping[str, str]) -> list[str]:
        """With `$(NAME)` replaced, and a rendezvous of one pod on a port of its own."""
        words = [*(container.get("command") or ()), *(container.get("args") or ())]
        own = self._ports.of(self._pod["metadata"]["uid"])
        expanded = [_expanded(word, environment) for word in words]
        return [re.sub(r"^(--master-port=)\d+$", rf"\g<1>{own}", word) for word in expanded]

    async def environment(self, container: Object) -> dict[str, str]:
        """The variables of the container, beside the few every image has. Raises NotThere."""
        image = {"PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}", "LANG": "C.UTF-8"}
        found: dict[str, str] = {}
        for entry in container.get("env") or ():
            value = entry.get("value", "") if "valueFrom" not in entry else await self._value(entry["valueFrom"])
            if value is not None:
                found[entry["name"]] = _expanded(value, found) if "valueFrom" not in entry else value
        for name in _PORTS:
            if name in found:
                master = found.get("PET_MASTER_ADDR") or found.get("MASTER_ADDR", "")
                found[name] = self._ports.of(f"{self._namespace}/{master}")
        return {**image, "HOSTNAME": self._pod["metadata"]["name"], **found}

    async def _value(self, source: Object) -> str | None:
        if reference := source.get("secretKeyRef") or source.get("configMapKeyRef"):
            resource = SECRETS if "secretKeyRef" in source else CONFIG_MAPS
            try:
                item = await self._client.get(resource, reference["name"], namespace=self._namespace)
                value = item["data"][reference["key"]]
            except (NotFound, KeyError) as error:
                if reference.get("optional"):
                    return None
                raise NotThere(
                    f"couldn't find key {reference['key']} in {resource.kind} {reference['name']}"
                ) from error
            return base64.b64decode(value).decode() if resource is SECRETS else str(value)
        path = source["fieldRef"]["fieldPath"]
        if keyed := _KEYED.fullmatch(path):
            return str((self._pod["metadata"].get(keyed[1]) or {}).get(keyed[2], ""))
        value: Any = self._pod
        for part in path.split("."):
            value = (value or {}).get(part)
        return str(value or "127.0.0.1" if path.endswith("IP") else value or "")

    async def _get(self, resource: Any, name: str, *, volume: str) -> Object:
        try:
            return await self._client.get(resource, name, namespace=self._namespace)
        except NotFound as error:
            noun = resource.kind.lower()
            raise NotThere(f'MountVolume.SetUp failed for volume "{volume}" : {noun} "{name}" not found') from error

    def _hosts(self) -> Path:
        entries = [entry for each in self._pod["spec"]["containers"] for entry in each.get("env") or ()]
        names = {entry.get("value") for entry in entries if entry["name"].endswith("MASTER_ADDR")}
        names |= {self._pod["metadata"]["name"], self._pod["spec"].get("hostname")}
        path = self._folder / "hosts"
        known = Path("/etc/hosts").read_text() if Path("/etc/hosts").is_file() else "127.0.0.1 localhost\n"
        path.write_text(f"{known}\n" + "".join(f"127.0.0.1 {name}\n" for name in sorted(filter(None, names))))
        return path


def _write(item: Object, items: list[Object] | None, folder: Path) -> None:
    content = {name: text.encode() for name, text in (item.get("data") or {}).items() if item["kind"] != "Secret"}
    coded = item.get("data") if item["kind"] == "Secret" else item.get("binaryData")
    content |= {name: base64.b64decode(text) for name, text in (coded or {}).items()}
    wanted = {each["key"]: each["path"] for each in items} if items else {name: name for name in content}
    for key, name in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content[key])


def _expanded(text: str, known: Mapping[str, str]) -> str:
    return _REFERENCE.sub(lambda match: known.get(match[1], match[0]) if match[1] else "$", text)
