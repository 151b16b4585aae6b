"""What it costs a job that its runner looks at its GPUs: the same training with the sampler, and without it.

The driver is the tests' C library with eight cards, which takes its time: a millisecond a call, and the 20 ms for which
a real one counts a card's traffic each way. Both sides take turns, so that a busy machine slows both. The training is
timed by itself, and by the processor time of its whole process.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from report import report
from tests.nvml.driver import GIB, FakeDriver, Gpu, build

from runner import carried_out, laid_out

EPOCHS = 250
TRAINING = [
    """
import resource, threading, time, torch
from pathlib import Path
torch.manual_seed(0)
x, y = torch.randn(4096, 64), torch.randn(4096, 1)
net = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.01)
def ran():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
def sampling():
    ours = [thread for thread in threading.enumerate() if thread.name == "windlass-gpus"]
    texts = [Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text() for thread in ours]
    return sum(int(text.split()[0]) for text in texts) / 1e9
""",
    f"""
began, before, sampled = time.perf_counter(), ran(), sampling()
for epoch in range({EPOCHS}):
    for i in range(0, 4096, 64):
        opt.zero_grad()
        ((net(x[i:i + 64]) - y[i:i + 64]) ** 2).mean().backward()
        opt.step()
open('seconds.txt', 'w').write(f'{{time.perf_counter() - began}} {{ran() - before}} {{sampling() - sampled}}')
""",
]
NONE = "\n\ndef sampler_of(*_given, **_named):\n    return None\n"


def trained(folder: Path, *, sampled: bool, **variables: str) -> tuple[float, float, float]:
    """Seconds the training took, seconds of processor of its process, and of them the sampler's thread's."""
    bundle = laid_out(folder, TRAINING)
    if not sampled:
        with (bundle / "windlass_runner" / "gpu_sampler.py").open("a") as source:
            source.write(NONE)
    carried_out(bundle, **variables)
    lines = list(folder.glob("ranks/0/gpus.jsonl"))
    if bool(lines) is not sampled:
        raise SystemExit("The sampler did not do what was to be measured.")
    for path in lines:
        path.unlink()
    took, ran, sampling = (bundle / "files" / "seconds.txt").read_text().split()
    return float(took), float(ran), float(sampling)


def main() -> None:
    """Take turns, and report both times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        cards = [Gpu(uuid=f"GPU-{number}", util=90, used=60 * GIB, total=80 * GIB) for number in range(8)]
        driver = FakeDriver(folder=build(base), state=base / "state", gpus=cards)
        calls = ("UtilizationRates", "MemoryInfo_v2", "PowerUsage", "Temperature", "ClockInfo")
        driver.slow = [*((f"nvmlDeviceGet{call}", 1) for call in calls), ("nvmlDeviceGetPcieThroughput", 20)]
        driver.write()
        (base / "job").mkdir()
        found = [
            (trained(base / "job", sampled=True, **driver.variables), trained(base / "job", sampled=False))
            for _ in range(rounds)
        ]
    tell_thread([pair[0] for pair in found])
    for what, place in (("training", 0), ("training, processor", 1)):
        with_it, without = ([pair[side][place] for pair in found] for side in (0, 1))
        report(
            name=f"GPU sampler in a job: {what}",
            ours=with_it,
            baseline=without,
            baseline_name="the same without the sampler",
            unit="s",
            budget="≤ 1.03 ×",
            kept=statistics.median(with_it) / statistics.median(without) <= 1.03,
        )


def tell_thread(sampled: list[tuple[float, float, float]]) -> None:
    """Report what the sampler's thread itself ran: no other work of the machine is in that."""
    whole, rest = [ran for _, ran, _ in sampled], [ran - sampling for _, ran, sampling in sampled]
    report(
        name="GPU sampler in a job: its own thread",
        ours=whole,
        baseline=rest,
        baseline_name="the process without that thread",
        unit="s",
        budget="≤ 1.03 ×",
        kept=statistics.median(whole) / statistics.median(rest) <= 1.03,
    )


if __name__ == "__main__":
    main()
