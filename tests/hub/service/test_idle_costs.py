"""What was idle, from a real Prometheus to the sums: the service's own question, over the past of pods it knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.hub.service.conftest import Service
from tests.hub.service.on_a_cluster import cluster_settings
from tests.hub.service.teams import METRICS_TOKEN, WIDE, Team, budgets, place, team
from tests.hub.service.test_exposition import series
from tests.metrics.prometheus.replay import Replay, needs_prometheus, openmetrics, prometheus

from windlass.kube.resources import PODS
from windlass.metrics.prometheus.client import Prometheus
from windlass.metrics.prometheus.figures import STALE_SECONDS
from windlass_hub.namespaces import namespace_for
from windlass_hub.service.state import ServiceState
from windlass_hub.settings import Settings
from windlass_hub.spending.amounts import DAY_SECONDS
from windlass_hub.spending.idleness import GRID_SECONDS, SCRAPED_SECONDS

pytestmark = [pytest.mark.cluster, pytest.mark.emulator, needs_prometheus]
__all__ = ["budgets", "place", "team"]

HUB_ID = "idle"
NAMESPACE = namespace_for("ann", prefix="wl", hub_id=HUB_ID)
GRID = GRID_SECONDS
SECONDS = 1800
"""How long the pods have run at the end of the last window."""
CARD_USD = 0.35
PODS_THEN: dict[str, Callable[[int], float | None]] = {
    "busy": lambda _ago: 0.9,
    "idle": lambda _ago: 0.01,
    "third": lambda ago: 0.0 if ago >= 1200 else 0.8,
    "half-told": lambda ago: 0.0 if ago >= 900 else None,
    "never-told": lambda _ago: None,
}
"""By pod, how busy its card was so many seconds before the end of the last window; None: not told."""
IDLE = {"busy": 0.0, "idle": 1.0, "third": 1 / 3, "half-told": 0.5}
LATE = (STALE_SECONDS + 60) / SECONDS
"""What was told last stands for a while, and a step in which it began or ended is of both."""


class EveryPath(dict[str, Callable[[], str]]):
    """Exporters that are there and know no GPU."""

    def get(self, *_path: object) -> Callable[[], str]:  # type: ignore[override]  # all that is asked
        return lambda: "there 1\n"


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, float]]:
    """A Prometheus that knows the pods' last half hour and a little more, and when the last window of it ends.

    It is yesterday noon: what is idle is kept by day, and no day ends in these figures.
    """
    now = time.time() // DAY_SECONDS * DAY_SECONDS - DAY_SECONDS / 2
    end = (now - SCRAPED_SECONDS) // GRID * GRID

    def told(name: str) -> Callable[[int], float | None]:
        # Between the steps' bounds, so that no sample is of two steps.
        return lambda ago: PODS_THEN[name](ago - 7) if 0 <= ago - 7 <= SECONDS + 600 else None

    series_of = {
        f'namespace="{NAMESPACE}",pod="{name}",UUID="GPU-{name}",gpu="0",Hostname="n"': told(name) for name in PODS_THEN
    }
    names = ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_DEV_FB_USED")
    text = "".join(openmetrics(series_of, name=name, now=end, seconds=SECONDS + 900) for name in names)
    replay = Replay(texts=EveryPath())
    with prometheus(tmp_path_factory.mktemp("prometheus"), replay, past=f"{text}# EOF\n"):
        yield replay.url, end


@pytest.fixture
async def state(state: ServiceState, past: tuple[str, float]) -> ServiceState:
    state.prometheus = Prometheus(past[0])
    return state


@pytest.fixture
async def team_settings(settings: Settings, cluster: Cluster, tmp_path: Any) -> Settings:
    (tmp_path / "metrics-token").write_text(METRICS_TOKEN)
    update = {"hub_id": HUB_ID, "metrics_token_file": str(tmp_path / "metrics-token")}
    return (await cluster_settings(settings, cluster)).model_copy(update=update)


async def held_since(team: Team, name: str, since: float) -> None:
    """Let a pod have its node since then; its kubelet has told all that it tells of a pod that runs."""

    async def running() -> Any:
        found = await team.cluster.admin.get(PODS, name, namespace=NAMESPACE)
        return found if found["status"]["phase"] == "Running" else None

    found = await eventually(running, what="it runs")
    at = datetime.fromtimestamp(since, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = [{**each, "lastTransitionTime": at} for each in found["status"]["conditions"]]
    change = {"status": {"conditions": conditions}}
    await team.cluster.admin.patch(PODS, name, change, namespace=NAMESPACE, subresource="status")
    await eventually(
        lambda: any(each.pod == name and each.held.since == since for each in team.spending.watch.holders().values()),
        what="it is seen to hold since then",
    )


async def test_what_a_real_prometheus_saw_unused_is_idle_and_what_it_did_not_see_is_unknown(
    team: Team, service: Service, past: tuple[str, float]
) -> None:
    start = past[1] - SECONDS
    # Long enough after the last window that what was not told in it can no longer be on its way.
    team.clock[0] = past[1] + GRID - time.time()
    for name in PODS_THEN:
        await team.job(name, job_id=name)
        await held_since(team, name, start)
    # As after an outage: the time since then is asked for now.
    await team.spending.records.keep_idle([], since=await team.spending.records.idle_until(), until=start)
    await team.after(0)
    until = await team.spending.records.idle_until()
    assert until is not None
    assert until >= past[1]
    found = {item["key"]: item for item in (await team.get("ann", "api/costs", by="job", **WIDE))["items"]}
    hours = SECONDS / 3600
    for name, part in IDLE.items():
        assert found[name]["idle_gpu_hours"] == pytest.approx(part * hours, abs=LATE * hours), name
        assert found[name]["idle_usd"] == pytest.approx(part * hours * CARD_USD, abs=LATE * hours * CARD_USD), name
    assert (found["never-told"]["idle_usd"], found["never-told"]["idle_gpu_hours"]) == (None, None)
    assert {name for name, item in found.items() if item["unknown_idle_jobs"]} == {"half-told", "never-told"}
    total = sum(item["idle_usd"] or 0 for item in found.values())

    for _ in range(2):  # Asked for again, it counts nothing twice.
        async with service.client(None, headers={"Authorization": f"Bearer {METRICS_TOKEN}"}) as http:
            text = (await http.get("metrics")).text
        assert series(text, 'windlass_idle_cost_usd_total{user="ann"}') == pytest.approx(total)
        await team.after(0)
