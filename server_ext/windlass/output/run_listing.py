"""What `%runs` gives back: a table as HTML in a notebook, as text elsewhere, as a DataFrame when asked."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from windlass.contract.runs import Run
from windlass.output.console import rendered
from windlass.output.runs import drawn_columns, runs_table, summary
from windlass.runs.found import FoundRuns

if TYPE_CHECKING:
    import pandas as pd


class RunListing:
    """Runs, to be looked at and to work with."""

    def __init__(self, found: FoundRuns) -> None:
        self._found = found

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs, the first first."""
        return tuple(self._found.page.items)

    def data_frame(self) -> pd.DataFrame:
        """The runs as a pandas DataFrame, a row for each. Raises Unavailable where there is no pandas."""
        return self._found.data_frame()

    def __len__(self) -> int:
        return len(self._found.page.items)

    def __repr__(self) -> str:
        told = summary(self._found)
        return f"{rendered(runs_table(self._found))}\n{told}" if self._found.page.items else told

    def _repr_html_(self) -> str:
        told = f"<p>{html.escape(summary(self._found))}</p>"
        if not self._found.page.items:
            return told
        columns = drawn_columns(self._found)
        sides = ["right" if column.is_right else "left" for column in columns]
        head = "".join(
            f'<th scope="col" style="text-align:{side}">{html.escape(column.heading)}</th>'
            for column, side in zip(columns, sides, strict=True)
        )
        rows = "".join(
            "<tr>"
            + "".join(
                f'<td style="text-align:{side}">{html.escape(cell.plain)}</td>'
                for cell, side in zip(row, sides, strict=True)
            )
            + "</tr>"
            for row in zip(*(column.cells for column in columns), strict=True)
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{told}"
