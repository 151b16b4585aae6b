"""MLflow inside a job, against a real MLflow server."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.mlflow

SEED_NOTEBOOK = """
import torch
model = torch.nn.Linear(2, 1)
accuracy = 0.91

import mlflow
mlflow.set_tracking_uri("{url}"); mlflow.set_experiment("fraud-detection")
with mlflow.start_run():
    mlflow.log_param("learning_rate", 0.001); mlflow.log_metric("accuracy", accuracy)
    mlflow.pytorch.log_model(model, "model")
"""


@pytest.fixture(name="job")
def fixture_job(mlflow_job: Any) -> Any:
    return mlflow_job()


def params(run: dict[str, Any]) -> dict[str, str]:
    return {item["key"]: item["value"] for item in run["data"].get("params", [])}


def metrics(run: dict[str, Any]) -> dict[str, float]:
    return {item["key"]: item["value"] for item in run["data"].get("metrics", [])}


def tags(run: dict[str, Any]) -> dict[str, str]:
    return {item["key"]: item["value"] for item in run["data"].get("tags", [])}


def test_notebook_that_names_server_and_experiment_runs_unchanged(job: Any, mlflow: Any) -> None:
    job.run(SEED_NOTEBOOK.format(url=mlflow.url))
    (noted,) = job.runs
    run = mlflow.run(noted["run_id"])
    assert params(run) == {"learning_rate": "0.001"}
    assert metrics(run) == {"accuracy": 0.91}
    assert run["info"]["status"] == "FINISHED"
    assert run["outputs"]["model_outputs"], "the model belongs to the run"
    assert tags(run)["windlass.job_id"] == job.job_id
    assert tags(run)["mlflow.user"] == "ada"
    experiment = mlflow.ask(f"experiments/get?experiment_id={run['info']['experiment_id']}")["experiment"]
    assert experiment["name"] == "fraud-detection"
    assert noted["own"] is False


def test_bare_log_metric_lands_in_the_jobs_own_run(job: Any, mlflow: Any) -> None:
    job.run(
        "import mlflow\nmlflow.log_metric('loss', 0.5)\nmlflow.log_param('p', 1)\nmlflow.log_text('hi', 'note.txt')"
    )
    (noted,) = job.runs
    run = mlflow.run(noted["run_id"])
    assert noted["own"] is True
    assert metrics(run) == {"loss": 0.5}
    assert params(run) == {"p": "1"}
    assert mlflow.artifacts(noted["run_id"]) == ["note.txt"]
    assert run["info"]["status"] == "FINISHED"
    assert run["info"]["run_name"] == f"train-{job.job_id}"


def test_two_ranks_share_one_own_run_and_one_new_experiment(job: Any, mlflow: Any) -> None:
    job.run("import mlflow, sys\nmlflow.log_metric(f'loss_{sys.argv[2]}', 1.0)", ranks=2)
    (noted,) = job.runs
    assert metrics(mlflow.run(noted["run_id"])) == {"loss_0": 1.0, "loss_1": 1.0}
    assert len(mlflow.runs_of(job.job_id)) == 1


def test_a_run_that_another_rank_opens_again_is_ended_again_and_its_address_is_not_said_twice(
    job: Any, mlflow: Any
) -> None:
    job.run(
        "import mlflow, os, pathlib, sys, time\n"
        "def wait_for(name):\n"
        "    while not os.path.exists(name): time.sleep(0.02)\n"
        "if sys.argv[2] == '0':\n"
        "    mlflow.log_metric('loss_0', 1.0); mlflow.end_run()\n"
        "    ended = mlflow.get_run(mlflow.last_active_run().info.run_id).info.end_time\n"
        "    pathlib.Path('ended.tmp').write_text(str(ended)); os.replace('ended.tmp', 'ended')\n"
        "    wait_for('logged')\n"
        "else:\n"
        "    wait_for('ended'); mlflow.log_metric('loss_1', 1.0); pathlib.Path('logged').touch()\n",
        ranks=2,
    )
    (noted,) = job.runs
    run = mlflow.run(noted["run_id"])
    assert metrics(run) == {"loss_0": 1.0, "loss_1": 1.0}
    assert run["info"]["status"] == "FINISHED"
    assert run["info"]["end_time"] > int((job.folder / "ended").read_text())
    assert job.output.count("View run") == 1, job.output


def test_two_ranks_that_set_the_same_new_experiment_both_log_to_it(job: Any, mlflow: Any) -> None:
    name = f"new {job.job_id}"
    job.run(
        f"import mlflow\nmlflow.set_experiment({name!r})\nwith mlflow.start_run(): mlflow.log_metric('a', 1)", ranks=2
    )
    experiments = {mlflow.run(noted["run_id"])["info"]["experiment_id"] for noted in job.runs}
    (experiment_id,) = experiments
    assert mlflow.ask(f"experiments/get?experiment_id={experiment_id}")["experiment"]["name"] == name
    assert sorted(noted["rank"] for noted in job.runs) == [0, 1]


def test_two_runs_in_two_experiments_and_a_nested_one_are_all_the_jobs(job: Any, mlflow: Any) -> None:
    job.run(
        "import mlflow\n"
        "for name in ('first', 'second'):\n"
        "    mlflow.set_experiment(name)\n"
        "    with mlflow.start_run(run_name=name):\n"
        "        mlflow.log_metric('a', 1)\n"
        "with mlflow.start_run(run_name='parent') as parent:\n"
        "    with mlflow.start_run(run_name='child', nested=True):\n"
        "        mlflow.log_metric('b', 2)\n"
        "mlflow.MlflowClient().create_run('0', run_name='by client')\n"
    )
    assert [noted["name"] for noted in job.runs] == ["first", "second", "parent", "child", "by client"]
    runs = {run["info"]["run_name"]: run for run in mlflow.runs_of(job.job_id)}
    assert set(runs) == {"first", "second", "parent", "child", "by client"}
    assert tags(runs["child"])["mlflow.parentRunId"] == runs["parent"]["info"]["run_id"]
    assert runs["first"]["info"]["experiment_id"] != runs["second"]["info"]["experiment_id"]


def test_own_run_goes_on_after_another_experiment_is_set(job: Any, mlflow: Any) -> None:
    job.run(
        "import mlflow, threading\n"
        "mlflow.log_metric('a', 1)\n"
        "mlflow.set_experiment('another')\n"
        "mlflow.log_metric('a', 2, step=1)\n"
        "thread = threading.Thread(target=lambda: mlflow.log_metric('in_thread', 3))\n"
        "thread.start(); thread.join()\n"
    )
    (noted,) = job.runs
    assert metrics(mlflow.run(noted["run_id"])) == {"a": 2, "in_thread": 3}


def test_autologging_uses_the_own_run_first_and_its_own_runs_after(job: Any, mlflow: Any) -> None:
    job.run(
        "import mlflow, numpy\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "mlflow.sklearn.autolog(log_models=False)\n"
        "x = numpy.arange(40).reshape(20, 2); y = numpy.arange(20) % 2\n"
        "LogisticRegression(C=0.5).fit(x, y)\n"
        "assert mlflow.last_active_run().data.params['C'] == '0.5'\n"
        "LogisticRegression(C=2.0).fit(x, y)\n"
        "mlflow.log_metric('after', 1)\n"
    )
    first, second = (mlflow.run(noted["run_id"]) for noted in job.runs)
    assert [noted["own"] for noted in job.runs] == [True, False]
    assert (params(first)["C"], params(second)["C"]) == ("0.5", "2.0")
    assert metrics(first)["after"] == 1
    assert tags(first)["mlflow.autologging"] == "sklearn"


def test_a_run_is_ended_where_it_was_made_though_another_address_is_set_since(job: Any, mlflow: Any) -> None:
    job.run(
        "import mlflow, pathlib\nmlflow.log_metric('a', 1)\n"
        "mlflow.set_tracking_uri(pathlib.Path('mlruns').absolute().as_uri())",
        MLFLOW_ALLOW_FILE_STORE="true",
    )
    assert mlflow.run(job.runs[0]["run_id"])["info"]["status"] == "FINISHED"
    assert "could not be ended" not in job.output


def test_failed_notebook_leaves_failed_runs(job: Any, mlflow: Any) -> None:
    job.run("import mlflow\nmlflow.start_run()\nmlflow.log_metric('a', 1)\nraise SystemExit(3)", ok=False)
    assert job.codes == [3]
    assert mlflow.run(job.runs[0]["run_id"])["info"]["status"] == "FAILED"


def test_second_attempt_goes_on_in_the_same_own_run(job: Any, mlflow: Any) -> None:
    job.run("import mlflow\nmlflow.log_metric('a', 1)\nraise SystemExit(1)", ok=False)
    job.run("import mlflow\nmlflow.log_metric('b', 2)")
    (noted,) = job.runs
    run = mlflow.run(noted["run_id"])
    assert metrics(run) == {"a": 1, "b": 2}
    assert run["info"]["status"] == "FINISHED"


def test_child_process_may_log_after_another_experiment_was_set(job: Any, mlflow: Any) -> None:
    job.run(
        "import mlflow, subprocess, sys\n"
        "mlflow.set_experiment('for children')\n"
        'child = \'import mlflow; mlflow.start_run(run_name="child"); mlflow.log_metric("c", 1)\'\n'
        "subprocess.run([sys.executable, '-c', child], check=True)\n"
    )
    (run,) = mlflow.runs_of(job.job_id)
    assert metrics(run) == {"c": 1}


def test_server_away_means_a_spool_that_all_ranks_share(mlflow_job: Any, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    job = mlflow_job(url=url)
    job.run(
        f"import mlflow, sys\nmlflow.set_tracking_uri('{url}/')\n"
        "for step in range(3): mlflow.log_metric(f'loss_{sys.argv[2]}', step, step=step)\n"
        "mlflow.log_text('hello', 'folder/note.txt')\n"
        "with mlflow.start_run(nested=True): mlflow.log_param('x', 'y')\n",
        ranks=2,
    )
    assert job.output.count("does not answer") == 1
    assert [noted["own"] for noted in job.runs].count(True) == 1
    assert all(noted["spooled"] for noted in job.runs)
    with closing(sqlite3.connect(job.folder / "spool" / "mlflow.db")) as spool:
        assert spool.execute("select count(*) from metrics").fetchone() == (6,)
        assert spool.execute("select count(*) from runs").fetchone() == (3,)
        assert set(spool.execute("select status from runs")) == {("FINISHED",)}
    assert not list(job.folder.glob("mlruns")), "nothing is left among the notebook's files"


def test_another_address_that_is_away_fails_as_it_does_without_windlass(job: Any, unused_tcp_port: int) -> None:
    job.run(
        f"import mlflow\nmlflow.set_tracking_uri('http://127.0.0.1:{unused_tcp_port}')\nmlflow.log_metric('a', 1)",
        ok=False,
        MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
    )
    assert job.codes == [1]
    assert "MlflowException" in job.output
    assert not (job.folder / "spool").exists()


def test_nothing_is_imported_for_a_notebook_that_uses_no_mlflow(job: Any) -> None:
    job.run("import sys\nassert not [name for name in sys.modules if name.split('.')[0] == 'mlflow']")
    assert job.runs == []


def test_module_looks_untouched_and_survives_a_reload(job: Any) -> None:
    job.run(
        "import importlib, mlflow, mlflow.tracking.fluent as fluent\n"
        "from importlib.machinery import SourceFileLoader\n"
        "assert type(fluent.__loader__) is type(fluent.__spec__.loader) is SourceFileLoader\n"
        "importlib.reload(fluent)\n"
        "assert type(fluent.__spec__.loader) is SourceFileLoader\n"
        "fluent.log_metric('a', 1)\n"
    )
    assert [noted["own"] for noted in job.runs] == [True]


def test_hook_installs_where_mlflow_is_imported_already(job: Any) -> None:
    job.folder.mkdir(parents=True)
    (job.folder / "sitecustomize.py").write_text("import mlflow")
    job.run("import mlflow\nmlflow.log_metric('a', 1)")
    assert [noted["own"] for noted in job.runs] == [True]


def test_hook_runs_on_the_standard_library_alone() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import runner.mlflow_hook\n"
        "bad = {n.split('.')[0] for n in sys.modules} - set(sys.stdlib_module_names) - {'runner', '__main__'}\n"
        "sys.exit(', '.join(sorted(n for n in bad if not n.startswith('_'))) or 0)"
    )
    folder = Path(__file__).parents[2] / "server_ext" / "windlass"
    subprocess.run([sys.executable, "-S", "-c", program, str(folder)], check=True)
