"""A pytest plugin: KubeSpawner's own public test-suite, with our class in the place of theirs.

In a checkout of https://github.com/jupyterhub/kubespawner (v7.1), with an environment that has windlass[hub],
`kubernetes<36` and what the suite needs:
`KUBESPAWNER_TESTS=path/to/checkout/tests KUBESPAWNER_PYTHON=path/to/python make test-kubespawner`. Nothing may fail
that passes for the stock class (leave out `-p` to see). It must be imported before the suite's modules are.
"""

from __future__ import annotations

import kubespawner

from windlass_hub.spawner import WindlassSpawner

kubespawner.KubeSpawner = WindlassSpawner
