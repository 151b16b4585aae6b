"""Places in a text as browsers count them: in UTF-16 code units, two for an emoji."""

from __future__ import annotations


def to_utf16(text: str, place: int) -> int:
    """The UTF-16 offset of a character; one past the end counts on."""
    return place + sum(1 for character in text[:place] if ord(character) > 0xFFFF)


def from_utf16(text: str, offset: int) -> int:
    """The character at a UTF-16 offset, or the one an offset falls into; at most the length of the text."""
    units = 0
    for place, character in enumerate(text):
        if units >= offset:
            return place
        units += 2 if ord(character) > 0xFFFF else 1
    return len(text)
