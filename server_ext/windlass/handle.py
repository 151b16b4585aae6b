"""What `%train` gives back: a job to ask, wait for and stop from Python.

job = %train --processes 2
job.state          # JobState.RUNNING, read afresh
job.wait()         # blocks; interrupting it leaves the job running
print(job.logs())
job.save_notebook("result.ipynb")
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windlass.connection import Connection
from windlass.contract.jobs import Job, JobState, LogSegment
from windlass.output import text
from windlass.output.console import rendered
from windlass.output.jobs import job_detail, short_ids

if TYPE_CHECKING:
    from windlass.widgets import JobCard

_POLL_SECONDS = 0.5


class JobHandle:
    """One job. Shown in a notebook as a live card, elsewhere as text."""

    def __init__(self, *, connection: Connection, job: Job, live: bool) -> None:
        self._connection = connection
        self._job = job
        self._live = live
        self._card: JobCard | None = None

    @property
    def id(self) -> str:
        """The job's id."""
        return self._job.id

    @property
    def state(self) -> JobState:
        """The job's state now."""
        return self.refresh().state

    @property
    def last_seen(self) -> Job:
        """The whole job as it was when last asked for."""
        return self._job

    def refresh(self, *, start_server: bool = True) -> Job:
        """The whole job as it is now. Raises ClientError or Unavailable when no server answers."""
        if not self._job.state.is_final:
            job = self._connection.ask(lambda client: client.job(self.id), start_server=start_server)
            if job.version >= self._job.version:
                self._job = job
        return self._job

    def wait(self, timeout_seconds: float | None = None) -> JobState:
        """Block until the job has ended; its final state. The job goes on when this is interrupted.

        Raises:
            TimeoutError: it has not ended within `timeout_seconds`.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while not self.refresh().state.is_final:
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"{self.id} is still {self._job.state.value} after {timeout_seconds:g} s.")
            time.sleep(_POLL_SECONDS)
        return self._job.state

    def segments(self, *, rank: int | None = None, until_end: bool = False) -> Iterator[LogSegment]:
        """The job's output piece by piece; `until_end` goes on until the job has ended."""
        return self._connection.output(self.id, rank=rank, until_end=until_end)

    def new_output(self, offset: int) -> tuple[str, int]:
        """What came since `offset` (0, or what this returned before), all ranks merged, and where it ends by now."""
        page = self._connection.ask(lambda client: client.logs(self.id, offset=offset), start_server=False)
        return "".join(segment.text for segment in page.segments), page.next_offset

    def logs(self, *, rank: int | None = None) -> str:
        """What the job has printed by now: of one rank, or of all merged."""
        return text.lines("".join(segment.text for segment in self.segments(rank=rank)))

    def stop(self, reason: str | None = None) -> JobState:
        """End the job for good, with all its processes."""
        if not self._job.state.is_final:
            self._job = self._connection.ask(lambda client: client.stop(self.id, reason))
        return self._job.state

    def notebook(self) -> dict[str, Any]:
        """The executed notebook (nbformat JSON) as it is now, also while the job runs."""
        return self._connection.ask(lambda client: client.notebook(self.id))

    def save_notebook(self, path: str | Path) -> Path:
        """Write the executed notebook, as it is now, to `path`."""
        import json

        target = Path(path)
        target.write_text(json.dumps(self.notebook(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return target

    def __repr__(self) -> str:
        job = self._job
        short = short_ids([job])[job.id]
        return f"<windlass job {short} {text.one_line(job.name)!r}: {job.state.value}>"

    def describe(self) -> str:
        """All that is worth knowing about the job, as text."""
        return rendered(job_detail(self._job))

    def _repr_mimebundle_(self, **_selection: object) -> dict[str, object]:
        """The live card where it can be shown, and text for all else."""
        bundle: dict[str, object] = {"text/plain": self.describe()}
        card = self._make_card() if self._live else None
        if card is not None:
            view = card._repr_mimebundle_()
            bundle = {**view, **bundle}
        return bundle

    def _make_card(self) -> JobCard | None:
        if self._card is None or self._card.is_closed:
            try:
                from windlass.widgets import JobCard
            except ImportError:
                return None
            self._card = JobCard(handle=self)
        return self._card
