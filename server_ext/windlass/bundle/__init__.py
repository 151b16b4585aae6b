"""From a notebook to what is sent: which files and why, the environment, findings, one deterministic archive."""
