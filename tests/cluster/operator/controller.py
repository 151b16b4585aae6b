"""The stand-in operator's machinery: it watches jobs and what was made for them, and looks after each when it changes.

It has a thread of its own, so that tests may block, and works with any API server that has the kinds.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from tests.cluster.operator import batch, jobset, pytorch, trainer
from tests.cluster.operator.world import World

from windlass.kube.client import KubeClient
from windlass.kube.credentials import Credentials
from windlass.kube.errors import Conflict, KubeError, NotFound, Unavailable
from windlass.kube.reflector import Reflector
from windlass.kube.resources import JOB_SETS, JOBS, PODS, PYTORCH_JOBS, TRAIN_JOBS, Resource

Object = dict[str, Any]
Reconcile = Callable[[World, Object], Awaitable[None]]
Key = tuple[str, str, str]


class Operator:
    """Start it after the kinds were installed; `kinds` are those it looks after."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        kinds: tuple[str, ...] = ("PyTorchJob", "TrainJob", "JobSet"),
        jobs: bool,
        foreign: frozenset[str] = frozenset(),
    ) -> None:
        """`jobs`: look after Jobs too, where no real controller does. In `foreign` namespaces nothing is touched."""
        self.refused: list[str] = []
        """What the API did not take from it, beside pods (those are told by events)."""
        self._credentials = credentials
        self._foreign = foreign
        known: dict[str, tuple[Resource, Reconcile, str]] = {
            "PyTorchJob": (PYTORCH_JOBS, pytorch.reconcile, "pytorchjob-controller"),
            "TrainJob": (TRAIN_JOBS, trainer.reconcile, "trainer.kubeflow.org/trainjob-controller"),
            "JobSet": (JOB_SETS, jobset.reconcile, "jobset"),
            "Job": (JOBS, batch.reconcile, "job-controller"),
        }
        self._controllers = {name: known[name] for name in (*kinds, *(("Job",) if jobs else ()))}
        self._reflectors: dict[str, Reflector] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stand-in operator", daemon=True)
        self._queue: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> Operator:
        """Returns when it watches."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)
        return self

    def stop(self) -> None:
        """End it; what it made stays."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        self._client = KubeClient(self._credentials, field_manager="operator")
        watched = {name: resource for name, (resource, _, _) in self._controllers.items()}
        for name, resource in {**watched, "Job": JOBS, "Pod": PODS}.items():
            reflector = Reflector(self._client, resource, on_change=self._changed, name=f"{name} of the operator")
            self._reflectors[name] = reflector
            reflector.start()
            await reflector.ready(20)
        self._worker = asyncio.create_task(self._run(), name="stand-in operator")

    async def _stop(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait({self._worker})
        for reflector in self._reflectors.values():
            await reflector.stop()
        await self._client.close()

    def _changed(self, _change: str, old: Object | None, new: Object | None) -> None:
        item = new or old or {}
        metadata = item["metadata"]
        self._enqueue((item["kind"], metadata["namespace"], metadata["name"]))
        for owner in metadata.get("ownerReferences") or ():
            self._enqueue((owner["kind"], metadata["namespace"], owner["name"]))

    def _enqueue(self, key: Key) -> None:
        if key[0] in self._controllers and key[1] not in self._foreign and key not in self._queued:
            self._queued.add(key)
            self._queue.put_nowait(key)

    def _later(self, item: Object, seconds: float) -> None:
        metadata = item["metadata"]
        self._loop.call_later(seconds, self._enqueue, (item["kind"], metadata["namespace"], metadata["name"]))

    async def _run(self) -> None:
        while True:
            key = await self._queue.get()
            self._queued.discard(key)
            await self._one(key)

    async def _one(self, key: Key) -> None:
        kind, namespace, name = key
        resource, reconcile, component = self._controllers[kind]
        try:
            item = await self._client.get(resource, name, namespace=namespace)
            item.setdefault("apiVersion", resource.api_version)
            item.setdefault("kind", resource.kind)
            if not item["metadata"].get("deletionTimestamp"):
                await reconcile(World(self._client, component=component, again=self._later), item)
        except NotFound:
            return
        except (Unavailable, Conflict):
            self._loop.call_later(0.1, self._enqueue, key)
        except KubeError as error:
            self.refused.append(f"{kind} {name}: {error}")
