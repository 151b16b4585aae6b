"""Data files that the code opens by name."""

from __future__ import annotations

import pytest

from .conftest import Project, code


@pytest.mark.parametrize(
    "cell",
    [
        "open('../data/x.csv')",
        "open(file='../data/x.csv')",
        "import pandas as pd\npd.read_csv('../data/x.csv', sep=';')",
        "import pandas\npandas.read_parquet('../data/x.csv')",
        "from pandas import read_csv\nread_csv('../data/x.csv')",
        "np.load('../data/x.csv')",
        "torch.load('../data/x.csv', map_location='cpu')",
        "from pathlib import Path\nPath('../data/x.csv').read_text()",
        "from pathlib import Path\n(Path('..') / 'data' / 'x.csv').open()",
        "import os\nopen(os.path.join('..', 'data', 'x.csv'), 'rb')",
        "NAME = 'x'\nopen(f'../data/{NAME}.csv')",
        "DATA = '../data'\nimport joblib\njoblib.load(DATA + '/x.csv')",
        "from PIL import Image\nImage.open('../data/x.csv')",
        "load_dataset('csv', data_files={'train': '../data/x.csv'})",
        "%time open('../data/x.csv')",
        "!wc -l ../data/x.csv",
        "%%bash\nfor f in 1; do\n  sort '../data/x.csv'\ndone",
    ],
)
def test_a_literal_path_is_pointed_out_and_not_sent(project: Project, cell: str) -> None:
    project.notebook("nb/train.ipynb", "x = 1", cell)
    project.write("data/x.csv", "12345")
    plan = project.plan("nb/train.ipynb")
    (reference,) = plan.data
    assert (reference.path, reference.exists, reference.included, reference.size_bytes) == (
        "data/x.csv",
        True,
        False,
        5,
    )
    assert (reference.file, reference.cell) == ("nb/train.ipynb", 1)
    assert "data/x.csv" not in {file.path for file in plan.files}
    (finding,) = [finding for finding in plan.findings if finding.rule == "data-not-included"]
    assert "data/x.csv" in (finding.fix or "")
    again = project.plan("nb/train.ipynb", include=("data/x.csv",))
    assert again.data[0].included
    assert "data-not-included" not in [finding.rule for finding in again.findings]


@pytest.mark.parametrize(
    "cell",
    [
        "open('../data/x.csv', 'w')",
        "open(name)",
        "open('https://example.org/x.csv')",
        "pd.read_csv('s3://bucket/x.csv')",
        "df.to_csv('../data/x.csv')",
        "webbrowser.open(url)",
        "', '.join(names)",
        "open(3)",
    ],
)
def test_what_is_written_remote_or_unknown_is_not_pointed_out(project: Project, cell: str) -> None:
    project.notebook("nb/train.ipynb", cell)
    project.write("data/x.csv")
    assert project.plan("nb/train.ipynb").data == []


def test_a_parameter_that_is_given_wins_over_its_default(project: Project) -> None:
    project.notebook("train.ipynb", code("path = 'a.csv'", tags=("parameters",)), "open(path)")
    project.write("a.csv")
    project.write("b.csv")
    assert [reference.path for reference in project.plan().data] == ["a.csv"]
    assert [reference.path for reference in project.plan(parameters={"path": "b.csv"}).data] == ["b.csv"]


def test_modules_open_files_from_the_notebooks_folder_or_beside_themselves(project: Project) -> None:
    project.notebook("nb/train.ipynb", "import lib.m")
    project.write("nb/lib/m.py", "import os\nopen('a.csv')\nopen(os.path.join(os.path.dirname(__file__), 'b.csv'))\n")
    project.write("nb/a.csv")
    project.write("nb/lib/b.csv")
    assert [(r.path, r.file, r.cell, r.line, r.exists) for r in project.plan("nb/train.ipynb").data] == [
        ("nb/a.csv", "nb/lib/m.py", None, 2, True),
        ("nb/lib/b.csv", "nb/lib/m.py", None, 3, True),
    ]


def test_missing_folders_globs_and_paths_outside_are_told_as_they_are(project: Project) -> None:
    project.notebook(
        "nb/train.ipynb", "open('gone.csv')\nglob.glob('data/*.csv')\nopen('/data/big.bin')\nopen('../../x')"
    )
    project.write("nb/data/x.csv")
    found = {r.path: (r.exists, r.included) for r in project.plan("nb/train.ipynb", include=("nb/data",)).data}
    assert found["nb/gone.csv"] == (False, False)
    assert found["nb/data"] == (True, True)
    assert found["/data/big.bin"] == (False, False)
    assert found["../../x"] == (False, False)


def test_a_link_out_of_the_root_tells_nothing_about_its_target(project: Project) -> None:
    (project.root.parent / "secret.csv").write_text("12345")
    (project.root / "link.csv").symlink_to("../secret.csv")
    project.notebook("train.ipynb", "open('link.csv')")
    (reference,) = project.plan().data
    assert (reference.exists, reference.size_bytes) == (False, None)
