"""Where recordings come from: archives, folders in the layouts of known corpora, and Hugging Face datasets.

A source names its clips and hands out their audio; ``data`` decodes and caches them. In a config a corpus is one of

- a name: ``NAME.tar`` and ``NAME.tsv`` in the data folder (``RTVC_DATA``), or the path of such a ``.tar``;
- a folder: LJSpeech (``metadata.csv``, ``wavs/``), VCTK (``txt/``, ``wav48…/``), LibriSpeech (``*.trans.txt``),
  LibriTTS (``*.normalized.txt``), or any recordings with a text of the same name beside each (``one.wav``,
  ``one.txt``), a folder a speaker; without texts it serves the stages that need none;
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
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from rtvc.errors import TrainingError
from rtvc.training import folders
from rtvc.training.disk import reading, write_text

AUDIO = (".wav", ".flac", ".ogg", ".opus", ".mp3")
FORMAT = 3  # counts up when clips are read differently: caches are then made anew
HUB = "hf:"
TEXTS = ("text_normalized", "normalized_text", "text", "sentence", "transcription", "transcript")
SPEAKERS = ("speaker_id", "speaker", "client_id", "reader_id")
SECOND_MICROPHONE = "_mic2"  # how names end in VCTK where another microphone heard the same reading
SAVE_SECONDS = 30  # between sums that are kept: reading all of a large corpus once takes many minutes
Audio = Path | bytes | tuple[np.ndarray, int] | None  # encoded, where it lies, or (samples, Hz); none: not there


@dataclass(frozen=True)
class Clip:
    """One recording: its name within the corpus, who speaks and what, whether the text was heard by a machine, and up
    to which frequency it holds sound (Hz; 0: half of its sampling rate)."""

    file: str
    speaker: str
    gender: str
    text: str
    text_source: str = "corpus"
    bandwidth: float = 0.0


@dataclass(frozen=True)
class Source:
    """A corpus as it lies there: ``key`` changes when its files do."""

    name: str
    key: str

    def clips(self) -> Iterator[tuple[Clip, Audio]]:
        """All recordings with their encoded audio, or the path of it."""
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
    path = Path(name).expanduser()
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
    """Over the names and contents of files. A content is read once: ``cache`` keeps its sum by path, size and time."""
    place = cache / f"sums-{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:10]}.json"
    known = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    names = {_seen(file, root): file for file in sorted(files)}
    sums = known | _sums({seen: file for seen, file in names.items() if seen not in known}, known, place, root.name)
    kept = {seen: sums[seen] for seen in names}
    if kept != known:
        write_text(place, json.dumps(kept))
    return _key("".join(f"{file.relative_to(root.parent)} {kept[seen]}\n" for seen, file in names.items()))


def _key(content: str) -> str:
    """What a corpus is cached under: another one where it, or how it is read, is another."""
    return hashlib.sha256(f"{FORMAT}{content}".encode()).hexdigest()[:10]


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

    def clips(self) -> Iterator[tuple[Clip, Audio]]:
        rows = self._rows()
        with tarfile.open(self.path) as tar:
            for member in tar:
                clip = rows.pop(member.name.removeprefix("./"), None) if member.isfile() else None
                if clip:
                    yield clip, tar.extractfile(member).read()  # type: ignore[union-attr]  # a file, as asked above
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
                **{name: row.get(name) or "" for name in names}, bandwidth=float(row.get("bandwidth") or 0)
            )
            for row in rows
        }


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

    def clips(self) -> Iterator[tuple[Clip, Audio]]:
        waves = np.memmap(self.stem.with_suffix(".i16"), np.int16, "r")
        for line in self.lines():
            wave = waves[line["start"] : line["start"] + line["samples"]]
            yield Clip(line["file"], line["speaker"], "", line["text"], "teacher"), (np.array(wave), self.RATE)


# ---------------------------------------------------------------------------------------------- folders
@dataclass(frozen=True)
class Folder(Source):
    """A folder of recordings and texts; the layout is told by what lies in it."""

    path: Path
    files: tuple[Path, ...]

    @classmethod
    def open(cls, name: str, path: Path, cache: Path) -> Folder:
        files = tuple(sorted(file for file in path.rglob("*") if file.is_file()))
        if not any(file.suffix.lower() in AUDIO for file in files):
            raise TrainingError(f"The folder “{name}” holds no recordings ({', '.join(AUDIO)}); name another one.")
        return cls(name, checksum(path, files, cache), path, files)

    def clips(self) -> Iterator[tuple[Clip, Audio]]:
        texts, genders, present = self._texts(), self._genders(), set(self.files)
        for path in self.files:
            file = path.relative_to(self.path)
            name = _identity(path.stem)
            text = texts.get((path.parent, name), texts.get(name))
            if path.suffix.lower() not in AUDIO or (texts and text is None) or _is_second(path, present):
                continue
            speaker = self._speaker(file)
            yield Clip(str(file), speaker, genders.get(speaker.lstrip("pP"), ""), text or ""), path

    def _texts(self) -> dict[str | tuple[Path, str], str]:
        """What is said, by the recording's name without its ending; by folder and name where it lies beside."""
        table = self.path / "metadata.csv"
        if table.is_file():  # LJSpeech: id|as written|as spoken
            rows = (line.split("|") for line in table.read_text(encoding="utf-8").splitlines() if "|" in line)
            return {_identity(Path(row[0]).stem): row[-1].strip() for row in rows}
        found: dict[str | tuple[Path, str], str] = {}
        for path in self.files:
            if path.name.endswith(".trans.txt"):  # LibriSpeech: a line an utterance
                lines = (line.partition(" ") for line in path.read_text(encoding="utf-8").splitlines())
                found |= {_identity(name): text for name, _, text in lines}
            elif path.name.endswith(".normalized.txt"):
                found[_identity(path.name.removesuffix(".normalized.txt"))] = _read(path)
            elif path.suffix == ".txt" and not path.name.endswith(".original.txt"):
                beside = path.parent, _identity(path.stem)  # two people's first recordings may have one name
                found[beside] = _read(path)
                found.setdefault(beside[1], found[beside])
        audible = {_identity(path.stem) for path in self.files if path.suffix.lower() in AUDIO}
        return {key: text for key, text in found.items() if (key if isinstance(key, str) else key[1]) in audible}

    def _genders(self) -> dict[str, str]:
        """F or M by speaker, from VCTK's or LibriSpeech's table where there is one."""
        for path in (file for file in self.files if file.name.lower() in ("speaker-info.txt", "speakers.txt")):
            lines = path.read_text(encoding="utf-8").splitlines()
            pairs = (re.match(r"\s*p?(\d+)\b.*?\b([FM])\b", line) for line in lines if not line.startswith(";"))
            return {found[1]: found[2] for found in pairs if found}
        return {}

    def _speaker(self, file: Path) -> str:
        """By the file's name in LibriSpeech, LibriTTS and VCTK; else by the outermost folder; else the corpus."""
        if found := re.match(r"(\d+)[-_]\d+[-_]\d+|([ps]\d+)_\d+", file.stem):
            return found[1] or found[2]
        names = [
            part for part in file.parts[:-1] if not re.match(r"(wav|flac|audio|clips|train|dev|test)", part.lower())
        ]
        return names[0] if names else self.path.name


def _is_second(path: Path, present: Collection[Path]) -> bool:
    """Whether it is the same reading through VCTK's other microphone."""
    return path.stem.endswith(SECOND_MICROPHONE) and path.with_stem(path.stem[:-1] + "1") in present


def _identity(stem: str) -> str:
    return re.sub(r"_mic[12]$", "", stem)


def _read(path: Path) -> str:
    return " ".join(path.read_text(encoding="utf-8", errors="replace").split())


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
            raise TrainingError(f"The dataset “{name}” has no column “audio”; name a dataset of recordings.")
        rows = rows.cast_column("audio", datasets.Audio(decode=False))
        return cls(name, _key(f" {rows._fingerprint}"), rows)

    def clips(self) -> Iterator[tuple[Clip, Audio]]:
        columns = self.rows.column_names
        text, speaker = (next((column for column in names if column in columns), None) for names in (TEXTS, SPEAKERS))
        for number, row in enumerate(self.rows):
            sound = row["audio"]
            name = Path(sound["path"] or row.get("file") or "").name
            if Path(name).stem.endswith(SECOND_MICROPHONE):
                continue
            file = f"{number:08d}_{name}"
            who = str(row[speaker]) if speaker else self.name
            gender = str(row.get("gender") or "")[:1].upper()
            yield Clip(file, who, gender, str(row[text] or "") if text else ""), sound["bytes"] or Path(sound["path"])
