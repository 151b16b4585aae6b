"""Reads YAML that somebody else wrote, within bounds.

A few lines of aliases unfold to gigabytes, deep nesting ends the interpreter's (or libyaml's) stack, and of a key that
is there twice YAML silently takes the second. The text is walked once as a stream of events, which costs
nothing like that, and built only when it is plain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

LONGEST = 512 * 1024  # characters; a ConfigMap holds 1 MiB with its history
_DEEPEST = 20
_MOST = 50_000  # keys, values and items; 500 profiles have about 20,000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NotPlainYaml(ValueError):
    """The text is no YAML, or more than plain YAML; `str()` says what and in which line."""


@dataclass
class _Open:
    """A mapping or list that has begun; of a mapping, the keys so far and whether the next node is one."""

    mapping: bool
    at_key: bool = True
    keys: set[str] = field(default_factory=set)


def read_yaml(text: str) -> Any:
    """The one document in the text, as plain Python values; None when there is none.

    Raises:
        NotPlainYaml: it is no YAML, too big, too deep, has aliases, tags, or the same key twice.
    """
    if len(text) > LONGEST:
        raise NotPlainYaml(f"This is too big: at most {LONGEST // 1024} KiB.")
    try:
        _walk(text)
        return yaml.load(text, Loader=_LOADER)  # noqa: S506  (a safe loader in either case)
    except NotPlainYaml:
        raise
    except (yaml.YAMLError, UnicodeError) as error:
        raise NotPlainYaml(f"This is no YAML: {_one_line(error)}") from None
    except (ValueError, OverflowError):  # the loader makes numbers and dates of what looks like them
        raise NotPlainYaml("This is no YAML: a number or a date in it cannot be read.") from None


def _walk(text: str) -> None:
    around: list[_Open] = []
    nodes = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise NotPlainYaml(f"Line {line}: aliases (*{event.anchor[:40]}) cannot be used here; write it out.")
        if isinstance(event, yaml.NodeEvent):
            _node(event, around, line)
            nodes += 1
            if nodes > _MOST:
                raise NotPlainYaml(f"Line {line}: this is too much for one catalogue.")
        if isinstance(event, yaml.CollectionStartEvent):
            around.append(_Open(isinstance(event, yaml.MappingStartEvent)))
            if len(around) > _DEEPEST:
                raise NotPlainYaml(f"Line {line}: this is nested too deep.")
        elif isinstance(event, yaml.CollectionEndEvent):
            around.pop()


def _node(event: yaml.NodeEvent, around: list[_Open], line: int) -> None:
    """A scalar, list or mapping begins: it is a key, a value or an item of what is around it."""
    if getattr(event, "tag", None) is not None:
        raise NotPlainYaml(f"Line {line}: tags ({event.tag[:40]}) cannot be used here.")
    if not around or not around[-1].mapping:
        return
    inside = around[-1]
    if inside.at_key and isinstance(event, yaml.ScalarEvent):
        if event.value in inside.keys:
            raise NotPlainYaml(f"Line {line}: {event.value[:60]} is there twice.")
        inside.keys.add(event.value)
    inside.at_key = not inside.at_key


def _one_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark, around = error.problem_mark, f" ({error.context})" if error.context else ""
        text = f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}{around}"
    else:
        text = str(error).replace('in "<unicode string>", ', "at ")
    return " ".join(text.split())[:300]
