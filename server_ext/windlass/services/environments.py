"""Where a job's Python comes from: the kernel specs that the server offers for interactive work.

A job runs in the environment its author sees in the notebook's kernel menu, so that what imports there imports here.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from windlass.contract.preview import Environment, EnvironmentList
from windlass.errors import FieldError, InvalidRequest


class KernelSpecs(Protocol):
    """The part of `jupyter_client.kernelspec.KernelSpecManager` that is needed."""

    def get_all_specs(self) -> Any:
        """Name → `{"resource_dir", "spec": {"argv", "display_name", "language", "env", …}}`."""
        ...


@dataclass(frozen=True, kw_only=True)
class ChosenEnvironment:
    """The environment of one job."""

    name: str | None
    display_name: str
    python: str
    variables: dict[str, str] = field(default_factory=dict)
    """What the kernel spec sets."""
    notice: str | None = None
    """Said to the user when it is not the one the notebook names."""


class Environments:
    """The server's kernel specs."""

    def __init__(self, *, specs: KernelSpecs, fallback_python: str) -> None:
        self._specs = specs
        self._fallback = fallback_python

    async def list(self, *, preferred: str | None = None) -> EnvironmentList:
        """All kernel specs, usable ones first, with the reason where one cannot be used."""
        found = [_describe(name, entry) for name, entry in (await self._all()).items()]
        found.sort(key=lambda environment: (not environment.usable, environment.display_name.casefold()))
        usable = [environment.name for environment in found if environment.usable]
        favourite = next((name for name in (preferred, "python3") if name in usable), usable[0] if usable else None)
        return EnvironmentList(items=found, default=favourite)

    async def choose(self, *, requested: str | None, notebook_kernel: str | None) -> ChosenEnvironment:
        """The environment for a job: the one asked for, else the notebook's own, else the server's Python.

        Raises InvalidRequest when the one asked for does not exist or cannot run a job.
        """
        entries = await self._all()
        if requested is not None:
            return _requested(requested, entries)
        if notebook_kernel in entries:
            described = _describe(notebook_kernel, entries[notebook_kernel])
            if described.usable:
                return _chosen(described, entries[notebook_kernel])
            if described.language != "python":
                raise _refused(
                    f"The notebook's kernel is for {described.language}; a job needs Python. Choose an environment."
                )
            why = f"the notebook's kernel {described.display_name} cannot be used: {described.message}"
        elif notebook_kernel:
            why = f"the notebook names the kernel {notebook_kernel}, which this server does not have"
        else:
            why = None
        return ChosenEnvironment(
            name=None,
            display_name="The Jupyter server's Python",
            python=self._fallback,
            notice=why and f"Runs in the Jupyter server's own Python: {why}.",
        )

    async def _all(self) -> dict[str, dict[str, Any]]:
        specs: dict[str, dict[str, Any]] = await asyncio.to_thread(self._specs.get_all_specs)
        return specs


def _requested(name: str, entries: dict[str, dict[str, Any]]) -> ChosenEnvironment:
    if name not in entries:
        known = ", ".join(sorted(entries)) or "none"
        raise _refused(f"This server has no environment named {name}. It has: {known}.")
    described = _describe(name, entries[name])
    if not described.usable:
        raise _refused(f"{described.display_name} cannot run a job: {described.message}")
    return _chosen(described, entries[name])


def _chosen(described: Environment, entry: dict[str, Any]) -> ChosenEnvironment:
    variables = {str(key): str(value) for key, value in entry["spec"].get("env", {}).items()}
    return ChosenEnvironment(
        name=described.name,
        display_name=described.display_name,
        python=str(described.python),
        variables=variables,
    )


def _describe(name: str, entry: dict[str, Any]) -> Environment:
    spec = entry["spec"]
    language = str(spec.get("language", "")).lower()
    python, message = _interpreter(spec.get("argv") or [], language)
    return Environment(
        name=name,
        display_name=str(spec.get("display_name") or name),
        language=language,
        python=python,
        usable=message is None,
        message=message,
    )


def _interpreter(argv: list[str], language: str) -> tuple[str | None, str | None]:
    """The kernel's interpreter and why it cannot be used, if so."""
    if language != "python":
        return None, f"It is for {language or 'an unknown language'}; a job needs Python."
    if not argv:
        return None, "Its kernel spec names no program to start."
    program = Path(argv[0])
    if program.name == argv[0] and program.name in ("python", "python3", Path(sys.executable).name):
        return sys.executable, None  # As jupyter_client does: a bare `python` is the server's own.
    found = shutil.which(argv[0])
    if found is None:
        return None, f"Its interpreter {argv[0]} is not there. Create the environment again, or remove the kernel spec."
    if not program.name.lower().startswith(("python", "pypy")):
        return None, f"It is started by {program.name}, not by Python itself: Windlass cannot tell its interpreter."
    return found, None


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, fields=[FieldError(field="environment", message=message)])
