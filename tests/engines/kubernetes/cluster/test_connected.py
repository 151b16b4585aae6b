"""What is known of the cluster is kept for minutes, and for less where this account was refused a part of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import TRAINER, install
from tests.engines.kubernetes.engines import engine_on

from windlass.engines.kubernetes.cluster import connected
from windlass.kube.resources import ROLE_BINDINGS, ROLES

pytestmark = pytest.mark.emulator

USUAL = [
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["*"]},
    {"apiGroups": [""], "resources": ["configmaps", "pods", "pods/log"], "verbs": ["*"]},
    {"apiGroups": ["trainer.kubeflow.org"], "resources": ["trainjobs"], "verbs": ["*"]},
    {"apiGroups": ["jobset.x-k8s.io"], "resources": ["jobsets"], "verbs": ["*"]},
]
MORE = [
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list", "watch"]},
    {"apiGroups": ["trainer.kubeflow.org"], "resources": ["trainingruntimes"], "verbs": ["*"]},
]


async def grant(cluster: Cluster, namespace: str, name: str, rules: list[dict[str, Any]]) -> None:
    await cluster.create(ROLES, {"metadata": {"name": name}, "rules": rules}, namespace=namespace)
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": "ann", "namespace": namespace}],
    }
    await cluster.create(ROLE_BINDINGS, binding, namespace=namespace)


async def test_a_right_that_was_missing_is_asked_for_again_without_a_new_server(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connected, "LACKING_SECONDS", 0.0)
    await install(cluster, *TRAINER)
    namespace = await cluster.namespace()
    await cluster.account(namespace, "ann")
    await grant(cluster, namespace, "usual", USUAL)
    token = await cluster.account_token(namespace, "ann")
    async with engine_on(cluster, namespace, tmp_path, token=token) as made:
        await made.engine.adopt()
        assert "list events" in str((await made.engine.check()).message)
        problems = (await made.engine.offers()).problems
        assert any("may not create TrainingRuntimes" in each for each in problems)

        await grant(cluster, namespace, "more", MORE)
        problems = (await made.engine.offers()).problems
        assert not any("may not create TrainingRuntimes" in each for each in problems)

        async def all_there() -> bool:
            await made.engine.offers()
            return "list events" not in str((await made.engine.check()).message)

        await eventually(all_there, what="the events being watched")


async def test_what_is_whole_is_not_asked_for_each_time(cluster: Cluster, tmp_path: Path) -> None:
    assert cluster.emulator is not None
    namespace = await cluster.namespace()
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.offers()
        before = sum(path.startswith("/version") for _, path, _ in cluster.emulator.requests)
        await made.engine.offers()
        assert sum(path.startswith("/version") for _, path, _ in cluster.emulator.requests) == before
