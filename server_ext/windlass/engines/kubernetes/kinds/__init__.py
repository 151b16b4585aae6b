"""The kinds of object a job can be: one module each, pure functions from a job to manifests and back to its state."""
