"""`%train` and its like in a real kernel of a real server with a password, under a base URL as on a hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.desk import until

from .conftest import Kernel, Server

ENDLESS = "import time\nprint('begun', flush=True)\nwhile True:\n    time.sleep(0.05)"
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def kernel(server: Server) -> Iterator[Kernel]:
    """The kernel of `dir/a b.ipynb`, whose first cell is tagged as parameters."""
    notebook = server.desk.notebook(
        "dir/a b.ipynb",
        "# parameters\nlr = 0.1\nepochs = 1\nsteps = []\nmore = {}",
        "%train",
        "print('lr', lr, epochs)",
    )
    started = server.kernel(notebook)
    assert not started.run("%load_ext windlass").failed
    yield started
    started.client.stop_channels()


@pytest.fixture
def endless(server: Server) -> str:
    """A notebook that never ends, as `%train` takes it."""
    return f"'{server.desk.notebook('endless.ipynb', ENDLESS)}'"


def last_job(kernel: Kernel) -> dict[str, Any]:
    return dict(json.loads(kernel.run("print(job.refresh().model_dump_json())").text))


def test_train_sends_the_notebook_it_stands_in_and_returns_at_once(kernel: Kernel) -> None:
    result = kernel.run("job = %train -p lr=0.5\nprint(job)")
    assert "<windlass job" in result.text, result.text
    assert kernel.value("str(job.wait(60).value)") == "'succeeded'"
    job = last_job(kernel)
    assert job["notebook"] == "dir/a b.ipynb"
    assert job["parameters"] == {"lr": 0.5}
    assert "lr 0.5 1" in kernel.run("print(job.logs())").text
    assert kernel.run("print(len(job.notebook()['cells']) >= 3)").text.strip() == "True"


def test_the_cell_magic_takes_parameters_as_assignments(kernel: Kernel) -> None:
    kernel.run("rate = 0.125")
    kernel.run("%%train -p lr=9\nlr = rate * 2\nepochs = 3")
    kernel.run("job = %job\njob.wait(60)")
    assert last_job(kernel)["parameters"] == {"lr": 0.25, "epochs": 3}


def test_a_variable_in_braces_keeps_its_type_and_json_its_braces(kernel: Kernel) -> None:
    kernel.run("first = [1, 2]")
    sent = kernel.run("""job = %train -p steps={first} -p more='{"first": 5}' """)
    assert not sent.failed
    assert last_job(kernel)["parameters"] == {"steps": [1, 2], "more": {"first": 5}}


def test_the_card_follows_the_job_and_its_thread_ends_with_it(kernel: Kernel) -> None:
    result = kernel.run("job = %train\njob")
    assert VIEW in result.data
    assert "dir/a b.ipynb" in result.data["text/plain"]
    kernel.hear_until("✓ succeeded")
    kernel.hear_until("lr 0.1 1")
    threads = "[t.name for t in __import__('threading').enumerate() if 'windlass' in t.name]"
    until(lambda: kernel.value(threads) == "[]", "the end of the card's thread")


def test_the_card_stops_the_job(kernel: Kernel, endless: str) -> None:
    kernel.heard.clear()
    kernel.run(f"job = %train {endless}\njob")
    kernel.hear_until("begun")
    button = next(
        message["content"]["comm_id"]
        for message in kernel.heard
        if message["header"]["msg_type"] == "comm_open"
        and message["content"]["data"].get("state", {}).get("_model_name") == "ButtonModel"
    )
    kernel.click(button)
    kernel.hear_until("■ stopped")
    assert kernel.value("str(job.wait(60).value)") == "'stopped'"


def test_a_closed_card_ends_its_thread_and_not_the_job(kernel: Kernel, endless: str) -> None:
    kernel.run(f"job = %train {endless}\njob")
    kernel.run("job._card.close()")
    threads = "[t.name for t in __import__('threading').enumerate() if 'windlass' in t.name]"
    until(lambda: kernel.value(threads) == "[]", "the end of the card's thread")
    assert kernel.value("job.state.is_final") == "False"
    assert "stopped" in kernel.run("job.stop(); print(job.wait(60).value)").text


def test_jobs_and_logs_and_stop_speak_of_the_job_sent_last(kernel: Kernel, endless: str) -> None:
    kernel.run(f"job = %train {endless}")
    until(lambda: "begun" in kernel.run("%logs").text, "the job's first line")
    listing = kernel.run("%jobs")
    assert "<table>" in listing.data["text/html"]
    assert "endless" in listing.data["text/plain"]
    assert kernel.run("print(job.id)").text.strip() in kernel.run("%stop").text
    assert kernel.value("str(job.wait(60).value)") == "'stopped'"


def test_a_preview_sends_nothing(kernel: Kernel) -> None:
    before = kernel.run("%job").data["text/plain"]
    shown = kernel.run("%train --preview")
    assert "a b.ipynb" in shown.text
    assert kernel.run("%job").data["text/plain"].splitlines()[0] == before.splitlines()[0]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("%train --nonsense", "No such option"),
        ("%train -p a-b=1", "cannot be a parameter"),
        ("%train -p 'a=1", "No closing quotation"),
        ("%train -p lr={nothing}", "no variable 'nothing'"),
        ("%train gone.ipynb", "gone.ipynb"),
        ("%train /etc/hosts.ipynb", "outside"),
        ("%train --environment nowhere", "nowhere"),
        ("%%train\nprint(1)", "form `name = value`"),
        ("%job zzz", "no job whose id begins with 'zzz'"),
        ("%logs --rank x", "not a valid integer"),
    ],
)
def test_a_mistake_is_a_sentence_and_no_traceback(kernel: Kernel, source: str, sentence: str) -> None:
    result = kernel.run(source)
    assert result.failed
    assert sentence in result.text
    assert "Traceback" not in result.text


def test_help_lists_the_options(kernel: Kernel) -> None:
    result = kernel.run("%train --help")
    assert not result.failed
    assert "--processes" in result.text


def test_in_a_running_job_nothing_is_sent(kernel: Kernel) -> None:
    result = kernel.run(
        "import os\nos.environ['WINDLASS_JOB_ID'] = 'j1'\nprint(get_ipython().run_line_magic('train', ''))"
    )
    kernel.run("del os.environ['WINDLASS_JOB_ID']")
    assert "running as the job j1" in result.text
    assert result.text.strip().endswith("None")


def test_the_magics_bring_nothing_heavy_into_a_kernel(kernel: Kernel) -> None:
    kernel.run("import sys")
    heavy = "sorted({'sqlalchemy', 'alembic', 'jupyter_server', 'mlflow', 'windlass.services'} & set(sys.modules))"
    assert kernel.value(heavy) == "[]"


def test_a_renamed_notebook_is_asked_for(server: Server) -> None:
    notebook = server.desk.notebook("old name.ipynb", "1")
    kernel = server.kernel(notebook)
    kernel.run("%load_ext windlass")
    notebook.rename(notebook.with_name("new name.ipynb"))
    assert "renamed or moved" in kernel.run("%train").text
    assert not kernel.run("job = %train 'new name.ipynb'").failed
    kernel.client.stop_channels()


def test_costs_sums_up_what_jobs_took(kernel: Kernel) -> None:
    found = kernel.run("found = %costs --by experiment\nprint(type(found).__name__, found.report.by)")
    assert found.text.split() == ["CostListing", "experiment"]
    assert "%costs: start must be a day" in kernel.run("%costs --since never").text
