"""Data files that the code opens by name: pointed out, never sent unasked.

Data is large and often lives on shared storage, so what to do about a path is the user's choice; not noticing it is how
jobs fail an hour later. Reads literal paths only (see `literals.py`).
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from windlass.bundle.closure import Closure, CodeUnit, path_reader
from windlass.bundle.facts import Call
from windlass.bundle.notebook import Notebook
from windlass.bundle.paths import Workspace
from windlass.contract.preview import DataReference

MAX_REFERENCES = 200

_READERS = re.compile(
    r"""(^|\.)(
        pandas\.read_\w+ | polars\.(read|scan)_\w+ | pd\.read_\w+ | pl\.(read|scan)_\w+ |
        numpy\.(load|loadtxt|genfromtxt|fromfile|memmap) | np\.(load|loadtxt|genfromtxt|fromfile|memmap) |
        torch\.load | joblib\.load | safetensors(\.torch)?\.load_file | load_file |
        PIL\.Image\.open | Image\.open | cv2\.(imread|VideoCapture) | imageio(\.v\d)?\.(imread|imopen) |
        io\.read_image |
        torchaudio\.load | soundfile\.read | librosa\.load | scipy\.io\.(loadmat|wavfile\.read) | loadmat |
        h5py\.File | netCDF4\.Dataset | xarray\.open_\w+ | xr\.open_\w+ | zarr\.open\w* | sqlite3\.connect |
        pyarrow\.parquet\.(read_\w+|ParquetFile) | pq\.read_\w+ | pyarrow\.csv\.read_csv | geopandas\.read_file |
        ImageFolder | DatasetFolder | load_from_disk | image_dataset_from_directory | (gzip|bz2|lzma|codecs|io)\.open |
        zipfile\.ZipFile | tarfile\.open | os\.(listdir|scandir|walk) | glob\.i?glob | load_dotenv | OmegaConf\.load
    )$""",
    re.VERBOSE,
)
_SHELL_WORD = re.compile(r"[^\s'\"=;|&<>()]+")
_FILE_SUFFIX = re.compile(r"\.(py|sh|ya?ml|json|jsonl|toml|cfg|ini|txt|csv|tsv|parquet|npy|npz|pt|pth|zip|tar|gz)$")
_PATH_METHODS = frozenset({"open", "read_text", "read_bytes", "iterdir"})
_PATH_KEYWORDS = ("filepath_or_buffer", "path", "file", "filename", "root", "data_files", "data_dir", "io", "fp", "f")
_MODE_KEYWORDS = ("mode",)


def find_data(
    *, workspace: Workspace, notebook: Notebook, closure: Closure, sent: frozenset[str], values: Mapping[str, Any]
) -> list[DataReference]:
    """The paths opened by name, in the order of the code, each place once.

    `values` are the parameters that will be injected: they win over the names the notebook sets.
    """
    found: dict[tuple[str, str, int | None, int], DataReference] = {}
    given = {name: value for name, value in values.items() if isinstance(value, str)}
    for unit in closure.units:
        reader = path_reader(workspace, notebook, closure, unit)
        if unit.cell is not None and given:
            reader = replace(reader, names={**closure.notebook_names, **given})
        for call in unit.facts.calls:
            for expression in _path_arguments(unit, call):
                path = reader.read(expression)
                if path is None or not _is_local_path(path):
                    continue
                reference = _reference(workspace, reader.working_directory, path, sent=sent, place=(unit, call.line))
                found.setdefault((reference.path, unit.path, unit.cell, call.line), reference)
        for path, line in _shell_words(unit):
            reference = _reference(workspace, reader.working_directory, path, sent=sent, place=(unit, line))
            if reference.exists:
                found.setdefault((reference.path, unit.path, unit.cell, line), reference)
        if len(found) >= MAX_REFERENCES:
            break
    return list(found.values())[:MAX_REFERENCES]


def _shell_words(unit: CodeUnit) -> Iterator[tuple[str, int]]:
    """Words of shell commands that look like files: `train.py` of `!torchrun train.py --config c.yaml`."""
    for magic in unit.facts.magics:
        if magic.kind == "shell" or magic.name in ("bash", "sh", "script"):
            for word in _SHELL_WORD.findall(magic.text):
                if _FILE_SUFFIX.search(word) and _is_local_path(word):
                    yield word, magic.line


def _path_arguments(unit: CodeUnit, call: Call) -> Iterator[ast.expr]:
    full = unit.facts.full_name(call)
    node = call.node
    if full == "open" or _is_reader(full):
        if _writes(node, position=1):
            return
        if node.args:
            yield node.args[0]
        else:
            yield from (keyword.value for keyword in node.keywords if keyword.arg in _PATH_KEYWORDS)
    elif full.endswith("load_dataset"):
        for keyword in node.keywords:
            if keyword.arg in ("data_files", "data_dir"):
                values = keyword.value
                yield from values.values if isinstance(values, ast.Dict) else [values]
    elif call.last in _PATH_METHODS and isinstance(node.func, ast.Attribute) and not _writes(node, position=0):
        yield node.func.value


@lru_cache(maxsize=10_000)
def _is_reader(full_name: str) -> bool:
    return bool(_READERS.search(full_name)) and not full_name.startswith("os.open")


def _writes(node: ast.Call, *, position: int) -> bool:
    mode: ast.expr | None = node.args[position] if len(node.args) > position else None
    for keyword in node.keywords:
        if keyword.arg in _MODE_KEYWORDS:
            mode = keyword.value
    return isinstance(mode, ast.Constant) and isinstance(mode.value, str) and bool(set(mode.value) & set("wax"))


def _is_local_path(path: str) -> bool:
    return bool(path.strip()) and "://" not in path and "\0" not in path and "\n" not in path and len(path) < 1024


def _reference(
    workspace: Workspace, working_directory: str, path: str, *, sent: frozenset[str], place: tuple[CodeUnit, int]
) -> DataReference:
    unit, line = place
    fixed = re.split(r"/?[^/]*[*?\[]", path, maxsplit=1)[0] if re.search(r"[*?\[]", path) else path
    target = os.path.join(working_directory, os.path.expanduser(fixed or "."))  # noqa: PTH111, PTH118 - as the code would
    relative = workspace.relative(target)
    exists, size_bytes = False, None
    if relative is None or workspace.holds(target):
        exists = os.path.exists(target)  # noqa: PTH110 - any text may stand here
        size_bytes = os.path.getsize(target) if os.path.isfile(target) else None  # noqa: PTH113, PTH202 - as above
    shown = relative or path
    return DataReference(
        path=shown.encode("utf-8", "replace").decode(),
        cell=unit.cell,
        file=unit.path,
        line=line,
        exists=exists,
        included=relative is not None and _is_sent(relative, sent),
        size_bytes=size_bytes,
    )


def _is_sent(relative: str, sent: frozenset[str]) -> bool:
    return relative in sent or any(path.startswith(relative + "/") for path in sent)
