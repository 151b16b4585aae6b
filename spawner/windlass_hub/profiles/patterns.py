"""Regular expressions that an administrator writes and any user's text is matched against.

Python's `re` backtracks: a pattern as `(a+)+b` makes one start request hold the hub's only event loop for hours, and a
thread does not help since `re` keeps the interpreter lock. So matching is done by the linear-time engine inside
pydantic (Rust's `regex`, no look-around, no back-references), and only patterns that both engines take are accepted.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

LONGEST_IMAGE = 300
# The fields of KubeSpawner's string templates that the catalogue may use; everything else in braces is text.
KUBESPAWNER_FIELDS = (
    "username",
    "unescaped_username",
    "servername",
    "unescaped_servername",
    "user_server",
    "userid",
    "namespace",
)
IMAGE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$"


def check_pattern(pattern: str) -> None:
    """Accept a pattern, or say why not.

    Raises:
        ValueError: it is no regular expression, or needs what cannot be matched in bounded time.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except (re.error, Warning, RecursionError, OverflowError) as error:
        raise ValueError(f"this is no regular expression: {error}.") from None
    try:
        _matcher(pattern)
    except SchemaError as error:
        raise ValueError(_why_not(str(error))) from None


def image_matches(pattern: str, name: str) -> bool:
    """Whether the pattern matches the whole of the name, in time linear in its length.

    Raises:
        pydantic_core.SchemaError: the pattern never passed `check_pattern`.
    """
    return len(name) <= LONGEST_IMAGE and _accepts(_matcher(pattern), name)


def is_image_name(name: str) -> bool:
    """Whether this can be an image's name at all: no spaces, no control characters, at most 300 characters."""
    return len(name) <= LONGEST_IMAGE and _accepts(_compiled(IMAGE_NAME), name)


def _matcher(pattern: str) -> SchemaValidator:
    _compiled(pattern)  # alone first: `a)|(?:b` is only whole inside the brackets of the next line
    return _compiled(rf"\A(?:{pattern})\z")


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> SchemaValidator:
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


def _accepts(validator: SchemaValidator, text: str) -> bool:
    try:
        validator.validate_python(text)
    except ValidationError:
        return False
    return True


def _why_not(message: str) -> str:
    if "look-around" in message or "backreference" in message:
        return "look-ahead, look-behind and back-references cannot be used here."
    if "size limit" in message:
        return "this pattern is too big: write smaller repetitions."
    return "this regular expression is not understood; keep to letters, sets, groups, alternatives and repetitions."
