"""The access table's rows and what is generated from them: RBAC, NetworkPolicies, admission, documentation."""
