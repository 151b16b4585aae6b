"""What the runner costs: against the same code as a script under torchrun, and per cell against papermill and nbclient.

Ours and the peer take turns within each round, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from report import report

RUNNER = Path(__file__).resolve().parent.parent / "server_ext" / "windlass" / "runner"
PEERS = str(Path(__file__).resolve().parent.parent / ".venv-peers" / "bin" / "python")
CELLS = 500
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
TRAINING = [
    "import time, torch, torch.distributed as dist\ndist.init_process_group('gloo')\ntorch.manual_seed(0)",
    (
        "x, y = torch.randn(4096, 64), torch.randn(4096, 1)\n"
        "net = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 1))\n"
        "model = torch.nn.parallel.DistributedDataParallel(net)\n"
        "opt = torch.optim.SGD(model.parameters(), lr=0.01)"
    ),
    (
        "dist.barrier()\nbegan = time.perf_counter()\n"
        "for epoch in range(20):\n"
        "    for i in range(0, 4096, 64):\n"
        "        opt.zero_grad()\n"
        "        loss = ((model(x[i:i + 64]) - y[i:i + 64]) ** 2).mean()\n"
        "        loss.backward()\n"
        "        opt.step()\n"
        "    print('epoch', epoch, loss.item())"
    ),
    (
        "seconds = time.perf_counter() - began\n"
        "if dist.get_rank() == 0: open('seconds.txt', 'w').write(str(seconds))\n"
        "dist.destroy_process_group()"
    ),
]
PRINTING = (
    "import time\nbegan = time.perf_counter()\n"
    "for i in range(1_000_000): print('line', i)\n"
    "seconds = time.perf_counter() - began\nopen('seconds.txt', 'w').write(str(seconds))"
)


def notebook(cells: Sequence[str]) -> str:
    """A notebook of these code cells."""
    full = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": source, "execution_count": None, "outputs": []}
        for n, source in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return json.dumps({"cells": full, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})


def environment(**more: str) -> dict[str, str]:
    """What all sides run in."""
    left_out = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH")
    return {**{k: v for k, v in os.environ.items() if k not in left_out}, "OMP_NUM_THREADS": "1", **more}


def run(command: list[str], folder: Path, **more: str) -> float:
    """Seconds a process takes; its output goes to a file, as a job's does."""
    began = time.perf_counter()
    with (folder / "output.txt").open("wb") as output:
        subprocess.run(command, cwd=folder, env=environment(**more), stdout=output, stderr=output, check=True)
    return time.perf_counter() - began


def laid_out(folder: Path, cells: Sequence[str]) -> Path:
    """A job of these cells, laid out as the supervisor does. Returns its bundle."""
    bundle = folder / "bundle"
    shutil.rmtree(bundle, ignore_errors=True)
    shutil.copytree(RUNNER, bundle / "windlass_runner", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.move(bundle / "windlass_runner" / "windlass_run.py", bundle / "windlass_run.py")
    (bundle / "files").mkdir()
    (bundle / "files" / "n.ipynb").write_text(notebook(cells))
    (bundle / "manifest.json").write_text(json.dumps({"format": 1, "notebook": "n.ipynb", "parameters": {}}))
    return bundle


def ours(folder: Path, cells: Sequence[str], *, launcher: Sequence[str] = (sys.executable,)) -> float:
    """Seconds the runner takes for these cells."""
    return carried_out(laid_out(folder, cells), launcher=launcher)


def carried_out(bundle: Path, *, launcher: Sequence[str] = (sys.executable,), **more: str) -> float:
    """Seconds the runner takes for what is laid out; `more` of its environment."""
    command = [*launcher, str(bundle / "windlass_run.py")]
    job = {"WINDLASS_JOB_ID": "bench", "WINDLASS_JOB_DIR": str(bundle.parent), "WINDLASS_LOG_TO_FILES": "1"}
    return run(command, bundle / "files", **job, **more)


def own_seconds(folder: Path) -> float:
    """What the code measured itself."""
    return float((folder / "seconds.txt").read_text())


def training(folder: Path, rounds: int) -> None:
    """A distributed training: its own duration, and the whole command."""
    (folder / "script.py").write_text("\n".join(TRAINING))
    inner: tuple[list[float], list[float]] = ([], [])
    whole: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        whole[0].append(ours(folder, TRAINING, launcher=TORCHRUN))
        inner[0].append(own_seconds(folder / "bundle" / "files"))
        whole[1].append(run([*TORCHRUN, "script.py"], folder))
        inner[1].append(own_seconds(folder))
    ratio = statistics.median(inner[0]) / statistics.median(inner[1])
    report(
        name="runner: training, 2 processes",
        ours=inner[0],
        baseline=inner[1],
        baseline_name="the same code as a script under torchrun",
        unit="s",
        budget="≤ 1.03 ×",
        kept=ratio <= 1.03,
    )
    report(
        name="runner: whole command, 2 processes",
        ours=whole[0],
        baseline=whole[1],
        baseline_name="torchrun script.py",
        unit="s",
        budget="≤ 1.0 s more",
        kept=statistics.median(whole[0]) - statistics.median(whole[1]) <= 1.0,
    )


def cells(folder: Path, rounds: int) -> None:
    """The cost of one trivial cell among 500: long notebook minus short one."""
    many, few = [f"x = {n}" for n in range(CELLS)], ["x = 0"]
    (folder / "many.ipynb").write_text(notebook(many))
    (folder / "few.ipynb").write_text(notebook(few))

    def milliseconds(long: float, short: float) -> float:
        return 1000 * max(0.0, long - short) / (CELLS - 1)

    peers = {
        "nbclient": ([PEERS, "-c", "from nbclient.cli import main; main()", "--output", "out"], 5),
        "papermill": ([PEERS, "-m", "papermill", "--no-progress-bar"], 1),  # nearly a minute, whatever the noise
    }
    mine = [milliseconds(ours(folder, many), ours(folder, few)) for _ in range(rounds)]
    for peer, (command, peer_rounds) in peers.items():
        output = ["out.ipynb"] if peer == "papermill" else []
        theirs = []
        for _ in range(peer_rounds):
            few_seconds, many_seconds = (run([*command, name, *output], folder) for name in ("few.ipynb", "many.ipynb"))
            theirs.append(milliseconds(many_seconds, few_seconds))
        ran = json.loads((folder / "out.ipynb").read_text())["cells"]
        if [cell["execution_count"] for cell in ran] != list(range(1, CELLS + 1)):
            raise SystemExit(f"{peer} did not run the notebook, so there is nothing to compare with")
        (folder / "out.ipynb").unlink()
        report(
            name=f"runner: one trivial cell of {CELLS}, against {peer}",
            ours=mine,
            baseline=theirs,
            baseline_name=peer,
            unit="ms",
            budget="≤ 1 ms",
            kept=statistics.median(mine) <= 1.0,
        )


def printing(folder: Path, rounds: int) -> None:
    """A million printed lines."""
    (folder / "print.py").write_text(PRINTING)
    mine, plain = [], []
    for _ in range(rounds):
        ours(folder, [PRINTING])
        mine.append(own_seconds(folder / "bundle" / "files"))
        run([sys.executable, "print.py"], folder)
        plain.append(own_seconds(folder))
    report(
        name="runner: 1,000,000 printed lines",
        ours=mine,
        baseline=plain,
        baseline_name="python script.py > file",
        unit="s",
        budget="≤ 2 ×",
        kept=statistics.median(mine) <= 2 * statistics.median(plain),
    )


def main() -> None:
    """Run all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="windlass-bench-") as folder:
        for number, measure in enumerate((cells, printing, training)):
            place = Path(folder) / str(number)
            place.mkdir()
            measure(place, rounds)


if __name__ == "__main__":
    main()
