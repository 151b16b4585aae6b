"""What a model's MLmodel file says: flavors, signature, size.

The file is whatever somebody uploaded. It is read event by event within bounds of size, depth and number, and every
scalar stays text: nothing of YAML's types, merges or tags is built, and deep nesting, which brings libyaml down, is
given up on at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from windlass.contract.models import Signature
from windlass.services.registry.signatures import NotASignature, read_signature

LARGEST_BYTES = 1 << 20
_DEEPEST = 40
_MOST_EVENTS = 50_000
_MOST_FLAVORS = 50
_LONGEST_NAME = 250
_NULLS = ("", "null", "~")
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class NotAModel(Exception):
    """Why a file is no MLmodel, as half a sentence."""


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What is known of a model from its files."""

    flavors: list[str] = field(default_factory=list)
    signature: Signature | None = None
    mlflow_version: str | None = None
    python_version: str | None = None
    """Of the interpreter that logged it; None for models that are no pyfunc."""
    size_bytes: int | None = None
    """As MLflow counted it when the model was logged; None in files of older versions."""
    message: str | None = None
    """Why there is no signature, where one was written and cannot be read."""


def read_mlmodel(data: bytes) -> ModelFacts:
    """The facts in an MLmodel file. Raises NotAModel."""
    if len(data) >= LARGEST_BYTES:
        raise NotAModel("is larger than any that MLflow writes")
    try:
        document = _tree(data.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise NotAModel("cannot be read as YAML") from error
    if not isinstance(document, dict):
        raise NotAModel("is none that MLflow wrote")
    flavors = document.get("flavors")
    names = sorted(name[:_LONGEST_NAME] for name in flavors) if isinstance(flavors, dict) else []
    size, message, signature = document.get("model_size_bytes"), None, None
    try:
        signature = _signature(document.get("signature"))
    except NotASignature as problem:
        message = f"The model has a signature that cannot be read: it {problem}."
    return ModelFacts(
        flavors=names[:_MOST_FLAVORS],
        signature=signature,
        mlflow_version=_text(document.get("mlflow_version")),
        python_version=_python_version(flavors),
        size_bytes=int(size)
        if isinstance(size, str) and size.isascii() and size.isdigit() and len(size) < 19
        else None,
        message=message,
    )


def _python_version(flavors: object) -> str | None:
    pyfunc = flavors.get("python_function") if isinstance(flavors, dict) else None
    version = _text(pyfunc.get("python_version")) if isinstance(pyfunc, dict) else None
    return version[:_LONGEST_NAME] if version else None


def _signature(found: object) -> Signature | None:
    if isinstance(found, str) and found in _NULLS:
        return None
    if not isinstance(found, dict):
        return None
    parts = {part: _text(found.get(part)) for part in ("inputs", "outputs", "params")}
    return read_signature(**parts) if any(parts.values()) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value not in _NULLS else None


def _tree(text: str) -> Any:
    """The document as dicts, lists and texts. Raises NotAModel when it is too deep or too long."""
    root: list[Any] = []
    open_: list[_Open] = []
    anchors: dict[str, Any] = {}
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if count > _MOST_EVENTS or len(open_) > _DEEPEST:
            raise NotAModel("is too deep or too long")
        if isinstance(event, yaml.AliasEvent):
            value: Any = anchors.get(event.anchor)
        elif isinstance(event, yaml.ScalarEvent):
            value = event.value
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            value = {} if isinstance(event, yaml.MappingStartEvent) else []
        elif isinstance(event, yaml.CollectionEndEvent):
            open_.pop()
            continue
        else:
            continue
        if isinstance(event, yaml.NodeEvent) and not isinstance(event, yaml.AliasEvent) and event.anchor:
            anchors[event.anchor] = value
        open_[-1].take(value) if open_ else root.append(value)
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append(_Open(value))
    return root[0] if root else None


class _Open:
    """A mapping or a list that is being filled."""

    def __init__(self, value: dict[Any, Any] | list[Any]) -> None:
        self._value = value
        self._has_key = False
        self._key: Any = None

    def take(self, value: Any) -> None:
        """The next key, value or item. A key that is no text is kept out, with its value."""
        if isinstance(self._value, list):
            self._value.append(value)
        elif not self._has_key:
            self._key, self._has_key = value, True
        else:
            if isinstance(self._key, str):
                self._value[self._key] = value
            self._has_key = False
