"""All recordings, decoded, trimmed and levelled once, then read from a memory-mapped cache.

What is cached of a corpus lies in files that begin with its name and its source's key: ``.i16`` (all waves behind one
another, int16, 16 kHz), ``.json`` (the index), and what other stages compute. A source that changes has another key, so
everything of it is made anew.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import soundfile
import torch
from tqdm import tqdm

from rtvc import audio
from rtvc.errors import TrainingError, VoiceError
from rtvc.training import folders
from rtvc.training.data import sources
from rtvc.training.disk import reading, write_text, writing

SAMPLING_RATE = 16_000
NOISE = "noise-esc10"
SYNTHETIC_SPEECH = "teacher"  # what the stage of that name has hibari read; it has no source
WAVES = ".i16"
DEVELOPMENT_SPEAKERS = {"ls_669", "ls_7312", "ls_2136", "ls_5789"}
EVERY_TENTH = ("librispeech-one-clip", "an4")  # of these corpora every tenth speaker is for development
KEPT_SILENCE = 0.1  # seconds kept around the first and last speech
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
    stem: str

    def file(self, suffix: str) -> Path:
        """The corpus's file of that kind in the cache."""
        return folders.CACHE / f"{self.stem}{suffix}"

    @cached_property
    def samples(self) -> np.ndarray:
        """All waves behind one another, int16."""
        return np.memmap(self.file(WAVES), dtype=np.int16, mode="r")

    def wave(self, utterance: Utterance) -> np.ndarray:
        """``(samples,)`` float32, 16 kHz, speech at −23 LUFS, silence at the edges trimmed to 0.1 s."""
        stop = utterance.start + utterance.samples
        return self.samples[utterance.start : stop].astype(np.float32) / FULL_SCALE


def trim(wave: np.ndarray) -> np.ndarray:
    """``wave`` from 0.1 s before the first to 0.1 s after the last speech; unchanged where none is found."""
    spans = audio.voiced_spans(wave)
    if not spans:
        return wave
    margin = int(KEPT_SILENCE * SAMPLING_RATE)
    return wave[max(0, spans[0][0] - margin) : spans[-1][1] + margin]


def _decode(job: tuple[sources.Audio, bool]) -> np.ndarray | str:
    """One encoded file → ``(samples,)`` int16, or what is wrong with it; noise is neither trimmed nor levelled."""
    encoded, is_speech = job
    if encoded is None:
        return "it is not in the archive"
    try:
        samples, rate = soundfile.read(
            encoded if isinstance(encoded, Path) else io.BytesIO(encoded), dtype="float32", always_2d=True
        )
        wave = audio.read((samples.mean(1), rate))
        if is_speech:
            wave = audio.normalize_loudness(trim(wave), SAMPLING_RATE)
    except (OSError, soundfile.SoundFileError, VoiceError, ValueError) as error:
        return str(error).splitlines()[0]
    return (np.clip(wave, -1, 1) * FULL_SCALE).astype(np.int16)


def in_parallel(function, jobs: Iterable, processes: int | None = None) -> Iterator:
    """``map`` over processes of one thread each, in order, with little of ``jobs`` in memory at once."""
    jobs = iter(jobs)
    with ProcessPoolExecutor(processes or os.cpu_count(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        while some := list(itertools.islice(jobs, 256)):
            yield from pool.map(function, some, chunksize=8)


def _prepare(source: sources.Source, stem: str, processes: int | None) -> None:
    """Decode a corpus into the cache. What cannot be read is counted, named and left out."""
    written = folders.CACHE / f"{stem}.new"
    try:
        with writing(folders.CACHE):
            utterances, skipped = _decoded(source, written, processes)
            if skipped:
                named = "; ".join(f"{file}: {why}" for file, why in itertools.islice(skipped.items(), 5))
                count = len(skipped) + len(utterances)
                print(f"{source.name}: {len(skipped)} of {count} recordings skipped ({named})", flush=True)
            if not utterances:
                raise TrainingError(f"The corpus “{source.name}” has no usable recording; name another one.")
            written.replace(folders.CACHE / f"{stem}{WAVES}")
    finally:
        written.unlink(missing_ok=True)
    write_text(folders.CACHE / f"{stem}.json", json.dumps({"utterances": utterances, "skipped": skipped}))
    for old in folders.CACHE.glob(f"{_slug(source.name)}-??????????.*"):  # of the source as it was before
        if not old.name.startswith(f"{stem}."):
            old.unlink()


def _decoded(source: sources.Source, written: Path, processes: int | None) -> tuple[list[dict], dict[str, str]]:
    """Write all waves behind one another; what is known of each, and by file why others are not there."""
    clips: list[sources.Clip] = []
    utterances, skipped, start = [], {}, 0

    def jobs() -> Iterator[tuple[sources.Audio, bool]]:
        with reading(source.name):
            for clip, encoded in source.clips():
                clips.append(clip)
                yield encoded, source.name != NOISE

    decoded = in_parallel(_decode, jobs(), processes)
    with open(written, "wb") as out:
        for number, wave in enumerate(tqdm(decoded, desc=f"reading {source.name}", unit="clip", mininterval=2)):
            clip = clips[number]
            if isinstance(wave, str) or not len(wave):
                skipped[clip.file] = wave if isinstance(wave, str) else "empty"
                continue
            utterances.append(asdict(clip) | {"corpus": source.name, "start": start, "samples": len(wave)})
            out.write(wave.tobytes())
            start += len(wave)
    return utterances, skipped


def _slug(name: str) -> str:
    """A name for files."""
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[-60:]
    return slug if slug == name else f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def load_corpus(name: str, processes: int | None = None) -> Corpus:
    """The corpus from the cache, decoded into it first where the cache lacks it or the source has changed.

    Raises:
        TrainingError: there is no such corpus, or nothing in it can be read.
    """
    if name == SYNTHETIC_SPEECH:
        stem = SYNTHETIC_SPEECH
        if not (folders.CACHE / f"{stem}.json").exists():
            raise TrainingError("There is no synthetic speech yet; run the stage “teacher”.")
    else:
        source = sources.find(name, folders.CACHE)
        stem = f"{_slug(name)}-{source.key}"
        if not (folders.CACHE / f"{stem}.json").exists():
            _prepare(source, stem, processes)
    index = json.loads((folders.CACHE / f"{stem}.json").read_text(encoding="utf-8"))
    return Corpus(name, [Utterance(**(row | {"corpus": name})) for row in index["utterances"]], stem)


def development_speakers(corpora: list[Corpus]) -> set[str]:
    """Speakers that are never trained on: the four named readers and every tenth of two corpora, sorted by name."""
    chosen = set(DEVELOPMENT_SPEAKERS)
    for corpus in corpora:
        if corpus.name in EVERY_TENTH:
            chosen |= set(sorted({utterance.speaker for utterance in corpus.utterances})[::10])
    return chosen


def split(corpora: list[Corpus]) -> tuple[list[Utterance], list[Utterance]]:
    """Training and development utterances; one that stands in two archives is kept once."""
    held_out = development_speakers(corpora)
    train: list[Utterance] = []
    development: list[Utterance] = []
    seen: dict[tuple[str, str], str] = {}
    for corpus in corpora:
        for utterance in corpus.utterances:
            if seen.setdefault((utterance.speaker, Path(utterance.file).name), corpus.name) != corpus.name:
                continue
            (development if utterance.speaker in held_out else train).append(utterance)
    return train, development
