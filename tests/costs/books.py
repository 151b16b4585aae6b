"""Books and holders for the tests of money, and what Hypothesis makes of them."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from windlass.costs.book import CORE, GIB, Entry, PriceBook
from windlass.costs.holding import Held
from windlass.costs.reading import parse_book

A100 = "NVIDIA-A100-SXM4-40GB"
T0 = 1_790_000_000.0
"""2026-09-21, in UTC."""
HOUR = 3600.0
DAY = 86_400.0

BOOK = parse_book(
    f"""
version: 1
assume_capacity: on-demand
prices:
- {{gpu: {A100}, usd_per_hour: 30}}
- {{gpu: {A100}, usd_per_hour: 9, capacity: spot}}
- {{gpu: Tesla-T4, usd_per_hour: 0.4}}
- {{mig: 1g.5gb, of: {A100}, usd_per_hour: 4}}
- {{share: 1/2, of: Tesla-T4, usd_per_hour: 0.25}}
- {{node: p4d.24xlarge, usd_per_hour: 240, gpus: 8, cores: 96, memory_gib: 1152}}
- {{node: m5.large, usd_per_hour: 0.1, cores: 2, memory_gib: 8}}
- {{cpu: core, usd_per_hour: 0.03}}
- {{memory: GiB, usd_per_hour: 0.004}}
- {{storage: GiB, usd_per_hour: 0.0001}}
""",
    name="book.yaml",
)


def held(**changes: Any) -> Held:
    """Something that holds nothing for an hour, changed."""
    return Held(**{"title": "worker 0", "since": T0, "until": T0 + HOUR, "capacity": "on-demand", **changes})


moments = st.floats(min_value=T0 - 5 * DAY, max_value=T0 + 5 * DAY, allow_nan=False).map(lambda at: round(at, 3))
money = st.decimals(min_value=0, max_value=1000, places=6).map(Fraction)


@st.composite
def holders(draw: st.DrawFn, *, known: bool = False) -> Held:
    """Anything that may be held; with `known`, so that nothing about it is unknown."""
    since, until = sorted((draw(moments), draw(moments)))
    maybe = st.nothing() if known else st.none()
    return Held(
        title="worker 0",
        since=draw(maybe | st.just(since)),
        until=draw(maybe | st.just(until)),
        ended=True if known else draw(st.booleans()),
        capacity=draw(maybe | st.sampled_from(["on-demand", "spot"])),
        instance_type=draw(st.sampled_from([None, "p4d.24xlarge", "x1.unknown"])),
        gpus=draw(maybe | st.integers(0, 8)),
        product=draw(maybe | st.just(A100)),
        mig_profile=draw(st.sampled_from([None, "1g.5gb", "2g.10gb"])),
        shares=draw(st.sampled_from([None, 2, 4])),
        cores=draw(maybe | st.floats(0, 96)),
        memory_gib=draw(maybe | st.floats(0, 1152)),
    )


@st.composite
def books(draw: st.DrawFn, *, whole: bool = False) -> PriceBook:
    """Prices that change at moments; with `whole`, one for everything at any time."""
    named = [("gpu", A100), ("mig", f"2g.10gb of {A100}"), ("cpu", CORE), ("memory", GIB), ("node", "p4d.24xlarge")]
    entries: list[Entry] = []
    for kind, name in named:
        optional = kind in ("mig", "node")
        for capacity in ("on-demand", "spot"):
            if (optional or not whole) and draw(st.booleans()):
                continue
            cuts = sorted(set(draw(st.lists(moments, max_size=3))))
            bounds = [None, *cuts, None] if whole or draw(st.booleans()) else [*cuts, None]
            entries += [
                Entry(
                    kind=kind,
                    name=name,
                    capacity=capacity,
                    usd_per_hour=draw(money),
                    valid_from=left,
                    valid_until=right,
                )  # type: ignore[arg-type]
                for left, right in pairwise(bounds)
            ]
    return PriceBook(entries)
