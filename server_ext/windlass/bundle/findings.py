"""The words of a finding: one way to build it, masked and placed, for every rule that reads code.

Knows no rule. Places are those of the contract: cells count from 0, lines from 1.
"""

from __future__ import annotations

from windlass.bundle.closure import CodeUnit
from windlass.bundle.secret_scan import mask, shorten
from windlass.contract.preview import Finding, Severity

_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
MAX_PER_RULE = 20


def finding_at(
    unit: CodeUnit, line: int, *, rule: str, severity: Severity, message: str, fix: str | None = None
) -> Finding:
    """A finding about a line of a cell or file."""
    excerpt = shorten(mask(unit.line(line)))
    return Finding(
        rule=rule,
        severity=severity,
        message=message,
        fix=fix,
        path=unit.path,
        cell=unit.cell,
        line=line,
        excerpt=excerpt.encode("utf-8", "replace").decode() or None,
    )


def ordered(findings: list[Finding]) -> list[Finding]:
    """Worst first, then by place; each once, at most MAX_PER_RULE of a rule."""
    unique = {(found.rule, found.path, found.cell, found.line, found.message): found for found in findings}
    by_place = sorted(
        unique.values(),
        key=lambda found: (
            _ORDER[found.severity],
            found.path or "",
            -1 if found.cell is None else found.cell,
            found.line or 0,
            found.rule,
            found.message,
        ),
    )
    counts: dict[str, int] = {}
    kept = []
    for found in by_place:
        counts[found.rule] = counts.get(found.rule, 0) + 1
        if counts[found.rule] <= MAX_PER_RULE:
            kept.append(found)
    return kept
