"""What happened, kept: jobs and their history, also after the engine has forgotten them.

The ledger knows SQLite and its own tables; it knows no engine, no web server and no wire model.
"""
