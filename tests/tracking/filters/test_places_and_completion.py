"""Where mistakes are shown, what they say, and what is offered at the caret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.contract.experiments import FilterAdvice
from windlass.tracking.filters import FilterMistake, Parsed, advise, parse

KEYS = {
    "metrics": ["accuracy", "val/loss", "in"],
    "params": ["lr", "batch size", "optimizer"],
    "tags": ["mlflow.user", "it`s"],
}
VALUES = {"params.optimizer": ["adam", "it's", "both ' and \""]}


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("metrics.accuracy >> 0.9", ">>", "cannot be compared by >>"),
        ("metrics.accuracy == 0.9", "==", "Write =."),
        ("metrics.accuracy > = 0.9", "=", "without spaces"),
        ("metrics.accuracy > 'high'", "'high'", "compared with a number"),
        ("metrics.accuracy > 1E+5", "1E+5", "compared with a number"),
        ("metrics.val/loss < 1", "metrics.val/loss", "metrics.`val/loss`"),
        ("params.batch-size = '3'", "params.batch-size", "params.`batch-size`"),
        ("params.in = '3'", "params.in", "params.`in`"),
        ("params.lr = 0.1", "0.1", "'0.1'"),
        ("params.lr = '0.1' OR metrics.a > 1", "OR", "joined by AND"),
        ("NOT params.lr = '0.1'", "NOT", "joined by AND"),
        ("(metrics.a > 1)", "(", "no parentheses"),
        ("params.lr = '0.1", "'0.1", "not closed"),
        ("params.😀 = 'x' AND params.lr = 'x'", "params.😀", "backticks"),
        ("tags.a = '😀' AND foo > 1", "foo", "metrics.foo"),
        ("metricz.a > 1", "metricz", "Did you mean metrics?"),
        ("statuss = 'x'", "statuss", "Did you mean status?"),
        ("status IN ('FINISHED')", "IN", "takes =, !=, LIKE, ILIKE"),
        ("start_time > '2024-01-01'", "'2024-01-01'", "write 1704067200000"),
        ("start_time > '2024-01-01T00:00:00+01:00'", "'2024-01-01T00:00:00+01:00'", "write 1704063600000"),
        ("metrics.a BETWEEN 1 AND 2", "BETWEEN", "metrics.a >= … AND metrics.a <= …"),
        ("metrics.a IS NULL", "IS NULL", "params and tags only"),
        ("run_id IN (1)", "(1)", "texts in quotes"),
        ("run_id IN ('a'", "(", "not closed"),
        ("datasets.size = 'x'", "size", "datasets.digest"),
        ("metrics.created > 1", "metrics.created", "start_time"),
        ("params.a = 'x' tags.b IS NULL", "tags.b", "AND is missing"),
        ("metrics.a > 1 -- note", "-- note", "no comments"),
    ],
)
def test_a_mistake_is_shown_where_it_is(text: str, place: str, said: str) -> None:
    found = parse(text)
    assert isinstance(found, FilterMistake)
    units = text.encode("utf-16-le")
    assert units[2 * found.start : 2 * found.end].decode("utf-16-le").strip() == place
    assert said in found.message


@pytest.mark.parametrize("text", ["metrics.a", "metrics.a >", "params.a IS NULL AND metrics.b", "run_id IN"])
def test_what_is_missing_at_the_end_is_shown_after_it(text: str) -> None:
    found = parse(text)
    assert isinstance(found, FilterMistake)
    assert (found.start, found.end) == (len(text), len(text) + 1)
    assert "missing" in found.message or "asks for a list" in found.message


@pytest.mark.parametrize("text", ["", "  \n", "AND", "metrics.a > 1 AND "])
def test_a_filter_that_is_not_finished_but_right_has_no_mistake(text: str) -> None:
    assert isinstance(parse(text), Parsed)


def offered(before: str, after: str = "") -> list[str]:
    """The texts that the offers make of a filter whose caret stands between two parts."""
    text = before + after
    caret = len(before.encode("utf-16-le")) // 2
    made = []
    for completion in advise(text, caret, KEYS, values=VALUES).completions:
        units = text.encode("utf-16-le")
        whole = units[: 2 * completion.start] + completion.text.encode("utf-16-le") + units[2 * completion.end :]
        made.append(whole.decode("utf-16-le"))
    return made


@pytest.mark.parametrize(
    ("before", "after", "made"),
    [
        ("acc", "", "metrics.accuracy"),
        ("metrics.", "", "metrics.`val/loss`"),
        ("metrics.val/l", "", "metrics.`val/loss`"),
        ("params.`batch s", "", "params.`batch size`"),
        ("metrics.i", "", "metrics.`in`"),
        ("tags.it", "", 'tags."it`s"'),
        ("sta", "", "attributes.status"),
        ("metrics.ac", "cu > 0.5", "metrics.accuracy > 0.5"),
        ("metrics.accuracy ", "", "metrics.accuracy >="),
        ("params.lr li", "", "params.lr LIKE"),
        ("params.lr IS ", "", "params.lr IS NULL"),
        ("run_id NOT ", "", "run_id NOT IN"),
        ("status = ", "", "status = 'FINISHED'"),
        ("status = 'fi", "", "status = 'FINISHED'"),
        ("params.optimizer != ", "", 'params.optimizer != "it\'s"'),
        ("metrics.accuracy > 0.5 ", "", "metrics.accuracy > 0.5 AND"),
        ("metrics.accuracy > 0.5 a", "", "metrics.accuracy > 0.5 AND"),
        ("tags.a = '😀' AND l", "", "tags.a = '😀' AND params.lr"),
    ],
)
def test_what_can_stand_at_the_caret_is_offered(before: str, after: str, made: str) -> None:
    assert made in offered(before, after)


@pytest.mark.parametrize("before", ["metrics.accuracy > ", "metrics.accuracy >> 1 AND ", "params.lr = 'ab"])
def test_nothing_is_offered_where_nothing_is_known(before: str) -> None:
    assert offered(before) == []


@given(st.text(max_size=40), st.integers(min_value=0, max_value=100))
def test_advice_on_whatever_is_typed_fits_into_the_text(text: str, offset: int) -> None:
    advice = advise(text, offset, KEYS, values=VALUES)
    assert isinstance(advice, FilterAdvice)
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    assert all(0 <= some.start <= some.end <= units for some in advice.completions)
