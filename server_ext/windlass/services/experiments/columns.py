"""Which metrics, parameters and tags there are: MLflow has no list of them, so it is kept as runs are read.

Bounded: a team that logs a new key with every run must not fill the server's memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from windlass.contract.experiments import ColumnList
from windlass.services.experiments.records import RunRecord

MOST_EXPERIMENTS = 500
MOST_KEYS = 20_000
_LONG_TAGS = frozenset({"mlflow.log-model.history", "mlflow.note.content"})


@dataclass(slots=True)
class _Keys:
    metrics: dict[str, None] = field(default_factory=dict)
    params: dict[str, None] = field(default_factory=dict)
    tags: dict[str, None] = field(default_factory=dict)
    looked_at: bool = False
    """Whether its newest runs were read; pages of a filter, or in another order, tell of other runs."""
    complete: bool = False
    overflown: bool = False


class KnownKeys:
    """The keys seen so far, by experiment."""

    def __init__(self) -> None:
        self._by_experiment: OrderedDict[str, _Keys] = OrderedDict()

    def note(self, records: Iterable[RunRecord]) -> None:
        """Take in the keys of some runs."""
        for record in records:
            keys = self._keys(record.experiment_id)
            tags = (tag for tag in record.tags if tag not in _LONG_TAGS)
            for there, seen in ((keys.metrics, record.metrics), (keys.params, record.params), (keys.tags, tags)):
                for key in seen:
                    if len(there) < MOST_KEYS:
                        there.setdefault(key)
                    elif key not in there:
                        keys.overflown = True

    def note_whole(self, experiment_ids: Sequence[str], *, complete: bool, newest: bool) -> None:
        """A first page of all runs was read of these experiments.

        Args:
            experiment_ids: whose.
            complete: whether it held all of them; if not, there may be more by now than ever were read.
            newest: whether it held the newest, and enough of them.
        """
        for experiment_id in experiment_ids:
            keys = self._keys(experiment_id)
            keys.complete = complete
            keys.looked_at = keys.looked_at or newest or complete

    def unread(self, experiment_ids: Sequence[str]) -> list[str]:
        """Those whose newest runs were not read yet."""
        known = self._by_experiment
        return [some for some in experiment_ids if some not in known or not known[some].looked_at]

    def list(self, experiment_ids: Sequence[str]) -> ColumnList:
        """What is known of these experiments, by name."""
        known = [self._by_experiment[some] for some in experiment_ids if some in self._by_experiment]
        return ColumnList(
            metrics=sorted({key for keys in known for key in keys.metrics}),
            params=sorted({key for keys in known for key in keys.params}),
            tags=sorted({key for keys in known for key in keys.tags}),
            complete=len(known) == len(experiment_ids) and all(keys.complete and not keys.overflown for keys in known),
        )

    def _keys(self, experiment_id: str) -> _Keys:
        keys = self._by_experiment.setdefault(experiment_id, _Keys())
        self._by_experiment.move_to_end(experiment_id)
        while len(self._by_experiment) > MOST_EXPERIMENTS:
            self._by_experiment.popitem(last=False)
        return keys
