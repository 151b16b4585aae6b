"""What is noticed about running alone and on several processes."""

from __future__ import annotations

import pytest

from windlass.contract.preview import Finding

from .conftest import Project, markdown

DDP = "import os, torch, torch.distributed as dist\ndist.init_process_group()\nrank = dist.get_rank()\n"


def findings(project: Project, *cells: str, world_size: int = 2, **files: str) -> list[Finding]:
    for name, content in files.items():
        project.write(f"{name}.py", content)
    project.notebook("train.ipynb", markdown("# training"), *cells)
    return project.plan(world_size=world_size).findings


def places(found: list[Finding], rule: str) -> list[tuple[str | None, int | None, int | None]]:
    return [(finding.path, finding.cell, finding.line) for finding in found if finding.rule == rule]


@pytest.mark.parametrize(
    ("rule", "cell", "line"),
    [
        ("no-process-group", "import torch\nloss.backward()", 2),
        ("no-process-group", "from torch.utils.data import DataLoader\n\nDataLoader(d)", 3),
        ("no-process-group", "model.fit(x, y)", None),
        ("no-distributed-sampler", DDP + "from torch.utils.data import DataLoader\nDataLoader(d, shuffle=True)", 5),
        ("no-distributed-sampler", DDP + "torch.utils.data.DataLoader(d, 32)", 4),
        (
            "no-distributed-sampler",
            DDP + "DistributedSampler(d)\nDataLoader(d, sampler=s)\nDataLoader(d, shuffle=True)",
            6,
        ),
        ("device-without-local-rank", DDP + "model.cuda()", 4),
        ("device-without-local-rank", DDP + "torch.cuda.set_device(rank)\nmodel.to('cuda:0')", 5),
        ("device-without-local-rank", DDP + "model.to('cuda')", 4),
        ("device-without-local-rank", DDP + "torch.cuda.set_device(0)", 4),
        ("device-without-local-rank", DDP + "net().to(0)", 4),
        ("save-on-every-rank", DDP + "torch.save(m, 'm.pt')", 4),
        ("save-on-every-rank", DDP + "if rank != 0:\n    pass\nmodel.save_pretrained('x')", 6),
        ("save-on-every-rank", DDP + "def save():\n    torch.save(m, 'm.pt')\nsave()", 5),
        ("data-parallel", DDP + "nn.DataParallel(model)", 4),
        ("sets-visible-devices", DDP + "os.environ['CUDA_VISIBLE_DEVICES'] = '0'", 4),
        ("sets-visible-devices", DDP + "%env CUDA_VISIBLE_DEVICES=0", 4),
    ],
)
def test_what_breaks_on_several_processes_is_found_at_its_place(
    project: Project, rule: str, cell: str, line: int | None
) -> None:
    found = findings(project, cell)
    assert places(found, rule) == [("train.ipynb", 1 if line else None, line)]
    assert all(finding.fix for finding in found)
    assert places(findings(project, cell, world_size=1), rule) == []


@pytest.mark.parametrize(
    ("rule", "cell"),
    [
        ("no-process-group", DDP + "loss.backward()"),
        ("no-process-group", "from accelerate import Accelerator\na = Accelerator()\nloss.backward()"),
        ("no-process-group", "from transformers import Trainer, TrainingArguments\nTrainingArguments()"),
        ("no-process-group", "import pytorch_lightning as pl\npl.Trainer().fit(m)\nloss.backward()"),
        ("no-distributed-sampler", DDP + "DataLoader(d, sampler=DistributedSampler(d))"),
        ("no-distributed-sampler", DDP + "s = DistributedSampler(d)\nDataLoader(v, shuffle=False)"),
        ("no-distributed-sampler", DDP + "DataLoader(d, batch_sampler=b)"),
        ("no-distributed-sampler", DDP + "DataLoader(d, **options)"),
        ("no-distributed-sampler", "a = Accelerator()\nDataLoader(d, shuffle=True)"),
        ("device-without-local-rank", DDP + "torch.cuda.set_device(local_rank)\nmodel.cuda()\nx.to('cuda')"),
        ("device-without-local-rank", DDP + "model.to(f'cuda:{local_rank}')"),
        ("device-without-local-rank", DDP + "model.cuda(local_rank)"),
        ("save-on-every-rank", DDP + "if rank == 0:\n    torch.save(m, 'm.pt')"),
        ("save-on-every-rank", DDP + "if dist.get_rank() == 0 and done:\n    torch.save(m, 'm.pt')"),
        ("save-on-every-rank", DDP + "if int(os.environ['RANK']) == 0:\n    torch.save(m, 'm.pt')"),
        ("save-on-every-rank", DDP + "def f():\n    if rank != 0:\n        return\n    torch.save(m, 'm.pt')\nf()"),
        ("save-on-every-rank", DDP + "def f():\n    torch.save(m, 'm.pt')\nif rank == 0:\n    f()"),
        ("save-on-every-rank", DDP + "torch.save(m, f'm-{rank}.pt')"),
        ("save-on-every-rank", DDP + "@rank_zero_only\ndef f():\n    torch.save(m, 'm.pt')\nf()"),
        ("save-on-every-rank", DDP + "text = frame.to_json()\nto_json(value)"),
        ("save-on-every-rank", "if accelerator.is_main_process:\n    model.save_pretrained('x')"),
        ("data-parallel", DDP + "nn.parallel.DistributedDataParallel(model)"),
    ],
)
def test_what_is_right_is_left_alone(project: Project, rule: str, cell: str) -> None:
    assert places(findings(project, cell), rule) == []


def test_modules_are_read_together_with_the_notebook(project: Project) -> None:
    found = findings(
        project,
        "import model\nloss.backward()",
        model="import torch\n\ndef start():\n    torch.distributed.init_process_group()\n    torch.save(1, 'x')\n",
    )
    assert places(found, "no-process-group") == []
    assert places(found, "save-on-every-rank") == [("model.py", None, 5)]


@pytest.mark.parametrize(
    ("rule", "cell", "line"),
    [
        ("pip-install", "!pip install x", 1),
        ("pip-install", "a = 1\n%pip install -q x", 2),
        ("pip-install", "!python -m pip install --upgrade x", 1),
        ("pip-install", "!{sys.executable} -m pip install x", 1),
        ("pip-install", "!apt-get -y install x", 1),
        ("pip-install", "%%bash\ncd x && pip install -r requirements.txt", 1),
        ("pip-install", "%conda install x", 1),
        ("pip-install", "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'install', 'x'])", 2),
        ("interactive-input", "name = input('who? ')", 1),
        ("interactive-input", "from getpass import getpass\ngetpass()", 2),
        ("interactive-input", "breakpoint()", 1),
        ("interactive-plot", "%matplotlib notebook", 1),
        ("interactive-plot", "%matplotlib widget", 1),
        ("absolute-path", "x = '/home/me/data.csv'", 1),
        ("absolute-path", "x = 'C:\\\\data\\\\x.csv'", 1),
        ("absolute-path", "open('/data/big.bin')", 1),
    ],
)
def test_what_needs_a_person_or_this_machine_is_found(project: Project, rule: str, cell: str, line: int) -> None:
    for world_size, severity in ((2, "warning"), (1, "warning" if rule == "interactive-input" else "info")):
        found = findings(project, cell, world_size=world_size)
        assert places(found, rule) == [("train.ipynb", 1, line)]
        assert {finding.severity.value for finding in found if finding.rule == rule} == {severity}


@pytest.mark.parametrize(
    "cell",
    [
        "!ls pipeline\nprint('pip install x')",
        "%matplotlib inline",
        "user_input(3)\nself.input = 2",
        "x = '/tmp/x'\nopen('/dev/null')\ny = '/home'",
        "%pip list",
    ],
)
def test_harmless_cells_are_left_alone(project: Project, cell: str) -> None:
    assert [finding.rule for finding in findings(project, cell, world_size=1)] == []


def test_a_rule_is_not_repeated_without_end(project: Project) -> None:
    assert len(places(findings(project, "!pip install x\n" * 100), "pip-install")) == 20
