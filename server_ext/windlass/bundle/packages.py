"""The third-party packages the code imports, as the job's environment has them."""

from __future__ import annotations

from windlass.bundle.closure import Closure
from windlass.bundle.environment import PythonEnvironment
from windlass.contract.preview import Finding, Package, Severity


def packages_of(
    closure: Closure, *, environment: PythonEnvironment | None, standard_library: frozenset[str]
) -> tuple[list[Package], list[str]]:
    """(packages by module name, missing modules), both sorted.

    Modules the code can do without are no reason to worry: absent ones are passed over. Without an environment nothing
    is known, so nothing is missing.
    """
    packages: list[Package] = []
    missing: list[str] = []
    for module in sorted(closure.modules):
        if module in standard_library or module in closure.written_modules:
            continue
        if environment is None:
            packages.append(Package(module=module))
            continue
        found = environment.package(module)
        if found is not None:
            packages.append(Package(module=module, distribution=found[0], version=found[1]))
        elif environment.has_module(module):
            packages.append(Package(module=module))
        elif module not in closure.optional_modules:
            packages.append(Package(module=module))
            missing.append(module)
    return packages, missing


def missing_findings(closure: Closure, missing: list[str]) -> list[Finding]:
    """One finding for each missing module, at the first import of it."""
    findings = []
    for module in missing:
        place = closure.modules[module]
        findings.append(
            Finding(
                rule="missing-module",
                severity=Severity.WARNING,
                message=f"`{module}` is imported here and is not installed in the job's environment.",
                fix=f"Install {module} there, choose another environment, or check the spelling.",
                path=place.path,
                cell=place.cell,
                line=place.line,
            )
        )
    return findings
