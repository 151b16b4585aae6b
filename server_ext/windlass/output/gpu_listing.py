"""What `%gpus` gives back: a table as HTML in a notebook, as text elsewhere."""

from __future__ import annotations

import html

from windlass.contract.gpus import GpuSnapshot
from windlass.output import text
from windlass.output.console import rendered
from windlass.output.gpus import HEADINGS, gpus_view, plain_rows, remarks


class GpuListing:
    """GPUs at one moment, to be looked at and to work with."""

    def __init__(self, snapshot: GpuSnapshot) -> None:
        self.snapshot = snapshot

    def __repr__(self) -> str:
        return rendered(gpus_view(self.snapshot))

    def _repr_html_(self) -> str:
        cell = '<td style="text-align:left;white-space:pre">{}</td>'.format
        head = "".join(f'<th scope="col" style="text-align:left">{heading}</th>' for heading in HEADINGS)
        rows = "".join(
            f"<tr>{''.join(cell(html.escape(word)) for word in words)}</tr>" for words in plain_rows(self.snapshot)
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
        said = "".join(f"<div>{html.escape(text.one_line(line))}</div>" for line, _style in remarks(self.snapshot))
        return table + said
