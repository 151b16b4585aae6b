"""A desk whose server reads a real MLflow, with runs to find: plain ones, odd ones, and hostile ones."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import Mlflow, until
from tests.desk import Desk, open_desk
from tests.magics.conftest import Kernel, Server

from windlass.connection import Connection
from windlass.tracked import Tracked

HOSTILE = "\x1b]0;t\x07\x1b[2J<script>alert(1)</script>\u202e[bold]x[/] 😀"


@dataclass
class Place:
    """Where a person works, and what is in MLflow there."""

    desk: Desk
    server: Server
    mlflow: Mlflow
    kernel: Kernel
    tracked: Tracked
    said: list[str]
    digits: str = ""
    """Name of an experiment with five plain runs; the notebook beside the kernel is called the same."""
    odd: str = ""
    """Name of an experiment with a hostile name and hostile runs."""
    empty: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    """By name."""

    def experiment(self, name: str) -> str:
        """Make an experiment; answers its name."""
        name = f"{name} {uuid.uuid4().hex[:6]}"
        self.ids[name] = str(self.mlflow.ask("experiments/create", {"name": name})["experiment_id"])
        return name

    def run(self, experiment: str, name: str, *, age: int, ended: bool = True, **values: dict[str, Any]) -> str:
        """Make a run that began `age` seconds ago and took 90; answers its id."""
        began = int(time.time() * 1000) - age * 1000
        tags = pairs(values.get("tags", {}))
        body = {"experiment_id": self.ids[experiment], "run_name": name, "start_time": began, "tags": tags}
        run_id = str(self.mlflow.ask("runs/create", body)["run"]["info"]["run_id"])
        metrics = [{**pair, "timestamp": began, "step": 0} for pair in pairs(values.get("metrics", {}))]
        params = pairs(values.get("params", {}))
        self.mlflow.ask("runs/log-batch", {"run_id": run_id, "metrics": metrics, "params": params})
        if ended:
            self.mlflow.ask("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": began + 90_000})
        return run_id


def pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    """As MLflow has keys and values."""
    return [{"key": key, "value": value} for key, value in values.items()]


def fill(place: Place) -> None:
    """Five plain runs, of which number 3 is best; and odd ones."""
    place.digits, place.odd, place.empty = (place.experiment(name) for name in ("digits", f"odd {HOSTILE}", "empty"))
    for number, accuracy in enumerate((0.5, 0.75, 0.625, 0.96875, 0.25)):
        place.run(
            place.digits,
            f"run-{number}",
            age=1000 - number,
            metrics={"accuracy": accuracy, "val/loss": 1 - accuracy, "windlass.cost_usd": 0.004 * (number + 1)},
            params={"lr": f"1e-{number}", "batch size": "64", "optimizer": "adam" if number % 2 else "sgd"},
            tags={"mlflow.source.git.commit": "c0ffee" * 6, "windlass.git.dirty": "true", "mlflow.user": "ada"},
        )
    odd = {"nan": "NaN", "inf": "Infinity", "minus": "-Infinity", "same": 1}
    place.run(place.odd, HOSTILE, age=50, metrics=odd, params={"long": "x" * 5000, "same": HOSTILE, "text": HOSTILE})
    place.run(place.odd, "still running", age=40, ended=False, metrics={"same": 2e-9})


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory, mlflow: Mlflow) -> Iterator[Place]:
    """One for all tests of the package: none of them changes what is in MLflow but by experiments of its own."""
    until(lambda: is_up(mlflow), what="MLflow's start")
    said: list[str] = []
    with open_desk(tmp_path_factory.mktemp("runs")) as desk:
        desk.environment["MLFLOW_TRACKING_URI"] = mlflow.url
        server = Server(desk=desk, base_url="/user/ada/")
        connection = Connection(record=server.record, say=said.append)
        tracked = Tracked(connection=connection, say=said.append)
        made = Place(desk, server, mlflow, kernel=None, tracked=tracked, said=said)  # type: ignore[arg-type]
        fill(made)
        made.kernel = server.kernel(desk.notebook(f"{made.digits}.ipynb", "%runs"))
        assert not made.kernel.run("%load_ext windlass").failed
        yield made
        made.kernel.client.stop_channels()
        connection.close()
        server.close()


def is_up(mlflow: Mlflow) -> bool:
    """Whether it answers."""
    try:
        return httpx.get(f"{mlflow.url}/health", timeout=10).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture
def root(place: Place) -> Path:
    return place.desk.folder
