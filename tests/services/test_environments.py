"""The job runs where the notebook's author sees it run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from windlass.errors import InvalidRequest
from windlass.services.environments import Environments

FALLBACK = "/srv/python"


class Specs:
    """Kernel specs as jupyter_client gives them."""

    def __init__(self, **specs: dict[str, Any]) -> None:
        self._specs = specs

    def get_all_specs(self) -> Any:
        return {
            name: {"resource_dir": "", "spec": {"language": "python", **spec}} for name, spec in self._specs.items()
        }


def environments(tmp_path: Path) -> Environments:
    fine = tmp_path / "python3.12"
    fine.write_text("#!/bin/sh\n")
    fine.chmod(0o755)
    wrapper = tmp_path / "start-kernel"
    wrapper.write_text("#!/bin/sh\n")
    wrapper.chmod(0o755)
    return Environments(
        specs=Specs(
            python3={"argv": ["python", "-m", "ipykernel"], "display_name": "Python 3"},
            torch={"argv": [str(fine)], "display_name": "Torch", "env": {"OMP_NUM_THREADS": 1}},
            gone={"argv": ["/no/such/python"], "display_name": "Gone"},
            wrapped={"argv": [str(wrapper)], "display_name": "Wrapped"},
            r={"argv": ["R"], "display_name": "R", "language": "R"},
            empty={"argv": []},
        ),
        fallback_python=FALLBACK,
    )


async def test_every_kernel_is_listed_with_why_it_cannot_be_used(tmp_path: Path) -> None:
    found = await environments(tmp_path).list()
    assert {entry.name for entry in found.items if entry.usable} == {"python3", "torch"}
    assert all(entry.message for entry in found.items if not entry.usable)
    assert found.default == "python3"
    assert [entry.usable for entry in found.items] == sorted((entry.usable for entry in found.items), reverse=True)


async def test_a_bare_python_is_the_servers_own(tmp_path: Path) -> None:
    chosen = await environments(tmp_path).choose(requested=None, notebook_kernel="python3")
    assert chosen.python == sys.executable


async def test_the_kernels_variables_come_along(tmp_path: Path) -> None:
    chosen = await environments(tmp_path).choose(requested="torch", notebook_kernel="python3")
    assert (chosen.name, chosen.variables) == ("torch", {"OMP_NUM_THREADS": "1"})


@pytest.mark.parametrize("kernel", ["gone", "unheard-of", "wrapped", "empty"])
async def test_a_notebook_whose_kernel_is_away_runs_in_the_servers_python_and_says_so(
    tmp_path: Path, kernel: str
) -> None:
    chosen = await environments(tmp_path).choose(requested=None, notebook_kernel=kernel)
    assert (chosen.name, chosen.python) == (None, FALLBACK)
    assert chosen.notice


async def test_a_notebook_that_names_no_kernel_needs_no_notice(tmp_path: Path) -> None:
    assert (await environments(tmp_path).choose(requested=None, notebook_kernel=None)).notice is None


@pytest.mark.parametrize(("requested", "kernel"), [("gone", None), ("unheard-of", None), ("r", None), (None, "r")])
async def test_what_cannot_run_the_job_is_refused_at_the_field(
    tmp_path: Path, requested: str | None, kernel: str | None
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await environments(tmp_path).choose(requested=requested, notebook_kernel=kernel)
    assert refused.value.fields[0].field == "environment"
