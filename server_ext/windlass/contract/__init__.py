"""The models that cross the wire, and nothing else.

openapi.json is generated from these, and the front end's types from that. Nothing here does I/O or knows a service.
Times are RFC 3339 UTC, sizes and durations carry their unit in the name, and what is not known is null, never 0.
"""
