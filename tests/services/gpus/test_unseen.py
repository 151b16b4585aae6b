"""A job of which some machines tell nothing is not shown as if those that do were all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from windlass.metrics.judging import Holding
from windlass.metrics.reading import Device
from windlass.services.gpus.holdings import Holdings
from windlass.services.gpus.unseen import AWAITED_SECONDS, unseen
from windlass.services.gpus.who import Who

NOW = 10_000.0
HELD = Holdings(names={"j": "resnet"}, since={"j": NOW - 2 * AWAITED_SECONDS}, asked={"j": 4})
OF_JOB = Who(is_held=True, holding=Holding(job_id="j", name="resnet"))
CARD = Device(id="GPU-0", uuid="GPU-0", name="A100", source="job", pod="resnet-0")


@pytest.mark.parametrize(
    ("devices", "asked", "words"),
    [
        ([CARD], 4, "resnet: 1 of its 4 GPUs seen"),
        ([], 4, "resnet: none of its 4 GPUs seen"),
        ([], 1, "resnet: its GPU is not seen"),
    ],
)
def test_devices_of_which_no_source_tells_are_counted(devices: list[Device], asked: int, words: str) -> None:
    held = replace(HELD, asked={"j": asked})
    (condition,) = unseen(devices, who={"GPU-0": OF_JOB}, holdings=held, now=NOW)
    assert (condition.source, condition.code) == ("job", "partial")
    assert words in condition.message


def test_nothing_is_missed_of_a_job_that_has_just_begun_or_is_seen_or_shares_cards() -> None:
    assert unseen([], who={}, holdings=replace(HELD, since={"j": NOW - 1}), now=NOW) == ()
    assert unseen([], who={}, holdings=replace(HELD, since={}), now=NOW) == ()
    cards = [replace(CARD, id=f"GPU-{number}") for number in range(4)]
    assert unseen(cards, who={card.id: OF_JOB for card in cards}, holdings=HELD, now=NOW) == ()
    assert unseen([replace(CARD, kind="share")], who={"GPU-0": OF_JOB}, holdings=HELD, now=NOW) == ()
