"""What tests of the evaluation share: cases of two speakers, and judges that need no weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from rtvc import audio
from rtvc.evaluation import run
from rtvc.evaluation.judges.base import Judge

RATE = 16_000


def write_cases(place: Path, woman: Path, man: Path) -> Path:
    """Cases of two speakers: four sentences, two noisy recordings, three recordings each to tell apart."""
    random = np.random.default_rng(0)
    lines, pairs, trials = [], [], []
    for name, path in (("ann", woman), ("bob", man)):
        wave = audio.read(path)[: 5 * RATE]
        soundfile.write(place / f"{name}.wav", wave, RATE)
        soundfile.write(place / f"{name}-noisy.wav", wave + 0.02 * random.standard_normal(wave.size), RATE)
        lines += [f"{name}\t{name}.wav\t{text}\t{name}.wav" for text in ('He said "Yes.', "Good morning.")]
        pairs.append(f"{name}-noisy.wav\t{name}.wav\thiss\t10")
        for number, part in enumerate(np.array_split(wave, 3)):
            soundfile.write(place / f"{name}-{number}.wav", part, RATE)
            trials.append(f"{name}-{number}.wav\t{name}")
    write(place / "clone.tsv", "speaker\treference_long\ttext\trecording", *lines)
    write(place / "enhance.tsv", "noisy\tclean\tnoise\tsnr_db", *pairs)
    write(place / "verify.tsv", "file\tspeaker", *trials)
    return place


def write(path: Path, *lines: str) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Loudness(Judge):
    """Stands in for predictors of opinion: the level."""

    name, measures, weights, licence = "level", "dB", "none", "MIT"

    def __call__(self, wave: np.ndarray) -> float:
        return float(20 * np.log10(np.sqrt(np.mean(wave**2)) + 1e-6))


class Distance(Loudness):
    """Stands in for PESQ and eSTOI."""

    name = "distance"

    def __call__(self, clean: np.ndarray, made: np.ndarray) -> float:
        return float(np.mean((clean - made) ** 2))


class Spectrum(Loudness):
    """Stands in for speaker encoders: the mean spectrum."""

    name = "spectrum"

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        return np.abs(np.fft.rfft(wave[: wave.size // 512 * 512].reshape(-1, 512), axis=1)).mean(0)


class Deaf(Loudness):
    """Stands in for a recogniser: hears the first word only."""

    name = "deaf"

    def __call__(self, wave: np.ndarray) -> str:
        return "<b>good"

    def errors(self, wanted: str, heard: str) -> dict[str, int]:
        words = len(wanted.split())
        return {"word_errors": words - 1, "words": words, "character_errors": 1, "characters": len(wanted)}


FAKES = {"words": Deaf, "naturalness": Loudness, "dnsmos": Loudness, "likeness": Spectrum}
FAKES |= {"pesq": Distance, "estoi": Distance}


def others() -> run.Company:
    fakes = {role: kind() for role, kind in FAKES.items()}
    voice = {"machine": lambda text: (np.sin(np.arange(RATE) / 20).astype(np.float32), RATE)}
    halved = {"halved": lambda wave: wave / 2}
    return run.Company(fakes, voice, halved, {"the judge for second": "it is not here"})
