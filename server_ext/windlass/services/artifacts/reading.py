"""A file's bytes, handed on as they come: no more of them in memory than what is under way.

To be saved, files of any kind go out; to be shown by a browser, only what `kinds` lists, and not too much of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from windlass.errors import ArtifactTooLarge
from windlass.services.artifacts.kinds import DOWNLOAD, served_as
from windlass.services.artifacts.source import ArtifactSources
from windlass.services.artifacts.viewing import SHOWN_BYTES

SAVED_BYTES = 20 << 30
_GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class OpenArtifact:
    """A file that is being read."""

    name: str
    """The last part of its path."""
    media_type: str
    inline: bool
    """May be shown by a browser, in a sandbox; else only saved."""
    size_bytes: int | None
    chunks: AsyncIterator[bytes]
    """Raises Unavailable when MLflow breaks off, and ArtifactTooLarge."""


class ArtifactReader:
    """Hands out files of runs and models. Raises as `ArtifactSource` does, and ArtifactTooLarge."""

    def __init__(
        self, *, sources: ArtifactSources, shown_bytes: int = SHOWN_BYTES, saved_bytes: int = SAVED_BYTES
    ) -> None:
        self._sources = sources
        self._shown_bytes = shown_bytes
        self._saved_bytes = saved_bytes

    @asynccontextmanager
    async def open(
        self, run_id: str, *, model_id: str | None = None, path: str, download: bool = False
    ) -> AsyncIterator[OpenArtifact]:
        """One file, to be shown or, with `download`, to be saved."""
        source = await self._sources.of(run_id, model_id=model_id)
        served = served_as(path)
        inline = served.inline and not download
        limit = self._shown_bytes if inline else self._saved_bytes
        async with source.stream(path) as streamed:
            if streamed.size_bytes is not None and streamed.size_bytes > limit:
                raise _too_large(limit, inline=inline)
            yield OpenArtifact(
                name=path.rstrip("/").rpartition("/")[2],
                media_type=served.media_type if inline else DOWNLOAD,
                inline=inline,
                size_bytes=streamed.size_bytes,
                chunks=_up_to(limit, streamed.chunks, inline=inline),
            )


async def _up_to(limit: int, chunks: AsyncIterator[bytes], *, inline: bool) -> AsyncIterator[bytes]:
    """The chunks, also of a server that does not say beforehand how many there will be."""
    read = 0
    async for chunk in chunks:
        read += len(chunk)
        if read > limit:
            raise _too_large(limit, inline=inline)
        yield chunk


def _too_large(limit: int, *, inline: bool) -> ArtifactTooLarge:
    if inline:
        return ArtifactTooLarge(f"Files of up to {limit / 2**20:,.0f} MiB are shown; this one is larger: download it.")
    return ArtifactTooLarge(
        f"Files of up to {limit / _GIB:,.0f} GiB go through the Jupyter server; this one is larger: "
        "get it with mlflow.artifacts.download_artifacts."
    )
