"""Cursors: opaque to whoever holds one, checked when they come back."""

from __future__ import annotations

import base64
import json

from windlass.errors import FieldError, InvalidRequest

LARGEST = 2**63 - 1


def page_cursor(created_us: int, job_id: str) -> str:
    """A cursor behind a job of a page."""
    text = json.dumps([created_us, job_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_page_cursor(cursor: str) -> tuple[int, str]:
    """What `page_cursor` was made from. Raises InvalidRequest."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        created_us, job_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if type(created_us) is int and abs(created_us) <= LARGEST and isinstance(job_id, str):
            return created_us, job_id
    except (ValueError, TypeError, RecursionError):
        pass
    message = "This cursor is not one of ours: use next_cursor of the page before, or leave it out to start at the top."
    raise InvalidRequest(message, fields=[FieldError(field="cursor", message=message)])


def change_cursor(epoch: str, sequence: int) -> str:
    """A cursor behind a change of the ledger."""
    return f"{epoch}.{sequence}"


def read_change_cursor(cursor: str | None) -> tuple[str | None, int]:
    """Epoch and number; `(None, 0)`, which brings the whole list, for anything that is not such a cursor."""
    epoch, dot, number = (cursor or "").rpartition(".")
    if not dot or not number.isascii() or not number.isdigit() or int(number[:20]) > LARGEST:
        return None, 0
    return epoch, int(number[:20])
