"""All recordings, decoded, trimmed and levelled once, then read from a memory-mapped cache.

What is cached of a corpus lies in files that begin with its name and its source's key: ``.i16`` (all waves behind one
another, int16, 16 kHz), ``.wide.i16`` (the same at 24 kHz, where recordings hold more), ``.json`` (the index), and what
other stages compute. A source that changes has another key. Of a folder only what changed is read anew, behind the
waves that there are; so where a wave starts tells whether what was computed of a file is of this recording.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

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
MORE_NOISES, ROOMS = "noise-more", "rooms"
NOISES = (NOISE, MORE_NOISES, ROOMS)
SYNTHETIC_SPEECH = "teacher"  # what the stage of that name has hibari read; it has no source
WAVES, WIDE_WAVES = ".i16", ".wide.i16"
PLACE = ("start", "samples", "cut", "bandwidth")  # what of an utterance decoding found
KEPT_SILENCE = 0.1  # seconds kept around the first and last speech
FULL_SCALE = 32_767


@dataclass(frozen=True, slots=True)
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

    def is_of(self, computed: dict | None) -> bool:
        """Whether what was computed of a file is of this recording of it; what says nothing was never of another."""
        return computed is not None and computed.get("wave", self.start) == self.start


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


ABOUT = tuple(key.name for key in fields(Utterance) if key.name not in ("corpus", "speaker"))


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


def in_parallel(
    function: Callable[[Any], Any], jobs: Iterable, processes: int | None = None, together: int = 8
) -> Iterator:
    """``map`` over processes of one thread each, in order, with little of ``jobs`` in memory at once; ``together``: how
    many a process is given at a time."""
    jobs = iter(jobs)
    with ProcessPoolExecutor(processes or os.cpu_count(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        while some := list(itertools.islice(jobs, 256)):
            yield from pool.map(function, some, chunksize=together)


Wanted = Callable[[str, str], bool]  # of a file and its speaker


def everybody(file: str, speaker: str) -> bool:
    """Of whom nobody is left out."""
    return True


def _prepare(source: sources.Source, stem: str, processes: int | None, wanted: Wanted, is_speech: bool) -> None:
    """Decode into the cache what of a corpus it lacks. What cannot be read is counted, named and left out."""
    before = _index(stem) or _inherited(stem, source)
    known = {(row["file"], row.get("version", source.key)): row for row in before["utterances"]}
    clips, absent = [], []

    def lacking(clip: sources.Clip) -> bool:
        return (clip.file, clip.version) not in known and wanted(clip.file, _speaker(source.name, asdict(clip)))

    def jobs() -> Iterator[tuple[sources.Clip, sources.Audio, bool]]:
        with reading(source.name, "corpus" if is_speech else "noises"):
            for clip, encoded in source.clips(lacking):
                if lacking(clip):
                    yield clip, encoded, is_speech
                elif (clip.file, clip.version) not in known:
                    absent.append([clip.file, _speaker(source.name, asdict(clip))])
                    continue
                clips.append(clip)

    with writing(folders.CACHE):
        skipped = _append(stem, before, jobs(), known, source.name, processes)
        rows = [
            asdict(clip) | {key: row[key] for key in PLACE} | {"corpus": source.name}
            for clip in clips
            if (row := known.get((clip.file, clip.version)))
        ]
        _told(stem, source.name, rows, skipped, absent)
        _widen(stem, rows, before)
    about = {"utterances": rows, "skipped": skipped, "absent": absent, "end": before["end"]}
    write_text(folders.CACHE / f"{stem}.json", json.dumps(about))
    for old in folders.CACHE.glob(f"{_series(source)}-??????????.*"):  # of the source as it was before
        if not old.name.startswith(f"{stem}."):
            old.unlink()


def _told(stem: str, name: str, rows: list[dict], skipped: dict[str, str], absent: list) -> None:
    """Say what was skipped.

    Raises:
        TrainingError: that is everything.
    """
    if skipped:
        named = "; ".join(f"{file}: {why}" for file, why in itertools.islice(skipped.items(), 5))
        print(f"{name}: {len(skipped)} of {len(skipped) + len(rows)} recordings skipped ({named})", flush=True)
    if not rows and not absent:
        for suffix in (WAVES, WIDE_WAVES):
            (folders.CACHE / f"{stem}{suffix}").unlink(missing_ok=True)
        raise TrainingError(f"The corpus “{name}” has no usable recording; name another one.")


def _index(stem: str) -> dict | None:
    """What is cached under a name: its ``utterances``, why others were ``skipped``, who was not wanted (``absent``,
    file and speaker), and where the waves ``end``, in samples at 16 kHz."""
    path = folders.CACHE / f"{stem}.json"
    if not path.exists():
        return None
    index = json.loads(path.read_text(encoding="utf-8"))
    ends = [row["start"] + row["samples"] for row in index["utterances"]]
    return {"absent": [], "end": max(ends, default=0)} | index


def _inherited(stem: str, source: sources.Source) -> dict:
    """What the cache has of a folder as it was before: one changed file is one file to read.

    Its files go on under the new name. A training that reads them goes on too: nothing is written over.
    """
    for path in folders.CACHE.glob(f"{_series(source)}-??????????.json") if isinstance(source, sources.Folder) else ():
        before = _index(path.stem)
        if before and all("version" in row for row in before["utterances"]):
            for old in folders.CACHE.glob(f"{path.stem}.*"):
                new = old.with_name(stem + old.name.removeprefix(path.stem))
                new.unlink(missing_ok=True)
                os.link(old, new) if old != path else None
            return before
    return {"utterances": [], "skipped": {}, "absent": [], "end": 0}


def _append(
    stem: str, before: dict, jobs: Iterator, known: dict[tuple[str, str], dict], name: str, processes: int | None
) -> dict[str, str]:
    """Write waves behind those that there are, and what is known of each into ``known``; by file why others are not
    there. What is half written when it fails goes again."""
    files = [(folders.CACHE / f"{stem}{suffix}", size) for suffix, size in ((WAVES, 2), (WIDE_WAVES, 3))]
    jobs, asked = itertools.tee(jobs)
    skipped: dict[str, str] = {}
    start = end = before["end"]
    try:
        for file, size in files:
            file.touch()
            os.truncate(file, end * size)
        decoded = in_parallel(_decode, ((encoded, is_speech) for _, encoded, is_speech in jobs), processes)
        with open(files[0][0], "ab") as narrow, open(files[1][0], "ab") as wide:
            for found in tqdm(decoded, desc=f"reading {name}", unit="clip", mininterval=2):
                clip = next(asked)[0]
                if isinstance(found, str) or not len(found.narrow):
                    skipped[clip.file] = found if isinstance(found, str) else "empty"
                    continue
                place = {"start": start, "samples": len(found.narrow), "cut": found.cut}
                place["bandwidth"] = min(clip.bandwidth or math.inf, found.bandwidth)
                known[clip.file, clip.version] = place
                narrow.write(found.narrow.tobytes())
                wide.write((_widened(found.narrow) if found.wide is None else found.wide).tobytes())
                start += len(found.narrow)
    except BaseException:
        for file, size in files:
            os.truncate(file, end * size) if end else file.unlink(missing_ok=True)
        raise
    before["end"] = start
    return skipped


def _widen(stem: str, rows: list[dict], before: dict) -> None:
    """Keep the waves at 24 kHz where any recording needs them: those of 16 kHz that came before it then too."""
    path = folders.CACHE / f"{stem}{WIDE_WAVES}"
    if not any(row["bandwidth"] > SAMPLING_RATE / 2 for row in rows):
        path.unlink(missing_ok=True)
        return
    old = before["utterances"]
    if not old or any(row["bandwidth"] > SAMPLING_RATE / 2 for row in old):
        return
    waves = np.memmap(folders.CACHE / f"{stem}{WAVES}", np.int16, "r")
    wide = np.memmap(path, np.int16, "r+")
    for row in old:
        first, stop = row["start"], row["start"] + row["samples"]
        wide[first * 3 // 2 : stop * 3 // 2] = _widened(waves[first:stop])
    wide.flush()


def _widened(narrow: np.ndarray) -> np.ndarray:
    """A recording of 16 kHz among wider ones of its corpus."""
    return _int16(audio.resample(narrow.astype(np.float32) / FULL_SCALE, SAMPLING_RATE, WIDE_RATE))


def _slug(name: str) -> str:
    """A name for files."""
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[-60:]
    return slug if slug == name else f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _series(source: sources.Source) -> str:
    """How the names of all that was ever cached of a source begin."""
    is_noise = isinstance(source, sources.NoiseFolder | sources.PackedNoises)
    return _slug(source.name) + ("-noises" if is_noise else "")


def load_corpus(name: str, processes: int | None = None, wanted: Wanted = everybody) -> Corpus:
    """The corpus from the cache, decoded into it first where the cache lacks it or the source has changed; only the
    recordings ``wanted`` by their file and speaker, of whom alone anything is read.

    Raises:
        TrainingError: there is no such corpus, or nothing in it can be read.
    """
    if name == SYNTHETIC_SPEECH:
        stem = SYNTHETIC_SPEECH
        if not (folders.CACHE / f"{stem}.json").exists():
            raise TrainingError("There is no synthetic speech yet; run the stage “teacher”.")
        return _loaded(name, stem, wanted)
    return _read(sources.find(name, folders.CACHE), processes, wanted, name not in NOISES)


def load_noises(name: str, processes: int | None = None) -> Corpus:
    """Noises from the cache, decoded into it first, neither trimmed nor levelled.

    Raises:
        TrainingError: there are none, or they cannot be read.
    """
    return _read(sources.find_noises(name, folders.CACHE), processes, everybody, False)


def _read(source: sources.Source, processes: int | None, wanted: Wanted, is_speech: bool) -> Corpus:
    stem = f"{_series(source)}-{source.key}"
    index = _index(stem)
    if index is None or any(wanted(file, speaker) for file, speaker in index["absent"]):
        _prepare(source, stem, processes, wanted, is_speech)
    return _loaded(source.name, stem, wanted)


def _loaded(name: str, stem: str, wanted: Wanted) -> Corpus:
    rows = json.loads((folders.CACHE / f"{stem}.json").read_text(encoding="utf-8"))["utterances"]
    utterances = (utterance_of(name, row) for row in rows)
    return Corpus(name, [one for one in utterances if wanted(one.file, one.speaker)], stem)


def _speaker(corpus: str, row: dict) -> str:
    return people.speaker(corpus, row["speaker"], row.get("collection"))


def utterance_of(corpus: str, row: dict) -> Utterance:
    """As the index of ``corpus`` has it."""
    about = {key: row[key] for key in ABOUT if key in row}
    about |= {key: sys.intern(about[key]) for key in ("gender", "text_source") if key in about}  # once in memory
    return Utterance(corpus=corpus, speaker=_speaker(corpus, row), **about)
