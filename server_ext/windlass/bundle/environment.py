"""What is installed in the Python that will run the job, told without running it more than once.

The job's interpreter is asked a single time for its `sys.path` and standard library; the rest is read from the folders
on that path, so the answer is about the job's environment and never about the server's own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import Any

PROBE_SECONDS = 15.0
_PROBE = (
    "import json,os,sys;"
    "print('\\n'+json.dumps({'version':'.'.join(map(str,sys.version_info[:3])),"
    "'path':[os.path.abspath(p) for p in sys.path if p],'prefix':sys.prefix,"
    "'stdlib':sorted(getattr(sys,'stdlib_module_names',sys.builtin_module_names)),"
    "'builtin':sorted(sys.builtin_module_names)}))"
)
_METADATA_FOLDER = re.compile(r"\.(dist|egg)-info$")

_lock = threading.Lock()
_probed: dict[str, tuple[tuple[object, ...], PythonEnvironment]] = {}
_top_levels: dict[str, tuple[int, dict[str, str]]] = {}


class InterpreterProblem(Exception):
    """The interpreter could not be asked; the text says why in one sentence."""


@dataclass(frozen=True, kw_only=True)
class PythonEnvironment:
    """An interpreter and the folders it imports from."""

    python: str
    version: str
    """As `3.11.4`."""
    folders: tuple[str, ...]
    """Its `sys.path`, without the working directory."""
    prefix: str
    standard_library: frozenset[str]
    builtin: frozenset[str]

    @cached_property
    def site_folders(self) -> tuple[str, ...]:
        """The folders that distributions are installed to."""
        return tuple(folder for folder in self.folders if re.search(r"(site|dist)-packages$", folder))

    @property
    def version_info(self) -> tuple[int, int]:
        """(major, minor)."""
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)

    def has_module(self, name: str) -> bool:
        """Whether `import name` would find something: of the standard library, or installed."""
        return name in self.standard_library or self.is_installed(name)

    def is_installed(self, name: str) -> bool:
        """Whether a top-level module is on the path, or a distribution says it brings it."""
        return any(self.has_module_in(folder, name) for folder in self.folders) or bool(self.distribution_folder(name))

    def has_module_in(self, folder: str, name: str) -> bool:
        """Whether one folder of the path holds a top-level module."""
        return _module_in(folder, name)

    def package(self, name: str) -> tuple[str, str] | None:
        """(distribution, version) of an installed top-level module; None when no distribution brings it."""
        folder = self.distribution_folder(name)
        if folder is None:
            return None
        try:
            metadata = PathDistribution(Path(folder))
            return metadata.name, metadata.version
        except (OSError, KeyError, TypeError, ValueError):
            stem = _METADATA_FOLDER.sub("", os.path.basename(folder))  # noqa: PTH119 - a string, not a file
            distribution, _, version = stem.partition("-")
            return (distribution, version) if version else None

    def distribution_folder(self, name: str) -> str | None:
        """The metadata folder of the distribution that brings a top-level module."""
        for site in self.site_folders:
            if found := _distributions_by_module(site).get(name):
                return found
        return None


def environment_of(python: str) -> PythonEnvironment:
    """The environment of an interpreter, kept until its folders change. Raises InterpreterProblem."""
    with _lock:
        kept = _probed.get(python)
        if kept is not None and kept[0] == _fingerprint(python, kept[1].folders):
            return kept[1]
        environment = _ask(python)
        _probed[python] = (_fingerprint(python, environment.folders), environment)
        return environment


def _fingerprint(python: str, folders: tuple[str, ...]) -> tuple[object, ...]:
    """Changes when the interpreter is replaced or something is installed (`.pth` files change the path itself)."""
    sites = [folder for folder in folders if folder.endswith("-packages")]
    return tuple(_modified(path) for path in (python, *sites))


def _modified(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - asked on every preview
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def _ask(python: str) -> PythonEnvironment:
    try:
        answer = subprocess.run(
            [python, "-c", _PROBE],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=PROBE_SECONDS,
            cwd=os.sep,
            check=True,
        )
        told: dict[str, Any] = json.loads(answer.stdout.strip().splitlines()[-1])
    except FileNotFoundError:
        raise InterpreterProblem(f"The environment's Python {python} does not exist.") from None
    except subprocess.TimeoutExpired:
        raise InterpreterProblem(f"{python} did not answer within {PROBE_SECONDS:.0f} s.") from None
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError):
        raise InterpreterProblem(f"{python} could not be run to see what is installed there.") from None
    return PythonEnvironment(
        python=python,
        version=told["version"],
        folders=tuple(dict.fromkeys(folder for folder in told["path"] if folder != os.sep)),
        prefix=told["prefix"],
        standard_library=frozenset(told["stdlib"]) | {"__future__", "__main__"},
        builtin=frozenset(told["builtin"]),
    )


def _module_in(folder: str, name: str) -> bool:
    base = f"{folder}{os.sep}{name}"
    if os.path.isdir(base) or os.path.isfile(base + ".py"):  # noqa: PTH112, PTH113 - the hot path of a preview
        return True
    return any(entry.startswith(name + ".") and entry.endswith((".so", ".pyd")) for entry in _extension_modules(folder))


def _extension_modules(folder: str) -> list[str]:
    if not folder.endswith(("-packages", "lib-dynload")):
        return []
    try:
        return [entry for entry in os.listdir(folder) if entry.endswith((".so", ".pyd"))]  # noqa: PTH208 - names alone
    except OSError:
        return []


def _distributions_by_module(site: str) -> dict[str, str]:
    """Top-level module → metadata folder, for everything installed in a folder; read again when the folder changes."""
    stamp = _modified(site)
    if stamp is None:
        return {}
    kept = _top_levels.get(site)
    if kept is not None and kept[0] == stamp[0]:
        return kept[1]
    found: dict[str, str] = {}
    for folder in sorted(os.listdir(site)):  # noqa: PTH208 - names alone
        if _METADATA_FOLDER.search(folder):
            for module in _modules_of(f"{site}{os.sep}{folder}"):
                found.setdefault(module, f"{site}{os.sep}{folder}")
    _top_levels[site] = (stamp[0], found)
    return found


def _modules_of(folder: str) -> set[str]:
    top_level = _text(f"{folder}{os.sep}top_level.txt")
    if top_level is not None and top_level.strip():
        return {line.strip().partition("/")[0] for line in top_level.splitlines() if line.strip()}
    return set(_modules_in_record(_text(f"{folder}{os.sep}RECORD") or ""))


def _modules_in_record(record: str) -> Iterator[str]:
    for line in record.splitlines():
        head, slash, _ = line.partition("/")
        if slash:
            if head.isidentifier():
                yield head
        else:
            file = line.partition(",")[0]
            if file.endswith((".py", ".so", ".pyd")):
                yield file.partition(".")[0]


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return None
