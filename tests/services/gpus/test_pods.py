"""Of a Prometheus that knows everybody's pods only those of live jobs are asked for."""

from __future__ import annotations

from tests.metrics.prometheus.replay import Replay, needs_prometheus

from windlass.errors import Unavailable
from windlass.services.gpus.holdings import HeldPod, Holdings
from windlass.services.gpus.pods import JobPodsSource


class LiveJobs:
    """What live jobs hold, as it is set."""

    def __init__(self, pods: dict[str, HeldPod]) -> None:
        self.pods = pods
        self.fails = False

    async def of(self, owner: str | None) -> Holdings:
        if self.fails:
            raise Unavailable("The ledger is locked.")
        return Holdings(pods=self.pods)


def source(url: str, jobs: LiveJobs) -> JobPodsSource:
    return JobPodsSource(url=url, holdings=jobs)  # type: ignore[arg-type]  # in the ledger's place


@needs_prometheus
async def test_devices_of_live_jobs_pods_are_told_of_and_no_others(replay: Replay) -> None:
    jobs = LiveJobs(
        {
            "wl-demo-3f2a-worker-1": HeldPod(job_id="j", namespace="team-honored"),
            "wl-demo-3f2a-worker-0": HeldPod(job_id="j", namespace="team-silent"),
            "not-placed-yet": HeldPod(job_id="j"),
        }
    )
    pods = source(replay.url, jobs)
    look = await pods.look()
    lines = await pods.history(start=look.at - 60, end=look.at, step=5)
    await pods.close()
    assert [(device.namespace, device.pod) for device in look.devices] == [("team-honored", "wl-demo-3f2a-worker-1")]
    assert {line.device_id for line in lines} <= {look.devices[0].id}
    (condition,) = look.conditions
    assert "GPUs of wl-demo-3f2a-worker-0:" in condition.message, "what is silent is said so of the own pods alone"


async def test_without_live_jobs_nobody_is_asked() -> None:
    jobs = LiveJobs({})
    pods = source("http://127.0.0.1:9", jobs)
    assert (await pods.look()).conditions == ()
    jobs.pods, jobs.fails = {"a": HeldPod(job_id="j", namespace="n")}, True
    assert (await pods.look()).conditions == ()
    jobs.fails = False
    assert [condition.code for condition in (await pods.look()).conditions] == ["away"]
    await pods.close()
