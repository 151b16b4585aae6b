"""Jobs: preview, send, list, follow, stop, run again."""

from __future__ import annotations

from windlass.contract.cluster import JobPlacement
from windlass.contract.jobs import (
    Job,
    JobList,
    JobRequest,
    JobState,
    LogPage,
    NotebookDiff,
    RerunRequest,
    StopRequest,
)
from windlass.contract.preview import JobPreview

from .model import Operation, Parameter

DEFAULT_PAGE = 50
LARGEST_PAGE = 500
DEFAULT_LOG_BYTES = 256 * 1024
LARGEST_LOG_BYTES = 4 * 1024 * 1024

JOB_ID = Parameter(name="job_id", place="path", description="The job's id.", schema={"type": "string"})
IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    place="header",
    description="Any string of 1 to 255 visible characters. The same key with the same request makes one job, however "
    "often it is sent; with another request it is a conflict.",
    schema={"type": "string", "minLength": 1, "maxLength": 255},
)
IF_NONE_MATCH = Parameter(
    name="If-None-Match", place="header", description="The ETag of the copy at hand.", schema={"type": "string"}
)
LIST_PARAMETERS = (
    Parameter(
        name="state",
        place="query",
        description="Only jobs in one of these states; may be repeated.",
        schema={"type": "array", "items": {"type": "string", "enum": [state.value for state in JobState]}},
    ),
    Parameter(
        name="notebook",
        place="query",
        description="Only jobs of this notebook (path relative to the server's root folder).",
        schema={"type": "string"},
    ),
    Parameter(
        name="q",
        place="query",
        description="Only jobs whose id, name, notebook or experiment contains this text, whatever the case.",
        schema={"type": "string"},
    ),
    Parameter(
        name="limit",
        place="query",
        description="At most so many on the page.",
        schema={"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": DEFAULT_PAGE},
    ),
    Parameter(
        name="cursor",
        place="query",
        description="`next_cursor` of the page before; means nothing but this.",
        schema={"type": "string"},
    ),
)
LOG_PARAMETERS = (
    Parameter(
        name="rank",
        place="query",
        description="Only this rank's output; all ranks merged when left out.",
        schema={"type": "integer", "minimum": 0},
    ),
    Parameter(
        name="offset",
        place="query",
        description="Byte to read from: 0, or `next_offset` of an earlier page.",
        schema={"type": "integer", "minimum": 0, "default": 0},
    ),
    Parameter(
        name="limit_bytes",
        place="query",
        description="Read about so much at most.",
        schema={"type": "integer", "minimum": 1, "maximum": LARGEST_LOG_BYTES, "default": DEFAULT_LOG_BYTES},
    ),
)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="post",
        path="/jobs/preview",
        name="previewJob",
        summary="Everything that would be sent and started, before it is",
        request=JobRequest,
        response=JobPreview,
        problems=(400, 413, 503, 507),
    ),
    Operation(
        method="post",
        path="/jobs",
        name="submitJob",
        summary="Send a notebook as a job",
        request=JobRequest,
        response=Job,
        status=201,
        also=(200,),
        parameters=(IDEMPOTENCY_KEY,),
        problems=(400, 409, 413, 503, 507),
        headers=(("Location", "Where the job is."),),
    ),
    Operation(
        method="get",
        path="/jobs",
        name="listJobs",
        summary="Your jobs, newest first",
        response=JobList,
        parameters=LIST_PARAMETERS,
        problems=(400,),
    ),
    Operation(
        method="get",
        path="/jobs/{job_id}",
        name="getJob",
        summary="One job",
        response=Job,
        parameters=(JOB_ID,),
        problems=(404,),
    ),
    Operation(
        method="delete",
        path="/jobs/{job_id}",
        name="deleteJob",
        summary="Forget a job that has ended, with its files",
        status=204,
        parameters=(JOB_ID,),
        problems=(404, 409),
    ),
    Operation(
        method="post",
        path="/jobs/{job_id}/stop",
        name="stopJob",
        summary="End a job for good; one that has ended stays as it is",
        request=StopRequest,
        body_required=False,
        response=Job,
        parameters=(JOB_ID,),
        problems=(400, 404),
    ),
    Operation(
        method="post",
        path="/jobs/{job_id}/rerun",
        name="rerunJob",
        summary="Run the same code again, with the same or other parameters",
        request=RerunRequest,
        body_required=False,
        response=Job,
        status=201,
        also=(200,),
        parameters=(JOB_ID, IDEMPOTENCY_KEY),
        problems=(400, 404, 409, 503, 507),
        headers=(("Location", "Where the new job is."),),
    ),
    Operation(
        method="get",
        path="/jobs/{job_id}/placement",
        name="getPlacement",
        summary="Where a job is in its cluster: its pods and its time line; 404 for a job that runs in none",
        response=JobPlacement,
        parameters=(JOB_ID,),
        problems=(404,),
    ),
    Operation(
        method="get",
        path="/jobs/{job_id}/logs",
        name="getLogs",
        summary="A part of a job's output",
        response=LogPage,
        parameters=(JOB_ID, *LOG_PARAMETERS),
        problems=(400, 404),
    ),
    Operation(
        method="get",
        path="/jobs/{job_id}/notebook",
        name="getExecutedNotebook",
        summary="The executed notebook as it is now (nbformat JSON); 404 before there is one",
        also=(304,),
        parameters=(JOB_ID, IF_NONE_MATCH),
        problems=(404,),
        headers=(("ETag", "Changes when the executed notebook does."),),
    ),
    Operation(
        method="get",
        path="/jobs/{job_id}/diff",
        name="getDiff",
        summary="The notebook as it is now against the notebook as it was sent",
        response=NotebookDiff,
        parameters=(JOB_ID,),
        problems=(404,),
    ),
    Operation(
        method="get",
        path="/jobs/{job_id}/bundle",
        name="getBundle",
        summary="What was sent: a tar.gz named by its sha256",
        media_type="application/gzip",
        parameters=(JOB_ID,),
        problems=(404,),
        headers=(("Content-Disposition", "With the file's name."),),
    ),
)
