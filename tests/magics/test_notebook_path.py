"""Which notebook a kernel stands in, by the notes that who started it left."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.errors import InvalidRequest
from windlass.notebook_path import current_notebook, server_pid


def find(folder: Path, *, name: str | None = None, vs_code: str | None = None) -> Path:
    return current_notebook(
        environment={} if name is None else {"JPY_SESSION_NAME": name},
        variables={} if vs_code is None else {"__vsc_ipynb_file__": vs_code},
        folder=folder,
    )


@pytest.mark.parametrize("absolute", [True, False])
def test_the_note_of_jupyter_server_is_followed(tmp_path: Path, absolute: bool) -> None:
    notebook = tmp_path / "a b [1].ipynb"
    notebook.touch()
    assert find(tmp_path, name=str(notebook) if absolute else notebook.name) == notebook


def test_the_note_of_vs_code_wins(tmp_path: Path) -> None:
    (tmp_path / "code.ipynb").touch()
    assert find(tmp_path, name="other.ipynb", vs_code=str(tmp_path / "code.ipynb")) == tmp_path / "code.ipynb"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (None, "does not know"),
        ("", "does not know"),
        ("gone.ipynb", "renamed or moved"),
        ("console-1", "not a notebook"),
    ],
)
def test_without_a_good_note_the_sentence_says_what_to_write(tmp_path: Path, name: str | None, sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"{sentence}.*%train path/to/notebook\.ipynb"):
        find(tmp_path, name=name)


@pytest.mark.parametrize(("noted", "pid"), [("123", 123), ("", None), ("x", None), ("-1", None)])
def test_the_server_is_told_by_its_process(noted: str, pid: int | None) -> None:
    assert server_pid({"JPY_PARENT_PID": noted}) == pid
