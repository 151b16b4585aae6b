"""Stands in for nodes."""


class Kubelet:
    """To come."""
