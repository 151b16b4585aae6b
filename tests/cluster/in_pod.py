"""Runs one container's command where the pod's volumes are mounted: `python -I in_pod.py <spec.json>`.

It makes namespaces of its own for mounts and processes (and for users, where it is not root), puts together a root
folder of the machine's own folders and the volumes, and starts the command there as process 1. SIGTERM goes on to the
command; when this process ends, so does everything that was started. Standard library, Linux.

The spec: `root` (an empty folder), `mounts` ([source, target, read_only]), `command`, `env`, `cwd`.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

_NEW_MOUNTS, _NEW_USERS, _NEW_PROCESSES = 0x20000, 0x10000000, 0x20000000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_DEATH_SIGNAL = 1
_HOST = ".host"
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    """The command's exit code, 128 + n where signal n ended it, 125 where it could not be started."""
    spec = json.loads(Path(sys.argv[1]).read_text())
    try:
        _separate()
    except OSError as error:
        sys.stderr.write(f"no namespaces here: {error}\n")
        return 125
    child = os.fork()
    if child == 0:
        _libc.prctl(_DEATH_SIGNAL, signal.SIGKILL)
        _become(spec)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _separate() -> None:
    user, group = os.geteuid(), os.getegid()
    flags = _NEW_MOUNTS | _NEW_PROCESSES | (_NEW_USERS if user else 0)
    _checked(_libc.unshare(flags))
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _become(spec: dict[str, Any]) -> None:
    try:
        root = Path(spec["root"])
        _mount("none", "/", "", _RECURSIVE | _PRIVATE)
        _mount("tmpfs", str(root), "tmpfs", 0)
        host = root / _HOST
        host.mkdir()
        _mount("/", str(host), "", _BIND | _RECURSIVE)
        targets = sorted(mount[1] for mount in spec["mounts"])
        _lay(root, Path("/"), [Path(target) for target in targets])
        for source, target, read_only in sorted(spec["mounts"], key=lambda mount: mount[1]):
            _volume(root, source, target, read_only=read_only)
        os.chroot(root)
        _own_processes()
        os.chdir(spec["cwd"])
        os.environ.clear()
        os.environ.update(spec["env"])
        os.execvpe(spec["command"][0], spec["command"], spec["env"])
    except OSError as error:
        sys.stderr.write(f"cannot start {spec['command'][0]}: {error}\n")
        sys.stderr.flush()
        os._exit(127 if isinstance(error, FileNotFoundError) else 125)


def _lay(root: Path, folder: Path, targets: list[Path]) -> None:
    """Show `folder` of the machine in the new root, with room for mounts below it."""
    here = root / folder.relative_to("/")
    here.mkdir(exist_ok=True)
    below = {target.relative_to(folder).parts[0] for target in targets if folder in target.parents}
    names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    for name in sorted(names - below):
        if (folder / name).as_posix() != root.as_posix():
            _show(root, folder / name)
    for name in sorted(below):
        deeper = [target for target in targets if target == folder / name or folder / name in target.parents]
        if deeper == [folder / name]:
            (here / name).mkdir(exist_ok=True) if not (folder / name).is_file() else (here / name).touch()
        else:
            _lay(root, folder / name, deeper)


def _show(root: Path, item: Path) -> None:
    """Folders next to the root are mounted, so that paths keep their names; what is deeper is linked."""
    here = root / item.relative_to("/")
    if item.is_symlink():
        here.symlink_to(item.readlink())
    elif item.parent == Path("/") and item.is_dir():
        here.mkdir()
        _mount(str(item), str(here), "", _BIND | _RECURSIVE)
    else:
        here.symlink_to(Path("/") / _HOST / item.relative_to("/"))


def _volume(root: Path, source: str, target: str, *, read_only: bool) -> None:
    here = root / target.lstrip("/")
    if not here.exists():
        # Inside a volume that was mounted before it.
        here.parent.mkdir(parents=True, exist_ok=True)
        here.touch() if Path(source).is_file() else here.mkdir()
    _mount(source, str(here), "", _BIND | _RECURSIVE)
    if read_only:
        _mount("none", str(here), "", _BIND | _REMOUNT | _READ_ONLY)


def _own_processes() -> None:
    """A /proc of these processes alone, where the machine lets it be mounted."""
    try:
        _mount("proc", "/proc", "proc", 0)
    except OSError:
        return


def _mount(source: str, target: str, kind: str, flags: int) -> None:
    _checked(_libc.mount(source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), None))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    sys.exit(main())
