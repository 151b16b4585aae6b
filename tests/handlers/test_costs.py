"""Money over REST: what a job took while it runs and when it has ended, sums of it, prices, estimates."""

from __future__ import annotations

import csv
import io
import os
import socket
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import until
from tests.jupyter import Server, running

A100 = "NVIDIA A100-SXM4-40GB"
GPU = "GPU-11111111-2222-3333-4444-555555555555"
SLEEP = "import time, pathlib\nwhile not pathlib.Path('{stop}').exists():\n    time.sleep(0.05)"
BOOK = f"""\
version: 1
source: our contract of 2026
prices:
- {{gpu: {A100}, usd_per_hour: 3600}}
- {{cpu: core, usd_per_hour: 36}}
"""


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of a machine with one A100, as `nvidia-smi` tells it, and a price book."""
    base = tmp_path_factory.mktemp("priced")
    tools = base / "tools"
    tools.mkdir()
    (tools / "nvidia-smi").write_text(f"#!/bin/sh\necho 'GPU 0: {A100} (UUID: {GPU})'\n")
    (tools / "nvidia-smi").chmod(0o755)
    (base / "prices.yaml").write_text(BOOK)
    variables = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    with running(base, f"--WindlassApp.price_book={base / 'prices.yaml'}", variables=variables) as server:
        yield server


@pytest.fixture(scope="module")
def ended(priced: Server) -> dict[str, Any]:
    """A job that held the GPU and has ended, its cost counted."""
    priced.notebook("spend/train.ipynb", "print('trained')")
    job = priced.reaches(priced.send("spend/train.ipynb", name="=SUM(A1)", gpus_per_worker=1)["id"], "succeeded")
    return until(lambda: _counted(priced, job["id"]), seconds=30, what="the cost of a job that has ended")


def _counted(server: Server, job_id: str) -> dict[str, Any] | None:
    job = server.job(job_id)
    return job if job["cost_usd"] is not None else None


def get(server: Server, path: str, **query: Any) -> dict[str, Any]:
    with server.client() as http:
        return http.get(path, params=query).raise_for_status().json()


def problem(server: Server, path: str, **query: Any) -> dict[str, Any]:
    with server.client() as http:
        answer = http.get(path, params=query)
    assert 400 <= answer.status_code < 500, answer.text
    return answer.json()


def seconds_of(job: dict[str, Any]) -> float:
    begun, over = (datetime.fromisoformat(job[name].replace("Z", "+00:00")) for name in ("started_at", "ended_at"))
    return (over - begun).total_seconds()


def test_a_job_that_has_ended_took_what_it_held_for_as_long_as_it_held_it(
    priced: Server, ended: dict[str, Any]
) -> None:
    took = seconds_of(ended)
    # A GPU is a dollar a second here, and a core a cent.
    assert ended["cost_usd"] == pytest.approx(1.01 * took, abs=0.01)
    assert ended["gpu_hours"] == pytest.approx(took / 3600, abs=1e-5)
    assert ended["usd_per_hour"] is None
    cost = get(priced, f"/jobs/{ended['id']}/cost")
    assert cost["usd"] == pytest.approx(ended["cost_usd"])
    assert (cost["live"], cost["usd_per_hour"]) == (False, 0.0)
    (pod,) = cost["pods"]
    assert (pod["title"], pod["node"], pod["gpus"], pod["gpu_product"]) == (
        "this machine",
        socket.gethostname(),
        1.0,
        A100,
    )
    assert [(part["what"], part["usd_per_hour"], part["source"]) for part in cost["parts"]] == [
        (A100, 3600.0, "our contract of 2026"),
        ("core", 36.0, "our contract of 2026"),
    ]
    # Nobody measured: nothing is said of what was idle, and it is said that it is not.
    assert cost["idle_usd"] is None
    assert any("idle is not known" in note for note in cost["notes"])


def test_a_running_jobs_cost_grows_live_and_is_its_rate_times_its_time(priced: Server, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    priced.notebook("spend/long.ipynb", SLEEP.format(stop=stop))
    job_id = priced.send("spend/long.ipynb", processes_per_worker=1)["id"]
    priced.reaches(job_id, "running")
    first = until(lambda: _counted(priced, job_id), seconds=60, what="the cost of a job that runs")
    assert first["usd_per_hour"] == 36.0
    assert first["gpu_hours"] == 0.0
    later = until(
        lambda: job if (job := priced.job(job_id))["cost_usd"] > first["cost_usd"] else None, seconds=30, what="growth"
    )
    cost = get(priced, f"/jobs/{job_id}/cost")
    assert cost["live"]
    assert (cost["usd_per_hour"], cost["idle_usd"]) == (36.0, 0.0)
    assert cost["usd"] >= later["cost_usd"]
    snapshot = get(priced, "/gpus")
    assert snapshot["usd_per_hour"] == 36.0
    stop.touch()
    over = priced.reaches(job_id, "succeeded")
    final = until(
        lambda: job if (job := priced.job(job_id))["usd_per_hour"] is None else None, seconds=30, what="the last count"
    )
    took = 0.01 * seconds_of(over)

    def whole() -> dict[str, Any] | None:
        job = priced.job(job_id)
        return job if job["cost_usd"] == pytest.approx(took, abs=2e-4) else None

    settled = until(whole, seconds=30, what="the whole cost")
    assert final["state"] == settled["state"] == "succeeded"


def test_sums_by_job_day_experiment_and_user_agree(priced: Server, ended: dict[str, Any]) -> None:
    reports = {by: get(priced, "/costs", by=by) for by in ("job", "day", "experiment", "user")}
    totals = [report["total"]["usd"] for report in reports.values()]
    assert totals[0] >= ended["cost_usd"] - 1e-6
    for report in reports.values():
        assert report["source"] == "ledger"
        assert sum(row["usd"] or 0 for row in report["items"]) == pytest.approx(report["total"]["usd"], rel=0.2)
    row = next(row for row in reports["job"]["items"] if row["job_id"] == ended["id"])
    assert (row["label"], row["usd"], row["unknown_jobs"]) == ("=SUM(A1)", pytest.approx(ended["cost_usd"]), 0)
    assert row["unknown_idle_jobs"] == 1
    today = datetime.now(tz=timezone.utc).date().isoformat()
    assert today in {row["day"] for row in reports["day"]["items"]}
    assert {row["key"] for row in reports["experiment"]["items"]} >= {"train"}
    assert get(priced, "/costs")["by"] == "job"


def test_a_report_as_csv_holds_no_formula(priced: Server, ended: dict[str, Any]) -> None:
    with priced.client() as http:
        answer = http.get("/costs", params={"by": "job"}, headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "costs-by-job.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert rows[-1]["label"] == "Total"
    mine = next(row for row in rows if row["key"] == ended["id"])
    assert mine["label"] == "'=SUM(A1)"
    assert float(mine["usd"]) == pytest.approx(ended["cost_usd"])
    assert mine["idle_usd"] == ""
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_pages_of_a_report_make_up_the_whole(priced: Server, ended: dict[str, Any]) -> None:
    priced.notebook("spend/second.ipynb", "print(2)")
    second = priced.reaches(priced.send("spend/second.ipynb")["id"], "succeeded")
    until(lambda: _counted(priced, second["id"]), seconds=30, what="the cost of the second job")
    whole = get(priced, "/costs", by="job")["items"]
    assert len(whole) >= 2
    pages: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = get(priced, "/costs", by="job", limit=1, **({"cursor": cursor} if cursor else {}))
        pages += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [row["key"] for row in pages] == [row["key"] for row in whole]
    assert ended["id"] in {row["key"] for row in pages}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"by": "color"}, "by"),
        ({"by": "group"}, "by"),
        ({"start": "yesterday"}, "start"),
        ({"start": "2026-02-30"}, "start"),
        ({"start": "2026-01-01T00:00:00"}, "start"),
        ({"end": "0001-01-01"}, "end"),
        ({"end": "9999-12-31"}, "end"),
        ({"start": "2026-02-01", "end": "2026-01-01"}, "end"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1000000"}, "limit"),
        ({"cursor": "bm9uc2Vuc2U"}, "cursor"),
        ({"cursor": "WyJkYXkiLDEsImEiXQ", "by": "job"}, "cursor"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_field(priced: Server, query: dict[str, str], field: str) -> None:
    found = problem(priced, "/costs", **query)
    assert found["status"] == 400
    assert [error["field"] for error in found["fields"]] == [field]


def test_a_period_counts_whole_days_and_says_so(priced: Server, ended: dict[str, Any]) -> None:
    today = datetime.now(tz=timezone.utc).date().isoformat()
    whole = get(priced, "/costs", start="2026-01-01", end=today)
    assert whole["notes"] == []
    assert whole["total"]["usd"] >= ended["cost_usd"] - 1e-6
    part = get(priced, "/costs", start=f"{today}T00:00:01+00:00")
    assert part["notes"] == ["Counted by whole days of UTC."]
    assert part["start"] == f"{today}T00:00:00.000Z"
    before = get(priced, "/costs", start="2025-01-01", end="2025-12-31")
    assert (before["total"]["usd"], before["total"]["jobs"], before["items"]) == (None, 0, [])


def test_what_a_job_would_cost_is_estimated_from_the_book_and_from_earlier_runs(
    priced: Server, ended: dict[str, Any]
) -> None:
    request = {"notebook": "spend/train.ipynb", "gpus_per_worker": 1, "time_limit_seconds": 7200}
    with priced.client() as http:
        found = http.post("/costs/estimate", json=request).raise_for_status().json()
        preview = http.post("/jobs/preview", json=request).raise_for_status().json()
        refused = http.post("/costs/estimate", json={"notebook": "a.ipynb", "workers": 0})
    assert (found["usd_per_hour"], found["most_usd"], found["limit_seconds"]) == (3636.0, 7272.0, 7200)
    assert preview["cost_usd_per_hour"] == 3636.0
    assert found["earlier"]["jobs"] >= 1
    assert found["earlier"]["usd"] == pytest.approx(3636 * found["earlier"]["median_seconds"] / 3600)
    assert found["budgets"] == []
    assert refused.status_code == 400


def test_a_job_that_used_its_gpu_little_on_one_machine_gets_no_slice_of_it_advised(
    priced: Server, ended: dict[str, Any]
) -> None:
    advice = get(priced, f"/jobs/{ended['id']}/advice")
    assert advice["verdict"] == "unknown"
    assert "Nothing was measured" in advice["sentence"] or "measured for" in advice["sentence"]
    assert problem(priced, "/jobs/jnothing0000000/advice")["status"] == 404
    assert problem(priced, "/jobs/jnothing0000000/cost")["status"] == 404


def test_a_job_that_ran_out_of_gpu_memory_on_one_machine_is_told_the_opposite_and_nothing_that_is_not_there(
    priced: Server,
) -> None:
    raises = "raise OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB.')"
    priced.notebook("spend/oom.ipynb", f"class OutOfMemoryError(RuntimeError): ...\n{raises}")
    job_id = priced.send("spend/oom.ipynb", gpus_per_worker=1)["id"]
    assert priced.reaches(job_id)["state"] == "failed"
    advice = get(priced, f"/jobs/{job_id}/advice")
    assert (advice["verdict"], advice["would_do"], advice["options"]) == ("larger", None, None)
    assert advice["sentence"].startswith("It ran out of the 38.4 GB of its GPU, and nothing larger is offered")
    assert any("jobs on one machine take whole cards" in reason for reason in advice["why_not"])


def test_a_price_book_that_breaks_is_told_with_its_line_and_the_one_before_holds(priced: Server) -> None:
    path = priced.base / "prices.yaml"
    assert [price["what"] for price in get(priced, "/costs/prices")["items"]] == [A100, "core"]
    path.write_text(BOOK + "- {gpu: T4, usd_per_hour: cheap}\n")
    broken = until(
        lambda: found if (found := get(priced, "/costs/prices"))["problem"] else None, seconds=30, what="the problem"
    )
    assert "prices.yaml:6: 'cheap' is no number" in broken["problem"]
    assert [price["what"] for price in broken["items"]] == [A100, "core"]
    path.write_text(BOOK)
    until(lambda: get(priced, "/costs/prices")["problem"] is None, seconds=30, what="the book being mended")
    assert get(priced, "/costs/budgets") == {"items": []}


def test_a_machine_without_a_price_costs_nobody_knows_what_until_it_has_one(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        server.notebook("own.ipynb", "print(1)")
        job = server.reaches(server.send("own.ipynb")["id"], "succeeded")
        noted = until(
            lambda: found if (found := server.job(job["id"]))["cost_note"] else None, seconds=30, what="the note"
        )
        assert noted["cost_usd"] is None
        assert "This machine has no price in the price book" in noted["cost_note"]
        report = get(server, "/costs", by="job")
        assert (report["items"][0]["usd"], report["total"]["unknown_jobs"]) == (None, 1)
        server.end()
        (tmp_path / "prices.yaml").write_text(
            f"version: 1\nprices:\n- {{node: {socket.gethostname()}, usd_per_hour: 3600}}\n"
        )
        again = Server(base=tmp_path, options=(f"--WindlassApp.price_book={tmp_path / 'prices.yaml'}",)).start()
        try:
            # What was held keeps being known: a price that comes later prices it.
            counted = until(lambda: _counted(again, job["id"]), seconds=30, what="the cost at the new price")
            assert counted["cost_usd"] > 0
            assert get(again, "/costs")["total"]["unknown_jobs"] == 0
        finally:
            again.end()


def test_nobody_without_a_token_and_no_other_user_sees_what_one_spent(
    shared_server: Server,
) -> None:
    shared_server.notebook("mine.ipynb", "print(1)")
    with shared_server.client(**{"X-User": "spender"}) as http:
        sent = http.post("/jobs", json={"notebook": "mine.ipynb"})
        assert sent.status_code == 201, sent.text
        job_id = sent.json()["id"]
        until(lambda: http.get(f"/jobs/{job_id}").json()["cost_note"], seconds=60, what="the job being counted")
        assert http.get("/costs").json()["total"]["jobs"] == 1
    with shared_server.client(**{"X-User": "miser"}) as http:
        assert http.get("/costs").json()["total"]["jobs"] == 0
        assert http.get(f"/jobs/{job_id}/cost").status_code == 404
        assert http.get(f"/jobs/{job_id}/advice").status_code == 404
    with httpx.Client(base_url=shared_server.url) as http:
        assert http.get("/costs").status_code in (401, 403)
