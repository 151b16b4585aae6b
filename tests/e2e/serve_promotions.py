"""A real JupyterHub with promotions, and a real MLflow with permissions, for the browser tests of approvals.

Says where it is as one line of JSON. Each further line in is a command as JSON, answered by a line:
{"do": "model", "name": …}            a model with three versions, whose runs have metrics; version 1 is champion
{"do": "promote", "user": …, "model": …, "version": …, "comment": …}   as the user's server asks, with a token of theirs
{"do": "aliases", "model": …}         what MLflow has
{"do": "edit", "user": …, "model": …} give an account of MLflow the permission to edit a model
{"do": "environment", "user": …}      what the hub, and the files of its admin, put into a user's server
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.hub import real_hub  # noqa: E402
from tests.hub.promotions import basic_auth  # noqa: E402
from tests.hub.promotions.basic_auth import HUB, BasicAuthMlflow  # noqa: E402

CATALOGUE = Path(__file__).with_name("hub-profiles.yaml")
PEOPLE = {"ann": (), "bob": (), "lea": ("ml-leads",), "leo": ("ml-leads",), "root": ()}


def settings(base: Path, mlflow: BasicAuthMlflow) -> dict[str, Any]:
    """What an admin sets: where MLflow is, the service's own credentials, those of users, and the rule."""
    credentials = base / "credentials"
    credentials.mkdir()
    (base / "own.yaml").write_text(mlflow.credentials(HUB))
    for name in ("ann", "bob"):
        mlflow.account(name)
        (credentials / f"user.{name}.yaml").write_text(mlflow.credentials(name))
    return {
        "mlflow_url": mlflow.url,
        "mlflow_credentials_file": str(base / "own.yaml"),
        "credentials_dir": str(credentials),
        "promotion": {"rules": [{"alias": "champion", "groups": ["ml-leads"]}]},
    }


def do(command: dict[str, Any], hub: real_hub.Hub, mlflow: BasicAuthMlflow) -> Any:
    """What a command answers."""
    if command["do"] == "model":
        mlflow.model(command["name"])
        return mlflow.set_alias(command["name"], "champion", 1).json()
    if command["do"] == "promote":
        body = {"version": command["version"], "alias": "champion", "comment": command["comment"]}
        path = f"api/models/{command['model']}/promotions"
        return hub.service("POST", path, user=command["user"], json=body).json()
    if command["do"] == "edit":
        mlflow.grant(command["user"], command["model"], "EDIT")
        return {}
    if command["do"] == "environment":
        mlflow.account(command["user"])
        return {
            "WINDLASS_HUB_URL": f"{hub.url}services/windlass/api/",
            "JUPYTERHUB_API_TOKEN": hub.token_of(command["user"]),
            "MLFLOW_TRACKING_URI": mlflow.url,
            "MLFLOW_TRACKING_USERNAME": command["user"],
            "MLFLOW_TRACKING_PASSWORD": basic_auth.PASSWORD,
        }
    return mlflow.aliases(command["model"])


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="windlass-e2e-promotions-", ignore_cleanup_errors=True) as folder,
        basic_auth.running(Path(folder)) as mlflow,
    ):
        base = Path(folder) / "hub"
        base.mkdir()
        chosen = settings(base, mlflow)
        with real_hub.running(base, catalogue=CATALOGUE.read_text(), people=PEOPLE, settings=chosen) as hub:
            hub.wait_for_service()
            print(json.dumps({"url": hub.url, "password": hub.token}), flush=True)
            for line in sys.stdin:
                print(json.dumps(do(json.loads(line), hub, mlflow)), flush=True)


if __name__ == "__main__":
    main()
