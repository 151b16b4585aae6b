"""Stands in for Windlass in an image that does not have it: only what a notebook uses inside its job."""

from windlass_runner.job_api import checkpoint_dir, progress

__all__ = ["checkpoint_dir", "progress"]
