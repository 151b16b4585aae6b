"""The hub side as a user's server meets it: who am I, a short-lived Kubernetes token, prices, nodes, metrics.

Everything here is advice: what decides stands in the hub service, where the user cannot reach. Without a hub there is
no broker, and nothing else changes.
"""
