"""Marks found and missed, what the mark costs in quality and time.

Usage: python benchmarks/watermark.py [--clips N] [--judged N] [--model FOLDER] [--voices FOLDER] [--shared FOLDER]

N different lines in the voices of a folder of recordings are spoken twice, marked and unmarked; with `--shared` the
recordings of its evaluation cases are unmarked clips too, and Distill-MOS judges every clip up to `--judged`. Then
everything goes through what a mark must survive, and through what it is not promised to survive.
"""

from __future__ import annotations

import argparse
import io
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from rtvc import audio
from rtvc.loading import load
from rtvc.watermark import THRESHOLD, detect, mark

RATE = 16_000
ROOT = Path(__file__).parents[1]
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
    """What may happen to a clip; those from "not promised" on tell where the mark ends."""
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


def speak(clone, voices: Path, count: int) -> tuple[list[np.ndarray], float]:
    """`count` unmarked clips at 16 kHz, and the seconds that synthesis took."""
    people = [clone.enroll(path) for path in sorted(voices.glob("*.flac"))]
    clone("Hello.", voice=people[0])  # loads what loads on first use
    clips, start = [], time.process_time()
    for line, voice in zip(itertools.islice(lines(), count), itertools.cycle(people)):  # noqa: B905 (one is endless)
        clips.append(clone(line, voice=voice, watermark=False)["audio"])
    spent = time.process_time() - start
    return [audio.resample(clip, clone.model.config.sampling_rate, RATE) for clip in clips], spent


def report(name: str, marked: list[float], unmarked: list[float]) -> None:
    """One row of the table: how many were found, how many wrongly, how far from the threshold."""
    found, wrong = (sum(score >= THRESHOLD for score in scores) for scores in (marked, unmarked))
    low, median = np.percentile(marked, [5, 50])
    print(
        f"{name:30s} found {found:4d} of {len(marked)}  wrongly {wrong} of {len(unmarked)}"
        f"  score: 5th percentile {low:4.1f}, median {median:4.1f}, highest unmarked {max(unmarked):.2f}",
        flush=True,
    )


def quality(clips: list[np.ndarray], marked: list[np.ndarray], shared: Path) -> None:
    """Distill-MOS of both, with the standard error of the difference."""
    sys.path.insert(0, str(shared / "tools" / "judges"))
    import judges  # noqa: PLC0415  (of ../shared)

    scores = np.array([[judges.mos(clip), judges.mos(other)] for clip, other in zip(clips, marked, strict=True)])
    cost = scores[:, 0] - scores[:, 1]
    error = cost.std() / len(cost) ** 0.5
    unmarked, with_mark = scores.mean(axis=0)
    print(f"Distill-MOS {unmarked:.3f}, marked {with_mark:.3f}: costs {cost.mean():.3f} ± {error:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=224)
    parser.add_argument("--judged", type=int, default=60, help="clips that Distill-MOS hears; needs --shared")
    parser.add_argument("--model", type=Path, help="a from_pretrained folder; default: the bundled model")
    parser.add_argument("--voices", type=Path, default=ROOT / "examples" / "voices", help="recordings to clone (FLAC)")
    parser.add_argument("--shared", type=Path, help="a folder with tools/judges and eval/**/*.flac, as ../shared")
    options = parser.parse_args()
    clips, spent = speak(load(options.model), options.voices, options.clips)
    start = time.process_time()
    marked = [mark(clip, RATE) for clip in clips]
    share = (time.process_time() - start) / spent
    recordings = sorted((options.shared / "eval").rglob("*.flac"))[: options.clips] if options.shared else []
    unmarked = clips + [audio.read(path) for path in recordings]
    print(f"{len(marked)} marked clips, {len(unmarked)} unmarked ones, {len(recordings)} of them recordings")
    print(f"marking takes {share:.1%} of the time of synthesis")
    for name, change in changes(np.random.default_rng(0)).items():
        report(name, [detect(change(clip)) for clip in marked], [detect(change(clip)) for clip in unmarked])
    if options.shared and options.judged:
        quality(clips[: options.judged], marked[: options.judged], options.shared)


if __name__ == "__main__":
    main()
