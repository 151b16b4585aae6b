"""Everything that is noticed by reading the code of a job, gathered: syntax, readiness, training, data."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from windlass.bundle.closure import Closure, CodeUnit
from windlass.bundle.findings import finding_at
from windlass.bundle.paths import readable_size
from windlass.bundle.readiness import check_readiness
from windlass.bundle.training import check_training
from windlass.contract.preview import DataReference, Finding, Severity

_COMMON_TO_MACHINES = ("/tmp/", "/dev/", "/proc/", "/sys/", "/etc/", "/usr/")  # noqa: S108 - compared with, not written


def syntax_findings(units: Sequence[CodeUnit], *, python: tuple[int, int] | None) -> list[Finding]:
    """Cells and files that are not Python.

    A cell that cannot be read will fail, so it keeps the job from being sent. A module may never be imported at run
    time, and a newer Python may know syntax that this server's does not: then it is only said.
    """
    is_newer = python is not None and python > sys.version_info[:2]
    findings = []
    for unit in units:
        if unit.read.error is None:
            continue
        severity = Severity.ERROR if unit.cell is not None and not is_newer else Severity.WARNING
        where = "This cell" if unit.cell is not None else "This file"
        findings.append(
            finding_at(
                unit,
                unit.read.error.line,
                rule="syntax-error",
                severity=severity,
                message=f"{where} is not valid Python: {unit.read.error.message}.",
                fix="Mend it, or tag the cell `skip-train`." if unit.cell is not None else "Mend it, or exclude it.",
            )
        )
    return findings


def program_findings(closure: Closure, *, notebook_path: str, world_size: int) -> list[Finding]:
    """What the rules of readiness and training say."""
    cells = [unit for unit in closure.units if unit.cell is not None and unit.path == notebook_path]
    local = frozenset(part for path in closure.files for part in path.removesuffix(".py").split("/"))
    return [
        *check_readiness(closure.units, world_size=world_size),
        *check_training(cells, local_modules=local),
    ]


def data_findings(data: Sequence[DataReference], *, world_size: int) -> list[Finding]:
    """Data that the code opens and that does not go, and data at paths of this machine."""
    findings = []
    for reference in data:
        place = {"path": reference.file, "cell": reference.cell, "line": reference.line}
        if reference.path.startswith("/"):
            if not reference.path.startswith(_COMMON_TO_MACHINES):
                findings.append(
                    Finding(
                        rule="absolute-path",
                        severity=Severity.WARNING if world_size > 1 else Severity.INFO,
                        message=f"{reference.path} is opened by an absolute path; where the job runs it may not exist.",
                        fix="Use a path relative to the notebook, or check that the job can reach it.",
                        **place,
                    )
                )
        elif reference.exists and not reference.included:
            size = "" if reference.size_bytes is None else f" ({readable_size(reference.size_bytes)})"
            findings.append(
                Finding(
                    rule="data-not-included",
                    severity=Severity.WARNING,
                    message=f"{reference.path}{size} is opened here and does not go with the job.",
                    fix=f"Add {reference.path} to the include list, or read it from storage that the job can reach.",
                    **place,
                )
            )
    return findings
