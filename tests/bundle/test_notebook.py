"""Reading a notebook: what is stripped, and what is refused with a sentence."""

from __future__ import annotations

import json

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.bundle.notebook import parse_notebook
from windlass.bundle.plan import plan_bundle
from windlass.errors import BundleRefused, InvalidRequest, NotFound

from .conftest import Project, code, markdown, notebook


def parse(document: object) -> dict[str, object]:
    return json.loads(parse_notebook(json.dumps(document).encode(), path="n.ipynb").content)


def test_what_changes_by_itself_is_stripped() -> None:
    ran = notebook(
        code(
            "1 + 1",
            tags=("keep",),
            cell_id="a",
            outputs=[{"output_type": "stream", "name": "stdout", "text": "2"}],
            execution_count=7,
        ),
        kernelspec={"name": "python3", "display_name": "Python 3", "language": "python", "extra": 1},
        language_info={"name": "python", "version": "3.11.4"},
        widgets={"state": "large"},
    )
    ran["cells"][0]["metadata"]["execution"] = {"iopub.execute_input": "2026"}
    fresh = notebook(
        code("1 + 1", tags=("keep",), cell_id="a"),
        kernelspec={"name": "python3", "display_name": "Python 3", "language": "python"},
        language_info={"name": "python", "version": "3.12.0"},
    )
    assert parse(ran) == parse(fresh)
    nbformat.validate(nbformat.from_dict(parse(ran)))


def test_a_source_as_text_and_as_lines_is_the_same() -> None:
    assert parse(notebook(code("a\nb\n", cell_id="x"))) == parse(notebook(code(["a\n", "b\n"], cell_id="x")))  # type: ignore[arg-type]


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_any_source_survives(sources: list[str]) -> None:
    document = notebook(code("pass"), *[markdown(source) for source in sources])
    cells = parse(document)["cells"]
    assert isinstance(cells, list)
    assert ["".join(cell["source"]) for cell in cells][1:] == sources


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"   \n", "is empty"),
        (b'{"cells": [', "JSON is broken at line 1"),
        (b"[1, 2]", "is not a notebook"),
        (b'{"a": 1}', "no list of cells"),
        (b"\xff\xfe\x00", "cannot be read as JSON"),
        (b"[" * 100_000, "cannot be read as JSON"),
        (b'{"nbformat": 3, "worksheets": []}', "old notebook format"),
        (b'{"nbformat": 5, "cells": []}', "not known here"),
        (b'{"nbformat": 4, "cells": []}', "no code cells"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "markdown", "source": "x"}]}', "no code cells"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "  "}]}', "no code cells"),
        (b'{"nbformat": 4, "cells": [3]}', "cell 1 has no known type"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": 3}]}', "no source"),
        (b'{"nbformat": 4, "metadata": {"kernelspec": {"language": "R"}}, "cells": []}', "written in R"),
    ],
)
def test_what_is_no_notebook_is_refused_with_a_sentence(project: Project, content: bytes, says: str) -> None:
    project.write("odd.ipynb", content)
    with pytest.raises(BundleRefused) as refused:
        project.plan("odd.ipynb")
    assert says in str(refused.value)
    assert str(refused.value).startswith("odd.ipynb ")
    assert refused.value.fields[0].field == "notebook"


@given(st.binary(max_size=200))
def test_no_bytes_crash_it(content: bytes) -> None:
    with pytest.raises(BundleRefused):
        parse_notebook(content, path="n.ipynb")


@pytest.mark.parametrize("path", ["../secret.ipynb", "/etc/passwd", "a/../../x.ipynb", "", ".", "a\0b", "\ud800"])
def test_a_path_that_leaves_the_root_is_refused(project: Project, path: str) -> None:
    (project.root.parent / "secret.ipynb").write_text(json.dumps(notebook("1")))
    with pytest.raises(InvalidRequest):
        plan_bundle(project.request(path))


def test_a_notebook_that_is_a_link_out_of_the_root_is_refused(project: Project) -> None:
    (project.root.parent / "secret.ipynb").write_text(json.dumps(notebook("1")))
    (project.root / "link.ipynb").symlink_to("../secret.ipynb")
    with pytest.raises(InvalidRequest, match="leads out of the server's root"):
        project.plan("link.ipynb")


def test_a_missing_notebook_and_a_folder_are_told_apart(project: Project) -> None:
    (project.root / "folder.ipynb").mkdir()
    with pytest.raises(NotFound, match=r"no notebook gone\.ipynb"):
        project.plan("gone.ipynb")
    with pytest.raises(InvalidRequest, match="a folder"):
        project.plan("folder.ipynb")


def test_dots_in_a_path_are_folded(project: Project) -> None:
    project.notebook("a/train.ipynb", "1")
    assert project.plan("./a/../a//train.ipynb").notebook == "a/train.ipynb"


def test_outputs_of_fifty_megabytes_do_not_count(project: Project) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 50_000_000}
    project.notebook("train.ipynb", code("print()", outputs=[output]))
    assert project.plan(max_bytes=10_000).total_bytes < 1_000
