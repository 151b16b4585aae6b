"""What tests of the whole engine stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from tests.cluster.cluster import Cluster
from tests.cluster.crds import install

from windlass.kube.resources import PYTORCH_JOBS


@pytest_asyncio.fixture
async def namespace(cluster: Cluster) -> AsyncIterator[str]:
    """With an operator that looks after PyTorchJobs and Jobs in it."""
    cluster.needs_stand_ins()
    await install(cluster, PYTORCH_JOBS)
    operator = cluster.operator("PyTorchJob").start()
    yield await cluster.namespace()
    operator.stop()
