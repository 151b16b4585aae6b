"""The head of a Parquet file, read by a short-lived process with pyarrow: never in the Jupyter process.

pyarrow is 100 MB that the server does without, and its reader is a large piece of C++ that meets files from anywhere
here. So the process has limits, an environment without secrets, and an end; which Python has pyarrow is found out by
trying the one of the run's job, then the server's own.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from windlass.contract.artifacts import ArtifactTable
from windlass.ledger.jobs import JobLedger
from windlass.services.artifacts import parquet_head
from windlass.services.artifacts.source import ArtifactSource
from windlass.services.artifacts.tables import MOST_COLUMNS, MOST_ROWS, cell
from windlass.services.experiments.jobs import jobs_of
from windlass.services.experiments.rows import shortened

PARQUET_BYTES = 64 << 20
LONGEST_SECONDS = 30.0
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "SYSTEMROOT")
_NO_PYARROW = (
    "To show a Parquet file, pyarrow 14.0.1 or later is needed in the Jupyter server's Python "
    "(pip install pyarrow). Download the file to read it elsewhere."
)
_UNREADABLE = "This Parquet file cannot be read: it is damaged, or needs more than is allowed to show it. Download it."


class ParquetHead(NamedTuple):
    """What can be shown of a Parquet file."""

    table: ArtifactTable | None
    size_bytes: int | None
    message: str | None


class ParquetHeads:
    """Reads heads of Parquet files.

    Args:
        python: the interpreter of last resort.
        ledger: knows which one a run's job had.
    """

    def __init__(self, *, python: str, ledger: JobLedger) -> None:
        self._python = python
        self._ledger = ledger

    async def of(self, source: ArtifactSource, path: str, *, owner: str) -> ParquetHead:
        """The first rows; None with a sentence where they cannot be had. Raises as `ArtifactSource` does."""
        with tempfile.TemporaryDirectory(prefix="windlass-parquet-") as folder:
            file = Path(folder) / "table.parquet"
            async with source.stream(path) as streamed:
                size_bytes = streamed.size_bytes
                read = 0
                with file.open("wb") as out:
                    async for chunk in streamed.chunks:
                        read += len(chunk)
                        if read > PARQUET_BYTES or (size_bytes or 0) > PARQUET_BYTES:
                            limit = f"Parquet files of up to {PARQUET_BYTES >> 20} MiB are shown. Download it."
                            return ParquetHead(None, size_bytes, limit)
                        await asyncio.to_thread(out.write, chunk)
            status, out_bytes = await self._ask(file, await self._pythons(source, owner))
        if status == parquet_head.NO_PYARROW:
            return ParquetHead(None, read, _NO_PYARROW)
        found = _understood(out_bytes) if status == 0 else None
        if found is None:
            return ParquetHead(None, read, _UNREADABLE)
        return ParquetHead(_table(found), read, _message(found))

    async def _pythons(self, source: ArtifactSource, owner: str) -> list[str]:
        jobs = await jobs_of([source.record], ledger=self._ledger, owner=owner)
        pythons = [job.python for job in jobs.values()] + [self._python]
        return list(dict.fromkeys(python for python in pythons if python and Path(python).is_file()))

    async def _ask(self, file: Path, pythons: Sequence[str]) -> tuple[int | None, bytes]:
        """Status and output of the first Python that has pyarrow."""
        answer: tuple[int | None, bytes] = (parquet_head.NO_PYARROW, b"")
        for python in pythons:
            answer = await _run(python, file)
            if answer[0] != parquet_head.NO_PYARROW:
                break
        return answer


async def _run(python: str, file: Path) -> tuple[int | None, bytes]:
    """A process's status and output; None as status when it did not end in time."""
    kept = {name: value for name in _KEPT_VARIABLES if (value := os.environ.get(name)) is not None}
    process = await asyncio.create_subprocess_exec(
        python,
        "-I",
        str(parquet_head.__file__),
        str(file),
        str(MOST_ROWS),
        str(MOST_COLUMNS),
        cwd=file.parent,
        env=kept,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), LONGEST_SECONDS)
    except asyncio.TimeoutError:
        return None, b""
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode, out


def _understood(out: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(out)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _table(found: dict[str, Any]) -> ArtifactTable:
    rows = [[cell(value) for value in row] for row in found["rows"]]
    columns = [shortened(name) for name in found["columns"]]
    return ArtifactTable(columns=columns, rows=rows, more=found["total_rows"] > len(rows))


def _message(found: dict[str, Any]) -> str | None:
    shown, width = len(found["columns"]), found["total_columns"]
    return f"The first {shown} of {width} columns are shown." if width > shown else None
