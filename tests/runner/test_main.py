"""A notebook run as one rank, through the process boundary: what is in log, status and executed notebook."""

from __future__ import annotations

import json
import sys

import nbformat
import pytest

from .job import RUNNER, code, markdown


def test_cells_run_and_their_outputs_are_in_notebook_and_log(job):
    job.lay_out(
        markdown("# Title"),
        "x = 40\nprint('hello')",
        "import sys\nprint('oops', file=sys.stderr)\nx + 2",
        "_ + 1, Out[2], __name__, '__file__' in globals()",
    )
    assert job.run() == 0
    assert job.text(1) == "hello\n"
    assert job.text(2, "stderr") == "oops\n"
    results = [
        output["data"]["text/plain"] for cell in job.cells()[1:] for output in cell["outputs"] if "data" in output
    ]
    assert results == ["42", "(43, 42, '__main__', False)"]
    assert job.log() == "hello\noops\n42\n(43, 42, '__main__', False)\n"
    assert [cell.get("execution_count") for cell in job.cells()] == [None, 1, 2, 3]
    status = job.status()
    assert (status["phase"], status["exit_code"], status["cell"], status["cells"]) == ("succeeded", 0, 3, 3)
    assert status["fraction"] == 1.0
    assert status["started_at"] <= status["updated_at"] <= status["ended_at"] + 1
    assert status["error"] is None
    assert status["notices"] == []


def test_the_executed_notebook_says_what_ran_and_when(job):
    job.lay_out("a = 1", parameters={"lr": 0.1})
    assert job.run() == 0
    read = nbformat.read(job.executed, as_version=4)
    nbformat.validate(read)
    assert (read.nbformat, read.nbformat_minor) == (4, 5)
    about = read.metadata.windlass
    assert (about.job_id, about.state, about.parameters) == (job.id, "succeeded", {"lr": 0.1})
    timing = read.cells[1].metadata.execution
    assert timing["iopub.execute_input"] <= timing["shell.execute_reply"]
    assert timing["shell.execute_reply"].endswith("Z")


def test_magics_shell_escapes_and_await_work(job):
    job.lay_out(
        "%%time\ntotal = sum(range(10))\nprint(total)",
        "!echo from the shell",
        "%%bash\nfor i in 1 2; do echo bash $i; done",
        "files = !ls\nfiles",
        "import asyncio\nawait asyncio.sleep(0.001)\nprint('awaited')",
        "%pwd",
        "%load_ext autoreload\n%autoreload 2",
        "get_ipython().__class__.__name__",
    )
    assert job.run() == 0, job.everything()
    assert job.text(0).startswith("45\nCPU times")
    assert job.text(1) == "from the shell\n"
    assert job.text(2) == "bash 1\nbash 2\n"
    assert "train.ipynb" in job.cells()[3]["outputs"][0]["data"]["text/plain"]
    assert job.text(4) == "awaited\n"
    assert "files/dir" in job.cells()[5]["outputs"][0]["data"]["text/plain"]


def test_modules_beside_the_notebook_and_at_the_root_are_found(job):
    job.lay_out(
        "import beside, above.deep\nprint(beside.name, above.deep.name)\nopen('data.txt').read()",
        files={"dir/beside.py": "name = 1", "above/__init__.py": "", "above/deep.py": "name = 2", "dir/data.txt": "d"},
    )
    assert job.run() == 0, job.everything()
    assert job.text(0) == "1 2\n"


def test_parameters_arrive_whatever_they_hold(job):
    hostile = {
        "text": '\'; import os; os._exit(9) #"""\\\n{x} $HOME `id` \u2028 \x00 ü 🎉 \ud800',
        "number": float("nan"),
        "huge": float("-inf"),
        "nested": {"a": [1, None, True, {"b'": "\\"}]},
    }
    job.lay_out(
        code("text = 'default'\nnumber = 1.0", "parameters"),
        "import json\nopen('got.json', 'w').write(json.dumps([text, number, huge, nested]))",
        parameters=hostile,
    )
    assert job.run() == 0, job.everything()
    got = json.loads((job.bundle / "files/dir/got.json").read_text())
    assert got[0] == hostile["text"]
    assert got[1] != got[1]
    assert got[2:] == [float("-inf"), hostile["nested"]]
    assert job.cells()[1]["metadata"]["tags"] == ["injected-parameters"]
    nbformat.validate(nbformat.read(job.executed, as_version=4))


def test_windlass_cells_are_skipped_and_say_so(job):
    job.lay_out(
        "%load_ext windlass\nx = 1", "%train --workers 2", code("raise SystemExit(9)", "skip-train"), "print(x)"
    )
    assert job.run() == 0, job.everything()
    assert "did not run this cell" in job.text(1, "stderr")
    assert "tagged skip-train" in job.text(2, "stderr")
    assert job.cells()[1]["execution_count"] is None
    assert job.text(3) == "1\n"
    assert job.status()["cells"] == 2


def test_an_error_names_cell_and_line_and_ends_the_notebook(job):
    job.lay_out(
        markdown("text"), "x = 1", "\n\ny = 2\nraise ValueError('no good: \x1b[31mred\x1b[0m')", "print('never')"
    )
    assert job.run() == 1
    error = job.status()["error"]
    assert (error["rank"], error["cell"], error["line"]) == (0, 2, 4)
    assert (error["ename"], error["evalue"]) == ("ValueError", "no good: red")
    assert error["traceback"][-1] == "ValueError: no good: red"
    assert "\x1b" not in "".join(error["traceback"])
    assert job.status()["started_at"] <= error["at"] <= job.status()["ended_at"]
    assert job.status()["phase"] == "failed"
    output = job.cells()[2]["outputs"][-1]
    assert (output["output_type"], output["ename"]) == ("error", "ValueError")
    assert "never" not in job.log()
    assert 'File "train.ipynb In[2]", line 4' in job.log()


def test_a_failure_deep_in_a_module_names_the_line_that_called_it(job):
    deep = "def outer(n):\n    return inner(n)\n\ndef inner(n):\n    return 1 / n\n"
    job.lay_out("import deep", "def call():\n    return deep.outer(0)", "x = 1\ncall()", files={"dir/deep.py": deep})
    assert job.run() == 1
    error = job.status()["error"]
    assert (error["cell"], error["line"], error["ename"]) == (2, 2, "ZeroDivisionError")
    frames = [line for line in error["traceback"] if line.startswith("  File")]
    assert [frame.split('"')[1].rpartition("/")[2] for frame in frames] == [
        "train.ipynb In[3]",
        "train.ipynb In[2]",
        "deep.py",
        "deep.py",
    ]
    assert "    return deep.outer(0)" in error["traceback"]


@pytest.mark.parametrize(
    ("source", "line", "ename"),
    [
        ("x = 1\nif x\n    pass", 2, "SyntaxError"),
        ("def f():\nreturn 1", 2, "IndentationError"),
        ("%%time\nx = 1\n1 / 0", 3, "ZeroDivisionError"),
        ("import json\n!true\njson.loads('{')", 3, "JSONDecodeError"),
        ("x = 1\n%no_such_magic", 2, "UsageError"),
        ("x = 1\ninput('name? ')", 2, "InputRefused"),
        ("await broken()", 1, "NameError"),
        ("def f(n): return f(n)\nf(1)", 2, "RecursionError"),
        pytest.param(
            "raise ExceptionGroup('many', [ValueError(1)])",
            1,
            "ExceptionGroup",
            marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.11 has exception groups"),
        ),
        ("class Odd(Exception):\n    def __str__(self): raise KeyError\nraise Odd", 3, "Odd"),
        ("raise KeyboardInterrupt", 1, "KeyboardInterrupt"),
        ("import subprocess\nsubprocess.run(['false'], check=True)", 2, "CalledProcessError"),
    ],
)
def test_every_kind_of_failure_names_its_line(job, source, line, ename):
    job.lay_out("ok = 1", source)
    assert job.run() == 1, job.everything()
    error = job.status()["error"]
    assert (error["cell"], error["line"], error["ename"]) == (1, line, ename), job.everything()
    assert error["traceback"]
    assert job.cells()[1]["outputs"][-1]["output_type"] == "error"
    nbformat.validate(nbformat.read(job.executed, as_version=4))


@pytest.mark.parametrize(
    ("statement", "exit_code", "phase"),
    [
        ("import sys; sys.exit(3)", 3, "failed"),
        ("exit(4)", 4, "failed"),
        ("import sys; sys.exit('out of data')", 1, "failed"),
        ("import sys; sys.exit()", 0, "succeeded"),
        ("exit(0)", 0, "succeeded"),
        ("quit()", 0, "succeeded"),
    ],
)
def test_sys_exit_ends_the_notebook_with_its_status(job, statement, exit_code, phase):
    job.lay_out("print('first')", statement, "print('never')")
    assert job.run() == exit_code
    status = job.status()
    assert (status["phase"], status["exit_code"]) == (phase, exit_code)
    assert job.log().startswith("first\n")
    assert "never" not in job.log()
    assert "To exit: use" not in job.log()
    if phase == "failed":
        assert (status["error"]["ename"], status["error"]["cell"]) == ("SystemExit", 1)
    else:
        assert "did not run" in status["notices"][0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{not json", "not valid JSON"),
        ("[]", "no JSON object"),
        ('{"nbformat": 3, "worksheets": []}', "format 4"),
        ('{"nbformat": 4, "cells": [{"cell_type": "odd"}]}', "unknown type"),
    ],
)
def test_a_notebook_that_cannot_be_read_fails_with_a_sentence(job, content, sentence):
    job.lay_out(content=content)
    assert job.run() == 1
    assert sentence in job.status()["error"]["evalue"]
    assert sentence in job.log()
    assert job.status()["phase"] == "failed"


def test_a_parameter_that_is_no_name_fails_with_a_sentence(job):
    job.lay_out("x = 1", parameters={"learning-rate": 1})
    assert job.run() == 1
    assert "'learning-rate' is not a Python name" in job.status()["error"]["evalue"]


def test_a_notebook_without_cells_succeeds_and_says_so(job):
    job.lay_out()
    assert job.run() == 0
    assert job.status()["notices"] == ["The notebook has no code cell that runs in a job."]
    nbformat.validate(nbformat.read(job.executed, as_version=4))


def test_an_old_and_untidy_notebook_becomes_a_valid_one(job):
    cells = [
        {
            "cell_type": "code",
            "source": ["x = 1\n", "x"],
            "metadata": {"tags": "odd", "collapsed": "no"},
            "id": "no good!",
        },
        {"cell_type": "markdown", "source": "t", "metadata": {}, "attachments": {}},
        {"cell_type": "raw", "source": "r", "metadata": {"format": 3}},
    ]
    job.lay_out(
        content=json.dumps(
            {"cells": cells, "metadata": {"kernelspec": 5, "authors": "me"}, "nbformat": 4, "nbformat_minor": 2}
        )
    )
    assert job.run() == 0, job.everything()
    nbformat.validate(nbformat.read(job.executed, as_version=4))


def test_progress_and_checkpoints_reach_the_job(job):
    job.lay_out(
        "import windlass\nwindlass.progress(0.25, 'epoch 1')",
        "open('here', 'w').close()\nimport time, os\nwhile not os.path.exists('go'): time.sleep(0.01)",
        "(windlass.checkpoint_dir() / 'model.pt').write_text('x')\nwindlass.progress(2)",
    )
    job.start()
    status = job.until(lambda job: job.status().get("fraction") == 0.25 and job.status())
    assert (status["phase"], status["message"]) == ("running", "epoch 1")
    job.until(lambda job: job.status()["cell"] == 2)
    (job.bundle / "files/dir/go").touch()
    assert job.wait() == 1
    assert job.status()["error"]["ename"] == "ValueError"
    assert (job.folder / "checkpoints" / "model.pt").read_text() == "x"


def test_progress_never_goes_back_from_cells_done_to_what_the_notebook_says(job):
    job.lay_out(
        "x = 1",
        "y = 1",
        "open('here', 'w').close()\nimport time, os\nwhile not os.path.exists('go'): time.sleep(0.01)",
        "from windlass import progress\nprogress(0.1)\n1/0",
    )
    job.start()
    status = job.until(lambda job: job.status().get("cell") == 3 and job.status())
    assert status["fraction"] is None
    (job.bundle / "files/dir/go").touch()
    assert job.wait() == 1
    assert job.status()["fraction"] == 0.1


def test_the_real_package_reports_to_the_runner_as_well(job):
    job.lay_out("import windlass\nwindlass.__version__, windlass.progress(0.5)", "1/0")
    assert job.run(PYTHONPATH=str(RUNNER.parents[1])) == 1
    assert job.status()["fraction"] == 0.5, job.everything()
    assert "0.1.0" in job.log()


def test_rich_outputs_are_kept(job):
    job.lay_out(
        "from IPython.display import display, HTML, Image, clear_output\ndisplay(HTML('<b>x</b>'))",
        "shown = display('first', display_id=True)",
        "shown.update('second')",
        "print('gone')\nclear_output()\nprint('stays')",
        "print('gone too')\nclear_output(wait=True)",
        "for i in range(3):\n    clear_output(wait=True)\n    print(i)",
        "display({'application/json': {'a': float('nan')}, 'text/plain': 'json'}, raw=True)",
        "class Odd:\n"
        "    def _repr_mimebundle_(self, **_): return {'image/png': b'\\x89PNG', 'text/plain': 'odd'}\nOdd()",
    )
    assert job.run() == 0, job.everything()
    cells = job.cells()
    assert cells[0]["outputs"][0]["data"]["text/html"] == "<b>x</b>"
    assert cells[1]["outputs"][0]["data"]["text/plain"] == "'second'"
    assert cells[2]["outputs"] == []
    assert job.text(3) == "stays\n"
    assert job.text(4) == "gone too\n"
    assert job.text(5) == "2\n"
    assert cells[6]["outputs"][0]["data"]["application/json"] == {"a": None}
    assert cells[7]["outputs"][0]["data"]["image/png"] == "iVBORw=="
    assert job.log().startswith("<IPython.core.display.HTML object>\n'first'\ngone\nstays\n")
    nbformat.validate(nbformat.read(job.executed, as_version=4))


@pytest.mark.parametrize("magic", ["", "%matplotlib inline\n"])
def test_plots_are_in_the_notebook(job, magic):
    job.lay_out(
        f"{magic}import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        "fig, ax = plt.subplots()\nax.plot([3])\nplt.show()\nprint('after')",
        "plt.get_fignums()",
    )
    assert job.run() == 0, job.everything()
    kinds = [[sorted(output.get("data", {"stream": 0})) for output in cell["outputs"]] for cell in job.cells()]
    assert kinds == [[["image/png", "text/plain"]], [["image/png", "text/plain"], ["stream"]], [["text/plain"]]]
    assert job.cells()[2]["outputs"][0]["data"]["text/plain"] == "[]"


def test_bars_end_in_their_last_state(job):
    bar = "for i in tqdm(range(200), mininterval=0): time.sleep(0.001)"
    job.lay_out(
        f"import time\nfrom tqdm.auto import tqdm\n{bar}",
        f"from tqdm.notebook import tqdm, trange\n{bar}\nfor i in trange(3, display=True): pass",
        "from tqdm import tqdm\nfor i in tqdm(range(5), desc='outer'):\n"
        "    for j in tqdm(range(40), desc='inner', leave=False): time.sleep(0.001)",
        "for i in range(101):\n    print(f'\\r{i}%', end='', flush=True)\nprint()",
    )
    assert job.run() == 0, job.everything()
    for cell in (0, 1):
        text = job.text(cell, "stderr")
        assert text.startswith("100%|")
        assert "200/200" in text
        assert len(text.splitlines()) == cell + 1
    assert "outer: 100%" in job.text(2, "stderr").splitlines()[0]
    assert job.text(3) == "100%\n"
    assert "200/200" in job.log()
    assert job.log().count("\n") < 40


def test_the_notebook_is_valid_whenever_it_is_read(job):
    job.lay_out(
        "import time, sys\nfrom IPython.display import display, HTML",
        *[
            f"for i in range(300):\n    print({n}, i)\n    display(HTML('<b>' + 'x' * i))\n"
            f"    if i % 10 == 0: time.sleep(0.02)"
            for n in range(4)
        ],
        "for i in range(50): print('\\r', i, end='', file=sys.stderr); time.sleep(0.02)",
    )
    job.start()
    job.until(lambda job: job.executed.exists())
    reads = seen = 0
    while job.process.poll() is None:
        text = job.executed.read_text(encoding="utf-8")
        nbformat.validate(nbformat.reads(text, as_version=4))
        seen = max(seen, len(text))
        reads += 1
    assert job.wait() == 0
    assert reads > 3
    assert seen > 5000
    assert len(job.cells()[4]["outputs"]) > 100


def test_a_notebook_that_only_defines_is_told_so(job):
    job.lay_out("import os\ndef train():\n    model.fit(x)", "lr = 0.1")
    assert job.run() == 0
    assert job.status()["notices"][0].startswith("No cell trained anything: 'train' (cell 1)")


def test_widgets_leave_their_text(job):
    job.lay_out("import ipywidgets as w\nslider = w.IntSlider(value=3)\nslider")
    assert job.run() == 0, job.everything()
    data = job.cells()[0]["outputs"][0]["data"]
    assert list(data) == ["text/plain"]


def test_without_a_job_folder_the_bundle_s_parent_is_used(job):
    job.lay_out("print('x')")
    assert job.run(WINDLASS_JOB_DIR="") == 0
    assert job.status()["phase"] == "succeeded"


def test_an_odd_environment_is_told(job):
    job.lay_out("x = 1")
    assert job.run(RANK="one") == 1
    assert "RANK has to be a whole number" in job.output


def test_names_with_odd_characters_are_no_trouble(job):
    job.lay_out("1/0", name="dir/a b'$(touch x) ü%.ipynb")
    assert job.run() == 1
    assert 'File "a b\'$(touch x) ü%.ipynb In[1]", line 1' in job.log()
    assert job.status()["error"]["line"] == 1


def test_a_second_attempt_adds_to_the_log_and_starts_the_notebook_anew(job):
    job.lay_out(
        "import os\nprint('attempt', os.environ['WINDLASS_ATTEMPT'])\nif os.environ['WINDLASS_ATTEMPT'] == '0': 1/0"
    )
    assert job.run() == 1
    assert job.run(WINDLASS_ATTEMPT="1") == 0
    assert job.log().startswith("attempt 0\n")
    assert job.log().endswith("attempt 1\n")
    assert job.text(0) == "attempt 1\n"
    assert job.status()["error"] is None


def test_a_world_of_one_can_still_make_a_process_group_address(job):
    job.lay_out(
        "import os\nprint(*(os.environ[n] for n in ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR')))\n"
        "int(os.environ['MASTER_PORT']) > 0"
    )
    assert job.run() == 0
    assert job.text(0) == "0 0 1 127.0.0.1\n"
