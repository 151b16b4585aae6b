"""Which notebook a kernel stands in, and which server started it.

A kernel is not told; but who started it left notes in its environment. Reads those, asks nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from windlass.errors import InvalidRequest

_HOW = "Write the notebook's path: `%train path/to/notebook.ipynb`."


def current_notebook(*, environment: Mapping[str, str], variables: Mapping[str, object], folder: Path) -> Path:
    """The notebook this kernel was started for.

    `JPY_SESSION_NAME` is Jupyter Server's note, `__vsc_ipynb_file__` that of VS Code; `folder` is where relative ones
    begin.

    Raises:
        InvalidRequest: there is no note, or the file it names is gone; the sentence says what to write instead.
    """
    noted = variables.get("__vsc_ipynb_file__") or environment.get("JPY_SESSION_NAME")
    if not noted:
        raise InvalidRequest(f"This kernel does not know which notebook it stands in. {_HOW}")
    path = folder / str(noted)
    if path.suffix != ".ipynb":
        raise InvalidRequest(f"This kernel was started for {path.name}, which is not a notebook. {_HOW}")
    if not path.is_file():
        raise InvalidRequest(
            f"This kernel was started for {path.name}, which is not there any more; was it renamed or moved? {_HOW}"
        )
    return path


def server_pid(environment: Mapping[str, str]) -> int | None:
    """The process that started this kernel, as jupyter_client noted it; None when it did not."""
    noted = environment.get("JPY_PARENT_PID", "")
    return int(noted) if noted.isdecimal() else None
