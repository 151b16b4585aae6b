"""The files a run or a model left behind."""

from __future__ import annotations

from enum import Enum

from pydantic import Field

from windlass.contract.base import JsonValue, WireModel


class Artifact(WireModel):
    """A file or folder."""

    path: str
    """Relative to the run's, or the model's, artifact root."""
    is_folder: bool
    size_bytes: int | None = None


class ArtifactList(WireModel):
    """What is directly in a folder, folders first, by name."""

    path: str
    items: list[Artifact]
    next_cursor: str | None = None


class ViewKind(str, Enum):
    """How an artifact can be shown."""

    TEXT = "text"
    JSON = "json"
    IMAGE = "image"
    """To be fetched from `raw`, as an image only."""
    NOTEBOOK = "notebook"
    TABLE = "table"
    HTML = "html"
    """Shown from `raw` in a frame that may run nothing."""
    NONE = "none"
    """Only to be downloaded."""


class ArtifactTable(WireModel):
    """The first rows of a table (CSV, TSV, Parquet, MLflow's table JSON)."""

    columns: list[str]
    rows: list[list[JsonValue]]
    more: bool
    """There are rows that are not shown."""


class ArtifactView(WireModel):
    """An artifact as it can be shown."""

    path: str
    kind: ViewKind
    size_bytes: int | None = None
    media_type: str
    truncated: bool = False
    """Only the beginning is here."""
    text: str | None = None
    """For text, JSON (indented) and notebooks (nbformat JSON without anything that could run)."""
    table: ArtifactTable | None = None
    message: str | None = None
    """Why it cannot be shown, or not all of it."""
    raw: str = Field(default="")
    """Where to read the bytes, relative to `/windlass/v1/`."""
