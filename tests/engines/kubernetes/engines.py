"""A real engine on a test cluster, with bundles to send: what tests of the whole engine share."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.cluster.cluster import Cluster, eventually

from windlass.engines.base import JobSpec, JobStatus, State
from windlass.engines.kubernetes.engine import KubernetesEngine

IMAGE = "example.invalid/torch:1"
OWNER = "ada"


def bundle(data_dir: Path, content: bytes = b"a bundle") -> tuple[Path, str]:
    """A file where bundles lie; nobody unpacks it where no pod runs."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = data_dir / "bundles" / f"{sha256}.tar.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path, sha256


def spec(data_dir: Path, job_id: str = "jtest0000000001", *, content: bytes = b"a bundle", **changes: Any) -> JobSpec:
    """A job of two workers in a named image."""
    path, sha256 = bundle(data_dir, content)
    made = JobSpec(
        id=job_id,
        name="Train it",
        owner=OWNER,
        notebook="work/train.ipynb",
        bundle_path=path,
        bundle_sha256=sha256,
        python="",
        workers=2,
        cluster={"image": IMAGE},
        created_at=time.time(),
    )
    return replace(made, **changes)


@asynccontextmanager
async def engine_on(
    cluster: Cluster, namespace: str, data_dir: Path, *, token: str | None = None, **options: Any
) -> AsyncIterator[Engine]:
    """An engine that a kubeconfig leads to the cluster, and all it said."""
    data_dir.mkdir(parents=True, exist_ok=True)
    config = cluster.kubeconfig(data_dir / "kubeconfig", namespace=namespace, token=token)
    options = {"owner": OWNER, **options}
    made = Engine(KubernetesEngine(data_dir=data_dir, environ={"KUBECONFIG": str(config)}, **options))
    async with made.watched():
        yield made


class Engine:
    """An engine and its statuses as they came."""

    def __init__(self, engine: KubernetesEngine) -> None:
        self.engine = engine
        self.said: list[JobStatus] = []

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """While it is open."""

        async def listen() -> None:
            async for status in self.engine.watch():
                self.said.append(status)

        task = asyncio.create_task(listen())
        try:
            yield
        finally:
            await self.engine.close()
            await asyncio.wait_for(task, 10)

    async def reaches(self, job_id: str, *states: State, seconds: float = 20) -> JobStatus:
        """The job's status once it is in one of these states."""
        found: list[JobStatus] = []

        async def look() -> bool:
            status = await self.engine.status(job_id)
            found[:] = [] if status is None else [status]
            return status is not None and status.state in states

        try:
            await eventually(look, seconds=seconds, what=f"{job_id} being {states}")
        except AssertionError:
            raise AssertionError(f"{job_id} is {found} and not {states}") from None
        return found[0]

    async def log(self, job_id: str, rank: int | None = None) -> str:
        """All of its output."""
        page = await self.engine.logs(job_id, rank=rank, offset=0, limit_bytes=1 << 20)
        return "".join(piece.text for piece in page.pieces)
