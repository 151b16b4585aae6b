"""The bundle's entry point: `python windlass_run.py`, once per rank, also under torchrun.

Everything happens in `main.main()`. The guard matters: a child process started by multiprocessing's `spawn` may import
this file again and must not run the notebook a second time.
"""

import sys
from pathlib import Path


def start() -> int:
    """Run the notebook of the bundle this file lies in; the exit status of this rank."""
    bundle_dir = Path(__file__).resolve().parent
    if str(bundle_dir) not in sys.path:
        sys.path.insert(0, str(bundle_dir))
    from windlass_runner.main import main as run_rank

    status: int = run_rank(bundle_dir)
    return status


if __name__ == "__main__":
    sys.exit(start())
