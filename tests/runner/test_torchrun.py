"""The real launcher: several ranks, real collectives, a rank that fails while the other waits for it."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.torch

SETUP = "import torch, torch.distributed as dist\ndist.init_process_group('gloo')\nrank = dist.get_rank()"


def test_two_ranks_train_together(job):
    job.lay_out(
        SETUP,
        "class Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.layer = torch.nn.Linear(4, 1)\n"
        "    def forward(self, x): return self.layer(x)\n"
        "class Data(torch.utils.data.Dataset):\n    def __len__(self): return 32\n"
        "    def __getitem__(self, i):\n        x = torch.full((4,), i / 32)\n        return x, x.sum()",
        "model = torch.nn.parallel.DistributedDataParallel(Net())\nopt = torch.optim.SGD(model.parameters(), lr=0.1)\n"
        "loader = torch.utils.data.DataLoader(Data(), batch_size=4, num_workers=2,\n"
        "    sampler=torch.utils.data.DistributedSampler(Data()))",
        "for x, y in loader:\n    opt.zero_grad()\n    loss = ((model(x).squeeze() - y) ** 2).mean()\n"
        "    loss.backward()\n    opt.step()",
        "total = torch.tensor([rank + 1.0])\ndist.all_reduce(total)\nprint('rank', rank, 'sum', total.item())\n"
        "import pickle\ntype(pickle.loads(pickle.dumps(Net()))) is Net",
        "dist.destroy_process_group()",
    )
    assert job.run(ranks=2) == 0, job.everything() + job.log(1)
    assert "rank 0 sum 3.0" in job.log(0)
    assert "rank 1 sum 3.0" in job.log(1)
    assert "rank 1" not in job.log(0)
    assert job.text(4) == "rank 0 sum 3.0\n"
    assert [job.status(rank)["phase"] for rank in (0, 1)] == ["succeeded", "succeeded"]
    assert job.status(0)["notices"] == []


@pytest.mark.parametrize("failing", [0, 1])
def test_the_rank_that_fails_first_is_told_from_those_that_waited(job, failing):
    job.lay_out(SETUP, f"if rank == {failing}:\n    raise ValueError('bad batch')\ndist.barrier()", "print('never')")
    assert job.run(ranks=2) != 0
    statuses = [job.status(rank) for rank in (0, 1)]
    errors = [status["error"] for status in statuses if status["error"] and status["phase"] != "killed"]
    first = min(errors, key=lambda error: error["at"])
    assert (first["rank"], first["cell"], first["line"], first["ename"]) == (failing, 1, 2, "ValueError")
    assert statuses[failing]["phase"] == "failed"
    assert statuses[failing]["exit_code"] == 1
    assert statuses[1 - failing]["phase"] in ("failed", "killed")
    assert statuses[1 - failing]["ended_at"] is not None


def test_a_rank_that_only_waits_is_killed_not_failed(job):
    job.lay_out(
        SETUP, "import time\nif rank == 1:\n    raise ValueError('bad batch')\nprint('waiting')\ntime.sleep(100)"
    )
    assert job.run(ranks=2) != 0
    assert (job.status(0)["phase"], job.status(0)["error"]) == ("killed", None)
    assert job.status(1)["phase"] == "failed"
    assert job.text(1) == "waiting\n"


def test_a_spawned_loader_says_what_it_cannot_find(job):
    job.lay_out(
        "import torch",
        "class Data(torch.utils.data.Dataset):\n    def __len__(self): return 8\n"
        "    def __getitem__(self, i): return i",
        "loader = torch.utils.data.DataLoader(Data(), num_workers=1, multiprocessing_context='spawn')\nlist(loader)",
    )
    assert job.run() == 1
    assert "'Data' is defined in the notebook" in job.status()["error"]["traceback"][-1], job.everything()


def test_defining_without_training_is_noticed_with_torch_too(job):
    job.lay_out(
        "import torch\nnet = torch.nn.Linear(2, 1)\nopt = torch.optim.SGD(net.parameters(), lr=0.1)",
        "def train():\n    for _ in range(3):\n        net(torch.ones(2)).backward()\n        opt.step()",
    )
    assert job.run() == 0
    assert "'train' (cell 2)" in job.status()["notices"][0]
