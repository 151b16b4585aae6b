"""`windlass runs` against a real server and a real MLflow: what is shown, where, and with which exit status."""

from __future__ import annotations

import pytest

from .conftest import HOSTILE, Place


def test_the_best_run_is_first_in_a_table_of_80_columns(place: Place) -> None:
    done = place.desk.run("runs", "--experiment", place.digits, "--sort", "accuracy")
    assert done.status == 0, done.err
    heading, first, *others = done.out.splitlines()
    assert heading.split()[:4] == ["RUN", "STATE", "NAME", "STARTED"]
    assert {"run-3", "0.96875", "finished"} <= set(first.split())
    assert [line.split()[3] for line in others] == ["run-1", "run-2", "run-0", "run-4"]
    assert max(len(line) for line in done.out.splitlines()) <= 80
    assert f"5 runs of {place.digits}, the greatest metrics.accuracy first." in done.err


def test_the_least_loss_is_first_with_asc_and_a_filter_leaves_others_out(place: Place) -> None:
    words = ("metrics.accuracy > 0.3 AND params.optimizer = 'sgd'", "-e", place.digits, "--sort", "val/loss", "--asc")
    shown = place.desk.run("runs", *words).out.splitlines()
    assert [line.split()[3] for line in shown[1:]] == ["run-2", "run-0"]
    assert {"val/loss", "accuracy", "optimizer"} <= set(shown[0].split())


def test_columns_that_find_no_room_follow_in_a_table_of_their_own(place: Place) -> None:
    columns = "accuracy,val/loss,lr,batch size,optimizer,user,git,cost,gpu_hours"
    done = place.desk.run("runs", "-e", place.digits, "--columns", columns, "--limit", "2")
    lines = done.out.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert [line.split()[0] for line in lines if line] == [
        lines[0].split()[0],
        *(lines[n].split()[0] for n in (1, 2)),
    ] * 2
    for heading in ("accuracy", "val/loss", "lr", "batch size", "optimizer", "USER", "GIT", "COST", "GPU HOURS"):
        assert done.out.count(heading) == 1
    assert "0.02 USD" in done.out
    assert "c0ffeec0ff" in done.out
    assert "There are more" in done.err


def test_one_run_in_full_answers_with_which_parameters_and_which_commit(place: Place) -> None:
    done = place.desk.run("runs", "-e", place.digits, "--sort", "accuracy", "--limit", "1", "--full")
    found = place.desk.run("runs", "-e", place.digits, "--sort", "accuracy", "--limit", "1", "--json").json["items"][0]
    shown = " ".join(done.out.split())
    assert f"run {found['id']}" in shown
    assert f"git {'c0ffee' * 6}, with changes not committed" in shown
    assert "batch size 64 lr 1e-3 optimizer adam" in shown
    assert "cost 0.016 USD" in shown
    assert "gpu" not in shown.lower()


def test_json_is_one_object_with_every_column_and_what_is_unknown_is_null(place: Place) -> None:
    page = place.desk.run("runs", "-e", place.odd, "--json").json
    assert page["columns"] == [
        "metrics.inf",
        "metrics.minus",
        "metrics.nan",
        "metrics.same",
        "params.long",
        "params.same",
        "params.text",
    ]
    running, hostile = page["items"]
    assert running["values"] == [None, None, None, 2e-9, None, None, None]
    assert hostile["values"][:4] == ["Infinity", "-Infinity", "NaN", 1]
    assert hostile["name"] == hostile["values"][5] == HOSTILE
    assert hostile["cost_usd"] is None
    assert page["next_cursor"] is None


def test_hostile_names_and_values_do_not_act(place: Place) -> None:
    for words in (["--columns", "text,params.same,nan,inf"], ["--full"], []):
        done = place.desk.run("runs", "-e", place.odd, *words)
        assert done.status == 0, done.err
        shown = done.out + done.err
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)
        assert "<script>" in done.out


def test_numbers_that_are_none_are_words_and_nothing_is_empty(place: Place) -> None:
    done = place.desk.run("runs", "-e", place.odd, "--columns", "nan,inf,minus")
    shown = done.out.split()
    assert {"NaN", "Infinity", "-Infinity"} <= set(shown)
    assert "None" not in done.out


def test_a_mistake_in_the_filter_is_pointed_at_and_is_status_2(place: Place) -> None:
    done = place.desk.run("runs", "metrics.accuracy > 0.9 AND acuracy > 1", "-e", place.digits, "--json")
    assert done.status == 2
    assert not done.out
    *_, line, carets = done.err.splitlines()
    assert line[carets.index("^") : carets.rindex("^") + 1] == "acuracy"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-e", "Digits {}"], "did you mean 'digits {}'?"),
        (["-e", "987654321"], "There is no experiment 987654321"),
        (["-e", "digits {}", "--sort", "acuracy"], "did you mean 'accuracy'?"),
        (["-e", "digits {}", "--sort", "duration"], "does not sort runs by how long they took"),
        (["-e", "digits {}", "--columns", "attributes.colour"], "Runs have no attribute 'colour'"),
        (["-e", "digits {}", "--limit", "0"], "--limit"),
        (["-e", "digits {}", "x" * 20_000], "filter"),
    ],
)
def test_a_mistake_is_a_sentence_and_status_2(place: Place, words: list[str], sentence: str) -> None:
    number = place.digits.split()[-1]
    done = place.desk.run("runs", *(word.format(number) for word in words))
    assert done.status == 2, done.err
    assert sentence.format(number) in " ".join(done.err.split())
    assert not done.out
    assert "Traceback" not in done.err


def test_a_name_that_is_a_metric_and_a_parameter_must_say_which(place: Place) -> None:
    done = place.desk.run("runs", "-e", place.odd, "--sort", "same")
    assert done.status == 2
    assert "write metrics.same or params.same" in done.err


def test_a_column_that_no_run_has_is_doubted(place: Place) -> None:
    done = place.desk.run("runs", "-e", place.digits, "--sort", "metrics.acuracy")
    assert done.status == 0
    assert "None of these runs has metrics.acuracy; did you mean metrics.accuracy?" in done.err


def test_an_experiment_is_found_by_its_id_and_by_mlflows_own_variable(place: Place) -> None:
    by_id = place.desk.run("runs", "-e", place.ids[place.digits], "--json").json
    assert [run["name"] for run in by_id["items"]] == [f"run-{number}" for number in (4, 3, 2, 1, 0)]
    place.desk.environment["MLFLOW_EXPERIMENT_NAME"] = place.digits
    try:
        assert f"5 runs of {place.digits}" in place.desk.run("runs").err
        place.desk.environment["MLFLOW_EXPERIMENT_NAME"] = "one that is not there"
        assert "experiments, the newest first" in place.desk.run("runs").err
    finally:
        del place.desk.environment["MLFLOW_EXPERIMENT_NAME"]


def test_all_experiments_are_looked_at_when_none_is_named(place: Place) -> None:
    done = place.desk.run("runs", "--limit", "500")
    assert done.status == 0, done.err
    assert "EXPERIMENT" in done.out.splitlines()[0]
    assert {"run-0", "running"} <= set(done.out.split())


def test_no_runs_is_said_and_is_no_failure(place: Place) -> None:
    for words, sentence in (([], "There are no runs in"), (["metrics.a > 1"], "No run of")):
        done = place.desk.run("runs", *words, "-e", place.empty)
        assert done.status == 0
        assert sentence in done.err
        assert not done.out
    assert place.desk.run("runs", "-e", place.empty, "--json").json["items"] == []
