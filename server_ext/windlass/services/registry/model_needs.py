"""What a model asks to be installed, against what an environment has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import distributions

from windlass.bundle.environment import InterpreterProblem, environment_of
from windlass.contract.preview import Package
from windlass.services.experiments.packages import normalized

_NAME = re.compile(r"\s*([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?:={2,3}\s*([\w.!+-]+))?")


def needed(requirements: Iterable[str]) -> dict[str, str | None]:
    """Pinned versions (None: any) of distributions by name, as models' requirements ask for them; the first counts."""
    found: dict[str, str | None] = {}
    for line in requirements:
        match = _NAME.match(line)
        if match is not None and "://" not in line:
            found.setdefault(normalized(match[1]), match[2])
    return found


def lacking(names: Iterable[str], *, python: str) -> list[str]:
    """Those that are not installed in the environment of an interpreter; none where that cannot be told."""
    try:
        folders = list(environment_of(python).folders)
    except InterpreterProblem:
        return []
    installed = {normalized(found.name) for found in distributions(path=folders) if found.name}
    return sorted(set(names) - installed)


def packages(wanted: dict[str, str | None]) -> list[Package]:
    """As a bundle's plan has packages, for an engine that installs what its image lacks."""
    return [Package(module=name, distribution=name, version=version) for name, version in sorted(wanted.items())]
