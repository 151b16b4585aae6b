"""A real JupyterHub on which people have spent money, for the browser tests of budgets.

Says as one line of JSON what the hub puts into a user's server, by user. Ends with its input.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.conftest import until  # noqa: E402
from tests.hub.spending import costly_hub  # noqa: E402
from tests.hub.spending.costly_hub import CostlyHub  # noqa: E402

BUDGETS = [
    {"user": "ann", "limit_usd": 1, "blocks": True},
    {"user": "bob", "limit_usd": 1},
    {"group": "training", "limit_usd": 1_000_000, "period": "week"},
]
SPENT = ("ann", "bob")


def spend(hub: CostlyHub) -> None:
    """A minute of a card for each; returns when it is counted."""
    for user in SPENT:
        name = f"train-{user}-master-0"
        hub.pod(name, user=user, job_id=f"j{user}")
        hub.becomes(name, "succeeded", user=user)
    until(lambda: all("over" in states(hub, user) for user in SPENT), what="what was spent is counted")


def states(hub: CostlyHub, user: str) -> list[str]:
    """How the budgets stand that count for a user."""
    items = hub.hub.service("GET", "api/budgets", user=user).json()["items"]
    return [item["state"] for item in items]


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="windlass-e2e-costly-hub-", ignore_cleanup_errors=True) as base,
        costly_hub.running(Path(base), settings={"budgets": BUDGETS}) as costly,
    ):
        spend(costly)
        hub = costly.hub
        environments = {
            user: {"WINDLASS_HUB_URL": f"{hub.url}services/windlass/api/", "JUPYTERHUB_API_TOKEN": hub.token_of(user)}
            for user in SPENT
        }
        print(json.dumps(environments), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
