"""Files as they can be shown; nothing in them is run."""

from __future__ import annotations

import io
import json
from typing import Any

import nbformat
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.handlers.run_files.conftest import Shelf

pytestmark = pytest.mark.mlflow

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
SCRIPT = "<script>alert(document.domain)</script>"


def test_text_is_shown_and_a_long_one_up_to_a_limit_that_is_said(shelf: Shelf) -> None:
    short = shelf.view("a.log", "häll🚀\n")
    assert (short["kind"], short["text"], short["truncated"], short["size_bytes"]) == ("text", "häll🚀\n", False, 10)
    long = shelf.view("b.log", "ä" * 400_000)
    assert (long["truncated"], long["size_bytes"]) == (True, 800_000)
    assert set(long["text"]) == {"ä"}, "no character is cut in half"
    assert "512 KiB" in long["message"]


def test_other_encodings_are_read_and_named(shelf: Shelf) -> None:
    assert shelf.view("u16.txt", "grün".encode("utf-16"))["text"] == "grün"
    assert shelf.view("bom.txt", "grün".encode("utf-8-sig"))["text"] == "grün"
    western = shelf.view("w.txt", "grün".encode("cp1252"))
    assert (western["text"], "windows-1252" in western["message"]) == ("grün", True)


def test_what_is_no_text_is_not_shown_as_one(shelf: Shelf) -> None:
    for name in ("model.pkl", "noname", "lies.txt", "lies.json", "lies.csv"):
        view = shelf.view(name, b"\x80\x04\x95\0\0\0binary\x01\x02")
        assert (view["kind"], view["text"]) == ("none", None)
        assert view["message"]


def test_json_is_laid_out_and_no_value_is_changed(shelf: Shelf) -> None:
    text = '{"a":[1.10,1e400,123456789012345678901234567890],"a":{},"b":"\\ud800 <b>","c":NaN}'
    view = shelf.view("a.json", text)
    assert view["kind"] == "json"
    assert "".join(view["text"].split()) == "".join(text.split())
    assert view["text"].splitlines()[1] == '  "a": ['
    for broken in ("{", "[" * 100_000, '{"a":1}}'):
        assert shelf.view("broken.json", broken)["kind"] == "text"


def test_images_are_shown_when_they_are_images(shelf: Shelf) -> None:
    view = shelf.view("a.png", PNG)
    assert (view["kind"], view["media_type"], view["text"]) == ("image", "image/png", None)
    assert shelf.panel.http.get(view["raw"]).content == PNG
    svg = shelf.view("a.svg", f'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg">{SCRIPT}</svg>')
    assert (svg["kind"], svg["media_type"], svg["text"]) == ("image", "image/svg+xml", None)
    assert shelf.view("fake.png", SCRIPT)["kind"] == "none"


def test_a_web_page_is_shown_from_its_sandbox_alone(shelf: Shelf) -> None:
    view = shelf.view("report.html", f"<h1>Report</h1>{SCRIPT}")
    assert (view["kind"], view["text"], view["media_type"]) == ("html", None, "text/html")
    assert "not run" in view["message"]


def test_a_notebook_is_rebuilt_without_anything_that_could_run(shelf: Shelf) -> None:
    outputs: list[dict[str, Any]] = [
        {"output_type": "stream", "name": "stdout", "text": ["one\n", "two\n"]},
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": SCRIPT, "text/plain": "a table"}},
        {"output_type": "display_data", "metadata": {}, "data": {"application/javascript": "alert(1)"}},
        {"output_type": "display_data", "metadata": {}, "data": {"image/svg+xml": f"<svg>{SCRIPT}</svg>"}},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "aGVsbG8=\n"}},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": '" onerror="alert(1)'}},
        {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["\x1b[31mno"]},
    ]
    notebook = nbformat.v4.new_notebook(metadata={"widgets": {"application/vnd.jupyter": SCRIPT}})
    notebook.cells = [
        nbformat.v4.new_markdown_cell("# Title", attachments={"a.svg": {"image/svg+xml": SCRIPT}}),
        nbformat.v4.new_code_cell(
            "print(1)", outputs=[nbformat.from_dict(one) for one in outputs], metadata={"tags": ["t"]}
        ),
    ]
    view = shelf.view("run.ipynb", nbformat.writes(notebook))
    assert view["kind"] == "notebook"
    assert not [word for word in ("<script", "alert", "onerror", "<svg", "widgets") if word in view["text"]]
    shown = json.loads(view["text"])
    nbformat.validate(shown)
    title, code = shown["cells"]
    assert (title["source"], "attachments" in title) == ("# Title", False)
    assert (code["source"], code["metadata"]) == ("print(1)", {"tags": ["t"]})
    assert [output.get("text") or output.get("data") or output["ename"] for output in code["outputs"]] == [
        "one\ntwo\n",
        {"text/plain": "a table"},
        {"text/plain": "An output is not shown here (application/javascript). Download the notebook to see it."},
        {"text/plain": "An output is not shown here (image/svg+xml). Download the notebook to see it."},
        {"image/png": "aGVsbG8=\n"},
        {"text/plain": "An output is not shown here (image/png). Download the notebook to see it."},
        "ValueError",
    ]
    assert shelf.view("old.ipynb", '{"nbformat": 3, "worksheets": []}')["kind"] == "text"


def test_tables_show_their_head(shelf: Shelf) -> None:
    lines = "".join(f"{number};{number / 7:.3f};<b>{number}</b>\n" for number in range(2000))
    view = shelf.view("a.csv", 'id;value;"odd;name"\n' + lines)
    assert view["kind"] == "table"
    assert view["table"]["columns"] == ["id", "value", "odd;name"]
    assert (len(view["table"]["rows"]), view["table"]["more"]) == (500, True)
    assert view["table"]["rows"][2] == ["2", "0.286", "<b>2</b>"]
    tabs = shelf.view("a.tsv", "a\tb\n1,5\t2\n\n3\n")
    assert tabs["table"] == {"columns": ["a", "b"], "rows": [["1,5", "2"], ["3", None]], "more": False}
    western = shelf.view("w.csv", "größe,b\n1,2\n".encode("cp1252"))
    assert (western["table"]["columns"][0], "windows-1252" in western["message"]) == ("größe", True)
    wide = shelf.view("wide.csv", ",".join(map(str, range(300))) + "\n")
    assert (len(wide["table"]["columns"]), wide["message"]) == (200, "The first 200 of 300 columns are shown.")


def test_the_head_of_a_huge_table_is_read_and_its_cut_row_left_out(shelf: Shelf) -> None:
    view = shelf.view("huge.csv", b"a,b\n" + b"1234567890,%s\n" % (b"x" * 4000) * 1000)
    assert view["table"]["more"]
    assert {(row[0], len(row[1])) for row in view["table"]["rows"]} == {("1234567890", 500)}


def test_mlflows_own_tables_are_tables_and_other_json_is_json(shelf: Shelf) -> None:
    table = {"columns": ["prompt", "score"], "data": [["<b>", 0.5], [{"k": [1]}, None], ["big", 2**60]]}
    view = shelf.view("table.json", json.dumps(table))
    assert view["kind"] == "table"
    assert view["table"]["rows"] == [["<b>", 0.5], ['{"k": [1]}', None], ["big", str(2**60)]]
    assert shelf.view("other.json", '{"columns": ["a"], "data": [[1, 2]]}')["kind"] == "json"
    assert shelf.view("odd.json", '{"columns": ["\\ud800"], "data": [["\\ud800"]]}')["table"]["rows"] == [["?"]]


def test_parquet_is_read_by_a_process_of_its_own(shelf: Shelf) -> None:
    out = io.BytesIO()
    table = pa.table({"a": list(range(1200)), "b": [[1, 2]] * 1200, "c": [float("nan")] * 1200})
    pq.write_table(table, out)
    view = shelf.view("a.parquet", out.getvalue())
    assert (view["kind"], view["size_bytes"]) == ("table", len(out.getvalue()))
    assert view["table"]["columns"] == ["a", "b", "c"]
    assert (len(view["table"]["rows"]), view["table"]["more"]) == (500, True)
    assert view["table"]["rows"][3] == [3, "[1, 2]", "nan"]
    damaged = shelf.view("b.parquet", out.getvalue()[:-200])
    assert (damaged["kind"], "cannot be read" in damaged["message"]) == ("none", True)


def test_what_is_gone_or_a_folder_is_said(shelf: Shelf) -> None:
    shelf.put("dir/a.txt")
    assert "reload the list" in shelf.view("gone.txt", status=404)["detail"]
    assert "folder" in shelf.view("dir", status=400)["detail"]
    (shelf.root / "dir" / "a.txt").unlink()
    assert "reload the list" in shelf.view("dir/a.txt", status=404)["detail"]
