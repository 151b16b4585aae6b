"""A notebook that sends itself away does not do so again from inside its job."""

from __future__ import annotations

import pytest

from windlass.runner.cells import runnable_source, skip_reason
from windlass.runner.notebook import Cell


def cell(source, *tags):
    return Cell(index=0, kind="code", id="c", source=source, metadata={"tags": list(tags)})


@pytest.mark.parametrize(
    "source",
    [
        "%train",
        "%train --workers 2 -p lr=0.1",
        "x = 1\n%train\nprint(x)",
        "job = %train --workers 2\njob.wait()",
        "%%train --workers 2\nprint('anything')",
        "\n%%train\nx",
        "%load_ext windlass",
        "# send it\n%load_ext windlass\n\n%jobs",
        "%logs -f",
        "%stop",
    ],
)
def test_windlass_cells_are_left_out(source):
    assert skip_reason(cell(source))


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "%matplotlib inline",
        "%load_ext autoreload",
        "%%time\n%train",
        "%training = 1",
        "x = (10\n%train)",
        'text = """\n%train\n"""',
        "# %train",
        "print('%train')",
        "%load_ext windlass\nimport torch",
        "%jobs\nx = 1",
    ],
)
def test_other_cells_run(source):
    assert skip_reason(cell(source)) is None


def test_a_tag_leaves_a_cell_out():
    assert "skip-train" in skip_reason(cell("x = 1", "skip-train"))


def test_single_magics_are_commented_out_and_lines_keep_their_numbers():
    source = "import torch\nif True:\n    %jobs\n%load_ext windlass\nx = 1"
    changed = runnable_source(cell(source))
    compiled = {}
    exec(changed.replace("import torch", ""), compiled)
    assert compiled["x"] == 1
    assert changed.splitlines()[4] == "x = 1"
    assert len(changed.splitlines()) == 5


@pytest.mark.parametrize("source", ['text = """\n%train\n"""', "x = (10\n%jobs)", "%%bash\n%jobs"])
def test_strings_and_expressions_stay_as_they_are(source):
    assert runnable_source(cell(source)) == source
