"""`windlass models` and `windlass promote`."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import ValidationError

from windlass.cli.reporting import FAILED, json_option, print_json, report, say
from windlass.client import ClientError
from windlass.connection import connect
from windlass.contract.models import PromotionRequest, PromotionState
from windlass.output.console import is_ascii_only, make_console
from windlass.output.models import models_table, promotion_sentence, versions_view
from windlass.tracked import Tracked

_REFUSED = (403, 409)
_STAGES = ("None", "Staging", "Production", "Archived")
_MOST = 200


def _tracked() -> Tracked:
    return Tracked(connection=connect(near=Path.cwd(), say=say), say=say)


@click.command(short_help="List registered models, or the versions of one.")
@click.argument("name", required=False)
@click.option("--search", metavar="TEXT", help="Only models with this in their name.")
@click.option("--limit", type=click.IntRange(1, _MOST), default=50, show_default=True, help="At most so many.")
@json_option
def models(name: str | None, search: str | None, limit: int, as_json: bool) -> None:
    """List registered models with their aliases; with NAME, the versions of that model, newest first."""
    if name is not None and search is not None:
        raise click.UsageError("--search is for the list of models: leave NAME or --search out.")
    if name is None:
        _list(search, limit=limit, as_json=as_json)
        return
    page = _tracked().model(name, limit=limit)
    if as_json:
        print_json(page)
        return
    console = make_console()
    console.print(versions_view(page, ascii_only=is_ascii_only(console)))
    _say_more(page.next_cursor, limit)


def _list(search: str | None, *, limit: int, as_json: bool) -> None:
    page = _tracked().models(q=search, limit=limit)
    if as_json:
        print_json(page)
    elif page.items:
        make_console().print(models_table(page.items))
        _say_more(page.next_cursor, limit)
    else:
        say("No model is named so." if search else "No models yet: a run's page registers the first.")


def _say_more(cursor: str | None, limit: int) -> None:
    if cursor is not None:
        say(f"There are more: --limit {min(_MOST, limit * 2)} shows them." if limit < _MOST else "There are more.")


@click.command(short_help="Move an alias or a stage to a version of a model.")
@click.argument("name")
@click.argument("version")
@click.option("--alias", metavar="ALIAS", help="The alias to move, as champion.")
@click.option("--stage", type=click.Choice(_STAGES, case_sensitive=False), help="The stage, where MLflow has stages.")
@click.option(
    "--expected",
    metavar="VERSION",
    help="Move it only if it is at this version now (`none`: at no version), so that nobody's promotion is undone.",
)
@click.option("--comment", metavar="TEXT", default="", help="Why, for the log and for who approves it.")
@json_option
@click.pass_context
def promote(
    context: click.Context,
    *,
    name: str,
    version: str,
    alias: str | None,
    stage: str | None,
    expected: str | None,
    comment: str,
    as_json: bool,
) -> None:
    """Move an alias or a stage of the model NAME to VERSION.

    Where that needs an approval it is asked for, and the exit status is 0; 1 says that it was refused, or that
    somebody else's promotion came before.
    """
    request = _request(version=version, alias=alias, stage=stage, expected=expected, comment=comment)
    try:
        promotion = _tracked().promote(name, request)
    except ClientError as error:
        if error.status in _REFUSED:
            report(error)
            context.exit(FAILED)
        raise
    if as_json:
        print_json(promotion)
    sentence = promotion_sentence(promotion)
    if as_json or promotion.state not in (PromotionState.DONE, PromotionState.WAITING):
        say(sentence)
    else:
        click.echo(sentence)
    context.exit(0 if promotion.state in (PromotionState.DONE, PromotionState.WAITING) else FAILED)


def _request(
    *, version: str, alias: str | None, stage: str | None, expected: str | None, comment: str
) -> PromotionRequest:
    if (alias is None) == (stage is None):
        raise click.UsageError("Name what to move: --alias or --stage, one of the two.")
    seen = "" if expected is not None and expected.lower() == "none" else expected
    try:
        return PromotionRequest(version=version, alias=alias, stage=stage, expected=seen, comment=comment)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0])
        if field in ("version", "expected"):
            raise click.UsageError(f"{field}: a version is a number, as `windlass models NAME` lists them.") from error
        raise click.UsageError(f"{field}: {first['msg']}.") from error
