"""The lines of a data set: what is to be said, and in whose voice."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset

from rtvc.errors import RTVCError, quoted

COLUMNS = ["text", "voice"]


def read(source: str, split: str = "train") -> pa.Table:
    """A data set's lines.

    Args:
        source: a CSV or Parquet file, a folder of Parquet files, or a data set on the Hub, "user/name".
        split: of one on the Hub.

    Returns:
        text (strings), and voice: absolute paths of recordings and saved voices, or recordings themselves, as data
        sets of sound hold them ({"bytes", "path"}).

    Raises:
        RTVCError: there is no such data set, or it lacks a column.
    """
    path = Path(source)
    name = quoted(path.name if path.exists() else source)
    try:
        table = _from_file(path) if path.exists() else _from_hub(source, split)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise RTVCError(f"{name} cannot be read as a data set ({_line(error)}).") from error
    if not table.num_rows:
        raise RTVCError(f"{name} has no lines.")
    if pa.types.is_string(table["voice"].type):
        folder = (path if path.is_dir() else path.parent).resolve()
        voices = [None if voice is None else str(folder / voice) for voice in table["voice"].to_pylist()]
        table = table.set_column(1, "voice", pa.array(voices, pa.string()))
    return table.combine_chunks()


def _from_file(path: Path) -> pa.Table:
    if path.suffix.lower() != ".csv":
        return _columns(pyarrow.dataset.dataset(path, format="parquet"), path.name).to_table(COLUMNS)
    strings = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()))
    table = pyarrow.csv.read_csv(
        path, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True), convert_options=strings
    )
    return _columns(table, path.name).select(COLUMNS)


def _from_hub(name: str, split: str) -> pa.Table:
    if name.count("/") != 1 or name.startswith(("/", ".")):
        raise RTVCError(f"{quoted(name)} does not exist; give a CSV or Parquet file, or user/name on the Hub.")
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise RTVCError("A data set on the Hub needs the package datasets; install it.") from error
    from datasets.exceptions import DatasetNotFoundError

    try:
        found = _columns(datasets.load_dataset(name, split=split), name).select_columns(COLUMNS)
    except (DatasetNotFoundError, ConnectionError) as error:
        raise RTVCError(f"The data set {quoted(name)} cannot be had from the Hub; check its name.") from error
    return found.with_format("arrow")[:]


def _columns(data: Any, name: str) -> Any:
    """Anything with columns, which must have ours."""
    names = getattr(data, "column_names", None) or data.schema.names
    if missing := [column for column in COLUMNS if column not in names]:
        raise RTVCError(f"{quoted(name)} has no column {' and no column '.join(missing)}; it needs text and voice.")
    return data


def digest(table: pa.Table) -> str:
    """SHA-256 of all lines, by which a run knows its data set again."""
    sha = hashlib.sha256()
    for batch in table.to_batches(max_chunksize=10_000):
        sha.update(repr(batch.to_pylist()).encode())
    return sha.hexdigest()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")
