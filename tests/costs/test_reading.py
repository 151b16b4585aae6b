"""Price books as YAML: what is wrong is told with file and line, and nothing crashes."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.costs.book import PriceBook
from windlass.costs.reading import PriceBookRefused, list_prices, parse_book, read_book

HEAD = "version: 1\nprices:\n"


def problems(text: str) -> list[str]:
    with pytest.raises(PriceBookRefused) as refused:
        parse_book(text, name="prices.yaml")
    return refused.value.problems


def read(text: str) -> PriceBook | list[str]:
    """The book, or what is wrong with it."""
    try:
        return parse_book(text, name="prices.yaml")
    except PriceBookRefused as refused:
        return refused.problems


def noon(day: str) -> float:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "prices.yaml:1: the price book is empty."),
        ("prices: []", "prices.yaml:1: A price book begins with `version: 1`."),
        ("version: 2", "prices.yaml:1: This version of Windlass reads `version: 1`."),
        ("- a", "prices.yaml:1: This is not a price book:"),
        ("version: 1\nprices: {}", "prices.yaml:2: `prices` is a list:"),
        ("version: 1\nprice: 3", "prices.yaml:2: 'price' is no field of a price book:"),
        ("version: 1\nprices:\n- gpu: [", "prices.yaml:3: this is no YAML:"),
        ("version: 1\nsource: \x07", "prices.yaml:2: this is no YAML:"),
        (HEAD + "- {gpu: T4}", "prices.yaml:3: A price needs `usd_per_hour`."),
        (HEAD + "- {usd_per_hour: 1}", "prices.yaml:3: A price is of one thing:"),
        (HEAD + "- {gpu: T4, node: x, usd_per_hour: 1}", "prices.yaml:3: A price is of one thing:"),
        (HEAD + "- gpu: T4\n  usd_per_hour: -1", "prices.yaml:4: '-1' is no number from 0 to 100000"),
        (HEAD + "- gpu: T4\n  usd_per_hour: .nan", "prices.yaml:4: '.nan' is no number"),
        (HEAD + "- gpu: T4\n  usd_per_hour: 1e9", "prices.yaml:4: '1e9' is no number"),
        (HEAD + "- gpu: T4\n  usd_per_hour: 1\n  usd_per_hour: 2", "prices.yaml:5: `usd_per_hour` stands here twice."),
        (HEAD + "- {mig: 8g.1gb, of: A100, usd_per_hour: 1}", "prices.yaml:3: Write a mig as 2g.10gb."),
        (HEAD + "- {mig: 1g.5gb, usd_per_hour: 1}", "prices.yaml:3: A mig needs the card that it is of"),
        (HEAD + "- {share: 4, of: T4, usd_per_hour: 1}", "prices.yaml:3: Write a share as 1/4."),
        (HEAD + "- {cpu: thread, usd_per_hour: 1}", "prices.yaml:3: Write `cpu: core`"),
        (HEAD + "- {gpu: T4, usd_per_hour: 1, capacity: cheap}", "prices.yaml:3: 'cheap' is no capacity"),
        (HEAD + "- {gpu: T4, usd_per_hour: 1, cores: 4}", "prices.yaml:3: `cores` says what a node has"),
        (HEAD + "- {node: x, usd_per_hour: 1, gpus: 1.5}", "prices.yaml:3: A node has whole GPUs."),
        (HEAD + "- gpu: T4\n  usd_per_hour: 1\n  valid_from: 2026-02-30", "prices.yaml:5: '2026-02-30' is no day"),
        (HEAD + "- gpu: T4\n  usd_per_hour: 1\n  valid_from: 2026-01-01 10:00", "prices.yaml:5: '2026-01-01 10:00' is"),
        (HEAD + "- {gpu: T4, usd_per_hour: 1, valid_from: 2026-02-01, valid_until: 2026-01-01}", "lies before"),
        (HEAD + "- {gpu: T4, usd_per_hour: 1}\n- {gpu: NVIDIA-t4, usd_per_hour: 2}", "prices.yaml:4: NVIDIA-t4 has a"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_and_line(text: str, problem: str) -> None:
    assert problem in "\n".join(problems(text))


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert [each.split(":")[1] for each in problems(HEAD + "- {gpu: T4}\n- {cpu: x, usd_per_hour: 1}")] == ["3", "4"]


def test_a_price_holds_from_its_first_day_to_the_end_of_its_last_in_utc() -> None:
    book = parse_book(
        HEAD
        + "- {gpu: T4, usd_per_hour: 1, valid_until: 2026-03-28}\n"
        + "- {gpu: T4, usd_per_hour: 2, valid_from: 2026-03-29, valid_until: 2026-03-29T23:00:00+02:00}",
        name="prices.yaml",
    )
    last = datetime(2026, 3, 28, 23, 59, 59, tzinfo=timezone.utc).timestamp()
    found = [book.price("gpu", "T4", at=at) for at in (last, last + 1, noon("2026-03-29"), noon("2026-03-30"))]
    assert [each and each.usd_per_hour for each in found] == [1, 2, 2, None]
    # 23:00 with the clocks of summer is 21:00 UTC.
    nine = datetime(2026, 3, 29, 21, tzinfo=timezone.utc).timestamp()
    assert book.price("gpu", "T4", at=nine - 1) is not None
    assert book.price("gpu", "T4", at=nine) is None


def test_a_price_of_the_region_counts_before_one_for_everywhere() -> None:
    book = parse_book(
        HEAD + "- {gpu: T4, usd_per_hour: 1}\n- {gpu: T4, usd_per_hour: 3, region: eu}", name="prices.yaml"
    )
    found = [book.price("gpu", "T4", at=0.0, region=region) for region in ("eu", "us", None)]
    assert [each and each.usd_per_hour for each in found] == [3, 1, 1]


def test_each_price_says_where_it_is_from(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(HEAD + "- {gpu: T4, usd_per_hour: 1}\n- {cpu: core, usd_per_hour: 1, source: our contract}")
    assert [entry.source for entry in read_book(path).own] == [f"{path}:3", "our contract"]


def test_what_a_book_lacks_is_taken_from_the_list_prices_only_where_it_says_so() -> None:
    alone, behind = (
        parse_book(f"version: 1\nlist_prices: {word}\nprices:\n- {{gpu: Tesla-T4, usd_per_hour: 9}}", name="p.yaml")
        for word in ("false", "true")
    )
    at = noon("2026-11-23")
    assert alone.price("cpu", "core", at=at) is None
    assert behind.price("cpu", "core", at=at) is not None
    own = behind.price("gpu", "Tesla-T4", at=at)
    assert own is not None
    assert own.usd_per_hour == 9


def test_the_list_prices_are_labelled_with_their_date_and_hold_no_spot_price() -> None:
    entries = list_prices().in_force(noon("2026-11-23"))
    assert len(entries) > 20
    assert all(entry.listed and "list price" in entry.source and "2025-06-05" in entry.source for entry in entries)
    assert {entry.capacity for entry in entries} == {"on-demand"}


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(PriceBookRefused, match="it cannot be read"):
        read_book(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"version: 1\n\xff")
    with pytest.raises(PriceBookRefused, match=r"bytes.yaml:2: this is no UTF-8"):
        read_book(tmp_path / "bytes.yaml")


def test_deep_nesting_and_aliases_of_aliases_are_refused_in_no_time() -> None:
    assert problems("[" * 20_000)
    bomb = "version: 1\nprices:\n- &a [x, x]\n" + "".join(f"- &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi"))  # noqa: B905 E501  # fmt: skip
    assert len(problems(bomb)) == 9 * 2


@given(st.text())
def test_no_text_crashes_the_reader(text: str) -> None:
    found = read(text)
    assert not isinstance(found, list) or all(problem.startswith("prices.yaml:") for problem in found)


_values = st.none() | st.booleans() | st.floats() | st.integers() | st.dates() | st.text(max_size=12)


@given(st.lists(st.dictionaries(st.sampled_from(["gpu", "mig", "of", "cpu", "node", "usd_per_hour", "capacity", "valid_from", "gpus"]), _values)))  # noqa: E501  # fmt: skip
def test_no_values_crash_the_reader(prices: list[dict[str, object]]) -> None:
    import yaml

    text = yaml.safe_dump({"version": 1, "prices": prices}, allow_unicode=True)
    found = read(text)
    assert isinstance(found, list) or all(entry.usd_per_hour >= 0 for entry in found.own)


def test_the_books_of_the_documentation_are_books() -> None:
    page = (Path(__file__).parents[2] / "docs" / "costs.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert [len(parse_book(block, name="costs.md").own) for block in blocks] == [9, 1]
