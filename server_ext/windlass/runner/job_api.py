"""What a notebook says to its job: `windlass.progress(0.4)` and `windlass.checkpoint_dir()`.

One implementation for the real package and for the shim that the bundle brings; both must load in no time and do no
harm outside a job. How progress is written is not known here: the runner, when there is one, has put a module in place.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path


def progress(fraction: float, message: str | None = None) -> None:
    """Say how far the training is: `fraction` from 0 to 1, with a few words. Does nothing outside a job.

    Raises TypeError when `fraction` is no number, ValueError when it is not between 0 and 1.
    """
    try:
        value = float(fraction)
    except (TypeError, ValueError):
        raise TypeError(f"progress() takes a number from 0 to 1, not {type(fraction).__name__}") from None
    if math.isnan(value) or not 0.0 <= value <= 1.0:
        raise ValueError(f"progress() takes a number from 0 to 1, not {value:g}")
    live = sys.modules.get("windlass_runner.live")
    if live is not None:
        live.report(value, None if message is None else str(message))


def checkpoint_dir() -> Path:
    """A folder for checkpoints, the same for all ranks and for every attempt of the job; it exists on return.

    Outside a job it is `checkpoints` in the present working directory. Raises OSError when it cannot be made.
    """
    job_dir = os.environ.get("WINDLASS_JOB_DIR")
    folder = Path(job_dir) / "checkpoints" if job_dir else Path.cwd() / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
