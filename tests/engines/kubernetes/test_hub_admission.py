"""On a hub, the policies for users' pods let through what is made of options that the user's profiles allow."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engines.kubernetes.making import EVERYTHING, cluster_job
from tests.engines.kubernetes.schemas import pod_templates
from tests.hub.rights.admission import Asked, refusals

from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass_hub.namespaces import Plan, namespace
from windlass_hub.profiles.access import Person
from windlass_hub.profiles.model import load_catalogue
from windlass_hub.rights.admission import user_pods
from windlass_hub.settings import Settings

SETTINGS = Settings(isolation="own", hub_namespace="jupyterhub")
CATALOGUE = load_catalogue(
    {
        "profiles": [
            {"slug": "cpu", "display_name": "CPU", "cpu": "2", "memory": "4G"},
            {
                "slug": "spot",
                "display_name": "T4, spot",
                "cpu": "4",
                "memory": "16G",
                "gpu": {"product": "Tesla-T4"},
                "spot": True,
                "priority_class": "batch",
            },
            {
                "slug": "mig",
                "display_name": "A slice",
                "cpu": "4",
                "memory": "16G",
                "gpu": {"product": "A100", "mode": "mig", "mig_profile": "1g.5gb"},
            },
            {
                "slug": "share",
                "display_name": "A share",
                "cpu": "4",
                "memory": "16G",
                "gpu": {"product": "T4", "mode": "shared", "replicas": 4},
            },
        ]
    }
)


def refused(kind: str, *, gpus: int, options: dict[str, Any]) -> list[str]:
    plan = Plan(
        name="wl-ada",
        person=Person(name="ada"),
        catalogue=CATALOGUE,
        settings=SETTINGS,
        hub_namespace="jupyterhub",
        default_priorities=(),
    )
    _, there = namespace(plan)
    job = cluster_job(spec={"gpus_per_worker": gpus}, options=options, service_account="windlass-user")
    templates = [each for item in KINDS[kind].render(job, EVERYTHING) for each in pod_templates(item)]
    assert templates
    policies = user_pods(SETTINGS, hub_namespace="jupyterhub")
    return [
        message for template in templates for message in refusals(policies, Asked(object=template, in_namespace=there))
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("gpus", "options"),
    [
        (0, {"cpu": 2}),
        (1, {"node_class": "spot", "priority_class": "batch"}),
        (1, {"gpu": {"share": "mig", "mig_profile": "1g.5gb"}}),
        (1, {"gpu": {"share": "time-sliced"}}),
    ],
)
def test_what_a_profile_has_is_let_through(kind: str, gpus: int, options: dict[str, Any]) -> None:
    assert refused(kind, gpus=gpus, options=options) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("gpus", "options"),
    [
        (1, {"gpu": {"share": "mig", "mig_profile": "3g.20gb"}}),
        (0, {"priority_class": "system-cluster-critical"}),
        (0, {"tolerations": [{"key": "dedicated"}]}),
    ],
)
def test_what_no_profile_has_is_not(kind: str, gpus: int, options: dict[str, Any]) -> None:
    assert refused(kind, gpus=gpus, options=options)
