"""`windlass models` and `windlass promote` against a real server and a real MLflow registry."""

from __future__ import annotations

import uuid

import pytest

from .conftest import HOSTILE, Place


@pytest.fixture(scope="module")
def model(place: Place) -> str:
    """A model with three versions, of which the first is the champion."""
    name = f"digits net {uuid.uuid4().hex[:6]}"
    place.mlflow.ask("registered-models/create", {"name": name, "description": f"of {HOSTILE}"})
    run_id = place.run(place.experiment("of models"), "made it", age=10)
    source = f"{place.mlflow.run(run_id)['info']['artifact_uri']}/model"
    for _ in range(3):
        place.mlflow.ask("model-versions/create", {"name": name, "source": source, "run_id": run_id})
    place.mlflow.ask("registered-models/alias", {"name": name, "alias": "champion", "version": "1"})
    return name


def holder(place: Place, model: str, alias: str) -> str:
    """The version that MLflow has an alias at."""
    answer = place.mlflow.ask(f"registered-models/alias?name={model.replace(' ', '%20')}&alias={alias}")
    return str(answer["model_version"]["version"])


def test_models_are_listed_with_their_aliases(place: Place, model: str) -> None:
    done = place.desk.run("models", "--search", model.upper())
    assert done.status == 0, done.err
    assert done.out.splitlines()[0].split() == ["MODEL", "LATEST", "ALIASES", "CHANGED", "DESCRIPTION"]
    assert "champion 1" in done.out
    assert max(len(line) for line in done.out.splitlines()) <= 80
    assert not {"\x1b", "\u202e"} & set(done.out)
    listed = place.desk.run("models", "--search", model, "--json").json["items"]
    assert [(one["name"], one["latest_version"]) for one in listed] == [(model, "3")]
    assert "No model is named so" in place.desk.run("models", "--search", "no such").err


def test_the_versions_of_a_model_are_listed_newest_first(place: Place, model: str) -> None:
    done = place.desk.run("models", model)
    assert done.status == 0, done.err
    rows = done.out[done.out.index("VERSION") :].splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["3", "2", "1"]
    assert "champion" in rows[2]
    assert not {"\x1b", "\u202e"} & set(done.out)
    assert [one["version"] for one in place.desk.run("models", model, "--json").json["items"]] == ["3", "2", "1"]


def test_a_promotion_moves_the_alias_and_says_from_where(place: Place, model: str) -> None:
    done = place.desk.run("promote", model, "2", "--alias", "champion", "--comment", "it's better")
    assert done.status == 0, done.err
    assert f"champion of {model} is version 2; it was version 1" in done.out
    assert holder(place, model, "champion") == "2"
    again = place.desk.run("promote", model, "3", "--alias", "challenger", "--expected", "none", "--json")
    assert again.status == 0, again.err
    assert (again.json["state"], again.json["from_version"], again.json["to_version"]) == ("done", None, "3")


def test_a_promotion_that_somebody_else_overtook_is_status_1_and_moves_nothing(place: Place, model: str) -> None:
    before = holder(place, model, "champion")
    done = place.desk.run("promote", model, "3", "--alias", "champion", "--expected", "99", "--json")
    assert done.status == 1
    assert done.err.strip()
    assert "Traceback" not in done.err
    assert holder(place, model, "champion") == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["{}", "2"], "--alias or --stage"),
        (["{}", "2", "--alias", "champion", "--stage", "staging"], "--alias or --stage"),
        (["{}", "two", "--alias", "champion"], "a version is a number"),
        (["{}", "2", "--alias", "champion", "--expected", "x"], "a version is a number"),
        (["{}", "99", "--alias", "champion"], "99"),
        (["no such model", "1", "--alias", "champion"], "no such model"),
        (["{}", "2", "--alias", ""], "alias"),
    ],
)
def test_a_mistake_is_a_sentence_and_status_2(place: Place, model: str, words: list[str], sentence: str) -> None:
    done = place.desk.run("promote", *(word.format(model) for word in words))
    assert done.status == 2, done.err
    assert sentence in done.err
    assert not done.out


def test_an_unknown_model_is_a_sentence(place: Place) -> None:
    for name in ("no such model", "a/b", "..", "x" * 300):
        done = place.desk.run("models", name)
        assert done.status == 2, done.err
        assert "Traceback" not in done.err
