"""Promotions on a hub: who may move which alias or stage of a model, whose approval it needs, and what happened.

The hub side decides, because what a user's own server decides its user can change. Nothing here knows HTTP or SQL:
rows are kept by what `records.Records` promises, MLflow is asked through `registry.Registry`.

    rules.py        what an admin decides: aliases, stages, whose approval each needs
    records.py      a promotion as it is kept, and what keeps it
    registry.py     a model in MLflow: aliases, stages, versions; moving them
    asking.py       asking for a promotion; answering one that waits
    moving.py       doing it: intent first, one at a time per model, compared with what MLflow has
    looking.py      what moved past Windlass, and what an interruption left
    enforcement.py  whether MLflow itself keeps others from moving a protected alias
    protecting.py   has MLflow keep them from it, where the admin wants that
    registering.py  registers versions of models that only the hub service may edit then
    comparing.py    the version that holds a target beside the one that is to
    reading.py      terms and log, as the one who asks may see them
"""
