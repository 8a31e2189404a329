"""Stage ``people``: RTVC-7 speaks in mixtures of the voices there are, each also warped; Tuned-GE2E learns from them.

They stand in a folder that ``made`` in ``configs/ge2e.yaml`` names; who somebody is, the speaker teacher is asked.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from rtvc import Voice, VoiceCloningModel, VoiceCloningPipeline, audio, load
from rtvc.errors import TrainingError, VoiceError
from rtvc.training import folders
from rtvc.training.data import speakers, store, synthetic_voices
from rtvc.training.data.corpora import Corpora
from rtvc.training.data.synthetic_voices import mixture
from rtvc.training.disk import writing

ENROLLED_SECONDS = 8  # seconds of a person that enrolment hears
DIRICHLET = (1.0, 1.0, 0.3)  # concentrations: mostly two people, a little of a third
PITCH_DEVIATION = 0.07  # natural log, deviation
TEXT_LENGTHS = (110, 170)  # of a text: about ten seconds


def train(config: dict) -> None:
    """Stage ``people``: mix, speak and write ``people`` of them, and each once more, warped."""
    asked = Corpora(config["corpora"])
    corpora = {name: asked.load(name) for name in asked}
    known = speakers.speakers_of(corpora, [], 0, [], asked.division)
    training = [speaker for speaker in known if not speaker.development]
    jobs = [(config["rtvc_ckpt"], speaker.parts) for speaker in training]
    shown = tqdm(store.in_parallel(_enrolled, jobs), desc="enrolment", total=len(jobs), unit="speaker", mininterval=2)
    voices = [voice for voice in shown if voice is not None]
    lines = sorted({utterance.text for corpus in corpora.values() for utterance in corpus.utterances})
    lines = [line.capitalize() for line in lines if TEXT_LENGTHS[0] < len(line) < TEXT_LENGTHS[1]]
    if len(voices) < len(DIRICHLET) or not lines:
        raise TrainingError(
            "The stage “people” needs three speakers with 3 s of speech, and texts of "
            f"{TEXT_LENGTHS[0]} to {TEXT_LENGTHS[1]} letters; name more corpora."
        )
    drawn = (_drawn(config, number, voices, lines) for number in range(config["people"]))
    folder = folders.placed(config["folder"])
    with writing(folder, "folder", "with --folder"):
        readings = store.in_parallel(_spoken, drawn)
        for number, waves in enumerate(tqdm(readings, desc="people", total=config["people"], mininterval=2)):
            for suffix, wave in waves:
                path = folder / f"made{number:04d}{suffix}" / "0.flac"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, wave, store.SAMPLING_RATE)


@dataclass(frozen=True)
class Reading:
    """A sentence and the mixed voice that says it; ``seed`` draws how it is warped."""

    model: str
    text: str
    voice: Voice
    seed: tuple[int, int]


@functools.cache
def _clone(folder: str) -> tuple[VoiceCloningPipeline, VoiceCloningModel]:
    """The pipeline of a whole model, and the model."""
    pipeline = load(folder)
    return pipeline, pipeline.model


def _enrolled(job: tuple[str, list[tuple[Path, int, int]]]) -> Voice | None:
    """The voice of a speaker, uncleaned; none where there is too little speech."""
    folder, parts = job
    try:
        return _clone(folder)[1].enroll(
            [speakers.joined(parts)[: ENROLLED_SECONDS * store.SAMPLING_RATE]], enhance=False
        )
    except VoiceError:
        return None


def _drawn(config: dict, number: int, known: list[Voice], lines: list[str]) -> Reading:
    random = np.random.default_rng([config["seed"], number])
    few = [known[number] for number in random.choice(len(known), len(DIRICHLET), replace=False)]
    voice = mixture(few, random.dirichlet(DIRICHLET), PITCH_DEVIATION * random.standard_normal())
    return Reading(config["rtvc_ckpt"], lines[random.integers(len(lines))], voice, (config["seed"], number))


def _spoken(reading: Reading) -> list[tuple[str, np.ndarray]]:
    """(suffix, wave at 16 kHz) of the person and of the same, warped."""
    spoken = _clone(reading.model)[0](reading.text, voice=reading.voice)
    wave = audio.resample(spoken["audio"], spoken["sampling_rate"], store.SAMPLING_RATE)
    wave = wave[: synthetic_voices.WARPED_SECONDS * store.SAMPLING_RATE]
    return [("", wave), (synthetic_voices.WARPED, synthetic_voices.warp(wave, np.random.default_rng(reading.seed)))]
