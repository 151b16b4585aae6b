"""Which files never go, and which the user asked not to send.

`.windlassignore` is gitignore syntax and read by a maintained library; each verdict names the file and line it comes
from, so that "left out" can be explained. Like Git, nothing below an ignored folder is brought back by `!`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from pathspec import GitIgnoreSpec

from windlass.bundle.paths import Workspace
from windlass.errors import FieldError, InvalidRequest

IGNORE_FILE = ".windlassignore"
MAX_IGNORE_BYTES = 256_000

_ALWAYS = {
    "version control": (".git", ".hg", ".svn", ".dvc/cache", ".dvc/tmp"),
    "made by tools": (
        "__pycache__",
        "*.pyc",
        ".ipynb_checkpoints",
        ".virtual_documents",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".hypothesis",
        ".tox",
        ".nox",
        ".eggs",
        "*.egg-info",
        ".DS_Store",
        ".Trash*",
        ".cache",
    ),
    "an installed environment": (".venv", "venv", ".conda", "node_modules", "site-packages"),
    "a folder of credentials": (
        ".ssh",
        ".aws",
        ".gnupg",
        ".kube",
        ".docker",
        ".azure",
        ".databricks",
        ".config",
        ".huggingface",
        ".kaggle",
        ".local",
        ".jupyter",
    ),
    "a file of credentials": (".netrc", ".pgpass", ".pypirc", ".git-credentials", ".databrickscfg", ".npmrc"),
}


@dataclass(frozen=True)
class _Patterns:
    """One source of patterns, for paths below `folder`."""

    folder: str
    spec: GitIgnoreSpec
    reasons: tuple[str, ...]
    """One per pattern of the spec, in its order."""

    def verdict(self, path: str) -> tuple[bool, str] | None:
        """(ignored, why) by the last pattern that matches; None when none does."""
        prefix = f"{self.folder}/" if self.folder else ""
        if not path.startswith(prefix):
            return None
        result = self.spec.check_file(path[len(prefix) :])
        if result.include is None or result.index is None:
            return None
        return result.include, self.reasons[result.index]


@dataclass
class IgnoreRules:
    """Everything that keeps a path from being sent."""

    _always: _Patterns
    _files: list[_Patterns]
    _excluded: _Patterns | None
    _folders: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def read(cls, workspace: Workspace, notebook_folder: str, exclude: tuple[str, ...]) -> IgnoreRules:
        """The rules for a notebook: of the root, each folder down to the notebook's, and the request's.

        Raises InvalidRequest for an exclude pattern that cannot be read.
        """
        parts = notebook_folder.split("/") if notebook_folder else []
        folders = ["/".join(parts[:depth]) for depth in range(len(parts) + 1)]
        files = [patterns for folder in folders if (patterns := _read_ignore_file(workspace, folder))]
        return cls(_always_ignored(), files, _excluded(exclude))

    def reason(self, path: str, *, is_folder: bool = False) -> str | None:
        """Why a path does not go; None when no rule keeps it."""
        parent = path.rpartition("/")[0]
        if parent and (why := self._folder_reason(parent)):
            return why
        return self._own_reason(path + "/" if is_folder else path)

    def _folder_reason(self, folder: str) -> str | None:
        if folder not in self._folders:
            self._folders[folder] = self.reason(folder, is_folder=True)
        return self._folders[folder]

    def _own_reason(self, path: str) -> str | None:
        if (always := self._always.verdict(path)) and always[0]:
            return always[1]
        if self._excluded and (excluded := self._excluded.verdict(path)) and excluded[0]:
            return excluded[1]
        for patterns in reversed(self._files):  # the deepest file has the last word, as in Git
            if verdict := patterns.verdict(path):
                return verdict[1] if verdict[0] else None
        return None


def _always_ignored() -> _Patterns:
    pairs = [(pattern, f"never sent: {why}") for why, patterns in _ALWAYS.items() for pattern in patterns]
    return _Patterns("", GitIgnoreSpec.from_lines([pattern for pattern, _ in pairs]), tuple(why for _, why in pairs))


def _excluded(exclude: tuple[str, ...]) -> _Patterns | None:
    kept = [pattern for pattern in exclude if pattern.strip()]
    if not kept:
        return None
    unreadable = next((pattern for pattern in kept if not _is_readable(pattern)), None)
    if unreadable is not None:
        message = f"The exclude pattern {unreadable[:100]!r} is not valid gitignore syntax."
        raise InvalidRequest(message, [FieldError(field="exclude", message=message)])
    return _Patterns("", GitIgnoreSpec.from_lines(kept), tuple(f"excluded by {pattern}" for pattern in kept))


def _is_readable(pattern: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([pattern])
    except ValueError:
        return False
    return True


def _read_ignore_file(workspace: Workspace, folder: str) -> _Patterns | None:
    path = f"{folder}/{IGNORE_FILE}" if folder else IGNORE_FILE
    source = workspace.absolute(path)
    if not os.path.isfile(source) or not workspace.holds(source):  # noqa: PTH113 - asked for every folder; Path is slower
        return None
    try:
        with source.open("rb") as stream:
            lines = stream.read(MAX_IGNORE_BYTES).decode("utf-8-sig", "replace").splitlines()
    except OSError:
        return None
    kept: list[str] = []
    reasons: list[str] = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and _is_readable(line):  # Git, too, passes over a line that it cannot read
            kept.append(line)
            reasons.append(f"ignored by {path}, line {number}: {line.strip()}")
    return _Patterns(folder, GitIgnoreSpec.from_lines(kept), tuple(reasons)) if kept else None
