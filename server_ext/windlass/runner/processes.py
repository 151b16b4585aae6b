"""Child processes of the notebook: which start method they get, and what they leave behind when they fail."""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path


def prefer_fork() -> None:
    """Let workers be forked where Python's default changed (3.14), as long as the notebook has not chosen.

    Only a forked worker can see a Dataset that the notebook defines.
    """
    methods = multiprocessing.get_all_start_methods()
    if not sys.platform.startswith("linux") or "fork" not in methods or methods[0] == "fork":
        return
    default = multiprocessing.get_context()
    # set_start_method() would forbid the notebook to choose for itself; the default's default has no public name.
    if hasattr(default, "_default_context") and multiprocessing.get_start_method(allow_none=True) is None:
        vars(default)["_default_context"] = multiprocessing.get_context("fork")


def missing_definition(path: Path) -> str | None:
    """What a spawned child said it could not find in the notebook; None when none did."""
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
