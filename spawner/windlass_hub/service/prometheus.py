"""Asks Prometheus the named queries of `promql.py`, and passes on only what is about the caller's pods.

The answer is looked through once more: whatever Prometheus says, a series of somebody else's pod goes no further. What
is missing or cut short is said so, metric by metric.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from windlass.contract.hub import Metric, Metrics, MetricSeries

from .problems import Away, InvalidRequest, ServiceError, Upstream
from .promql import QUERIES, Pods, expression, told_labels

TIMEOUT_SECONDS = 15.0
AT_ONCE = 4
MOST_SERIES = 500
MOST_POINTS = 1500
LONGEST_SECONDS = 31 * 86_400
SHORTEST_STEP = 5.0
LARGEST_ANSWER_BYTES = 16 * 1024 * 1024
_LEAST_WINDOW = 120


@dataclass(frozen=True, kw_only=True)
class Span:
    """When: POSIX seconds from `start` to `end` every `step` seconds; `step` None: the moment `end`."""

    start: float
    end: float
    step: float | None

    @classmethod
    def of(cls, *, start: float | None, end: float | None, step: float | None, now: float | None = None) -> Span:
        """What was asked, within bounds. Raises InvalidRequest."""
        now = time.time() if now is None else now
        end = min(now if end is None else end, now)
        if start is None:
            return cls(start=end, end=end, step=None)
        if start >= end:
            raise InvalidRequest("start must be before end, and not in the future.", fields=[("start", "Too late.")])
        if end - start > LONGEST_SECONDS:
            raise InvalidRequest("At most 31 days can be asked for at once.", fields=[("start", "Too early.")])
        least = max(SHORTEST_STEP, (end - start) / MOST_POINTS)
        if step is not None and step < least:
            message = f"step must be {math.ceil(least)} s or more for that span."
            raise InvalidRequest(message, fields=[("step", message)])
        return cls(start=start, end=end, step=step or math.ceil(least))

    @property
    def window_seconds(self) -> int:
        """Over how long a rate is taken: no step is left out, and no scrape of a minute missed."""
        return max(_LEAST_WINDOW, math.ceil(4 * (self.step or 30)))


class Prometheus:
    """A client of one Prometheus (or what speaks as it: Thanos, Mimir, VictoriaMetrics).

    Args:
        url: its address, with the path below which `api/v1` lies.
    """

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url.rstrip("/") + "/", timeout=TIMEOUT_SECONDS, trust_env=False)
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def close(self) -> None:
        """Give back the connections."""
        await self._http.aclose()

    async def metrics(self, names: Sequence[str], *, pods: Sequence[Pods], span: Span) -> Metrics:
        """The named metrics of these pods. One that fails says why, and leaves the others.

        Raises:
            Away, Upstream: none could be had.
        """
        answers = await asyncio.gather(*(self._metric(name, pods, span) for name in names))
        failures = [answer for answer in answers if isinstance(answer, ServiceError)]
        if failures and len(failures) == len(answers):
            raise failures[0]
        items = [
            _metric(name, problem=str(answer), complete=False) if isinstance(answer, ServiceError) else answer
            for name, answer in zip(names, answers, strict=True)
        ]
        return Metrics(start=span.start, end=span.end, step_seconds=span.step, items=items)

    async def _metric(self, name: str, pods: Sequence[Pods], span: Span) -> Metric | ServiceError:
        if not pods:
            return _metric(name)
        query = expression(QUERIES[name], pods, window_seconds=span.window_seconds)
        try:
            async with self._slots:
                answer = await self._ask(query, span)
            found, others = _series(answer, pods)
        except ServiceError as error:
            return error
        warnings = [str(text) for text in answer.get("warnings") or ()]
        if len(found) > MOST_SERIES:
            warnings.append(f"{len(found)} series were found, {MOST_SERIES} are shown.")
        problem = " ".join(warnings)[:500] or None
        return _metric(name, series=found[:MOST_SERIES], problem=problem, complete=not warnings and not others)

    async def _ask(self, query: str, span: Span) -> dict[str, Any]:
        moment = {"time": f"{span.end:.3f}"}
        times = {"start": f"{span.start:.3f}", "end": f"{span.end:.3f}", "step": f"{span.step or 0:.3f}"}
        path, when = ("api/v1/query", moment) if span.step is None else ("api/v1/query_range", times)
        form = {"query": query, "timeout": f"{TIMEOUT_SECONDS - 1:.0f}s", **when}
        try:
            # httpx times each read alone: an answer that trickles would never end.
            status, body = await asyncio.wait_for(self._answer(path, form), TIMEOUT_SECONDS)
        except (httpx.TimeoutException, asyncio.TimeoutError) as error:
            raise Away("Prometheus did not answer in time; ask for a shorter span, or try again.") from error
        except httpx.HTTPError as error:
            raise Away("Prometheus cannot be reached now; try again.") from error
        return _data(status, body)

    async def _answer(self, path: str, form: dict[str, str]) -> tuple[int, bytes]:
        async with self._http.stream("POST", path, data=form) as response:
            return response.status_code, await _read(response)


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_ANSWER_BYTES:
            raise Upstream("Prometheus answered with too much; ask for a shorter span or a larger step.")
    return bytes(body)


def _data(status: int, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if status in (502, 503, 504) or (isinstance(answer, dict) and answer.get("errorType") == "timeout"):
        raise Away("Prometheus is not ready, or too slow for this; try again.")
    if not isinstance(answer, dict) or answer.get("status") != "success":
        raise Upstream(f"Prometheus answered {status} with something that is no result: is its address right?")
    return answer


def _series(answer: Mapping[str, Any], pods: Sequence[Pods]) -> tuple[list[MetricSeries], int]:
    """The series that are about these pods, and how many were not."""
    found, others = [], 0
    try:
        for item in answer["data"]["result"]:
            labels = told_labels(item["metric"])
            namespace, pod = labels.get("namespace", ""), labels.get("pod", "")
            if not any(own.holds(namespace=namespace, pod=pod) for own in pods):
                others += 1
                continue
            points = item["values"] if "values" in item else [item["value"]]
            found.append(MetricSeries(labels=labels, points=[(float(at), _number(text)) for at, text in points]))
    except (KeyError, TypeError, ValueError) as error:
        raise Upstream("Prometheus answered with something that is no result.") from error
    return found, others


def _number(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _metric(
    name: str, *, series: Sequence[MetricSeries] = (), problem: str | None = None, complete: bool = True
) -> Metric:
    query = QUERIES[name]
    return Metric(
        name=name,
        unit=query.unit,
        description=query.description,
        series=list(series),
        problem=problem,
        complete=complete,
    )
