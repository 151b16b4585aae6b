"""Writes the catalogue's field reference into a page: `python -m windlass_hub.profiles.reference docs/profiles.md`.

Names, kinds, defaults and words come from the model, so that the page cannot say what the code does not do; a test
fails when the two have parted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from .model import Catalogue, FreeImage, Gpu, IdleLimits, Image, Prices, Profile, Quota, Quotas, Toleration, Volume

BEGIN = "<!-- fields: written by python -m windlass_hub.profiles.reference docs/profiles.md -->"
END = "<!-- /fields -->"
_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The document", Catalogue),
    ("`profiles[]`", Profile),
    ("`profiles[].gpu`", Gpu),
    ("`profiles[].tolerations[]`", Toleration),
    ("`profiles[].volumes[]`", Volume),
    ("`profiles[].free_image`", FreeImage),
    ("`profiles[].idle`", IdleLimits),
    ("`images[]`", Image),
    ("`prices`", Prices),
    ("`quotas`", Quotas),
    ("`quotas.default`, `quotas.groups.NAME`", Quota),
)
_KINDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
_PLURALS = {"text": "texts", "whole number": "whole numbers", "number": "numbers"}


def field_reference() -> str:
    """Tables of every key of a catalogue, as Markdown."""
    return "\n".join(line for title, model in _SECTIONS for line in _table(title, model)).strip() + "\n"


def with_reference(page: str) -> str:
    """The page with the reference between its marks.

    Raises:
        ValueError: the page has no marks.
    """
    if BEGIN not in page or END not in page:
        raise ValueError(f"The page has no place for the reference: put {BEGIN} and {END} there.")
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{field_reference()}\n{END}{rest.partition(END)[2]}"


def _table(title: str, model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema()
    needed = schema.get("required", [])
    yield f"### {title}\n\n{model.__doc__}\n\n| key | kind | default | meaning |\n|---|---|---|---|"
    for name, field in schema["properties"].items():
        default = "needed" if name in needed else _default(field.get("default"))
        yield f"| `{name}` | {_kind(field)} | {default} | {field['description']} |"
    yield ""


def _kind(field: dict[str, Any]) -> str:
    options = [option for option in field.get("anyOf", [field]) if option.get("type") != "null"]
    found = options[0]
    if found.get("format") == "quantity":
        return "quantity"
    if "enum" in found:
        return " or ".join(f"`{value}`" for value in found["enum"])
    if "const" in found:
        return f"`{found['const']}`"
    if found.get("type") == "array":
        inside = _kind(found["items"])
        return f"list of {_PLURALS.get(inside, inside)}"
    return _KINDS.get(found.get("type", ""), "named values")


def _default(value: Any) -> str:
    return "" if value in (None, "", []) or isinstance(value, dict) else f"`{json.dumps(value).strip(chr(34))}`"


def main(arguments: list[str]) -> int:
    """Write the reference into each page named; 2 when none is."""
    if not arguments:
        sys.stderr.write("usage: python -m windlass_hub.profiles.reference PAGE...\n")
        return 2
    for name in arguments:
        page = Path(name)
        page.write_text(with_reference(page.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
