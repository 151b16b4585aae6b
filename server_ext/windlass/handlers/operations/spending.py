"""GPUs and money: use now and before, alarms, prices, costs, estimates, advice."""

from __future__ import annotations

from typing import get_args

from windlass.contract.costs import BudgetList, CostBy, CostEstimate, CostReport, JobAdvice, JobCost, PriceList
from windlass.contract.gpus import GpuHistory, GpuSnapshot, JobGpus
from windlass.contract.jobs import JobRequest

from .jobs import JOB_ID
from .model import CURSOR, Operation, in_path, in_query, limit

REPORT_PAGE = 100
LARGEST_REPORT_PAGE = 10_000
POINTS = 300
MOST_POINTS = 2_000

_POINTS = in_query("points", "At most so many points.", type="integer", minimum=10, maximum=MOST_POINTS, default=POINTS)
_START = in_query("start", "RFC 3339, or a date; the beginning of this month (UTC) when left out.")
_END = in_query("end", "RFC 3339, or a date, which it includes; now when left out.")

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="get",
        path="/gpus",
        name="getGpus",
        summary="GPUs of this machine and of the user's pods, as they are used now",
        response=GpuSnapshot,
        problems=(503,),
    ),
    Operation(
        method="get",
        path="/gpus/history",
        name="getGpuHistory",
        summary="Readings of some devices over time; of this machine as far back as they were recorded",
        response=GpuHistory,
        parameters=(
            in_query(
                "device", "`GpuDevice.id`; may be repeated; all when left out.", type="array", items={"type": "string"}
            ),
            in_query("seconds", "So far back from now.", type="integer", minimum=10, maximum=2_678_400, default=900),
            _POINTS,
        ),
        problems=(400, 503),
    ),
    Operation(
        method="post",
        path="/gpus/alarms/{alarm_id}/dismiss",
        name="dismissGpuAlarm",
        summary="Hide an alarm until the device has been used again",
        parameters=(in_path("alarm_id", "`GpuAlarm.id`."),),
        status=204,
        problems=(404,),
    ),
    Operation(
        method="get",
        path="/jobs/{job_id}/gpus",
        name="getJobGpus",
        summary="A job's devices over its life: readings by rank, cost, what it used in all",
        response=JobGpus,
        parameters=(JOB_ID, _POINTS),
        problems=(400, 404, 503),
    ),
    Operation(
        method="get",
        path="/jobs/{job_id}/cost",
        name="getJobCost",
        summary="What a job took: pod by pod, with the prices that were in force",
        response=JobCost,
        parameters=(JOB_ID,),
        problems=(404,),
    ),
    Operation(
        method="get",
        path="/jobs/{job_id}/advice",
        name="getJobAdvice",
        summary="Whether something smaller would have held the job, or it needs something larger",
        response=JobAdvice,
        parameters=(JOB_ID,),
        problems=(404, 503),
    ),
    Operation(
        method="get",
        path="/costs",
        name="getCosts",
        summary="What was spent, by user, job, experiment or day; `Accept: text/csv` gives a table",
        response=CostReport,
        parameters=(
            in_query("by", "How to group.", enum=list(get_args(CostBy))),
            _START,
            _END,
            limit(default=REPORT_PAGE, most=LARGEST_REPORT_PAGE),
            CURSOR,
        ),
        problems=(400, 403, 503),
    ),
    Operation(
        method="get",
        path="/costs/prices",
        name="getPrices",
        summary="The prices in force now, and where each comes from",
        response=PriceList,
    ),
    Operation(
        method="get",
        path="/costs/budgets",
        name="getBudgets",
        summary="The budgets that count for this user",
        response=BudgetList,
        problems=(503,),
    ),
    Operation(
        method="post",
        path="/costs/estimate",
        name="estimateCost",
        summary="What a job would cost an hour, to its time limit, and by earlier runs of the notebook",
        request=JobRequest,
        response=CostEstimate,
        problems=(400, 503),
    ),
)
