"""Credentials for MLflow: the hub service's own, and those that this hub hands out to its users.

Read each time, because they may be rotated; only what goes to MLflow is passed on, and nothing of it is logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from windlass_hub.isolation.credentials import CredentialsError, CredentialSource, read_variables
from windlass_hub.profiles.access import Person
from windlass_hub.promotions.enforcement import HandedOut
from windlass_hub.settings import Settings

_TRACKING = "MLFLOW_TRACKING_"
USERNAME, TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_TOKEN"


def mlflow_credentials(settings: Settings) -> dict[str, str]:
    """The service's own variables; none where the admin gave none. Raises OSError where they cannot be read."""
    if not settings.mlflow_credentials_file:
        return {}
    try:
        return read_variables(Path(settings.mlflow_credentials_file))
    except CredentialsError as error:
        raise OSError(str(error)) from error


def credentials_of(settings: Settings, person: Person) -> dict[str, str]:
    """What this hub hands out to somebody for MLflow. Raises OSError where it cannot be read."""
    try:
        return _tracking(CredentialSource(settings.credentials_dir).read(person))
    except CredentialsError as error:
        raise OSError(str(error)) from error


def handed_out(settings: Settings) -> HandedOut:
    """The MLflow accounts whose credentials this hub hands out to anybody. Raises OSError."""
    if not settings.credentials_dir:
        return HandedOut()
    try:
        found = [read_variables(path) for path in sorted(Path(settings.credentials_dir).glob("*.yaml"))]
    except CredentialsError as error:
        raise OSError(str(error)) from error
    accounts = {variables[USERNAME] for variables in found if USERNAME in variables}
    return HandedOut(accounts=frozenset(accounts), unknown=any(TOKEN in variables for variables in found))


def _tracking(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name.startswith(_TRACKING)}
