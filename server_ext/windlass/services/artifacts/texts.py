"""Bytes as text, and JSON as a person reads it. What is no text is said to be none."""

from __future__ import annotations

import codecs
import json
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = bytes(code for code in range(32) if code not in b"\b\t\n\f\r\x1b")
_MOST_CONTROLS = 0.02
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_STEP = "  "
_ALL_OF_IT = 1 << 16


def decoded(data: bytes, *, whole: bool) -> tuple[str, str] | None:
    """The text and the name of its encoding; None for bytes that are no text.

    Args:
        data: the file, or its beginning, which may end inside a character.
        whole: whether it is all of the file.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = _strictly(data, encoding, whole=whole)
            return None if text is None else (text, encoding.removesuffix("-sig"))
    head = data[:_ALL_OF_IT]
    if b"\0" in head or len(head) - len(head.translate(None, _CONTROLS)) > _MOST_CONTROLS * len(head):
        return None
    text = _strictly(data, "utf-8", whole=whole)
    if text is not None:
        return text, "utf-8"
    text = _strictly(data, "cp1252", whole=whole)
    return (text, "windows-1252") if text is not None else (data.decode("latin-1"), "iso-8859-1")


def indented(text: str, *, most_chars: int) -> str | None:
    """JSON, each value on a line of its own and otherwise as written: no number is rounded, no key lost.

    None for what is not JSON, is nested too deep, or would become longer than `most_chars`.
    """
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    out: list[str] = []
    length, depth, last = 0, 0, ""
    for mark in _TOKEN.findall(text):
        if mark in ("]", "}"):
            depth -= 1
            piece = mark if last in ("[", "{") else "\n" + _STEP * depth + mark
        elif last in ("[", "{", ","):
            piece = "\n" + _STEP * depth + mark
        else:
            piece = f" {mark}" if last == ":" else mark
        if mark in ("[", "{"):
            depth += 1
        out.append(piece)
        length += len(piece)
        last = mark
        if length > most_chars:
            return None
    return "".join(out)


def _strictly(data: bytes, encoding: str, *, whole: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, final=whole)
    except UnicodeError:
        return None
