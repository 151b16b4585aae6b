"""Where bytes may be cut without cutting a UTF-8 character in two."""

from __future__ import annotations

LONGEST_CHARACTER_BYTES = 4


def complete_prefix(content: bytes) -> int:
    """How many bytes remain when an unfinished character at the end is left out.

    Bytes that are not UTF-8 at all are never held back: they will not become a character by waiting.
    """
    for back in range(1, min(LONGEST_CHARACTER_BYTES, len(content) + 1)):
        byte = content[-back]
        if byte & 0b1100_0000 == 0b1000_0000:
            continue
        return len(content) - back if _length(byte) > back else len(content)
    return len(content)


def _length(first: int) -> int:
    """How long the character is that begins with this byte; 1 for a byte that begins none."""
    if 0xC2 <= first <= 0xDF:
        return 2
    if 0xE0 <= first <= 0xEF:
        return 3
    return 4 if 0xF0 <= first <= 0xF4 else 1
