"""Keeps `mlflow.pytorch.log_model(model, "model")` working as notebooks write it.

MLflow 3.1x traces PyTorch models by default and then refuses a call without an input example: a notebook that worked
for years fails at its last line, after the training. Such a call is saved the way MLflow saved it before. Calls that
say how they want it are left alone.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

_CHOICE = "serialization_format"


def keep_plain_log_model(module: ModuleType, say: Callable[[str], None]) -> None:
    """Patch `mlflow.pytorch`'s log_model and save_model where they have come to need an example."""
    default = getattr(module, "_get_default_serialization_format", None)
    if default is None:
        return
    for name in ("log_model", "save_model"):
        original = getattr(module, name, None)
        if original is not None and _CHOICE in inspect.signature(original).parameters:
            setattr(module, name, _with_older_default(original, default, say))


def _with_older_default(
    original: Callable[..., Any], default: Callable[[bool], str], say: Callable[[str], None]
) -> Callable[..., Any]:
    signature = inspect.signature(original)

    @functools.wraps(original)
    def save(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind_partial(*args, **kwargs).arguments
        decided = given.get(_CHOICE) or given.get("export_model") or given.get("input_example") is not None
        if not decided and default(False) != "pickle":
            say("the model is saved by pickle, since no input_example was given to trace it with.")
            kwargs[_CHOICE] = "pickle"
        return original(*args, **kwargs)

    return save
