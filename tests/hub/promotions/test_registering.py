"""Versions of protected models are registered through the hub service, by who may use the model and read the run."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.hub.promotions.basic_auth import HUB, PASSWORD, BasicAuthMlflow
from tests.hub.promotions.conftest import RULES, Desk

from windlass.contract.models import RegisterRequest
from windlass.errors import Forbidden
from windlass.hub.broker import HubBroker
from windlass.services.experiments.cache import RunCache
from windlass.services.experiments.reading import RunReader
from windlass.services.registry.hub_side import HubSide
from windlass.services.registry.models import ModelRegistry
from windlass.services.registry.register import Registration
from windlass.services.registry.sources import SourceRuns
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.tracking import Tracking
from windlass_hub.promotions.rules import PromotionSettings
from windlass_hub.service.audit_database import AuditDatabase
from windlass_hub.service.promoting import make_promoting

GUARDED = {"rules": [{"alias": "champion", "models": "guarded-*", "groups": ["ml-leads"]}]}


def settings_of(desk: Desk, **more: Any) -> None:
    """Have the service go on with other settings of promotions."""
    state = desk.service.state
    promotion = PromotionSettings.model_validate({**RULES, **more})
    state.settings = state.settings.model_copy(update={"promotion": promotion})
    state.promoting = make_promoting(state, database=AuditDatabase(url=state.settings.database))


async def register(desk: Desk, who: str, model: str, **body: Any) -> Any:
    return await desk.call(who, "POST", f"models/{model}/versions", json=body)


async def lines(desk: Desk, action: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Who, what of and how, of the audit log, the newest first."""
    audit = desk.service.state.audit
    assert await audit.settled()
    found = [entry for entry in await audit.latest() if entry.action == action]
    return [(entry.who, entry.target, entry.decision, entry.detail) for entry in found]


@pytest.fixture
async def servers(desk: Desk, secured: BasicAuthMlflow, tmp_path: Path) -> AsyncIterator[Callable[[str], Registration]]:
    """What somebody's server registers with; each call is one more server of theirs."""
    brokers: list[HubBroker] = []
    trackings: list[Tracking] = []

    def make(who: str) -> Registration:
        brokers.append(HubBroker(url=f"{desk.service.url}api", token=desk.service.tokens[who]))
        address = secured.url.replace("http://", f"http://{who}:{PASSWORD}@")
        trackings.append(Tracking(data_dir=tmp_path, configured_uri=address, python="python"))
        runs = RunReader(tracking=trackings[-1], cache=RunCache())
        models = ModelRegistry(tracking=trackings[-1], sources=SourceRuns(runs=runs))
        return Registration(tracking=trackings[-1], runs=runs, models=models, hub=HubSide(brokers[-1]))

    yield make
    for broker in brokers:
        await broker.close()
    for tracking in trackings:
        await tracking.close()


async def test_who_may_use_a_protected_model_registers_it_and_cannot_move_its_alias(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str], servers: Callable[[str], Registration]
) -> None:
    model, run_id = named(editor=None), secured.run()
    secured.grant("ann", model, "USE")
    assert secured.version(model, user="ann").status_code == 403, "MLflow does not let her"
    request = RegisterRequest(
        name=model, run_id=run_id, path="model", description="why", tags={"a": "1", "windlass.user": "lea"}
    )
    done = await servers("ann").register(request, owner="ann")
    version = done.version
    assert (done.created, version.version, version.run_id, version.user) == (True, "4", run_id, "ann")
    assert (version.description, [(tag.key, tag.value) for tag in version.tags]) == (
        "why",
        [("a", "1"), ("windlass.user", "ann")],
    )
    again = await servers("ann").register(request, owner="ann")
    assert (again.created, again.version.version) == (False, "4")
    assert secured.set_alias(model, "champion", 4, user="ann").status_code == 403
    assert secured.versions(model)[0].get("user_id") in (None, "", HUB)
    [(who, target, decision, detail)] = await lines(desk, "model.register")
    assert (who, target, decision) == ("ann", f"{model}/4", "allowed")
    assert (detail["run_id"], detail["path"], detail["created"]) == (run_id, "model", True)
    tags = secured.ask("GET", "2.0/mlflow/registered-models/get", params={"name": model})["registered_model"]
    assert "windlass.promoting" not in str(tags), "nobody's turn is left behind"


async def test_who_registers_the_same_at_once_on_several_servers_makes_one_version(
    secured: BasicAuthMlflow, named: Callable[..., str], servers: Callable[[str], Registration]
) -> None:
    protected, new, run_id = named(editor=None), f"new-{secrets.token_hex(4)}", secured.run()
    secured.grant("ann", protected, "USE")
    secured.grant("bob", protected, "EDIT")
    for model, people in ((protected, ("ann", "bob", "ann")), (new, ("ann", "ann", "ann"))):
        request = RegisterRequest(name=model, run_id=run_id, path="model")
        asked = (servers(who).register(request, owner=who) for who in people)
        done = await asyncio.gather(*asked)
        assert sorted(each.created for each in done) == [False, False, True]
        assert len({each.version.version for each in done}) == 1
        assert len(secured.versions(model)) == (4 if model == protected else 1)


async def test_who_may_only_read_the_model_is_told_what_they_need(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str], servers: Callable[[str], Registration]
) -> None:
    model, run_id = named(editor=None), secured.run()
    request = RegisterRequest(name=model, run_id=run_id, path="model")
    with pytest.raises(Forbidden, match="you need USE of it in MLflow, and have READ"):
        await servers("bob").register(request, owner="bob")
    stranger = await register(desk, "eve", model, run_id=run_id, path="model")
    assert (stranger.status_code, "MLflow does not know" in stranger.json()["detail"]) == (403, True)
    assert [decision for _, _, decision, _ in await lines(desk, "model.register")] == ["refused", "refused"]
    settings_of(desk, register_with="READ")
    assert (await servers("bob").register(request, owner="bob")).version.version == "4"


async def test_nobody_registers_from_a_run_they_may_not_read(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model, secret = named(editor=None), secured.experiment(f"secret {secrets.token_hex(4)}")
    secured.grant("ann", model, "USE")
    body = {"username": "ann", "resource_type": "experiment", "resource_id": secret, "permission": "DENY"}
    secured.ask("POST", "3.0/mlflow/users/permissions/grant", json=body)
    run_id = secured.run(experiment=secret)
    logged = secured.ask(
        "POST", "2.0/mlflow/logged-models", json={"experiment_id": secret, "name": "m", "source_run_id": run_id}
    )["model"]["info"]["model_id"]
    own = secured.run()
    for given in (
        {"run_id": run_id, "path": "model"},
        {"run_id": run_id, "model_id": logged},
        {"run_id": own, "model_id": logged},
    ):
        refused = await register(desk, "ann", model, **given)
        assert (refused.status_code, "read this run and its model" in refused.json()["detail"]) == (403, True), given
    assert len(secured.versions(model)) == 3


async def test_a_model_that_is_denied_or_a_prompt_is_not_added_to(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    hidden, prompt, run_id = named(editor=None), f"prompt-{secrets.token_hex(4)}", secured.run()
    secured.grant("ann", hidden, "DENY")
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    secured.ask("POST", "2.0/mlflow/registered-models/create", json={"name": prompt, "tags": tags})
    denied = await register(desk, "ann", hidden, run_id=run_id, path="model")
    assert (denied.status_code, len(secured.versions(hidden))) == (403, 3)
    refused = await register(desk, "ann", prompt, run_id=run_id, path="model")
    assert (refused.status_code, "name of a prompt" in refused.json()["detail"]) == (400, True)


async def test_models_that_no_rule_protects_are_mlflows_business_alone(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str], servers: Callable[[str], Registration]
) -> None:
    settings_of(desk, **GUARDED)
    model, run_id = named("free", editor=None), secured.run()
    secured.grant("ann", model, "USE")
    with pytest.raises(Forbidden, match="no rule of this hub protects it: ask whoever manages the model"):
        await servers("ann").register(RegisterRequest(name=model, run_id=run_id, path="model"), owner="ann")
    desk.service.state.promoting = None
    with pytest.raises(MlflowRefused, match="MLflow refused: it does not allow this"):
        await servers("ann").register(RegisterRequest(name=model, run_id=run_id, path="model"), owner="ann")
    assert len(secured.versions(model)) == 3


async def test_a_new_model_is_made_as_whoever_asks_and_none_for_a_run_that_is_refused(
    desk: Desk, secured: BasicAuthMlflow
) -> None:
    name, run_id = f"model-{secrets.token_hex(4)}", secured.run()
    assert (await register(desk, "ann", name, run_id=run_id, path="nowhere")).status_code == 404
    assert (await register(desk, "ann", name, run_id="f" * 32, path="model")).status_code in (403, 404)
    query = {"name": name}
    assert secured.call("GET", "2.0/mlflow/registered-models/get", params=query).status_code == 404
    made = await register(desk, "ann", name, run_id=run_id, path="model")
    assert (made.status_code, made.json()) == (201, {"name": name, "version": "1", "created": True})
    assert secured.permission("ann", name) == "MANAGE", "it is hers, as if she had asked MLflow"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"path": "../../0"}, "path"),
        ({"path": "model\\..\\.."}, "path"),
        ({"path": "model\x00"}, "path"),
        ({}, "path"),
        ({"path": "model", "model_id": "m-1"}, "path"),
        ({"path": "model", "tags": {"windlass.promotions": "true"}}, "tags.windlass.promotions"),
        ({"path": "model", "tags": {"mlflow.prompt.is_prompt": "true"}}, "tags.mlflow.prompt.is_prompt"),
        ({"path": "model", "tags": {"line\nbreak": "x"}}, "tags.line\nbreak"),
        ({"path": "model", "tags": {"a": "\x00"}}, "tags.a"),
        ({"path": "model", "description": "x" * 5001}, "description"),
        ({"path": "model", "run_id": "r" * 65}, "run_id"),
    ],
    ids=lambda value: ascii(value)[:40],
)
async def test_what_cannot_be_registered_is_refused_at_its_field(
    desk: Desk, secured: BasicAuthMlflow, field: str, given: dict[str, Any]
) -> None:
    body = {"run_id": secured.run(), "source": "file:///etc", **given}
    refused = await register(desk, "ann", "model-hostile", **body)
    assert (refused.status_code, [each["field"] for each in refused.json()["fields"]]) == (400, [field])


async def test_hostile_names_and_runs_lead_nowhere(desk: Desk, secured: BasicAuthMlflow) -> None:
    run_id = secured.run()
    for name in ("..", "a%2Fb", "a%3Ab", "line%0Abreak", "%C2%85next", "x" * 257):
        answer = await register(desk, "ann", name, run_id=run_id, path="model")
        assert answer.status_code in (400, 404), name
    for hostile in ("../../users/list", "%2e%2e", "<script>", "0' OR '1'='1"):
        assert (await register(desk, "ann", "model-hostile", run_id=hostile, path="model")).status_code == 404
        refused = await register(desk, "ann", "model-hostile", run_id=run_id, model_id=hostile)
        assert refused.status_code in (403, 404), refused.text
    answer = await register(desk, "ann", "model-hostile", run_id=run_id, path="%2e%2e/%2e%2e")
    assert answer.status_code in (400, 404)
    found = secured.call("GET", "2.0/mlflow/registered-models/get", params={"name": "model-hostile"})
    assert found.status_code == 404
