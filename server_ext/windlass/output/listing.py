"""What `%jobs` gives back: a table as HTML in a notebook, as text elsewhere."""

from __future__ import annotations

import html
from collections.abc import Sequence

from windlass.contract.jobs import Job
from windlass.output import text
from windlass.output.console import rendered
from windlass.output.jobs import jobs_table, short_ids

_HEADINGS = ("Job", "State", "Name", "Done", "Ranks", "Took", "Sent")


class JobListing:
    """Jobs, to be looked at."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = tuple(jobs)

    def __repr__(self) -> str:
        return rendered(jobs_table(self.jobs)) if self.jobs else "No jobs yet. %train sends this notebook."

    def _repr_html_(self) -> str:
        if not self.jobs:
            return html.escape(repr(self))
        ids = short_ids(self.jobs)
        head = "".join(f'<th scope="col" style="text-align:left">{heading}</th>' for heading in _HEADINGS)
        rows = "".join(f"<tr>{''.join(_cells(job, short=ids[job.id]))}</tr>" for job in self.jobs)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cells(job: Job, *, short: str) -> list[str]:
    words = (
        short,
        f"{text.symbol(job.state)} {job.state.value}",
        job.name,
        text.percent(job.progress.fraction),
        str(job.world_size),
        text.seconds(job.duration_seconds),
        text.ago(job.created_at),
    )
    return [f'<td style="text-align:left">{html.escape(text.one_line(word))}</td>' for word in words]
