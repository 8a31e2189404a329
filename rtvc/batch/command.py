"""`rtvc batch`: which shards are missing, who makes them, and what became of it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from rtvc import __version__
from rtvc.batch import shards, tables
from rtvc.batch.speaking import Plan, make
from rtvc.errors import CheckpointError, RTVCError, quoted
from rtvc.files import atomic_write
from rtvc.loading import CHECKPOINT, model_folder
from rtvc.model_files import WEIGHTS, file_checksum

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told what is computed here

import ray  # noqa: E402
import ray.data  # noqa: E402

ABOUT = "batch.json"  # beside the shards: what they are of


class Job(NamedTuple):
    """What shall be done: the data set, where its shards go and of which kind, how many lines each has, how many
    workers there are (None: one for each processor, or GPU), the model, the options of the pipeline's calls."""

    source: str
    output: str
    split: str = "train"
    kind: str = "parquet"
    lines: int = 100
    workers: int | None = None
    model: str | None = None
    revision: str | None = None
    options: dict[str, Any] = {}  # noqa: RUF012 (never changed)


def run(job: Job) -> str:
    """Make the shards that are not there yet.

    Returns:
        how many lines there are, and where, as a sentence.

    Raises:
        RTVCError: the data set, the model or the folder cannot be used, or some shards could not be made.
    """
    if job.lines < 1 or (job.workers is not None and job.workers < 1):
        raise RTVCError("--lines and --workers must be 1 at least.")
    table, folder = tables.read(job.source, job.split), Path(job.output)
    model = None if job.model is None else str(model_folder(job.model, job.revision).resolve())
    _begin(folder, _about(job, table, model))
    count = -(-table.num_rows // job.lines)
    missing = _missing(folder, job.kind, count)
    refused = _make(job, table, model, missing) if missing else 0
    shutil.rmtree(folder / shards.UNFINISHED, ignore_errors=True)
    if left := len(_missing(folder, job.kind, count)):
        raise RTVCError(f"{left} of {count} shards could not be made; run it again, it goes on where it stopped.")
    done = f"{len(missing):,} made now" if missing else "all there already"
    because = f"; {refused:,} lines could not be said, “error” in their rows says why" if refused else ""
    return f"{folder}: {table.num_rows:,} lines in {count:,} shards, {done}{because}"


def _missing(folder: Path, kind: str, count: int) -> list[int]:
    return [number for number in range(count) if not shards.shard(folder, number, kind).exists()]


def _about(job: Job, table: pa.Table, model: str | None) -> dict[str, Any]:
    """Which lines are said how: shards of anything else would be no part of this."""
    weights = Path(model or CHECKPOINT) / WEIGHTS
    if not weights.is_file():
        raise CheckpointError(f"The model folder {quoted(weights.parent.name)} has no {WEIGHTS}; get its files again.")
    of = {"data_set": tables.digest(table), "rows": table.num_rows, "lines_a_shard": job.lines, "kind": job.kind}
    return of | {"options": job.options, "model": file_checksum(weights), "rtvc": __version__}


def _begin(folder: Path, about: dict[str, Any]) -> None:
    """A new folder, or one in which the same was begun."""
    place = folder / ABOUT
    try:
        if place.is_file():
            if json.loads(place.read_text(encoding="utf-8")) != about:
                raise RTVCError(
                    f"{quoted(folder.name)} holds shards of other lines, options or versions; choose another."
                )
        elif folder.exists() and any(folder.iterdir()):
            raise RTVCError(f"{quoted(folder.name)} holds other files; choose a folder that is new or empty.")
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(place) as written:
            written.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        (folder / shards.UNFINISHED).mkdir(exist_ok=True)
    except (OSError, json.JSONDecodeError) as error:
        raise RTVCError(f"{quoted(folder.name)} cannot be written to ({error}); choose another folder.") from error


def _make(job: Job, table: pa.Table, model: str | None, missing: list[int]) -> int:
    """Hand the shards out to workers of this machine, or of the cluster that RAY_ADDRESS names; gives the number of
    lines that could not be said."""
    from ray.exceptions import RayError

    began = not ray.is_initialized()
    if began:
        ray.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False)
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        has = ray.cluster_resources()
        gpus = int(has.get("GPU", 0))
        workers = min(job.workers or gpus or int(has.get("CPU", 1)), len(missing))
        options = tuple(sorted(job.options.items()))
        plan = Plan(str(Path(job.output).resolve()), job.kind, model, options, gpus > 0)
        data = ray.data.from_items(list(_parts(job, table, missing)), override_num_blocks=len(missing))
        pool, each = ray.data.TaskPoolStrategy(size=workers), {"num_cpus": 1, "num_gpus": 1 if gpus else None}
        spoken = data.map(make, fn_kwargs={"plan": plan}, compute=pool, **each)
        return sum(shard["refused"] for shard in spoken.iter_rows())
    except RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, RTVCError):
            raise cause from None
        said = " ".join(str(cause or error).split())[-300:]
        raise RTVCError(f"A worker failed ({said}); run it again, it goes on where it stopped.") from error
    finally:
        if began:
            ray.shutdown()


def _parts(job: Job, table: pa.Table, numbers: list[int]) -> Iterator[dict[str, Any]]:
    for number in numbers:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table.slice(number * job.lines, job.lines))
        yield {"number": number, "first": number * job.lines, "lines": sink.getvalue().to_pybytes()}
