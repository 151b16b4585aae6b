"""What the panel is given: pods' CPU and memory beside the devices of their jobs."""

from __future__ import annotations

from windlass.metrics.judging import Holding
from windlass.metrics.reading import Device, Look, PodUse
from windlass.services.gpus.money import Rates
from windlass.services.gpus.snapshots import Judged, compose
from windlass.services.gpus.who import Who


def test_a_pods_cpu_and_memory_stand_beside_the_job_that_holds_its_devices() -> None:
    held = Device(id="g0", uuid="g0", name="Tesla T4", source="dcgm", pod="train-1")
    second = Device(id="g1", uuid="g1", name="Tesla T4", source="dcgm", pod="train-1")
    ours, other = Holding(job_id="j", name="resnet", rank=1), Holding(job_id="j", name="resnet", rank=2)
    uses = (
        PodUse(namespace="team-a", pod="train-1", at=1.0, cpu_cores=2.5, memory_bytes=7),
        PodUse(namespace="team-a", pod="jupyter-ann", at=1.0),
    )
    one = compose(
        Look(at=1.0, devices=(held,), pods=uses), who={"g0": Who(holding=ours)}, judged=Judged(), rates=Rates()
    )
    assert [(pod.pod, pod.job_id, pod.rank, pod.cpu_cores, pod.memory_bytes) for pod in one.pods] == [
        ("train-1", "j", 1, 2.5, 7),
        ("jupyter-ann", None, None, None, None),
    ]
    two = compose(
        Look(at=1.0, devices=(held, second), pods=uses),
        who={"g0": Who(holding=ours), "g1": Who(holding=other)},
        judged=Judged(),
        rates=Rates(),
    )
    assert (two.pods[0].job_id, two.pods[0].rank) == ("j", None)
