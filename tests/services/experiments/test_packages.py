"""Versions of packages, as the files beside models tell them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.services.experiments.model_log import models_logged
from windlass.services.experiments.packages import normalized, versions_in
from windlass.services.experiments.records import RunRecord


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("numpy==2.1.0", {"numpy": "2.1.0"}),
        ("Scikit_Learn == 1.5.1 ; python_version > '3.9'", {"scikit-learn": "1.5.1"}),
        ("mlflow[extras, db]===3.1  # pinned", {"mlflow": "3.1"}),
        ("torch>=2,<3", {"torch": ">=2,<3"}),
        ("pandas==2.*", {"pandas": "==2.*"}),
        ("x==1.0 --hash=sha256:abc \\", {"x": "1.0"}),
        ("torch==2.9.0+cpu", {"torch": "2.9.0+cpu"}),
        ("requests", {}),
        ("-r other.txt", {}),
        ("--extra-index-url https://user:secret@host/simple", {}),
        ("git+https://user:secret@host/repo.git", {}),
        ("pkg @ https://user:secret@host/pkg.whl", {}),
        ("./local==1.whl", {}),
        ("", {}),
    ],
)
def test_versions_are_read_and_nothing_else_is(line: str, found: dict[str, str]) -> None:
    assert versions_in(line) == found


@given(st.text(max_size=200))
def test_any_text_is_read_without_harm(text: str) -> None:
    for name, version in versions_in(text).items():
        assert name == normalized(name)
        assert version


@given(st.text(max_size=60) | st.from_regex(r'\[\{"artifact_path": .{0,20}\}\]', fullmatch=True))
def test_any_history_of_models_is_read_without_harm(text: str) -> None:
    from tests.services.experiments.conftest import answered

    from windlass.services.experiments.records import record_of

    record = record_of(answered(tags={"mlflow.log-model.history": text}))
    for folder in models_logged(record):
        assert ".." not in folder.path.split("/")


def test_each_model_folder_is_named_once_and_none_outside(record: Callable[..., RunRecord]) -> None:
    paths = ["model", "../../etc", "model", "/abs", "a/./b", 7, None, "deep/er"]
    history = [{"artifact_path": path, "flavors": {"python_function": {}, "sklearn": {}}} for path in paths]
    run = record(tags={"mlflow.log-model.history": json.dumps(history)})
    assert [(folder.path, folder.flavors) for folder in models_logged(run)] == [
        ("model", ("sklearn",)),
        ("deep/er", ("sklearn",)),
    ]
