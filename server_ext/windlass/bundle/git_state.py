"""The Git commit a notebook belongs to, and what differs from it.

Git is asked, never trusted: hooks, external diff programs, pagers and prompts that a repository's configuration could
start are switched off, every question has a deadline, and the diff is cut and masked. No Git, no repository, no answer:
then nothing is known, and that is said as None.
"""

from __future__ import annotations

import hashlib
import os
import selectors
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from windlass.bundle.secret_scan import mask
from windlass.contract.jobs import GitState

STATUS_SECONDS = 5.0
DIFF_SECONDS = 5.0
MAX_DIFF_BYTES = 1_000_000

_SAFE = (
    "--no-optional-locks",
    "--no-pager",
    "-c",
    "core.fsmonitor=false",
    "-c",
    f"core.hooksPath={os.devnull}",
    "-c",
    "core.quotePath=false",
    "-c",
    "color.ui=false",
)


@dataclass(frozen=True, kw_only=True)
class GitDiff:
    """How tracked files differ from the commit, as a patch; secrets masked."""

    text: str
    truncated: bool
    sha256: str
    """Of the patch as Git wrote it, up to the cut: two equal hashes mean the same uncommitted work."""


def git_state(folder: Path) -> GitState | None:
    """Commit, branch and whether tracked files differ; None without Git or a repository."""
    output = _git(
        folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no", "--ignore-submodules=dirty", "-z"
    )
    if output is None:
        return None
    commit: str | None = None
    branch: str | None = None
    dirty = False
    for entry in output.decode("utf-8", "replace").split("\0"):
        if entry.startswith("# branch.oid "):
            found = entry.removeprefix("# branch.oid ")
            commit = None if found == "(initial)" else found
        elif entry.startswith("# branch.head "):
            found = entry.removeprefix("# branch.head ")
            branch = None if found == "(detached)" else found
        elif entry and not entry.startswith("#"):
            dirty = True
    return GitState(commit=commit, branch=branch, dirty=dirty)


def git_diff(folder: Path) -> GitDiff | None:
    """The uncommitted changes of the whole work tree; None when they cannot be had in time."""
    executable = shutil.which("git")
    if executable is None:
        return None
    arguments = ["diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=dirty", "--"]
    with subprocess.Popen(
        [executable, *_SAFE, "-C", str(folder), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
    ) as process:
        data = _read_capped(process, deadline=time.monotonic() + DIFF_SECONDS)
        truncated = data is not None and len(data) > MAX_DIFF_BYTES
        if data is None or truncated:
            process.kill()
    if data is None or (not truncated and process.returncode != 0):
        return None
    kept = data[:MAX_DIFF_BYTES]
    lines = kept.decode("utf-8", "replace").splitlines(keepends=True)
    return GitDiff(
        text="".join(mask(line) for line in lines), truncated=truncated, sha256=hashlib.sha256(kept).hexdigest()
    )


def _read_capped(process: subprocess.Popen[bytes], *, deadline: float) -> bytes | None:
    """Its output up to just over the cap; None when the deadline passes first."""
    if process.stdout is None:
        return None
    data = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(data) <= MAX_DIFF_BYTES:
            if not selector.select(max(deadline - time.monotonic(), 0)):
                return None
            piece = os.read(process.stdout.fileno(), 65_536)
            if not piece:
                break
            data += piece
    return bytes(data)


def _git(folder: Path, *arguments: str) -> bytes | None:
    executable = shutil.which("git")
    if executable is None:
        return None
    try:
        answer = subprocess.run(
            [executable, *_SAFE, "-C", str(folder), *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=STATUS_SECONDS,
            env=_environment(),
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout


def _environment() -> dict[str, str]:
    """This process's environment without what would point Git at another repository or make it ask."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
