"""The hub service has MLflow itself keep people from protected aliases, and tells what it cannot lower."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from tests.hub.promotions.basic_auth import BasicAuthMlflow
from tests.hub.promotions.conftest import Desk
from tests.hub.promotions.test_registering import GUARDED, lines, register, settings_of

from windlass_hub.settings import Settings


async def enforce(desk: Desk) -> None:
    assert desk.service.state.promoting is not None
    await desk.service.state.promoting.protection.enforce()


def made_by(secured: BasicAuthMlflow, who: str, prefix: str) -> str:
    """A model that somebody made by themselves, and so manages, with a version."""
    name = f"{prefix}-{secrets.token_hex(4)}"
    assert secured.call("POST", "2.0/mlflow/registered-models/create", user=who, json={"name": name}).is_success
    assert secured.version(name, user=who).is_success
    return name


async def test_who_made_a_model_cannot_move_its_protected_alias_any_more_and_still_registers(
    desk: Desk, secured: BasicAuthMlflow
) -> None:
    model, free = made_by(secured, "ann", "guarded"), made_by(secured, "ann", "free")
    secured.grant("bob", model, "EDIT")
    settings_of(desk, **GUARDED)
    await enforce(desk)
    assert secured.set_alias(model, "before", 1, user="ann").is_success, "it is off unless it is asked for"
    settings_of(desk, **GUARDED, protect=True)
    assert (await desk.terms("ann", model))["rules"][0]["enforced"] is False
    await enforce(desk)
    assert [secured.permission(who, model) for who in ("ann", "bob")] == ["USE", "USE"]
    assert [secured.set_alias(model, "champion", 1, user=who).status_code for who in ("ann", "bob")] == [403, 403]
    assert secured.set_alias(free, "champion", 1, user="ann").is_success, "no rule is about this one"
    assert (await desk.terms("ann", model))["rules"][0]["enforced"] is True
    changed = await lines(desk, "promotion.protect")
    assert sorted((target, detail["account"], detail["from"], detail["to"]) for _, target, _, detail in changed) == [
        (model, "ann", "MANAGE", "USE"),
        (model, "bob", "EDIT", "USE"),
    ]
    await enforce(desk)
    assert len(await lines(desk, "promotion.protect")) == 2, "and then there is nothing left to do"
    made = await register(desk, "ann", model, run_id=secured.run(), path="model")
    assert (made.status_code, made.json()["version"]) == (201, "2")
    waiting = (await desk.promote("ann", model, 2)).json()
    assert (await desk.answer("leo", waiting, "approve")).json()["state"] == "done"
    assert secured.aliases(model)["champion"] == "2"


async def test_a_model_made_through_the_hub_is_protected_before_it_has_a_version(
    desk: Desk, secured: BasicAuthMlflow
) -> None:
    settings_of(desk, **GUARDED, protect=True)
    name = f"guarded-{secrets.token_hex(4)}"
    assert (await register(desk, "ann", name, run_id=secured.run(), path="model")).status_code == 201
    assert secured.permission("ann", name) == "USE"
    assert (await register(desk, "ann", name, run_id=secured.run(), path="model")).json()["version"] == "2"


async def test_what_cannot_be_lowered_is_left_and_told_once(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str], settings: Settings
) -> None:
    model = named("guarded", editor=None)
    secured.account("ci-robot")
    secured.grant("ci-robot", model, "EDIT")
    secured.grant("bob", "*", "EDIT")
    (Path(settings.credentials_dir) / "group.team-a.yaml").write_text(secured.credentials("admin"))
    settings_of(desk, **GUARDED, protect=True)
    try:
        await enforce(desk)
        await enforce(desk)
        [(_, _, decision, detail)] = await lines(desk, "promotion.protect")
        assert (decision, detail["left"]) == ("failed", 3)
        for told in (
            "the hub hands out the credentials of admin, an admin",
            f"ci-robot has EDIT of '{model}', and is no account that this hub hands out",
            "bob has EDIT of all models, which cannot be lowered for one model",
        ):
            assert told in detail["why"]
        assert secured.permission("ci-robot", model) == "EDIT"
        (Path(settings.credentials_dir) / "group.team-a.yaml").unlink()
        message = (await desk.terms("lea", model))["message"]
        assert "2 accounts besides its admins" in message
        assert "Of these 1 may edit all models" in message
    finally:
        body = {"username": "bob", "resource_type": "registered_model", "resource_id": "*"}
        secured.ask("POST", "3.0/mlflow/users/permissions/revoke", json=body)


async def test_without_an_admins_credentials_it_says_so_and_changes_nothing(
    desk: Desk, secured: BasicAuthMlflow, settings: Settings
) -> None:
    model = made_by(secured, "ann", "guarded")
    secured.account("watcher")
    Path(settings.mlflow_credentials_file).write_text(secured.credentials("watcher"))
    settings_of(desk, **GUARDED, protect=True)
    await enforce(desk)
    [(_, _, decision, detail)] = await lines(desk, "promotion.protect")
    assert (decision, "its account is no admin of MLflow" in detail["why"]) == ("failed", True)
    assert secured.permission("ann", model) == "MANAGE"
