"""Writes rules.yaml once more, as the PrometheusRule that the Prometheus Operator reads.

promtool checks and tests rules in Prometheus' own format; the operator takes them as an object of the cluster. The
text is taken over as it stands, with its comments.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

HERE = Path(__file__).parent
TARGET = HERE / "rules-operator.yaml"
HEAD = """\
# Written by `python hub-config/prometheus/rendering.py` from rules.yaml; do not edit.
#   kubectl apply -f hub-config/prometheus/rules-operator.yaml
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: windlass
  namespace: monitoring
  labels:
    release: monitoring    # CHANGE to the Helm release of kube-prometheus-stack: it reads only rules of this label
spec:
"""


def rendered() -> str:
    """The object's text."""
    return HEAD + textwrap.indent((HERE / "rules.yaml").read_text(encoding="utf-8"), "  ")


if __name__ == "__main__":
    TARGET.write_text(rendered(), encoding="utf-8")
    sys.stdout.write(f"{TARGET.name} written\n")
