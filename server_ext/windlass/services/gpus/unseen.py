"""What is missing among the devices that are seen: GPUs that a job asked for and of which no source tells.

Without it the mean over one of four machines would look like the job's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from windlass.metrics.reading import Condition, Device
from windlass.services.gpus.holdings import Holdings
from windlass.services.gpus.who import Who

AWAITED_SECONDS = 60.0
"""So long after a job has begun nothing need be told of its pods: exporters are scraped, logs followed."""


def unseen(
    devices: Sequence[Device], *, who: Mapping[str, Who], holdings: Holdings, now: float
) -> tuple[Condition, ...]:
    """A sentence for each job in pods of which devices are missing.

    Args:
        devices: as they are now.
        who: who holds each, by id; of all of them.
        holdings: what the user's live jobs hold.
        now: POSIX seconds.
    """
    seen = Counter(who[device.id].holding.job_id for device in devices)
    # Two shares of one card are one device, so that nothing can be missed.
    sharing = {who[device.id].holding.job_id for device in devices if device.kind == "share"}
    found = []
    for job_id, asked in holdings.asked.items():
        since = holdings.since.get(job_id)
        if since is None or now - since < AWAITED_SECONDS or job_id in sharing or seen[job_id] >= asked:
            continue
        what = "its GPU is not seen" if asked == 1 else f"{seen[job_id] or 'none'} of its {asked} GPUs seen"
        message = (
            f"{holdings.names.get(job_id, job_id)}: {what}; of what is missing neither the job's own readings nor "
            "Prometheus tell."
        )
        found.append(Condition(source="job", code="partial", message=message))
    return tuple(found)
