"""Asks a Prometheus the figures of `fields.py`, and passes on only what is about the pods that were asked for.

The answer is looked through once more: whatever Prometheus says, a series of somebody else's pod goes no further. What
is missing or cut short is said so, figure by figure. All figures of devices are one query, however many pods there are.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import httpx

from windlass.contract.hub import Metric, Metrics, MetricSeries
from windlass.errors import Unavailable, Upstream, WindlassError
from windlass.metrics.prometheus.fields import GPU_FIELDS, POD_FIGURES, QUERIES, told_labels
from windlass.metrics.prometheus.queries import Pods, gpu_expression, metric_name, pod_expression
from windlass.metrics.prometheus.spans import Span

TIMEOUT_SECONDS = 15.0
AT_ONCE = 4
MOST_SERIES = 4000
"""Of one figure: 2,000 pods of two devices each."""
LARGEST_ANSWER_BYTES = 32 * 1024 * 1024


class Refused(Upstream):
    """Prometheus, or what stands before it, wants to know who asks."""


class Prometheus:
    """A client of one Prometheus (or what speaks as it: Thanos, Mimir, VictoriaMetrics).

    Args:
        url: its address, with the path below which `api/v1` lies; a name and password in it are sent along.
    """

    def __init__(self, url: str) -> None:
        # No proxy of the environment: it is inside.
        self._http = httpx.AsyncClient(base_url=url.rstrip("/") + "/", timeout=TIMEOUT_SECONDS, trust_env=False)
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def close(self) -> None:
        """Give back the connections."""
        await self._http.aclose()

    async def metrics(self, names: Sequence[str], *, pods: Sequence[Pods], span: Span) -> Metrics:
        """The named figures of these pods. One that fails says why, and leaves the others.

        Args:
            names: of `fields.QUERIES`.
            pods: whose; with none Prometheus is not asked.
            span: a moment, or a span in steps; then each point of a device's figure is the mean over its step.

        Raises:
            Unavailable, Upstream: none could be had.
        """
        of_devices = [name for name in names if name in GPU_FIELDS]
        asked = [self._pod_figure(name, pods, span) for name in names if name in POD_FIGURES]
        answers = await asyncio.gather(*([self._gpu_fields(of_devices, pods, span)] if of_devices else ()), *asked)
        found = {name: answer for each in answers for name, answer in each.items()}
        failures = [answer for answer in found.values() if isinstance(answer, WindlassError)]
        if failures and len(failures) == len(found):
            raise failures[0]
        items = [
            _metric(name, problem=str(answer), complete=False) if isinstance(answer, WindlassError) else answer
            for name in names
            for answer in (found[name],)
        ]
        return Metrics(start=span.start, end=span.end, step_seconds=span.step, items=items)

    async def nodes(self, query: str) -> set[str]:
        """The nodes that a fixed query of ours answers with. Raises Unavailable and Upstream."""
        answer = await self._ask(query, Span.of(start=None, end=None, step=None))
        try:
            return {item["metric"]["node"] for item in answer["data"]["result"] if item["metric"].get("node")}
        except (KeyError, TypeError, AttributeError) as error:
            raise _no_result() from error

    async def _gpu_fields(
        self, names: Sequence[str], pods: Sequence[Pods], span: Span
    ) -> Mapping[str, Metric | WindlassError]:
        if not pods:
            return {name: _metric(name) for name in names}
        query = gpu_expression(names, pods, step_seconds=span.step)
        return await self._metrics(names, pods, self._ask(query, span))

    async def _pod_figure(self, name: str, pods: Sequence[Pods], span: Span) -> Mapping[str, Metric | WindlassError]:
        if not pods:
            return {name: _metric(name)}
        query = pod_expression(
            POD_FIGURES[name], pods, window_seconds=span.window_seconds, over_time=span.step is not None
        )
        return await self._metrics([name], pods, self._ask(query, span))

    async def _metrics(
        self, names: Sequence[str], pods: Sequence[Pods], asking: Awaitable[dict[str, Any]]
    ) -> Mapping[str, Metric | WindlassError]:
        try:
            answer = await asking
            # An answer about thousands of pods takes a while to read, and a hub has other users.
            found, others = await asyncio.to_thread(_series, answer, names, pods)
        except WindlassError as error:
            return dict.fromkeys(names, error)
        told = " ".join(str(text) for text in answer.get("warnings") or ())[:500]
        return {name: _cut(name, found[name], problem=told, complete=not (told or others)) for name in names}

    async def _ask(self, query: str, span: Span) -> dict[str, Any]:
        moment = {"time": f"{span.end:.3f}"}
        times = {"start": f"{span.start:.3f}", "end": f"{span.end:.3f}", "step": f"{span.step or 0:.3f}"}
        path, when = ("api/v1/query", moment) if span.step is None else ("api/v1/query_range", times)
        form = {"query": query, "timeout": f"{TIMEOUT_SECONDS - 1:.0f}s", **when}
        try:
            # httpx times each read alone: an answer that trickles would never end.
            async with self._slots:
                status, body = await asyncio.wait_for(self._answer(path, form), TIMEOUT_SECONDS)
        except (httpx.TimeoutException, asyncio.TimeoutError) as error:
            raise Unavailable("Prometheus did not answer in time; ask for a shorter span, or try again.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(
                "Prometheus cannot be reached now; see that its address is right, or try again."
            ) from error
        return await asyncio.to_thread(_data, status, body)

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
    except (ValueError, RecursionError):
        answer = None
    if status in (401, 403):
        raise Refused("Prometheus does not answer without a login: its address must be one that lets Windlass ask.")
    if status in (502, 503, 504) or (isinstance(answer, dict) and answer.get("errorType") == "timeout"):
        raise Unavailable("Prometheus is not ready, or too slow for this; try again.")
    if not isinstance(answer, dict) or answer.get("status") != "success":
        raise Upstream(f"Prometheus answered {status} with something that is no result: is its address right?")
    return answer


def _series(
    answer: Mapping[str, Any], names: Sequence[str], pods: Sequence[Pods]
) -> tuple[dict[str, list[MetricSeries]], int]:
    """The series that are about these pods, by figure, and how many were not."""
    found: dict[str, dict[tuple[tuple[str, str], ...], MetricSeries]] = {name: {} for name in names}
    known = {
        metric: (name, field.factor) for name in names if (field := GPU_FIELDS.get(name)) for metric in field.metrics
    }
    others = 0
    try:
        for item in answer["data"]["result"]:
            labels = told_labels(item["metric"])
            name, factor = known.get(metric_name(item["metric"]), ("", 0.0)) if known else (names[0], 1.0)
            namespace, pod = labels.get("namespace", ""), labels.get("pod", "")
            if not name or not any(own.holds(namespace=namespace, pod=pod) for own in pods):
                others += 1
                continue
            points = item["values"] if "values" in item else [item["value"]]
            line = MetricSeries(labels=labels, points=[(float(at), _number(text, factor)) for at, text in points])
            # The same device under two names or two spellings: one figure.
            found[name].setdefault(tuple(labels.items()), line)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _no_result() from error
    return {name: list(lines.values()) for name, lines in found.items()}, others


def _number(text: str, factor: float) -> float | None:
    number = float(text) * factor
    return number if math.isfinite(number) else None


def _cut(name: str, lines: Sequence[MetricSeries], *, problem: str, complete: bool) -> Metric:
    if len(lines) <= MOST_SERIES:
        return _metric(name, series=lines, problem=problem or None, complete=complete)
    told = f"{problem} {len(lines)} series were found, {MOST_SERIES} are shown.".strip()
    return _metric(name, series=lines[:MOST_SERIES], problem=told, complete=False)


def _no_result() -> Upstream:
    return Upstream("Prometheus answered with something that is no result: is its address right?")


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
