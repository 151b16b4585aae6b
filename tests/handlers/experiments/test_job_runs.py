"""The run of a job that this server sent: found, opened, compared with what its job knows."""

from __future__ import annotations

import pytest
from tests.conftest import until
from tests.handlers.experiments.conftest import Panel

pytestmark = pytest.mark.mlflow

TRAIN = "import yaml\nprint(yaml.safe_load('a: 1'), learning_rate)"


def test_a_jobs_run_leads_to_its_job_its_notebook_its_bundle_and_its_packages(panel: Panel) -> None:
    panel.server.notebook("train.ipynb", "# parameters\nlearning_rate = 0.1", TRAIN)
    jobs = [panel.server.send("train.ipynb", parameters={"learning_rate": rate}) for rate in (0.1, 0.2)]
    for job in jobs:
        panel.server.reaches(job["id"], "succeeded")
    runs = [str(until(lambda id_=job["id"]: _recorded(panel, id_), what="the record")) for job in jobs]
    experiment = panel.server.job(jobs[0]["id"])["experiment_id"]
    found = {run["id"]: run for run in panel.search(experiment)["items"]}
    assert {found[run]["job_id"] for run in runs} == {job["id"] for job in jobs}
    assert {found[run]["notebook"] for run in runs} == {"train.ipynb"}
    detail = panel.get(f"/runs/{runs[0]}")
    assert detail["can_rerun"] is True
    assert detail["executed_notebook"] == f"runs/{runs[0]}/notebook"
    assert detail["bundle"] == f"runs/{runs[0]}/bundle"
    compared = panel.post("/runs/compare", run_ids=runs)
    assert [row["values"] for row in compared["params"]] == [["0.1", "0.2"]]
    packages = {row["key"]: row for row in compared["packages"]}
    assert packages["pyyaml"]["values"][0]
    assert packages["pyyaml"]["differs"] is False
    assert compared["has_notebooks"] == [True, True]


def _recorded(panel: Panel, job_id: str) -> str | None:
    job = panel.server.job(job_id)
    return job["run_id"] if job["record"] == "uploaded" else None
