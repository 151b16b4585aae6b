"""What the command line and the magics ask about runs and models: the REST calls, through a server of the user.

An embedded MLflow is started by the first question and takes seconds: whoever asks waits for it here, and is told.
What is asked for, and how it is shown, is known elsewhere.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import quote

from windlass.client import ClientError, WindlassClient
from windlass.connection import Connection, Say
from windlass.contract.experiments import ColumnList, ExperimentList
from windlass.contract.models import ModelList, ModelVersionList, Promotion, PromotionRequest
from windlass.contract.runs import RunPage, RunSearch

Answer = TypeVar("Answer")

PATIENCE_SECONDS = 90.0
_PAUSE_SECONDS = 0.5


class Tracked:
    """Runs and models. Every method raises ClientError, and Unavailable where no server can be reached."""

    def __init__(self, *, connection: Connection, say: Say) -> None:
        self.connection = connection
        self._say = say

    def experiments(self, *, q: str | None = None, limit: int, cursor: str | None = None) -> ExperimentList:
        """A page of experiments, the one changed last first."""
        query = {"q": q, "limit": limit, "cursor": cursor}
        return self._ask(lambda client: client.get(ExperimentList, "experiments", query=query))

    def columns(self, experiment_ids: Sequence[str]) -> ColumnList:
        """What runs of these experiments can be shown by."""
        query = {"experiment_id": list(experiment_ids)}
        return self._ask(lambda client: client.get(ColumnList, "experiments/columns", query=query))

    def runs(self, search: RunSearch) -> RunPage:
        """A page of runs."""
        return self._ask(lambda client: client.post(RunPage, "runs/search", body=search))

    def models(self, *, q: str | None = None, limit: int) -> ModelList:
        """A page of registered models, by name."""
        return self._ask(lambda client: client.get(ModelList, "models", query={"q": q, "limit": limit}))

    def model(self, name: str, *, limit: int) -> ModelVersionList:
        """A model and a page of its versions, newest first."""
        return self._ask(lambda client: client.get(ModelVersionList, _model(name), query={"limit": limit}))

    def promote(self, name: str, request: PromotionRequest) -> Promotion:
        """Move an alias or a stage; a question repeated because the server went away moves it once."""
        key = str(uuid.uuid4())
        return self._ask(lambda client: client.post(Promotion, _model(name, "promotions"), body=request, key=key))

    def _ask(self, question: Callable[[WindlassClient], Answer]) -> Answer:
        deadline = time.monotonic() + PATIENCE_SECONDS
        told = False
        while True:
            try:
                return self.connection.ask(question)
            except ClientError as error:
                if error.status != 503 or time.monotonic() > deadline or not self._is_starting():
                    raise
            if not told:
                self._say("MLflow is starting.")
                told = True
            time.sleep(_PAUSE_SECONDS)

    def _is_starting(self) -> bool:
        tracking = self.connection.ask(lambda client: client.info()).tracking
        return tracking.mode == "embedded" and tracking.state == "starting"


def _model(name: str, what: str = "") -> str:
    return "/".join(filter(None, ("models", quote(name, safe=""), what)))
