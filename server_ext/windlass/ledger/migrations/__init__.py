"""Alembic migrations of the ledger, packaged and run by `ledger.database`; see `versions/`."""
