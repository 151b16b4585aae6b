"""MLflow by REST: what the records need of it, over one connection pool.

Credentials come from MLflow's own variables or the address, go into headers only, and appear in no message. No
`Origin` is ever sent: MLflow refuses foreign ones. It knows no jobs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from windlass.errors import Unavailable, WindlassError
from windlass.runner.mlflow_place import without_credentials

if TYPE_CHECKING:
    import httpx
    from typing_extensions import Self

_API = "/api/2.0/mlflow"
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
_TRANSIENT = frozenset({429, 502, 503, 504})
_ATTEMPTS = 3
_PROBE_SECONDS = 5.0
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 170.0
_CHUNK_BYTES = 1 << 20
_EXPERIMENTS_AT_ONCE = 500
_RUNS_AT_ONCE = 100
MAX_TAGS = 100
MAX_PARAMS = 100
MAX_VALUE_LENGTH = 5000


class MlflowRefused(WindlassError):
    """MLflow answers, but will not do it."""

    code = "mlflow-refused"
    title = "MLflow refuses this"

    def __init__(self, message: str, *, error_code: str, status: int) -> None:
        super().__init__(message)
        self.error_code = error_code
        self.status = status

    @property
    def is_missing(self) -> bool:
        """Whether the thing asked for does not exist."""
        return self.error_code == "RESOURCE_DOES_NOT_EXIST" or self.status == 404


class NeedsMlflow(WindlassError):
    """The artifacts lie where only MLflow itself can put them (a bucket, a file system)."""


async def reachable(uri: str) -> bool:
    """Whether an MLflow answers at an address, asked once; being refused for want of credentials counts."""
    import httpx

    try:
        async with httpx.AsyncClient(timeout=_PROBE_SECONDS, verify=_verify()) as http:
            response = await http.get(without_credentials(uri).rstrip("/") + "/health")
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return response.status_code not in (502, 503, 504)


def _verify() -> Any:
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("1", "true"):
        return False
    certificate = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    if certificate:
        import ssl

        return ssl.create_default_context(cafile=certificate)
    return True


def _authorization(uri: str, environ: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, str] | None]:
    """Headers and basic credentials: the address's own first, then MLflow's variables, in MLflow's order."""
    headers = {}
    if workspace := environ.get("MLFLOW_WORKSPACE"):
        headers["X-MLFLOW-WORKSPACE"] = workspace
    parts = urlsplit(uri)
    if parts.username:
        return headers, (unquote(parts.username), unquote(parts.password or ""))
    if username := environ.get("MLFLOW_TRACKING_USERNAME"):
        return headers, (username, environ.get("MLFLOW_TRACKING_PASSWORD", ""))
    if token := environ.get("MLFLOW_TRACKING_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    return headers, None


class MlflowRest:
    """One tracking server. Methods raise Unavailable when it is away and MlflowRefused when it will not.

    Args:
        uri: its address.
        environ: where MLflow's own variables with the credentials are.
    """

    def __init__(self, uri: str, *, environ: Mapping[str, str] = os.environ) -> None:
        import httpx

        self.url = without_credentials(uri).rstrip("/")
        headers, basic = _authorization(uri, environ)
        timeout = httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS)
        trust_env = urlsplit(uri).hostname not in ("127.0.0.1", "localhost", "::1")
        self._http: httpx.AsyncClient = httpx.AsyncClient(
            headers=headers,
            auth=httpx.BasicAuth(*basic) if basic else None,
            timeout=timeout,
            verify=_verify(),
            trust_env=trust_env,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def replay(self, path: str, body: Mapping[str, Any]) -> None:
        """Make a call as MLflow's own client would have made it; one that MLflow refuses by now is passed over."""
        with contextlib.suppress(MlflowRefused):
            await self._post(path, body)

    async def answers(self) -> bool:
        """Whether MLflow is there; waits for an embedded one that is starting. Never raises."""
        try:
            await self._send("GET", f"{self.url}/health")
        except Unavailable:
            return False
        except MlflowRefused:
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
        url = self._artifact_url(str(run["info"]["artifact_uri"]), artifact_path)
        size = path.stat().st_size
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        await self._send("PUT", url, path=path, headers=headers)

    def _artifact_url(self, artifact_uri: str, artifact_path: str) -> str:
        parts = urlsplit(artifact_uri)
        path = quote(f"{parts.path.strip('/')}/{artifact_path}")
        if parts.scheme == "mlflow-artifacts":
            # An authority in the address is the server as its clients are to see it, which is how we see it.
            return f"{self.url}{_ARTIFACTS}/{path}"
        if parts.scheme in ("http", "https") and artifact_uri.startswith(self.url + "/"):
            return f"{parts.scheme}://{parts.netloc}/{path}"
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

    async def _get(self, endpoint: str, query: Mapping[str, str]) -> dict[str, Any]:
        return await self._send("GET", f"{self.url}{_API}/{endpoint}", query=query)

    async def _post(self, endpoint: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._send("POST", f"{self.url}{_API}/{endpoint}", body=body)

    async def _send(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        path: Path | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        import httpx

        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(0.3 * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
            try:
                response = await self._http.request(
                    method,
                    url,
                    params=query,
                    json=body,
                    content=_chunks(path) if path is not None else None,
                    headers=headers,
                )
            except httpx.TransportError:
                continue
            if response.status_code not in _TRANSIENT:
                return _result(response)
        raise Unavailable(f"MLflow at {self.url} does not answer.")


def _result(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json() if response.content else {}
    except ValueError:
        answer = {}
    if not isinstance(answer, dict):
        answer = {}
    if response.status_code < 400:
        return answer
    code = str(answer.get("error_code", ""))
    said = str(answer.get("message", ""))[:300] or f"status {response.status_code}"
    if response.status_code in (401, 403):
        said = "it does not accept these credentials; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
        said += "MLFLOW_TRACKING_TOKEN, and start the server again"
    raise MlflowRefused(f"MLflow refused: {said}.", error_code=code, status=response.status_code)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while data := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield data


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value[:MAX_VALUE_LENGTH]} for key, value in values.items()]


def _slices(items: list[dict[str, str]], size: int) -> Iterable[list[dict[str, str]]]:
    return (items[start : start + size] for start in range(0, len(items), size))
