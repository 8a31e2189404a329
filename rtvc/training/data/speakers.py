"""The voices that Tuned-GE2E learns from: one stream of speech a speaker, and what the speaker teacher hears in it.

A speaker's utterances are joined, up to ``MOST_SECONDS``, so that one-second words and twelve-second readings are
cropped alike. Readers are also resampled, four times: a longer or shorter vocal tract is another person. Pieces of
everybody are warped: pitch, formants and microphone change, each by itself, and the speaker teacher says who that is.
The cache is ``ge2e-….i16`` (waves), ``.json`` (index) and ``.teacher`` (float16, one vector per 1.6 s, by Resemblyzer).
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from tqdm import tqdm

from rtvc.errors import TrainingError
from rtvc.training import folders, speaker_teacher
from rtvc.training.data import store
from rtvc.training.data.corpora import Corpora, Division, split
from rtvc.training.data.synthetic_voices import ENCODER_SPEEDS, MINIMUM_SAMPLES, WARPED, copies, warped
from rtvc.training.disk import write_text, writing

MOST_SECONDS = 300
STREAMS = "ge2e"
TEACHER_VECTORS = ".teacher"


@dataclass(frozen=True)
class Stream:
    """A speaker's place in the cache, in samples at 16 kHz; ``windows``: of how many the speaker teacher heard each."""

    speaker: str
    corpus: str
    development: bool
    start: int
    samples: int
    first_window: int

    @property
    def windows(self) -> int:
        return max(1, self.samples // speaker_teacher.WINDOW_SAMPLES)

    @property
    def is_warped(self) -> bool:
        return WARPED in self.speaker


def joined(parts: list[tuple[Path, int, int]]) -> np.ndarray:
    """A speaker's utterances (file of waves, first sample, samples) behind one another, cut at ``MOST_SECONDS``."""
    waves, left = [], MOST_SECONDS * store.SAMPLING_RATE
    for path, start, samples in parts:
        waves.append(np.memmap(path, np.int16, "r")[start : start + min(samples, left)])
        left -= len(waves[-1])
        if left <= 0:
            break
    return np.concatenate(waves).astype(np.float32) / store.FULL_SCALE


@dataclass(frozen=True)
class Speaker:
    """Somebody and what is made of their speech: ``ranges`` of further speeds, ``warps`` pieces as other people's."""

    name: str
    corpus: str
    development: bool
    parts: list[tuple[Path, int, int]]
    ranges: dict[str, tuple[float, float]]
    warps: int


def speakers_of(
    corpora: dict[str, store.Corpus], shifted: list[str], warps: int, synthetic: list[str], division: Division
) -> Iterator[Speaker]:
    """Every speaker, training speakers first, their utterances in a fixed random order.

    Of the corpora ``synthetic`` nobody further is made.
    """
    for development, utterances in zip((False, True), split(list(corpora.values()), division, synthetic), strict=True):
        by_speaker = defaultdict(list)
        for utterance in utterances:
            by_speaker[utterance.speaker].append(utterance)
        for name, mine in sorted(by_speaker.items()):
            corpus, order = mine[0].corpus, sorted(mine, key=lambda utterance: utterance.file)
            random.Random(0).shuffle(order)
            parts = [
                (corpora[utterance.corpus].file(store.WAVES), utterance.start, utterance.samples) for utterance in order
            ]
            ranges = ENCODER_SPEEDS if corpus in shifted and not development else {}
            yield Speaker(name, corpus, development, parts, ranges, 0 if development or corpus in synthetic else warps)


def _heard(speaker: Speaker) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(name, wave int16, the speaker teacher's vectors float16) of a speaker and of the people made of them."""
    wave = joined(speaker.parts)
    if len(wave) < MINIMUM_SAMPLES:
        return []
    people = chain(copies(wave, speaker.name, speaker.ranges), warped(wave, speaker.name, speaker.warps))
    return [
        (
            speaker.name + suffix,
            (np.clip(copy, -1, 1) * store.FULL_SCALE).astype(np.int16),
            speaker_teacher.window_embeddings(copy).astype(np.float16),
        )
        for suffix, copy in people
    ]


def prepare(stem: str, everybody: list[Speaker]) -> None:
    """Write everybody's streams and the speaker teacher's vectors into the cache."""
    index, start, window = [], 0, 0
    with (
        writing(folders.CACHE),
        open(folders.CACHE / f"{stem}{store.WAVES}", "wb") as waves,
        open(folders.CACHE / f"{stem}{TEACHER_VECTORS}", "wb") as vectors,
    ):
        found = store.in_parallel(_heard, everybody)
        shown = tqdm(found, desc="voices", total=len(everybody), unit="speaker", mininterval=2)
        for speaker, people in zip(everybody, shown, strict=True):
            for name, wave, windows in people:
                waves.write(wave.tobytes())
                vectors.write(windows.tobytes())
                index.append(Stream(name, speaker.corpus, speaker.development, start, len(wave), window))
                start, window = start + len(wave), window + len(windows)
    print(f"voices: {len(index)} streams, {start / store.SAMPLING_RATE / 3600:.2f} h", flush=True)
    write_text(folders.CACHE / f"{stem}.json", json.dumps([asdict(stream) for stream in index]))


def _key(everybody: list[Speaker]) -> str:
    """Another one where anybody's speech, or what is made of it, is another; the same wherever the cache lies."""
    known = [
        replace(speaker, parts=[(path.name, *place) for path, *place in speaker.parts])  # type: ignore[misc]
        for speaker in everybody
    ]
    return hashlib.sha256(f"{known}{speaker_teacher.fingerprint()}".encode()).hexdigest()[:10]


def load(
    names: Iterable[str], shifted: list[str], warps: int, synthetic: list[str]
) -> tuple[str, list[Stream], np.ndarray, np.ndarray]:
    """Name in the cache, streams, all waves (samples,) int16 and all teacher vectors (windows, 256) float16.

    ``shifted``: corpora whose readers are resampled too; ``warps``: how many warped pieces of a person there are;
    ``synthetic``: further corpora, of whose speakers nobody further is made.

    Prepared where missing, or where a corpus has changed.
    """
    asked = Corpora(names)
    corpora = {name: asked.load(name) for name in [*names, *synthetic]}
    asked.split(list(corpora.values()))
    everybody = list(speakers_of(corpora, shifted, warps, synthetic, asked.division))
    stem = f"{STREAMS}-{_key(everybody)}"
    if not (folders.CACHE / f"{stem}.json").exists():
        prepare(stem, everybody)
    streams = [Stream(**stream) for stream in json.loads((folders.CACHE / f"{stem}.json").read_text())]
    if sum(not stream.development for stream in streams) < 2:
        raise TrainingError(f"The corpora {', '.join(names)} hold fewer than two speakers; name others in “corpora”.")
    waves = np.memmap(folders.CACHE / f"{stem}{store.WAVES}", np.int16, "r")
    vectors = np.fromfile(folders.CACHE / f"{stem}{TEACHER_VECTORS}", np.float16).reshape(-1, 256)
    return stem, streams, waves, vectors
