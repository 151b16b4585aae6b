"""What goes and what does not: the closure, the include patterns, the rules, the cap, joined into two lists.

Every file has one reason, and what a person might expect to go and does not has one, too. Reads names and sizes only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from windlass.bundle.closure import Closure
from windlass.bundle.ignore import IgnoreRules
from windlass.bundle.include import LookBudget, Match, matches
from windlass.bundle.notebook import Notebook
from windlass.bundle.paths import NotSendable, SendableFile, Workspace, readable_size
from windlass.contract.preview import Finding, LeftOutFile, Severity
from windlass.errors import BundleRefused, FieldError, InvalidRequest

MAX_FILES = 20_000
MAX_LEFT_OUT = 500
MAX_NEIGHBOURS = 100
MAX_NEIGHBOURS_LOOKED_AT = 2_000
OFFENDERS_NAMED = 5


@dataclass(kw_only=True)
class Selection:
    """The outcome, by path relative to the root."""

    files: dict[str, tuple[SendableFile, str]] = field(default_factory=dict)
    left_out: dict[str, tuple[int | None, str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def left_out_files(self) -> list[LeftOutFile]:
        """What does not go, sorted, at most MAX_LEFT_OUT."""
        ordered = sorted(self.left_out.items())[:MAX_LEFT_OUT]
        return [
            LeftOutFile(path=_printable(path), size_bytes=size, reason=_printable(why)) for path, (size, why) in ordered
        ]


def select(
    *,
    workspace: Workspace,
    notebook: Notebook,
    closure: Closure,
    rules: IgnoreRules,
    include: Sequence[str],
    max_bytes: int,
) -> Selection:
    """Choose the files.

    Raises:
        InvalidRequest: an include pattern cannot be followed.
        BundleRefused: more than `max_bytes` bytes or MAX_FILES files would go; the largest are named.
    """
    selection = Selection(files=dict(closure.files), left_out=dict(closure.left_out))
    selection.findings.extend(_not_sent_though_imported(closure))
    budget = LookBudget()
    for pattern in include:
        if pattern.strip():
            every = matches(workspace, rules, pattern, budget=budget)
            found = [match for match in every if match.path != notebook.path]
            if not found:
                selection.notices.append(f"The include pattern {_printable(pattern)!r} matches no further file.")
            _add_matches(selection, workspace, found, max_bytes=max_bytes)
    _check_caps(selection, notebook, max_bytes)
    _note_neighbours(selection, workspace, notebook, rules)
    for path in [*selection.files, notebook.path]:
        selection.left_out.pop(path, None)
    return selection


def _not_sent_though_imported(closure: Closure) -> Iterable[Finding]:
    for path, why, place in closure.broken:
        yield Finding(
            rule="left-out-import",
            severity=Severity.WARNING,
            message=_printable(f"{path} is imported here and does not go: {why}."),
            fix="Take it out of .windlassignore or the exclude patterns, or do without the import.",
            path=place.path,
            cell=place.cell,
            line=place.line,
        )


def _add_matches(selection: Selection, workspace: Workspace, found: list[Match], *, max_bytes: int) -> None:
    for match in found:
        if match.path in selection.files:
            continue
        pattern = _printable(match.pattern)
        reason = f"matches include {pattern}" if not match.literal else "named by include"
        try:
            if match.left_out is not None:
                raise NotSendable(match.left_out)
            file = workspace.file(match.path)
        except NotSendable as problem:
            selection.left_out.setdefault(match.path, (None, str(problem)))
            if match.literal:
                selection.notices.append(
                    _printable(f"{match.path} was asked for by include and does not go: {problem}.")
                )
            continue
        if file.size_bytes > max_bytes and not match.literal:
            _leave_out_as_too_large(selection, file, max_bytes)
            continue
        selection.files[match.path] = (file, reason)
        if len(selection.files) > MAX_FILES:
            message = f"The include pattern {pattern!r} brings the bundle to more than {MAX_FILES:,} files."
            raise InvalidRequest(message, [FieldError(field="include", message=message)])


def _leave_out_as_too_large(selection: Selection, file: SendableFile, max_bytes: int) -> None:
    why = f"too large: {readable_size(file.size_bytes)}, and {readable_size(max_bytes)} can be sent in all"
    selection.left_out.setdefault(file.path, (file.size_bytes, why))
    selection.findings.append(
        Finding(
            rule="too-large",
            severity=Severity.WARNING,
            message=_printable(f"{file.path} does not go: it is {why}."),
            fix="Read it from storage that the job can reach.",
            path=file.path,
        )
    )


def _check_caps(selection: Selection, notebook: Notebook, max_bytes: int) -> None:
    sizes = {path: file.size_bytes for path, (file, _) in selection.files.items()}
    sizes[notebook.path] = len(notebook.content)
    total = sum(sizes.values())
    if total <= max_bytes:
        return
    largest = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:OFFENDERS_NAMED]
    named = ", ".join(f"{_printable(path)} ({readable_size(size)})" for path, size in largest)
    raise BundleRefused(
        f"The bundle would hold {readable_size(total)}, and at most {readable_size(max_bytes)} can be sent. "
        f"The largest files: {named}. Exclude what is not needed, or read it from storage that the job can reach.",
        [FieldError(field="include", message=f"{readable_size(total)} is more than {readable_size(max_bytes)}.")],
        {
            "total_bytes": total,
            "max_bytes": max_bytes,
            "offenders": [{"path": _printable(path), "size_bytes": size} for path, size in largest],
        },
    )


def _note_neighbours(selection: Selection, workspace: Workspace, notebook: Notebook, rules: IgnoreRules) -> None:
    """What lies beside the notebook and does not go; one folder is looked at, never a tree."""
    names = _names_in(workspace, notebook.folder)
    prefix = f"{notebook.folder}/" if notebook.folder else ""
    folders_sent = {path[len(prefix) :].split("/")[0] for path in selection.files if path.startswith(prefix)}
    noted = 0
    for name, is_folder, size in names:
        path = prefix + name
        if name.startswith(".") or name in folders_sent or path == notebook.path or path in selection.left_out:
            continue
        why = rules.reason(path, is_folder=is_folder)
        if why is not None and why.startswith("never sent"):
            continue
        noted += 1
        if noted > MAX_NEIGHBOURS:
            selection.notices.append(f"More lies beside the notebook than the {MAX_NEIGHBOURS} entries listed.")
            return
        selection.left_out[path] = (
            size,
            why or f"nothing imports {'from it' if is_folder else 'it'}, and no include names it",
        )


def _names_in(workspace: Workspace, folder: str) -> list[tuple[str, bool, int | None]]:
    """(name, is a folder, size) of what is in a folder, sorted; of a huge one, the first that come."""
    found: list[tuple[str, bool, int | None]] = []
    try:
        with os.scandir(workspace.absolute(folder)) as entries:
            for entry in entries:
                is_folder = entry.is_dir()
                size = entry.stat(follow_symlinks=False).st_size if entry.is_file(follow_symlinks=False) else None
                found.append((entry.name, is_folder, size))
                if len(found) >= MAX_NEIGHBOURS_LOOKED_AT:
                    break
    except OSError:
        return sorted(found)
    return sorted(found)


def _printable(text: str) -> str:
    """Text that JSON in UTF-8 can carry: a name that is no UTF-8 is shown with its bytes escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
