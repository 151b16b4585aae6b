"""Puts one job's record into MLflow; each step looks first at what is there, so that all of it can be repeated."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from windlass.contract.jobs import JobRun
from windlass.engines.base import Engine
from windlass.runner.mlflow_place import server_key
from windlass.services.job_options import tags_of
from windlass.services.pending_records import PendingRecord
from windlass.services.record_files import collect
from windlass.services.run_figures import put_figures
from windlass.tracking.client import MlflowRest, NeedsMlflow
from windlass.tracking.outside import copy_spool, upload_folder
from windlass.tracking.tracking import Tracking, run_tags

_STATUS = {"succeeded": "FINISHED", "stopped": "KILLED"}
_FAILED = "FAILED"
_OWN = "windlass.own"


class RecordUpload:
    """One job's record on its way to one tracking server. Methods raise Unavailable and MlflowRefused."""

    def __init__(
        self, *, record: PendingRecord, engine: Engine, tracking: Tracking, mlflow: MlflowRest, data_dir: Path
    ) -> None:
        self._record = record
        self._engine = engine
        self._tracking = tracking
        self._mlflow = mlflow
        self._bundle = data_dir / "bundles" / f"{record.bundle_sha256}.tar.gz"
        self._job_dir = data_dir / "jobs" / record.job_id
        self._spool = self._job_dir / "spool"

    async def run(self) -> list[JobRun]:
        """Bring the record over; answers the job's runs, the one that carries the record first."""
        reported = await self._reported_runs()
        await self._send_late()
        runs = await self._known_runs(reported)
        chosen = next((run for run in runs if _tags(run).get(_OWN) == "true"), runs[0] if runs else None)
        if chosen is None:
            chosen = await self._own_run()
            runs.insert(0, chosen)
        await self._describe(chosen)
        await self._upload_files(chosen)
        await self._close(runs)
        ordered = [chosen, *(run for run in runs if run is not chosen)]
        return [await self._summary(run) for run in ordered]

    async def _reported_runs(self) -> list[dict[str, Any]]:
        """What the ranks wrote down, spooled runs replaced by what they became on the server."""
        status = await self._engine.status(self._record.job_id)
        reported = [dict(run) for run in (status.runs if status is not None else ())] or list(self._record.runs)
        copied = await self._copy_spool()
        return [run | copied.get(str(run.get("run_id")), {}) for run in reported]

    async def _copy_spool(self) -> dict[str, dict[str, Any]]:
        if not (self._spool / "away.json").exists():
            return {}
        note = self._spool / "copied.json"
        if not note.exists():
            uri = await self._tracking.address()
            copied = await copy_spool(
                self._spool, python=self._record.python or self._tracking.python, tracking_uri=uri
            )
            at_server = {key: run | {"tracking_uri": self._mlflow.url} for key, run in copied.items()}
            draft = note.with_suffix(".tmp")
            draft.write_text(json.dumps(at_server), encoding="utf-8")
            draft.replace(note)
        for path in self._spool.iterdir():
            if path.name.startswith("mlflow.db"):
                path.unlink()
            elif path.is_dir():
                shutil.rmtree(path)
        known: dict[str, dict[str, Any]] = json.loads(note.read_text(encoding="utf-8"))
        return known

    async def _send_late(self) -> None:
        """What the ranks kept when MLflow went away in the middle. Sent twice it is the same as sent once."""
        late = self._job_dir / "late.jsonl"
        if not late.exists():
            return
        with late.open(encoding="utf-8") as lines:
            for line in lines:
                with contextlib.suppress(ValueError, KeyError):
                    call = json.loads(line)
                    await self._mlflow.replay(call["path"], call["body"])
        late.rename(late.with_suffix(".sent"))

    async def _known_runs(self, reported: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The job's runs that this server has, in the order they were made; those elsewhere are not ours to touch."""
        ours = server_key(self._mlflow.url)
        ids = dict.fromkeys(
            str(run["run_id"]) for run in reported if server_key(str(run.get("tracking_uri") or "")) == ours
        )
        found = [await self._mlflow.get_run(run_id) for run_id in ids]
        return [run for run in found if run is not None]

    async def _own_run(self) -> dict[str, Any]:
        """The job's own run: one that an interrupted attempt made, or a new one."""
        record = self._record
        experiment_id = await self._mlflow.experiment_id(record.experiment)
        tags = {_OWN: "true", "windlass.job_id": record.job_id}
        there = await self._mlflow.runs_tagged(experiment_id, tags)
        if there:
            return there[0]
        tags |= run_tags(
            job_id=record.job_id,
            owner=record.owner,
            notebook=record.notebook,
            bundle_sha256=record.bundle_sha256,
            git=record.git,
        )
        return await self._mlflow.create_run(
            experiment_id=experiment_id, name=record.name, start_time=record.started_at, tags=tags
        )

    async def _describe(self, run: dict[str, Any]) -> None:
        """Parameters the run lacks, and how the job went."""
        record = self._record
        there = {param["key"] for param in run.get("data", {}).get("params", [])}
        params = {name: _text(value) for name, value in record.parameters.items() if name not in there}
        tags = {
            "windlass.job_id": record.job_id,
            "windlass.job_name": record.name,
            "windlass.state": record.state,
            "windlass.reason": record.reason,
            "windlass.world_size": str(record.world_size),
        }
        tags |= tags_of(record.options, record.imports)
        if record.exit_code is not None:
            tags["windlass.exit_code"] = str(record.exit_code)
        if record.started_at is not None and record.ended_at is not None:
            tags["windlass.duration_seconds"] = f"{record.ended_at - record.started_at:.3f}"
        await self._mlflow.log_batch(_id(run), params=params, tags={key: value for key, value in tags.items() if value})
        if record.ended_at is not None:
            await put_figures(self._mlflow, run, record.figures, ended_at=record.ended_at)

    async def _upload_files(self, run: dict[str, Any]) -> None:
        record = self._record
        with tempfile.TemporaryDirectory(prefix="windlass-record-") as scratch:
            files = await collect(
                Path(scratch),
                engine=self._engine,
                job_id=record.job_id,
                world_size=record.world_size,
                bundle=self._bundle,
            )
            there: dict[str, int] = {}
            for folder in ("windlass", "windlass/logs"):
                there |= await self._mlflow.artifact_sizes(_id(run), folder)
            missing = {name: path for name, path in files.items() if there.get(name) != path.stat().st_size}
            try:
                for name, path in missing.items():
                    await self._mlflow.upload(run, path, artifact_path=name)
            except NeedsMlflow:
                await self._upload_with_mlflow(run, missing, Path(scratch) / "artifacts")

    async def _upload_with_mlflow(self, run: dict[str, Any], files: dict[str, Path], folder: Path) -> None:
        for name, path in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path.resolve())
        uri = await self._tracking.address()
        await upload_folder(folder, run_id=_id(run), python=self._tracking.python, tracking_uri=uri)

    async def _close(self, runs: list[dict[str, Any]]) -> None:
        """End what was left running; the job's own run ends as the job did."""
        final = _STATUS.get(self._record.state, _FAILED)
        for run in runs:
            own = _tags(run).get(_OWN) == "true"
            if run["info"]["status"] == "RUNNING" or (own and run["info"]["status"] != final):
                await self._mlflow.end_run(_id(run), status=final, end_time=self._record.ended_at)
                run["info"]["status"] = final

    async def _summary(self, run: dict[str, Any]) -> JobRun:
        experiment_id = str(run["info"]["experiment_id"])
        return JobRun(
            run_id=_id(run),
            experiment_id=experiment_id,
            experiment_name=await self._mlflow.experiment_name(experiment_id),
            name=run["info"].get("run_name"),
            status=run["info"]["status"],
            url=self._tracking.run_url(experiment_id=experiment_id, run_id=_id(run)),
        )


def _id(run: dict[str, Any]) -> str:
    return str(run["info"]["run_id"])


def _tags(run: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run.get("data", {}).get("tags", [])}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
