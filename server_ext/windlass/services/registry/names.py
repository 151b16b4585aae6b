"""Names of the registry: what MLflow would take for one, and its refusals as sentences about the thing asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from windlass.errors import FieldError, InvalidRequest, NotFound
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.model_words import why_no_name

GREATEST_VERSION = 2**31 - 1
_LONGEST_SHOWN = 80


def invalid(field: str, message: str) -> InvalidRequest:
    """A mistake in one field."""
    return InvalidRequest(message, fields=[FieldError(field=field, message=message)])


def known_name(name: str) -> str:
    """A model's name from an address. Raises NotFound for what no model is called."""
    if why_no_name(name) is not None:
        raise NotFound("There is no model of this name in MLflow.")
    return name


def known_version(version: str) -> str:
    """A version's number from an address, without leading zeros. Raises NotFound for what is none."""
    if version.isascii() and version.isdigit() and len(version) < 20 and 0 < int(version) <= GREATEST_VERSION:
        return str(int(version))
    raise NotFound("There is no such version of this model in MLflow: versions are numbers from 1 on.")


def told_model(name: str) -> str:
    """A model in a sentence."""
    shown = name if len(name) <= _LONGEST_SHOWN else name[: _LONGEST_SHOWN - 1] + "…"
    return f"The model {shown!r}"


def told_version(name: str, version: str) -> str:
    """A version in a sentence."""
    return f"Version {version} of {told_model(name).removeprefix('The model ')}"


@contextmanager
def asking_for(what: str) -> Iterator[None]:
    """Turn MLflow's refusals into NotFound for a thing that is not there, and InvalidRequest for a wrong request."""
    try:
        yield
    except MlflowRefused as refused:
        if refused.is_missing:
            raise NotFound(f"{what} is not in MLflow: it may have been deleted or renamed.") from refused
        if refused.is_invalid:
            raise InvalidRequest(str(refused)) from refused
        raise
