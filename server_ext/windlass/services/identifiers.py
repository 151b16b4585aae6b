"""Job ids: short, sortable by time, and valid as part of every name a cluster wants (DNS-1123 label)."""

from __future__ import annotations

import secrets

DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: nothing that reads like something else."""
TIME_LENGTH = 7
"""Seconds until the year 3058."""
RANDOM_LENGTH = 6


def new_job_id(*, now: float) -> str:
    """An id for a job made now (POSIX seconds), as `j1tq2x7m8k3f0z`."""
    seconds = int(now)
    digits = [DIGITS[(seconds >> shift) & 31] for shift in range(5 * (TIME_LENGTH - 1), -1, -5)]
    digits += [secrets.choice(DIGITS) for _ in range(RANDOM_LENGTH)]
    return "j" + "".join(digits)
