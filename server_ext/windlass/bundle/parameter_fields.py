"""Parameters for people: the form with its values, masked where they look like secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windlass.bundle.parameter_types import type_of_value
from windlass.bundle.parameters import Parameter, ParametersCell
from windlass.bundle.secret_scan import holds_secret, mask
from windlass.contract.preview import Finding, ParameterField, Severity

_MASKED = "••••••"


def parameter_fields(declared: ParametersCell, values: Mapping[str, Any]) -> list[ParameterField]:
    """The fields of the form: those of the cell, then values that no cell declares."""
    fields = [_field(parameter, values) for parameter in declared.declared]
    known = {parameter.name for parameter in declared.declared}
    undeclared = [
        ParameterField(
            name=name, type=type_of_value(values[name]).name, default_source="", value=_shown(name, values[name])
        )
        for name in sorted(set(values) - known)
    ]
    return fields + undeclared


def parameter_findings(values: Mapping[str, Any]) -> list[Finding]:
    """A `secret` finding for each value that looks like one: parameters are recorded, and shown with the job."""
    return [
        Finding(
            rule="secret",
            severity=Severity.ERROR,
            message=f"The value of the parameter {name} looks like a password or token; parameters are recorded.",
            fix="Let the job read it from its environment (a Secret), or allow it for this job.",
        )
        for name, value in sorted(values.items())
        if holds_secret(name, value)
    ]


def _field(parameter: Parameter, values: Mapping[str, Any]) -> ParameterField:
    secret_default = holds_secret(parameter.name, parameter.default)
    value = values.get(parameter.name, parameter.default)
    return ParameterField(
        name=parameter.name,
        type=parameter.type.name,
        default=None if secret_default else parameter.default,
        default_source=_MASKED if secret_default else _encodable(mask(parameter.default_source)),
        help=None if parameter.help is None else _encodable(mask(parameter.help)),
        value=_shown(parameter.name, value),
    )


def _shown(name: str, value: Any) -> Any:
    return _MASKED if holds_secret(name, value) else value


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
