"""Shards of spoken lines: files that appear whole or not at all, each with the same lines in every run."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from rtvc import audio
from rtvc.files import atomic_write

UNFINISHED = "_unfinished"  # a folder of what is being written; readers of data sets pass over such names
SpokenRow = dict[str, Any]  # of SCHEMA's fields
_WORD = pa.struct([("word", pa.string()), ("spoken", pa.string()), ("start", pa.float64()), ("end", pa.float64())])
_PHONEME = pa.struct([("phoneme", pa.string()), ("start", pa.float64()), ("end", pa.float64())])
SCHEMA = pa.schema(
    [
        ("row", pa.int64()),  # of the data set, from 0
        ("text", pa.string()),
        ("voice", pa.string()),
        ("audio", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),  # FLAC, as Hugging Face's Audio; or null
        ("sampling_rate", pa.int32()),
        ("seconds", pa.float64()),
        ("words", pa.list_(_WORD)),
        ("phonemes", pa.list_(_PHONEME)),
        ("warnings", pa.list_(pa.string())),
        ("error", pa.string()),  # why it could not be said
        ("provenance", pa.string()),
        ("model", pa.string()),
    ]
)


def flac(wave: Any, rate: int, comment: str) -> bytes:
    """A wave, (samples,), as a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "line.flac"
        audio.write(path, wave, rate, comment)
        return path.read_bytes()


def write_parquet(path: Path, lines: list[SpokenRow]) -> None:
    """One row a line."""
    pyarrow.parquet.write_table(pa.Table.from_pylist(lines, SCHEMA), path)


def write_webdataset(path: Path, lines: list[SpokenRow]) -> None:
    """Of each line ROW.flac, if it was said, and ROW.json with the rest."""
    with tarfile.open(path, "w") as tar:
        for line in lines:
            key = f"{line['row']:09d}"
            if line["audio"]:
                _add(tar, f"{key}.flac", line["audio"]["bytes"])
            rest = {name: value for name, value in line.items() if name != "audio"}
            _add(tar, f"{key}.json", json.dumps(rest, ensure_ascii=False).encode())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size = len(content)
    tar.addfile(about, io.BytesIO(content))


FORMATS: dict[str, tuple[str, Callable[[Path, list[SpokenRow]], None]]] = {
    "parquet": (".parquet", write_parquet),
    "webdataset": (".tar", write_webdataset),
}


def shard(folder: Path, number: int, kind: str) -> Path:
    """The file of a shard."""
    return folder / f"{number:06d}{FORMATS[kind][0]}"


def write(folder: Path, number: int, kind: str, lines: list[SpokenRow]) -> None:
    """A shard, which takes its place when it is whole: where two workers make the same one, either will do. What a
    killed one leaves behind lies apart, where nobody takes it for a shard."""
    place = shard(folder, number, kind)
    with atomic_write(folder / UNFINISHED / place.name) as written:
        FORMATS[kind][1](written, lines)
    (folder / UNFINISHED / place.name).replace(place)
