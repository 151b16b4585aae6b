"""The kinds of values a catalogue is written in, each with the rule in plain words.

An admin sees these words at the field, on the page and in the log; a regular expression would help nobody. The rules
are Kubernetes' own where a value ends up in a manifest, so that a start cannot fail on what was accepted here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from windlass.kube.quantities import parse_quantity

from .patterns import IMAGE_NAME, KUBESPAWNER_FIELDS, LONGEST_IMAGE

RESERVED_ENVIRONMENT = ("JUPYTERHUB_", "WINDLASS_", "JPY_", "KUBERNETES_")

# By pattern, so that the one place that explains errors finds the sentence for the rule that was broken.
RULES: dict[str, str] = {}
# Control characters; marks that turn text around, behind which a name can pose as another; what is no character.
_HIDDEN = "\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\uffff"
_DNS_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
_LABEL_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_TEMPLATE_FIELD = re.compile(r"\{(?:" + "|".join(KUBESPAWNER_FIELDS) + r")\}")


def ruled(pattern: str, rule: str, **limits: Any) -> StringConstraints:
    """A text constraint that can say in words what it wants."""
    RULES[pattern] = rule
    return StringConstraints(pattern=pattern, **limits)


class Model(BaseModel):
    """Strict and immutable: an unknown key is a typing mistake that would otherwise be ignored in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def refuse(*problems: tuple[tuple[str | int, ...], str]) -> NoReturn:
    """Raise what is wrong across fields at the fields themselves: pydantic adds the way to the model.

    Raises:
        pydantic.ValidationError: always, one line for each (place within the model, sentence).
    """
    lines = [
        InitErrorDetails(type=PydanticCustomError("rule", "{sentence}", {"sentence": sentence}), loc=place, input=None)
        for place, sentence in problems
    ]
    raise ValidationError.from_exception_data("catalogue", lines)


def repeated(names: list[str]) -> list[int]:
    """Positions of names that were there before."""
    return [position for position, name in enumerate(names) if name in names[:position]]


def _no_flag(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number.")
    return value


def _as_written(value: Any) -> Any:
    """Numbers as text; what is no number at all is left for pydantic to refuse."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if isinstance(value, int) and value.bit_length() > 128:  # Python itself refuses to write out much bigger ones
        raise ValueError("is too big a number.")
    return str(value)


def _between(least: str, most: str, hint: str) -> Callable[[str], str]:
    def check(written: str) -> str:
        amount = parse_quantity(written)
        if amount < parse_quantity(least):
            raise ValueError(f"must be at least {least}{hint}.")
        if amount > parse_quantity(most):
            raise ValueError(f"must be at most {most}.")
        return written

    return check


def _mountable(path: str) -> str:
    if "{" in (rest := _TEMPLATE_FIELD.sub("", path)) or "}" in rest:
        raise ValueError(f"in braces, only {', '.join(KUBESPAWNER_FIELDS)} can be used.")
    if any(part in ("", ".", "..") for part in path.removeprefix("/").split("/")):
        raise ValueError("must be a plain path, as /scratch/data: no //, no . and no .. in it.")
    return path


def _extended(name: str) -> str:
    if name.partition("/")[0].endswith("kubernetes.io"):
        raise ValueError("must be an extended resource of a device plugin, as nvidia.com/gpu.")
    return name


Slug = Annotated[
    str,
    # No double dash: KubeSpawner's form fields are `profile-option-{slug}--{option}`.
    ruled(
        r"^[a-z0-9]+(-[a-z0-9]+)*$",
        "Lower-case letters, digits and single dashes between them, as gpu-t4.",
        min_length=1,
        max_length=50,
    ),
]
ObjectName = Annotated[
    str,
    ruled(
        rf"^{_DOMAIN}$", "Lower-case letters, digits, dashes and dots: the name of a Kubernetes object.", max_length=253
    ),
]
Line = Annotated[
    str,
    ruled(f"^[^\x00-\x1f{_HIDDEN}]*$", "One line of text, without hidden characters.", min_length=1, max_length=120),
]
Text = Annotated[str, ruled(f"^[^\x00-\x08\x0b-\x1f{_HIDDEN}]*$", "Text without hidden characters.", max_length=2000)]
Value = Annotated[
    str,
    ruled(
        "^[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]*$",
        "Text without control characters.",
        max_length=10_000,
        strip_whitespace=False,
    ),
]
VariableName = Annotated[
    str,
    ruled(r"^[A-Za-z_][A-Za-z0-9_]{0,127}$", "Letters, digits and underscores, no digit first, as OMP_NUM_THREADS."),
]
ImageName = Annotated[
    str,
    ruled(IMAGE_NAME, "An image as registry/name:tag, without spaces.", min_length=1, max_length=LONGEST_IMAGE),
]
Name = Annotated[
    str,
    ruled(f"^[^\x00-\x1f{_HIDDEN}]+$", "A name on one line, without hidden characters.", min_length=1, max_length=253),
]
LabelKey = Annotated[
    str,
    ruled(
        rf"^({_DOMAIN}/)?{_LABEL_NAME}$",
        "A label's key: letters, digits, dots, dashes and underscores, as gpu-type or nvidia.com/gpu.product.",
        max_length=317,
    ),
]
# Numbers are refused, as Kubernetes refuses them: YAML would make 1.1 of 1.10 and 8 of 010 before anybody sees it.
LabelValue = Annotated[
    str,
    ruled(
        rf"^({_LABEL_NAME})?$",
        "A label's value: at most 63 letters, digits, dots, dashes and underscores, as Tesla-T4.",
    ),
]
ResourceName = Annotated[
    str,
    ruled(
        rf"^{_DOMAIN}/{_LABEL_NAME}$",
        "A resource of a device plugin with its domain, as nvidia.com/gpu.",
        max_length=200,
    ),
    AfterValidator(_extended),
]
MountPath = Annotated[
    str,
    ruled(r"^/[A-Za-z0-9._/{}-]{1,200}$", "A path from the root, as /scratch, without spaces."),
    AfterValidator(_mountable),
]
_Written = Annotated[str, BeforeValidator(_as_written), Field(json_schema_extra={"format": "quantity"})]
Cores = Annotated[_Written, AfterValidator(_between("1m", "10000", ", a thousandth of a core"))]
Bytes = Annotated[_Written, AfterValidator(_between("1M", "1Pi", ": give the unit, as 16G"))]
Count = Annotated[int, BeforeValidator(_no_flag), Field(ge=1, le=100_000)]
CountOrNone = Annotated[int, BeforeValidator(_no_flag), Field(ge=0, le=100_000)]
Money = Annotated[float, BeforeValidator(_no_flag), Field(ge=0, le=100_000, allow_inf_nan=False)]
