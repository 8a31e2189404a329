"""All recordings, decoded, trimmed and levelled once, then read from a memory-mapped cache.

What is cached of a corpus lies in files that begin with its name and its source's key: ``.i16`` (all waves behind one
another, int16, 16 kHz), ``.wide.i16`` (the same at 24 kHz, where recordings hold more), ``.json`` (the index), and what
other stages compute. A source that changes has another key, so everything of it is made anew.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import math
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
from rtvc.training.data import people, sources
from rtvc.training.disk import reading, write_text, writing

SAMPLING_RATE = 16_000
WIDE_RATE = 24_000  # of what recordings with more than 8 kHz are kept at too, for a synthesizer that speaks so
GRID = 400  # samples at 16 kHz, 600 at 24 kHz: lengths are whole numbers of these, so that both rates agree
NOISE = "noise-esc10"
NOISES = (NOISE, "noise-more", "rooms")
SYNTHETIC_SPEECH = "teacher"  # what the stage of that name has hibari read; it has no source
WAVES, WIDE_WAVES = ".i16", ".wide.i16"
DEVELOPMENT_SPEAKERS = {"ls_669", "ls_7312", "ls_2136", "ls_5789"}
EVERY_TENTH = (
    "librispeech-one-clip",
    "an4",
    "common-voice-13",
    "common-voice-18-20",
)  # of these corpora every tenth speaker is for development
KEPT_SILENCE = 0.1  # seconds kept around the first and last speech
FULL_SCALE = 32_767


@dataclass(frozen=True)
class Utterance:
    """One recording: where it comes from, what is said, and its place in the corpus's cache (in samples at 16 kHz).

    speaker: as :mod:`rtvc.training.data.people` names them; bandwidth: Hz up to which it holds sound; cut: seconds that
    were trimmed from its start.
    """

    corpus: str
    file: str
    speaker: str
    gender: str
    text: str
    text_source: str
    start: int
    samples: int
    bandwidth: float = SAMPLING_RATE / 2
    cut: float = 0.0

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
        """All waves behind one another, int16, 16 kHz."""
        return np.memmap(self.file(WAVES), dtype=np.int16, mode="r")

    @cached_property
    def widest(self) -> tuple[np.ndarray, int]:
        """All waves behind one another at the rate that keeps all they hold, int16, and that rate."""
        if not self.file(WIDE_WAVES).exists():
            return self.samples, SAMPLING_RATE
        return np.memmap(self.file(WIDE_WAVES), dtype=np.int16, mode="r"), WIDE_RATE

    def wave(self, utterance: Utterance) -> np.ndarray:
        """``(samples,)`` float32, 16 kHz, speech at −23 LUFS, silence at the edges trimmed to 0.1 s."""
        stop = utterance.start + utterance.samples
        return self.samples[utterance.start : stop].astype(np.float32) / FULL_SCALE


def trimmed(wave: np.ndarray) -> tuple[int, int]:
    """First and last sample, from 0.1 s before the first to 0.1 s after the last speech; all where none is found."""
    spans = audio.voiced_spans(wave)
    if not spans:
        return 0, len(wave)
    margin = int(KEPT_SILENCE * SAMPLING_RATE)
    return max(0, spans[0][0] - margin), min(len(wave), spans[-1][1] + margin)


@dataclass(frozen=True)
class _Decoded:
    """int16 waves of one recording, at 16 and, where it holds more than that, 24 kHz; seconds cut from its start."""

    narrow: np.ndarray
    wide: np.ndarray | None
    bandwidth: float
    cut: float


def _decode(job: tuple[sources.Audio, bool]) -> _Decoded | str:
    """One encoded file → its waves, or what is wrong with it; noise is neither trimmed nor levelled."""
    encoded, is_speech = job
    if encoded is None:
        return "it is not in the archive"
    try:
        samples, rate = _samples(encoded)
        wide = rate > SAMPLING_RATE
        kept = WIDE_RATE if wide else SAMPLING_RATE
        wave = audio.read((samples, rate), kept)
        cut = 0.0
        if is_speech:
            first, last = trimmed(audio.resample(wave, kept))
            cut, step = first / SAMPLING_RATE, kept / SAMPLING_RATE
            wave = audio.normalize_loudness(wave[round(first * step) : round(last * step)], kept)
    except (OSError, soundfile.SoundFileError, VoiceError, ValueError) as error:
        return str(error).splitlines()[0]
    wave = np.pad(wave, (0, -len(wave) % (GRID * kept // SAMPLING_RATE)))
    return _Decoded(_int16(audio.resample(wave, kept)), _int16(wave) if wide else None, min(rate, WIDE_RATE) / 2, cut)


def _samples(encoded: Path | bytes | tuple[np.ndarray, int]) -> tuple[np.ndarray, int]:
    """Mono samples and their rate in Hz."""
    if isinstance(encoded, tuple):
        return encoded
    content = encoded if isinstance(encoded, Path) else io.BytesIO(encoded)
    samples, rate = soundfile.read(content, dtype="float32", always_2d=True)
    return samples.mean(1), rate


def _int16(wave: np.ndarray) -> np.ndarray:
    return (np.clip(wave, -1, 1) * FULL_SCALE).astype(np.int16)


def in_parallel(function, jobs: Iterable, processes: int | None = None) -> Iterator:
    """``map`` over processes of one thread each, in order, with little of ``jobs`` in memory at once."""
    jobs = iter(jobs)
    with ProcessPoolExecutor(processes or os.cpu_count(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        while some := list(itertools.islice(jobs, 256)):
            yield from pool.map(function, some, chunksize=8)


def _prepare(source: sources.Source, stem: str, processes: int | None) -> None:
    """Decode a corpus into the cache. What cannot be read is counted, named and left out."""
    written = {suffix: folders.CACHE / f"{stem}{suffix}.new" for suffix in (WAVES, WIDE_WAVES)}
    try:
        with writing(folders.CACHE):
            utterances, skipped = _decoded(source, written, processes)
            if skipped:
                named = "; ".join(f"{file}: {why}" for file, why in itertools.islice(skipped.items(), 5))
                count = len(skipped) + len(utterances)
                print(f"{source.name}: {len(skipped)} of {count} recordings skipped ({named})", flush=True)
            if not utterances:
                raise TrainingError(f"The corpus “{source.name}” has no usable recording; name another one.")
            for suffix, file in written.items():
                if suffix == WAVES or any(row["bandwidth"] > SAMPLING_RATE / 2 for row in utterances):
                    file.replace(folders.CACHE / f"{stem}{suffix}")
    finally:
        for file in written.values():
            file.unlink(missing_ok=True)
    write_text(folders.CACHE / f"{stem}.json", json.dumps({"utterances": utterances, "skipped": skipped}))
    for old in folders.CACHE.glob(f"{_slug(source.name)}-??????????.*"):  # of the source as it was before
        if not old.name.startswith(f"{stem}."):
            old.unlink()


def _decoded(
    source: sources.Source, written: dict[str, Path], processes: int | None
) -> tuple[list[dict], dict[str, str]]:
    """Write all waves behind one another; what is known of each, and by file why others are not there."""
    clips: list[sources.Clip] = []
    utterances, skipped, start = [], {}, 0

    def jobs() -> Iterator[tuple[sources.Audio, bool]]:
        with reading(source.name):
            for clip, encoded in source.clips():
                clips.append(clip)
                yield encoded, source.name not in NOISES

    decoded = in_parallel(_decode, jobs(), processes)
    with open(written[WAVES], "wb") as narrow, open(written[WIDE_WAVES], "wb") as wide:
        for number, found in enumerate(tqdm(decoded, desc=f"reading {source.name}", unit="clip", mininterval=2)):
            clip = clips[number]
            if isinstance(found, str) or not len(found.narrow):
                skipped[clip.file] = found if isinstance(found, str) else "empty"
                continue
            place = {"corpus": source.name, "start": start, "samples": len(found.narrow), "cut": found.cut}
            utterances.append(asdict(clip) | place | {"bandwidth": min(clip.bandwidth or math.inf, found.bandwidth)})
            narrow.write(found.narrow.tobytes())
            wide.write((_widened(found.narrow) if found.wide is None else found.wide).tobytes())
            start += len(found.narrow)
    return utterances, skipped


def _widened(narrow: np.ndarray) -> np.ndarray:
    """A recording of 16 kHz among wider ones of its corpus."""
    return _int16(audio.resample(narrow.astype(np.float32) / FULL_SCALE, SAMPLING_RATE, WIDE_RATE))


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
    return Corpus(name, [_utterance(name, row) for row in index["utterances"]], stem)


def _utterance(corpus: str, row: dict) -> Utterance:
    """As the index of ``corpus`` has it."""
    about = {key: value for key, value in row.items() if key not in ("corpus", "collection")}
    speaker = people.speaker(corpus, row["speaker"], row.get("collection"))
    return Utterance(**(about | {"corpus": corpus, "speaker": speaker}))


def development_speakers(corpora: list[Corpus]) -> set[str]:
    """Speakers that are never trained on: the four named readers and every tenth of some corpora, sorted by name."""
    chosen = set(DEVELOPMENT_SPEAKERS)
    for corpus in corpora:
        if corpus.name in EVERY_TENTH:
            chosen |= set(sorted({people.bare(utterance.speaker) for utterance in corpus.utterances})[::10])
    return chosen


def split(corpora: list[Corpus]) -> tuple[list[Utterance], list[Utterance]]:
    """Training and development utterances; one that stands in two corpora of a collection is kept once."""
    held_out = development_speakers(corpora)
    train: list[Utterance] = []
    development: list[Utterance] = []
    seen: dict[tuple[str, str], str] = {}
    for corpus in corpora:
        for utterance in corpus.utterances:
            if seen.setdefault((utterance.speaker, Path(utterance.file).name), corpus.name) != corpus.name:
                continue
            (development if people.bare(utterance.speaker) in held_out else train).append(utterance)
    return train, development
