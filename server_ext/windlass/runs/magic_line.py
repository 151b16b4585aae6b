"""A magic's line with a filter in it: `%runs params.optimizer = 'adam' --sort accuracy`.

In a shell the filter is one word in quotes. On a magic's line it stands as it is, and its own quotes, which a shell's
rules would take away, are part of it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

import click

from windlass.kernel_values import value_of

_WORD = re.compile(r"""(?:[^\s'"`]|'[^']*'|"[^"]*"|`[^`]*`|['"`])+""")
_OPTION = re.compile(r"--?[A-Za-z]")
_VALUE = re.compile(r"""(?P<kept>`[^`]*`|(?P<quote>['"])\{(?P<inside>[^\W\d]\w*)\}(?P=quote)|'[^']*'|"[^"]*")"""
                    r"""|\{(?P<bare>[^\W\d]\w*)\}""")  # fmt: skip


def split_filter(line: str, *, command: click.Command) -> tuple[list[str], str]:
    """The options on a line as words, and the filter: all that belongs to none of them.

    Raises:
        ValueError: an option's value has a quote without an end.
    """
    flags = {
        name: option.is_flag for option in command.params if isinstance(option, click.Option) for name in option.opts
    }
    options: list[str] = []
    pieces: list[tuple[int, int]] = []
    words = _WORD.finditer(line)
    for word in words:
        if _OPTION.match(word[0]):
            options += _unquoted(word[0])
            if flags.get(word[0]) is False and (value := next(words, None)) is not None:
                options += _unquoted(value[0]) or [""]
        elif pieces and not line[pieces[-1][1] : word.start()].strip():
            pieces[-1] = (pieces[-1][0], word.end())
        else:
            pieces.append((word.start(), word.end()))
    return options, _without_quotes(" ".join(line[start:end] for start, end in pieces))


def with_values(text: str, variables: Mapping[str, object]) -> str:
    """The filter with the values of a kernel's variables for `{name}` and `'{name}'`.

    Raises:
        ValueError: there is no such variable, or its value cannot stand in a filter.
    """

    def value(match: re.Match[str]) -> str:
        if match["bare"]:
            found = value_of(match["bare"], variables)
            is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
            return repr(found) if is_number else _quoted(found, match["bare"])
        if match["inside"]:
            return _quoted(value_of(match["inside"], variables), match["inside"])
        return match["kept"]

    return _VALUE.sub(value, text)


def _unquoted(word: str) -> list[str]:
    try:
        return shlex.split(word)
    except ValueError as error:
        raise ValueError(f"{error} in {word}") from None


def _without_quotes(text: str) -> str:
    """A filter may be put into quotes as in a shell: no filter is one quoted text."""
    whole = _WORD.fullmatch(text)
    is_quoted = whole is not None and len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if is_quoted and text[0] not in text[1:-1] else text


def _quoted(value: object, name: str) -> str:
    text = str(value)
    for quote in ("'", '"'):
        if quote not in text and not isinstance(value, (list, dict)):
            return f"{quote}{text}{quote}"
    raise ValueError(f"The value of {name} cannot stand in a filter: it has both kinds of quotes, or is a list.")
