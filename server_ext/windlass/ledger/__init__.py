"""What happened, kept: jobs and their ends, in SQLite."""
