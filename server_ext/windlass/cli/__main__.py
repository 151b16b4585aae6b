"""`python -m windlass.cli`: the `windlass` command where its script is not on the path."""

import sys

from windlass.cli import main

if __name__ == "__main__":
    sys.exit(main())
