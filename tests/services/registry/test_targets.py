"""Moving a stage on servers that cannot archive its former holder in the same step."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.tracking.recorder import Recorder

from windlass.services.registry.targets import Target
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.reads import MlflowReads

TYPES = "(psycopg.errors.UndefinedFunction) operator does not exist: integer <> character varying"
JSON = {"Content-Type": "application/json"}
PRODUCTION = Target(kind="stage", name="Production")
DONE = (200, {"model_version": {}}, JSON)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.close()


async def move(recorder: Recorder, *, to: str) -> None:
    reads = MlflowReads(recorder.url, environ={})
    try:
        await PRODUCTION.move(reads.registry, "digits", to)
    finally:
        await reads.close()


def transitions(recorder: Recorder) -> list[tuple[str, str, bool]]:
    bodies = [json.loads(body) for body in recorder.bodies if body]
    return [(body["version"], body["stage"], body["archive_existing_versions"]) for body in bodies]


async def test_where_mlflow_cannot_archive_the_former_holder_it_is_archived_by_hand(recorder: Recorder) -> None:
    held = {"name": "digits", "latest_versions": [{"version": "1", "current_stage": "Production"}]}
    recorder.answers = [(400, {"message": TYPES}, JSON), (200, {"registered_model": held}, JSON), DONE, DONE]
    await move(recorder, to="2")
    assert transitions(recorder) == [
        ("2", "Production", True),
        ("2", "Production", False),
        ("1", "Archived", False),
    ]


async def test_any_other_refusal_stays_one(recorder: Recorder) -> None:
    recorder.answers = [(400, {"message": "no such stage"}, JSON)]
    with pytest.raises(MlflowRefused, match="no such stage"):
        await move(recorder, to="2")
    assert transitions(recorder) == [("2", "Production", True)]
