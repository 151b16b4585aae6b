"""Where a server goes on reading after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.engines.job_folder.logwriter import Piece
from windlass.engines.kubernetes.logs.log_lines import Place
from windlass.engines.kubernetes.logs.places import Places, PodPlace, Surplus
from windlass.engines.kubernetes.logs.rank_text import Tally


def test_places_come_back_as_they_were_written(tmp_path: Path) -> None:
    place = PodPlace(restarts=2, place=Place(5, 1, 7), tallies={3: Tally(9, 8, 7)}, done=True)
    places = Places(pods={"uid": place}, sizes={-1: 4, 3: 9})
    places.write(tmp_path / "places.json")
    assert Places.read(tmp_path / "places.json") == places


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pods": {"a": {}}, "sizes": {}}', '{"pods": [], "sizes": 1}'])
def test_a_file_that_makes_no_sense_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "places.json").write_text(content)
    assert Places.read(tmp_path / "places.json") == Places()
    assert Places.read(tmp_path / "missing.json") == Places()


def test_what_is_there_already_is_left_out_once() -> None:
    surplus = Surplus({0: 5, 1: 0, 2: -3})
    pieces = [Piece(0, 1.0, b"abc"), Piece(1, 1.0, b"x"), Piece(0, 1.0, b"defg"), Piece(0, 1.0, b"h")]
    assert surplus.without(pieces[:2]) == [pieces[1]]
    assert surplus.left(0) == 2
    assert surplus.without(pieces[2:]) == [Piece(0, 1.0, b"fg"), pieces[3]]
    assert surplus.left(0) == 0


def test_after_a_gap_nothing_is_left_out() -> None:
    surplus = Surplus({0: 5})
    surplus.forget({0, 1})
    assert surplus.without([Piece(0, 1.0, b"abc")]) == [Piece(0, 1.0, b"abc")]
