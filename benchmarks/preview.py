"""How long the preview of a 200-file project takes, against `tar czf` and Python's own `modulefinder`.

The preview does more than either: it follows the imports, looks for secrets and for what breaks on several processes,
asks Git and the job's Python, and hashes the archive. Warm is what a person meets while the dialog is open; cold is the
first preview of a server that has read none of these files yet.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from report import report

FILES = 200
ROUNDS = 15
BUDGET_SECONDS = 0.3
MODULE = '''"""Part {index} of the project."""

import json
import statistics
import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

{imports}


@dataclass
class Settings{index}:
    """Settings of this part."""

    width: int = 64
    depth: int = 2
    rate: float = 1e-3
    name: str = "part-{index}"


class Block{index}(nn.Module):
    """A few layers."""

    def __init__(self, settings: Settings{index}) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(settings.width, settings.width) for _ in range(settings.depth)])
        self.norm = nn.LayerNorm(settings.width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = x + torch.relu(layer(self.norm(x)))
        return x


def batches{index}(folder: str, size: int):
    """Batches from a folder."""
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as stream:
            rows = np.asarray(json.load(stream), dtype=np.float32)
        for start in range(0, len(rows), size):
            yield torch.from_numpy(rows[start : start + size])


def train{index}(model: nn.Module, folder: str, epochs: int = 3) -> float:
    """Train this part."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    total = 0.0
    for epoch in range(epochs):
        for batch in batches{index}(folder, 32):
            loss = (model(batch) - batch).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {{epoch}}: {{total:.3f}}")
    return total
'''


def make_project(root: Path) -> None:
    """A notebook and FILES modules in ten packages, each importing two others, in a Git repository."""
    names = [f"pkg{index % 10}.part{index}" for index in range(FILES - 10)]
    for package in range(10):
        (root / f"pkg{package}").mkdir()
        (root / f"pkg{package}/__init__.py").write_text("")
    for index, name in enumerate(names):
        imports = "\n".join(
            f"import {names[target]}" for target in (2 * index + 1, 2 * index + 2) if target < len(names)
        )
        (root / (name.replace(".", "/") + ".py")).write_text(MODULE.format(index=index, imports=imports))
    cells = [
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "epochs: int = 3\nrate = 1e-3"},
        {"cell_type": "code", "metadata": {}, "source": "%matplotlib inline\nimport pkg0.part0\n!nvidia-smi"},
        {"cell_type": "code", "metadata": {}, "source": "pkg0.part0.train0(model, 'data')"},
    ]
    cells = [{**cell, "outputs": [], "execution_count": None} for cell in cells]
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    (root / "train.ipynb").write_text(json.dumps(document))
    (root / "train.py").write_text("import pkg0.part0\n")
    git = ["git", "-C", str(root), "-c", "user.name=b", "-c", "user.email=b@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "made"]):
        subprocess.run([*git, *arguments], check=True)


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def cold_preview(root: Path) -> float:
    """The first preview in a process that has imported the package and read nothing; interpreter probe included."""
    script = (
        "import sys, time\n"
        "from windlass.bundle.plan import BundleRequest, plan_bundle\n"
        "from pathlib import Path\n"
        "request = BundleRequest(root=Path(sys.argv[1]), notebook='train.ipynb', python=sys.executable, world_size=2)\n"
        "started = time.perf_counter()\n"
        "plan_bundle(request).sha256()\n"
        "print(time.perf_counter() - started)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(root)], check=True, capture_output=True, text=True)
    return float(ended.stdout)


def modulefinder(root: Path) -> None:
    """Follow the same imports with the standard library, local modules only."""
    script = "import sys\nfrom modulefinder import ModuleFinder\nModuleFinder([sys.argv[1]]).run_script(sys.argv[2])\n"
    subprocess.run([sys.executable, "-c", script, str(root), str(root / "train.py")], check=True)


def main() -> None:
    """Print warm and cold against both."""
    from windlass.bundle.plan import BundleRequest, plan_bundle

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        root.mkdir()
        make_project(root)
        request = BundleRequest(root=root, notebook="train.ipynb", python=sys.executable, world_size=2)
        plan = plan_bundle(request)
        assert len(plan.files) == FILES + 1, len(plan.files)
        plan.sha256()
        edited = root / "pkg3/part3.py"
        warm, after_edit, tar = [], [], []
        pack = ["tar", "czf", str(Path(folder) / "project.tar.gz"), "-C", folder, "project"]
        for index in range(ROUNDS):
            warm.append(seconds(lambda: plan_bundle(request).sha256()))
            edited.write_text(edited.read_text() + f"# {index}\n")
            after_edit.append(seconds(lambda: plan_bundle(request).sha256()))
            plan_bundle(request).sha256()
            tar.append(seconds(lambda: subprocess.run(pack, check=True)))
        finder = [seconds(lambda: modulefinder(root)) for _ in range(3)]
        cold = [cold_preview(root) for _ in range(3)]
    for name, ours in (("warm", warm), ("after an edit", after_edit), ("cold", cold)):
        budget = f"< {BUDGET_SECONDS * 1000:.0f} ms" if name != "cold" else None
        kept = statistics.median(ours) < BUDGET_SECONDS if budget else None
        report(
            name=f"preview of {FILES} files, {name}",
            ours=ours,
            baseline=tar,
            baseline_name="tar czf",
            unit="s",
            budget=budget,
            kept=kept,
        )
    report(
        name=f"preview of {FILES} files, cold", ours=cold, baseline=finder, baseline_name="modulefinder alone", unit="s"
    )


if __name__ == "__main__":
    main()
