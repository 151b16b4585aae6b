"""What the run asks of a shell, whether IPython is there or not."""

from __future__ import annotations

import builtins
import getpass
import os
import sys
import types
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol


class OutputTarget(Protocol):
    """Where a shell shows what is no stream."""

    def display(self, data: dict[str, Any], metadata: dict[str, Any], *, display_id: str | None = None) -> None:
        """A rich output."""

    def update_display(self, data: dict[str, Any], metadata: dict[str, Any], *, display_id: str) -> None:
        """A change of a rich output."""

    def result(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """The value of a cell's last expression."""

    def clear_output(self, *, wait: bool) -> None:
        """Forget what the cell has shown."""


@dataclass
class CellResult:
    """How a cell ended."""

    error: BaseException | None = None
    at: float = 0.0
    """When it was raised, POSIX seconds; taken before the traceback is rendered."""
    rendered: list[str] | None = None
    """The traceback as the shell shows it, with colours."""


class Shell(Protocol):
    """Runs cells one after the other in one namespace."""

    def run(self, source: str, *, file: str, number: int) -> CellResult:
        """Run one cell; whatever it raises is in the result."""

    def transform(self, source: str) -> str:
        """Plain Python of a cell's source."""

    def close(self) -> None:
        """Let go of what the shell keeps."""


class InputRefused(RuntimeError):
    """The notebook asked somebody to type."""


def make_main_module() -> types.ModuleType:
    """A fresh `__main__` for the notebook, so that pickle finds its classes where they say they are.

    It has no `__file__`. Its `__spec__` sends children of multiprocessing's `spawn` to `spawned.py` instead of running
    the notebook again.
    """
    module = types.ModuleType("__main__", "The notebook.")
    module.__dict__["__builtins__"] = builtins
    module.__spec__ = find_spec(f"{__package__}.spawned")
    sys.modules["__main__"] = module
    return module


def refuse_input() -> None:
    """Let `input()` and `getpass()` fail with a sentence instead of waiting for ever."""

    def refuse(prompt: object = "", *_arguments: object, **_more: object) -> str:
        raise InputRefused(
            f"Nobody can answer {str(prompt)!r}: a job has no keyboard. Make it a parameter of the notebook."
        )

    builtins.input = refuse
    getpass.getpass = refuse
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115  (open as long as the process lives)
