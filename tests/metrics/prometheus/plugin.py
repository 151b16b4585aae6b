"""One Prometheus for all tests of a session; the namespaces that it knows pods of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from tests.metrics.prometheus.replay import Replay, as_version_1, openmetrics, prometheus, replayed

MIG = 'GPU_I_PROFILE="2g.10gb",GPU_I_ID="3"'
NO_PROFILING = "_PROF_"
PAST = 'namespace="team-past",pod="train-0",UUID="GPU-past",gpu="0",Hostname="node-7",modelName="Tesla T4"'


@pytest.fixture(scope="session")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    """Exporters that tell of pods in namespaces named for what is special there, and the Prometheus that knows them."""
    found = Replay()
    found.texts |= {
        "/honored": lambda: replayed("team-honored"),
        "/kept": lambda: replayed("team-kept").replace("hostname=", "Hostname="),
        "/twice": lambda: replayed("team-twice"),
        "/version1": lambda: as_version_1(replayed("team-version1")),
        "/odd": _odd,
        "/live": lambda: found.live,
        "/cluster": lambda: _cluster(time.time() - found.begun),
    }
    with prometheus(tmp_path_factory.mktemp("prometheus"), found, past=_past(found.begun)):
        yield found


def _odd() -> str:
    texts = [
        replayed("team-mig", more=MIG, change=lambda name, value: 0.0 if name == "DCGM_FI_DEV_GPU_UTIL" else value),
        replayed("team-mig-plain", more=MIG, without=NO_PROFILING),
        replayed("team-plain", without=NO_PROFILING),
        replayed("team-mute", without="UTIL|_PROF_"),
        replayed("team-vgpu", more='vgpu="1"'),
        replayed("team-two", card="two"),
        replayed("team-two", card="two", pods=("other-0", "other-1")),
        replayed("team-node").replace('"node-7"', '"node-shared"'),
        replayed("team-blank", change=lambda name, value: 140737488355328.0 if "POWER" in name else value),
        replayed("team-bob"),
    ]
    return _grouped(texts)


def _cluster(seconds: float) -> str:
    cpu, memory, requests = [], [], []
    for namespace in ("team-honored", "team-silent", "team-bob"):
        pod = f'namespace="{namespace}",pod="wl-demo-3f2a-worker-0"'
        for container, cores in {"main": 2.0, "sidecar": 0.5, "POD": 50.0}.items():
            cpu.append(f'container_cpu_usage_seconds_total{{{pod},container="{container}"}} {cores * seconds!r}')
            memory.append(f'container_memory_working_set_bytes{{{pod},container="{container}"}} 1073741824')
        for name, phase in {"wl-demo-3f2a-worker-0": "Running", "waits": "Pending"}.items():
            own = f'namespace="{namespace}",pod="{name}"'
            asked = f'{own},container="main",node="node-7",resource="nvidia_com_gpu",unit="integer"'
            requests.append(f"kube_pod_container_resource_requests{{{asked}}} 1")
            requests.append(f'kube_pod_status_phase{{{own},phase="{phase}"}} 1')
    shared = 'kube_node_status_allocatable{node="node-shared",resource="nvidia_com_gpu_shared",unit="integer"} 4'
    return "\n".join([*cpu, *memory, *sorted(requests), shared]) + "\n"


def _past(now: float) -> str:
    """Half an hour of one card, by turns all and nothing, with seven minutes of nothing; and one read long ago."""
    old = PAST.replace("past", "old")

    def told(value: Callable[[int], float], *, name: str) -> str:
        series: dict[str, Callable[[int], float | None]] = {
            PAST: lambda ago: None if 300 < ago <= 720 else value(ago),
            old: lambda ago: None if ago < 240 else value(ago),
        }
        return openmetrics(series, name=name, now=now)

    return "".join(
        (
            told(lambda ago: float(ago // 15 % 2), name="DCGM_FI_PROF_GR_ENGINE_ACTIVE"),
            told(lambda _ago: 1024.0, name="DCGM_FI_DEV_FB_USED"),
            told(lambda ago: (1800 - ago) * 250_000.0, name="DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"),
            "# EOF\n",
        )
    )


def _grouped(texts: list[str]) -> str:
    """One exposition: all series of a metric together, its type once."""
    types: dict[str, str] = {}
    series: dict[str, list[str]] = {}
    for line in "".join(texts).splitlines():
        if line.startswith("# TYPE"):
            types[line.split()[2]] = line
        elif line and not line.startswith("#"):
            series.setdefault(line.partition("{")[0], []).append(line)
    return "\n".join(line for name, lines in series.items() for line in [types[name], *lines]) + "\n"
