"""From a request to everything that is known about its bundle, before anything is written or sent.

The one door to this package for services. Synchronous; call it from a thread. It reads the server's root folder, Git
and the job's environment, and changes nothing; only `BundlePlan.write` does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from windlass.bundle.archive import FORMAT, Bundle, Entry, archive_sha256, manifest_entry, runner_entries, write_bundle
from windlass.bundle.closure import Closure, find_closure
from windlass.bundle.code_findings import data_findings, program_findings, syntax_findings
from windlass.bundle.contents import SentFile, notebook_file, read_file, secrets_in_files, secrets_in_notebook
from windlass.bundle.data_references import find_data
from windlass.bundle.environment import InterpreterProblem, PythonEnvironment, environment_of
from windlass.bundle.findings import ordered
from windlass.bundle.git_state import GitDiff, git_diff, git_state
from windlass.bundle.ignore import IgnoreRules
from windlass.bundle.modules import ModuleFinder
from windlass.bundle.notebook import Notebook, open_notebook
from windlass.bundle.packages import missing_findings, packages_of
from windlass.bundle.parameter_fields import parameter_fields, parameter_findings
from windlass.bundle.parameters import ParametersCell, checked_values, read_parameters
from windlass.bundle.paths import Workspace
from windlass.bundle.selection import Selection, select
from windlass.bundle.sources import Kept, content_hash
from windlass.contract.jobs import GitState
from windlass.contract.preview import BundleFile, DataReference, Finding, LeftOutFile, Package, ParameterField

_archive_hashes: Kept[str] = Kept(capacity=256)


@dataclass(frozen=True, kw_only=True)
class BundleRequest:
    """A notebook, and what is asked about sending it."""

    root: Path
    """The server's root folder; nothing outside it is ever sent."""
    notebook: str
    """Relative to the root, with `/`."""
    parameters: dict[str, Any] = field(default_factory=dict)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    python: str | None = None
    """Interpreter of the job's environment; None when it is not on this machine."""
    world_size: int = 1
    max_bytes: int = 100_000_000
    """How much may be sent in all, before compression."""


@dataclass(frozen=True, kw_only=True)
class BundlePlan:
    """What would be sent, and what is noticed about it."""

    notebook: str
    files: list[BundleFile]
    """What goes; the notebook first, then by path."""
    left_out: list[LeftOutFile]
    data: list[DataReference]
    parameters: list[ParameterField]
    """The form, with the values that would be sent; what looks like a secret is masked."""
    packages: list[Package]
    missing: list[str]
    python_version: str | None
    git: GitState | None
    findings: list[Finding]
    """Worst first."""
    total_bytes: int
    """Of the files, before compression."""
    cells: int
    """Code cells that would run."""
    notices: list[str]
    manifest: dict[str, Any] = field(repr=False)
    """As it goes into the archive; holds the parameters unmasked, so it is not for showing."""
    _sent: tuple[SentFile, ...] = field(repr=False)
    _notebook_folder: Path = field(repr=False)

    def write(self, folder: Path) -> Bundle:
        """Write the bundle to `<folder>/<sha256>.tar.gz`; the same content is written once.

        Raises:
            BundleRefused: a file changed or became unreadable since it was looked at.
            StorageFull: no room; nothing is left behind.
        """
        bundle = write_bundle(self._entries(), folder=folder, content_bytes=self.total_bytes)
        _archive_hashes.get(self._content_key(), lambda: bundle.sha256)
        return bundle

    def sha256(self) -> str:
        """The hash that `write` will give. Raises BundleRefused as `write` does."""
        return _archive_hashes.get(
            self._content_key(), lambda: archive_sha256(self._entries(), content_bytes=self.total_bytes)
        )

    def git_diff(self) -> GitDiff | None:
        """The uncommitted changes of the notebook's work tree, secrets masked; None when there are none or no Git."""
        return git_diff(self._notebook_folder) if self.git is not None and self.git.dirty else None

    def _entries(self) -> Iterator[Entry]:
        yield manifest_entry(self.manifest)
        notebook, *others = self._sent
        yield notebook.entry()
        yield from runner_entries()
        for file in others:
            yield file.entry()

    def _content_key(self) -> str:
        """Names everything the archive depends on: the manifest has the hash of each file."""
        modes = [file.executable for file in self._sent]
        runner = [(entry.name, content_hash(entry.open().read())) for entry in runner_entries()]
        return content_hash(json.dumps([self.manifest, modes, runner], sort_keys=True).encode("ascii"))


def plan_bundle(request: BundleRequest) -> BundlePlan:
    """Find out everything about sending a notebook.

    Raises:
        NotFound: there is no such notebook.
        InvalidRequest: a path leaves the root, or a parameter or pattern cannot be used; the fields say which.
        BundleRefused: the notebook cannot be sent as it is, or too much would go.
    """
    workspace = Workspace.at(request.root)
    notebook = open_notebook(workspace, request.notebook)
    declared = read_parameters(notebook.cells)
    values = checked_values(declared, request.parameters)
    folder = workspace.absolute(notebook.folder)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="windlass-git") as pool:
        git = pool.submit(git_state, folder)  # a process of its own: it works while this thread reads code
        found = _gather(request, workspace, notebook)
        return _plan(request, found, declared, values, git.result())


@dataclass(frozen=True, kw_only=True)
class _Found:
    workspace: Workspace
    notebook: Notebook
    environment: PythonEnvironment | None
    standard_library: frozenset[str]
    closure: Closure
    selection: Selection
    sent: tuple[SentFile, ...]
    notices: list[str]


def _gather(request: BundleRequest, workspace: Workspace, notebook: Notebook) -> _Found:
    notices: list[str] = []
    environment = None
    if request.python is not None:
        try:
            environment = environment_of(request.python)
        except InterpreterProblem as problem:
            notices.append(f"{problem} What is installed there is not known.")
    standard_library = environment.standard_library if environment else sys.stdlib_module_names
    rules = IgnoreRules.read(workspace, notebook.folder, request.exclude)
    finder = ModuleFinder(workspace, notebook.folder, environment, standard_library)
    closure = find_closure(workspace=workspace, notebook=notebook, rules=rules, finder=finder)
    selection = select(
        workspace=workspace,
        notebook=notebook,
        closure=closure,
        rules=rules,
        include=request.include,
        max_bytes=request.max_bytes,
    )
    sent = [notebook_file(notebook)]
    for path, (file, reason) in sorted(selection.files.items()):
        sent.append(read_file(file, reason=reason, known=closure.contents.get(path)))
    return _Found(
        workspace=workspace,
        notebook=notebook,
        environment=environment,
        standard_library=standard_library,
        closure=closure,
        selection=selection,
        sent=tuple(sent),
        notices=notices + selection.notices,
    )


def _plan(
    request: BundleRequest,
    found: _Found,
    declared: ParametersCell,
    values: dict[str, Any],
    git: GitState | None,
) -> BundlePlan:
    notebook, closure = found.notebook, found.closure
    data = find_data(
        workspace=found.workspace,
        notebook=notebook,
        closure=closure,
        sent=frozenset(file.path for file in found.sent),
        values=values,
    )
    packages, missing = packages_of(closure, environment=found.environment, standard_library=found.standard_library)
    python = found.environment.version_info if found.environment else None
    findings = [
        *found.selection.findings,
        *secrets_in_notebook(notebook),
        *secrets_in_files(found.sent[1:]),
        *parameter_findings(values),
        *syntax_findings(closure.units, python=python),
        *program_findings(closure, notebook_path=notebook.path, world_size=request.world_size),
        *data_findings(data, world_size=request.world_size),
        *missing_findings(closure, missing),
    ]
    return BundlePlan(
        notebook=notebook.path,
        files=[BundleFile(path=file.path, size_bytes=file.size_bytes, reason=file.reason) for file in found.sent],
        left_out=found.selection.left_out_files(),
        data=data,
        parameters=parameter_fields(declared, values),
        packages=packages,
        missing=missing,
        python_version=found.environment.version if found.environment else None,
        git=git,
        findings=ordered(findings),
        total_bytes=sum(file.size_bytes for file in found.sent),
        cells=sum(cell.runs for cell in notebook.cells),
        notices=[*found.notices, *_parameter_notices(declared, values)],
        manifest=_manifest(found, values),
        _sent=found.sent,
        _notebook_folder=found.workspace.absolute(notebook.folder),
    )


def _manifest(found: _Found, values: dict[str, Any]) -> dict[str, Any]:
    """What the archive says about itself: only what follows from the content, so that equal code has an equal hash.

    The commit, the branch and installed versions change while the code does not; they belong to the job's record.
    """
    return {
        "format": FORMAT,
        "notebook": found.notebook.path,
        "parameters": values,
        "search_folders": sorted(found.closure.search_folders),
        "files": [
            {"path": file.path, "sha256": file.sha256, "size_bytes": file.size_bytes, "reason": file.reason}
            for file in found.sent
        ],
    }


def _parameter_notices(declared: ParametersCell, values: dict[str, Any]) -> list[str]:
    if not values:
        return []
    if declared.cell is None:
        return [
            "No cell is tagged `parameters`: the values are set in a new cell at the top; a later cell may reset them."
        ]
    if not declared.readable:
        return ["The parameters cell is not valid Python, so names and types of the values could not be checked."]
    return []
