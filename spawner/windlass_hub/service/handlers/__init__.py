"""The broker: one file per resource; each verb is authorized by its handler's `scopes` before it runs."""
