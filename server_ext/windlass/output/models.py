"""Registered models and their versions as tables, and what became of a promotion in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from windlass.contract.models import ModelVersion, ModelVersionList, Promotion, PromotionState, RegisteredModel
from windlass.output import text

_READY = "READY"


def models_table(models: Sequence[RegisteredModel]) -> Table:
    """A table of models, in the order given."""
    table = _empty()
    table.add_column("MODEL", overflow="fold", max_width=36)  # whole: it is what other commands are given
    table.add_column("LATEST", justify="right", no_wrap=True)
    table.add_column("ALIASES", overflow="fold")
    table.add_column("CHANGED", justify="right", no_wrap=True)
    table.add_column("DESCRIPTION")
    for model in models:
        table.add_row(
            Text(text.one_line(model.name)),
            Text(text.one_line(model.latest_version or text.UNKNOWN)),
            Text(_aliases(model.aliases)),
            Text(text.ago(model.updated_at)),
            Text(text.one_line(model.description or ""), no_wrap=True, overflow="ellipsis"),
        )
    return table


def versions_view(page: ModelVersionList, *, ascii_only: bool = False) -> RenderableType:
    """A model, and a table of its versions in the order given."""
    model = page.model
    parts: list[RenderableType] = [Text(text.one_line(model.name), style="bold")]
    if model.description:
        parts.append(Text(text.one_line(model.description)))
    if not page.items:
        return Group(*parts, Text("It has no versions yet."))
    signed = any(version.user for version in page.items)
    staged = any(version.stage not in (None, "None") for version in page.items)
    table = _empty()
    table.add_column("VERSION", justify="right", no_wrap=True)
    table.add_column("ALIASES", overflow="fold")
    if staged:
        table.add_column("STAGE", no_wrap=True)
    table.add_column("STATE", no_wrap=True)
    table.add_column("RUN")
    if signed:
        table.add_column("BY", no_wrap=True, overflow="ellipsis", max_width=16)
    table.add_column("MADE", justify="right", no_wrap=True)
    for version in page.items:
        stage = [Text(text.one_line("" if version.stage in (None, "None") else version.stage))] if staged else []
        table.add_row(
            Text(text.one_line(version.version)),
            Text(", ".join(text.one_line(alias) for alias in version.aliases)),
            *stage,
            _state(version, ascii_only=ascii_only),
            Text(text.one_line(version.run_name or (version.run_id or "")[:8]), no_wrap=True, overflow="ellipsis"),
            *([Text(text.one_line(version.user or ""))] if signed else []),
            Text(text.ago(version.created_at)),
        )
    return Group(*parts, table)


def promotion_sentence(promotion: Promotion) -> str:
    """What became of it, on one line."""
    message = f" {promotion.message}" if promotion.message else ""
    what, done, moves = _words(promotion)
    sentences = {
        PromotionState.DONE: f"{done}.{message}",
        PromotionState.WAITING: (
            f"Asked for: {moves} once it is approved by {promotion.needs or 'those who may'}.{message}"
        ),
        PromotionState.REFUSED: f"{what} was not moved: it was refused.{message}",
        PromotionState.WITHDRAWN: f"{what} was not moved: the request was withdrawn.{message}",
        PromotionState.FAILED: f"{what}: {promotion.message or 'it was not moved.'}",
    }
    return text.one_line(sentences[promotion.state])


def _words(promotion: Promotion) -> tuple[str, str, str]:
    """What is moved, that it was, and that it will be."""
    version, before = promotion.to_version, promotion.from_version
    if promotion.alias is None:
        what = f"{promotion.model} version {version}"
        return what, f"{what} is in the stage {promotion.stage}", f"{what} moves to the stage {promotion.stage}"
    what = f"{promotion.alias} of {promotion.model}"
    then = "" if not before else " as before" if before == version else f"; it was version {before}"
    return what, f"{what} is version {version}{then}", f"{what} moves to version {version}"


def _aliases(aliases: Mapping[str, str]) -> str:
    return ", ".join(f"{text.one_line(alias)} {text.one_line(version)}" for alias, version in sorted(aliases.items()))


def _state(version: ModelVersion, *, ascii_only: bool) -> Text:
    if version.status == _READY:
        return Text("+ ready" if ascii_only else "✓ ready", style="green")
    if version.status.startswith("PENDING"):
        return Text("~ pending" if ascii_only else "◷ pending")
    return Text("x failed" if ascii_only else "✗ failed", style="red")


def _empty() -> Table:
    return Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
