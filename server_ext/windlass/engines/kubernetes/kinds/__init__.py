"""The kinds of object a job can be: one module each, pure functions from a job to manifests and back to its state.

A kind is a module here with a `KIND` (`model.Kind`), its phases (`observing.phases`) and a line in each of the tables
that know kinds by name: `choosing.KINDS`, `common.MADE_OF`, `kube.resources`, `cluster.discovery.KNOWN` and the offers'
words, `preflight.worker_pods`, `contract.cluster.JobKind`, and the access table's rights. TFJob, MPIJob and RayJob have
their places as `tfjob.py`, `mpijob.py` and `rayjob.py`; volumes filled by other means than claims stand beside
`manifests.delivery`.
"""
