"""People that RTVC-7 makes: mixtures of the voices there are, each also warped, for Tuned-GE2E to learn more voices.

They stand in a folder that ``made`` in ``configs/ge2e.yaml`` names; who somebody is there, the teacher is asked.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from rtvc import audio
from rtvc.errors import TrainingError, VoiceError
from rtvc.loading import load
from rtvc.pipeline import VoiceCloningPipeline
from rtvc.training import data, voices
from rtvc.training.disk import writing
from rtvc.voice import Voice

HEARD = 8  # seconds of a person that enrolment hears
MIXED = (1.0, 1.0, 0.3)  # Dirichlet's: mostly two people, a little of a third
PITCH = 0.07  # natural log, deviation
LETTERS = (110, 170)  # of a text: about ten seconds


def train(config: dict) -> None:
    """Stage ``people``: mix, speak and write ``people`` of them, and each once more, warped."""
    corpora = {name: data.load_corpus(name) for name in config["corpora"]}
    heard = [one for one in voices.speakers(corpora, [], 0, []) if not one.development]
    jobs = [(config["rtvc_ckpt"], one.parts) for one in heard]
    shown = tqdm(data.in_parallel(_enrolled, jobs), desc="enrolment", total=len(jobs), unit="speaker", mininterval=2)
    known = [one for one in shown if one is not None]
    lines = sorted({one.text for corpus in corpora.values() for one in corpus.utterances})
    lines = [line.capitalize() for line in lines if LETTERS[0] < len(line) < LETTERS[1]]
    if len(known) < len(MIXED) or not lines:
        raise TrainingError(
            "The stage “people” needs three speakers with 3 s of speech, and texts of "
            f"{LETTERS[0]} to {LETTERS[1]} letters; name more corpora."
        )
    drawn = (_drawn(config, number, known, lines) for number in range(config["people"]))
    folder = Path(config["folder"])
    with writing(folder, "folder", "with --folder"):
        made = data.in_parallel(_spoken, drawn)
        for number, waves in enumerate(tqdm(made, desc="people", total=config["people"], mininterval=2)):
            for suffix, wave in waves:
                path = folder / f"made{number:04d}{suffix}" / "0.flac"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, wave, data.SAMPLING_RATE)


@dataclass(frozen=True)
class Line:
    """A sentence and the made voice that says it; ``seed`` draws how it is warped."""

    model: str
    text: str
    voice: Voice
    seed: tuple[int, int]


@functools.cache
def _clone(model: str) -> VoiceCloningPipeline:
    return load(model)


def _enrolled(job: tuple[str, list[tuple[Path, int, int]]]) -> Voice | None:
    """The voice of a speaker, uncleaned; none where there is too little speech."""
    model, parts = job
    try:
        return _clone(model).model.enroll([voices.joined(parts)[: HEARD * data.SAMPLING_RATE]], enhance=False)
    except VoiceError:
        return None


def mixture(parts: list[Voice], shares: np.ndarray, higher: float = 0.0) -> Voice:
    """The voice between ``parts``, ``higher`` in pitch (natural log)."""

    def mean(name: str) -> np.ndarray | float:
        return sum(share * getattr(one, name) for share, one in zip(shares, parts, strict=True))

    embedding, timbre, pitch = mean("speaker_embedding"), mean("timbre"), mean("pitch_mean") + higher
    return Voice(embedding, timbre, pitch, mean("pitch_std"), mean("tempo"))


def _drawn(config: dict, number: int, known: list[Voice], lines: list[str]) -> Line:
    random = np.random.default_rng([config["seed"], number])
    few = [known[one] for one in random.choice(len(known), len(MIXED), replace=False)]
    voice = mixture(few, random.dirichlet(MIXED), PITCH * random.standard_normal())
    return Line(config["rtvc_ckpt"], lines[random.integers(len(lines))], voice, (config["seed"], number))


def _spoken(line: Line) -> list[tuple[str, np.ndarray]]:
    """(suffix, wave at 16 kHz) of the made person and of the warped one."""
    made = _clone(line.model)(line.text, voice=line.voice)
    wave = audio.resample(made["audio"], made["sampling_rate"], data.SAMPLING_RATE)
    wave = wave[: voices.WARPED_SECONDS * data.SAMPLING_RATE]
    return [("", wave), (voices.WARPED, voices.warp(wave, np.random.default_rng(line.seed)))]
