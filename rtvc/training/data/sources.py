"""Where recordings come from: archives, folders in the layouts of known corpora, and Hugging Face datasets.

A source names its clips and hands out their audio; ``data`` decodes and caches them. In a config a corpus is one of

- a name: ``NAME.tar`` and ``NAME.tsv`` in the data folder (``RTVC_DATA``), or the path of such a ``.tar``;
- a folder, laid out as :mod:`rtvc.training.data.layouts` knows; without texts it serves the stages that need none;
- ``hf:REPOSITORY[:CONFIG]:SPLIT``: an audio dataset of the Hugging Face hub, or a folder that ``datasets`` can load.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from rtvc.errors import TrainingError
from rtvc.training import folders
from rtvc.training.data import people
from rtvc.training.data.layouts import AUDIO, SECOND_MICROPHONE, layout_of
from rtvc.training.disk import reading, write_text

FORMAT = 3  # counts up when clips are read differently: caches are then made anew
HUB = "hf:"
TEXTS = ("text_normalized", "normalized_text", "text", "sentence", "transcription", "transcript", "text_original")
SPEAKERS = ("speaker_id", "speaker", "client_id", "reader_id", "speaker_name", "spk_id")
FOLDER_FORMAT = 4  # likewise of folders and of Hugging Face datasets
SAVE_SECONDS = 30  # between sums that are kept: reading all of a large corpus once takes many minutes
Audio = Path | bytes | tuple[np.ndarray, int] | None  # encoded, where it lies, or (samples, Hz); none: not there


@dataclass(frozen=True)
class Clip:
    """One recording: its name within the corpus, who speaks and what, whether the text was heard by a machine, up to
    which frequency it holds sound (Hz; 0: half of its sampling rate), and the collection that ``speaker`` is a name in
    ("": the corpus itself; None: as the name begins, see :func:`rtvc.training.data.people.speaker`). ``version``:
    another one where the recording or its text is."""

    file: str
    speaker: str
    gender: str
    text: str
    text_source: str = "corpus"
    bandwidth: float = 0.0
    collection: str | None = None
    version: str = ""


@dataclass(frozen=True)
class Source:
    """A corpus as it lies there: ``key`` changes when its files do."""

    name: str
    key: str

    def clips(self, wanted: Callable[[Clip], bool] = lambda clip: True) -> Iterator[tuple[Clip, Audio]]:
        """All recordings with their encoded audio, or the path of it; of others than the ``wanted`` it may be None."""
        raise NotImplementedError


def find(name: str, cache: Path) -> Source:
    """The source that a config means by ``name``.

    Raises:
        TrainingError: there is none, it cannot be read, or it holds no recordings.
    """
    with reading(name):
        return _find(name, cache)


def _find(name: str, cache: Path) -> Source:
    if name.startswith(HUB):
        return Hub.open(name)
    if (cache / f"{name}.jsonl").is_file():
        return Synthetic(name, _key(str((cache / f"{name}.jsonl").stat().st_size)), cache / name)
    path = folders.placed(name)  # runs/people among others
    if path.is_dir():
        return Folder.open(name, path, cache)
    archive = path if path.suffix == ".tar" else folders.DATA / f"{name}.tar"
    if archive.is_file() and archive.with_suffix(".tsv").is_file():
        return Archive(name, checksum(archive, [archive, archive.with_suffix(".tsv")], cache), archive)
    raise TrainingError(
        f"There is no corpus “{name}”: it is no folder, and {folders.DATA} has no {Path(name).name}.tar with its .tsv; "
        "see “Data” in docs/training.md."
    )


def checksum(root: Path, files: Iterable[Path], cache: Path) -> str:
    """Over the names and contents of files."""
    sums = contents(root, files, cache)
    return _key("".join(f"{file.relative_to(root.parent)} {content}\n" for file, content in sums.items()))


def contents(root: Path, files: Iterable[Path], cache: Path) -> dict[Path, str]:
    """Sums of the contents of files. A content is read once: ``cache`` keeps its sum by path, size and time."""
    place = cache / f"sums-{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:10]}.json"
    known = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    names = {_seen(file, root): file for file in sorted(files)}
    sums = known | _sums({seen: file for seen, file in names.items() if seen not in known}, known, place, root.name)
    kept = {seen: sums[seen] for seen in names}
    if kept != known:
        write_text(place, json.dumps(kept))
    return {file: kept[seen] for seen, file in names.items()}


def _key(content: str, read_as: int = FORMAT) -> str:
    """What a corpus is cached under: another one where it, or how it is read, is another."""
    return hashlib.sha256(f"{read_as}{content}".encode()).hexdigest()[:10]


def _seen(file: Path, root: Path) -> str:
    """What a file is known by without reading it."""
    about = file.stat()
    return f"{file.relative_to(root.parent)} {about.st_size} {about.st_mtime_ns}"


def _sums(files: dict[str, Path], known: dict[str, str], place: Path, name: str) -> dict[str, str]:
    """Of files that are not known yet; kept in ``place`` as they come, so that nothing is read twice."""
    sums, saved = {}, time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # hashing and reading both let other threads run
        found = zip(files, pool.map(_sum, files.values()), strict=True)
        shown = tqdm(found, desc=f"checking {name}", total=len(files), unit="file", mininterval=2, delay=2)
        for seen, content in shown:
            sums[seen] = content
            if time.monotonic() - saved > SAVE_SECONDS:
                write_text(place, json.dumps(known | sums))
                saved = time.monotonic()
    return sums


def _sum(file: Path) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:20]


def read_table(path: Path, delimiter: str = "\t") -> list[dict[str, str]]:
    """Rows of a table without quoting, its first line naming the columns."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE))


# ---------------------------------------------------------------------------------------------- archives
@dataclass(frozen=True)
class Archive(Source):
    """``NAME.tar`` (one audio file an utterance) and ``NAME.tsv`` (file, speaker, gender, text, text_source)."""

    path: Path

    def clips(self, wanted: Callable[[Clip], bool] = lambda clip: True) -> Iterator[tuple[Clip, Audio]]:
        rows = self._rows()
        with tarfile.open(self.path) as tar:
            for member in tar:
                clip = rows.pop(member.name.removeprefix("./"), None) if member.isfile() else None
                if clip:
                    content = tar.extractfile(member) if wanted(clip) else None
                    yield clip, content.read() if content else None
        for clip in rows.values():
            yield clip, None

    def _rows(self) -> dict[str, Clip]:
        """What the table says, by file."""
        table = self.path.with_suffix(".tsv")
        rows = read_table(table)
        if rows and "file" not in rows[0]:
            raise TrainingError(f"The table “{table.name}” has no column “file”; its first line names the columns.")
        names = ("file", "speaker", "gender", "text", "text_source")
        return {
            row["file"]: Clip(
                **{name: row.get(name) or "" for name in names},
                bandwidth=float(row.get("bandwidth") or 0),
                version=self.key,
            )
            for row in rows
        }


# ---------------------------------------------------------------------------------------------- noises
CHANNEL = re.compile(r"ch\d\d")  # of DEMAND, a file each of sixteen microphones at once
PACKED = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".zip")


def find_noises(name: str, cache: Path) -> Source:
    """The noises that a config means by ``name``: a folder, a packed one (DEMAND, MUSAN and WHAM are given out so), or
    an archive with its table in the data folder.

    Raises:
        TrainingError: there are none, or they cannot be read.
    """
    with reading(name, "noises"):
        path = Path(name).expanduser()
        if path.is_dir():
            return NoiseFolder.open(name, path, cache)
        if path.name.lower().endswith(PACKED) and path.is_file() and not path.with_suffix(".tsv").is_file():
            return PackedNoises(name, checksum(path, [path], cache), path)
        archive = path if path.suffix == ".tar" else folders.DATA / f"{name}.tar"
        if not (archive.is_file() and archive.with_suffix(".tsv").is_file()):
            raise TrainingError(
                f"There are no noises “{name}”: it is no folder and no archive, and {folders.DATA} has no "
                f"{Path(name).name}.tar with its .tsv; name others in “noises”, or none: --noises []."
            )
        return _find(name, cache)


def _is_noise(file: Path) -> bool:
    """Not MUSAN's speech, and of DEMAND's sixteen microphones the first."""
    second = CHANNEL.fullmatch(file.stem) and file.stem != "ch01"
    is_musan = any(part.lower().startswith("musan") for part in file.parts)
    return file.suffix.lower() in AUDIO and not second and not (is_musan and "speech" in file.parts)


@dataclass(frozen=True)
class PackedNoises(Source):
    """A folder of noises as one file, ``.tar``, ``.tar.gz`` or ``.zip``."""

    path: Path

    def clips(self, wanted: Callable[[Clip], bool] = lambda clip: True) -> Iterator[tuple[Clip, Audio]]:
        for name, content in self._members():
            yield Clip(name, "", "", "", collection="", version=self.key), content

    def _members(self) -> Iterator[tuple[str, bytes]]:
        if self.path.suffix.lower() == ".zip":
            with zipfile.ZipFile(self.path) as packed:
                names = [name for name in packed.namelist() if _is_noise(Path(self.path.stem, name))]
                yield from ((name, packed.read(name)) for name in names)
            return
        with tarfile.open(self.path) as tar:
            for member in tar:
                if member.isfile() and _is_noise(Path(self.path.stem, member.name)):
                    yield member.name.removeprefix("./"), tar.extractfile(member).read()  # type: ignore[union-attr]


# ---------------------------------------------------------------------------------------------- synthetic speech
@dataclass(frozen=True)
class Synthetic(Source):
    """What a teacher read into the cache: ``stem.jsonl``, a line an utterance; ``stem.i16``, its waves at 24 kHz."""

    stem: Path
    RATE = 24_000

    def lines(self) -> Iterator[dict]:
        """What is known of each utterance."""
        for line in self.stem.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines():
            yield json.loads(line)

    def clips(self, wanted: Callable[[Clip], bool] = lambda clip: True) -> Iterator[tuple[Clip, Audio]]:
        waves = np.memmap(self.stem.with_suffix(".i16"), np.int16, "r")
        for line in self.lines():
            wave = waves[line["start"] : line["start"] + line["samples"]]
            clip = Clip(line["file"], line["speaker"], "", line["text"], "teacher", version=self.key)
            yield clip, (np.array(wave), self.RATE)


# ---------------------------------------------------------------------------------------------- folders
@dataclass(frozen=True)
class Folder(Source):
    """A folder of recordings and texts; the layout is told by what lies in it."""

    path: Path
    files: tuple[Path, ...]
    contents: dict[Path, str] = field(default_factory=dict)  # sums

    @classmethod
    def open(cls, name: str, path: Path, cache: Path) -> Folder:
        files = tuple(sorted(file for file in path.rglob("*") if file.is_file()))
        if not any(file.suffix.lower() in AUDIO for file in files):
            raise TrainingError(f"The folder “{name}” holds no recordings ({', '.join(AUDIO)}); name another one.")
        known = contents(path, files, cache)
        listed = "".join(f"{file.relative_to(path)} {content}\n" for file, content in known.items())
        return cls(name, _key(f"{cls.__name__} {listed}", FOLDER_FORMAT), path, files, known)

    def clips(self, wanted: Callable[[Clip], bool] = lambda clip: True) -> Iterator[tuple[Clip, Audio]]:
        layout = layout_of(self.path, self.files)
        for path in layout.recordings():
            collection, speaker = layout.speaker(path)
            about = speaker, layout.gender(speaker), layout.text(path)
            version = _key(f"{self.contents.get(path)} {about[-1]}", FOLDER_FORMAT)
            yield Clip(str(path.relative_to(self.path)), *about, collection=collection, version=version), path


class NoiseFolder(Folder):
    """A folder of noises, laid out anyhow."""

    def clips(self, wanted: Callable[[Clip], bool] = lambda clip: True) -> Iterator[tuple[Clip, Audio]]:
        for path in self.files:
            file = path.relative_to(self.path)
            if _is_noise(Path(self.path.name, file)):
                yield Clip(str(file), "", "", "", collection="", version=self.contents[path]), path


# ---------------------------------------------------------------------------------------------- Hugging Face datasets
@dataclass(frozen=True)
class Hub(Source):
    """An audio dataset by name, its audio left encoded."""

    rows: Any  # a datasets.Dataset

    @classmethod
    def open(cls, name: str) -> Hub:
        try:
            import datasets
        except ImportError as error:
            raise TrainingError(f"“{name}” needs the package datasets; pip install -e '.[train]'.") from error
        repository, *rest = name.removeprefix(HUB).split(":")
        if not rest:
            raise TrainingError(f"“{name}” names no split; write {HUB}REPOSITORY[:CONFIG]:SPLIT.")
        try:
            rows = datasets.load_dataset(repository, *rest[:-1], split=rest[-1])
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise TrainingError(f"The dataset “{name}” cannot be loaded: {reason}") from error
        if "audio" not in rows.column_names:
            typed = [column for column, kind in rows.features.items() if isinstance(kind, datasets.Audio)]
            if not typed:
                raise TrainingError(
                    f"The dataset “{name}” has no column “audio”, nor another one of recordings: it has "
                    f"{', '.join(rows.column_names)}; name a dataset of recordings."
                )
            rows = rows.rename_column(typed[0], "audio")
        rows = rows.cast_column("audio", datasets.Audio(decode=False))
        return cls(name, _key(f" {rows._fingerprint}", FOLDER_FORMAT), rows)

    def clips(self, wanted: Callable[[Clip], bool] = lambda clip: True) -> Iterator[tuple[Clip, Audio]]:
        text = self._column(TEXTS)
        for what, column, names in (("texts", text, TEXTS), ("speakers", self._column(SPEAKERS), SPEAKERS)):
            missing = f"none: of the columns {', '.join(names)} it has none, but {', '.join(self.rows.column_names)}"
            print(f"{self.name}, {what}: {f'column {column}' if column else missing}", flush=True)
        for number, row in enumerate(self.rows):
            sound = row["audio"]
            name = Path(sound["path"] or row.get("file") or "").name
            if Path(name).stem.endswith(SECOND_MICROPHONE):
                continue
            collection, who = self._speaker(row, Path(name).stem)
            about = who, str(row.get("gender") or "")[:1].upper(), str(row[text] or "") if text else ""
            clip = Clip(f"{number:08d}_{name}", *about, collection=collection, version=self.key)
            yield clip, sound["bytes"] or Path(sound["path"])

    def _column(self, names: tuple[str, ...]) -> str | None:
        """The first of ``names`` that there is."""
        return next((name for name in names if name in self.rows.column_names), None)

    def _speaker(self, row: dict, stem: str) -> tuple[str, str]:
        """Collection and name: as the recording is called, else by the column of speakers, else the dataset's."""
        known = (people.of_file(name) for name in (stem, str(row.get("id") or "")))
        if found := next((found for found in known if found), None):
            return found
        column = self._column(SPEAKERS)
        if not column:
            return "", self.name
        if "chapter_id" in row:  # of readers in LibriVox
            return people.LIBRIVOX, str(row[column])
        return people.of_place(Path(self.name), str(row[column]))
