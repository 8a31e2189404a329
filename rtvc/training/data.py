"""The corpora of ``../shared/data``: decoded, trimmed and levelled once, then read from a memory-mapped cache.

A corpus is ``<name>.tar`` (one audio file an utterance) and ``<name>.tsv`` (file, speaker, gender, seconds, text,
text_source). Its cache is ``<name>.i16`` (all waves behind one another, int16, 16 kHz) and ``<name>.json`` (the index).
"""

from __future__ import annotations

import csv
import io
import json
import os
import tarfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import soundfile

from rtvc import audio

SAMPLING_RATE = 16_000
DATA = Path(os.environ.get("RTVC_DATA", Path(__file__).parents[3] / "shared" / "data"))
CACHE = Path(os.environ.get("RTVC_CACHE", Path(__file__).parents[2] / ".cache"))
SPEECH = (
    "librispeech-train-clean-5",
    "librispeech-train-clean-3",
    "librispeech-one-clip",
    "arctic-cathy",
    "vctk-p239",
    "an4",
    "speech-commands-3-words",
    "alphanumeric-duke",
    "common-voice-100",
    "speechocean762-adults",
)
NOISE = "noise-esc10"
DEVELOPMENT_SPEAKERS = {"ls_669", "ls_7312", "ls_2136", "ls_5789"}
EVERY_TENTH = ("librispeech-one-clip", "an4")  # of these corpora every tenth speaker is for development
MARGIN = 0.1  # seconds kept around the first and last speech
FULL_SCALE = 32_767


@dataclass(frozen=True)
class Utterance:
    """One recording: where it comes from, what is said, and its place in the corpus's cache (in samples)."""

    corpus: str
    file: str
    speaker: str
    gender: str
    text: str
    text_source: str
    start: int
    samples: int

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLING_RATE


@dataclass(frozen=True)
class Corpus:
    """A cached corpus; ``wave`` reads one utterance."""

    name: str
    utterances: list[Utterance]
    path: Path

    @cached_property
    def _samples(self) -> np.ndarray:
        return np.memmap(self.path, dtype=np.int16, mode="r")

    def wave(self, utterance: Utterance) -> np.ndarray:
        """``(samples,)`` float32, 16 kHz, speech at −23 LUFS, silence at the edges trimmed to 0.1 s."""
        stop = utterance.start + utterance.samples
        return self._samples[utterance.start : stop].astype(np.float32) / FULL_SCALE


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a tab-separated table without quoting."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def trim(wave: np.ndarray) -> np.ndarray:
    """``wave`` from 0.1 s before the first to 0.1 s after the last speech; unchanged where none is found."""
    spans = audio.voiced_spans(wave)
    if not spans:
        return wave
    margin = int(MARGIN * SAMPLING_RATE)
    return wave[max(0, spans[0][0] - margin) : spans[-1][1] + margin]


def _decode(job: tuple[bytes, bool]) -> np.ndarray:
    """One encoded file → ``(samples,)`` int16; speech is trimmed and levelled, noise left as it is."""
    encoded, is_speech = job
    samples, rate = soundfile.read(io.BytesIO(encoded), dtype="float32", always_2d=True)
    wave = audio.read((samples.mean(1), rate))
    if is_speech:
        wave = audio.normalize_loudness(trim(wave), SAMPLING_RATE)
    return (np.clip(wave, -1, 1) * FULL_SCALE).astype(np.int16)


def _members(archive: Path, rows: list[dict[str, str]], is_speech: bool):
    wanted = {row["file"] for row in rows}
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name.removeprefix("./") in wanted:
                yield member.name.removeprefix("./"), (tar.extractfile(member).read(), is_speech)


def prepare(name: str, root: Path = DATA, cache: Path = CACHE, processes: int = 2) -> Corpus:
    """Decode a corpus into its cache, in parallel. Existing caches are made anew."""
    cache.mkdir(parents=True, exist_ok=True)
    rows = {row["file"]: row for row in read_table(root / f"{name}.tsv")}
    utterances, start = [], 0
    names, jobs = zip(*_members(root / f"{name}.tar", list(rows.values()), name != NOISE), strict=True)
    with open(cache / f"{name}.i16", "wb") as out, ProcessPoolExecutor(processes) as pool:
        for file, wave in zip(names, pool.map(_decode, jobs, chunksize=16), strict=True):
            row = rows[file]
            about = {key: row[key] for key in ("file", "speaker", "gender", "text", "text_source")}
            utterances.append(Utterance(name, start=start, samples=len(wave), **about))
            out.write(wave.tobytes())
            start += len(wave)
    (cache / f"{name}.json").write_text(json.dumps([asdict(one) for one in utterances]))
    return Corpus(name, utterances, cache / f"{name}.i16")


def load_corpus(name: str, root: Path = DATA, cache: Path = CACHE) -> Corpus:
    """The cached corpus, prepared first where the cache lacks it."""
    index = cache / f"{name}.json"
    if not index.exists():
        return prepare(name, root, cache)
    return Corpus(name, [Utterance(**one) for one in json.loads(index.read_text())], cache / f"{name}.i16")


def development_speakers(corpora: list[Corpus]) -> set[str]:
    """Speakers that are never trained on: the four named readers and every tenth of two corpora, sorted by name."""
    chosen = set(DEVELOPMENT_SPEAKERS)
    for corpus in corpora:
        if corpus.name in EVERY_TENTH:
            chosen |= set(sorted({one.speaker for one in corpus.utterances})[::10])
    return chosen


def split(corpora: list[Corpus]) -> tuple[list[Utterance], list[Utterance]]:
    """Training and development utterances; one that stands in two archives is kept once."""
    held_out = development_speakers(corpora)
    train, development, seen = [], [], set()
    for corpus in corpora:
        for one in corpus.utterances:
            if Path(one.file).name in seen:
                continue
            seen.add(Path(one.file).name)
            (development if one.speaker in held_out else train).append(one)
    return train, development


def noises(kind: str = "train", root: Path = DATA, cache: Path = CACHE) -> list[np.ndarray]:
    """Noise recordings, each ``(samples,)`` at 16 kHz; ``kind`` is "train" or "development" (ESC-10 files ``4-…``)."""
    corpus = load_corpus(NOISE, root, cache)
    held_out = [Path(one.file).name.startswith("4-") for one in corpus.utterances]
    return [
        corpus.wave(one)
        for one, is_development in zip(corpus.utterances, held_out, strict=True)
        if is_development == (kind == "development")
    ]
