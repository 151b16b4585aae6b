"""`windlass costs`: for people, for scripts and for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import socket
from collections.abc import Iterator

import pytest
from tests.desk import Desk, open_desk, until

from windlass.contract.costs import CostReport, CostRow
from windlass.output.console import rendered
from windlass.output.costs import CostListing, cost_notes, costs_table


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk whose machine costs a dollar a second, with a job that has been counted."""
    base = tmp_path_factory.mktemp("costs")
    book = base / "prices.yaml"
    book.write_text(f"version: 1\nprices:\n- {{node: {socket.gethostname()}, usd_per_hour: 3600}}\n")
    with open_desk(base) as desk:
        settings = {"WindlassApp": {"embedded_tracking": False, "price_book": str(book)}}
        (base / "config" / "jupyter_server_config.json").write_text(json.dumps(settings))
        desk.notebook("train.ipynb", "print(1)")
        sent = desk.run("train", "train.ipynb", "--wait", "--json", "--name", "@evil")
        job_id = sent.json["id"]
        until(lambda: desk.run("job", job_id, "--json").json["cost_usd"], what="the job being counted")
        yield desk


def test_costs_are_a_table_with_a_total(priced: Desk) -> None:
    shown = priced.run("costs")
    assert shown.status == 0, shown.err
    lines = shown.out.splitlines()
    assert lines[0].split() == ["JOB", "COST", "IDLE", "GPU", "HOURS", "JOBS"]
    assert "@evil" in lines[1]
    assert "USD" in lines[1]
    assert lines[-1].startswith("Total")
    assert "experiment" in priced.run("costs", "--help").out


def test_costs_are_one_json_object_for_scripts(priced: Desk) -> None:
    report = priced.run("costs", "--by", "day", "--json").json
    assert (report["by"], report["currency"], report["source"]) == ("day", "USD", "ledger")
    assert report["total"]["usd"] > 0
    assert report["items"][0]["day"] == report["items"][0]["key"]


def test_costs_are_csv_without_formulas_for_spreadsheets(priced: Desk) -> None:
    shown = priced.run("costs", "--by", "job", "--csv")
    (row, total) = list(csv.DictReader(io.StringIO(shown.out)))
    assert (row["label"], total["label"]) == ("'@evil", "Total")
    assert float(row["usd"]) > 0


def test_the_job_says_what_it_cost(priced: Desk) -> None:
    report = priced.run("costs", "--json").json
    assert "USD" in priced.run("job", report["items"][0]["job_id"]).out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--by", "group"), "no hub that keeps costs by group"),
        (("--since", "yesterday"), "start must be a day"),
        (("--csv", "--json"), "leave one out"),
        (("--by", "colour"), "is not one of"),
    ],
)
def test_a_mistake_is_a_sentence_and_status_2(priced: Desk, words: tuple[str, ...], says: str) -> None:
    shown = priced.run("costs", *words)
    assert shown.status == 2
    assert says in " ".join(shown.err.split())


def test_a_time_in_which_nothing_ran_says_so(priced: Desk) -> None:
    shown = priced.run("costs", "--since", "2025-01-01", "--until", "2025-01-31")
    assert shown.status == 0
    assert "No job took anything from 2025-01-01 to 2025-01-31." in " ".join(shown.err.split())


def report_of(*rows: CostRow, unknown: int = 0) -> CostReport:
    total = row("Total", usd=sum(each.usd or 0 for each in rows), unknown_jobs=unknown, unknown_idle_jobs=unknown)
    return CostReport.model_validate(
        {
            "by": "experiment",
            "start": "2026-11-01T00:00:00Z",
            "end": "2026-11-23T00:00:00Z",
            "items": [each.model_dump() for each in rows],
            "total": total.model_dump(),
            "source": "ledger",
            "next_cursor": "more",
        }
    )


def row(key: str, **figures: float | None) -> CostRow:
    given = {"usd": 1.0, "idle_usd": None, "gpu_hours": None, "idle_gpu_hours": None, "jobs": 1, **figures}
    return CostRow.model_validate({"key": key, "label": key, **given})


def test_what_is_not_known_is_a_dash_and_a_sum_that_lacks_something_is_marked() -> None:
    report = report_of(row("<b>mnist</b>", unknown_jobs=1), row("vit", usd=None), unknown=2)
    shown = rendered(costs_table(report)).splitlines()
    assert "1.00 USD + ?" in shown[1]
    assert shown[2].split() == ["vit", "-", "-", "-", "1"]
    assert [note.split(":")[0] for note in cost_notes(report)] == [
        "The cost of 2 jobs is not known, and not in these sums",
        "How much GPU time of 2 jobs was idle is not known",
        "There are more",
    ]
    page = CostListing(report)._repr_html_()
    assert "&lt;b&gt;mnist" in page
    assert "<b>" not in page


def test_large_sums_and_long_names_stay_readable_in_80_columns() -> None:
    long = row("an-experiment-of-a-name-that-no-terminal-holds-" * 2, usd=1_234_567.891, unknown_jobs=1)
    report = report_of(long, row("vit", usd=0.0042), unknown=1)
    shown = rendered(costs_table(report)).splitlines()
    assert all(len(line) <= 80 for line in shown), shown
    assert any("1,234,567.89 USD + ?" in line for line in shown)
    assert any("0.0042 USD" in line for line in shown)
