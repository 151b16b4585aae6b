"""Finishes what users' servers would: records, costs and notifications of jobs whose owner's server is gone.

A user's server may be culled while a job runs, and the rank that reports may be killed before it can. This part of the
hub service watches all jobs of the hub's users, keeps one row about each that has ended, and works the row off step by
step: close the MLflow run, note on the job that its record is finished, tell whom the administrator named. A row is
written before anything is done, and each step may be done twice, so that it can be killed at any point.

It believes about a job what the API server says, and of what the user may edit (annotations, labels) nothing that
could harm another: whose a job is, is decided by its namespace.
"""
