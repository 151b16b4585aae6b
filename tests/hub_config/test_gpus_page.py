"""The page for administrators of GPUs names what there is: files, layouts, alerts, commands as the files have them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "gpus-admin.md").read_text()
HUB_CONFIG = ROOT / "hub-config"
COMMANDS = re.sub(r" \\\n +", " ", "\n".join(re.findall(r"^    (.+)$", PAGE, flags=re.MULTILINE))).splitlines()


def loaded(*path: str) -> Any:
    return yaml.safe_load(HUB_CONFIG.joinpath(*path).read_text())


def test_each_file_that_it_names_is_there() -> None:
    named = set(re.findall(r"hub-config/[\w./*-]+[\w*]", PAGE))
    assert len(named) > 10
    for name in named:
        assert list(ROOT.glob(name)), name


def test_each_command_can_be_read_by_a_shell() -> None:
    assert len(COMMANDS) > 20
    for command in COMMANDS:
        assert shlex.split(command)


def test_the_charts_are_installed_as_the_values_say() -> None:
    for path in (
        "device-plugin/values.yaml",
        "prometheus/kube-prometheus-stack-values.yaml",
        "prometheus/dcgm-exporter-values.yaml",
    ):
        said = re.findall(r"^#   (helm upgrade .+)$", (HUB_CONFIG / path).read_text(), flags=re.MULTILINE)
        assert len(said) == 1
        assert said[0] in COMMANDS


def test_the_layouts_are_those_of_the_file_with_what_they_come_to() -> None:
    layouts = yaml.safe_load(loaded("mig", "layouts.yaml")["data"]["config.yaml"])["mig-configs"]
    rows = {cells[1].strip(" `"): cells[2:] for cells in _rows("| layout |")}
    assert set(rows) == set(layouts)
    for name in ("seven", "seven-mixed", "half", "balanced", "halves"):
        slices = [entry["mig-devices"] for entry in layouts[name]]
        assert [_slices(cell) for cell in rows[name][:4]] == slices


def test_each_alert_is_on_the_page_with_its_severity() -> None:
    alerts = {
        rule["alert"]: rule["labels"]["severity"]
        for group in loaded("prometheus", "rules.yaml")["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    said: dict[str, str] = {}
    for cells in _rows("| alert |"):
        names, severities = re.findall(r"`(\w+)`", cells[1]), cells[3].strip().split(", ")
        said |= dict(zip(names, severities, strict=True))
    assert said == alerts


def test_the_steps_that_alerts_point_to_are_there() -> None:
    steps = set(re.findall(r"docs/gpus-admin.md, step (\d)", (HUB_CONFIG / "prometheus" / "rules.yaml").read_text()))
    assert steps
    assert steps <= set(re.findall(r"^## (\d)\. ", PAGE, flags=re.MULTILINE))


def test_the_configurations_of_the_device_plugin_are_those_of_the_file() -> None:
    named = {cells[1].strip(" `") for cells in _rows("| configuration |")}
    assert named == set(loaded("device-plugin", "configs.yaml")["data"])


def _rows(head: str) -> list[list[str]]:
    table = PAGE.split(head, 1)[1].split("\n\n", 1)[0]
    return [row.split("|") for row in table.splitlines()[2:]]


def _slices(cell: str) -> dict[str, int]:
    return {name: int(count or 1) for count, name in re.findall(r"(?:(\d) × )?`([\dg.b]+)`", cell)}
