"""The executed notebook as the pod tells it: whole now and then, cell by cell in between, valid at every moment.

What comes from the pod is the user's code's word: a notebook or a cell that nbformat's schema refuses is passed over,
and the file stays as it was. Nothing here knows of logs and frames.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_MOST_CELLS = 10_000


class NotebookCopy:
    """The copy at `path`, kept in memory from the first change on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cells: list[dict[str, Any]] | None = None
        self._metadata: dict[str, Any] = {}
        self._content: bytes | None = None
        self.changed = False
        """There is something that `write` would write."""

    def replace(self, value: object, source: bytes) -> None:
        """Take over a whole notebook; `source` is its JSON, kept as it is."""
        if not isinstance(value, dict) or not _is_valid(value):
            return
        self._cells, self._metadata = value["cells"], value["metadata"]
        self._content = source
        self.changed = True

    def replace_cell(self, place: int, cell: object) -> None:
        """Take over one cell of a notebook that is known."""
        cells = self._known()
        if cells is None or not 0 <= place < len(cells) or not isinstance(cell, dict):
            return
        others = (other["id"] for number, other in enumerate(cells) if number != place)
        if _is_valid(_notebook([cell], {})) and cell["id"] not in others:
            cells[place] = cell
            self._content = None
            self.changed = True

    def replace_metadata(self, metadata: object) -> None:
        """Take over the notebook's metadata."""
        if self._known() is not None and isinstance(metadata, dict) and _is_valid(_notebook([], metadata)):
            self._metadata = metadata
            self._content = None
            self.changed = True

    def write(self) -> None:
        """Replace the file in one step. Raises OSError; then call again later."""
        content = self._content
        if content is None:
            content = json.dumps(_notebook(self._cells or [], self._metadata), separators=(",", ":")).encode()
        draft = self._path.with_name(f".{self._path.name}.tmp")
        try:
            draft.write_bytes(content)
            os.chmod(draft, 0o600)  # noqa: PTH101  (beside write_bytes, one look)
            draft.replace(self._path)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise
        self.changed = False

    def _known(self) -> list[dict[str, Any]] | None:
        """The cells; after a restart of the server those of the file."""
        if self._cells is None:
            try:
                value = json.loads(self._path.read_bytes())
            except (OSError, ValueError, RecursionError):
                return None
            if not isinstance(value, dict) or not _is_valid(value):
                return None
            self._cells, self._metadata = value["cells"], value["metadata"]
        return self._cells


def _notebook(cells: list[dict[str, Any]], metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {"cells": cells, "metadata": dict(metadata), "nbformat": 4, "nbformat_minor": 5}


def _is_valid(value: Mapping[str, Any]) -> bool:
    """Whether this is a notebook of format 4.5, as nbformat sees it, of a bearable size."""
    import nbformat

    if value.get("nbformat") != 4 or value.get("nbformat_minor") != 5:
        return False
    cells = value.get("cells")
    if not isinstance(cells, list) or len(cells) > _MOST_CELLS:
        return False
    ids = [cell.get("id") for cell in cells if isinstance(cell, dict)]
    if len(ids) != len(cells) or not all(isinstance(each, str) for each in ids) or len(set(ids)) != len(ids):
        return False
    try:
        nbformat.validate(value, version=4, version_minor=5)
    except Exception:  # noqa: BLE001  (over odd input nbformat stumbles while it words what is wrong)
        return False
    return True
