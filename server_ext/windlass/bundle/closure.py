"""The closure: every local file that the notebook's code imports, and the first reason why.

Purely static and breadth first, so that a reason names the shortest way from the notebook. Cycles end because a file is
read once. What is not local is collected by module name for the environment part. Runs nothing.
"""

from __future__ import annotations

import ast
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from windlass.bundle.facts import CodeFacts, Import
from windlass.bundle.ignore import IgnoreRules
from windlass.bundle.literals import PathReader
from windlass.bundle.modules import Located, ModuleFinder
from windlass.bundle.notebook import Notebook
from windlass.bundle.paths import NotSendable, SendableFile, Workspace, readable_size
from windlass.bundle.sources import CodeRead, content_hash, read_cell_code, read_file_code
from windlass.errors import BundleRefused

BROUGHT_ALONG = frozenset({"windlass"})
"""Modules that the runner in the bundle provides: never taken from this machine, also when they lie in the root."""
MAX_CLOSURE_FILES = 5_000
MAX_SOURCE_BYTES = 5_000_000
"""Larger Python files are sent and not read: they are data in disguise."""


@dataclass(frozen=True, kw_only=True)
class CodeUnit:
    """One piece of code of the job: a cell that runs, or a file."""

    path: str
    cell: int | None
    """Index of the cell, None for a file."""
    read: CodeRead
    lines: tuple[str, ...] = field(repr=False)

    @property
    def facts(self) -> CodeFacts:
        """What it says."""
        return self.read.facts

    def line(self, number: int) -> str:
        """The text of a line, counted from 1."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something is written."""

    path: str
    cell: int | None
    line: int


@dataclass(kw_only=True)
class Closure:
    """What the code needs."""

    units: list[CodeUnit] = field(default_factory=list)
    files: dict[str, tuple[SendableFile, str]] = field(default_factory=dict)
    """Path → the file and why it goes."""
    left_out: dict[str, tuple[int | None, str]] = field(default_factory=dict)
    """Path → size and why it does not go."""
    broken: list[tuple[str, str, Place]] = field(default_factory=list)
    """Local files that are imported and do not go: (path, why, where)."""
    modules: dict[str, Place] = field(default_factory=dict)
    """Top-level modules that are not local, with the first place."""
    optional_modules: set[str] = field(default_factory=set)
    """Those of them that the code can do without."""
    search_folders: list[str] = field(default_factory=list)
    """Folders that must be on `sys.path`, beside the notebook's and the root."""
    notebook_names: dict[str, ast.expr] = field(default_factory=dict)
    """Names that the notebook's cells assign at top level, with the last value."""
    contents: dict[str, bytes] = field(default_factory=dict)
    """The bytes of the files that were read as code: what is sent is what was read."""
    written_modules: set[str] = field(default_factory=set)
    """Modules that the notebook writes itself (`%%writefile model.py`)."""


def find_closure(*, workspace: Workspace, notebook: Notebook, rules: IgnoreRules, finder: ModuleFinder) -> Closure:
    """Follow the notebook's imports. Raises BundleRefused when there are more than MAX_CLOSURE_FILES files."""
    return _Search(workspace, notebook, rules, finder).run()


def path_reader(workspace: Workspace, notebook: Notebook, closure: Closure, unit: CodeUnit) -> PathReader:
    """Reads the paths of a unit as the job will: from the notebook's folder, with the names the unit can see."""
    here = str(workspace.absolute(notebook.folder))
    if unit.cell is not None:
        return PathReader(working_directory=here, names=closure.notebook_names)
    return PathReader(working_directory=here, file=str(workspace.absolute(unit.path)), names=unit.facts.names)


def display_path(path: str, folder: str) -> str:
    """A path for people: relative to the notebook's folder when it lies there."""
    prefix = f"{folder}/" if folder else ""
    return path.removeprefix(prefix)


class _Search:
    def __init__(self, workspace: Workspace, notebook: Notebook, rules: IgnoreRules, finder: ModuleFinder) -> None:
        self._workspace = workspace
        self._notebook = notebook
        self._rules = rules
        self._finder = finder
        self._closure = Closure()
        self._pending: deque[CodeUnit] = deque()

    def run(self) -> Closure:
        for cell in self._notebook.cells:
            if cell.runs:
                read = read_cell_code(cell.code)
                lines = tuple(cell.source.splitlines())
                self._pending.append(CodeUnit(path=self._notebook.path, cell=cell.index, read=read, lines=lines))
        for unit in self._pending:
            self._closure.notebook_names |= unit.facts.names
        for unit in self._pending:
            self._add_folders(unit)  # first of all: a cell may import before a later one is read here
            self._note_written(unit)
        while self._pending:
            unit = self._pending.popleft()
            self._closure.units.append(unit)
            self._follow(unit)
        return self._closure

    def _follow(self, unit: CodeUnit) -> None:
        if unit.cell is None:
            self._add_folders(unit)
        for found in unit.facts.imports:
            if not found.level and found.module.partition(".")[0] in BROUGHT_ALONG:
                continue
            place = Place(path=unit.path, cell=unit.cell, line=found.line)
            located = list(self._locate(found, unit))
            if not located and not found.level:
                self._note_module(found, place)
            for one in located:
                self._note_search_folder(one, relative=found.level > 0)
                for path in one.files:
                    self._take(path, place, f"imported by {self._where(place)}")
        for script, line in self._scripts(unit):
            place = Place(path=unit.path, cell=unit.cell, line=line)
            self._take(script, place, f"run by {self._where(place)}")

    def _locate(self, found: Import, unit: CodeUnit) -> Iterator[Located]:
        parts = tuple(found.module.split(".")) if found.module else ()
        base = self._relative(unit, found.level, parts) if found.level else self._finder.find(parts)
        if base is None:
            return
        yield base
        names = tuple(self._finder.find_all(base)) if found.names == ("*",) else found.names
        for name in names:
            deeper = self._submodule(base, name)
            if deeper is not None:
                yield deeper

    def _submodule(self, base: Located, name: str) -> Located | None:
        for folder in base.folders if base.complete else ():
            found = self._finder.find_in(folder, (name,))
            if found.complete:
                return Located(files=found.files, search_folder=base.search_folder, folders=found.folders)
        return None

    def _relative(self, unit: CodeUnit, level: int, parts: tuple[str, ...]) -> Located | None:
        """`from ..a import b`; a notebook is in no package, so there it means nothing."""
        folders = unit.path.split("/")[:-1]
        up = level - 1
        if unit.cell is not None or up > len(folders):
            return None
        return self._finder.find_in("/".join(folders[: len(folders) - up]), parts)

    def _take(self, path: str, place: Place, reason: str) -> None:
        closure = self._closure
        if path in closure.files or path in closure.left_out or path == self._notebook.path:
            return
        try:
            why = self._rules.reason(path)
            if why is not None:
                raise NotSendable(why)
            file = self._workspace.file(path)
        except NotSendable as problem:
            closure.left_out[path] = (None, f"{problem}, though {reason}")
            closure.broken.append((path, str(problem), place))
            return
        if len(closure.files) >= MAX_CLOSURE_FILES:
            raise BundleRefused(
                f"The notebook's imports lead to more than {MAX_CLOSURE_FILES:,} local files; exclude what it can do "
                "without (exclude patterns or .windlassignore)."
            )
        closure.files[path] = (file, reason)
        if path.endswith(".py"):
            self._queue(file)

    def _queue(self, file: SendableFile) -> None:
        if file.size_bytes > MAX_SOURCE_BYTES:
            return
        try:
            data = file.source.read_bytes()
        except OSError:
            return  # said when the file is read to be sent
        self._closure.contents[file.path] = data
        read = read_file_code(data, sha256=content_hash(data))
        lines = tuple(data.decode("utf-8", "replace").splitlines())
        self._pending.append(CodeUnit(path=file.path, cell=None, read=read, lines=lines))

    def _note_module(self, found: Import, place: Place) -> None:
        top = found.module.partition(".")[0]
        if not top:
            return
        known = top in self._closure.modules
        self._closure.modules.setdefault(top, place)
        if found.optional and not known:
            self._closure.optional_modules.add(top)
        elif not found.optional:
            self._closure.optional_modules.discard(top)

    def _note_search_folder(self, located: Located, *, relative: bool) -> None:
        folder = located.search_folder
        if relative or folder in ("", self._notebook.folder) or folder in self._closure.search_folders:
            return
        self._closure.search_folders.append(folder)

    def _add_folders(self, unit: CodeUnit) -> None:
        reader = path_reader(self._workspace, self._notebook, self._closure, unit)
        for expression, _ in unit.facts.path_additions:
            path = reader.read(expression)
            if path is None:
                continue
            folder = self._workspace.relative(os.path.join(reader.working_directory, path))  # noqa: PTH118 - maybe absolute
            if folder is not None:
                self._finder.add_folder(folder)

    def _note_written(self, unit: CodeUnit) -> None:
        for magic in unit.facts.magics:
            if magic.kind == "cell" and magic.name in ("writefile", "file"):
                target = Path(magic.text.partition("\n")[0].strip().removeprefix("-a").strip().strip("\"'"))
                self._closure.written_modules.add(target.parts[0] if len(target.parts) > 1 else target.stem)

    def _scripts(self, unit: CodeUnit) -> Iterator[tuple[str, int]]:
        """Files that `%run script.py` names."""
        for magic in unit.facts.magics:
            if magic.kind != "line" or magic.name != "run":
                continue
            words = [word.strip("\"'") for word in magic.text.split() if not word.startswith("-")]
            if not words or not words[0].endswith((".py", ".ipy", ".ipynb")):
                continue
            path = self._workspace.relative(self._workspace.absolute(self._notebook.folder) / words[0])
            if path is not None and self._workspace.absolute(path).exists():
                yield path, magic.line

    def _where(self, place: Place) -> str:
        shown = display_path(place.path, self._notebook.folder)
        return f"{shown}, cell {place.cell + 1}" if place.cell is not None else f"{shown}, line {place.line}"


def too_large(file: SendableFile, max_bytes: int) -> str | None:
    """Why a single file is too large to send; None when it is not."""
    if file.size_bytes <= max_bytes:
        return None
    return f"too large: {readable_size(file.size_bytes)}, and at most {readable_size(max_bytes)} can be sent in all"
