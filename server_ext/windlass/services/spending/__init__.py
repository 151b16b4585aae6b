"""Money of one person's jobs, on one server.

    prices.py       which price book is in force: a file, the hub's catalogue, list prices
    counting.py     what a job took, from what it held and used; pure
    job_costs.py    asks engines and readings for that, job by job
    keeping.py      counts what lives again and again, and what has ended once, into the ledger
    live_rates.py   what all that is held costs an hour now
    estimating.py   what a job would cost that is not sent yet
    advising.py     what smaller, or larger, thing would do
    reporting.py    sums by user, job, experiment and day; report_table.py is a report as CSV
    hub_records.py  what only the hub service keeps: the team's costs, budgets, the server's own cost

On a hub the hub service keeps records that no user can edit; what is here is one person's own view of their jobs.
"""
