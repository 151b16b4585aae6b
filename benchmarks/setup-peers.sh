#!/usr/bin/env bash
# The peers that the benchmarks run against, in an environment of their own beside .venv (whose packages it sees), so
# that none of their server extensions ends up in the environment that is measured.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -e .venv-peers/bin/peers-ready-2 ] && exit 0
python=$(readlink -f .venv/bin/python)
[ -x .venv-peers/bin/python ] || "$python" -m venv .venv-peers
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
peers=$(.venv-peers/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$site" > "$peers/windlass-venv.pth"
.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check 'jupyter-scheduler>=2.10' 'nbclient>=0.10' 'papermill>=2.6' \
  'jupyterlab-nvdashboard>=0.13'
touch .venv-peers/bin/peers-ready-2
