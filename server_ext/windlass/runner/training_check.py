"""Was anything trained? A notebook that wraps its training in a function and never calls it ends in silent success.

Judged at the end, from the source of the cells that ran and from what is left in memory; nothing is patched. It speaks
only when it is sure: something that trains is defined, no top-level statement could have started it, and every cell
was over in a blink.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

BLINK_SECONDS = 5.0
_TRAINING_CALLS = frozenset(
    {"backward", "step", "fit", "train", "partial_fit", "train_on_batch", "minimize", "train_step"}
)
_STARTING_CALLS = _TRAINING_CALLS | frozenset(
    {"run", "main", "start", "launch", "spawn", "submit", "apply_async", "run_cell_magic", "system", "getoutput", "map"}
)
_SHELL_MAGICS = frozenset({"run", "sx", "system", "sc", "time", "timeit", "prun", "pinfo"})


@dataclass
class Findings:
    """What the sources say."""

    trainers: dict[str, int] = field(default_factory=dict)
    """Functions and classes of the notebook that train, with the index of their cell."""
    functions: set[str] = field(default_factory=set)
    started: bool = False
    """A top-level statement may have trained, or may have started something that does."""


def untrained_notice(
    cells: list[tuple[int | None, str]], *, longest_seconds: float, space: dict[str, Any]
) -> str | None:
    """The notice, or None. `cells`: index and plain Python of each cell that ran; `space`: the notebook's names."""
    if longest_seconds >= BLINK_SECONDS:
        return None
    findings = _read(cells)
    if findings.started or not findings.trainers or _torch_has_trained(space):
        return None
    name, cell = next(iter(findings.trainers.items()))
    return f"No cell trained anything: {name!r} (cell {cell + 1}) is defined but never called. Call it in a cell."


def _read(cells: list[tuple[int | None, str]]) -> Findings:
    findings = Findings()
    try:
        trees = [(index, ast.parse(source)) for index, source in cells]
    except (SyntaxError, ValueError, RecursionError):
        findings.started = True
        return findings
    for index, tree in trees:
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                if not isinstance(node, ast.ClassDef):
                    findings.functions.add(node.name)
                if _trains(node) and index is not None:
                    findings.trainers.setdefault(node.name, index)
    findings.started = any(_starts(node, findings) for _index, tree in trees for node in tree.body)
    return findings


def _trains(definition: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TRAINING_CALLS
        for node in ast.walk(definition)
    )


def _starts(statement: ast.stmt, findings: Findings) -> bool:
    """Whether this top-level statement may do work: a loop, a call of the notebook's own functions, a training call."""
    for node in _top_level(statement):
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.Await)):
            return True
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if node.id in findings.functions or node.id in findings.trainers:
                return True
        elif isinstance(node, ast.Call) and _is_start(node):
            return True
    return False


def _is_start(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "run_line_magic":
        magic = call.args[0] if call.args else None
        return isinstance(magic, ast.Constant) and magic.value in _SHELL_MAGICS
    return name in _STARTING_CALLS


def _top_level(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes that are executed with the cell: not the bodies of functions and classes."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting.extend(node.decorator_list)
        elif not isinstance(node, ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def _torch_has_trained(space: dict[str, Any]) -> bool:
    """Whether an optimizer among the notebook's names has taken a step, or a module has gradients."""
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    for value in list(space.values()):
        if isinstance(value, torch.optim.Optimizer) and value.state:
            return True
        if isinstance(value, torch.nn.Module) and any(p.grad is not None for p in value.parameters()):
            return True
    return False
