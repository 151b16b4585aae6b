"""Install what the image lacks: `python install_packages.py`, in an init container of a pod.

What the image has stays as it is: a package that is there in any version is not touched, and what is fetched must fit
what is there, so that nothing stands in front of the image's torch and numpy. Packages go to a folder of their own,
which the ranks have on their PYTHONPATH. Standard library only, and pip or uv as the image has them; index and
credentials are pip's and uv's own environment variables.

* `WINDLASS_REQUIREMENTS`: a file of lines `name` or `name==version`;
* `WINDLASS_PACKAGES`: the folder.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9.!+_-]+)")


class NotInstalled(Exception):
    """The packages cannot be installed; the message says which and why."""


def install(requirements: Path, folder: Path) -> None:
    """Put what is lacking into `folder`, which appears whole or not at all; one that is there is kept.

    Raises:
        NotInstalled: there is neither pip nor uv, or it failed; its own words are on stderr already.
    """
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    present = _present()
    wanted = [line.strip() for line in requirements.read_text(encoding="utf-8").splitlines() if line.strip()]
    lacking = [line for line in wanted if _normal(line) not in present]
    if not lacking:
        folder.mkdir()
        return
    sys.stdout.write(f"Installing what the image lacks: {', '.join(lacking)}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix=".packages.", dir=folder.parent) as work:
        stage = _installed(Path(work), lacking, present)
        stage.chmod(0o755)
        stage.rename(folder)


def _installed(work: Path, lacking: Sequence[str], present: dict[str, str]) -> Path:
    """Find out what is to be fetched, then fetch that and nothing else."""
    asked, constraints, resolved, stage = (work / name for name in ("asked", "constraints", "resolved", "stage"))
    stage.mkdir()
    asked.write_text("\n".join(lacking) + "\n", encoding="utf-8")
    pins = [f"{name}=={version}" for name, version in present.items()]
    constraints.write_text("\n".join(pins) + "\n", encoding="utf-8")
    if importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", "--no-cache-dir"]
        report = work / "report.json"
        _run(
            [
                *pip,
                "install",
                "--no-user",
                "--quiet",
                "--dry-run",
                "--report",
                report,
                "--constraint",
                constraints,
                "-r",
                asked,
            ]
        )
        found = _of_report(report)
        fetch: list[str | Path] = [*pip, "install", "--no-user", "--no-deps", "--target", stage, "-r", resolved]
    elif (uv := shutil.which("uv")) is not None:
        pins_file = work / "compiled"
        python = ["--python", sys.executable]
        _run([uv, "pip", "compile", "--quiet", *python, "--constraint", constraints, "-o", pins_file, asked])
        found = [pin for pin in _of_pins(pins_file) if _normal(pin) not in present]
        fetch = [uv, "pip", "install", *python, "--no-deps", "--target", stage, "-r", resolved]
    else:
        raise NotInstalled(
            f"The image lacks {', '.join(lacking)}, and has neither pip nor uv to install it. Choose another image."
        )
    resolved.write_text("\n".join(found) + "\n", encoding="utf-8")
    _run(fetch)
    return stage


def _present() -> dict[str, str]:
    """What the image has: normalised names and versions that a requirement can say."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if name and _PINNED.fullmatch(f"{name}=={distribution.version}"):
            found.setdefault(_normal(name), distribution.version)
    return found


def _normal(requirement: str) -> str:
    match = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", match.group() if match else requirement).lower()


def _of_report(report: Path) -> list[str]:
    """What pip would install, as pins (pip's installation report, version 1)."""
    items = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [f"{item['metadata']['name']}=={item['metadata']['version']}" for item in items]


def _of_pins(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [match.group() for line in lines if (match := _PINNED.match(line))]


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise NotInstalled(
            "Packages that the image lacks could not be installed; the lines above say why. Choose an image that has "
            "them, or a package index that these pods reach."
        )


def main() -> int:
    """The command line; the exit status."""
    try:
        install(Path(os.environ["WINDLASS_REQUIREMENTS"]), Path(os.environ["WINDLASS_PACKAGES"]))
    except KeyError as error:
        sys.stderr.write(f"The variable {error.args[0]} is not set: this program is for the pods of a job.\n")
        return 1
    except (NotInstalled, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
