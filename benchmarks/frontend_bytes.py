"""How many bytes of JavaScript the extension makes a browser load, against the peers' published wheels.

Start-up is what JupyterLab fetches before any panel is opened: remoteEntry and the chunks it needs to activate the
plugins. For peers all JavaScript files are counted; their wheels come from the package index.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from report import report

ROOT = Path(__file__).resolve().parent.parent
BUDGET_BYTES: int = json.loads((ROOT / "lab-extension/tooling/budget.json").read_text())["all"]
PEERS = {
    "dask-labextension": "dask-labextension",
    "jupyter-resource-usage": "jupyter-resource-usage",
    "jupyterlab-git": "jupyterlab-git-core",
    "jupyterlab-nvdashboard": "jupyterlab-nvdashboard",
    "jupyter-scheduler": "jupyter-scheduler",
}


def wheel_bytes(package: str, folder: Path) -> int:
    """Sum of the labextension's `static/*.js` in a package's wheel, each extension counted once."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "-d",
            str(folder),
            package,
        ],
        check=True,
        stdout=sys.stderr,
    )
    wheel = next(folder.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        return sum(
            entry.file_size
            for entry in archive.infolist()
            if "/share/jupyter/labextensions/" in entry.filename
            and "/static/" in entry.filename
            and entry.filename.endswith(".js")
        )


def main() -> None:
    """Print one line per peer."""
    ours = sum(file.stat().st_size for file in (ROOT / "server_ext/windlass/labextension/static").glob("*.js"))
    for name, package in PEERS.items():
        with tempfile.TemporaryDirectory() as folder:
            theirs = wheel_bytes(package, Path(folder))
        report(
            name="front end, all JavaScript",
            ours=[ours],
            baseline=[theirs],
            baseline_name=name,
            unit="bytes",
            budget=f"≤ {BUDGET_BYTES // 1000} KB raw",
            kept=ours <= BUDGET_BYTES,
        )


if __name__ == "__main__":
    main()
