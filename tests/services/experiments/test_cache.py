"""What is kept of MLflow, for how long and how much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from windlass.services.experiments.cache import FRESH_SECONDS, BoundedCache, RunCache
from windlass.services.experiments.columns import MOST_EXPERIMENTS, MOST_KEYS, KnownKeys
from windlass.services.experiments.records import RunRecord

Make = Callable[..., RunRecord]


@dataclass
class Clock:
    """Time that goes on when told to."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60))))
def test_what_is_kept_never_takes_more_than_its_budget(puts: list[tuple[int, int]]) -> None:
    cache: BoundedCache[int, int] = BoundedCache(budget_bytes=100)
    held: dict[int, int] = {}
    for key, size in puts:
        cache.put(key, size, size_bytes=size)
        held[key] = size
        assert cache.size_bytes <= 100
        assert cache.get(key) == (size if size <= 25 else None)
    assert cache.size_bytes == sum(size for key, size in held.items() if cache.get(key) is not None)


def test_what_was_used_last_stays() -> None:
    cache: BoundedCache[str, str] = BoundedCache(budget_bytes=8)
    for key in "abcd":
        cache.put(key, key, size_bytes=2)
    cache.get("a")
    cache.put("e", "e", size_bytes=2)
    assert [key for key in "abcde" if cache.get(key)] == ["a", "c", "d", "e"]


def test_a_run_answers_alone_only_for_a_while_and_only_when_it_has_ended(record: Make) -> None:
    clock = Clock()
    cache = RunCache(clock=clock)
    ended, going = record("e"), record("g", status="RUNNING", end_time=0)
    cache.keep([ended, going])
    clock.now = FRESH_SECONDS - 1
    assert (cache.get("e"), cache.get("g")) == (ended, None)
    clock.now = FRESH_SECONDS + 1
    assert cache.get("e") is None


def test_a_run_that_was_opened_again_is_another(record: Make) -> None:
    cache = RunCache()
    cache.keep([record("e", end_time=2000)])
    cache.keep([record("e", status="RUNNING", end_time=0)])
    assert cache.get("e") is None
    again = record("e", end_time=9000)
    cache.keep([again])
    assert cache.get("e") == again
    cache.forget("e")
    assert cache.get("e") is None


def test_keys_are_known_by_experiment_and_bounded(record: Make) -> None:
    keys = KnownKeys()
    keys.note([record(metrics={f"m{number}": 1 for number in range(MOST_KEYS + 5)}, experiment_id="1")])
    keys.note_whole(["1"], complete=True, newest=True)
    keys.note([record(params={"lr": "1"}, experiment_id="2")])
    keys.note_whole(["2"], complete=True, newest=True)
    assert len(keys.list(["1"]).metrics) == MOST_KEYS
    assert keys.list(["1"]).complete is False
    assert (keys.list(["2"]).params, keys.list(["2"]).complete) == (["lr"], True)
    assert keys.list(["2", "3"]).complete is False
    for number in range(MOST_EXPERIMENTS):
        keys.note_whole([f"new{number}"], complete=True, newest=True)
    assert keys.unread(["1", "new7"]) == ["1"]


def test_keys_of_other_runs_than_the_newest_are_not_all_there_is(record: Make) -> None:
    keys = KnownKeys()
    keys.note([record(params={"lr": "1"}, experiment_id="1")])
    keys.note_whole(["1"], complete=False, newest=False)
    assert keys.unread(["1"]) == ["1"]
    keys.note_whole(["1"], complete=False, newest=True)
    assert keys.unread(["1"]) == []
