"""From a run back to what made it: on the server that sent the job, and on one that never knew it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.conftest import until
from tests.handlers.experiments.conftest import Panel
from tests.handlers.run_files.conftest import artifact_root
from tests.jupyter import Server, running
from tests.mlflow_proxy import Fault

pytestmark = pytest.mark.mlflow

PARAMETERS = "# parameters\nlearning_rate = 0.1"
TRAIN = "print('rate', learning_rate)"
"""Logs nothing: its record makes the run, and no job has to import MLflow."""


@dataclass
class Trained:
    """Two runs of one notebook, by jobs of the panel's server."""

    job: dict[str, Any]
    run: str
    other_job: dict[str, Any]
    other: str
    sha256: str


@pytest.fixture(scope="module")
def trained(panel: Panel) -> Trained:
    panel.server.notebook("deep/train.ipynb", PARAMETERS, TRAIN)
    options: dict[str, Any] = {"name": "the job", "retries": 2, "time_limit_seconds": 900, "experiment": "reproduced"}
    one = panel.server.send("deep/train.ipynb", parameters={"learning_rate": 0.25}, **options)
    panel.server.notebook("deep/train.ipynb", PARAMETERS, TRAIN + "\nprint('more')")
    two = panel.server.send("deep/train.ipynb", parameters={"learning_rate": 0.5}, **options)
    jobs = [until(lambda job=job: recorded(panel.server, job["id"]), what="the record") for job in (one, two)]
    return Trained(jobs[0], jobs[0]["run_id"], jobs[1], jobs[1]["run_id"], jobs[0]["bundle_sha256"])


@pytest.fixture(scope="module")
def stranger(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Another server on the same MLflow: it knows no job."""
    with running(tmp_path_factory.mktemp("stranger"), f"--WindlassApp.tracking_uri={panel.proxy.url}") as server:
        yield server


@pytest.fixture
def forgetful(stranger: Server) -> Server:
    """The same, with no bundle on its disk."""
    for bundle in (stranger.data / "bundles").glob("*"):
        bundle.unlink()
    return stranger


def recorded(server: Server, job_id: str) -> dict[str, Any] | None:
    job = server.job(job_id)
    return job if job["record"] == "uploaded" else None


def ask(server: Server, path: str, status: int = 200, method: str = "GET", **options: Any) -> Any:
    with server.client() as http:
        answer = http.request(method, path, **options)
    assert answer.status_code == status, answer.text
    return answer.json()


def rerun(server: Server, run: str, status: int = 201, key: str | None = None, **body: Any) -> Any:
    headers = {"Idempotency-Key": key or uuid.uuid4().hex}
    return ask(server, f"/runs/{run}/rerun", status, "POST", json=body, headers=headers)


def test_the_notebook_as_it_ran_is_the_jobs_and_the_records(panel: Panel, trained: Trained, stranger: Server) -> None:
    here = panel.get(f"/runs/{trained.run}/notebook")
    assert "rate 0.25" in json.dumps(here["cells"])
    assert here == panel.get(f"/jobs/{trained.job['id']}/notebook")
    assert ask(stranger, f"/runs/{trained.run}/notebook") == here


def test_what_was_sent_is_the_same_archive_on_every_server(panel: Panel, trained: Trained, forgetful: Server) -> None:
    for server in (panel.server, forgetful):
        with server.client() as http:
            answer = http.get(f"/runs/{trained.run}/bundle")
        assert answer.status_code == 200
        assert hashlib.sha256(answer.content).hexdigest() == trained.sha256
        assert f"train-{trained.run}.tar.gz" in answer.headers["Content-Disposition"]


def test_two_runs_notebooks_are_compared_cell_by_cell(panel: Panel, trained: Trained, stranger: Server) -> None:
    for server in (panel.server, stranger):
        found = ask(server, f"/runs/{trained.run}/diff", params={"with": trained.other})
        assert [cell["change"] for cell in found["cells"]] == ["same", "changed", "changed"]
        injected = found["cells"][1]
        assert ("0.25" in injected["then_source"], "0.5" in injected["now_source"]) == (True, True)
        assert (found["exists"], found["identical"], found["notebook"]) == (True, False, "deep/train.ipynb")
    assert panel.get(f"/runs/{trained.run}/diff", **{"with": trained.run})["identical"] is True
    assert panel.get(f"/runs/{trained.run}/diff", 400)["fields"][0]["field"] == "with"
    bare = panel.run(panel.experiment())
    lacking = panel.get(f"/runs/{trained.run}/diff", **{"with": bare})
    assert (lacking["exists"], f"Run {bare[:8]}: No job of Windlass" in lacking["message"]) == (False, True)


def test_a_run_is_run_again_by_the_server_that_knows_its_job(panel: Panel, trained: Trained) -> None:
    key = uuid.uuid4().hex
    again = rerun(panel.server, trained.run, key=key)
    assert (again["rerun_of"], again["bundle_sha256"]) == (trained.job["id"], trained.sha256)
    assert rerun(panel.server, trained.run, 200, key=key)["id"] == again["id"], "one key makes one job"
    rerun(panel.server, trained.other, 409, key=key)
    assert panel.server.reaches(again["id"])["state"] == "succeeded"


def test_a_server_that_never_knew_the_job_runs_it_again_as_it_was_run(trained: Trained, forgetful: Server) -> None:
    again = rerun(forgetful, trained.run)
    assert (again["bundle_sha256"], again["notebook"]) == (trained.sha256, "deep/train.ipynb")
    assert (again["name"], again["retries"], again["time_limit_seconds"]) == ("the job", 2, 900)
    assert (again["parameters"], again["experiment"]) == ({"learning_rate": 0.25}, "reproduced")
    assert any("did not know its job" in notice for notice in again["notices"])
    done = forgetful.reaches(again["id"])
    assert done["state"] == "succeeded", done
    assert "rate 0.25" in forgetful.log_text(again["id"])
    assert recorded_run(forgetful, again["id"])["experiment_name"] == "reproduced"


def recorded_run(server: Server, job_id: str) -> Any:
    return until(lambda: recorded(server, job_id), what="the record")["runs"][0]


def test_with_other_parameters_it_is_the_same_code_and_another_bundle(trained: Trained, forgetful: Server) -> None:
    again = rerun(forgetful, trained.run, parameters={"learning_rate": 0.75})
    assert again["parameters"] == {"learning_rate": 0.75}
    assert again["bundle_sha256"] != trained.sha256
    assert forgetful.reaches(again["id"])["state"] == "succeeded"
    assert "rate 0.75" in forgetful.log_text(again["id"])
    assert rerun(forgetful, trained.run, 400, parameters={"learning_rate": "fast"})["fields"]
    assert rerun(forgetful, trained.run, 400, parameters={"no_such": 1})["fields"]


def test_a_key_that_made_a_job_answers_with_it_also_while_mlflow_is_away(
    panel: Panel, trained: Trained, forgetful: Server
) -> None:
    key = uuid.uuid4().hex
    made = rerun(forgetful, trained.run, key=key)
    with panel.proxy.away():
        assert rerun(forgetful, trained.run, 200, key=key)["id"] == made["id"]
        (forgetful.data / "bundles" / f"{trained.sha256}.tar.gz").unlink(missing_ok=True)
        assert "does not answer" in rerun(forgetful, trained.run, 503)["detail"]
    forgetful.reaches(made["id"])


def test_a_run_that_no_job_made_says_what_is_missing(panel: Panel) -> None:
    bare = panel.run(panel.experiment())
    for what in ("notebook", "bundle"):
        assert "No job of Windlass made this run" in panel.get(f"/runs/{bare}/{what}", 404)["detail"]
    assert "No job of Windlass made this run" in rerun(panel.server, bare, 409)["detail"]
    rerun(panel.server, "0" * 32, 404)


def fake(panel: Panel, content: bytes | None, *, sha256: str | None = None, **tags: str) -> str:
    """A run that says it is of a job, with this as its bundle."""
    digest = hashlib.sha256(content or b"").hexdigest() if sha256 is None else sha256
    given = {"windlass.job_id": "j" + uuid.uuid4().hex[:13], "windlass.bundle_sha256": digest, **tags}
    run = panel.run(panel.experiment(), tags=given)
    if content is not None:
        file = artifact_root(panel, run) / "windlass" / "bundle.tar.gz"
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    return run


def test_a_bundle_that_is_not_what_the_run_says_is_refused(panel: Panel, trained: Trained, forgetful: Server) -> None:
    changed = fake(panel, b"something else", sha256=trained.sha256)
    assert "not what was sent" in rerun(forgetful, changed, 409)["detail"]
    gone = fake(panel, None, sha256="a" * 64)
    assert "neither on this server nor" in rerun(forgetful, gone, 409)["detail"]
    assert "neither on this server nor" in ask(forgetful, f"/runs/{gone}/bundle", 404)["detail"]
    for hash_ in ("../../../etc/passwd", "", "A" * 64):
        assert "no hash" in rerun(forgetful, fake(panel, b"x", sha256=hash_), 409)["detail"]
    assert not list((forgetful.data / "bundles").iterdir()), "nothing of it is kept"


def packed(*entries: tuple[str, bytes] | tarfile.TarInfo, manifest: Any = None) -> bytes:
    out = io.BytesIO()
    whole = {
        "format": 1,
        "notebook": "n.ipynb",
        "parameters": {},
        "search_folders": [],
        "files": [{"path": "n.ipynb", "size_bytes": 2, "sha256": "", "reason": "notebook"}],
    }
    first = ("manifest.json", json.dumps(whole | (manifest or {})).encode())
    with tarfile.open(fileobj=out, mode="w") as archive:
        for entry in (first, *entries):
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
                continue
            header = tarfile.TarInfo(entry[0])
            header.size = len(entry[1])
            archive.addfile(header, io.BytesIO(entry[1]))
    return gzip.compress(out.getvalue())


def test_hostile_archives_are_refused_before_there_is_a_job(panel: Panel, forgetful: Server) -> None:
    link = tarfile.TarInfo("files/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    for content in (b"no gzip", packed(("../evil", b"")), packed(link)):
        run = fake(panel, content)
        assert rerun(forgetful, run, 422)["detail"]
        ask(forgetful, f"/runs/{run}/bundle", 422)
    assert not list((forgetful.data / "bundles").iterdir())
    assert "n.ipynb" not in {job["notebook"] for job in ask(forgetful, "/jobs")["items"]}


def test_a_record_of_an_older_windlass_is_run_with_this_servers_defaults(
    panel: Panel, trained: Trained, forgetful: Server
) -> None:
    with panel.server.client() as http:
        content = http.get(f"/runs/{trained.run}/bundle").content
    for options in ({}, {"windlass.options": '{"workers": -1}'}, {"windlass.options": "[" * 9000}):
        run = fake(panel, content, **options)
        again = rerun(forgetful, run)
        assert any("not written down" in notice for notice in again["notices"])
        assert (again["workers"], again["engine"]) == (1, "local")


def test_options_of_an_engine_that_is_not_here_are_left_out_and_said(
    panel: Panel, trained: Trained, forgetful: Server
) -> None:
    with panel.server.client() as http:
        content = http.get(f"/runs/{trained.run}/bundle").content
    options = {"engine": "slurm", "kind": "sbatch", "environment": "conda-x", "workers": 1, "allow_secrets": True}
    run = fake(panel, content, **{"windlass.options": json.dumps(options)})
    again = rerun(forgetful, run)
    assert again["engine"] == "local"
    assert {"slurm", "conda-x"} <= {word.strip(",.") for notice in again["notices"] for word in notice.split()}


def test_an_mlflow_that_refuses_or_hands_out_nonsense_is_told(
    panel: Panel, trained: Trained, forgetful: Server
) -> None:
    with panel.proxy.failing("get-artifact", Fault(status=403, body=b"{}")):
        assert "refused" in rerun(forgetful, trained.run, 502)["detail"]
        assert "refused" in ask(forgetful, f"/runs/{trained.run}/notebook", 502)["detail"]
    half = Fault(body=b"x" * 4096, media_type="application/octet-stream", missing_bytes=100)
    with panel.proxy.failing("get-artifact", half):
        assert "broke off" in rerun(forgetful, trained.run, 503)["detail"]
    with panel.proxy.failing("get-artifact", Fault(body=b"<html>", media_type="text/html")):
        assert "no notebook" in ask(forgetful, f"/runs/{trained.run}/notebook", 502)["detail"]


def model_of(panel: Panel, run: str, experiment: str, name: str, mlmodel: str) -> str:
    body = {"experiment_id": experiment, "name": name, "source_run_id": run}
    model = str(panel.mlflow.ask("logged-models", body)["model"]["info"]["model_id"])
    panel.mlflow.ask("runs/outputs", {"run_id": run, "models": [{"model_id": model, "step": 0}]})
    place = f"api/2.0/mlflow-artifacts/artifacts/{experiment}/models/{model}/artifacts/MLmodel"
    httpx.put(f"{panel.mlflow.url}/{place}", content=mlmodel).raise_for_status()
    return model


def test_the_code_loads_the_model_by_its_own_framework(panel: Panel) -> None:
    experiment = panel.experiment()
    run = panel.run(experiment)
    assert "no model" in panel.get(f"/runs/{run}/load-code", 404)["detail"]
    model = model_of(panel, run, experiment, "m", "flavors:\n  python_function: {}\n  sklearn: {}\n")
    code = panel.get(f"/runs/{run}/load-code")
    assert code["imports"] == ["mlflow", "scikit-learn"]
    assert f"model = mlflow.sklearn.load_model('models:/{model}')" in code["code"]
    assert "s3cret" not in code["code"]
    compile(code["code"], "cell", "exec")
    assert panel.get(f"/runs/{run}")["models"][0]["flavors"] == ["sklearn"]
    other = model_of(panel, run, experiment, "other", "!!python/object/apply:os.system ['exit 1']")
    assert panel.get(f"/runs/{run}/load-code", 400)["fields"][0]["field"] == "model_id"
    assert f"mlflow.pyfunc.load_model('models:/{other}')" in panel.get(f"/runs/{run}/load-code", model_id=other)["code"]
    assert panel.get(f"/runs/{run}/load-code", 404, model_id="m-none")["detail"]


def test_an_mlmodel_made_to_unfold_without_end_keeps_nobody_waiting(panel: Panel) -> None:
    experiment = panel.experiment()
    run = panel.run(experiment)
    merges = "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 60))
    model = model_of(panel, run, experiment, "bomb", "a0: &a0 {k: v}\n" + merges)
    assert f"mlflow.pyfunc.load_model('models:/{model}')" in panel.get(f"/runs/{run}/load-code")["code"]
    assert panel.get(f"/runs/{run}")["models"][0]["flavors"] == []


def test_a_run_whose_job_left_its_record_at_another_run_can_be_run_again(
    panel: Panel, trained: Trained, stranger: Server
) -> None:
    record = panel.mlflow.run(trained.run)
    tags = {"windlass.job_id": trained.job["id"], "windlass.bundle_sha256": trained.sha256}
    beside = panel.run(record["info"]["experiment_id"], "a second run of the job", tags=tags)
    for server in (panel.server, stranger):
        found = ask(server, f"/runs/{beside}")
        assert (found["can_rerun"], found["bundle"]) == (True, f"runs/{beside}/bundle")
        assert found["executed_notebook"] == f"runs/{beside}/notebook"


def test_a_model_among_the_runs_files_is_loaded_and_its_path_stays_text(panel: Panel) -> None:
    path = "it's\n__import__('os').system('exit 1')#"
    history = [{"artifact_path": path, "flavors": {"python_function": {}, "xgboost": {}}}]
    run = panel.run(panel.experiment(), tags={"mlflow.log-model.history": json.dumps(history)})
    code = panel.get(f"/runs/{run}/load-code")
    assert code["imports"] == ["mlflow", "xgboost"]
    assert code["code"].splitlines()[-2] == f"model = mlflow.xgboost.load_model({f'runs:/{run}/{path}'!r})"
