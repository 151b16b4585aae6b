"""What users' pods cost, from the cluster's own records: by pod and UTC day, and what budgets make of it.

    holders.py     whose a pod is, and what it stands for
    watching.py    all pods of the hub's users, live
    held_text.py   what a pod held, as it is kept
    prices.py      which prices were in force when
    amounts.py     what a pod took on each day
    idleness.py    what of it Prometheus saw unused
    unseen.py      jobs whose pods nobody saw
    records.py     the rows, and who may keep them
    accounting.py  from what is seen to the rows, again and again without counting twice
    periods.py     months and weeks
    budgets.py     what was spent of a budget, and whether that is too much
    budgeting.py   budgets kept up to date, their warnings, and what they refuse
    blocking.py    no new pods in the namespaces of those who are over
    running.py     the task that drives it

A user's name comes from the namespace, or for a server in the hub's own namespace from what the hub wrote on the pod;
never from what a user can write. It asks no HTTP and knows no table: what it needs comes as promises.
"""
