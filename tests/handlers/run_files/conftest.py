"""A Jupyter server and runs with files, in a real MLflow's own store, so that they can have any name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from tests.handlers.experiments.conftest import Panel, panel

__all__ = ["panel"]


@dataclass
class Shelf:
    """A run, and what is asked of its files."""

    panel: Panel
    run: str
    root: Path
    """Where MLflow keeps them."""

    def put(self, path: str, content: bytes | str = b"x") -> str:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def list(self, path: str = "", status: int = 200, **more: Any) -> Any:
        return self.get("", path, status, more)

    def get(self, what: str, path: str, status: int, more: dict[str, Any]) -> Any:
        answer = self.panel.http.get(f"/runs/{self.run}/artifacts{what}", params={"path": path, **more})
        assert answer.status_code == status, answer.text
        return answer.json()

    def names(self, path: str = "") -> list[str]:
        return [item["path"] for item in self.list(path)["items"]]

    def view(self, path: str, content: bytes | str | None = None, status: int = 200, **more: Any) -> Any:
        if content is not None:
            self.put(path, content)
        return self.get("/view", path, status, more)

    def raw(self, path: str, content: bytes | str | None = None, **more: Any) -> httpx.Response:
        if content is not None:
            self.put(path, content)
        return self.panel.http.get(f"/runs/{self.run}/artifacts/raw", params={"path": path, **more})


@pytest.fixture(scope="session")
def shelved() -> Callable[..., Shelf]:
    """Makes a run with no files yet."""

    def make(panel: Panel, experiment: str | None = None, **more: Any) -> Shelf:
        run = panel.run(experiment or panel.experiment("files"), "run with files", **more)
        return Shelf(panel=panel, run=run, root=artifact_root(panel, run))

    return make


@pytest.fixture
def shelf(panel: Panel, shelved: Callable[..., Shelf]) -> Shelf:
    return shelved(panel)


def artifact_root(panel: Panel, run: str) -> Path:
    """The folder behind a run's files in the embedded MLflow's store."""
    parts = urlsplit(panel.mlflow.run(run)["info"]["artifact_uri"])
    assert parts.scheme in ("mlflow-artifacts", "file", ""), parts
    if parts.scheme == "mlflow-artifacts":
        return panel.mlflow.data_dir / "mlflow" / "artifacts" / unquote(parts.path).lstrip("/")
    return Path(unquote(parts.path))
