"""`%runs` in the kernel of a notebook, whose experiment it takes by itself."""

from __future__ import annotations

from .conftest import Place


def test_the_runs_of_the_notebooks_experiment_are_a_table(place: Place) -> None:
    shown = place.kernel.run("%runs --sort accuracy")
    assert not shown.failed, shown.text
    assert shown.data["text/plain"].splitlines()[1].split()[3] == "run-3"
    assert f"5 runs of {place.digits}, the greatest metrics.accuracy first." in shown.data["text/plain"]
    assert shown.data["text/html"].count("<tr>") == 6


def test_a_filter_stands_on_the_line_as_it_is_and_takes_variables(place: Place) -> None:
    place.kernel.run("best = 0.6\nkind = 'adam'")
    place.kernel.run("found = %runs metrics.accuracy > {best} --sort accuracy --asc AND params.optimizer = '{kind}'")
    assert place.kernel.value("[run.name for run in found.runs]") == "['run-1', 'run-3']"
    place.kernel.run("found = %runs metrics.`val/loss` > -0.5 and params.optimizer != {kind}")
    assert place.kernel.value("len(found)") == "3"


def test_a_data_frame_has_numbers_and_moments(place: Place) -> None:
    place.kernel.run("df = %runs --pandas --sort accuracy")
    assert place.kernel.value("df['metrics.accuracy'].tolist()") == "[0.96875, 0.75, 0.625, 0.5, 0.25]"
    assert place.kernel.value("df.loc[0, 'params.lr']") == "'1e-3'"
    assert place.kernel.value("str(df['start_time'].dtype).endswith('UTC]')") == "True"
    assert place.kernel.value("df['gpu_hours'].isna().all().item()") == "True"


def test_nothing_in_html_is_markup(place: Place) -> None:
    place.kernel.run(f"odd = {place.odd!r}\nfrom IPython import get_ipython")
    place.kernel.run("import shlex\nfound = get_ipython().run_line_magic('runs', '-c text -e ' + shlex.quote(odd))")
    shown = place.kernel.run("found").data
    assert "&lt;script&gt;" in shown["text/html"]
    assert "<script>" not in shown["text/html"]
    assert not {"\x1b", "\u202e"} & set(shown["text/html"] + shown["text/plain"])


def test_a_mistake_is_a_sentence_with_its_place(place: Place) -> None:
    result = place.kernel.run("%runs metrics.accuracy > 0.9 AND acuracy > 1 --limit 3")
    assert result.failed
    assert "Traceback" not in result.text
    *_, line, carets = result.text.rstrip("\n").splitlines()
    assert line[carets.index("^") : carets.rindex("^") + 1] == "acuracy"
    for words, sentence in (("--srot x", "No such option"), ("-e 'x", "No closing quotation"), ("a = {nope}", "nope")):
        result = place.kernel.run(f"%runs {words}")
        assert result.failed
        assert sentence in result.text


def test_without_pandas_it_is_said_what_to_do(place: Place) -> None:
    place.kernel.run(
        "import sys\nkept = {name: sys.modules.pop(name) for name in list(sys.modules) if name == 'pandas'}"
    )
    place.kernel.run("sys.modules['pandas'] = None")
    result = place.kernel.run("%runs --pandas")
    place.kernel.run("del sys.modules['pandas']\nsys.modules.update(kept)")
    assert result.failed
    assert "%pip install pandas" in result.text


def test_pandas_is_imported_only_for_a_data_frame(place: Place) -> None:
    kernel = place.server.kernel(place.desk.notebook("light.ipynb", "1"))
    kernel.run("%load_ext windlass\nfound = %runs")
    heavy = "sorted({'pandas', 'numpy', 'mlflow', 'sqlalchemy', 'windlass.services'} & set(sys.modules))"
    kernel.run("import sys")
    assert kernel.value("len(found) > 0") == "True"
    assert kernel.value(heavy) == "[]"
    kernel.client.stop_channels()


def test_what_a_job_of_the_notebook_logged_is_found(place: Place) -> None:
    """The experiment of the notebook's last job comes before the one that is called as the notebook is."""
    notebook = place.desk.notebook("elsewhere.ipynb", "1")
    other = place.experiment("of a job")
    place.run(other, "best", age=10, metrics={"accuracy": 0.99})
    sent = place.desk.run("train", str(notebook), "--experiment", other, "--json")
    assert sent.status == 0, sent.err
    kernel = place.server.kernel(notebook)
    kernel.run("%load_ext windlass\nfound = %runs metrics.accuracy > 0.9")
    assert kernel.value("[run.name for run in found.runs]") == "['best']"
    kernel.client.stop_channels()
