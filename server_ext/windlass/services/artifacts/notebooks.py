"""A notebook from somewhere, as it can be shown: rebuilt from what is known to be harmless.

Nothing is taken over that is not named here. HTML, SVG, JavaScript and widgets have their place taken by the plain
text beside them, or by a sentence.
"""

from __future__ import annotations

import json
import re
from typing import Any

_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_TAGS = 20
_LEFT_OUT = "An output is not shown here ({}). Download the notebook to see it."
_LANGUAGE = ("name", "file_extension", "mimetype")


def shown_notebook(text: str) -> str | None:
    """The notebook as nbformat-4 JSON without anything that could run; None when it is no such notebook."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("nbformat") != 4 or not isinstance(document.get("cells"), list):
        return None
    cells = [_cell(raw) for raw in document["cells"] if isinstance(raw, dict)]
    language = _mapping(_mapping(document.get("metadata")).get("language_info"))
    named = isinstance(language.get("name"), str)
    kept = {key: language[key] for key in _LANGUAGE if isinstance(language.get(key), str)}
    metadata = {"language_info": kept} if named else {}
    clean = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    # Half of a surrogate pair, which JSON can name and UTF-8 cannot, is nobody's text.
    return json.dumps(clean, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace").decode()


def _cell(raw: dict[str, Any]) -> dict[str, Any]:
    kind = raw.get("cell_type") if raw.get("cell_type") in ("code", "markdown") else "raw"
    cell: dict[str, Any] = {"cell_type": kind, "metadata": _cell_metadata(raw), "source": _text(raw.get("source"))}
    if kind == "code":
        outputs = raw.get("outputs")
        cell["execution_count"] = _whole(raw.get("execution_count"))
        cell["outputs"] = [_output(one) for one in _list(outputs) if isinstance(one, dict)]
    elif attachments := _attachments(raw):
        cell["attachments"] = attachments
    return cell


def _cell_metadata(raw: dict[str, Any]) -> dict[str, Any]:
    tags = _mapping(raw.get("metadata")).get("tags")
    return {"tags": [tag for tag in _list(tags) if isinstance(tag, str)][:_TAGS]}


def _attachments(raw: dict[str, Any]) -> dict[str, Any]:
    given = _mapping(raw.get("attachments"))
    found = {name: _images(_mapping(bundle)) for name, bundle in given.items()}
    return {name: images for name, images in found.items() if images}


def _output(raw: dict[str, Any]) -> dict[str, Any]:
    kind = raw.get("output_type")
    if kind == "stream":
        name = raw.get("name") if raw.get("name") in ("stdout", "stderr") else "stdout"
        return {"output_type": "stream", "name": name, "text": _text(raw.get("text"))}
    if kind == "error":
        lines = raw.get("traceback")
        traceback = [str(line) for line in _list(lines)]
        return {
            "output_type": "error",
            "ename": _text(raw.get("ename")),
            "evalue": _text(raw.get("evalue")),
            "traceback": traceback,
        }
    data = _mapping(raw.get("data"))
    shown: dict[str, Any] = _images(data)
    if "text/plain" in data:
        shown["text/plain"] = _text(data["text/plain"])
    if not shown:
        what = ", ".join(sorted(str(key)[:80] for key in data)[:5]) or "it is empty"
        shown["text/plain"] = _LEFT_OUT.format(what)
    return {"output_type": "display_data", "data": shown, "metadata": {}}


def _images(data: dict[str, Any]) -> dict[str, str]:
    found = {kind: _text(data[kind]) for kind in data if kind in _IMAGES}
    return {kind: text for kind, text in found.items() if _BASE64.fullmatch(text)}


def _text(value: object) -> str:
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
