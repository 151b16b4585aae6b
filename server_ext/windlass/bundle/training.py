"""Would the notebook train at all? Many define `train()` and leave the call to a person.

Such a job succeeds in seconds and did nothing, which is worse than failing. Names are followed from the top level of
the notebook through its functions; what cannot be followed (imported code) counts as work.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from windlass.bundle.closure import CodeUnit
from windlass.bundle.facts import Call, Magic
from windlass.bundle.findings import finding_at
from windlass.contract.preview import Finding, Severity

_TRAINING_CALLS = frozenset(
    {"backward", "fit", "fit_generator", "train_on_batch", "partial_fit", "train_step", "GradientTape"}
)
_TRAINING_NAMES = re.compile(r"^_?(main|run|fit|train\w*|\w+_train|run_\w*train\w*|\w*training\w*)$", re.IGNORECASE)
_TRAINERS = re.compile(r"trainer\w*(\(\))?\.(train|fit)$|^(xgboost|xgb|lightgbm|lgb)\.(train|cv)$", re.IGNORECASE)
_PREPARES = re.compile(r"^_?(load|get|make|build|create|prepare|set|seed|read|init|parse|setup|download|generate)(_|$)")
_PROGRAM = re.compile(r"\b(python[\d.]*|torchrun|accelerate|deepspeed|mpirun|horovodrun|bash|sh)\s+\S")
_IDLE_CALLS = re.compile(
    r"^(print|display|len|range|list|dict|set|tuple|str|int|float|bool|type|isinstance|hasattr|getattr|setattr|open|zip|max|min"
    r"|sum|sorted|repr|format|super|property|staticmethod|id|dir|vars|globals|locals|help|plt\..*|sns\..*|logging\..*|logger\..*"
    r"|log\..*|warnings\..*|os\..*|sys\..*|time\..*|Path(\(\))?(\..*)?|pathlib\..*|random\.seed|.*\.manual_seed(_all)?|.*seed\w*"
    r"|.*\.set_\w+|.*\.is_available|.*\.device|.*\.device_count|get_ipython.*|mlflow\.set_\w+|dotenv\..*|load_dotenv|torch\.device"
    r"|dataclass|.*\.dataclass|namedtuple|collections\..*|TypeVar|functools\..*|re\.compile|.*\.filterwarnings|.*\.use"
    r"|.*\.join|.*\.get|.*\.format|.*\.append|.*\.update|.*\.items|.*\.keys|.*\.values|.*__version__.*)$"
)


@dataclass(frozen=True)
class _Definition:
    """A function or class of the notebook."""

    name: str
    line: int
    unit: CodeUnit


def check_training(cells: Sequence[CodeUnit], *, local_modules: frozenset[str]) -> list[Finding]:
    """The `never-trains` finding of a notebook that defines and does not call; else nothing.

    `cells` are the cells that run, in order; `local_modules` the top-level names of modules that are sent along.
    """
    definitions = {
        name: _Definition(name, line, unit) for unit in cells for name, line in unit.facts.definitions.items()
    }
    if not definitions:
        return []
    reached = _reached(cells, definitions)
    live = [(unit, call) for unit in cells for call in unit.facts.calls if call.scope is None or call.scope in reached]
    if any(_trains(call, unit.facts.full_name(call)) or _may_train(unit, call, local_modules) for unit, call in live):
        return []
    if any(_starts_a_program(magic) for unit in cells for magic in unit.facts.magics):
        return []
    idle = [found for name, found in definitions.items() if name not in reached and _is_training(found, cells)]
    if idle:
        return [_never_called(idle[0], is_training=True)]
    if any(_does_something(unit, call, definitions) for unit, call in live):
        return []
    return [_never_called(next(iter(definitions.values())), is_training=False)]


def _reached(cells: Sequence[CodeUnit], definitions: dict[str, _Definition]) -> set[str]:
    """Functions and classes that the top level names, or that one of those names."""
    uses: dict[str | None, set[str]] = {}
    for unit in cells:
        for scope, names in unit.facts.uses.items():
            uses.setdefault(scope, set()).update(names)
    reached: set[str] = set()
    pending: list[str | None] = [None]
    while pending:
        for name in uses.get(pending.pop(), set()):
            if name in definitions and name not in reached:
                reached.add(name)
                pending.append(name)
    return reached


def _trains(call: Call, full: str) -> bool:
    return call.last in _TRAINING_CALLS or bool(_TRAINERS.search(full) or _TRAINERS.search(call.name))


def _may_train(unit: CodeUnit, call: Call, local_modules: frozenset[str]) -> bool:
    """A call into a module sent along, which is not followed; making objects and loading data are not training."""
    full = unit.facts.full_name(call)
    is_local = full.startswith(".") or full.partition(".")[0] in local_modules
    return is_local and not call.last[:1].isupper() and not _PREPARES.match(call.last)


def _starts_a_program(magic: Magic) -> bool:
    if magic.kind == "line":
        return magic.name == "run"
    return bool(_PROGRAM.search(magic.text))


def _is_training(found: _Definition, cells: Sequence[CodeUnit]) -> bool:
    if _TRAINING_NAMES.match(found.name):
        return True
    return any(
        call.scope == found.name and _trains(call, unit.facts.full_name(call))
        for unit in cells
        for call in unit.facts.calls
    )


def _does_something(unit: CodeUnit, call: Call, definitions: dict[str, _Definition]) -> bool:
    if call.scope is not None:
        return False  # its caller is at top level and counts there
    if call.name in definitions:
        return True
    return not (_IDLE_CALLS.match(call.name) or _IDLE_CALLS.match(unit.facts.full_name(call)))


def _never_called(found: _Definition, *, is_training: bool) -> Finding:
    if is_training:
        message = f"`{found.name}` looks like the training, and nothing calls it: the job would end without training."
        fix = f"Call `{found.name}(…)` in a cell at the end of the notebook."
    else:
        message = "The notebook only defines things: no cell calls them, so the job would do nothing."
        fix = "Add a cell that calls what should run."
    return finding_at(found.unit, found.line, rule="never-trains", severity=Severity.WARNING, message=message, fix=fix)
