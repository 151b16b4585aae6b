"""A project on disk: notebooks and files as a person would have them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from windlass.bundle.plan import BundlePlan, BundleRequest, plan_bundle


def code(source: str, *, tags: tuple[str, ...] = (), cell_id: str | None = None, **more: Any) -> dict[str, Any]:
    """A code cell."""
    cell = {"cell_type": "code", "metadata": {"tags": list(tags)} if tags else {}, "source": source}
    cell |= {"outputs": [], "execution_count": None} | more
    return cell | ({"id": cell_id} if cell_id else {})


def markdown(source: str) -> dict[str, Any]:
    """A text cell."""
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def notebook(*cells: dict[str, Any] | str, **metadata: Any) -> dict[str, Any]:
    """A notebook of format 4; a string is a code cell."""
    made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": made}


@dataclass
class Project:
    """A server root."""

    root: Path

    def write(self, path: str, content: str | bytes = "") -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def notebook(self, path: str, *cells: dict[str, Any] | str, **metadata: Any) -> Path:
        return self.write(path, json.dumps(notebook(*cells, **metadata)))

    def request(self, path: str = "train.ipynb", **more: Any) -> BundleRequest:
        return BundleRequest(root=self.root, notebook=path, **{"max_bytes": 10_000_000, **more})

    def plan(self, path: str = "train.ipynb", **more: Any) -> BundlePlan:
        return plan_bundle(self.request(path, **more))

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *identity, "-C", str(self.root), *arguments], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty server root."""
    root = tmp_path / "root"
    root.mkdir()
    return Project(root)


@pytest.fixture(scope="session")
def python() -> str:
    """The interpreter of a job's environment: this one."""
    return sys.executable


def reasons(plan: BundlePlan) -> dict[str, str]:
    """Path → why it goes."""
    return {file.path: file.reason for file in plan.files}


def rules(plan: BundlePlan) -> list[str]:
    """The rules of the findings, worst first."""
    return [finding.rule for finding in plan.findings]
