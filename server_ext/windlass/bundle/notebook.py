"""A notebook file as cells, and as the bytes that are sent: no outputs, no counts, nothing that changes by itself.

Read with plain `json`, because validating fifty megabytes of outputs that are thrown away anyway takes longer than the
whole preview may. Knows nothing of Python code; `cells.py` reads that.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from windlass.bundle.paths import NotSendable, Workspace, checked_path, readable_size
from windlass.errors import BundleRefused, FieldError, InvalidRequest, NotFound
from windlass.runner.cells import runnable_source, skip_reason
from windlass.runner.notebook import Cell as RunnerCell

MAX_NOTEBOOK_BYTES = 1_000_000_000
"""Above this the file is not even read: it would be parsed in memory."""

CELL_TYPES = ("code", "markdown", "raw")
KEPT_CELL_METADATA = ("editable", "deletable", "name", "slideshow", "tags")
KEPT_KERNELSPEC = ("display_name", "language", "name")
KEPT_LANGUAGE_INFO = ("codemirror_mode", "file_extension", "mimetype", "name", "nbconvert_exporter", "pygments_lexer")
"""`version` is the kernel's at the last save: it would change the hash of unchanged code."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell; `index` counts every cell from 0."""

    index: int
    cell_type: str
    source: str
    tags: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether the job runs it: code that holds anything; the runner's own rule knows `skip-train` and `%train`."""
        return self.cell_type == "code" and bool(self.source.strip()) and skip_reason(self._for_runner()) is None

    @property
    def code(self) -> str:
        """The source as the job runs it: line for line, Windlass's own magics blanked."""
        return runnable_source(self._for_runner())

    def _for_runner(self) -> RunnerCell:
        return RunnerCell(
            index=self.index, kind=self.cell_type, id="", source=self.source, metadata={"tags": list(self.tags)}
        )


@dataclass(frozen=True, kw_only=True)
class Notebook:
    """A notebook as it will be sent."""

    path: str
    cells: tuple[Cell, ...]
    content: bytes = field(repr=False)
    """The stripped notebook; equal cells give equal bytes."""

    @property
    def folder(self) -> str:
        """The folder it lies in, relative to the root; empty for the root itself."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Its file name."""
        return self.path.rpartition("/")[2]


def open_notebook(workspace: Workspace, requested: str) -> Notebook:
    """Read a notebook of the workspace.

    Raises:
        InvalidRequest: the path leaves the root or is no notebook.
        NotFound: there is no such file.
        BundleRefused: the file is there and cannot be sent: unreadable, not a notebook, no code.
    """
    path = checked_path(requested, field="notebook", what="The path of the notebook")
    if not os.path.lexists(workspace.absolute(path)):
        raise NotFound(f"There is no notebook {path}; it may have been moved or renamed.")
    try:
        file = workspace.file(path)
    except NotSendable as reason:
        message = f"{path} cannot be sent: {reason}."
        raise InvalidRequest(message, [FieldError(field="notebook", message=message)]) from None
    return parse_notebook(_read(file.source, path, file.size_bytes), path=path)


def parse_notebook(data: bytes, *, path: str) -> Notebook:
    """A notebook from the bytes of its file. Raises BundleRefused with a sentence when it cannot be sent."""
    document = _load_json(data, path)
    _check_format(document, path)
    raw_cells = document["cells"]
    cells = tuple(_read_cell(raw, index, path) for index, raw in enumerate(raw_cells))
    if not any(cell.cell_type == "code" and cell.source.strip() for cell in cells):
        raise _refusal(path, "has no code cells, so there is nothing to run")
    return Notebook(path=path, cells=cells, content=_stripped(document))


def _read(source: Path, path: str, size_bytes: int) -> bytes:
    if size_bytes > MAX_NOTEBOOK_BYTES:
        raise _refusal(path, f"is {readable_size(size_bytes)} large; clear its outputs and save it")
    try:
        return source.read_bytes()
    except OSError as error:
        raise _refusal(path, f"cannot be read: {error.strerror or 'unknown reason'}") from None


def _refusal(path: str, why: str) -> BundleRefused:
    message = f"{path} {why}."
    return BundleRefused(message, [FieldError(field="notebook", message=message)])


def _load_json(data: bytes, path: str) -> dict[str, Any]:
    if not data.strip():
        raise _refusal(path, "is empty; open it in JupyterLab and save it")
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _refusal(path, f"is not a valid notebook: the JSON is broken at {where} ({error.msg})") from None
    except (ValueError, RecursionError):
        raise _refusal(path, "is not a valid notebook: its text cannot be read as JSON in UTF-8") from None
    if not isinstance(document, dict):
        raise _refusal(path, "is not a notebook: it is JSON, but not of a notebook")
    return document


def _check_format(document: dict[str, Any], path: str) -> None:
    major = document.get("nbformat")
    if "worksheets" in document or (isinstance(major, int) and major < 4):
        raise _refusal(path, "is in an old notebook format; open it in JupyterLab and save it, which converts it")
    if not isinstance(document.get("cells"), list):
        raise _refusal(path, "is not a notebook: it has no list of cells")
    if major != 4:
        raise _refusal(path, "has a notebook format that is not known here; format 4 is needed")
    language = _language(document)
    if language and language.lower() not in ("python", "ipython", "python3"):
        raise _refusal(path, f"is written in {language[:40]}; only Python notebooks can be sent")


def _language(document: dict[str, Any]) -> str:
    metadata = _mapping(document.get("metadata"))
    for section, key in (("language_info", "name"), ("kernelspec", "language")):
        language = _mapping(metadata.get(section)).get(key)
        if isinstance(language, str):
            return language
    return ""


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _read_cell(raw: object, index: int, path: str) -> Cell:
    cell = _mapping(raw)
    kind = cell.get("cell_type")
    source = cell.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if kind not in CELL_TYPES or not isinstance(source, str):
        raise _refusal(path, f"is not a valid notebook: cell {index + 1} has no known type or no source")
    tags = _mapping(cell.get("metadata")).get("tags")
    return Cell(
        index=index,
        cell_type=kind,
        source=source,
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
    )


def _stripped(document: dict[str, Any]) -> bytes:
    metadata = _mapping(document.get("metadata"))
    kept = {
        "kernelspec": _only(_mapping(metadata.get("kernelspec")), KEPT_KERNELSPEC),
        "language_info": _only(_mapping(metadata.get("language_info")), KEPT_LANGUAGE_INFO),
    }
    minor = document.get("nbformat_minor")
    notebook = {
        "cells": [_stripped_cell(raw) for raw in document["cells"]],
        "metadata": {section: content for section, content in kept.items() if content},
        "nbformat": 4,
        "nbformat_minor": minor if isinstance(minor, int) else 0,
    }
    return (json.dumps(notebook, sort_keys=True, indent=1) + "\n").encode("ascii")


def _stripped_cell(raw: dict[str, Any]) -> dict[str, Any]:
    source = raw.get("source", "")
    text = "".join(source) if isinstance(source, list) else source
    cell: dict[str, Any] = {
        "cell_type": raw["cell_type"],
        "metadata": _only(_mapping(raw.get("metadata")), KEPT_CELL_METADATA),
        "source": text.splitlines(keepends=True),
    }
    if isinstance(raw.get("id"), str):
        cell["id"] = raw["id"]
    if raw["cell_type"] == "code":
        cell |= {"execution_count": None, "outputs": []}
    elif isinstance(raw.get("attachments"), dict):
        cell["attachments"] = raw["attachments"]
    return cell


def _only(mapping: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: mapping[key] for key in keys if key in mapping}
