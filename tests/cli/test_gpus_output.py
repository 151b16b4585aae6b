"""GPUs as they are printed: in 80 columns, with the word for what is not known."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from windlass.contract.gpus import GpuSnapshot
from windlass.output.console import rendered
from windlass.output.gpu_listing import GpuListing
from windlass.output.gpus import gpus_view

GIB = 1024**3
AT = "2026-11-23T13:00:00Z"


def device(uuid: str, **more: Any) -> dict[str, Any]:
    return {"id": uuid, "uuid": uuid, "name": "NVIDIA A100-SXM4-40GB", "memory_total_bytes": 40 * GIB, **more}


def snapshot(*devices: dict[str, Any], **more: Any) -> GpuSnapshot:
    given = {"at": AT, "devices": devices, "groups": [], "alarms": [], "conditions": [], **more}
    return GpuSnapshot.model_validate(given)


def shown(seen: GpuSnapshot, *, ascii_only: bool = False) -> list[str]:
    return rendered(gpus_view(seen, ascii_only=ascii_only)).splitlines()


def now(**figures: Any) -> dict[str, Any]:
    return {"at": 1.0, **figures}


def test_a_busy_card_has_bars_and_who_uses_it() -> None:
    owner = {"kind": "kernel", "label": "train.ipynb", "notebook": "work/train.ipynb"}
    reading = now(engine=0.87, memory_bytes=8 * GIB, power_watts=312.4)
    heading, card, total = shown(snapshot(device("GPU-a", index=0, now=reading, owners=[owner]), engine=0.87))
    assert heading.split() == ["GPU", "USE", "MEMORY", "POWER", "USED", "BY"]
    for words in ("0 A100-SXM4-40GB", "███████░ 87 %", "█░░░░ 8.0/40 GiB", "312 W", "train.ipynb"):
        assert words in card
    assert total == "1 device, use 87 %; cost per hour unknown"


def test_what_is_not_known_is_said_and_no_bar_is_drawn() -> None:
    lines = shown(snapshot(device("GPU-a", index=0, owners_known=False, problem="Not told.")))
    card = lines[1]
    assert card.count("unknown") == 4
    assert not {"█", "░", "0 %", "0 W"} & set(card.split())
    assert "note: GPU 0: Not told." in lines


def test_slices_stand_under_their_card_which_has_no_use_of_its_own() -> None:
    card = device("GPU-b", index=1, now=now(memory_bytes=GIB, power_watts=60.0))
    part = device("MIG-1", parent_uuid="GPU-b", kind="slice", mig_profile="2g.10gb", now=now(memory_bytes=0))
    lines = shown(snapshot(card, part))
    assert "in slices" in lines[1]
    assert lines[2].startswith("└ 2g.10gb")
    assert "░░░░░ 0.0/40 GiB" in lines[2]
    assert "unknown" in lines[2]


def test_a_little_is_not_nothing() -> None:
    lines = shown(snapshot(device("GPU-a", index=0, now=now(engine=0.002))))
    assert "█░░░░░░░ <1 %" in lines[1]


def test_a_job_with_a_straggler_an_alarm_and_its_cost() -> None:
    alarm = {
        "id": "idle:GPU-a",
        "kind": "idle",
        "device_id": "GPU-a",
        "since": AT,
        "engine": 0.04,
        "usd_per_hour": 3.2,
        "message": "GPU 3 of job resnet is at 4 % for 10 min: data loader?",
    }
    spread = {"least": 0.04, "mean": 0.7, "most": 0.95, "known": 4}
    group = {"job_id": "j1", "name": "resnet", "devices": 4, "engine": spread, "memory_fraction": {}, "usd": 12.5}
    held = device("GPU-a", index=3, job_id="j1", idle_since=AT, now=now(engine=0.04))
    lines = shown(snapshot(held, alarms=[alarm], groups=[{**group, "straggler_rank": 3}]))
    assert "idle held by resnet" in lines[1]
    assert "alarm: GPU 3 of job resnet is at 4 % for 10 min: data loader? (3.20 USD an hour)" in lines
    assert "resnet: 4 GPUs, use 4 % to 95 %, 70 % on average, rank 3 stands out, 12.50 USD so far" in " ".join(
        " ".join(lines).split()
    )


def test_a_machine_without_a_driver_says_so_and_shows_no_empty_table() -> None:
    condition = {"source": "nvml", "code": "no-driver", "message": "This machine has no NVIDIA driver."}
    lines = shown(snapshot(conditions=[condition]))
    assert lines == ["No GPUs are seen; cost per hour unknown", "note: This machine has no NVIDIA driver."]


def test_a_terminal_of_ascii_gets_ascii() -> None:
    lines = shown(snapshot(device("GPU-a", index=0, now=now(engine=0.5))), ascii_only=True)
    assert "####.... 50 %" in lines[1]
    assert "\n".join(lines).isascii()


def test_a_notebook_gets_a_table_in_which_nothing_is_markup() -> None:
    owner = {"kind": "other", "label": "<script>alert(1)</script>\x1b[2J"}
    listing = GpuListing(snapshot(device("GPU-a", index=0, now=now(engine=0.5), owners=[owner])))
    markup = listing._repr_html_()
    assert "&lt;script&gt;" in markup
    assert "<script>" not in markup
    assert "\x1b" not in markup + repr(listing)
    assert markup.count("<tr>") == 2


@given(st.text(max_size=60), st.text(max_size=60), st.none() | st.floats(0, 1), st.none() | st.integers(0, 2**45))
def test_no_name_and_no_figure_breaks_80_columns(
    name: str, label: str, engine: float | None, memory: int | None
) -> None:
    owner = {"kind": "other", "label": label}
    seen = snapshot(device("GPU-a", now=now(engine=engine, memory_bytes=memory), owners=[owner]) | {"name": name})
    console = Console(width=80, record=True, force_terminal=False, color_system=None, file=None)
    with console.capture() as captured:
        console.print(gpus_view(seen))
    assert all(cell_len(line.rstrip()) <= 80 for line in captured.get().splitlines())
