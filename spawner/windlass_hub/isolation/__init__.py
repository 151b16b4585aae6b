"""A user's namespace: what is in it, made and kept so at each start of a server."""
