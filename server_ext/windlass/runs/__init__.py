"""Runs as the command line and `%runs` find them: what may be written, how names become columns, what was found."""
