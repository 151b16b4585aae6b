"""A real JupyterHub whose users have spent something in an emulated cluster, for the browser tests of the costs page.

Says where it is as one line of JSON; ends when its input does.
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

MARKUP = '"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
LONG = "an-experiment-whose-name-has-no-end-" * 4
BUDGETS = [
    {"user": "*", "limit_usd": 100000},
    {"user": "ann", "limit_usd": 60, "blocks": True},
    {"user": "bob", "limit_usd": 135},
    {"group": "research", "limit_usd": 1000000, "period": "week"},
    {"group": "training", "limit_usd": 400, "warn_at": 0.5, "blocks": True},
]


def spend(hub: CostlyHub) -> None:
    """Jobs of ann's and bob's: one with an evil experiment, one with a long one, one without a price, one unseen."""
    for job_id, user, more in (
        ("j1", "ann", {"experiment": "resnet"}),
        ("j2", "ann", {"experiment": MARKUP}),
        ("j3", "bob", {"experiment": LONG}),
        ("j4", "bob", {"product": "H900"}),
    ):
        hub.pod(f"train-{job_id}-master-0", user=user, job_id=job_id, **more)
    for job_id, user in (("j1", "ann"), ("j2", "ann"), ("j3", "bob"), ("j4", "bob")):
        hub.becomes(f"train-{job_id}-master-0", "succeeded", user=user)
    hub.ended_job(user="ann", job_id="j5", seconds=400)
    for user in ("ann", "bob"):
        series = f'windlass_cost_unknown_jobs_total{{user="{user}"}}'
        until(lambda series=series: hub.figure(series) == 1, what=f"what {user} spent is counted")


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="windlass-e2e-costs-", ignore_cleanup_errors=True) as folder,
        costly_hub.running(Path(folder), settings={"budgets": BUDGETS}) as hub,
    ):
        spend(hub)
        print(json.dumps({"url": hub.hub.url, "password": hub.hub.token}), flush=True)
        for _line in sys.stdin:
            pass


if __name__ == "__main__":
    main()
