"""Only a notebook that is certain not to have trained is told so."""

from __future__ import annotations

import pytest

from windlass.runner.training_check import untrained_notice

DEFINES = "def train(model):\n    for x in data:\n        loss(x).backward()\n        opt.step()\n"


def judge(*sources, seconds=0.01):
    return untrained_notice(list(enumerate(sources)), longest_seconds=seconds, space={})


@pytest.mark.parametrize(
    "rest",
    ["", "lr = 0.1", "import os\nprint('ready')", "class Net:\n    pass\nnet = Net()", "if False:\n    pass"],
)
def test_a_definition_that_nobody_calls_is_noticed(rest):
    notice = judge(DEFINES, rest)
    assert notice == "No cell trained anything: 'train' (cell 1) is defined but never called. Call it in a cell."


@pytest.mark.parametrize(
    "rest",
    [
        "train(net)",
        "with run():\n    train(net)",
        "launch(train)",
        "spawn(train, nprocs=2)",
        "for epoch in range(3):\n    x = 1",
        "model.fit(x, y)",
        "await work()",
        "get_ipython().run_cell_magic('bash', '', 'python train.py')",
        "get_ipython().system('python train.py')",
        "x = 1 if train(net) else 2",
    ],
)
def test_a_statement_that_may_have_trained_is_believed(rest):
    assert judge(DEFINES, rest) is None


def test_a_notebook_that_does_not_train_is_left_alone():
    assert judge("def clean(frame):\n    return frame.dropna()", "x = 1") is None


def test_a_notebook_that_worked_for_a_while_is_left_alone():
    assert judge(DEFINES, "x = 1", seconds=30) is None


def test_a_class_that_trains_counts_as_well():
    assert "'Trainer'" in judge("class Trainer:\n    def go(self):\n        self.opt.step()")


def test_source_that_is_no_python_is_left_alone():
    assert judge(DEFINES, "this is no python") is None
