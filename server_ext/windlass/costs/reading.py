"""A price book from YAML: a file of an admin's or a person's, or the text of a ConfigMap's key.

Everything that is wrong is told at once, each with file and line. The text is composed and never constructed: no tag,
date or number of YAML's own is made of it, and whatever it holds, the worst is a book that is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from windlass.costs.book import CORE, GIB, Capacity, Entry, Kind, PriceBook, Shape, is_part_name, of_product

LARGEST_BYTES = 1024 * 1024
MOST_ENTRIES = 10_000
LARGEST_USD = 100_000
_MOST_PROBLEMS = 20
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,12})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_KINDS: tuple[Kind, ...] = ("gpu", "mig", "share", "node", "cpu", "memory", "storage")
_BY_NAME: dict[Kind, str] = {"cpu": CORE, "memory": GIB, "storage": GIB}
_SHAPE = ("gpus", "product", "cores", "memory_gib")
_COMMON = ("usd_per_hour", "capacity", "region", "valid_from", "valid_until", "source")
_TOP = ("version", "source", "assume_capacity", "list_prices", "prices")
_LIST_PRICES = Path(__file__).with_name("list_prices.yaml")


class PriceBookRefused(ValueError):
    """A text is no price book; `problems` are sentences, each with file and line, and `str()` is all of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_book(path: Path) -> PriceBook:
    """The book in a file. Raises PriceBookRefused."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise PriceBookRefused([f"{path}: it cannot be read: {error.strerror}."]) from error
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise PriceBookRefused([f"{path}:{line}: this is no UTF-8 text."]) from error
    return parse_book(text, name=str(path))


def parse_book(text: str, *, name: str) -> PriceBook:
    """The book in a text; `name` says in errors and sources where it is from. Raises PriceBookRefused."""
    return _Reader(name).book(text)


@cache
def list_prices() -> PriceBook:
    """The prices that come with Windlass."""
    name = "list prices"
    return _Reader(name, listed=True).book(_LIST_PRICES.read_text(encoding="utf-8"))


@dataclass(frozen=True, kw_only=True)
class _Scalar:
    text: str
    line: int


class _Reader:
    """Reads one text. Problems are collected; each method answers None for what was wrong."""

    def __init__(self, name: str, *, listed: bool = False) -> None:
        self._name = name
        self._listed = listed
        self._source = ""
        self._problems: list[str] = []

    def book(self, text: str) -> PriceBook:
        """Raises PriceBookRefused."""
        fields = self._fields(self._composed(text), known=_TOP, what="a price book")
        if "version" not in fields:
            self._problem(1, "A price book begins with `version: 1`.")
        elif self._text(fields["version"]) not in (None, "1"):
            self._problem(_line(fields["version"]), "This version of Windlass reads `version: 1`.")
        self._source = (self._text(fields["source"]) or "") if "source" in fields else ""
        assumed = self._capacity(fields["assume_capacity"]) if "assume_capacity" in fields else None
        with_list = self._yes(fields["list_prices"]) if "list_prices" in fields else False
        entries = [*self._entries(fields.get("prices"))]
        self._refuse_doubles(entries)
        if self._problems:
            raise PriceBookRefused(self._problems)
        return PriceBook(entries, assumed_capacity=assumed, otherwise=list_prices() if with_list else None)

    def _composed(self, text: str) -> yaml.Node:
        if len(text) > LARGEST_BYTES:
            raise PriceBookRefused([f"{self._name}: it is larger than {LARGEST_BYTES} bytes."])
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{self._name}:{mark.line + 1}" if mark is not None else self._name
            raise PriceBookRefused([f"{where}: this is no YAML: {error.problem or error.context}."]) from error
        except yaml.YAMLError as error:
            where = f"{self._name}:{_line_of_character(text, error)}"
            raise PriceBookRefused([f"{where}: this is no YAML: a character that must not be there."]) from error
        except (RecursionError, ValueError) as error:
            raise PriceBookRefused([f"{self._name}: this is nested too deeply to be a price book."]) from error
        if node is None:
            raise PriceBookRefused([f"{self._name}:1: the price book is empty."])
        return node

    def _entries(self, node: yaml.Node | None) -> Iterator[Entry]:
        if node is None:
            return
        if not isinstance(node, yaml.SequenceNode):
            self._problem(_line(node), "`prices` is a list: write each price behind `- `.")
            return
        if len(node.value) > MOST_ENTRIES:
            self._problem(_line(node), f"These are more than {MOST_ENTRIES} prices.")
            return
        for item in node.value:
            entry = self._entry(item)
            if entry is not None:
                yield entry

    def _entry(self, node: yaml.Node) -> Entry | None:
        before, line = len(self._problems), _line(node)
        fields = self._fields(node, known=(*_KINDS, "of", *_COMMON, *_SHAPE), what="a price")
        kinds = [kind for kind in _KINDS if kind in fields]
        if len(kinds) != 1:
            self._problem(line, f"A price is of one thing: {', '.join(_KINDS[:-1])} or {_KINDS[-1]}.")
            return None
        kind = kinds[0]
        name = self._name_of(kind, fields, line)
        usd = self._money(fields, line)
        shape = self._shape(kind, fields)
        capacity = self._capacity(fields["capacity"]) if "capacity" in fields else "on-demand"
        begins = self._moment(fields["valid_from"]) if "valid_from" in fields else None
        ends = self._moment(fields["valid_until"], last=True) if "valid_until" in fields else None
        if begins is not None and ends is not None and ends <= begins:
            self._problem(_line(fields["valid_until"]), "`valid_until` lies before `valid_from`.")
        region = self._text(fields["region"]) if "region" in fields else None
        source = self._text(fields["source"]) if "source" in fields else None
        if len(self._problems) > before or name is None or usd is None or capacity is None:
            return None
        return Entry(
            kind=kind,
            name=name,
            usd_per_hour=usd,
            capacity=capacity,
            region=region,
            valid_from=begins,
            valid_until=ends,
            source=source or self._source or f"{self._name}:{line}",
            listed=self._listed,
            shape=shape,
            line=line,
        )

    def _name_of(self, kind: Kind, fields: dict[str, yaml.Node], line: int) -> str | None:
        text = self._text(fields[kind])
        if text is None:
            return None
        if kind in _BY_NAME:
            if text.casefold() != _BY_NAME[kind].casefold():
                self._problem(_line(fields[kind]), f"Write `{kind}: {_BY_NAME[kind]}`: its price is that of one.")
                return None
            return _BY_NAME[kind]
        if kind in ("mig", "share"):
            return self._part_name(kind, text, fields, line)
        if "of" in fields:
            self._problem(_line(fields["of"]), "`of` names the card of a mig or share.")
        return text

    def _part_name(self, kind: Kind, text: str, fields: dict[str, yaml.Node], line: int) -> str | None:
        if not is_part_name(kind, text):
            example = "2g.10gb" if kind == "mig" else "1/4"
            self._problem(_line(fields[kind]), f"Write a {kind} as {example}.")
        product = self._text(fields["of"]) if "of" in fields else None
        if "of" not in fields:
            self._problem(line, f"A {kind} needs the card that it is of, as `of: NVIDIA-A100-SXM4-40GB`.")
        return None if product is None else of_product(text, product)

    def _shape(self, kind: Kind, fields: dict[str, yaml.Node]) -> Shape | None:
        given = [name for name in _SHAPE if name in fields]
        if kind != "node":
            for name in given:
                self._problem(_line(fields[name]), f"`{name}` says what a node has: it is for `node`.")
            return None
        if not given:
            return None
        gpus = self._number(fields["gpus"], most=1024) if "gpus" in fields else Fraction(0)
        if gpus is not None and gpus.denominator != 1:
            self._problem(_line(fields["gpus"]), "A node has whole GPUs.")
        return Shape(
            gpus=int(gpus or 0),
            product=self._text(fields["product"]) if "product" in fields else None,
            cores=self._number(fields["cores"], most=100_000) if "cores" in fields else None,
            memory_gib=self._number(fields["memory_gib"], most=1_000_000) if "memory_gib" in fields else None,
        )

    def _money(self, fields: dict[str, yaml.Node], line: int) -> Fraction | None:
        if "usd_per_hour" not in fields:
            self._problem(line, "A price needs `usd_per_hour`.")
            return None
        return self._number(fields["usd_per_hour"], most=LARGEST_USD)

    def _number(self, node: yaml.Node, *, most: int) -> Fraction | None:
        text = self._text(node)
        if text is None:
            return None
        number = Fraction(text) if _NUMBER.fullmatch(text) else None
        if number is None or number > most:
            self._problem(_line(node), f"{_shown(text)} is no number from 0 to {most}: write it as 0.526.")
            return None
        return number

    def _capacity(self, node: yaml.Node) -> Capacity | None:
        text = self._text(node)
        if text == "on-demand":
            return "on-demand"
        if text == "spot":
            return "spot"
        if text is not None:
            self._problem(_line(node), f"{_shown(text)} is no capacity: write on-demand or spot.")
        return None

    def _yes(self, node: yaml.Node) -> bool:
        text = self._text(node)
        if text not in (None, "true", "false"):
            self._problem(_line(node), f"{_shown(text or '')} is neither true nor false.")
        return text == "true"

    def _moment(self, node: yaml.Node, *, last: bool = False) -> float | None:
        """POSIX seconds: midnight UTC of a date (after it, for the `last` on which a price holds), or a moment."""
        text = self._text(node)
        if text is None:
            return None
        try:
            if _DAY.fullmatch(text):
                day = date.fromisoformat(text) + timedelta(days=1 if last else 0)
                return datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp()
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            if moment.tzinfo is not None:
                return moment.timestamp()
        except (ValueError, OverflowError):
            pass
        self._problem(
            _line(node), f"{_shown(text)} is no day (2026-01-31, of UTC) and no moment (2026-01-31T08:00:00+01:00)."
        )
        return None

    def _fields(self, node: yaml.Node, *, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._problem(_line(node), f"This is not {what}: write fields with their values, as `usd_per_hour: 0.526`.")
            return {}
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name not in known:
                self._problem(_line(key), f"{_shown(name)} is no field of {what}: it has {', '.join(known)}.")
            elif name in found:
                self._problem(_line(key), f"`{name}` stands here twice.")
            else:
                found[name] = value
        return found

    def _text(self, node: yaml.Node) -> str | None:
        text = node.value.strip() if isinstance(node, yaml.ScalarNode) else ""
        if not text or len(text) > 300 or not text.isprintable():
            self._problem(_line(node), "Here a short text or a number is missing.")
            return None
        return text

    def _refuse_doubles(self, entries: list[Entry]) -> None:
        """Two prices of one thing at one time: nobody could say which holds."""
        seen: dict[tuple[Any, ...], list[Entry]] = {}
        for entry in entries:
            others = seen.setdefault((entry.key, entry.capacity, entry.region), [])
            other = next((each for each in others if _overlap(each, entry)), None)
            if other is not None:
                at = entry.line or 1
                self._problem(at, f"{entry.what} has a price for this time already, in line {other.line}.")
            others.append(entry)

    def _problem(self, line: int, sentence: str) -> None:
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(f"{self._name}:{line}: {sentence}")


def _overlap(one: Entry, other: Entry) -> bool:
    def before(left: Entry, right: Entry) -> bool:
        return left.valid_until is not None and right.valid_from is not None and left.valid_until <= right.valid_from

    return not before(one, other) and not before(other, one)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _line_of_character(text: str, error: yaml.YAMLError) -> int:
    return text.count("\n", 0, int(getattr(error, "position", 0) or 0)) + 1


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
