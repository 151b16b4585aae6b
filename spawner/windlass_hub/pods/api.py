"""Requests about one server's pod with KubeSpawner's client: limited in time, no answer taken for more than it is.

A request that timed out may have been done; one that was not answered says nothing about the pod. Callers get the
difference: an answer, or `NoAnswer`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from kubernetes_asyncio.client import CoreV1Api, V1DeleteOptions, V1Pod
from kubernetes_asyncio.client.rest import ApiException

from .refusals import Answer

FIRST_PAUSE_SECONDS = 0.3
LONGEST_PAUSE_SECONDS = 15.0
_UNHEARD = (aiohttp.ClientError, asyncio.TimeoutError, OSError)


class NoAnswer(Exception):
    """The API server did not answer, or only that it cannot now; nothing is known from this."""


class Refused(Exception):
    """The API server refused; `answer` says what and why."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer.message)


class PodApi:
    """The pod `name` in `namespace`.

    Args:
        api: KubeSpawner's client.
        namespace: of the pod.
        name: of the pod.
        timeout_seconds: of each request.
    """

    def __init__(self, api: CoreV1Api, *, namespace: str, name: str, timeout_seconds: float) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._timeout_seconds = timeout_seconds

    async def create(self, pod: V1Pod) -> str | None:
        """Make it. Returns its uid, None where the answer does not tell. Raises NoAnswer, Refused."""
        made = await self._ask(self._api.create_namespaced_pod(self._namespace, pod))
        return getattr(getattr(made, "metadata", None), "uid", None)

    async def read(self) -> dict[str, Any] | None:
        """It, as the API shows it; None: there is none. Raises NoAnswer, Refused."""
        asked = self._api.read_namespaced_pod(name=self._name, namespace=self._namespace, _preload_content=False)
        try:
            response = await self._ask(asked)
            body = await asyncio.wait_for(response.read(), self._timeout_seconds)
        except Refused as refused:
            if refused.answer.status == 404:
                return None
            raise
        except _UNHEARD as error:
            raise NoAnswer(str(error) or type(error).__name__) from error
        if response.status == 404:
            return None
        if response.status >= 300:
            said = ApiException(status=response.status, reason=response.reason)
            said.body = body
            _judge(Answer.of(said))
        found: dict[str, Any] = json.loads(body)
        return found

    async def delete(self, *, grace_seconds: int) -> bool:
        """Ask for its end. Returns False when there is none. Raises NoAnswer, Refused."""
        options = V1DeleteOptions(grace_period_seconds=grace_seconds)
        try:
            await self._ask(
                self._api.delete_namespaced_pod(
                    name=self._name, namespace=self._namespace, body=options, grace_period_seconds=grace_seconds
                )
            )
        except Refused as refused:
            if refused.answer.status == 404:
                return False
            raise
        return True

    async def _ask(self, request: Awaitable[Any]) -> Any:
        try:
            return await asyncio.wait_for(request, self._timeout_seconds)
        except ApiException as error:
            _judge(Answer.of(error))
        except _UNHEARD as error:
            raise NoAnswer(str(error) or type(error).__name__) from error


async def remove(
    pod: PodApi, *, grace_seconds: int, force_after_seconds: float, log: logging.Logger, uid: str | None = None
) -> None:
    """End a pod, and return when it is gone: not before, however long the API server is away.

    A pod that does not go in `force_after_seconds` (its node does not answer) is deleted without waiting for its node.

    Args:
        pod: to end.
        grace_seconds: what its processes get to end by themselves.
        force_after_seconds: counted while the API server answers.
        log: told when the API server is away.
        uid: of the pod to wait for; another of the same name is none of ours.

    Raises:
        Refused: the hub may not.
        TimeoutError: it does not even go by force: something holds it.
    """
    await _insist(lambda: pod.delete(grace_seconds=grace_seconds), log=log)
    if await _gone(pod, within_seconds=force_after_seconds, uid=uid, log=log):
        return
    log.warning("A pod does not go, deleting it without waiting for its node")
    await _insist(lambda: pod.delete(grace_seconds=0), log=log)
    if not await _gone(pod, within_seconds=60, uid=uid, log=log):
        raise TimeoutError("The server's pod does not go: something in the cluster holds it (a finalizer, its node).")


async def _gone(pod: PodApi, *, within_seconds: float, uid: str | None, log: logging.Logger) -> bool:
    loop = asyncio.get_running_loop()
    pause, deadline = 0.1, loop.time() + within_seconds
    while True:
        asked = loop.time()
        found = await _insist(pod.read, log=log)
        deadline += max(0.0, loop.time() - asked - 5)  # while the API server was away nothing could go
        if found is None or (uid is not None and found["metadata"].get("uid") != uid):
            return True
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(min(pause, max(0.0, deadline - loop.time())))
        pause = min(1.5 * pause, 2.0)


async def _insist(request: Callable[[], Awaitable[Any]], *, log: logging.Logger) -> Any:
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await request()
        except NoAnswer as error:
            log.warning("Kubernetes does not answer, trying again in %.1f s: %s", pause, error)
        await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  (spreads load, guards nothing)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _judge(answer: Answer) -> None:
    if answer.away:
        raise NoAnswer(answer.message or f"status {answer.status}")
    raise Refused(answer)
