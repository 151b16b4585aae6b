"""`python -I parquet_head.py FILE ROWS COLUMNS`: the head of a Parquet file as JSON, and nothing else.

Run in whatever Python has pyarrow, so it imports nothing of Windlass. Before pyarrow 14.0.1 a Parquet file could make
its reader run code (CVE-2023-47248); such a pyarrow is not used.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from typing import Any

NO_PYARROW = 3
_OLDEST = (14, 0, 1)
_MEMORY_BYTES = 4 << 30
_CPU_SECONDS = 20
_LONGEST_CELL = 1000


def main(arguments: list[str]) -> int:
    """The command line; the exit status."""
    path, rows, columns = arguments[0], int(arguments[1]), int(arguments[2])
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    try:
        pyarrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        return NO_PYARROW
    if tuple(int(part) for part in re.findall(r"\d+", pyarrow.__version__)[:3]) < _OLDEST:
        return NO_PYARROW
    _limit()
    json.dump(_head(parquet, path, rows, columns), sys.stdout, allow_nan=True)
    return 0


def _head(parquet: Any, path: str, rows: int, columns: int) -> dict[str, Any]:
    with parquet.ParquetFile(path) as file:
        names = [str(name) for name in file.schema_arrow.names]
        batches = file.iter_batches(batch_size=rows, columns=names[:columns], use_threads=False)
        batch = next(batches, None)
        values = [column.to_pylist() for column in batch.columns] if batch is not None else []
        return {
            "columns": names[:columns],
            "total_columns": len(names),
            "total_rows": file.metadata.num_rows,
            "rows": [[_cell(value) for value in row] for row in zip(*values)],  # noqa: B905 - of one batch
        }


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)[:_LONGEST_CELL]


def _limit() -> None:
    try:
        import resource
    except ImportError:
        return
    wanted = (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    )
    for kind, most in wanted:
        hard = resource.getrlimit(kind)[1]
        amount = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (amount, amount))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
