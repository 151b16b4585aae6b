"""From a run back to what made it: its notebook, what was sent, the same once more, and its model in a notebook."""
