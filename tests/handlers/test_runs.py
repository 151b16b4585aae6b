"""What becomes of a job in MLflow: real servers, real jobs, asked over REST and, for the truth, at MLflow itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Mlflow, forwarding, until
from tests.jupyter import FINAL, Server, end_all, running

pytestmark = pytest.mark.mlflow

ON_THE_WAY = {"pending", "uploading", "uploaded"}
NO_GPUS = {"windlass.gpu_hours": 0.0}
"""What Windlass itself adds on a machine that has no price: it held no GPU, which is known."""
RECORD = ["windlass/bundle.tar.gz", "windlass/executed.ipynb", "windlass/logs"]


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory, mlflow: Mlflow) -> Iterator[Server]:
    """A server with its MLflow, which is that of the whole session: it takes seconds to start."""
    with running(tmp_path_factory.mktemp("tracked"), tracked=True, data_dir=mlflow.data_dir) as server:
        yield server


def recorded(server: Server, job_id: str) -> dict[str, Any]:
    """The job, once its record is in MLflow."""

    def look() -> dict[str, Any] | None:
        job = server.job(job_id)
        return job if job["record"] == "uploaded" else None

    return until(look, seconds=120, what=f"the record of {job_id}: {server.job(job_id)}")


def finish(server: Server, notebook: str, **request: Any) -> dict[str, Any]:
    """Send a notebook; the job when it has succeeded and its record is in MLflow."""
    job_id = server.send(notebook, **request)["id"]
    ended = server.reaches(job_id, *FINAL, seconds=180)
    assert ended["state"] == "succeeded", server.log_text(job_id)
    return recorded(server, job_id)


def pairs(run: dict[str, Any], kind: str) -> dict[str, Any]:
    return {item["key"]: item["value"] for item in run["data"].get(kind, [])}


def experiment(mlflow: Mlflow, run: dict[str, Any]) -> str:
    return mlflow.ask(f"experiments/get?experiment_id={run['info']['experiment_id']}")["experiment"]["name"]


@pytest.mark.torch
def test_a_notebook_written_for_mlflow_runs_unchanged(tracked: Server, mlflow: Mlflow) -> None:
    tracked.notebook(
        "seed.ipynb",
        "import torch\nmodel = torch.nn.Linear(2, 1)\naccuracy = 0.91",
        "import mlflow\n"
        f'mlflow.set_tracking_uri("{mlflow.url}"); mlflow.set_experiment("fraud-detection")\n'
        "with mlflow.start_run():\n"
        '    mlflow.log_param("learning_rate", 0.001); mlflow.log_metric("accuracy", accuracy)\n'
        '    mlflow.pytorch.log_model(model, "model")\n',
    )
    job = finish(tracked, "seed.ipynb")
    (listed,) = job["runs"]
    assert job["run_id"] == listed["run_id"]
    assert job["experiment_id"] == listed["experiment_id"]
    assert listed["experiment_name"] == "fraud-detection"
    assert listed["status"] == "FINISHED"
    assert listed["url"] == f"{mlflow.url}/#/experiments/{job['experiment_id']}/runs/{job['run_id']}"
    run = mlflow.run(job["run_id"])
    assert pairs(run, "metrics") == {"accuracy": 0.91} | NO_GPUS
    assert pairs(run, "params") == {"learning_rate": "0.001"}
    assert run["outputs"]["model_outputs"]
    tags = pairs(run, "tags")
    assert (tags["windlass.job_id"], tags["windlass.bundle_sha256"]) == (job["id"], job["bundle_sha256"])
    assert tags["windlass.notebook"] == "seed.ipynb"
    assert mlflow.artifacts(job["run_id"], "windlass") == RECORD
    executed = json.loads(mlflow.artifact(job["run_id"], "windlass/executed.ipynb"))
    assert [cell["execution_count"] for cell in executed["cells"]] == [1, 2]
    assert tracked.log_text(job["id"]).count("View run") == 1


@pytest.mark.torch
def test_bare_calls_of_two_ranks_land_in_the_jobs_own_run(tracked: Server, mlflow: Mlflow) -> None:
    tracked.notebook(
        "bare.ipynb",
        "# parameters\nlr = 0.1",
        "import os, mlflow\nrank = os.environ['RANK']\nmlflow.log_metric(f'loss_{rank}', lr)\nmlflow.end_run()",
    )
    job_id = tracked.send("bare.ipynb", processes_per_worker=2, parameters={"lr": 0.5}, experiment="bare calls")["id"]
    seen = []
    tab = tracked.tab()
    tab.say(type="subscribe_jobs")
    while not seen or seen[-1]["record"] != "uploaded":
        seen += [job for job in tab.hear("jobs")["jobs"] if job["id"] == job_id]
    tab.close()
    ended = [job for job in seen if job["state"] in FINAL]
    assert {job["state"] for job in ended} == {"succeeded"}, tracked.log_text(job_id)
    assert {job["record"] for job in seen if job["state"] not in FINAL} == {None}
    assert {job["record"] for job in ended} <= ON_THE_WAY
    (url,) = {job["runs"][0]["url"] for job in ended}
    job = ended[-1]
    assert url == f"{mlflow.url}/#/experiments/{job['experiment_id']}/runs/{job['run_id']}"
    (run,) = mlflow.runs_of(job_id)
    assert run["info"]["run_id"] == job["run_id"]
    assert experiment(mlflow, run) == job["runs"][0]["experiment_name"] == "bare calls"
    assert pairs(run, "metrics") == {"loss_0": 0.5, "loss_1": 0.5} | NO_GPUS
    assert pairs(run, "params") == {"lr": "0.5"}
    assert run["info"]["status"] == "FINISHED"
    assert mlflow.artifacts(job["run_id"], "windlass/logs") == [f"windlass/logs/rank-{rank}.log" for rank in (0, 1)]
    assert tracked.log_text(job_id, rank=0).count("View run") == 1, "ended by the notebook, and said once"


def test_two_runs_in_two_experiments_are_both_the_jobs(tracked: Server, mlflow: Mlflow) -> None:
    tracked.notebook(
        "two.ipynb",
        "import mlflow",
        "for name in ('left', 'right'):\n"
        "    mlflow.set_experiment(name)\n"
        "    with mlflow.start_run(run_name=f'run {name}'):\n"
        "        mlflow.log_metric('a', len(name))",
    )
    job = finish(tracked, "two.ipynb")
    assert [(run["name"], run["experiment_name"]) for run in job["runs"]] == [
        ("run left", "left"),
        ("run right", "right"),
    ]
    assert job["run_id"] == job["runs"][0]["run_id"], "the first one carries the record"
    assert [mlflow.artifacts(run["run_id"], "windlass") for run in job["runs"]] == [RECORD, []]
    assert {pairs(run, "tags")["windlass.job_id"] for run in mlflow.runs_of(job["id"])} == {job["id"]}
    assert len(mlflow.runs_of(job["id"])) == 2


def test_autologging_lands_in_the_jobs_own_run(tracked: Server, mlflow: Mlflow) -> None:
    tracked.notebook(
        "auto.ipynb",
        "import mlflow, numpy\nfrom sklearn.linear_model import LogisticRegression\n"
        "mlflow.sklearn.autolog(log_models=False)",
        "x = numpy.arange(40).reshape(20, 2); y = numpy.arange(20) % 2\nLogisticRegression(C=0.5).fit(x, y)",
    )
    job = finish(tracked, "auto.ipynb")
    (run,) = mlflow.runs_of(job["id"])
    assert run["info"]["run_id"] == job["run_id"]
    assert pairs(run, "params")["C"] == "0.5"
    assert "training_score" in pairs(run, "metrics")
    assert experiment(mlflow, run) == job["experiment"] == "auto"
    assert run["info"]["status"] == "FINISHED"
    assert mlflow.artifacts(job["run_id"], "windlass") == RECORD


def test_a_job_in_an_environment_without_mlflow_gets_its_run_all_the_same(tracked: Server, mlflow: Mlflow) -> None:
    bare = tracked.base / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    spec = tracked.base / "jupyter" / "kernels" / "bare" / "kernel.json"
    spec.parent.mkdir(parents=True)
    command = [str(bare / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": command, "display_name": "Bare", "language": "python"}))
    tracked.notebook(
        "plain.ipynb", "# parameters\nn = 1", "import importlib.util as u\nprint(n, u.find_spec('mlflow'))"
    )
    job = finish(tracked, "plain.ipynb", environment="bare", parameters={"n": 7})
    assert "7 None" in tracked.log_text(job["id"])
    (listed,) = job["runs"]
    run = mlflow.run(job["run_id"])
    assert listed["run_id"] == job["run_id"]
    assert (run["info"]["run_name"], experiment(mlflow, run)) == ("plain", "plain")
    assert pairs(run, "params") == {"n": "7"}
    assert pairs(run, "tags")["windlass.job_id"] == job["id"]
    assert mlflow.artifacts(job["run_id"], "windlass") == RECORD


def test_a_failed_job_leaves_a_failed_run_with_its_record(tracked: Server, mlflow: Mlflow) -> None:
    tracked.notebook("fails.ipynb", "import mlflow\nmlflow.log_metric('before', 1)", "1 / 0")
    job_id = tracked.send("fails.ipynb")["id"]
    assert tracked.reaches(job_id, *FINAL)["state"] == "failed"
    job = recorded(tracked, job_id)
    run = mlflow.run(job["run_id"])
    assert (run["info"]["status"], job["runs"][0]["status"]) == ("FAILED", "FAILED")
    assert pairs(run, "metrics") == {"before": 1} | NO_GPUS
    assert mlflow.artifacts(job["run_id"], "windlass") == RECORD


def test_with_tracking_off_a_job_says_so_from_the_start(server: Server) -> None:
    server.notebook("off.ipynb", "import os\nprint(os.environ.get('MLFLOW_TRACKING_URI'))")
    sent = server.send("off.ipynb")
    assert sent["record"] == "off"
    job = server.reaches(sent["id"], "succeeded")
    assert (job["record"], job["runs"], job["run_id"]) == ("off", [], None)
    assert server.log_text(sent["id"]) == "None\n"


@pytest.fixture
def elsewhere(tmp_path: Path, mlflow: Mlflow, unused_tcp_port: int) -> Iterator[Server]:
    """A server whose MLflow is another one, which is away."""
    uri = f"http://127.0.0.1:{unused_tcp_port}"
    server = Server(base=tmp_path, options=(f"--WindlassApp.tracking_uri={uri}",))
    try:
        yield server.start()
    finally:
        server.end()
        end_all(server.data)


def waits(server: Server, job_id: str) -> dict[str, Any]:
    """The job, once it is said that its record waits for MLflow."""

    def look() -> dict[str, Any] | None:
        job = server.job(job_id)
        assert job["record"] in {None, "pending", "uploading"} or job["record"].startswith("waiting: "), job
        return job if (job["record"] or "").startswith("waiting: ") else None

    return until(look, what="the record's waiting")


def test_what_is_logged_while_mlflow_is_away_comes_when_it_is_back(
    elsewhere: Server, mlflow: Mlflow, unused_tcp_port: int
) -> None:
    elsewhere.notebook("away.ipynb", "import mlflow\nfor step in range(3): mlflow.log_metric('loss', step, step=step)")
    job_id = elsewhere.send("away.ipynb")["id"]
    ended = elsewhere.reaches(job_id, "succeeded", seconds=90)
    assert [notice for notice in ended["notices"] if "does not answer" in notice], ended["notices"]
    assert "does not answer" in elsewhere.log_text(job_id)
    waiting = waits(elsewhere, job_id)
    assert "does not answer" in waiting["record"]
    assert (waiting["run_id"], waiting["runs"]) == (None, []), "a run that MLflow does not know yet is none"
    elsewhere.kill()
    elsewhere.start()
    assert waits(elsewhere, job_id)["run_id"] is None
    with forwarding(unused_tcp_port, mlflow.url):
        job = recorded(elsewhere, job_id)
        elsewhere.kill()
        elsewhere.start()
        again = elsewhere.job(job_id)
    for name in ("run_id", "experiment_id", "runs", "record"):
        assert again[name] == job[name], "the same after a restart"
    (run,) = mlflow.runs_of(job_id)
    assert [listed["run_id"] for listed in job["runs"]] == [job["run_id"]] == [run["info"]["run_id"]]
    history = mlflow.ask(f"metrics/get-history?run_id={job['run_id']}&metric_key=loss")["metrics"]
    assert [(point["step"], point["value"]) for point in history] == [(0, 0), (1, 1), (2, 2)]
    assert job["runs"][0]["url"].startswith(f"http://127.0.0.1:{unused_tcp_port}/#/experiments/")
    assert mlflow.artifacts(job["run_id"], "windlass") == RECORD


def test_mlflow_that_goes_in_the_middle_costs_nothing(elsewhere: Server, mlflow: Mlflow, unused_tcp_port: int) -> None:
    ready, go = elsewhere.base / "ready", elsewhere.base / "go"
    elsewhere.notebook(
        "middle.ipynb",
        "import mlflow, os, pathlib, time\nos.environ['MLFLOW_HTTP_REQUEST_MAX_RETRIES'] = '0'\n"
        f"mlflow.log_metric('loss', 0, step=0)\npathlib.Path({str(ready)!r}).touch()",
        f"while not os.path.exists({str(go)!r}): time.sleep(0.02)\n"
        "for step in (1, 2): mlflow.log_metric('loss', step, step=step)",
    )
    with forwarding(unused_tcp_port, mlflow.url):
        job_id = elsewhere.send("middle.ipynb")["id"]
        until(ready.exists, what="the first metric")
        assert elsewhere.job(job_id)["record"] is None
    go.touch()
    ended = elsewhere.reaches(job_id, "succeeded")
    assert [notice for notice in ended["notices"] if "has stopped answering" in notice], ended["notices"]
    assert ended["run_id"] is not None
    assert waits(elsewhere, job_id)["run_id"] == ended["run_id"]
    with forwarding(unused_tcp_port, mlflow.url):
        job = recorded(elsewhere, job_id)
    assert job["run_id"] == ended["run_id"]
    history = mlflow.ask(f"metrics/get-history?run_id={job['run_id']}&metric_key=loss")["metrics"]
    assert [(point["step"], point["value"]) for point in history] == [(0, 0), (1, 1), (2, 2)]
    assert mlflow.run(job["run_id"])["info"]["status"] == "FINISHED"
