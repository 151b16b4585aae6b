"""`%gpus` in a kernel and `windlass gpus` in a terminal, of one real server on a machine with two GPUs."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.desk import Desk, open_desk
from tests.nvml.driver import GIB, FakeDriver, build, two_gpus

from .conftest import Kernel, Server


@dataclass
class Machine:
    """Where a person works, and its GPUs."""

    desk: Desk
    kernel: Kernel
    driver: FakeDriver


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    base = tmp_path_factory.mktemp("gpus")
    driver = FakeDriver(folder=build(base), state=base / "state", gpus=two_gpus())
    driver.write()
    with open_desk(base) as desk:
        desk.environment.update(driver.variables)
        server = Server(desk=desk, base_url="/")
        kernel = server.kernel(desk.notebook("explore.ipynb", "1"))
        kernel.run("%load_ext windlass")
        driver.processes = [("0", int(kernel.value("__import__('os').getpid()")), 3 * GIB)]
        driver.write()
        yield Machine(desk=desk, kernel=kernel, driver=driver)
        server.close()


def test_the_magic_shows_who_uses_what(machine: Machine) -> None:
    shown = machine.kernel.run("%gpus")
    assert not shown.failed, shown.text
    assert "explore.ipynb" in shown.data["text/plain"]
    assert "└ 2g.10gb" in shown.data["text/plain"]
    assert shown.data["text/html"].count("<tr>") == 5
    assert machine.kernel.run("%gpus --nonsense").failed


def test_the_command_shows_the_same_in_80_columns(machine: Machine) -> None:
    done = machine.desk.run("gpus")
    assert done.status == 0, done.err
    lines = done.out.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert lines[0].split() == ["GPU", "USE", "MEMORY", "POWER", "USED", "BY"]
    assert "87 %" in lines[1]
    assert "explore.ipynb" in lines[1]
    assert [line.split()[1] for line in lines[3:5]] == ["1g.5gb", "2g.10gb"]
    assert all("unknown" in line for line in lines[3:5])


def test_json_is_one_object_in_which_the_unknown_is_null(machine: Machine) -> None:
    snapshot = machine.desk.run("gpus", "--json").json
    assert [device["kind"] for device in snapshot["devices"]] == ["card", "card", "slice", "slice"]
    assert [device["now"]["engine"] for device in snapshot["devices"]] == [0.87, None, None, None]


def test_watching_goes_on_until_it_is_interrupted(machine: Machine) -> None:
    watching = machine.desk.start("gpus", "--watch", "--json")
    assert watching.stdout is not None
    first = json.loads(watching.stdout.readline())
    machine.driver.gpus[0].util = 33
    machine.driver.write()
    while (seen := json.loads(watching.stdout.readline()))["devices"][0]["now"]["engine"] != 0.33:
        assert seen["at"] >= first["at"]
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=60)
    assert watching.returncode == 130
    assert "Traceback" not in said
