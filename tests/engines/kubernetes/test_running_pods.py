"""What manifests say is really run: the init containers bring a real bundle, and the rank runs its notebook."""

from __future__ import annotations

import base64
import http.server
import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.conftest import Mlflow
from tests.engines.kubernetes.local_pod import LocalPod
from tests.engines.kubernetes.making import EVERYTHING, TORCH_RUNTIME, cluster, cluster_job
from tests.engines.kubernetes.schemas import pod_templates

from windlass.bundle.archive import Bundle, Entry, manifest_entry, runner_entries, write_bundle
from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.manifests.delivery import config_map
from windlass.engines.kubernetes.model import ClusterFacts, ClusterJob, FromArtifacts, FromClaim, InConfigMap, Object
from windlass.kube.resources import TRAIN_JOBS

NOTEBOOK = {
    "cells": [
        {
            "id": "a",
            "cell_type": "code",
            "metadata": {"tags": ["parameters"]},
            "source": "greeting = 'hi'",
            "outputs": [],
            "execution_count": None,
        },
        {
            "id": "b",
            "cell_type": "code",
            "metadata": {},
            "source": "from os import environ as e\nprint(greeting, e['RANK'], 'of', e['WORLD_SIZE'], e.get('NOTE'))",
            "outputs": [],
            "execution_count": None,
        },
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture(scope="module", name="bundle")
def a_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    text = json.dumps(NOTEBOOK).encode()
    manifest = {
        "format": 1,
        "notebook": "dir/train.ipynb",
        "parameters": {"greeting": "good day"},
        "files": [],
        "search_folders": [],
    }
    entries = [manifest_entry(manifest), Entry.of_bytes("files/dir/train.ipynb", text), *runner_entries()]
    return write_bundle(entries, folder=tmp_path_factory.mktemp("bundles"), content_bytes=len(text))


class _Artifacts(http.server.BaseHTTPRequestHandler):
    """MLflow's route for artifacts, behind a password, and with the troubles of a server that has just started."""

    content = b""
    password: ClassVar[str] = ""
    troubles: ClassVar[list[int | str]] = []
    seen: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Authorization"]))
        address = urlsplit(self.path)
        if self.troubles:
            return self._trouble(self.troubles.pop(0))
        if self.headers["Authorization"] != "Basic " + base64.b64encode(f"ada:{self.password}".encode()).decode():
            return self._answer(401, b"")
        if address.path != "/base/get-artifact" or parse_qs(address.query) != {
            "run_id": ["r1"],
            "path": ["w/b c.tar.gz"],
        }:
            return self._answer(404, b"")
        return self._answer(200, self.content)

    def _trouble(self, trouble: int | str) -> None:
        if isinstance(trouble, int):
            return self._answer(trouble, b"")
        if trouble == "cut":
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.content)))
            self.end_headers()
            self.wfile.write(self.content[: len(self.content) // 2])
            return None
        self.send_response(302)
        self.send_header("Location", trouble)
        self.end_headers()
        return None

    def _answer(self, code: int, content: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


@pytest.fixture
def mlflow_url(bundle: Bundle) -> Iterator[str]:
    _Artifacts.content, _Artifacts.password = bundle.path.read_bytes(), "s3cret"
    _Artifacts.troubles, _Artifacts.seen = [], []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Artifacts)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/base/"
    server.shutdown()
    server.server_close()
    thread.join()


def pod_of(
    job: ClusterJob, *, kind: str, folder: Path, bundle: Bundle, facts: ClusterFacts = EVERYTHING, **more: Any
) -> LocalPod:
    made = KINDS[kind].render(job, facts)
    template = next(each for item in made for each in pod_templates(item))
    data = bundle.path.read_bytes() if isinstance(job.delivery, InConfigMap) else None
    return LocalPod(template, folder=folder, config_map=config_map(job, data), **more)


def job_of(bundle: Bundle, **changes: Any) -> ClusterJob:
    spec = {"bundle_sha256": bundle.sha256, **changes.pop("spec", {})}
    return cluster_job(spec=spec, **{"environment": {}, **changes})


def output_of(pod: LocalPod, **variables: str) -> str:
    done = pod.run(pod.ranks(), **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_bundle_in_a_config_map_is_unpacked_and_its_notebook_runs(bundle: Bundle, tmp_path: Path) -> None:
    job = job_of(bundle, environment={"NOTE": "$(WINDLASS_JOB_ID) costs $5 and $$"})
    pod = pod_of(job, kind="Job", folder=tmp_path, bundle=bundle)
    (fetched,) = pod.initialize()
    assert (fetched.returncode, fetched.stderr) == (0, "")
    assert "good day 0 of 1 $(WINDLASS_JOB_ID) costs $5 and $$" in output_of(pod)
    assert (pod.folder_of("windlass") / "home").is_dir()


def test_a_bundle_on_a_claim_is_copied_before_it_is_unpacked(bundle: Bundle, tmp_path: Path) -> None:
    claim = tmp_path / "claim"
    (claim / ".windlass").mkdir(parents=True)
    (claim / ".windlass" / "b.tar.gz").write_bytes(bundle.path.read_bytes())
    job = job_of(bundle, delivery=FromClaim(claim="home-ada", path=".windlass/b.tar.gz"))
    pod = pod_of(job, kind="Job", folder=tmp_path, bundle=bundle, claims={"home-ada": claim})
    (fetched,) = pod.initialize()
    assert (fetched.returncode, fetched.stderr) == (0, "")
    assert "good day 0 of 1" in output_of(pod)


def _from_mlflow(bundle: Bundle, url: str, folder: Path, password: str = "s3cret") -> LocalPod:
    job = job_of(bundle, delivery=FromArtifacts(tracking_uri=url, run_id="r1", path="w/b c.tar.gz"))
    secret = {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": password}
    return pod_of(job, kind="Job", folder=folder, bundle=bundle, secret=secret)


def test_a_bundle_in_mlflow_is_fetched_with_the_secrets_credentials(
    bundle: Bundle, mlflow_url: str, tmp_path: Path
) -> None:
    pod = _from_mlflow(bundle, mlflow_url, tmp_path)
    (fetched,) = pod.initialize()
    assert (fetched.returncode, fetched.stderr) == (0, "")
    assert "good day 0 of 1" in output_of(pod)
    assert len(_Artifacts.seen) == 1


@pytest.mark.parametrize("trouble", [503, 429, "cut"])
def test_mlflow_that_is_away_for_a_moment_is_asked_again(
    bundle: Bundle, mlflow_url: str, tmp_path: Path, trouble: int | str
) -> None:
    _Artifacts.troubles = [trouble]
    (fetched,) = _from_mlflow(bundle, mlflow_url, tmp_path).initialize()
    assert (fetched.returncode, fetched.stderr) == (0, "")
    assert len(_Artifacts.seen) == 2


def test_a_redirect_does_not_take_the_credentials_along(bundle: Bundle, mlflow_url: str, tmp_path: Path) -> None:
    port = urlsplit(mlflow_url).port
    _Artifacts.troubles = [f"http://localhost:{port}/base/get-artifact?elsewhere=1"]
    (fetched,) = _from_mlflow(bundle, mlflow_url, tmp_path).initialize()
    assert fetched.returncode == 1
    (_, first), (path, second) = _Artifacts.seen
    assert first is not None
    assert "elsewhere" in path
    assert second is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "wrong"}, "Secret windlass-credentials"),
        ({"url": "databricks"}, "http or https"),
    ],
)
def test_a_bundle_that_mlflow_does_not_give_ends_with_a_sentence_and_no_secret(
    bundle: Bundle, mlflow_url: str, tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    pod = _from_mlflow(bundle, changes.get("url", mlflow_url), tmp_path, changes.get("password", "s3cret"))
    (fetched,) = pod.initialize()
    assert fetched.returncode == 1
    assert said in fetched.stderr
    assert len(fetched.stderr.splitlines()) == 1
    assert "wrong" not in fetched.stderr
    assert "s3cret" not in fetched.stderr


@pytest.mark.mlflow
def test_a_real_mlflow_hands_the_bundle_out(bundle: Bundle, mlflow: Mlflow, tmp_path: Path) -> None:
    run = mlflow.ask("runs/create", {"experiment_id": "0"})["run"]["info"]
    place = f"{mlflow.url}/api/2.0/mlflow-artifacts/artifacts/0/{run['run_id']}/artifacts/windlass/bundle.tar.gz"
    sent = urllib.request.Request(place, data=bundle.path.read_bytes(), method="PUT")
    with urllib.request.urlopen(sent, timeout=60) as answer:
        assert answer.status == 200
    delivery = FromArtifacts(tracking_uri=mlflow.url, run_id=run["run_id"], path="windlass/bundle.tar.gz")
    pod = pod_of(job_of(bundle, delivery=delivery), kind="Job", folder=tmp_path, bundle=bundle)
    (fetched,) = pod.initialize()
    assert (fetched.returncode, fetched.stderr) == (0, "")
    assert (pod.folder_of("windlass") / "bundle" / "windlass_run.py").is_file()


def test_a_run_that_is_gone_is_said_to_be_gone(bundle: Bundle, mlflow_url: str, tmp_path: Path) -> None:
    _Artifacts.troubles = [404]
    (fetched,) = _from_mlflow(bundle, mlflow_url, tmp_path).initialize()
    assert (fetched.returncode, len(_Artifacts.seen)) == (1, 1)
    assert "deleted" in fetched.stderr


@pytest.mark.parametrize("damage", ["another", "short", "missing"])
def test_a_bundle_that_is_not_the_one_sent_is_never_unpacked(bundle: Bundle, tmp_path: Path, damage: str) -> None:
    claim = tmp_path / "claim"
    claim.mkdir()
    data = bundle.path.read_bytes()
    if damage != "missing":
        (claim / "b.tar.gz").write_bytes(data + b"x" if damage == "another" else data[:-9])
    job = job_of(bundle, delivery=FromClaim(claim="home-ada", path="b.tar.gz"))
    pod = pod_of(job, kind="Job", folder=tmp_path, bundle=bundle, claims={"home-ada": claim})
    (fetched,) = pod.initialize()
    assert fetched.returncode == 1
    assert "Send the job again" in fetched.stderr
    assert not (pod.folder_of("windlass") / "bundle").exists()
    assert not list(pod.folder_of("windlass").glob(".bundle*"))


def test_a_container_that_starts_again_keeps_the_bundle_it_has(bundle: Bundle, tmp_path: Path) -> None:
    pod = pod_of(job_of(bundle), kind="Job", folder=tmp_path, bundle=bundle)
    pod.initialize()
    marked = pod.folder_of("windlass") / "bundle" / "mark"
    marked.touch()
    assert [done.returncode for done in pod.initialize()] == [0]
    assert marked.exists()


def test_without_init_containers_the_ranks_container_prepares_itself(bundle: Bundle, tmp_path: Path) -> None:
    facts = cluster(TRAIN_JOBS, runtimes=(TORCH_RUNTIME,))
    job = job_of(bundle, spec={"processes_per_worker": 1})
    made: Object = KINDS["TrainJob"].render(job, facts)[-1]["spec"]
    patch = made["runtimePatches"][0]["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"][0]
    spec = patch["template"]["spec"]["template"]["spec"]
    container = {**spec["containers"][0], "env": made["trainer"]["env"]}
    # torchrun is not what is looked at here: the runner alone follows what prepares it.
    container["command"] = [*made["trainer"]["command"][:2], "python", made["trainer"]["command"][-1]]
    template = {"spec": {**spec, "containers": [container]}}
    pod = LocalPod(template, folder=tmp_path, config_map=config_map(job, bundle.path.read_bytes()))
    assert "good day 0 of 1" in output_of(pod)


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["PyTorchJob", "Job"])
def test_torchrun_starts_the_ranks_of_a_worker_whatever_the_operator_calls_rank(
    bundle: Bundle, tmp_path: Path, kind: str
) -> None:
    job = job_of(bundle, spec={"processes_per_worker": 2})
    pod = pod_of(job, kind=kind, folder=tmp_path, bundle=bundle)
    pod.initialize()
    operators = {
        "RANK": "0",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": "0",
        "PET_NPROC_PER_NODE": "2",
        "PET_NNODES": "1",
        "PET_NODE_RANK": "0",
        "PET_MASTER_ADDR": "localhost",
        "PET_MASTER_PORT": "0",
    }
    container = pod.ranks()
    # The pod's loopback interface is its own, this machine's is not.
    container["command"] = [part.replace("--master-port=29500", "--master-port=0") for part in container["command"]]
    output = output_of(pod, **(operators if kind == "PyTorchJob" else {}))
    assert "good day 0 of 2" in output
    assert "good day 1 of 2" in output
