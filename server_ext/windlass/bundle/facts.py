"""What one piece of Python says about itself: imports, calls, definitions, the paths it names.

One pass over the tree, no opinion: `closure.py`, `readiness.py`, `training.py` and `data_references.py` judge. Facts
depend on the text alone, so they are kept by its hash and a second preview reads no tree again.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from windlass.bundle.cells import magic_call

_RANK_WORDS = re.compile(
    r"(^|_)rank(_|$|\d)|is_main|is_master|main_process|is_global_zero|is_local_zero|world_process_zero|RANK"
)
_SURVIVABLE = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


@dataclass(frozen=True, kw_only=True)
class Import:
    """`import a.b` (names empty) or `from a.b import c, d`; `level` counts the leading dots."""

    module: str
    names: tuple[str, ...]
    level: int
    line: int
    optional: bool
    """The code copes with its absence, or only a type checker needs it."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call by its dotted name as written: `dist.init_process_group`, `model().cuda`."""

    name: str
    line: int
    node: ast.Call = field(repr=False, compare=False)
    scope: str | None
    """The outermost function or class it stands in; None at top level."""
    rank_guarded: bool
    """Only some ranks get there."""

    @property
    def last(self) -> str:
        """The name behind the last dot."""
        return self.name.rpartition(".")[2]

    @property
    def keywords(self) -> frozenset[str]:
        """Names of the keyword arguments."""
        return frozenset(keyword.arg for keyword in self.node.keywords if keyword.arg)


@dataclass(frozen=True, kw_only=True)
class Magic:
    """A magic or shell escape: kind `line`, `cell`, or `shell` (`!command`, name empty)."""

    kind: str
    name: str
    text: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Text:
    """A string literal."""

    value: str
    line: int


@dataclass(kw_only=True)
class CodeFacts:
    """Everything read from one file or cell. Lines count from 1."""

    imports: list[Import] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    magics: list[Magic] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    path_additions: list[tuple[ast.expr, int]] = field(default_factory=list)
    """Arguments of `sys.path.append` and `.insert`."""
    aliases: dict[str, str] = field(default_factory=dict)
    """Names bound by imports, with what they stand for."""
    names: dict[str, ast.expr] = field(default_factory=dict)
    """Top-level names that are assigned, with the last value."""
    definitions: dict[str, int] = field(default_factory=dict)
    """Top-level functions and classes, with their line."""
    uses: dict[str | None, set[str]] = field(default_factory=dict)
    """Names read, by the outermost function or class (None: top level)."""
    environment_writes: list[tuple[str, int]] = field(default_factory=list)
    """Environment variables that are set, with the line."""

    def full_name(self, call: Call) -> str:
        """The call's name with the import alias replaced: `dist.barrier` → `torch.distributed.barrier`."""
        return self.names_of_calls[call.name]

    @cached_property
    def names_of_calls(self) -> dict[str, str]:
        """Each name that is called → its full name. Facts are complete once read, so this is made once."""
        full = {}
        for name in {call.name for call in self.calls}:
            head, dot, rest = name.partition(".")
            full[name] = self.aliases.get(head, head) + dot + rest
        return full


def read_facts(tree: ast.Module) -> CodeFacts:
    """The facts of a tree from `cells.parse_cell` or `parse_python`."""
    reader = _Reader()
    try:
        reader.block(tree.body)
    except RecursionError:
        # Generated code can nest deeper than the stack: what was read so far is still true.
        return reader.facts
    return reader.facts


def dotted(node: ast.expr) -> str:
    """The dotted name of an expression; what has no name is `()` for a call's result, `[]` for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{dotted(value)}.{attr}"
        case ast.Call(func=function):
            return f"{dotted(function)}()"
    return "[]"


class _Reader(ast.NodeVisitor):
    def __init__(self) -> None:
        self.facts = CodeFacts()
        self._scope: str | None = None
        self._guarded = False
        self._optional = False

    def block(self, statements: list[ast.stmt]) -> None:
        """Visit statements in turn; behind `if rank != 0: return` only some ranks go on."""
        with self._keeping():
            for statement in statements:
                self.visit(statement)
                if isinstance(statement, ast.If) and _asks_rank(statement.test) and _leaves(statement.body):
                    self._guarded = True

    def generic_visit(self, node: ast.AST) -> None:
        for _, value in ast.iter_fields(node):
            if isinstance(value, list):
                if value and isinstance(value[0], ast.stmt):
                    self.block(value)
                else:
                    for item in value:
                        if isinstance(item, ast.AST):
                            self.visit(item)
            elif isinstance(value, ast.AST):
                self.visit(value)

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        before = (self._scope, self._guarded, self._optional)
        try:
            yield
        finally:
            self._scope, self._guarded, self._optional = before

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._import(alias.name, (), 0, node.lineno)
            bound = alias.asname or alias.name.partition(".")[0]
            self.facts.aliases[bound] = alias.name if alias.asname else bound

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        self._import(module, tuple(alias.name for alias in node.names), node.level, node.lineno)
        for alias in node.names:
            self.facts.aliases[alias.asname or alias.name] = f"{'.' * node.level}{module}.{alias.name}"

    def _import(self, module: str, names: tuple[str, ...], level: int, line: int) -> None:
        self.facts.imports.append(Import(module=module, names=names, level=level, line=line, optional=self._optional))

    def visit_Try(self, node: ast.Try) -> None:
        with self._keeping():
            self._optional = self._optional or any(_survives_import_error(handler) for handler in node.handlers)
            self.block(node.body)
            for handler in node.handlers:
                self.visit(handler)
        self.block(node.orelse)
        self.block(node.finalbody)

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        with self._keeping():
            self._guarded = self._guarded or _asks_rank(node.test)
            with self._keeping():
                self._optional = self._optional or dotted(node.test).endswith("TYPE_CHECKING")
                self.block(node.body)
            self.block(node.orelse)

    def _visit_definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        if self._scope is None:
            self.facts.definitions[node.name] = node.lineno
        for decorator in node.decorator_list:
            self.visit(decorator)
        with self._keeping():
            self._scope = self._scope or node.name
            self._guarded = self._guarded or any(_asks_rank(decorator) for decorator in node.decorator_list)
            for name, value in ast.iter_fields(node):
                if name == "body":
                    self.block(value)
                elif name != "decorator_list":
                    for item in value if isinstance(value, list) else [value]:
                        if isinstance(item, ast.AST):
                            self.visit(item)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_definition(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_definition(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._visit_definition(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if self._scope is None and isinstance(target, ast.Name):
                self.facts.names[target.id] = node.value
            elif isinstance(target, ast.Subscript) and dotted(target.value).endswith("environ"):
                self._environment_write(target.slice, node.lineno)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if self._scope is None and isinstance(node.target, ast.Name) and node.value is not None:
            self.facts.names[node.target.id] = node.value
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.facts.uses.setdefault(self._scope, set()).add(node.id)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.facts.texts.append(Text(value=node.value, line=node.lineno))

    def visit_Call(self, node: ast.Call) -> None:
        name = dotted(node.func)
        if magic := magic_call(node):
            self._magic(magic, node.lineno)
            return
        self.facts.calls.append(
            Call(
                name=name,
                line=node.lineno,
                node=node,
                scope=self._scope,
                rank_guarded=self._guarded,
            )
        )
        if name in ("sys.path.append", "sys.path.insert", "path.append", "path.insert") and node.args:
            self.facts.path_additions.append((node.args[-1], node.lineno))
        elif name.endswith(("import_module", "__import__")) and node.args:
            self._import_by_name(node)
        elif name.endswith(("environ.setdefault", "putenv")) and node.args:
            self._environment_write(node.args[0], node.lineno)
        self.generic_visit(node)

    def _environment_write(self, name: ast.expr, line: int) -> None:
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            self.facts.environment_writes.append((name.value, line))

    def _import_by_name(self, node: ast.Call) -> None:
        module = node.args[0]
        if isinstance(module, ast.Constant) and isinstance(module.value, str):
            bare = module.value.lstrip(".")
            self._import(bare, (), len(module.value) - len(bare), node.lineno)

    def _magic(self, magic: tuple[str, list[str]], line: int) -> None:
        method, arguments = magic
        if method in ("system", "getoutput") and arguments:
            self.facts.magics.append(Magic(kind="shell", name="", text=arguments[0], line=line))
        elif method == "run_line_magic" and len(arguments) == 2:
            self.facts.magics.append(Magic(kind="line", name=arguments[0], text=arguments[1], line=line))
        elif method == "run_cell_magic" and len(arguments) == 3:
            text = arguments[1] + "\n" + arguments[2]
            self.facts.magics.append(Magic(kind="cell", name=arguments[0], text=text, line=line))


def _asks_rank(test: ast.expr) -> bool:
    for node in ast.walk(test):
        word = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
        if word is None and isinstance(node, ast.Constant) and isinstance(node.value, str):
            word = node.value
        if word is not None and _RANK_WORDS.search(word):
            return True
    return False


def _leaves(body: list[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], (ast.Return, ast.Continue, ast.Raise, ast.Break))


def _survives_import_error(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(dotted(kind).rpartition(".")[2] in _SURVIVABLE for kind in caught)
