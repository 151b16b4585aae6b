"""MLflow by REST: what the records need of it, over one connection pool.

Credentials come from MLflow's own variables or the address, go into headers only, and appear in no message. No
`Origin` is ever sent: MLflow refuses foreign ones. It knows no jobs.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from windlass.errors import Unavailable, Upstream, WindlassError
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.rest import MlflowHttp, Query

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MlflowRefused", "MlflowRest", "NeedsMlflow"]

_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
_EXPERIMENTS_AT_ONCE = 500
_RUNS_AT_ONCE = 100
MAX_TAGS = 100
MAX_PARAMS = 100
MAX_METRICS = 1000
MAX_VALUE_LENGTH = 5000


class NeedsMlflow(WindlassError):
    """The artifacts lie where only MLflow itself can put them (a bucket, a file system)."""


class MlflowRest:
    """One tracking server. Methods raise Unavailable when it is away and MlflowRefused when it will not.

    Args:
        uri: its address.
        environ: where MLflow's own variables with the credentials are.
    """

    def __init__(self, uri: str, *, environ: Mapping[str, str] = os.environ) -> None:
        self._http = MlflowHttp(uri, environ=environ)
        self.url = self._http.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def replay(self, path: str, body: Mapping[str, Any]) -> None:
        """Make a call as MLflow's own client would have made it; one that MLflow refuses by now is passed over."""
        with contextlib.suppress(MlflowRefused):
            await self._post(path, body)

    async def answers(self) -> bool:
        """Whether MLflow is there; waits for an embedded one that is starting. Never raises."""
        try:
            await self._http.text("/health")
        except Unavailable:
            return False
        except Upstream:
            return True
        return True

    async def experiment_id(self, name: str) -> str:
        """Id of the experiment of that name, made when there is none."""
        for _ in range(2):
            try:
                found = await self._get("experiments/get-by-name", {"experiment_name": name})
            except MlflowRefused as refusal:
                if not refusal.is_missing:
                    raise
            else:
                experiment = found["experiment"]
                if experiment.get("lifecycle_stage") == "deleted":
                    message = f"The experiment {name!r} was deleted in MLflow: restore it there, or name another one."
                    raise MlflowRefused(message, error_code="INVALID_STATE", status=400)
                return str(experiment["experiment_id"])
            try:
                return str((await self._post("experiments/create", {"name": name}))["experiment_id"])
            except MlflowRefused as refusal:
                if refusal.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
        raise Unavailable(f"MLflow neither has nor makes the experiment {name!r}.")

    async def experiment_name(self, experiment_id: str) -> str | None:
        """Name of an experiment; None when it is gone."""
        try:
            found = await self._get("experiments/get", {"experiment_id": experiment_id})
        except MlflowRefused as refusal:
            if refusal.is_missing:
                return None
            raise
        return str(found["experiment"]["name"])

    async def get_run(self, run_id: str) -> dict[str, Any] | None:
        """A run as MLflow has it; None when there is none or it was deleted."""
        try:
            run: dict[str, Any] = (await self._get("runs/get", {"run_id": run_id}))["run"]
        except MlflowRefused as refusal:
            if refusal.is_missing:
                return None
            raise
        return run if run["info"].get("lifecycle_stage") == "active" else None

    async def runs_tagged(self, experiment_id: str, tags: Mapping[str, str]) -> list[dict[str, Any]]:
        """Runs of an experiment that carry all these tags (values without quotes), oldest first, at most 100."""
        return await self._runs_in([experiment_id], tags)

    async def runs_tagged_anywhere(self, tags: Mapping[str, str], *, most: int = 100) -> list[dict[str, Any]]:
        """Runs of whatever experiment that carry all these tags, oldest first, at most `most` per 500 experiments."""
        found: list[dict[str, Any]] = []
        some: list[str] = []
        async for experiment_id in self._experiment_ids():
            some.append(experiment_id)
            if len(some) == _EXPERIMENTS_AT_ONCE:
                found += await self._runs_in(some, tags, most=most)
                some = []
        if some:
            found += await self._runs_in(some, tags, most=most)
        return sorted(found, key=lambda run: int(run["info"].get("start_time") or 0))

    async def create_run(
        self, *, experiment_id: str, name: str, start_time: float | None, tags: Mapping[str, str]
    ) -> dict[str, Any]:
        """Make a run (`start_time` in POSIX seconds)."""
        body: dict[str, Any] = {"experiment_id": experiment_id, "run_name": name, "tags": _pairs(tags)}
        if start_time is not None:
            body["start_time"] = int(start_time * 1000)
        run: dict[str, Any] = (await self._post("runs/create", body))["run"]
        return run

    async def log_batch(self, run_id: str, *, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Set parameters (which must not be there with another value) and tags of a run."""
        for some in _slices(_pairs(params), MAX_PARAMS):
            await self._post("runs/log-batch", {"run_id": run_id, "params": some})
        for some in _slices(_pairs(tags), MAX_TAGS):
            await self._post("runs/log-batch", {"run_id": run_id, "tags": some})

    async def log_metrics(self, run_id: str, metrics: Mapping[str, float], *, at: float, step: int = 0) -> None:
        """Set metrics of a run at a time (POSIX seconds) and step; the same once more changes nothing."""
        time_ms = round(at * 1000)
        values = [
            {"key": key, "value": _number(value), "timestamp": time_ms, "step": step} for key, value in metrics.items()
        ]
        for start in range(0, len(values), MAX_METRICS):
            await self._post("runs/log-batch", {"run_id": run_id, "metrics": values[start : start + MAX_METRICS]})

    async def end_run(self, run_id: str, *, status: str, end_time: float | None) -> None:
        """Close a run (`end_time` in POSIX seconds)."""
        body: dict[str, Any] = {"run_id": run_id, "status": status}
        if end_time is not None:
            body["end_time"] = int(end_time * 1000)
        await self._post("runs/update", body)

    async def delete_run(self, run_id: str) -> None:
        """Put a run into MLflow's bin; one that is not there is passed over."""
        try:
            await self._post("runs/delete", {"run_id": run_id})
        except MlflowRefused as refusal:
            if not refusal.is_missing:
                raise

    async def artifact_sizes(self, run_id: str, folder: str) -> dict[str, int]:
        """Sizes in bytes of the files in a folder of a run's artifacts, by path."""
        sizes: dict[str, int] = {}
        token: str | None = None
        while True:
            page = await self._get(
                "artifacts/list", {"run_id": run_id, "path": folder} | ({"page_token": token} if token else {})
            )
            for file in page.get("files", []):
                if not file.get("is_dir"):
                    sizes[str(file["path"])] = int(file.get("file_size") or 0)
            token = page.get("next_page_token")
            if not token:
                return sizes

    async def upload(self, run: Mapping[str, Any], path: Path, *, artifact_path: str) -> None:
        """Put a file among a run's artifacts, through the tracking server.

        Raises NeedsMlflow when the artifacts do not lie with a server.
        """
        await self._http.put_file(self._artifact_endpoint(str(run["info"]["artifact_uri"]), artifact_path), path)

    def _artifact_endpoint(self, artifact_uri: str, artifact_path: str) -> str:
        parts = urlsplit(artifact_uri)
        path = quote(f"{parts.path.strip('/')}/{artifact_path}")
        if parts.scheme == "mlflow-artifacts":
            # An authority in the address is the server as its clients are to see it, which is how we see it.
            return f"{_ARTIFACTS}/{path}"
        if parts.scheme in ("http", "https") and artifact_uri.startswith(self.url + "/"):
            return f"/{path}".removeprefix(urlsplit(self.url).path)
        raise NeedsMlflow(f"Artifacts of scheme {parts.scheme or 'file'!r} are put there by MLflow itself.")

    async def _runs_in(
        self, experiment_ids: list[str], tags: Mapping[str, str], *, most: int = 100
    ) -> list[dict[str, Any]]:
        where = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        body = {
            "experiment_ids": experiment_ids,
            "filter": where,
            "max_results": _RUNS_AT_ONCE,
            "order_by": ["attributes.start_time"],
        }
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            page = await self._post("runs/search", body | ({"page_token": token} if token else {}))
            found += page.get("runs", [])
            token = str(page.get("next_page_token") or "")
            if not token or len(found) >= most:
                return found[:most]

    async def _experiment_ids(self) -> AsyncIterator[str]:
        token = ""
        while True:
            body = {"max_results": 1000} | ({"page_token": token} if token else {})
            page = await self._post("experiments/search", body)
            for experiment in page.get("experiments", []):
                yield str(experiment["experiment_id"])
            token = str(page.get("next_page_token") or "")
            if not token:
                return

    async def _get(self, endpoint: str, query: Query) -> dict[str, Any]:
        return await self._http.get(endpoint, query)

    async def _post(self, endpoint: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._http.post(endpoint, body)


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value[:MAX_VALUE_LENGTH]} for key, value in values.items()]


def _number(value: float) -> float | str:
    """As Protobuf's JSON has it: numbers that JSON does not have are words."""
    return "NaN" if math.isnan(value) else value


def _slices(items: list[dict[str, str]], size: int) -> Iterable[list[dict[str, str]]]:
    return (items[start : start + size] for start in range(0, len(items), size))
