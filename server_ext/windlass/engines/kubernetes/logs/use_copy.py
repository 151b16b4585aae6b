"""What ranks in pods used, line by line as they tell it, in files like those that local ranks write themselves.

What comes is the user's code's word: fields of another type or size are left out, and there are only so many lines. A
log that is read a second time brings lines again, so one that is not younger than the last is known. Nothing here knows
of logs and frames.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from windlass.engines.job_folder.files import append_line
from windlass.engines.job_folder.paths import JobFolder
from windlass.runner import gpu_lines


class UseCopy:
    """One job's files. `add` takes lines in memory, `write` writes; one thread at a time."""

    def __init__(self, folder: JobFolder, *, most_lines: int = gpu_lines.MOST_LINES) -> None:
        self._folder = folder
        self._most_lines = most_lines
        self._files: dict[int, _File] = {}
        self._new: list[tuple[int, dict[str, Any]]] = []

    @property
    def changed(self) -> bool:
        """There is something that `write` would write."""
        return bool(self._new)

    def add(self, rank: int, value: object) -> None:
        """Take a line over, unless it is none or known."""
        line = gpu_lines.clean(value)
        if line is None:
            return
        file = self._file(rank)
        if file.last_at is None or line["at"] > file.last_at:
            file.last_at = line["at"]
            self._new.append((rank, {**line, "rank": rank}))

    def write(self) -> None:
        """Append what is new. Raises OSError; then call again later."""
        while self._new:
            rank, line = self._new[0]
            path, file = self._folder.use(rank), self._file(rank)
            if self._folder.path.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
            append_line(path, gpu_lines.encode([line]).decode("ascii").rstrip("\n"))
            del self._new[0]
            file.lines += 1
            if file.lines >= self._most_lines:
                file.lines = _halve(path)

    def _file(self, rank: int) -> _File:
        """How far a rank's file has come, also by an earlier process."""
        if rank not in self._files:
            try:
                known = gpu_lines.parse(self._folder.use(rank).read_bytes())
            except OSError:
                known = []
            self._files[rank] = _File(lines=len(known), last_at=known[-1]["at"] if known else None)
        return self._files[rank]


class _File:
    def __init__(self, *, lines: int, last_at: float | None) -> None:
        self.lines = lines
        self.last_at = last_at


def _halve(path: Path) -> int:
    """Put each two lines together; how many are left. Raises OSError."""
    known = gpu_lines.halved(gpu_lines.parse(path.read_bytes()))
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_bytes(gpu_lines.encode(known))
    draft.chmod(0o600)
    draft.replace(path)
    return len(known)
