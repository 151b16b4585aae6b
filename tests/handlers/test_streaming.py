"""The header that names a file, for names of any kind."""

from __future__ import annotations

from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from windlass.handlers.streaming import disposition

NAMES = st.text(st.characters(exclude_categories=("Cs",)))


@given(NAMES, st.booleans())
def test_any_name_makes_one_header_of_printable_ascii(name: str, inline: bool) -> None:
    header = disposition(inline=inline, name=name)
    assert header.isascii()
    assert header.isprintable()
    kind, plain, encoded = split(header)
    assert kind == ("inline" if inline else "attachment")
    assert '"' not in plain
    assert 0 < len(unquote(encoded)) <= 200
    assert not set(unquote(encoded)) & set("/\\\r\n\0\u202e")


@given(st.text(st.sampled_from("abc äöü🚀.-_ '(){}<>;=%\""), min_size=1, max_size=100))
def test_what_is_harmless_in_a_name_is_kept(name: str) -> None:
    assert unquote(split(disposition(inline=False, name=name))[2]) == name


def test_a_long_name_keeps_its_suffix() -> None:
    assert unquote(split(disposition(inline=False, name="x" * 500 + ".parquet"))[2]).endswith("x.parquet")
    assert disposition(inline=False, name="").startswith('attachment; filename="file"')


def split(header: str) -> tuple[str, str, str]:
    start, encoded = header.split("; filename*=UTF-8''")
    kind, plain = start.split('; filename="')
    assert plain.endswith('"')
    return kind, plain[:-1], encoded
