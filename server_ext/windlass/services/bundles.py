"""The bundles on disk: kept as long as a job has them, then removed.

A bundle is shared by all jobs of the same content and by all servers of a user, so it goes only when no job of the
ledger names it, and never within minutes of being written, when its job may not be in the ledger yet.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from windlass.errors import Conflict
from windlass.ledger.jobs import JobLedger

SPARED_SECONDS = 600
SUFFIX = ".tar.gz"
GONE = "What this job sent is no longer on disk. Send the notebook again instead."


class Bundles:
    """The folder of bundles."""

    def __init__(self, *, folder: Path, ledger: JobLedger) -> None:
        self.folder = folder
        self._ledger = ledger

    def path(self, sha256: str) -> Path:
        """Where the bundle of that hash lies, or would."""
        return self.folder / f"{sha256}{SUFFIX}"

    def existing(self, sha256: str | None) -> Path:
        """The bundle of that hash. Raises Conflict when it is gone."""
        path = self.path(sha256 or "none")
        if not path.is_file():
            raise Conflict(GONE)
        return path

    def prepare(self) -> None:
        """Make the folder. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def spare(self, path: Path) -> None:
        """Keep a bundle that is about to get a job from being swept away. Raises Conflict when it just was."""
        try:
            os.utime(path)
        except FileNotFoundError:
            raise Conflict(GONE) from None

    async def sweep(self) -> None:
        """Remove all bundles that no job needs."""
        for path in await asyncio.to_thread(self._candidates):
            if not await self._ledger.bundle_needed(path.name.removesuffix(SUFFIX)):
                await asyncio.to_thread(self._remove_if_old, path)

    def _candidates(self) -> list[Path]:
        return [path for path in self.folder.glob(f"*{SUFFIX}") if _is_old(path)]

    def _remove_if_old(self, path: Path) -> None:
        if _is_old(path):
            path.unlink(missing_ok=True)


def _is_old(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - SPARED_SECONDS
    except FileNotFoundError:
        return False
