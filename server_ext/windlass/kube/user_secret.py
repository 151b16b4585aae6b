"""The one Secret of a user's namespace: its name, and which variables it may hold.

The hub side writes it, job pods refer to it, and nobody else reads it: the user's own account may not. A pod names each
variable by reference, so that no value stands in a manifest, and each reference is optional, so that a job starts
whichever of them an administrator gave.
"""

from __future__ import annotations

from typing import Any

SECRET_NAME = "windlass-credentials"  # noqa: S105  (the name of the Secret)

VARIABLES: dict[str, str] = {
    "MLFLOW_TRACKING_USERNAME": "experiments",
    "MLFLOW_TRACKING_PASSWORD": "experiments",
    "MLFLOW_TRACKING_TOKEN": "experiments",
    "MLFLOW_S3_ENDPOINT_URL": "experiments",
    "AWS_ACCESS_KEY_ID": "volumes",
    "AWS_SECRET_ACCESS_KEY": "volumes",
    "AWS_SESSION_TOKEN": "volumes",
    "AWS_DEFAULT_REGION": "volumes",
    "AWS_ENDPOINT_URL": "volumes",
    "AZURE_STORAGE_CONNECTION_STRING": "volumes",
    "AZURE_STORAGE_ACCESS_KEY": "volumes",
    "HF_TOKEN": "jobs",
    "HF_ENDPOINT": "jobs",
    "PIP_INDEX_URL": "jobs",
    "PIP_EXTRA_INDEX_URL": "jobs",
    "UV_DEFAULT_INDEX": "jobs",
    "UV_INDEX": "jobs",
}
"""Every variable the Secret may hold (MLflow, S3 and DVC, Hugging Face, packages), and the feature that needs it."""


def environment(*variables: str) -> list[dict[str, Any]]:
    """Entries for a container's `env` that refer to the user's Secret; all variables when none is named.

    Raises:
        KeyError: a name that is not one of `VARIABLES`.
    """
    unknown = set(variables) - set(VARIABLES)
    if unknown:
        raise KeyError(f"{', '.join(sorted(unknown))} is no variable of {SECRET_NAME}.")
    return [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": SECRET_NAME, "key": name, "optional": True}}}
        for name in variables or VARIABLES
    ]
