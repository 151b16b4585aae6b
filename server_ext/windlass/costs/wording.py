"""Amounts as sentences have them: money, memory, parts, and how many of something there are.

What is small is never rounded to nothing: `$0.00`, `0 GB` and `0 %` are said of what is nothing, and of nothing else.
"""

from __future__ import annotations

from fractions import Fraction

GIB = 2**30


def dollars(amount: Fraction | float) -> str:
    """`$3,600.00`; below ten cents in two digits, as `$0.0042`."""
    return f"${figure(amount)}"


def figure(amount: Fraction | float) -> str:
    """`3,600.00`; below a tenth in two digits, as `0.0042`."""
    value = float(amount)
    return f"{value:,.2f}" if value == 0 or abs(value) >= 0.095 else _two_digits(value)


def count(amount: float, noun: str) -> str:
    """`1 core`, `2.5 cores`, `1,024 cores`; of a noun whose plural has an s."""
    return f"{amount:,.6g} {noun}" + ("" if amount == 1 else "s")


def gpu_memory(of_bytes: float) -> str:
    """`8 GB`, `9.6 GB`: as cards are named, whose GB are of 2^30 bytes."""
    return f"{memory_number(of_bytes)} GB"


def memory_number(of_bytes: float) -> str:
    """The number alone: one digit behind the point, where it says something."""
    gib = of_bytes / GIB
    if 0 < gib < 0.05:
        return "less than 0.1"
    return f"{gib:,.1f}".removesuffix(".0")


def host_memory(gib: float) -> str:
    """`12 GiB`, `0.25 GiB`."""
    if 0 < gib < 0.05:
        return "less than 0.1 GiB"
    text = f"{gib:,.2f}" if gib < 10 else f"{gib:,.1f}"
    return text.rstrip("0").rstrip(".") + " GiB"


def percent(part: float) -> str:
    """`31 %`; `<1 %` and `>99 %` of what is not quite nothing and not quite all."""
    if 0 < part < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 < part < 1 else f"{part:.0%}".replace("%", " %")


def span(seconds: float) -> str:
    """`40 s`, `5 min`."""
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def _two_digits(value: float) -> str:
    text = f"{value:.12f}"
    digits = next((place for place, letter in enumerate(text.partition(".")[2]) if letter != "0"), None)
    if digits is None:
        return f"{value:.2g}"
    rounded = f"{value:.{digits + 2}f}"
    return rounded.removesuffix("0") if digits > 0 else rounded
