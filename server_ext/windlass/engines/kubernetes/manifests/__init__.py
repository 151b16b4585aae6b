"""What a job is made of in the cluster: pure functions from values to manifests. `kinds` puts them together."""
