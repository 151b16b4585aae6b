"""What MLflow itself enforces, found out of a real server with permissions, and said to whoever promotes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.conftest import Mlflow, until
from tests.hub.promotions.basic_auth import ADMIN, HUB, BasicAuthMlflow
from tests.hub.promotions.conftest import Desk

from windlass_hub.promotions.enforcement import Enforcement, Enforcements
from windlass_hub.service.audit_database import AuditDatabase
from windlass_hub.service.promoting import make_promoting
from windlass_hub.settings import Settings

UNKEPT = "champion and gold and the stage Production are protected only as long as everyone goes through Windlass."


async def found(desk: Desk, model: str, **settings: object) -> Enforcement:
    """What is found out anew, with other settings."""
    state = desk.service.state
    state.settings = state.settings.model_copy(update=settings)
    made = make_promoting(state, database=AuditDatabase(url=state.settings.database))
    assert made is not None
    enforcements: Enforcements = made.reads._enforcements
    return await enforcements.of(model)


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).is_success
    except httpx.HTTPError:
        return False


async def test_mlflow_has_one_permission_for_registering_and_for_moving_aliases(
    secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    """What this project's words about enforcement rest on; where MLflow changes it, the words must."""
    model = named(editor=None)
    can = {}
    for permission in (None, "READ", "USE", "EDIT", "MANAGE"):
        if permission is not None:
            secured.grant("bob", model, permission)
        moves = secured.set_alias(model, "champion", 1, user="bob").status_code
        registers = secured.version(model, user="bob").status_code
        body = {"name": model, "version": "1", "stage": "Production", "archive_existing_versions": False}
        stages = secured.call("POST", "2.0/mlflow/model-versions/transition-stage", user="bob", json=body).status_code
        can[permission] = (moves, registers != 403, stages)
    assert can == {
        None: (403, False, 403),
        "READ": (403, False, 403),
        "USE": (403, False, 403),
        "EDIT": (200, True, 200),
        "MANAGE": (200, True, 200),
    }


async def test_an_alias_is_enforced_where_no_account_but_admins_may_edit_the_model(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named(editor=None)
    terms = await desk.terms("ann", model)
    assert [rule["enforced"] for rule in terms["rules"]] == [True, True, True], terms
    assert terms["message"] == "MLflow lets nobody but its admins and the hub service move this model's aliases."
    assert secured.set_alias(model, "champion", 1, user="ann").status_code == 403
    waiting = (await desk.promote("ann", model, 2)).json()
    assert (await desk.answer("leo", waiting, "approve")).json()["state"] == "done", "and the hub service still can"


async def test_one_account_that_may_edit_the_model_is_told(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named(editor="ann")
    terms = await desk.terms("bob", model)
    assert [rule["enforced"] for rule in terms["rules"]] == [False, False, False]
    assert (
        terms["message"]
        == f"{UNKEPT} In MLflow, 1 account besides its admins may edit this model, and so move its aliases."
    )
    assert secured.set_alias(model, "champion", 1, user="ann").status_code == 200, "it is so"
    assert "ann" not in terms["message"]


async def test_a_role_for_all_models_counts(desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]) -> None:
    model = named(editor=None)
    secured.account("editor-of-all")
    secured.grant("editor-of-all", "*", "EDIT")
    try:
        assert (await found(desk, model)).enforced is False
    finally:
        body = {"username": "editor-of-all", "resource_type": "registered_model", "resource_id": "*"}
        secured.ask("POST", "3.0/mlflow/users/permissions/revoke", json=body)
    assert (await found(desk, model)).enforced is True


@pytest.mark.parametrize("account", [ADMIN, HUB])
async def test_credentials_of_an_admin_that_the_hub_hands_out_enforce_nothing(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str], settings: Settings, account: str
) -> None:
    (Path(settings.credentials_dir) / "group.team-a.yaml").write_text(secured.credentials(account))
    told = await found(desk, named(editor=None))
    assert (told.enforced, "hands out credentials of an MLflow admin" in told.because) == (False, True)


async def test_tokens_whose_account_nobody_knows_enforce_nothing(
    desk: Desk, named: Callable[..., str], settings: Settings
) -> None:
    (Path(settings.credentials_dir) / "everyone.yaml").write_text('MLFLOW_TRACKING_TOKEN: "abc"\n')
    assert (await found(desk, named(editor=None))).enforced is False


async def test_what_cannot_be_found_out_is_not_enforced(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str], settings: Settings
) -> None:
    model = named(editor=None)
    secured.account("watcher")
    Path(settings.mlflow_credentials_file).write_text(secured.credentials("watcher"))
    told = await found(desk, model)
    assert told.enforced is False
    assert "cannot be found out" in told.because
    away = await found(desk, model, mlflow_url="http://127.0.0.1:9")
    assert (away.enforced, "it does not answer" in away.because) == (False, True)


async def test_a_server_that_asks_nobody_enforces_nothing(desk: Desk, mlflow: Mlflow) -> None:
    await asyncio.to_thread(until, lambda: _is_up(mlflow.url), what="MLflow's start")
    mlflow.ask("registered-models/create", {"name": "open-to-all"})
    told = await found(desk, "open-to-all", mlflow_url=mlflow.url)
    assert (told.enforced, "asks nobody who they are" in told.because) == (False, True)


async def test_without_a_rule_there_is_nothing_to_say(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    promotions = desk.service.state.promotions
    promotions.settings = promotions.settings.model_copy(update={"rules": ()})
    terms = await desk.terms("ann", named())
    assert (terms["rules"], terms["message"], terms["log"], terms["free"]) == ([], None, "hub", True)
    assert terms["aliases"] == ["champion", "challenger"]
    assert terms["stages"] == ["None", "Staging", "Production", "Archived"]


async def test_mlflows_permissions_hold_for_whoever_asks(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    """The hub service may do everything in MLflow; nobody does more through it than they may there."""
    model = named(editor="ann")
    refused = await desk.promote("bob", model, 2, "challenger")
    assert refused.status_code == 409
    assert "MLflow does not let the credentials that this hub hands out to you do this" in refused.json()["detail"]
    assert secured.aliases(model) == {}
    for who in ("eve",):
        for method, path in (("GET", "promotions"), ("GET", "promotion-terms")):
            answer = await desk.call(who, method, f"models/{model}/{path}")
            assert (answer.status_code, "MLflow does not know" in answer.json()["detail"]) == (403, True)
        assert (await desk.promote(who, model, 2)).status_code == 403
    assert (await desk.log("rob", model))[0]["state"] == "failed", "approvers see the log without an account"
