"""The two consoles of the command line, and one that writes into a string.

Colour only on a terminal that wants it: never with NO_COLOR, TERM=dumb, or into a pipe or a file.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

from rich.console import Console

WIDTH = 80


def make_console(file: TextIO | None = None) -> Console:
    """A console on a stream (standard output when left out), without markup, guesses or emoji names."""
    stream = file if file is not None else sys.stdout
    plain = bool(os.environ.get("NO_COLOR")) or not stream.isatty() or os.environ.get("TERM") == "dumb"
    return Console(
        file=stream,
        markup=False,
        highlight=False,
        emoji=False,
        force_jupyter=False,
        color_system=None if plain else "auto",
        width=None if stream.isatty() else int(os.environ.get("COLUMNS") or WIDTH),
    )


def errors_console() -> Console:
    """A console on standard error."""
    return make_console(sys.stderr)


def rendered(*renderables: object, width: int = WIDTH) -> str:
    """The renderables as plain text without colours, for text under a cell."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        markup=False,
        highlight=False,
        emoji=False,
        force_jupyter=False,
        color_system=None,
        width=width,
    )
    console.print(*renderables, sep="\n", crop=False)
    return stream.getvalue().rstrip("\n")


def is_ascii_only(console: Console) -> bool:
    """Whether the terminal can show nothing but ASCII."""
    return console.options.ascii_only
