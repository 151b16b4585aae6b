"""Models, versions and promotions as they are shown: within 80 columns, as a sentence, with nothing that acts."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from windlass.contract.models import ModelVersion, ModelVersionList, Promotion, PromotionState, RegisteredModel
from windlass.output.console import rendered
from windlass.output.models import models_table, promotion_sentence, versions_view

HOSTILE = "[bold red]x[/] \x1b]0;t\x07\x1b[2J <script>alert(1)</script> \u202e:smile: " + "long " * 30
MOMENT = datetime(2026, 11, 23, 5, 31, tzinfo=timezone.utc)


def version(**changes: Any) -> ModelVersion:
    values: dict[str, Any] = {"name": "net", "version": "3", "aliases": [], "status": "READY", **changes}
    return ModelVersion(**values)


def promotion(state: PromotionState, **changes: Any) -> Promotion:
    values = {"id": "p", "model": "net", "alias": "champion", "from_version": "2", "to_version": "3", "by": "ada"}
    return Promotion(**{**values, "state": state, "asked_at": MOMENT, **changes})


def test_hostile_words_are_shown_as_they_are_within_80_columns() -> None:
    model = RegisteredModel(name=HOSTILE, description=HOSTILE, aliases={HOSTILE: HOSTILE}, latest_version="12")
    row = version(aliases=[HOSTILE, "b"], user=HOSTILE, run_name=HOSTILE, stage=HOSTILE, status=HOSTILE)
    for shown in (
        rendered(models_table([model])),
        rendered(versions_view(ModelVersionList(model=model, items=[row, version()]))),
        promotion_sentence(promotion(PromotionState.FAILED, model=HOSTILE, message=HOSTILE, alias=HOSTILE)),
    ):
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)
        assert "[bold red]x" in " ".join(shown.split())
        if "MODEL" in shown:
            assert max(len(line) for line in shown.splitlines()) <= 80


def test_stages_are_shown_only_where_there_are_some() -> None:
    model = RegisteredModel(name="net")
    for stage, there in ((None, False), ("None", False), ("Staging", True)):
        shown = rendered(versions_view(ModelVersionList(model=model, items=[version(stage=stage)])))
        assert ("STAGE" in shown) is there
    assert "no versions yet" in rendered(versions_view(ModelVersionList(model=model, items=[])))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (promotion(PromotionState.DONE), "champion of net is version 3; it was version 2."),
        (promotion(PromotionState.DONE, from_version=None), "champion of net is version 3."),
        (promotion(PromotionState.DONE, from_version="3"), "champion of net is version 3 as before."),
        (
            promotion(PromotionState.WAITING, needs="1 of ml-leads"),
            "Asked for: champion of net moves to version 3 once it is approved by 1 of ml-leads.",
        ),
        (promotion(PromotionState.REFUSED), "champion of net was not moved: it was refused."),
        (promotion(PromotionState.WITHDRAWN), "champion of net was not moved: the request was withdrawn."),
        (
            promotion(PromotionState.FAILED, message="It was not moved: MLflow is away."),
            "champion of net: It was not moved: MLflow is away.",
        ),
        (promotion(PromotionState.DONE, alias=None, stage="Staging"), "net version 3 is in the stage Staging."),
    ],
)
def test_a_promotion_is_a_sentence(given: Promotion, sentence: str) -> None:
    assert promotion_sentence(given) == sentence
