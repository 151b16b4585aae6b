"""Servers as pods: what Kubernetes says of them, told so that spawner and users can rely on it."""
