"""Profiles: what a user may start, on what, for how much. Pure data and arithmetic; only the stores touch the world."""
