"""Code read once: the facts of a text, kept by the text.

A preview is asked for at every change of the dialog. What depends on a text alone is worked out once per text; nothing
here trusts times or sizes of files, so an edit is always seen.
"""

from __future__ import annotations

import ast
import hashlib
import io
import threading
import tokenize
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from windlass.bundle.cells import CellSyntaxError, parse_cell, parse_python
from windlass.bundle.facts import CodeFacts, read_facts

_Value = TypeVar("_Value")


class Kept(Generic[_Value]):
    """The values of a pure function for the keys used last, up to a total weight; safe to share between threads."""

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._weight = 0
        self._values: OrderedDict[object, tuple[_Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object, make: Callable[[], _Value], *, weight: int = 1) -> _Value:
        """The value of `key`, made when it is not kept; `weight` is in the unit of the capacity."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
        value = make()
        with self._lock:
            if key not in self._values:
                self._values[key] = (value, weight)
                self._weight += weight
            while self._weight > self._capacity:
                self._weight -= self._values.popitem(last=False)[1][1]
        return value


@dataclass(frozen=True, kw_only=True)
class CodeRead:
    """What reading a piece of code gave: its facts, or why it is not Python (then the facts are empty)."""

    facts: CodeFacts
    error: CellSyntaxError | None = None


MAX_KEPT_SOURCE_BYTES = 4_000_000
"""Facts of this much source are kept: a large project, at some twenty bytes of memory for each."""

_kept: Kept[CodeRead] = Kept(capacity=MAX_KEPT_SOURCE_BYTES)


def content_hash(data: bytes) -> str:
    """SHA-256 as hex."""
    return hashlib.sha256(data).hexdigest()


def read_file_code(data: bytes, *, sha256: str) -> CodeRead:
    """The facts of a Python file."""
    return _kept.get(("file", sha256), lambda: _read(lambda: parse_python(_decoded(data))), weight=len(data) + 500)


def read_cell_code(source: str) -> CodeRead:
    """The facts of a code cell."""
    return _kept.get(("cell", source), lambda: _read(lambda: parse_cell(source)), weight=2 * len(source) + 500)


def _read(parse: Callable[[], ast.Module]) -> CodeRead:
    try:
        tree = parse()
    except CellSyntaxError as error:
        return CodeRead(facts=CodeFacts(), error=error)
    return CodeRead(facts=read_facts(tree))


def _decoded(data: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        raise CellSyntaxError(line=1, message="the file is neither UTF-8 nor what its coding line says") from None
