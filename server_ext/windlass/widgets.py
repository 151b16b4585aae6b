"""The live card under `%train`: state, progress, the end of the output, and a Stop button.

One background thread per card asks the server and ends with the job or the card. The kernel's own thread is never
held up: it is free for the next cell as soon as the card is shown.
"""

from __future__ import annotations

import html
import threading
from collections import deque
from typing import TYPE_CHECKING

import ipywidgets

from windlass.client import ClientError
from windlass.contract.jobs import Job, JobState
from windlass.errors import WindlassError
from windlass.output import text
from windlass.output.progress import step

if TYPE_CHECKING:
    from windlass.handle import JobHandle

_TAIL_LINES = 12
_POLL_SECONDS = 1.0
_AWAY_SECONDS = 5.0
_COLOURS = {
    JobState.RUNNING: "var(--jp-brand-color1, #1976d2)",
    JobState.SUCCEEDED: "var(--jp-success-color1, #2e7d32)",
    JobState.FAILED: "var(--jp-error-color1, #c62828)",
    JobState.LOST: "var(--jp-error-color1, #c62828)",
    JobState.RESTARTING: "var(--jp-warn-color1, #b26a00)",
}
_BAR_STYLES = {JobState.SUCCEEDED: "success", JobState.FAILED: "danger", JobState.LOST: "danger"}


class JobCard(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets is not typed
    """A card that shows a job until it ends or the card is closed."""

    def __init__(self, *, handle: JobHandle) -> None:
        self._handle = handle
        self._closed = threading.Event()
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._offset = 0
        self._head = ipywidgets.HTML()
        self._bar = ipywidgets.FloatProgress(min=0.0, max=1.0, layout={"width": "12em"})
        self._at = ipywidgets.HTML()
        self._stop = ipywidgets.Button(
            description="Stop", icon="stop", tooltip="End this job for good", layout={"width": "auto"}
        )
        self._stop.on_click(self._on_stop)
        self._output = ipywidgets.HTML()
        row = ipywidgets.HBox([self._bar, self._at, self._stop], layout={"align_items": "center"})
        super().__init__([self._head, row, self._output])
        self.add_class("windlass-job-card")
        self._show(handle.last_seen)
        self._thread = threading.Thread(target=self._watch, name=f"windlass card {handle.id}", daemon=True)
        self._thread.start()

    @property
    def is_closed(self) -> bool:
        """Whether the card was closed, so that it can no longer be shown."""
        return self._closed.is_set()

    def close(self) -> None:
        """Take the card away and let its thread end."""
        self._closed.set()
        super().close()

    def _watch(self) -> None:
        while not self._closed.is_set():
            try:
                job = self._handle.refresh(start_server=False)
                more = self._read_output()
            except (ClientError, WindlassError) as error:
                self._at.value = _paragraph(f"The server does not answer; asking again. {error}")
                self._closed.wait(_AWAY_SECONDS)
                continue
            if self._closed.is_set():
                return
            self._show(job)
            if job.state.is_final and not more:
                return
            self._closed.wait(0.0 if more else _POLL_SECONDS)

    def _read_output(self) -> bool:
        new, offset = self._handle.new_output(self._offset)
        grown = offset != self._offset
        self._offset = offset
        if new:
            lines = (self._tail.pop() if self._tail else "") + new
            self._tail.extend(lines.split("\n")[-_TAIL_LINES:])
        return grown

    def _on_stop(self, _button: object) -> None:
        self._stop.disabled = True
        self._stop.description = "Stopping"
        threading.Thread(target=self._stop_job, name=f"windlass stop {self._handle.id}", daemon=True).start()

    def _stop_job(self) -> None:
        try:
            self._handle.stop("stopped from its card")
            self._show(self._handle.last_seen)
        except (ClientError, WindlassError) as error:
            self._stop.disabled = False
            self._stop.description = "Stop"
            self._at.value = _paragraph(f"It could not be stopped: {error}")

    def _show(self, job: Job) -> None:
        fraction = job.progress.fraction
        with self.hold_sync():
            self._head.value = _heading(job)
            self._bar.value = 1.0 if job.state is JobState.SUCCEEDED else fraction or 0.0
            self._bar.bar_style = _BAR_STYLES.get(job.state, "")
            took = text.seconds(job.duration_seconds)
            words = (text.percent(fraction), took, "" if job.state.is_final else step(job))
            self._at.value = _paragraph("  ".join(word for word in words if word))
            self._stop.layout.display = "none" if job.state.is_final else None
            self._output.value = _log(text.lines("\n".join(self._tail)))


def _heading(job: Job) -> str:
    colour = _COLOURS.get(job.state, "var(--jp-ui-font-color1, inherit)")
    state = f'<span style="color:{colour};font-weight:600">{text.symbol(job.state)} {job.state.value}</span>'
    place = text.place(job)
    why = job.error.ename + ": " + job.error.evalue if job.error is not None else job.reason
    detail = ": ".join(part for part in (place, why) if part)
    notes = "".join(f"<div>note: {_escaped(note)}</div>" for note in job.notices)
    below = f"<div>{_escaped(detail)}</div>" if detail else ""
    return (
        f'<div role="status" aria-live="polite">{state} <b>{_escaped(job.name)}</b> '
        f"<code>{_escaped(job.id)}</code>{below}{notes}</div>"
    )


def _paragraph(words: str) -> str:
    return f'<span style="color:var(--jp-ui-font-color2, inherit)">{_escaped(words)}</span>'


def _log(tail: str) -> str:
    if not tail.strip():
        return ""
    style = (
        "margin:0;max-height:18em;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.3;"
        "font-family:var(--jp-code-font-family, monospace);font-size:var(--jp-code-font-size, 13px);"
    )
    return f'<pre style="{style}" tabindex="0" aria-label="End of the output">{html.escape(tail)}</pre>'


def _escaped(words: str) -> str:
    return html.escape(text.one_line(words))
