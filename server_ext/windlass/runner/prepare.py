"""Make a pod ready and become the job: `python prepare.py <command> …`.

For pods whose init containers are not ours to choose (a training runtime that is used as it is): the same two programs
run first, one after the other, in the container of the ranks, and then the command takes this process's place.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def prepare() -> int:
    """Fetch the bundle, and install packages where any are asked for; the first exit status that is not 0, or 0."""
    here = Path(__file__).resolve().parent
    programs = ["fetch.py"]
    if os.environ.get("WINDLASS_REQUIREMENTS"):
        programs.append("install_packages.py")
    for program in programs:
        done = subprocess.run([sys.executable, str(here / program)], stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            return done.returncode
    return 0


def main(command: list[str]) -> int:
    """Prepare, and go on as `command`; the exit status where that cannot be."""
    status = prepare()
    if status == 0:
        os.execvp(command[0], command)  # noqa: S606  (no shell: a list of arguments, made of constants)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
