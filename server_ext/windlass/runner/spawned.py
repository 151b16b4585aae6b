"""What `__main__` is in a process started by `spawn` or `forkserver`: a place that says why the notebook is not there.

Such a process begins with an empty interpreter and has to import what it is given. A class or function of the notebook
lives in no file that could be imported; without this module the child says `Can't get attribute 'Net'` at most.
"""

import os
import sys


class NotebookDefinitionUnavailable(ImportError):
    """A child process was given something that only the notebook defines."""


def sentence(name: str) -> str:
    """What went wrong and what to do."""
    return (
        f"{name!r} is defined in the notebook, and a process started by 'spawn' or 'forkserver' cannot see it. "
        f"Move {name!r} into a .py file beside the notebook and import it, or start the workers by 'fork' "
        "(multiprocessing_context='fork' for a DataLoader)."
    )


def _record(text: str) -> None:
    """Leave the sentence where the rank finds it: it sees only that a worker died."""
    job_dir, rank = os.environ.get("WINDLASS_JOB_DIR"), os.environ.get("RANK", "0")
    if not job_dir:
        return
    path = os.path.join(job_dir, "ranks", rank, "spawn-missing.txt")  # noqa: PTH118  (no import beyond os and sys here)
    try:
        with open(path, "w", encoding="utf-8") as target:  # noqa: PTH123  (likewise)
            target.write(text)
    except OSError as error:
        sys.stderr.write(f"{text} (and it could not be recorded: {error})\n")


def __getattr__(name: str) -> object:
    """Called for every name the notebook defined and this process lacks."""
    if name.startswith("__") or __name__ == f"{__package__}.spawned":
        raise AttributeError(name)
    text = sentence(name)
    _record(text)
    # Not an AttributeError: the unpickler would swallow it together with the sentence.
    raise NotebookDefinitionUnavailable(text)
