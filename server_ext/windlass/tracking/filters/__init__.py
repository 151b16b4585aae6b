"""MLflow's filter syntax for runs: read, judged and completed here, so that mistakes are shown where they are.

MLflow reads filters with an SQL tokenizer and takes what falls out of it. The same texts are taken here and the same
are refused, but for a few that MLflow takes and misreads (`parser` names them).
"""

from windlass.tracking.filters.completion import advise
from windlass.tracking.filters.parser import Clause, FilterMistake, Parsed, parse

__all__ = ["Clause", "FilterMistake", "Parsed", "advise", "parse"]
