"""The notebook as sent, read by hand: importing nbformat alone would cost every rank 0.16 s.

Whatever is read here is brought to valid nbformat 4.5, so that the executed notebook always opens. Nothing here knows
how cells are run.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from .context import JobUnreadable

_CELL_ID = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")


@dataclass
class Cell:
    """One cell. `index` is its place in the notebook as sent; None when the runner put it in."""

    index: int | None
    kind: str
    id: str
    source: str
    metadata: dict[str, Any] = field(default_factory=dict)
    attachments: dict[str, Any] | None = None

    @property
    def tags(self) -> list[str]:
        """The cell's tags; anything odd in the metadata counts as none."""
        tags = self.metadata.get("tags")
        return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


@dataclass
class Notebook:
    """Cells in order, and the metadata the file had."""

    name: str
    cells: list[Cell]
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    """The part of manifest.json that the runner needs."""

    notebook: str
    parameters: dict[str, Any]
    search_folders: tuple[str, ...] = ()
    """Folders below `files/` where local modules lie, beside `files/` itself and the notebook's folder."""


def load_manifest(bundle_dir: Path) -> Manifest:
    """Read the bundle's manifest. Raises JobUnreadable."""
    content = _load_json(bundle_dir / "manifest.json", what="the bundle's manifest.json")
    if content.get("format") != 1:
        raise JobUnreadable("This bundle was made by another version of Windlass. Send the notebook again.")
    notebook, parameters = content.get("notebook"), content.get("parameters") or {}
    if not isinstance(notebook, str) or not isinstance(parameters, dict):
        raise JobUnreadable("The bundle's manifest.json names no notebook. Send the notebook again.")
    named = content.get("search_folders")
    folders = tuple(each for each in named if isinstance(each, str)) if isinstance(named, list) else ()
    if not all(map(_stays_inside, (notebook, *folders))):
        raise JobUnreadable("The bundle's manifest.json points outside the bundle. Send the notebook again.")
    return Manifest(notebook=notebook, parameters=parameters, search_folders=folders)


def _stays_inside(path: str) -> bool:
    parts = PurePosixPath(path)
    return not parts.is_absolute() and ".." not in parts.parts


def load_notebook(path: Path) -> Notebook:
    """Read a notebook of format 4. Raises JobUnreadable with a sentence that says what to do."""
    content = _load_json(path, what=f"the notebook {path.name}")
    if content.get("nbformat") != 4 or not isinstance(content.get("cells"), list):
        raise JobUnreadable(
            f"The notebook {path.name} is not of notebook format 4. Open it in JupyterLab and save it once."
        )
    metadata = content.get("metadata")
    taken: set[str] = set()
    cells = [_read_cell(raw, index, path.name, taken) for index, raw in enumerate(content["cells"])]
    return Notebook(name=path.name, cells=cells, metadata=_valid_metadata(metadata))


def _load_json(path: Path, *, what: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise JobUnreadable(f"The bundle lacks {what}. Send the notebook again.") from None
    except (ValueError, RecursionError) as error:
        raise JobUnreadable(f"Cannot read {what}: it is not valid JSON ({error}).") from None
    except OSError as error:
        raise JobUnreadable(f"Cannot read {what}: {error.strerror}.") from None
    if not isinstance(content, dict):
        raise JobUnreadable(f"Cannot read {what}: it holds no JSON object.")
    return content


def _read_cell(raw: Any, index: int, name: str, taken: set[str]) -> Cell:
    kind = raw.get("cell_type") if isinstance(raw, dict) else None
    if kind not in ("code", "markdown", "raw"):
        raise JobUnreadable(f"Cell {index + 1} of {name} is of an unknown type. Open the notebook and save it once.")
    source = raw.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    metadata = raw.get("metadata")
    attachments = raw.get("attachments")
    return Cell(
        index=index,
        kind=kind,
        id=unused_id(raw.get("id"), fallback=f"cell-{index}", taken=taken),
        source=source if isinstance(source, str) else "",
        metadata=_valid_cell_metadata(metadata),
        attachments=attachments if isinstance(attachments, dict) and kind != "code" else None,
    )


def _valid_cell_metadata(metadata: Any) -> dict[str, Any]:
    """The cell's metadata without what nbformat's schema would refuse."""
    kept = dict(metadata) if isinstance(metadata, dict) else {}
    if "tags" in kept:
        tags = kept["tags"] if isinstance(kept["tags"], list) else []
        kept["tags"] = list(dict.fromkeys(tag for tag in tags if isinstance(tag, str) and tag and "," not in tag))
    for name, kind in (("name", str), ("collapsed", bool), ("jupyter", dict), ("format", str)):
        if name in kept and not isinstance(kept[name], kind):
            del kept[name]
    if kept.get("scrolled", "auto") not in (True, False, "auto"):
        del kept["scrolled"]
    return kept


def unused_id(wanted: Any, *, fallback: str, taken: set[str]) -> str:
    """`wanted` when it is a valid cell id not yet `taken`, else one made from `fallback`; it is taken afterwards."""
    chosen = wanted if isinstance(wanted, str) and _CELL_ID.match(wanted) and wanted not in taken else fallback
    number = 1
    while chosen in taken:
        number += 1
        chosen = f"{fallback}-{number}"
    taken.add(chosen)
    return chosen


def _valid_metadata(metadata: Any) -> dict[str, Any]:
    """The notebook's metadata without the entries that nbformat's schema would refuse."""
    kept = dict(metadata) if isinstance(metadata, dict) else {}
    kernel = kept.get("kernelspec")
    if not (
        isinstance(kernel, dict) and isinstance(kernel.get("name"), str) and isinstance(kernel.get("display_name"), str)
    ):
        kept["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    language = kept.get("language_info")
    if not (isinstance(language, dict) and isinstance(language.get("name"), str)):
        kept["language_info"] = {"name": "python"}
    for name, kind in (("title", str), ("authors", list), ("orig_nbformat", int)):
        if name in kept and not isinstance(kept[name], kind):
            del kept[name]
    return kept
