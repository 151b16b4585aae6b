"""Experiments, runs, their comparison and their files."""

from __future__ import annotations

from windlass.contract.artifacts import ArtifactList, ArtifactView
from windlass.contract.comparison import CompareRequest, Comparison, Curves, CurvesRequest
from windlass.contract.experiments import ColumnList, ExperimentList, FilterAdvice, FilterCheck
from windlass.contract.jobs import Job, NotebookDiff
from windlass.contract.lineage import Lineage
from windlass.contract.runs import LoadCode, RunDetail, RunPage, RunRerun, RunSearch

from .jobs import IDEMPOTENCY_KEY
from .model import CURSOR, Operation, in_path, in_query, limit

EXPERIMENTS_PAGE = 50
LARGEST_EXPERIMENTS_PAGE = 200
ARTIFACTS_PAGE = 500

RUN_ID = in_path("run_id", "The run's id in MLflow.")
MODEL_ID = in_query("model_id", "Files of this LoggedModel of the run, instead of the run's own.")
PATH = in_query("path", "Relative to the artifact root; the root itself when left out.")

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="get",
        path="/experiments",
        name="listExperiments",
        summary="Experiments of the tracking server, the one changed last first",
        response=ExperimentList,
        parameters=(
            in_query("q", "Only experiments whose name contains this text, whatever the case."),
            in_query("deleted", "`true`: those in MLflow's bin.", enum=["true", "false"]),
            limit(default=EXPERIMENTS_PAGE, most=LARGEST_EXPERIMENTS_PAGE),
            CURSOR,
        ),
        problems=(400, 502, 503),
    ),
    Operation(
        method="get",
        path="/experiments/columns",
        name="listColumns",
        summary="What runs of some experiments can be shown, sorted and filtered by",
        response=ColumnList,
        parameters=(in_query("experiment_id", "May be repeated.", type="array", items={"type": "string"}),),
        problems=(400, 502, 503),
    ),
    Operation(
        method="post",
        path="/runs/search",
        name="searchRuns",
        summary="A page of runs with the columns in view",
        request=RunSearch,
        response=RunPage,
        problems=(400, 404, 502, 503),
    ),
    Operation(
        method="post",
        path="/runs/filter",
        name="checkFilter",
        summary="Whether a filter is right, where it is not, and how it can go on at the caret; never asks MLflow",
        request=FilterCheck,
        response=FilterAdvice,
        problems=(400,),
    ),
    Operation(
        method="post",
        path="/runs/compare",
        name="compareRuns",
        summary="Runs side by side",
        request=CompareRequest,
        response=Comparison,
        problems=(400, 502, 503),
    ),
    Operation(
        method="post",
        path="/runs/curves",
        name="getCurves",
        summary="Metrics of runs, sampled so that they can be drawn",
        request=CurvesRequest,
        response=Curves,
        problems=(400, 502, 503),
    ),
    Operation(
        method="get",
        path="/runs/{run_id}",
        name="getRun",
        summary="One run, whole",
        response=RunDetail,
        parameters=(RUN_ID,),
        problems=(404, 502, 503),
    ),
    Operation(
        method="get",
        path="/runs/{run_id}/notebook",
        name="getRunNotebook",
        summary="The notebook as it ran (nbformat JSON)",
        parameters=(RUN_ID,),
        problems=(404, 413, 502, 503),
    ),
    Operation(
        method="get",
        path="/runs/{run_id}/diff",
        name="getRunDiff",
        summary="The notebook of one run against that of another, cell by cell",
        response=NotebookDiff,
        parameters=(RUN_ID, in_query("with", "The other run's id: `then` is the run of the path, `now` this one.")),
        problems=(400, 404, 502, 503),
    ),
    Operation(
        method="get",
        path="/runs/{run_id}/bundle",
        name="getRunBundle",
        summary="What was sent for a run's job: a tar.gz",
        media_type="application/gzip",
        parameters=(RUN_ID,),
        problems=(404, 409, 413, 422, 502, 503, 507),
        headers=(("Content-Disposition", "With the file's name."),),
    ),
    Operation(
        method="post",
        path="/runs/{run_id}/rerun",
        name="rerunRun",
        summary="Run again what a run ran, with the same or other parameters",
        request=RunRerun,
        body_required=False,
        response=Job,
        status=201,
        also=(200,),
        parameters=(RUN_ID, IDEMPOTENCY_KEY),
        problems=(400, 404, 409, 413, 422, 502, 503, 507),
        headers=(("Location", "Where the new job is."),),
    ),
    Operation(
        method="get",
        path="/runs/{run_id}/load-code",
        name="getLoadCode",
        summary="A code cell that loads the run's model",
        response=LoadCode,
        parameters=(RUN_ID, MODEL_ID, PATH),
        problems=(400, 404, 502, 503),
    ),
    Operation(
        method="get",
        path="/runs/{run_id}/artifacts",
        name="listArtifacts",
        summary="What is directly in a folder of the run's files",
        response=ArtifactList,
        parameters=(RUN_ID, MODEL_ID, PATH, CURSOR),
        problems=(400, 404, 502, 503),
    ),
    Operation(
        method="get",
        path="/runs/{run_id}/artifacts/view",
        name="viewArtifact",
        summary="A file of the run as it can be shown: text, table head, notebook …; nothing in it is run",
        response=ArtifactView,
        parameters=(RUN_ID, MODEL_ID, PATH),
        problems=(400, 404, 502, 503),
    ),
    Operation(
        method="get",
        path="/runs/{run_id}/artifacts/raw",
        name="getArtifact",
        summary="The bytes of a file of the run, in a sandbox; with `download`, to be saved",
        media_type="application/octet-stream",
        parameters=(RUN_ID, MODEL_ID, PATH, in_query("download", "`true`: as a file to save.", enum=["true", "false"])),
        problems=(400, 404, 413, 502, 503),
        headers=(
            ("Content-Security-Policy", "`sandbox`: nothing in it may run or reach this server."),
            ("Content-Disposition", "With the file's name."),
        ),
    ),
    Operation(
        method="get",
        path="/runs/{run_id}/lineage",
        name="getRunLineage",
        summary="Where a run came from and what became of it",
        response=Lineage,
        parameters=(RUN_ID,),
        problems=(404, 502, 503),
    ),
)
