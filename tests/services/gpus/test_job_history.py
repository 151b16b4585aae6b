"""A job's own readings and Prometheus's of its pods: one line for each device, whoever tells of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from windlass.contract.cluster import JobPlacement, JobPod
from windlass.contract.gpus import JobGpus
from windlass.errors import Unavailable
from windlass.metrics.judging import Settings
from windlass.metrics.reading import Condition, DeviceSeries, Reading
from windlass.runner import gpu_lines
from windlass.runner.gpu_sampler import LineFile
from windlass.services.gpus.job_history import JobGpuHistory
from windlass.services.gpus.pod_histories import PodHistories, PodHistory

BEGIN = 1_000_000.0
END = BEGIN + 1200


class InACluster:
    """What the cluster's engine says of one job with two pods."""

    def __init__(self, ranks: Path) -> None:
        self.ranks = ranks
        self.is_away = False

    async def use_folder(self, _job_id: str, *, follow: bool = False) -> Path:
        assert isinstance(follow, bool)
        return self.ranks

    async def offers(self) -> Any:
        raise NotImplementedError

    async def placement(self, _job_id: str) -> JobPlacement:
        if self.is_away:
            raise Unavailable("The cluster is away.")
        pods = [JobPod(name=f"resnet-{rank}", role="worker", ranks=[rank], state="succeeded") for rank in (0, 1)]
        return JobPlacement(namespace="ada", object_kind="PyTorchJob", object_name="resnet", pods=pods)


class Exporter(PodHistories):
    """A Prometheus that knows these series."""

    def __init__(self, found: PodHistory) -> None:
        super().__init__(url="http://prometheus")
        self.found = found
        self.asked: list[Mapping[str, Any]] = []

    async def _ask(self, namespace: str, pods: Any, start: float, end: float) -> PodHistory:
        self.asked.append({"namespace": namespace, "pods": set(pods), "start": start, "end": end})
        return self.found


class Spends:
    async def spent_by(self, _job_id: str, *, owner: str, times: Sequence[float]) -> Sequence[float | None]:
        assert owner == "ada"
        return [None if moment < BEGIN + 600 else 2.5 for moment in times]


def scraped(uuid: str, pod: str, engine: float, *, start: float = BEGIN, end: float = END) -> DeviceSeries:
    readings = [Reading(at=at, engine=engine, power_watts=100.0) for at in _every(30, start, end)]
    return DeviceSeries(device_id=uuid, uuid=uuid, label=uuid, readings=readings, source="dcgm", pod=pod)


def _every(step: float, start: float, end: float) -> list[float]:
    return [start + step * number for number in range(1, int((end - start) / step) + 1)]


@pytest.fixture
def ranks(tmp_path: Path) -> Path:
    """Rank 0 wrote down what it used for ten minutes; then its sampler was killed."""
    path = tmp_path / "ranks" / "0" / "gpus.jsonl"
    path.parent.mkdir(parents=True)
    device = {"uuid": "GPU-0", "seconds": 10.0, "index": 0, "rank": 0, "engine": 0.5, "memory": 10.0}
    lines = [{"at": at, "seconds": 10.0, "devices": [device]} for at in _every(10, BEGIN, BEGIN + 600)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "ranks"


async def got(
    ranks: Path, exporter: PodHistories, *, engine: InACluster | None = None, points: int = 20, end: float = END
) -> JobGpus:
    row = SimpleNamespace(
        id="j", name="resnet", engine="kubernetes", state="succeeded", started_at=BEGIN, ended_at=end, created_us=0
    )
    row.request = {"workers": 2, "gpus_per_worker": 1}

    async def get(_job_id: str, *, owner: str) -> Any:
        assert owner == "ada"
        return row

    history = JobGpuHistory(
        ledger=cast("Any", SimpleNamespace(get=get)),
        engines=cast("Any", SimpleNamespace(get=lambda _name: engine or InACluster(ranks))),
        settings=Settings(),
        pods=exporter,
        money=Spends(),
    )
    return await history.get("j", owner="ada", points=points)


async def test_a_device_that_both_tell_of_is_one_line_and_the_other_fills_what_it_lacks(ranks: Path) -> None:
    exporter = Exporter(PodHistory(series=[scraped("GPU-0", "resnet-0", 0.9), scraped("GPU-1", "resnet-1", 0.3)]))
    found = await got(ranks, exporter)
    first, second = found.history.lines
    assert (first.device_id, first.rank, second.device_id, second.rank) == ("GPU-0", 0, "GPU-1", 1)
    assert {value for value in second.engine if value is not None} == {0.3}
    known = [value for value in first.engine if value is not None]
    assert set(known) <= {0.5, 0.9}
    assert len(known) >= 18
    assert exporter.asked == [{"namespace": "ada", "pods": {"resnet-0", "resnet-1"}, "start": BEGIN, "end": END}]
    assert found.usage is not None
    assert (found.usage.devices, found.history.conditions) == (2, [])
    assert found.usage.covered > 0.95
    assert found.history.usd[0] is None
    assert found.history.usd[-1] == 2.5


async def test_three_days_of_a_job_are_drawn_whole_by_a_server_that_has_just_started(tmp_path: Path) -> None:
    days = 3 * 86_400.0
    path = tmp_path / "ranks" / "0" / "gpus.jsonl"
    path.parent.mkdir(parents=True)
    file, at = LineFile(path, most=500, line_seconds=10.0), BEGIN
    while at < BEGIN + days:
        # As the sampler does: a line stands for as long as the file says by then.
        seconds, at = file.line_seconds, at + file.line_seconds
        engine = 0.9 if at < BEGIN + days / 2 else 0.1
        device = {"uuid": "GPU-0", "seconds": seconds, "index": 0, "rank": 0, "engine": engine, "memory": 10.0}
        line = {"at": at, "seconds": seconds, "rank": 0, "attempt": 0, "devices": [device]}
        whole = gpu_lines.clean(line)
        assert whole is not None
        file.add(whole)
    assert len(path.read_text().splitlines()) <= 500, "however long it takes, the file is no longer"
    found = await got(tmp_path / "ranks", Exporter(PodHistory()), points=100, end=BEGIN + days)
    (drawn,) = found.history.lines
    assert drawn.engine[:49] == [0.9] * 49
    assert drawn.engine[51:99] == [0.1] * 48
    assert None not in drawn.engine
    assert found.usage is not None
    assert found.usage.covered == pytest.approx(0.5, abs=0.01), "of two devices one is known, all the time"


async def test_a_prometheus_that_is_away_says_so_beside_what_is_known(ranks: Path) -> None:
    away = Condition(source="dcgm", code="away", message="Prometheus does not answer.")
    found = await got(ranks, Exporter(PodHistory(conditions=[away])))
    assert [line.device_id for line in found.history.lines] == ["GPU-0"]
    assert [(each.source, each.code) for each in found.history.conditions] == [("dcgm", "away")]
    assert found.usage is not None
    # Of two devices one is known, for half of the time.
    assert found.usage.covered == pytest.approx(0.25, abs=0.01)


async def test_without_readings_of_its_own_prometheus_alone_draws_the_lines(tmp_path: Path) -> None:
    found = await got(tmp_path / "nowhere", Exporter(PodHistory(series=[scraped("GPU-0", "resnet-0", 0.02)])))
    (line,) = found.history.lines
    assert (line.source, line.rank) == ("dcgm", 0)
    assert "left no readings of its own" in found.history.conditions[0].message
    assert [alarm.kind for alarm in found.alarms] == ["idle"]


async def test_a_cluster_that_is_away_leaves_what_was_written_down(ranks: Path) -> None:
    engine = InACluster(ranks)
    engine.is_away = True
    exporter = Exporter(PodHistory(series=[scraped("GPU-1", "resnet-1", 0.3)]))
    found = await got(ranks, exporter, engine=engine)
    assert [line.device_id for line in found.history.lines] == ["GPU-0"]
    assert exporter.asked == []


async def test_what_was_asked_is_not_asked_again_at_once(ranks: Path) -> None:
    exporter = Exporter(PodHistory(series=[scraped("GPU-0", "resnet-0", 0.9)]))
    await got(ranks, exporter)
    await got(ranks, exporter)
    assert len(exporter.asked) == 1
