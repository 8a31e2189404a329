"""The mark in every clone: how often it is found and missed, and what it costs in naturalness and time.

Different lines in the speakers' voices are spoken unmarked and then marked; the recordings of the cases are unmarked
clips too. Everything goes through what a mark must survive, and through what it is not promised to survive.
"""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import soundfile
import soxr

from rtvc import audio
from rtvc.evaluation.cases import Cases
from rtvc.evaluation.cloning import references
from rtvc.evaluation.session import RATE, Session
from rtvc.evaluation.statistics import Figure, mean, share
from rtvc.watermark import THRESHOLD, detect, mark

CLIPS = 224  # marked ones, and at most so many recordings
JUDGED = 60  # clips that the judge of naturalness hears, marked and unmarked
SUBJECTS = (
    "The old man,My sister,Nobody here,Every single child,The woman with the hat,A tired driver,Our new neighbour"
)
VERBS = "found,carried,forgot,painted,wanted to buy,was looking for,never mentioned,talked for hours about"
OBJECTS = "the blue boat on the lake.,seven pounds of salt.,a letter from home.,three small houses near the station."
EFFORTS = {"MP3 at 64 kbit/s": 0.62, "MP3 at 32 kbit/s": 0.83}  # of libsndfile, at 16 kHz


def lines() -> Iterator[str]:
    """Different sentences, 224 of them."""
    for parts in itertools.product(SUBJECTS.split(","), VERBS.split(","), OBJECTS.split(",")):
        yield " ".join(parts)


def changes(random: np.random.Generator) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """What may happen to a clip, by name; those from "not promised" on tell where the mark ends."""
    return {
        "nothing": lambda wave: wave,
        "MP3 at 64 kbit/s": lambda wave: mp3(wave, "MP3 at 64 kbit/s"),
        "8 kHz and back": telephone,
        "+6 dB, clipped": lambda wave: np.clip(2 * wave, -1, 1),
        "-6 dB": lambda wave: wave / 2,
        "a crop of 1 s": lambda wave: crop(wave, 1.0, random),
        "noise at 20 dB": lambda wave: noisy(wave, 20, random),
        "1 s, MP3 at 64": lambda wave: mp3(crop(wave, 1.0, random), "MP3 at 64 kbit/s"),
        "1 s, 8 kHz": lambda wave: telephone(crop(wave, 1.0, random)),
        "1 s, noise at 20 dB": lambda wave: noisy(crop(wave, 1.0, random), 20, random),
        "all of them": lambda wave: noisy(mp3(telephone(crop(wave, 1.0, random)), "MP3 at 64 kbit/s") / 2, 20, random),
        "not promised: 0.5 s": lambda wave: crop(wave, 0.5, random),
        "not promised: noise at 10 dB": lambda wave: noisy(wave, 10, random),
        "not promised: MP3 at 32": lambda wave: mp3(wave, "MP3 at 32 kbit/s"),
        "not promised: speed 0.02 %": lambda wave: soxr.resample(wave, RATE, RATE * 1.0002),
        "not promised: speed 0.1 %": lambda wave: soxr.resample(wave, RATE, RATE * 1.001),
    }


def mp3(wave: np.ndarray, name: str) -> np.ndarray:
    file = io.BytesIO()
    options = {"subtype": "MPEG_LAYER_III", "compression_level": EFFORTS[name], "bitrate_mode": "CONSTANT"}
    with soundfile.SoundFile(file, "w", RATE, 1, format="MP3", **options) as out:
        out.write(wave)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


def telephone(wave: np.ndarray) -> np.ndarray:
    return soxr.resample(soxr.resample(wave, RATE, 8000), 8000, RATE)


def crop(wave: np.ndarray, seconds: float, random: np.random.Generator) -> np.ndarray:
    size = int(seconds * RATE)
    start = int(random.integers(0, max(1, wave.size - size)))
    return wave[start : start + size]


def noisy(wave: np.ndarray, snr: float, random: np.random.Generator) -> np.ndarray:
    level = np.sqrt(np.mean(np.square(wave))) * 10 ** (-snr / 20)
    return (wave + level * random.normal(size=wave.size)).astype(np.float32)


def watermark(session: Session) -> dict[str, Any]:
    """The share of clips in which a mark is found: of marked ones (rtvc) and of unmarked ones, after each change."""
    clips, speakers, spent = _clips(session)
    start = time.process_time()
    marked = [mark(clip, RATE) for clip in clips]
    spent_on_marks = (time.process_time() - start) / spent
    unmarked = clips + [audio.read(path) for path in recordings(session.cases)]
    groups = {"rtvc": speakers, "unmarked": [str(number) for number in range(len(unmarked))]}
    found: dict[str, Any] = {name: {"figures": {}} for name in groups}
    scores = {}
    for name, change in session.watch(list(changes(np.random.default_rng(0)).items()), "watermark"):
        detected = {
            "rtvc": [detect(change(clip)) for clip in marked],
            "unmarked": [detect(change(clip)) for clip in unmarked],
        }
        for system, some in detected.items():
            found[system]["figures"][name] = share([score >= THRESHOLD for score in some], groups[system])
        low, median = np.percentile(detected["rtvc"], [5, 50])
        scores[name] = {"low": float(low), "median": float(median), "highest_unmarked": max(detected["unmarked"])}
    cost = {"naturalness": _cost(session, clips, marked, speakers), "share_of_time": spent_on_marks}
    return {"systems": found, "scores": scores, "cost": cost}


def _clips(session: Session) -> tuple[list[np.ndarray], list[str], float]:
    """Unmarked clips at 16 kHz, whose voice each is, and the seconds that synthesis took."""
    people = {name: session.clone.enroll(path) for name, path in references(session.cases.clone).items()}
    session.clone("Hello.", voice=next(iter(people.values())))  # loads what loads on first use
    spoken, names, start = [], [], time.process_time()
    for line, name in zip(itertools.islice(lines(), CLIPS), itertools.cycle(people)):  # noqa: B905 (one is endless)
        spoken.append(session.clone(line, voice=people[name], watermark=False)["audio"])
        names.append(name)
    spent = time.process_time() - start
    return [audio.resample(clip, session.clone.model.config.sampling_rate, RATE) for clip in spoken], names, spent


def recordings(cases: Cases) -> list[Any]:
    """Different recordings of people that the cases name, without those with noise."""
    named = [path for case in cases.clone for path in (*case.references.values(), case.recording) if path]
    named += [case.clean for case in cases.enhance] + [case.file for case in cases.verify]
    return list(dict.fromkeys(named))[:CLIPS]


def _cost(session: Session, clips: list[np.ndarray], marked: list[np.ndarray], speakers: list[str]) -> Figure | None:
    """By how much naturalness falls; none without its judge."""
    if (judge := session.judges.get("naturalness")) is None:
        return None
    pairs = list(zip(clips, marked, speakers, strict=True))[:JUDGED]
    return mean([judge(clip) - judge(other) for clip, other, _ in pairs], [name for *_, name in pairs])
