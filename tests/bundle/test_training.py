"""A notebook that defines its training and never calls it."""

from __future__ import annotations

import pytest

from windlass.contract.preview import Finding

from .conftest import Project

TRAIN = "def train(model):\n    for batch in data:\n        loss(model(batch)).backward()\n"


def never_trains(project: Project, *cells: str) -> list[Finding]:
    project.write("library.py", "def fit_all(): ...\ndef load_data(): ...\nclass Net: ...\n")
    project.notebook("train.ipynb", *cells)
    return [finding for finding in project.plan().findings if finding.rule == "never-trains"]


@pytest.mark.parametrize(
    "cells",
    [
        (TRAIN,),
        ("import torch\nlr = 0.1", TRAIN, "print('ready')"),
        (TRAIN, "def main():\n    train(1)\n"),
        (TRAIN, "class Net:\n    pass\n\nmodel = Net()\nmodel.eval()"),
        ("from library import Net, load_data", TRAIN, "net = Net()\ndata = load_data()"),
        ("import numpy as np\ndef f(): return 1\n", "np.random.seed(3)\nprint(np.__version__)"),
        ("%matplotlib inline\n" + TRAIN,),
    ],
)
def test_definitions_that_nothing_calls_are_flagged(project: Project, cells: tuple[str, ...]) -> None:
    (finding,) = never_trains(project, *cells)
    assert finding.severity.value == "warning"
    assert finding.path == "train.ipynb"
    assert (finding.excerpt or "").startswith("def ")


@pytest.mark.parametrize(
    "cells",
    [
        (TRAIN, "train(1)"),
        (TRAIN, "def main():\n    train(1)\n", "main()"),
        (TRAIN, "%time train(1)"),
        (TRAIN, "%%time\ntrain(1)"),
        (TRAIN, "if __name__ == '__main__':\n    train(1)"),
        (TRAIN, "import torch.multiprocessing as mp\nmp.spawn(train, nprocs=2)"),
        (TRAIN, "results = [train(lr) for lr in (1, 2)]"),
        ("def helper(): return 1", "model.fit(x, y)"),
        ("def helper(): return 1", "from transformers import Trainer\ntrainer = Trainer()\ntrainer.train()"),
        (TRAIN, "import library\nlibrary.fit_all()"),
        (TRAIN, "!torchrun train.py"),
        (TRAIN, "%run train.py"),
        ("loss.backward()",),
        ("print(1)",),
        ("import library",),
        ("def f(x): return x", "y = f(2)"),
    ],
)
def test_work_at_the_top_level_is_seen(project: Project, cells: tuple[str, ...]) -> None:
    assert never_trains(project, *cells) == []
