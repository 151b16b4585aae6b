"""What an admin may write about promotions, and which rule holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from windlass.contract.aliases import why_no_alias
from windlass_hub.promotions.rules import PromotionSettings, Target
from windlass_hub.settings import Settings

CHAMPION = Target(kind="alias", name="champion")


def settings(*rules: dict[str, object], **more: object) -> PromotionSettings:
    return PromotionSettings.model_validate({"rules": rules, **more})


def test_the_first_rule_that_fits_model_and_target_holds() -> None:
    found = settings(
        {"alias": "champion", "models": "risk-*", "groups": ["risk"], "approvals": 2},
        {"alias": "champion", "groups": ["ml-leads"]},
        {"stage": "Production", "groups": ["ops"]},
    )
    rule = found.rule_for("risk-eu", CHAMPION)
    assert rule is not None
    assert (rule.needs, rule.own) == ("2 of risk", False)
    other = found.rule_for("churn", CHAMPION)
    assert other is not None
    assert other.needs == "1 of ml-leads"
    assert found.rule_for("churn", Target(kind="alias", name="challenger")) is None
    assert found.rule_for("churn", Target(kind="alias", name="Production")) is None
    assert [rule.needs for rule in found.rules_of("risk-eu")] == ["2 of risk", "1 of ops"]


@pytest.mark.parametrize(
    ("model", "alias"), [("RISK-EU", "champion"), ("risk-eu", "CHAMPION"), ("Risk-eu", "Champion")]
)
def test_case_is_no_way_around_a_rule(model: str, alias: str) -> None:
    found = settings({"alias": "champion", "models": "risk-*", "groups": ["risk"]})
    assert found.rule_for(model, Target(kind="alias", name=alias)) is not None


@pytest.mark.parametrize(
    "rule",
    [
        {"alias": "champion"},
        {"alias": "champion", "groups": []},
        {"groups": ["a"]},
        {"alias": "champion", "stage": "Production", "groups": ["a"]},
        {"alias": "v3", "groups": ["a"]},
        {"alias": "champion", "groups": ["a"], "approvals": 0},
        {"stage": "Live", "groups": ["a"]},
        {"alias": "champion", "groups": ["a"], "aproovals": 2},
    ],
)
def test_a_rule_that_says_nothing_sensible_is_refused_at_the_start(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(rule)


def test_only_what_is_offered_can_be_promoted_to_unless_free_names_are_allowed() -> None:
    closed = settings({"alias": "gold", "groups": ["a"]}, free=False)
    assert [closed.offers("m", alias) for alias in ("champion", "challenger", "gold", "mine")] == [
        True,
        True,
        True,
        False,
    ]
    assert settings().offers("m", "mine")


def test_the_rules_travel_to_the_service_in_its_settings() -> None:
    written = Settings(promotion=settings({"alias": "champion", "groups": ["ml-leads"], "own": True}))
    assert Settings.model_validate_json(written.model_dump_json(exclude_defaults=True)) == written


@given(st.sampled_from(["alias", "stage"]), st.text(max_size=300))
def test_a_target_comes_back_from_its_key(kind: str, name: str) -> None:
    target = Target(kind="stage" if kind == "stage" else "alias", name=name)
    assert Target.parse(target.key) == target


@given(st.text(max_size=40))
def test_names_of_aliases_are_those_that_mlflow_takes(alias: str) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.utils.validation import _validate_model_alias_name, _validate_model_alias_name_reserved

    try:
        _validate_model_alias_name(alias)
        _validate_model_alias_name_reserved(alias)
    except MlflowException:
        assert why_no_alias(alias) is not None
    else:
        assert why_no_alias(alias) is None or not alias.isascii()
