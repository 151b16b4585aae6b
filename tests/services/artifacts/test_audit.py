"""On a hub, reading a model's files leaves a line in the hub service's audit log: a real service, a real MLflow."""

from __future__ import annotations

import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import Mlflow, until
from tests.hub.service.conftest import Service, hub_double, service, settings, state

from windlass.errors import InvalidRequest, NotFound, Unavailable
from windlass.hub.broker import HubBroker
from windlass.services.artifacts.audit import ModelAudit
from windlass.services.artifacts.source import ArtifactSources
from windlass.services.experiments.cache import RunCache
from windlass.services.experiments.reading import RunReader
from windlass.tracking.tracking import Tracking
from windlass_hub.service.audit import Entry

__all__ = ["hub_double", "service", "settings", "state"]

pytestmark = pytest.mark.mlflow


@dataclass
class Trained:
    """A run with files of its own, a model folder among them, and a LoggedModel beside them."""

    mlflow: Mlflow
    experiment: str
    run: str
    model: str

    def version(self, source: str, **more: str) -> str:
        """Register it; answers the model's name."""
        name = f"audited-{uuid.uuid4().hex[:6]}"
        self.mlflow.ask("registered-models/create", {"name": name})
        body = {"name": name, "source": source, "run_id": self.run, **more}
        self.mlflow.ask("model-versions/create", body)
        return name


@pytest.fixture
def trained(mlflow: Mlflow) -> Trained:
    until(lambda: _is_up(mlflow.url), what="MLflow's start")
    experiment = str(mlflow.ask("experiments/create", {"name": uuid.uuid4().hex})["experiment_id"])
    run = str(mlflow.ask("runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"])
    body = {"experiment_id": experiment, "name": "m", "source_run_id": run}
    model = str(mlflow.ask("logged-models", body)["model"]["info"]["model_id"])
    mlflow.ask("runs/outputs", {"run_id": run, "models": [{"model_id": model, "step": 0}]})
    files = (f"{run}/artifacts/notes.txt", f"{run}/artifacts/model/MLmodel", f"models/{model}/artifacts/MLmodel")
    for file in files:
        place = f"{mlflow.url}/api/2.0/mlflow-artifacts/artifacts/{experiment}/{file}"
        httpx.put(place, content=b"flavors: {}").raise_for_status()
    return Trained(mlflow, experiment, run, model)


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=10).status_code == 200
    except httpx.HTTPError:
        return False


@asynccontextmanager
async def reading(trained: Trained, folder: Path, broker: HubBroker | None) -> AsyncIterator[ArtifactSources]:
    """As ann's server reads files."""
    tracking = Tracking(data_dir=folder, configured_uri=trained.mlflow.url, python=sys.executable)
    runs = RunReader(tracking=tracking, cache=RunCache())
    try:
        yield ArtifactSources(tracking=tracking, runs=runs, audit=ModelAudit(broker=broker))
    finally:
        await tracking.close()
        if broker is not None:
            await broker.close()


def broker_of(service: Service) -> HubBroker:
    return HubBroker(url=f"{service.url}api", token=service.tokens["ann"])


async def lines(service: Service) -> list[Entry]:
    assert await service.state.audit.settled()
    return list(reversed(await service.state.audit.latest(action="model.read")))


async def read(sources: ArtifactSources, trained: Trained, path: str, **whose: Any) -> None:
    source = await sources.of(trained.run, **whose)
    assert (await source.read(path, limit_bytes=100))[0] == b"flavors: {}"
    async with source.stream(path) as streamed:
        assert b"".join([chunk async for chunk in streamed.chunks]) == b"flavors: {}"


async def test_reading_a_models_files_leaves_lines_and_other_files_none(
    service: Service, trained: Trained, tmp_path: Path
) -> None:
    in_run = trained.version(f"mlflow-artifacts:/{trained.experiment}/{trained.run}/artifacts/model")
    async with reading(trained, tmp_path, broker_of(service)) as sources:
        await read(sources, trained, "notes.txt")
        await (await sources.of(trained.run)).list("model")
        assert await lines(service) == []
        await read(sources, trained, "model/MLmodel")
        await read(sources, trained, "MLmodel", model_id=trained.model)
    found = [(line.who, line.target, line.detail["path"]) for line in await lines(service)]
    of_run = ("ann", f"run {trained.run}", f"{trained.model}/MLmodel")
    assert found == [("ann", f"{in_run}/1", "model/MLmodel")] * 2 + [of_run] * 2


@pytest.mark.parametrize(
    "path",
    [
        "%6dodel/MLmodel",
        "model%252FMLmodel",
        " model/MLmodel",
        "model/MLmodel?",
        "model/MLmodel;",
        "file:model/MLmodel",
    ],
)
async def test_a_name_that_mlflow_takes_for_a_models_file_reads_none(
    service: Service, trained: Trained, tmp_path: Path, path: str
) -> None:
    trained.version(f"mlflow-artifacts:/{trained.experiment}/{trained.run}/artifacts/model")
    async with reading(trained, tmp_path, broker_of(service)) as sources:
        source = await sources.of(trained.run)
        with pytest.raises(InvalidRequest, match="takes that for"):
            await source.read(path, limit_bytes=100)
        with pytest.raises(NotFound, match="control characters"):
            await source.read("mo\tdel/MLmodel", limit_bytes=100)


async def test_a_model_that_is_all_of_its_runs_files_is_written_down(
    service: Service, trained: Trained, tmp_path: Path
) -> None:
    name = trained.version(f"mlflow-artifacts:/{trained.experiment}/{trained.run}/artifacts")
    async with reading(trained, tmp_path, broker_of(service)) as sources:
        await (await sources.of(trained.run)).read("notes.txt", limit_bytes=1)
    assert [(line.target, line.detail["path"]) for line in await lines(service)] == [(f"{name}/1", "notes.txt")]


async def test_a_registered_logged_model_is_named_in_its_line(
    service: Service, trained: Trained, tmp_path: Path
) -> None:
    name = trained.version(f"models:/{trained.model}", model_id=trained.model)
    async with reading(trained, tmp_path, broker_of(service)) as sources:
        await (await sources.of(trained.run, model_id=trained.model)).read("MLmodel", limit_bytes=1)
    assert [(line.target, line.detail["path"]) for line in await lines(service)] == [(f"{name}/1", "MLmodel")]


async def test_a_model_is_not_read_while_the_line_cannot_be_written(
    service: Service, trained: Trained, tmp_path: Path
) -> None:
    gone = HubBroker(url="http://127.0.0.1:1/api", token="x")
    async with reading(trained, tmp_path, gone) as sources:
        source = await sources.of(trained.run, model_id=trained.model)
        with pytest.raises(Unavailable, match="hub"):
            await source.read("MLmodel", limit_bytes=1)
        await read(sources, trained, "notes.txt")


async def test_without_a_hub_nothing_is_asked(trained: Trained, tmp_path: Path) -> None:
    async with reading(trained, tmp_path, None) as sources:
        await read(sources, trained, "MLmodel", model_id=trained.model)
