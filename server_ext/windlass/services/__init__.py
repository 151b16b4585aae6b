"""The use cases. They know engines, tracking and the ledger; they know neither tornado nor Kubernetes."""
