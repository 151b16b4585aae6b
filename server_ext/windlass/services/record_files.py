"""The files of a job's record, as they are put beside its run: executed notebook, logs, bundle.

Read through the engine, so that it does not matter where the job ran.
"""

from __future__ import annotations

import gzip
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

from windlass.engines.base import Engine
from windlass.errors import NotFound

_SLICE_BYTES = 1 << 20
_HEAD_CHARS = 1 << 20
_TAIL_CHARS = 9 << 20
_MOST_RANKS = 256


async def collect(folder: Path, *, engine: Engine, job_id: str, world_size: int, bundle: Path) -> dict[str, Path]:
    """Write a job's files into `folder`, the bundle excepted; answers them by artifact path.

    What is not there is left out.
    """
    files: dict[str, Path] = {}
    notebook = await engine.executed_notebook(job_id)
    if notebook is not None:
        path = folder / "executed.ipynb"
        path.write_bytes(notebook)
        files["windlass/executed.ipynb"] = path
    for rank in range(min(world_size, _MOST_RANKS)):
        files |= await _collect_log(folder, engine=engine, job_id=job_id, rank=rank)
    if bundle.exists():
        files["windlass/bundle.tar.gz"] = bundle
    return files


async def _collect_log(folder: Path, *, engine: Engine, job_id: str, rank: int) -> dict[str, Path]:
    """One rank's log: as it is up to 10 MB; beyond, its beginning and end to read, and the whole of it compressed."""
    name = f"rank-{rank}.log"
    plain, whole = folder / name, folder / f"{name}.gz"
    head_left, tail_chars, left_out = _HEAD_CHARS, 0, 0
    tail: deque[str] = deque()
    with plain.open("w", encoding="utf-8") as text, gzip.open(whole, "wt", encoding="utf-8") as everything:
        async for piece in _pieces(engine, job_id, rank):
            everything.write(piece)
            text.write(piece[:head_left])
            rest = piece[head_left:]
            head_left = max(0, head_left - len(piece))
            if rest:
                tail.append(rest)
                tail_chars += len(rest)
            while tail_chars - len(tail[0] if tail else "") > _TAIL_CHARS:
                dropped = len(tail.popleft())
                tail_chars -= dropped
                left_out += dropped
        if left_out:
            text.write(f"\n[… {left_out} characters left out here; all of them are in {name}.gz …]\n")
        text.writelines(tail)
    if plain.stat().st_size == 0:
        return {}
    files = {f"windlass/logs/{name}": plain}
    return files | ({f"windlass/logs/{name}.gz": whole} if left_out else {})


async def _pieces(engine: Engine, job_id: str, rank: int) -> AsyncIterator[str]:
    offset = 0
    while True:
        try:
            part = await engine.logs(job_id, rank=rank, offset=offset, limit_bytes=_SLICE_BYTES)
        except NotFound:
            return
        for piece in part.pieces:
            yield piece.text
        if part.next_offset <= offset:
            return
        offset = part.next_offset
