"""An image without IPython: cells run, what needs IPython says so."""

from __future__ import annotations

import nbformat
import pytest

BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('IPython', 'traitlets'):
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)
sys.meta_path.insert(0, Blocker())
"""


@pytest.fixture
def run(job, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(BLOCKER)

    def start(*cells, **options):
        job.lay_out(*cells, **options)
        return job.run(PYTHONPATH=str(tmp_path / "site"))

    return start


def test_cells_run_and_the_last_expression_is_shown(run, job):
    assert run("x = 20\nx + 1", "_ * 2;", "display('shown')\n__name__", "print(Out[1], In[1])", "None") == 0, (
        job.everything()
    )
    assert job.cells()[0]["outputs"][0]["data"] == {"text/plain": "21"}
    assert job.cells()[1]["outputs"] == []
    assert [output["output_type"] for output in job.cells()[2]["outputs"]] == ["display_data", "execute_result"]
    assert job.text(3) == "21 x = 20\nx + 1\n"
    assert "no IPython" in job.log()
    nbformat.validate(nbformat.read(job.executed, as_version=4))


def test_top_level_await_works(run, job):
    assert (
        run("import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 5", "y = await f()\nawait f()") == 0
    )
    assert job.cells()[1]["outputs"][0]["data"]["text/plain"] == "5"


def test_future_statements_reach_later_cells(run, job):
    assert run("from __future__ import annotations", "def f(x: Undefined): pass") == 0, job.everything()


@pytest.mark.parametrize(
    ("source", "line", "what"),
    [
        ("%matplotlib inline", 1, "%matplotlib"),
        ("x = 1\n!pip install y", 2, "!"),
        ("%%bash\necho 1", 1, "%%bash"),
        ("x = 1\nfiles = !ls", 2, "!"),
        ("print?", 1, "?"),
    ],
)
def test_magics_say_what_they_need(run, job, source, line, what):
    assert run("a = 1", source) == 1
    error = job.status()["error"]
    assert (error["cell"], error["line"], error["ename"]) == (1, line, "MagicUnavailable")
    assert f"{what!r} needs IPython" in error["evalue"]


@pytest.mark.parametrize(
    ("source", "line", "ename"),
    [
        ("x = 1\ny = x % 0", 2, "ZeroDivisionError"),
        ("x = 1\nif x\n", 2, "SyntaxError"),
        ("\n\nimport json\njson.loads('{')", 4, "JSONDecodeError"),
    ],
)
def test_errors_name_cell_and_line(run, job, source, line, ename):
    assert run("a = 1", source) == 1
    error = job.status()["error"]
    assert (error["cell"], error["line"], error["ename"]) == (1, line, ename)
    assert 'File "train.ipynb In[2]"' in job.log()


def test_sys_exit_and_windlass_magics_are_as_with_ipython(run, job):
    assert run("%load_ext windlass\nx = 3", "%train", "import sys\nsys.exit(x)") == 3, job.everything()
    assert job.status()["error"]["ename"] == "SystemExit"


def test_notebook_classes_can_be_pickled(run, job):
    assert run("import pickle\nclass Net: pass\ntype(pickle.loads(pickle.dumps(Net()))) is Net") == 0
    assert job.cells()[0]["outputs"][0]["data"]["text/plain"] == "True"
