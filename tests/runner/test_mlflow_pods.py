"""MLflow inside the pods of a job: each has a folder of its own, a process group of its own, and one real server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import forwarding
from tests.engines.kubernetes.making import cluster_job
from tests.kube.authority import Authority, tls_door

from windlass.engines.kubernetes.logs.frames import Assembler
from windlass.engines.kubernetes.logs.log_lines import Line
from windlass.engines.kubernetes.logs.rank_text import PodRanks, RankText
from windlass.engines.kubernetes.manifests.environment import rank_environment
from windlass.engines.kubernetes.manifests.job_environment import for_pods
from windlass.tracking.tracking import Tracking

from .job import Job
from .test_reporting import IN_A_POD, last, read

pytestmark = pytest.mark.mlflow


class Pods:
    """The pods of one job."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self.url = url
        self.id = Job(folder).id
        self.all: list[Job] = []

    def start(self, rank: int, *cells: str, world: int = 2, **variables: str) -> Job:
        pod = Job(self._folder / f"pod-{len(self.all)}")
        pod.id = self.id
        self.all.append(pod)
        context = {"windlass.job_id": self.id, "windlass.notebook": "dir/train.ipynb", "mlflow.user": "ada"}
        given = {
            **IN_A_POD,
            "RANK": str(rank),
            "LOCAL_RANK": "0",
            "WORLD_SIZE": str(world),
            "MLFLOW_TRACKING_URI": self.url,
            "MLFLOW_EXPERIMENT_NAME": f"experiment of {self.id}",
            "MLFLOW_RUN_CONTEXT": json.dumps(context),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "GIT_PYTHON_REFRESH": "quiet",
            "WINDLASS_TRACKING_WAIT": "60",
            "WINDLASS_TRACKING_LAST_WAIT": "30",
            "SIGNALS": str(self._folder),
        }
        return pod.lay_out(WAIT_FOR, *cells).start(**{**given, **variables})

    def tell(self, what: str) -> None:
        (self._folder / what).touch()


WAIT_FOR = """
import os, pathlib, time
def wait_for(name):
    deadline = time.monotonic() + 90
    while not pathlib.Path(os.environ['SIGNALS'], name).exists():
        assert time.monotonic() < deadline, name
        time.sleep(0.02)
"""
LOGS = "import mlflow\nmlflow.log_metric('loss_' + os.environ['RANK'], 0.5)"


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[Callable[[str], Pods]]:
    made: list[Pods] = []

    def make(url: str) -> Pods:
        made.append(Pods(tmp_path, url))
        return made[-1]

    yield make
    for job in made:
        for pod in job.all:
            pod.end()


def metrics(run: dict[str, Any]) -> dict[str, float]:
    return {item["key"]: item["value"] for item in run["data"].get("metrics", [])}


def reports(pod: Job, rank: int, *, world: int = 2) -> list[Any]:
    text, assembler, found = RankText(ranks=PodRanks(first=rank, count=1, world_size=world)), Assembler(), []
    for content in pod.output.encode().split(b"\n")[:-1]:
        _piece, frame = text.take(Line(0, content, begins=True, ended=True))
        report = assembler.add(frame) if frame is not None else None
        if report is not None:
            found.append(report)
    return found


def notices(pod: Job, rank: int = 0, *, world: int = 1) -> list[str]:
    return last(reports(pod, rank, world=world), "status", rank).value["notices"]


def test_pods_that_log_at_once_share_one_run_which_a_new_attempt_goes_on_with(pods: Any, mlflow: Any) -> None:
    job = pods(mlflow.url)
    first = [job.start(rank, LOGS + "\nraise SystemExit(os.environ['RANK'] == '0')") for rank in (0, 1)]
    assert [pod.wait() for pod in first] == [1, 0], first[0].output + first[1].output
    (run,) = mlflow.runs_of(job.id)
    assert metrics(run) == {"loss_0": 0.5, "loss_1": 0.5}
    assert run["info"]["status"] == "FAILED"
    assert run["info"]["run_name"] == f"train-{job.id}"
    for rank, pod in enumerate(first):
        assert last(reports(pod, rank), "own_run", rank).value["run_id"] == run["info"]["run_id"]
    assert last(reports(first[0], 0), "run").value["own"] is True

    again = job.start(
        0,
        "import mlflow\nmlflow.log_metric('again', 1)",
        "assert mlflow.MlflowClient().get_run(mlflow.active_run().info.run_id).info.status == 'RUNNING'",
        WINDLASS_ATTEMPT="1",
    )
    assert again.wait() == 0, again.output
    (run,) = mlflow.runs_of(job.id)
    assert metrics(run) == {"loss_0": 0.5, "loss_1": 0.5, "again": 1}
    assert run["info"]["status"] == "FINISHED"


def test_pods_agree_where_rank_0_logs_nothing_and_notebooks_set_other_experiments(pods: Any, mlflow: Any) -> None:
    job = pods(mlflow.url)
    code = "import mlflow\nif os.environ['RANK'] == '2': mlflow.set_experiment('another')\n" + LOGS
    workers = [job.start(rank, code, world=3) for rank in (1, 2)]
    assert [pod.wait() for pod in workers] == [0, 0], workers[0].output + workers[1].output
    (run,) = mlflow.runs_of(job.id)
    assert metrics(run) == {"loss_1": 0.5, "loss_2": 0.5}


def test_what_is_logged_while_mlflow_is_away_is_sent_while_the_job_runs(
    pods: Any, mlflow: Any, unused_tcp_port: int, until: Any
) -> None:
    job = pods(f"http://127.0.0.1:{unused_tcp_port}")
    with forwarding(unused_tcp_port, mlflow.url):
        pod = job.start(
            0,
            "import mlflow\nmlflow.log_metric('before', 1)\n(pathlib.Path(os.environ['SIGNALS']) / 'begun').touch()",
            "wait_for('gone')\nfor step in range(5): mlflow.log_metric('loss', step, step=step)\n"
            "mlflow.set_tag('t', 'away')\nmlflow.log_param('p', 1)\nmlflow.log_metrics({'a': 1, 'b': 2})",
            "wait_for('sent')\nmlflow.set_tag('t', 'back')",
            world=1,
        )
        pod.until(lambda _pod: (pod.folder.parent / "begun").exists(), seconds=90)
    job.tell("gone")
    pod.until(lambda pod: (pod.folder / "late.jsonl").exists() and pod.status().get("cell") == 4, seconds=90)
    with forwarding(unused_tcp_port, mlflow.url):
        expected = {"before": 1, "loss": 4, "a": 1, "b": 2}
        until(lambda: [metrics(run) for run in mlflow.runs_of(job.id)] == [expected], what="the metrics arriving")
        job.tell("sent")
        assert pod.wait() == 0, pod.output
    (run,) = mlflow.runs_of(job.id)
    assert {"key": "t", "value": "back"} in run["data"]["tags"]
    assert {"key": "p", "value": "1"} in run["data"]["params"]
    history = mlflow.ask(f"metrics/get-history?run_id={run['info']['run_id']}&metric_key=loss")["metrics"]
    assert sorted(point["step"] for point in history) == list(range(5))
    (notice,) = notices(pod)
    assert "has stopped answering" in notice


def test_what_could_not_be_sent_is_told_and_the_pod_ends(pods: Any, mlflow: Any, unused_tcp_port: int) -> None:
    job = pods(f"http://127.0.0.1:{unused_tcp_port}")
    with forwarding(unused_tcp_port, mlflow.url):
        pod = job.start(
            0,
            "import mlflow\nmlflow.log_metric('before', 1)\n(pathlib.Path(os.environ['SIGNALS']) / 'begun').touch()",
            "wait_for('gone')\nfor step in range(12): mlflow.log_metric('loss', step, step=step)",
            "mlflow.set_tag('t', 1)",
            world=1,
            WINDLASS_TRACKING_LAST_WAIT="0.5",
        )
        pod.until(lambda _pod: (pod.folder.parent / "begun").exists(), seconds=90)
    job.tell("gone")
    assert pod.wait() == 0, pod.output
    told = [notice for notice in notices(pod) if "could not be sent" in notice]
    assert len(told) == 1
    assert told[0].startswith("12 metrics, 1 tag of rank 0 could not be sent to MLflow")
    assert last(reports(pod, 0, world=1), "status").value["phase"] == "succeeded"


def test_a_spool_is_sent_to_the_run_of_the_other_pods_when_mlflow_comes(
    pods: Any, mlflow: Any, unused_tcp_port: int
) -> None:
    away = f"http://127.0.0.1:{unused_tcp_port}"
    job = pods(mlflow.url)
    spooled = job.start(
        1,
        LOGS + "\nmlflow.log_text('hi', 'note.txt')\nwith mlflow.start_run(run_name='second', nested=True): pass",
        "(pathlib.Path(os.environ['SIGNALS']) / 'spooled').touch()\nwait_for('back')",
        MLFLOW_TRACKING_URI=away,
        WINDLASS_TRACKING_WAIT="0.1",
    )
    other = job.start(0, LOGS)
    assert other.wait() == 0, other.output
    spooled.until(lambda _pod: (spooled.folder.parent / "spooled").exists(), seconds=90)
    with forwarding(unused_tcp_port, mlflow.url):
        job.tell("back")
        assert spooled.wait() == 0, spooled.output
    runs = {run["info"]["run_name"]: run for run in mlflow.runs_of(job.id)}
    assert set(runs) == {f"train-{job.id}", "second"}
    own = runs[f"train-{job.id}"]
    assert metrics(own) == {"loss_0": 0.5, "loss_1": 0.5}
    assert mlflow.artifacts(own["info"]["run_id"]) == ["note.txt"]
    told = {report.value["run_id"]: report.value for report in reports(spooled, 1) if report.kind == "run"}
    assert {run["info"]["run_id"] for run in runs.values()} < set(told)
    assert told[own["info"]["run_id"]]["own"] is True
    assert not [notice for notice in notices(spooled, 1, world=2) if "could not" in notice]


def test_a_pod_that_is_ended_while_it_waits_for_mlflow_says_what_is_lost(pods: Any, unused_tcp_port: int) -> None:
    job = pods(f"http://127.0.0.1:{unused_tcp_port}")
    pod = job.start(0, LOGS + "\nmlflow.log_metric('loss', 1)", world=1, WINDLASS_TRACKING_WAIT="0.1")
    pod.until(_spool_is_closed, seconds=90)
    os.kill(pod.process.pid, signal.SIGTERM)
    assert pod.wait() == 0, pod.output
    assert last(reports(pod, 0, world=1), "status").value["phase"] == "succeeded"
    told = [notice for notice in notices(pod) if "could not be sent" in notice]
    assert [notice.partition(" logged")[0] for notice in told] == ["2 metrics of 1 run"]


def _spool_is_closed(pod: Job) -> bool:
    """Whether the rank has ended its runs, after which it waits."""
    database = pod.folder / "spool" / "mlflow.db"
    if not database.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as spool:
            return spool.execute("select status from runs").fetchall() == [("FINISHED",)]
    except sqlite3.OperationalError:
        return False


async def test_an_mlflow_behind_tls_is_used_by_the_certificates_that_it_is_given(
    pods: Any, mlflow: Any, tmp_path: Path
) -> None:
    mlflow.runs_of("nobody")  # it is up
    authority = Authority(tmp_path)
    async with tls_door(mlflow.url, authority.server()) as url:
        job = pods(url)
        pod = job.start(1, LOGS, MLFLOW_TRACKING_SERVER_CERT_PATH=str(authority.file))
        assert await asyncio.to_thread(pod.wait) == 0, pod.output
    (run,) = mlflow.runs_of(job.id)
    assert metrics(run) == {"loss_1": 0.5}
    assert notices(pod, 1, world=2) == []


async def test_what_tracking_gives_a_job_arrives_in_its_pods_and_no_password_stands_in_a_manifest(
    tmp_path: Path,
) -> None:
    uri = "https://ada:s3cret@mlflow.example/path"
    tracking = Tracking(data_dir=tmp_path, configured_uri=uri, python=sys.executable)
    given = await tracking.job_environment(
        job_id="j1", owner="ada", notebook="d/train.ipynb", bundle_sha256="ab" * 32, experiment="d/train $(X)", git=None
    )
    await tracking.close()
    chosen = for_pods({**given, "WINDLASS_TRACKING_LAST_WAIT": "20"}, tracking_uri=None)
    entries = {entry["name"]: entry for entry in rank_environment(cluster_job(environment=dict(chosen.variables)))}
    assert entries["MLFLOW_TRACKING_URI"]["value"] == "https://mlflow.example/path"
    assert entries["MLFLOW_EXPERIMENT_NAME"]["value"] == "d/train $$(X)"
    assert entries["MLFLOW_RUN_CONTEXT"]["value"] == given["MLFLOW_RUN_CONTEXT"]
    assert entries["WINDLASS_TRACKING_WAIT"]["value"] == given["WINDLASS_TRACKING_WAIT"]
    assert entries["WINDLASS_TRACKING_LAST_WAIT"]["value"] == "20"
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"):
        reference = {"name": "windlass-credentials", "key": name, "optional": True}
        assert entries[name]["valueFrom"] == {"secretKeyRef": reference}
    assert "s3cret" not in json.dumps(entries)


def test_a_server_that_refuses_to_search_still_gets_the_metrics(pods: Any, mlflow: Any) -> None:
    job = pods(mlflow.url)
    pod = job.start(0, LOGS, WINDLASS_JOB_ID="it's no word of MLflow's language")
    assert pod.wait() == 0, pod.output
    (run,) = mlflow.runs_of(job.id)
    assert metrics(run) == {"loss_0": 0.5}
    (notice,) = notices(pod, 0, world=2)
    assert notice.startswith("What this pod logs has an MLflow run to itself")


def test_an_image_without_mlflow_runs_the_job_all_the_same(pods: Any, unused_tcp_port: int) -> None:
    job = pods(f"http://127.0.0.1:{unused_tcp_port}")
    hide = "import sys\nsys.modules['mlflow'] = None"
    pod = job.start(0, hide, "try:\n    import mlflow\nexcept ImportError:\n    print('none here')", world=1)
    assert pod.wait() == 0
    logs, _reports = read(pod.output.encode())
    assert b"none here" in logs[0]
    assert notices(pod) == []
