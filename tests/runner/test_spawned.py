"""Child processes and the notebook's own classes and functions."""

from __future__ import annotations

import pytest


def test_forked_workers_see_what_the_notebook_defines(job):
    job.lay_out(
        "import multiprocessing\nclass Item:\n    def __init__(self, n): self.n = n\ndef make(n): return Item(n)",
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    print([item.n for item in pool.map(make, range(4))])",
    )
    assert job.run() == 0, job.everything()
    assert job.text(1) == "[0, 1, 2, 3]\n"


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_spawned_workers_run_functions_of_modules_and_not_the_notebook_again(job, method):
    job.lay_out(
        "print('once')\nimport multiprocessing, work",
        f"with multiprocessing.get_context({method!r}).Pool(2) as pool:\n    print(pool.map(work.double, range(4)))",
        files={"dir/work.py": "def double(n): return 2 * n"},
    )
    assert job.run() == 0, job.everything()
    assert job.text(1) == "[0, 2, 4, 6]\n"
    assert job.log().count("once") == 1


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_what_a_spawned_worker_cannot_find_is_said_with_what_to_do(job, method):
    job.lay_out(
        "from concurrent.futures import ProcessPoolExecutor\nimport multiprocessing\ndef work(n): return n",
        f"with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context({method!r})) as pool:\n"
        f"    print(list(pool.map(work, [1])))",
    )
    assert job.run() == 1
    assert "'work' is defined in the notebook" in job.log()
    assert job.status()["error"]["ename"] == "BrokenProcessPool"
    assert "Move 'work' into a .py file" in job.status()["error"]["traceback"][-1]
    assert "Move 'work' into a .py file" in job.status()["notices"][0]


def test_a_pool_that_never_ends_is_explained_while_it_runs(job):
    job.lay_out(
        "import multiprocessing\ndef work(n): return n",
        "with multiprocessing.get_context('spawn').Pool(1) as pool:\n    pool.map(work, [1])",
    )
    job.start()
    job.until(lambda job: job.status().get("notices"))
    assert "'work' is defined in the notebook" in job.status()["notices"][0]
    job.process.terminate()
    assert job.wait() == 143
