from __future__ import annotations

from typing import Any

import pytest

from windlass_hub.profiles.changes import changes
from windlass_hub.profiles.model import Catalogue, load_catalogue

T4 = {
    "slug": "t4",
    "display_name": "T4",
    "cpu": "4",
    "memory": "16G",
    "gpu": {"product": "Tesla-T4"},
    "usd_per_hour": 0.35,
    "groups": ["ml"],
    "environment": {"TOKEN": "hunter2"},
}
CPU = {"slug": "cpu", "display_name": "CPU only", "cpu": "2", "memory": "4G"}


def catalogue(*profiles: dict[str, Any], **rest: Any) -> Catalogue:
    return load_catalogue({"profiles": list(profiles), **rest})


def told(before: Catalogue, after: Catalogue) -> list[str]:
    return [str(change) for change in changes(before, after)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"usd_per_hour": 0.53, "groups": ["ml", "vision"]}, "T4: price $0.35 → $0.53; group vision added"),
        ({"usd_per_hour": None}, "T4: price $0.35 → none"),
        ({"usd_per_hour": 0.3512}, "T4: price $0.35 → $0.3512"),
        ({"display_name": "Tesla"}, "T4: name T4 → Tesla"),
        ({"groups": []}, "T4: group ml removed"),
        ({"gpu": None}, "T4: GPU 1 × Tesla-T4 → none"),
        ({"gpu": {"product": "Tesla-T4", "count": 2}}, "T4: GPU count 1 → 2"),
        ({"gpu": {"product": "Tesla-T4", "mode": "shared", "replicas": 4}}, "mode dedicated → shared"),
        ({"spot": True}, "T4: spot on"),
        ({"environment": {"TOKEN": "hunter3"}}, "T4: environment TOKEN changed"),
        ({"environment": {}}, "T4: environment TOKEN removed"),
        ({"node_selector": {"gpu-type": "t4"}}, "T4: node selector gpu-type added: t4"),
        ({"tolerations": [{"key": "gpu", "effect": "NoSchedule"}]}, "T4: toleration gpu:NoSchedule added"),
        ({"volumes": [{"name": "shm", "mount_path": "/dev/shm", "scratch": "2G"}]}, "T4: volume shm added"),
        ({"idle": {"gpu_minutes": 30}}, "T4: idle GPU idle minutes none → 30"),
        ({"description": "x" * 500}, "T4: description changed"),
        ({"free_image": {"pattern": "quay.io/.*"}}, "T4: free image none → pattern quay.io/.*"),
    ],
)
def test_a_change_of_a_profile_in_words(change: dict[str, Any], words: str) -> None:
    (line,) = told(catalogue(T4), catalogue({**T4, **change}))
    assert words in line
    assert "hunter" not in line


def test_profiles_that_come_and_go_and_change_places() -> None:
    assert told(catalogue(T4), catalogue(T4, CPU)) == ["profile CPU only added"]
    assert told(catalogue(T4, CPU), catalogue(CPU)) == ["profile T4 removed"]
    third = {**CPU, "slug": "third", "display_name": "Third"}
    assert told(catalogue(T4, CPU, third), catalogue(CPU, third, T4)) == ["profile T4 moved"]


def test_images_prices_and_quotas_in_words() -> None:
    image = {"slug": "base", "display_name": "Base", "image": "quay.io/jupyter/base-notebook:latest"}
    before = catalogue(images=[image], prices={"gpu_hour": {"Tesla-T4": 0.35}}, quotas={"groups": {"ml": {"pods": 2}}})
    after = catalogue(
        images=[{**image, "image": "quay.io/jupyter/base-notebook:2"}],
        prices={"gpu_hour": {"Tesla-T4": 0.4, "A100": 3.0}, "cpu_core_hour": 0.03},
        quotas={"default": {"gpus": {"nvidia.com/gpu": 1}}, "groups": {"vision": {}}},
    )
    assert told(before, after) == [
        "Base: image quay.io/jupyter/base-notebook:latest → quay.io/jupyter/base-notebook:2",
        "Prices: price of a core none → $0.03; price of Tesla-T4 $0.35 → $0.40; price of A100 added: $3.00",
        "Quota of everyone: limit of nvidia.com/gpu added: 1",
        "Quota of group ml: pods 2 → none",
        "Quota of group vision (no limits) added",
    ]


def test_equal_catalogues_differ_in_nothing() -> None:
    assert told(catalogue(T4, CPU), catalogue(T4, CPU)) == []
