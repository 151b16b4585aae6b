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
    """The values of a pure function for the keys used last; safe to share between threads."""

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[object, _Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object, make: Callable[[], _Value]) -> _Value:
        """The value of `key`, made when it is not kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._capacity:
                self._values.popitem(last=False)
        return value


@dataclass(frozen=True, kw_only=True)
class CodeRead:
    """What reading a piece of code gave: its facts, or why it is not Python (then the facts are empty)."""

    facts: CodeFacts
    error: CellSyntaxError | None = None


_kept: Kept[CodeRead] = Kept(capacity=4096)


def content_hash(data: bytes) -> str:
    """SHA-256 as hex."""
    return hashlib.sha256(data).hexdigest()


def read_file_code(data: bytes, *, sha256: str) -> CodeRead:
    """The facts of a Python file."""
    return _kept.get(("file", sha256), lambda: _read(lambda: parse_python(_decoded(data))))


def read_cell_code(source: str) -> CodeRead:
    """The facts of a code cell."""
    return _kept.get(("cell", source), lambda: _read(lambda: parse_cell(source)))


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
