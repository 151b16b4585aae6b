"""What is read of an MLflow server, a file per topic, and the few registry calls that write.

Answers are MLflow's own JSON dicts, values untouched; what they mean to Windlass is the services' business.
"""

from windlass.tracking.reads.facts import ServerFacts
from windlass.tracking.reads.history import History
from windlass.tracking.reads.pages import Page
from windlass.tracking.reads.reader import MlflowReads

__all__ = ["History", "MlflowReads", "Page", "ServerFacts"]
