"""A pod of a manifest, run on this machine as a kubelet would: init containers one after the other, then the ranks.

Mounted volumes are folders; paths in commands and variables that lie in a mount are taken to those. Variables get their
values from literals (expanded as the kubelet does it), from a Secret, or not at all.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from windlass.engines.kubernetes.model import Object

_FROM_HERE = ("LANG", "LC_ALL", "VIRTUAL_ENV")
# An image has its `python` and `torchrun` on its path; here that is the environment of the tests, active or not.
_PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")


class LocalPod:
    """One pod."""

    def __init__(
        self,
        template: Object,
        *,
        folder: Path,
        config_map: Object,
        secret: Mapping[str, str] | None = None,
        claims: Mapping[str, Path] | None = None,
    ) -> None:
        self.spec = template["spec"]
        self._folder = folder
        self._secret = dict(secret or {})
        self._volumes = {
            volume["name"]: self._volume(volume, config_map, claims or {}) for volume in self.spec["volumes"]
        }

    def initialize(self, **replaced: str) -> list[subprocess.CompletedProcess[str]]:
        """Run the init containers until one fails."""
        done: list[subprocess.CompletedProcess[str]] = []
        for container in self.spec["initContainers"]:
            done.append(self.run(container, **replaced))
            if done[-1].returncode != 0:
                break
        return done

    def run(self, container: Object, **replaced: str) -> subprocess.CompletedProcess[str]:
        """Run one container to its end; `replaced`: variables that its surroundings set."""
        command = [self.path(part, container) for part in container["command"]]
        command[0] = sys.executable if command[0] == "python" else command[0]
        return subprocess.run(
            command,
            cwd=self._folder,
            env={**self.environment(container), **replaced},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def ranks(self) -> Object:
        """The container of the ranks."""
        (container,) = self.spec["containers"]
        return container

    def environment(self, container: Object) -> dict[str, str]:
        """The variables a process of the container would find."""
        found = {"PATH": _PATH} | {name: os.environ[name] for name in _FROM_HERE if name in os.environ}
        own: dict[str, str] = {}
        for entry in container["env"]:
            key = entry.get("valueFrom", {}).get("secretKeyRef", {}).get("key")
            if "value" in entry:
                expanded = _REFERENCE.sub(
                    lambda match: own.get(match[1], match[0]) if match[1] else "$", entry["value"]
                )
                own[entry["name"]] = self.path(expanded, container)
            elif key in self._secret:
                own[entry["name"]] = self._secret[key]
        return {**found, **own}

    def path(self, text: str, container: Object) -> str:
        """A text with its paths where the mounts are on this machine."""
        mounts = sorted(container["volumeMounts"], key=lambda mount: -len(mount["mountPath"]))
        for mount in mounts:
            where, here = mount["mountPath"], self._volumes[mount["name"]]
            if text == where or text.startswith(f"{where}/"):
                return f"{here}{text[len(where) :]}"
        return text

    def folder_of(self, volume: str) -> Path:
        """Where a volume is."""
        return self._volumes[volume]

    def _volume(self, volume: Object, config_map: Object, claims: Mapping[str, Path]) -> Path:
        folder = self._folder / "volumes" / volume["name"]
        if "persistentVolumeClaim" in volume:
            return claims[volume["persistentVolumeClaim"]["claimName"]]
        if "configMap" not in volume:
            folder.mkdir(parents=True)
            return folder
        assert volume["configMap"]["name"] == config_map["metadata"]["name"]
        # As the kubelet lays it out: files are links through a folder that can be exchanged.
        content = folder / "..2026_11_23"
        content.mkdir(parents=True)
        (folder / "..data").symlink_to(content.name)
        files = {name: text.encode() for name, text in config_map["data"].items()}
        files |= {name: base64.b64decode(text) for name, text in config_map.get("binaryData", {}).items()}
        for name, data in files.items():
            (content / name).write_bytes(data)
            (folder / name).symlink_to(f"..data/{name}")
        return folder
