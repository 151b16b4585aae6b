"""How values are written on a command line: `-p name=value`, `--time-limit 2h30m`, a file of parameters.

Pure text in, values out. It knows no command, no server and no terminal, so that the command line and the magics read
the same line the same way.

A parameter's value is read as JSON when it is JSON, and is text otherwise:

    -p lr=3e-4  -p epochs=5      numbers          -p layers=[64,32]       list
    -p amp=true -p resume=null   true, false, null    -p opt='{"b1": 0.9}'    object
    -p tag=night  -p url=s3://a=b:c  -p note=     text, also with = : or quotes in it; empty text
    -p zip='"01234"'  -p tag='"true"'             in double quotes: text, whatever it looks like
"""

from __future__ import annotations

import json
import keyword
import math
import re
from pathlib import Path
from typing import NoReturn

from pydantic import TypeAdapter, ValidationError

from windlass.contract.base import JsonValue

_UNIT_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_PYTHON_WORDS: dict[str, JsonValue] = {"True": True, "False": False, "None": None}
_MAX_FILE_BYTES = 1_000_000
_values: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


def parse_parameter(text: str) -> tuple[str, JsonValue]:
    """Read `name=value`.

    Raises:
        ValueError: there is no `=`, the name is not one of Python's, or the value cannot travel as JSON.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} has no '='. Write name=value, as in -p epochs=5.")
    return check_name(name), parse_value(value)


def check_name(name: str) -> str:
    """The name as it is when a Python variable can be called so; raises ValueError with a sentence otherwise."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(
            f"{name!r} cannot be a parameter: it has to be a variable name, "
            "letters, digits and underscores, not starting with a digit and not a word of Python itself."
        )
    return name


def parse_value(text: str) -> JsonValue:
    """Read a value by the rules above. Raises ValueError when it holds bytes that are not text."""
    _refuse_broken_text(text)
    if text in _PYTHON_WORDS:
        return _PYTHON_WORDS[text]
    try:
        value: JsonValue = json.loads(text, parse_constant=_not_json, parse_float=_finite)
        _refuse_broken_text(json.dumps(value, ensure_ascii=False))
    except (ValueError, RecursionError):
        return text
    return value


def format_value(value: JsonValue) -> str:
    """The shortest way to write a value so that `parse_value` gives it back."""
    if isinstance(value, str):
        return value if parse_value(value) == value else json.dumps(value)
    return json.dumps(value)


def parse_duration(text: str) -> int:
    """Read `90s`, `45m`, `2h30m`, `1.5d` as whole seconds, rounded up.

    Raises:
        ValueError: there is no unit, or nothing is left of it.
    """
    match = _DURATION.fullmatch(text.strip().lower().replace(" ", ""))
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is not a length of time. Write it with units, as 90s, 45m, 2h30m or 1d.")
    amounts = zip(match.groups(), _UNIT_SECONDS.values(), strict=True)
    seconds = math.ceil(sum(float(amount) * unit for amount, unit in amounts if amount))
    if seconds < 1:
        raise ValueError(f"{text!r} is no time at all. The shortest time limit is 1s.")
    return seconds


def read_parameters_file(path: Path) -> dict[str, JsonValue]:
    """Parameters from a JSON or YAML file that holds one mapping of names to values.

    Raises:
        ValueError: the file cannot be read, is not such a mapping, or holds what JSON cannot carry.
    """
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise ValueError(f"{path} is larger than 1 MB, too large for parameters. Read it as data in the notebook.")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text.") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}.") from error
    loaded = _load_yaml(text, path=path) if path.suffix.lower() in {".yaml", ".yml"} else _load_json(text, path=path)
    try:
        values = _values.validate_python(loaded, strict=True)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"][:1])
        what = f"the value of {where} is of a kind that JSON does not have" if where else "it is not a mapping"
        raise ValueError(f"{path} has to map parameter names to plain values: {what}.") from error
    for name, value in values.items():
        check_name(name)
        _refuse_unsendable(value, what=f"The value of {name} in {path}")
    return values


def _load_json(text: str, *, path: Path) -> object:
    try:
        return json.loads(text, parse_constant=_not_json, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}.") from error


def _load_yaml(text: str, *, path: Path) -> object:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from error


def _not_json(word: str) -> NoReturn:
    raise ValueError(f"{word} has no place in JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large a number")
    return number


def _refuse_unsendable(value: JsonValue, *, what: str) -> None:
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what} cannot be sent: JSON has no such number, text or depth.") from error


def _refuse_broken_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("The value holds bytes that are not UTF-8 text.") from error
