"""What the command line and the magics ask about money: the same options, the same question to a server of the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import click

from windlass.connection import Connection
from windlass.contract.costs import CostBy, CostReport

MOST_ROWS = 10_000
ROWS = 50

Decorated = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class CostsWanted:
    """A question about money."""

    by: str
    since: str | None = None
    until: str | None = None
    limit: int = ROWS

    @property
    def query(self) -> dict[str, object]:
        """As the REST interface takes it."""
        return {"by": self.by, "start": self.since, "end": self.until, "limit": self.limit}


def cost_options(command: Decorated) -> Decorated:
    """Options of `windlass costs` and `%costs`; they become the fields of `CostsWanted`."""
    options = (
        click.option(
            "--by",
            type=click.Choice(get_args(CostBy)),
            default="job",
            show_default=True,
            help="What to sum up by; group and model are known to a hub only.",
        ),
        click.option("--since", metavar="DAY", help="First day, as 2026-11-01, in UTC.  [default: this month's first]"),
        click.option("--until", metavar="DAY", help="Last day.  [default: today]"),
        click.option(
            "--limit", type=click.IntRange(1, MOST_ROWS), default=ROWS, show_default=True, help="At most so many rows."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def report(connection: Connection, wanted: CostsWanted) -> CostReport:
    """The sums. Raises ClientError, and Unavailable where no server can be reached."""
    return connection.ask(lambda client: client.get(CostReport, "costs", query=wanted.query))


def table(connection: Connection, wanted: CostsWanted) -> str:
    """The sums as CSV, no cell of which is a formula. Raises as `report`."""
    return connection.ask(lambda client: client.text("costs", query=wanted.query, media_type="text/csv"))
