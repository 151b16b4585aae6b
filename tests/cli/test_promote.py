"""What `windlass promote` makes of the answers that only a hub gives: a request that waits, one that was refused."""

from __future__ import annotations

import importlib
import json
from datetime import datetime, timezone

import pytest

from windlass.cli import main
from windlass.contract.models import Promotion, PromotionRequest, PromotionState
from windlass.tracked import Tracked

WORDS = ("promote", "net", "3", "--alias", "champion", "--comment", "better on digits")


@pytest.fixture(params=list(PromotionState))
def answer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Promotion:
    """A hub's answer, in place of the hub."""
    answer = Promotion(
        id="p1", model="net", alias="champion", from_version="2", to_version="3", state=request.param, by="ada",
        needs="1 of ml-leads", asked_at=datetime(2026, 11, 23, 5, 31, tzinfo=timezone.utc),
    )  # fmt: skip

    def promote(self: Tracked, name: str, wanted: PromotionRequest) -> Promotion:
        assert (name, wanted.version, wanted.alias, wanted.comment) == ("net", "3", "champion", "better on digits")
        return answer

    monkeypatch.setattr(Tracked, "promote", promote)
    monkeypatch.setattr(importlib.import_module("windlass.cli.models"), "connect", lambda **_given: None)
    return answer


def test_waiting_is_no_failure_and_refused_is(answer: Promotion, capsys: pytest.CaptureFixture[str]) -> None:
    is_fine = answer.state in (PromotionState.DONE, PromotionState.WAITING)
    assert main(WORDS) == (0 if is_fine else 1)
    told = capsys.readouterr()
    assert "champion of net" in (told.out if is_fine else told.err)
    assert not (told.err if is_fine else told.out)
    if answer.state is PromotionState.WAITING:
        assert "once it is approved by 1 of ml-leads" in told.out


def test_json_is_alone_on_standard_output(answer: Promotion, capsys: pytest.CaptureFixture[str]) -> None:
    main((*WORDS, "--json"))
    told = capsys.readouterr()
    assert json.loads(told.out)["state"] == answer.state.value
    assert "champion of net" in told.err
