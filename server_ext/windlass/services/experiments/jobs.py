"""The jobs behind runs, where this server's ledger knows them and they are the asker's."""

from __future__ import annotations

from collections.abc import Iterable

from windlass.ledger.jobs import JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.experiments.records import RunRecord
from windlass.services.experiments.rows import JOB_TAG

MOST = 500


async def jobs_of(records: Iterable[RunRecord], *, ledger: JobLedger, owner: str) -> dict[str, JobRow]:
    """The ledger's rows by id, for those of the runs that are of a job of the owner's."""
    ids = {record.tags[JOB_TAG] for record in records if JOB_TAG in record.tags}
    if not ids:
        return {}
    rows = await ledger.select_jobs(JobRow.owner == owner, JobRow.id.in_(ids), limit=MOST)
    return {row.id: row for row in rows}
