"""Messages of the one WebSocket. Text frames, one JSON object each, told apart by `type`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from windlass.contract.base import WireModel
from windlass.contract.gpus import GpuHistory, GpuReading, GpuSnapshot
from windlass.contract.jobs import Job, LogPage
from windlass.contract.problem import Problem


class SubscribeJobs(WireModel):
    """Client: tell me about jobs, from this cursor on."""

    type: Literal["subscribe_jobs"] = "subscribe_jobs"
    cursor: str | None = None
    """From the last `jobs` message of any earlier connection; null or one too old brings the whole list."""


class SubscribeLog(WireModel):
    """Client: send a job's output from an offset on, until told to stop."""

    type: Literal["subscribe_log"] = "subscribe_log"
    job_id: str
    rank: int | None = None
    """null: all ranks merged."""
    offset: int = Field(default=0, ge=0)


class UnsubscribeLog(WireModel):
    """Client: enough of this output."""

    type: Literal["unsubscribe_log"] = "unsubscribe_log"
    job_id: str
    rank: int | None = None


class SubscribeNotebook(WireModel):
    """Client: tell me when a job's executed notebook has changed."""

    type: Literal["subscribe_notebook"] = "subscribe_notebook"
    job_id: str


class UnsubscribeNotebook(WireModel):
    """Client: enough of this notebook."""

    type: Literal["unsubscribe_notebook"] = "unsubscribe_notebook"
    job_id: str


class SubscribeGpus(WireModel):
    """Client: tell me about GPUs, every second while I look."""

    type: Literal["subscribe_gpus"] = "subscribe_gpus"


class UnsubscribeGpus(WireModel):
    """Client: nobody looks any more."""

    type: Literal["unsubscribe_gpus"] = "unsubscribe_gpus"


class Saved(WireModel):
    """Client: the answer to `save`."""

    type: Literal["saved"] = "saved"
    nonce: str
    result: Literal["saved", "unchanged", "not_open", "failed"]
    message: str | None = None


class Hello(WireModel):
    """Server: the first message."""

    type: Literal["hello"] = "hello"
    server_version: str


class JobsEvent(WireModel):
    """Server: jobs that are new or changed, and ids of those removed."""

    type: Literal["jobs"] = "jobs"
    cursor: str
    reset: bool
    """The list is whole: forget all that is not in it."""
    jobs: list[Job]
    removed: list[str]


class LogEvent(WireModel):
    """Server: more output."""

    type: Literal["log"] = "log"
    job_id: str
    rank: int | None
    page: LogPage


class NotebookEvent(WireModel):
    """Server: the executed notebook is now at this version."""

    type: Literal["notebook"] = "notebook"
    job_id: str
    version: str


class GpusEvent(WireModel):
    """Server: the whole of it, first and whenever a device, an owner, a group, an alarm or a condition has changed."""

    type: Literal["gpus"] = "gpus"
    snapshot: GpuSnapshot
    recent: GpuHistory | None = None
    """With the first: the last minutes, for the sparklines."""


class GpuReadingsEvent(WireModel):
    """Server: new readings of devices that the last `gpus` message had; few bytes, each second."""

    type: Literal["gpu_readings"] = "gpu_readings"
    readings: dict[str, GpuReading]
    """By `GpuDevice.id`; those that are not named have none."""
    engine: float | None = None
    usd_per_hour: float | None = None
    job_usd: dict[str, float] = Field(default_factory=dict)
    """What running jobs cost so far, by id; where it is known."""


class SaveRequest(WireModel):
    """Server: save this notebook if you have it open, and answer with `saved`."""

    type: Literal["save"] = "save"
    nonce: str
    path: str


class ProblemEvent(WireModel):
    """Server: a message of yours could not be served."""

    type: Literal["problem"] = "problem"
    job_id: str | None = None
    problem: Problem


ClientMessage = Annotated[
    SubscribeJobs
    | SubscribeLog
    | UnsubscribeLog
    | SubscribeNotebook
    | UnsubscribeNotebook
    | SubscribeGpus
    | UnsubscribeGpus
    | Saved,
    Field(discriminator="type"),
]
ServerMessage = Annotated[
    Hello | JobsEvent | LogEvent | NotebookEvent | GpusEvent | GpuReadingsEvent | SaveRequest | ProblemEvent,
    Field(discriminator="type"),
]
client_message: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)
