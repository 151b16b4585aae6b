"""What will go wrong when the code runs without a person, or on several processes at once.

Static rules over the facts of notebook and modules, each with its place and what to do. They advise: none of them keeps
a job from being sent, because reading code cannot prove what it does. `training.py` has the one about doing nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from windlass.bundle.closure import CodeUnit
from windlass.bundle.facts import Call
from windlass.bundle.findings import finding_at
from windlass.contract.preview import Finding, Severity

_SETS_UP_PROCESSES = re.compile(
    r"(^|\.)(init_process_group|init_device_mesh|Accelerator|Fabric|PartialState|TrainingArguments|Seq2SeqTrainingArguments"
    r"|MultiWorkerMirroredStrategy|TPUStrategy|setup_distributed|init_distributed|SFTConfig|DPOConfig|LightningModule)$"
    r"|(^|\.)(lightning|pytorch_lightning|L|pl)\.Trainer$|^deepspeed\.(initialize|init_distributed)$|^(horovod\.\w+|hvd)\.init$"
    r"|^jax\.distributed\.initialize$|^composer\.Trainer$|^xgboost\.collective\.|^ray\.init$|\.DistributedDataParallel\.setup$"
)
_PREPARES_LOADERS = re.compile(
    r"(^|\.)(Accelerator|Fabric|Trainer|Seq2SeqTrainer|SFTTrainer|DPOTrainer|setup_dataloaders)$"
)
_SAVES = re.compile(
    r"^(torch|paddle)\.save$|^joblib\.dump$|^pickle\.dump$|^(np|numpy)\.(save|savez|savez_compressed|savetxt)$"
    r"|(^|\.)(save_pretrained|save_model|save_weights|log_model|savefig|save_file)$"
    r"|\.(to_csv|to_parquet|to_pickle|to_json)$"
)
_INSTALLS = re.compile(
    r"(^|[;&|]\s*|\s)(?:python[\d.]*\s+-m\s+|[\"']?\{sys\.executable\}[\"']?\s+-m\s+|uv\s+|sudo\s+)?(?:pip3?|conda|mamba|apt|apt-get)"
    r"\s+(?:-\S+\s+)*install\b"
)
_PERSONAL_PATH = re.compile(r"^(?:/home/[^/\s]+|/Users/[^/\s]+|/root(?=/)|~(?=/)|[A-Za-z]:\\)[^\n]*$")
_LIVE_BACKENDS = frozenset(
    {"notebook", "nbagg", "widget", "ipympl", "qt", "qt5", "qt6", "tk", "gtk", "wx", "osx", "auto"}
)
_STARTS_PROGRAM = frozenset(
    {"os.system", "subprocess.run", "subprocess.check_call", "subprocess.call", "subprocess.Popen"}
)
_ASKS = frozenset({"input", "raw_input", "getpass", "getpass.getpass", "breakpoint", "pdb.set_trace", "ipdb.set_trace"})


@dataclass(frozen=True)
class _Program:
    """All code of the job, with the world it will run in."""

    units: Sequence[CodeUnit]
    world_size: int

    @property
    def matters(self) -> Severity:
        """How much a rule about several processes matters."""
        return Severity.WARNING if self.world_size > 1 else Severity.INFO

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], list[tuple[CodeUnit, Call]]]:
        """(name as written, full name) → the calls: rules judge each name once, however often it is called."""
        found: dict[tuple[str, str], list[tuple[CodeUnit, Call]]] = {}
        for unit in self.units:
            full_names = unit.facts.names_of_calls
            for call in unit.facts.calls:
                found.setdefault((call.name, full_names[call.name]), []).append((unit, call))
        return found

    def calls(self, wanted: Callable[[str, str], bool]) -> Iterator[tuple[CodeUnit, Call, str]]:
        """The calls whose name (as written, and full) is wanted, with the full name."""
        for (name, full), calls in self._by_name.items():
            if wanted(name, full):
                for unit, call in calls:
                    yield unit, call, full

    def calls_of(self, *last: str) -> Iterator[tuple[CodeUnit, Call, str]]:
        """The calls whose name ends in one of these."""
        return self.calls(lambda name, _: name.rpartition(".")[2] in last)

    def any_call(self, pattern: re.Pattern[str]) -> bool:
        """Whether some call's name matches."""
        return any(pattern.search(full) or pattern.search(name) for name, full in self._by_name)


def check_readiness(units: Sequence[CodeUnit], *, world_size: int) -> list[Finding]:
    """The findings, in no order. With one process only what also breaks alone is said."""
    program = _Program(units, world_size)
    rules = [*_ALONE, *(_TOGETHER if world_size > 1 else ())]
    return [found for rule in rules for found in rule(program)]


def _installs(program: _Program) -> Iterator[Finding]:
    def at(unit: CodeUnit, line: int) -> Finding:
        every = (
            f"all {program.world_size} processes run it at once" if program.world_size > 1 else "every run repeats it"
        )
        return finding_at(
            unit,
            line,
            rule="pip-install",
            severity=program.matters,
            message=f"Packages are installed in the notebook: {every}, and the environment may be read-only.",
            fix="Install the package into the job's environment and tag this cell `skip-train`.",
        )

    for unit in program.units:
        for magic in unit.facts.magics:
            by_magic = (
                magic.kind == "line" and magic.name in ("pip", "conda", "mamba", "uv") and "install" in magic.text
            )
            by_shell = (magic.kind == "shell" or magic.name in ("bash", "sh", "script")) and _INSTALLS.search(
                magic.text
            )
            if by_magic or by_shell:
                yield at(unit, magic.line)
    for unit, call, _ in program.calls(lambda _, full: full in _STARTS_PROGRAM):
        words = [node.value for node in ast.walk(call.node) if isinstance(node, ast.Constant)]
        if _INSTALLS.search(" ".join(word for word in words if isinstance(word, str))):
            yield at(unit, call.line)


def _asks_a_person(program: _Program) -> Iterator[Finding]:
    for unit, call, _ in program.calls(lambda name, full: full in _ASKS or name in _ASKS):
        yield finding_at(
            unit,
            call.line,
            rule="interactive-input",
            severity=Severity.WARNING,
            message=f"`{call.name}()` waits for a person, and nobody can answer in a job: the cell will fail.",
            fix="Make it a parameter (a cell tagged `parameters`), or read it from the environment.",
        )


def _live_plots(program: _Program) -> Iterator[Finding]:
    for unit in program.units:
        for magic in unit.facts.magics:
            words = magic.text.split()
            if magic.kind == "line" and magic.name == "matplotlib" and words and words[0] in _LIVE_BACKENDS:
                yield finding_at(
                    unit,
                    magic.line,
                    rule="interactive-plot",
                    severity=program.matters,
                    message=f"`%matplotlib {words[0]}` needs a browser or a screen, which a job does not have.",
                    fix="Use `%matplotlib inline`.",
                )


def _personal_paths(program: _Program) -> Iterator[Finding]:
    for unit in program.units:
        for text in unit.facts.texts:
            if len(text.value) < 500 and _PERSONAL_PATH.match(text.value):
                yield finding_at(
                    unit,
                    text.line,
                    rule="absolute-path",
                    severity=program.matters,
                    message="This absolute path is of this machine; where the job runs it may not exist.",
                    fix="Use a path relative to the notebook and include the file, or make it a parameter.",
                )


def _no_process_group(program: _Program) -> Iterator[Finding]:
    if program.any_call(_SETS_UP_PROCESSES):
        return
    training = [*program.calls_of("backward"), *program.calls_of("DataLoader")]
    message = (
        f"Nothing joins the {program.world_size} processes into a group: each trains its own model on all of the data."
    )
    fix = "Call `torch.distributed.init_process_group()` first and wrap the model in DistributedDataParallel."
    if training:
        unit, call, _ = training[0]
        yield finding_at(unit, call.line, rule="no-process-group", severity=Severity.WARNING, message=message, fix=fix)
    elif program.units:
        yield Finding(
            rule="no-process-group",
            severity=Severity.WARNING,
            message=f"Nothing divides the work: each of the {program.world_size} processes runs the whole notebook.",
            fix="Use one process, or a library for distributed training such as torch.distributed.",
            path=program.units[0].path,
        )


def _no_distributed_sampler(program: _Program) -> Iterator[Finding]:
    if program.any_call(_PREPARES_LOADERS):
        return
    has_sampler = program.any_call(re.compile(r"(^|\.)\w*Distributed\w*Sampler$|(^|\.)split_dataset_by_node$"))
    for unit, call, _ in program.calls_of("DataLoader"):
        if call.keywords & {"sampler", "batch_sampler"} or len(call.node.args) > 3:
            continue
        if any(keyword.arg is None for keyword in call.node.keywords):
            continue  # `**options` may hold a sampler
        if has_sampler and not _is_true(call, "shuffle"):
            continue  # the one for evaluation, which every rank may well read in full
        yield finding_at(
            unit,
            call.line,
            rule="no-distributed-sampler",
            severity=Severity.WARNING,
            message=f"This DataLoader gives all {program.world_size} processes the same data.",
            fix="Pass `sampler=DistributedSampler(dataset)` (then without `shuffle=True`) and call `set_epoch`.",
        )


def _is_true(call: Call, name: str) -> bool:
    return any(
        keyword.arg == name and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
        for keyword in call.node.keywords
    )


def _device_of_every_rank(program: _Program) -> Iterator[Finding]:
    sets_device = program.any_call(re.compile(r"(^|\.)(set_device|Accelerator|Fabric)$|(^|\.)Trainer$"))
    for unit in program.units:
        for line, what in sorted(_devices_named(unit, any_gpu=not sets_device)):
            yield finding_at(
                unit,
                line,
                rule="device-without-local-rank",
                severity=Severity.WARNING,
                message=f"`{what}` is the same GPU for every process of a machine.",
                fix='Call `torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))` first, and use `"cuda"`.',
            )


def _devices_named(unit: CodeUnit, *, any_gpu: bool) -> Iterator[tuple[int, str]]:
    for text in unit.facts.texts:
        if re.fullmatch(r"cuda:\d+", text.value) or (any_gpu and text.value == "cuda"):
            yield text.line, f'"{text.value}"'
    for call in unit.facts.calls:
        first = call.node.args[0] if call.node.args else None
        is_number = isinstance(first, ast.Constant) and type(first.value) is int
        if call.last == "cuda" and "." in call.name and (is_number or (any_gpu and first is None)):
            yield call.line, ".cuda()"
        elif is_number and (call.last == "set_device" or (call.last == "to" and "." in call.name)):
            yield call.line, f".{call.last}({ast.unparse(first)})" if first else call.last


def _saves_on_every_rank(program: _Program) -> Iterator[Finding]:
    guarded_functions = _called_by_some_ranks_only(program)
    for unit, call, _ in program.calls(lambda name, full: bool(_SAVES.search(full) or _SAVES.search(name))):
        if not (call.node.args or call.node.keywords):
            continue  # `frame.to_json()` gives text and writes nothing
        if call.rank_guarded or call.scope in guarded_functions or _names_rank(call.node):
            continue
        yield finding_at(
            unit,
            call.line,
            rule="save-on-every-rank",
            severity=Severity.WARNING,
            message=f"All {program.world_size} processes run this `{call.last}` and overwrite each other's file.",
            fix="Put it behind `if torch.distributed.get_rank() == 0:`.",
        )


def _called_by_some_ranks_only(program: _Program) -> set[str]:
    """Functions all of whose calls stand behind a question about the rank."""
    guards: dict[str, list[bool]] = {}
    for _, call, _ in program.calls(lambda _name, _full: True):
        guards.setdefault(call.last, []).append(call.rank_guarded)
    return {name for name, guarded in guards.items() if all(guarded)}


def _names_rank(node: ast.Call) -> bool:
    """Whether the file's name holds the rank: then each process has its own."""
    for part in node.args + [keyword.value for keyword in node.keywords]:
        for inner in ast.walk(part):
            word = inner.id if isinstance(inner, ast.Name) else inner.attr if isinstance(inner, ast.Attribute) else ""
            if "rank" in word.lower():
                return True
    return False


def _data_parallel(program: _Program) -> Iterator[Finding]:
    for unit, call, _ in program.calls_of("DataParallel"):
        yield finding_at(
            unit,
            call.line,
            rule="data-parallel",
            severity=Severity.WARNING,
            message="DataParallel drives all GPUs from one process; with several processes they fight over them.",
            fix="Use `torch.nn.parallel.DistributedDataParallel`.",
        )


def _visible_devices(program: _Program) -> Iterator[Finding]:
    for unit in program.units:
        for name, line in _environment_writes(unit):
            if name == "CUDA_VISIBLE_DEVICES":
                yield finding_at(
                    unit,
                    line,
                    rule="sets-visible-devices",
                    severity=Severity.WARNING,
                    message="Setting CUDA_VISIBLE_DEVICES overrides the GPUs that this job was given.",
                    fix="Remove the line; Windlass assigns the GPUs.",
                )


def _environment_writes(unit: CodeUnit) -> Iterator[tuple[str, int]]:
    for magic in unit.facts.magics:
        if magic.name in ("env", "set_env"):
            yield re.split(r"[=\s]", magic.text.strip(), maxsplit=1)[0], magic.line
    yield from unit.facts.environment_writes


_Rule = Callable[[_Program], Iterator[Finding]]
_ALONE: tuple[_Rule, ...] = (_installs, _asks_a_person, _live_plots, _personal_paths)
_TOGETHER: tuple[_Rule, ...] = (
    _no_process_group,
    _no_distributed_sampler,
    _device_of_every_rank,
    _saves_on_every_rank,
    _data_parallel,
    _visible_devices,
)
