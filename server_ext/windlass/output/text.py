"""Text that may be hostile made safe to show, and numbers made readable.

Every string that did not come from Windlass's own source goes through `one_line` or `lines` on its way to a terminal.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timezone

from windlass.contract.jobs import Job, JobState
from windlass.costs.wording import figure

UNKNOWN = "-"
_SHORTEST_ID = 8

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements, clearing
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC, DCS …: window titles, links, clipboard
    r"|\x1b[ -/]*[0-~]?",  # the short ones
    re.DOTALL,
)
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_HARMLESS_FORMAT = frozenset("\u200c\u200d\ufe0f")  # joiners, without which some scripts and emoji fall apart
_SYMBOLS = {
    JobState.SUBMITTED: ("·", "."),
    JobState.QUEUED: ("◷", "~"),
    JobState.PENDING: ("◷", "~"),
    JobState.RUNNING: ("▶", ">"),
    JobState.RESTARTING: ("↻", ">"),
    JobState.SUSPENDED: ("‖", "="),
    JobState.SUCCEEDED: ("✓", "+"),
    JobState.FAILED: ("✗", "x"),
    JobState.STOPPED: ("■", "#"),
    JobState.LOST: ("?", "?"),
}
_COLOURS = {
    JobState.RUNNING: "blue",
    JobState.RESTARTING: "yellow",
    JobState.SUSPENDED: "yellow",
    JobState.SUCCEEDED: "green",
    JobState.FAILED: "red",
    JobState.LOST: "red",
}


def one_line(text: str) -> str:
    """The text on one line, with nothing in it that acts on a terminal."""
    return " ".join(lines(text).split())


def lines(text: str, *, keep_colours: bool = False) -> str:
    """The text with its line breaks and tabs and nothing else that acts on a terminal; colours if asked for.

    A carriage return leaves of each line what a terminal would end up showing: the last state of a progress bar.
    """
    kept = _COLOUR.findall(text) if keep_colours else []
    if not kept:
        return _visible(_ESCAPES.sub("", text))
    pieces = [_visible(_ESCAPES.sub("", piece)) for piece in _COLOUR.split(text)]
    coloured = pieces[0] + "".join(code + piece for code, piece in zip(kept, pieces[1:], strict=True))
    return coloured + "\x1b[0m"


def _visible(text: str) -> str:
    if "\r" in text:
        text = "\n".join(_after_carriage_return(line) for line in text.replace("\r\n", "\n").split("\n"))
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(character if _is_harmless(character) else "\ufffd" for character in text)


def _after_carriage_return(line: str) -> str:
    shown = [part for part in line.split("\r") if part]
    return shown[-1] if shown else ""


def _is_harmless(character: str) -> bool:
    if character in "\n\t" or character in _HARMLESS_FORMAT:
        return True
    return unicodedata.category(character) not in _INVISIBLE


def shortest(ids: Iterable[str]) -> dict[str, str]:
    """The shortest beginning of each id that tells them apart, eight characters at least."""
    whole = set(ids)
    length = _SHORTEST_ID
    while len({one[:length] for one in whole}) < len(whole):
        length += 1
    return {one: one[:length] for one in whole}


def symbol(state: JobState, *, ascii_only: bool = False) -> str:
    """One character for a state; it never stands without the word."""
    return _SYMBOLS[state][1 if ascii_only else 0]


def colour(state: JobState) -> str:
    """The rich style of a state."""
    return _COLOURS.get(state, "default")


def seconds(amount: float | None) -> str:
    """A length of time, `4.2 s`, `3 min 05 s`, `2 h 05 min`, `3 d 04 h`; `-` when unknown."""
    if amount is None:
        return UNKNOWN
    if 0 < amount < 9.95:
        return f"{amount:.1f} s"
    whole = max(0, round(amount))
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86_400:
        return f"{whole // 3_600} h {whole % 3_600 // 60:02} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3_600:02} h"


def size(amount: int | None) -> str:
    """A size in decimal units, `1.5 MB`; `-` when unknown."""
    if amount is None:
        return UNKNOWN
    if amount < 1_000:
        return f"{amount} B"
    value = float(amount)
    for unit in ("kB", "MB", "GB"):
        value /= 1_000
        if value < 999.5:
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"
    return f"{value / 1_000:.1f} TB"


def count(amount: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"


def ago(moment: datetime | None, *, now: datetime | None = None) -> str:
    """How long ago, roughly: `12 s ago`, `3 h ago`; `-` when unknown."""
    if moment is None:
        return UNKNOWN
    passed = max(0.0, ((now or datetime.now(timezone.utc)) - moment).total_seconds())
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if passed >= length:
            return f"{int(passed // length)} {unit} ago"
    return f"{int(passed)} s ago"


def number(value: float) -> str:
    """A number in five digits, whole ones as such: `0.93125`, `64`, `1.2e-07`."""
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.5g}"


def usd(amount: float | None) -> str:
    """An amount of money, `1,250.00 USD`, small ones not rounded to nothing; `-` when unknown."""
    return UNKNOWN if amount is None else f"{figure(amount)} USD"


def percent(fraction: float | None) -> str:
    """`42 %`; `-` when unknown."""
    return UNKNOWN if fraction is None else f"{int(fraction * 100)} %"


def place(job: Job) -> str:
    """Where a failed job broke: `rank 1, cell 4, line 2`, cells counted from 1 as people do; empty when unknown."""
    error = job.error
    if error is None:
        return ""
    parts = [
        f"rank {error.rank}" if error.rank is not None and job.world_size > 1 else "",
        f"cell {error.cell + 1}" if error.cell is not None else "",
        f"line {error.line}" if error.line is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def shape(job: Job) -> str:
    """How it is spread: `2 × 4 processes, 4 GPUs each`."""
    if job.workers == 1:
        spread = "1 process" if job.world_size == 1 else f"{job.world_size} processes"
    else:
        spread = f"{job.workers} workers × {job.processes_per_worker}"
    gpus = job.gpus_per_worker
    return spread if not gpus else f"{spread}, {gpus} GPU{'s' if gpus > 1 else ''} per worker"
