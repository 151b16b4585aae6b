"""Looking runs up: pages, limits, and what is said of what is left out."""

from __future__ import annotations

import pytest

from windlass.contract.runs import RunPage, RunSearch
from windlass.runs import search
from windlass.runs.options import RunsWanted
from windlass.runs.search import find_runs

from .conftest import Place


@pytest.mark.parametrize("limit", [1, 3, 4, 5, 100])
def test_as_many_pages_are_read_as_it_takes(place: Place, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(search, "_PAGE_OF_RUNS", 2)
    wanted = RunsWanted(experiments=(place.digits,), limit=limit, sort="accuracy")
    found = find_runs(place.tracked, wanted)
    assert [run.name for run in found.page.items] == ["run-3", "run-1", "run-2", "run-0", "run-4"][:limit]
    assert (found.page.next_cursor is None) == (limit >= 5)


def test_too_many_columns_are_left_out_with_a_word(place: Place) -> None:
    many = place.experiment("many columns")
    place.run(many, "wide", age=10, metrics={f"m{number:04}": number for number in range(300)})
    found = find_runs(place.tracked, RunsWanted(experiments=(many,), sort="m0299"), all_columns=True)
    assert len(found.page.columns) == 200
    assert found.page.columns[0] == "metrics.m0299"
    assert any("200 of 300 columns" in note for note in found.notes)


def test_several_experiments_and_one_named_twice(place: Place) -> None:
    names = (place.digits, place.ids[place.digits], place.odd)
    found = find_runs(place.tracked, RunsWanted(experiments=names))
    assert [experiment.name for experiment in found.experiments] == [place.digits, place.odd]
    assert len(found.page.items) == 7


def test_more_experiments_than_are_looked_at_is_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_EXPERIMENTS", 2)
    found = find_runs(place.tracked, RunsWanted())
    assert len(found.experiments) == 2
    assert any("Only the 2 experiments changed last" in note for note in found.notes)


def test_a_likely_experiment_that_is_not_there_is_passed_over(place: Place) -> None:
    found = find_runs(place.tracked, RunsWanted(), likely=("nowhere", place.digits, place.odd))
    assert [experiment.name for experiment in found.experiments] == [place.digits]
    assert not found.everywhere


def test_whoever_comes_while_mlflow_starts_waits_and_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the start of an embedded MLflow only its being over is real here: the rest takes seconds elsewhere."""
    from windlass.client import ClientError, WindlassClient

    asked: list[str] = []
    post, info = WindlassClient.post, WindlassClient.info

    def late(
        client: WindlassClient, model: type[RunPage], path: str, *, body: RunSearch, key: str | None = None
    ) -> RunPage:
        asked.append(path)
        if len(asked) < 3:
            raise ClientError("MLflow does not answer.", status=503)
        return post(client, model, path, body=body, key=key)

    def starting(client: WindlassClient) -> object:
        told = info(client)
        return told.model_copy(
            update={"tracking": told.tracking.model_copy(update={"mode": "embedded", "state": "starting"})}
        )

    monkeypatch.setattr(WindlassClient, "post", late)
    monkeypatch.setattr(WindlassClient, "info", starting)
    place.said.clear()
    assert len(find_runs(place.tracked, RunsWanted(experiments=(place.digits,))).page.items) == 5
    assert place.said == ["MLflow is starting."]
