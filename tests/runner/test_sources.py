"""The runner runs in images that have an old Python and no Windlass."""

from __future__ import annotations

import ast
import sys

import pytest

from .job import RUNNER

SOURCES = sorted(RUNNER.rglob("*.py"))
OPTIONAL = {"IPython", "traitlets", "tqdm", "mlflow", "windlass_runner"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(RUNNER)))
def test_source_is_python_3_9(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(RUNNER)))
def test_annotations_are_not_evaluated_where_3_9_could_not(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unions = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)]
    postponed = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    assert postponed or not unions


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(RUNNER)))
def test_source_imports_the_standard_library_and_itself(path):
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imported.add((node.module or "").split(".")[0])
    assert "windlass" not in imported
    assert imported - set(sys.stdlib_module_names) <= OPTIONAL
