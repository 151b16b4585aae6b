"""What only MLflow itself can do, run as a script by an interpreter that has it (the job's own, as a rule).

`mlflow_copy.py copy SPOOL`: copies the runs, models and artifacts that a job logged while MLflow was away to the
server at MLFLOW_TRACKING_URI. `mlflow_copy.py upload RUN_ID FOLDER`: puts a folder among a run's artifacts, wherever
these lie. Both may be cut off at any point and run again. The answer is one JSON object on the last line of standard
output.

It is read by Python 3.9 too, uses MLflow's public client alone, and imports nothing of Windlass.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_SPOOLED_RUN = "windlass.spooled_run"
_SPOOLED_MODEL = "windlass.spooled_model"
_OWN = "windlass.own"
_JOB = "windlass.job_id"
_PARENT = "mlflow.parentRunId"
_METRICS_AT_ONCE = 1000
_PARAMS_AT_ONCE = 100


def _local_path(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path)) if uri.startswith("file:") else Path(uri)


def _paged(search: Any, **arguments: Any) -> Iterator[Any]:
    token = None
    while True:
        page = search(page_token=token, **arguments)
        yield from page
        token = page.token
        if not token:
            return


class Copier:
    """Copies one spool to the real server; what is there already is not made again."""

    def __init__(self, spool: Path, *, own_run: Callable[[Any, Callable[[], Any]], Any] | None = None) -> None:
        """`own_run(client, make)` settles which run is the job's own, where others may make one at the same time."""
        from mlflow import MlflowClient

        database = spool / "mlflow.db"
        source = f"sqlite:///{database}" if database.exists() else (spool / "mlruns").as_uri()
        self.source = MlflowClient(tracking_uri=source, registry_uri=source)
        self.target = MlflowClient()
        self._settle = own_run
        self.runs: dict[str, dict[str, Any]] = {}
        self.models: dict[str, str] = {}

    def copy(self) -> dict[str, Any]:
        """Copy everything; answers which run became which."""
        for experiment in _paged(self.source.search_experiments):
            runs = list(_paged(self.source.search_runs, experiment_ids=[experiment.experiment_id]))
            if not runs:
                continue
            experiment_id = self._experiment(experiment.name)
            # A parent is made before its children: they name it.
            for run in sorted(runs, key=lambda run: run.info.start_time or 0):
                self._copy_run(run, experiment_id)
            if hasattr(self.source, "search_logged_models"):
                self._copy_models(experiment.experiment_id, experiment_id)
        self._copy_registered()
        return {"runs": self.runs}

    def _experiment(self, name: str) -> str:
        found = self.target.get_experiment_by_name(name)
        return str(found.experiment_id) if found else str(self.target.create_experiment(name))

    def _find(self, experiment_id: str, tags: dict[str, str]) -> Any:
        where = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        found = self.target.search_runs([experiment_id], filter_string=where, max_results=1)
        return found[0] if found else None

    def _target_run(self, run: Any, experiment_id: str) -> Any:
        """The run this one is copied into: its copy, or the job's own run for what belongs there, else a new one."""
        tags = dict(run.data.tags)
        if parent := self.runs.get(tags.get(_PARENT, "")):
            tags[_PARENT] = parent["run_id"]

        def make() -> Any:
            marked = {**tags, _SPOOLED_RUN: run.info.run_id}
            return self.target.create_run(
                experiment_id, start_time=run.info.start_time, tags=marked, run_name=run.info.run_name
            )

        is_own = tags.get(_OWN) == "true" and _JOB in tags
        if is_own and self._settle is not None:
            return self._settle(self.target, make)
        found = self._find(experiment_id, {_SPOOLED_RUN: run.info.run_id})
        if found is None and is_own:
            found = self._find(experiment_id, {_OWN: "true", _JOB: tags[_JOB]})
        return found if found is not None else make()

    def _copy_run(self, run: Any, experiment_id: str) -> None:
        from mlflow.entities import Metric, Param, RunTag

        made = self._target_run(run, experiment_id)
        run_id = made.info.run_id
        params = [Param(key, value) for key, value in run.data.params.items() if key not in made.data.params]
        for start in range(0, len(params), _PARAMS_AT_ONCE):
            self.target.log_batch(run_id, params=params[start : start + _PARAMS_AT_ONCE])
        tags = [RunTag(key, value) for key, value in run.data.tags.items() if key not in made.data.tags]
        for start in range(0, len(tags), _PARAMS_AT_ONCE):
            self.target.log_batch(run_id, tags=tags[start : start + _PARAMS_AT_ONCE])
        for key in run.data.metrics:
            history = self.source.get_metric_history(run.info.run_id, key)
            points = [Metric(key, point.value, point.timestamp, point.step) for point in history]
            for start in range(0, len(points), _METRICS_AT_ONCE):
                self.target.log_batch(run_id, metrics=points[start : start + _METRICS_AT_ONCE])
        folder = _local_path(run.info.artifact_uri)
        if folder.is_dir():
            self.target.log_artifacts(run_id, str(folder))
        if run.info.status != "RUNNING":
            self.target.set_terminated(run_id, run.info.status, run.info.end_time)
        self.runs[run.info.run_id] = {
            "run_id": run_id,
            "experiment_id": made.info.experiment_id,
            "name": made.info.run_name,
        }

    def _copy_models(self, source_experiment: str, experiment_id: str) -> None:
        from mlflow.entities import LoggedModelOutput

        done = {
            model.tags[_SPOOLED_MODEL]: model
            for model in _paged(self.target.search_logged_models, experiment_ids=[experiment_id])
            if _SPOOLED_MODEL in model.tags
        }
        for model in _paged(self.source.search_logged_models, experiment_ids=[source_experiment]):
            run = self.runs.get(model.source_run_id or "", {})
            made = done.get(model.model_id)
            if made is None:
                made = self.target.create_logged_model(
                    experiment_id,
                    name=model.name,
                    source_run_id=run.get("run_id"),
                    tags={**model.tags, _SPOOLED_MODEL: model.model_id},
                    params=model.params,
                    model_type=model.model_type,
                )
            self.models[model.model_id] = made.model_id
            if str(made.status) == str(model.status) and model.model_id in done:
                continue
            self._upload_model(model, made.model_id)
            self.target.finalize_logged_model(made.model_id, "READY")
            if "run_id" in run:
                self.target.log_outputs(run["run_id"], [LoggedModelOutput(made.model_id, step=0)])

    def _upload_model(self, model: Any, model_id: str) -> None:
        """Upload a model's files; its MLmodel file names the run and model it came from, by their new ids."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "model"
            shutil.copytree(_local_path(model.artifact_location), folder)
            description = folder / "MLmodel"
            if description.exists():
                text = description.read_text(encoding="utf-8").replace(model.model_id, model_id)
                for old, new in self.runs.items():
                    text = text.replace(old, new["run_id"])
                description.write_text(text, encoding="utf-8")
            self.target.log_model_artifacts(model_id, str(folder))

    def _copy_registered(self) -> None:
        """Register what the notebook registered; a version that stands for the same model is not made twice."""
        for registered in _paged(self.source.search_registered_models):
            versions = sorted(
                _paged(self.source.search_model_versions, filter_string=f"name='{registered.name}'"),
                key=lambda version: int(version.version),
            )
            if not list(_paged(self.target.search_registered_models, filter_string=f"name='{registered.name}'")):
                self.target.create_registered_model(registered.name, registered.tags, registered.description)
            there = {
                version.source
                for version in _paged(self.target.search_model_versions, filter_string=f"name='{registered.name}'")
            }
            for version in versions:
                model_id = self._new_model(version)
                if model_id is None or f"models:/{model_id}" in there:
                    continue
                self.target.create_model_version(
                    registered.name,
                    f"models:/{model_id}",
                    self.runs.get(version.run_id or "", {}).get("run_id"),
                    version.tags,
                    model_id=model_id,
                )

    def _new_model(self, version: Any) -> str | None:
        """What the model of a registered version became on the real server; None when it was not copied."""
        return next((new for old, new in self.models.items() if old in (version.source or "")), None)


def main() -> None:
    """Entry point."""
    # Python puts a script's folder first, where modules lie whose names others may have too.
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    copy = actions.add_parser("copy")
    copy.add_argument("spool", type=Path)
    upload = actions.add_parser("upload")
    upload.add_argument("run_id")
    upload.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.action == "copy":
        answer = Copier(arguments.spool.resolve()).copy()
    else:
        from mlflow import MlflowClient

        MlflowClient().log_artifacts(arguments.run_id, str(arguments.folder))
        answer = {}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
