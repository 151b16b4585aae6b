"""Files of runs and LoggedModels, through the tracking server: it reads the stores, whatever they are.

Where the server itself cannot (a folder of another machine, a bucket it has no rights to), that is said. Nothing is
judged by its content here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote, unquote, urlparse, urlunparse

from windlass.errors import FieldError, InvalidRequest, Unavailable
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.reads.pages import Page, missing, page_of
from windlass.tracking.rest import MlflowHttp, Query, Streamed

_BEYOND = (
    "MLflow cannot read this file itself: {said} Where artifacts lie beyond the server's reach, a notebook that has "
    "the rights can: mlflow.artifacts.download_artifacts."
)

_MOST_DECODINGS = 10


class ArtifactReads:
    """Artifacts of one server. One of `run_id` and `model_id` names whose; paths are relative to the artifact root.

    Methods raise InvalidRequest for a path that leads elsewhere, MlflowRefused (`is_missing`) for what is not there,
    and Unavailable where MLflow's server has no way to the store.
    """

    def __init__(self, http: MlflowHttp) -> None:
        self._http = http

    async def list(
        self, *, run_id: str | None = None, model_id: str | None = None, path: str = "", page_token: str | None = None
    ) -> Page:
        """What is directly in a folder: `path`, `is_dir`, `file_size` in bytes. Of what is no folder: nothing."""
        folder = checked(path) if path.strip("/") else ""
        query: dict[str, str | int | list[str]] = {"page_token": page_token} if page_token else {}
        if model_id is not None:
            endpoint = f"logged-models/{_segment(model_id)}/artifacts/directories"
            query |= {"artifact_directory_path": folder} if folder else {}
        else:
            endpoint = "artifacts/list"
            query |= {"run_id": run_id or ""} | ({"path": folder} if folder else {})
        try:
            return page_of(await self._http.get(endpoint, query), "files")
        except MlflowRefused as refused:
            raise _explained(refused) from refused

    @asynccontextmanager
    async def stream(
        self, *, run_id: str | None = None, model_id: str | None = None, path: str
    ) -> AsyncIterator[Streamed]:
        """A file's bytes as they come."""
        endpoint, query = _file(run_id, model_id, checked(path))
        try:
            async with self._http.stream(endpoint, query) as streamed:
                yield streamed
        except MlflowRefused as refused:
            if refused.is_invalid and "directory" in str(refused):
                raise not_a_file(path) from refused
            if refused.status >= 500:
                await self._look_for(run_id, model_id, path)
            raise _explained(refused) from refused

    async def _look_for(self, run_id: str | None, model_id: str | None, path: str) -> None:
        """Raise what a server of 2.x should have: it answers 500 for a file that is not there, and for a folder."""
        folder = path.rstrip("/").rpartition("/")[0]
        listed = {
            str(item.get("path")): item for item in (await self.list(run_id=run_id, model_id=model_id, path=folder))[0]
        }
        found = listed.get(path.rstrip("/"))
        if found is None:
            raise missing(f"There is no file {path!r} among the artifacts.")
        if found.get("is_dir"):
            raise not_a_file(path)

    async def read(
        self, *, run_id: str | None = None, model_id: str | None = None, path: str, limit_bytes: int
    ) -> tuple[bytes, int | None]:
        """A file's first bytes, and its size where the server tells."""
        async with self.stream(run_id=run_id, model_id=model_id, path=path) as streamed:
            data = bytearray()
            async for chunk in streamed.chunks:
                data += chunk
                if len(data) > limit_bytes:
                    return bytes(data[:limit_bytes]), streamed.size_bytes
            return bytes(data), len(data)


def checked(path: str) -> str:
    """A relative path without trailing slash, that MLflow reads as it is written.

    Raises InvalidRequest when it leads out of the artifacts or MLflow would read another file, and MlflowRefused
    (`is_missing`) for control characters, which MLflow takes in no name.
    """
    trimmed = path.rstrip("/")
    parts = trimmed.split("/")
    if "\\" in trimmed or "\0" in trimmed or any(part in ("", ".", "..") for part in parts):
        message = "This is no path among the artifacts: name it relative to their root, without '..'."
        raise InvalidRequest(message, fields=[FieldError(field="path", message=message)])
    read_as = _as_mlflow_reads(trimmed)
    if read_as == trimmed:
        return trimmed
    if not trimmed.isprintable():
        raise missing(f"MLflow takes no control characters in names, as in {trimmed!r}.")
    message = f"MLflow cannot read {trimmed!r}: it takes that for {read_as!r}."
    raise InvalidRequest(message, fields=[FieldError(field="path", message=message)])


def _as_mlflow_reads(path: str) -> str:
    """What MLflow makes of a path: decoded until nothing changes, and passed through a parser of addresses.

    So `%6dodel/MLmodel`, ` model/MLmodel` and `file:model/MLmodel` are all `model/MLmodel` to it, and what is judged
    by its name here, as what goes into an audit log, would be another file there.
    """
    for _ in range(_MOST_DECODINGS):
        try:
            decoded = urlunparse(urlparse(unquote(path)))
        except ValueError:
            return ""
        if decoded == path:
            return path.partition(":")[2] if path.lower().startswith("file:") else path
        path = decoded
    return path


def not_a_file(path: str) -> InvalidRequest:
    """What is said of a folder where a file is needed."""
    message = f"{path!r} is a folder: name a file in it."
    return InvalidRequest(message, fields=[FieldError(field="path", message=message)])


def _file(run_id: str | None, model_id: str | None, path: str) -> tuple[str, Query]:
    if model_id is not None:
        return f"/ajax-api/2.0/mlflow/logged-models/{_segment(model_id)}/artifacts/files", {"artifact_file_path": path}
    return "/get-artifact", {"run_id": run_id or "", "path": path}


def _segment(model_id: str) -> str:
    if model_id in ("", ".", ".."):
        raise missing(f"There is no model {model_id!r} in MLflow.")
    return quote(model_id, safe="")


def _explained(refused: MlflowRefused) -> Exception:
    return Unavailable(_BEYOND.format(said=refused)) if refused.status >= 500 else refused
