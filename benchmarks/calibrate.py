"""The numbers of `VoiceCloningConfig` that are measured on development speakers, not learned.

    python benchmarks/calibrate.py FOLDER [--write]      # FOLDER: a voice-cloning model; --write: into its config.json

`similarity_scale` and `similarity_offset`: a logistic fit on pairs of recordings, half of them with noise, each class
weighing the same. `same_voice_cosine`: all but one in a hundred short pieces of speech, half of them with noise, are
closer than this to their speaker's mean. `enhance_below_snr`: the noise level from which on cleaning brings the speaker
embedding closer to that of another, clean recording of the same speaker. `speaking_lufs`: the mean loudness of what
RTVC-7 says in the speakers' voices. `timbre_centre`: the mean timbre of readers that RTVC-7 was trained on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize

from rtvc import VoiceCloningModel, audio
from rtvc.evaluation.verification import Pairs
from rtvc.loading import load
from rtvc.rtvc7 import AVERAGE_TIMBRE
from rtvc.training.data import noise as noise_of
from rtvc.training.data import store
from rtvc.voice_cloning import CHECKED

CORPORA = ("librispeech-train-clean-5", "librispeech-train-clean-3", "librispeech-one-clip", "an4")
SECONDS = (3.0, 8.0)  # of a recording
READERS, MOST_READERS = "librispeech-one-clip", 200
RECORDINGS = 6  # of a speaker at most
LEVELS = np.arange(0, 36, 5)  # dB
TEXTS = (  # none so short that its own loudness is measured
    "Yes, I think so too.",
    "What time is it over there in London?",
    "I will be there at nine, and I will bring the book that you asked me for.",
)
WORTHWHILE = 0.01  # cosine: for less than that a recording is left as it is


def recordings(rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """Development speakers and their recordings: utterances joined or cut to a few seconds."""
    corpora = [store.load_corpus(name) for name in CORPORA]
    _, development = store.split(corpora)
    by_name = {corpus.name: corpus for corpus in corpora}
    found: dict[str, list[np.ndarray]] = {}
    for speaker in sorted({one.speaker for one in development}):
        own = [by_name[one.corpus].wave(one) for one in development if one.speaker == speaker]
        rng.shuffle(own)
        speech, cuts = np.concatenate(own[:12]), []
        while len(cuts) < RECORDINGS and speech.size > SECONDS[0] * store.SAMPLING_RATE:
            size = int(rng.uniform(*SECONDS) * store.SAMPLING_RATE)
            cuts.append(speech[:size])
            speech = speech[size:]
        found[speaker] = [cut for cut in cuts if cut.size > SECONDS[0] * store.SAMPLING_RATE]
    return {speaker: cuts for speaker, cuts in found.items() if len(cuts) > 1}


def fit(cosines: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """Scale and offset of the logistic with the least balanced cross-entropy."""
    weights = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())

    def loss(numbers: np.ndarray) -> float:
        margin = np.where(same, 1, -1) * numbers[0] * (cosines - numbers[1])
        return float(weights @ np.logaddexp(0, -margin))

    scale, offset = minimize(loss, [10.0, 0.5], method="Nelder-Mead").x
    return float(scale), float(offset)


def half_noisy(found: dict, noises: list[np.ndarray], rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """``found`` with noise 5–25 dB below every second recording."""

    def noisy(wave: np.ndarray) -> np.ndarray:
        return noise_of.mix(wave, noises[rng.integers(len(noises))], rng.uniform(5, 25))

    return {
        speaker: [noisy(wave) if count % 2 else wave for count, wave in enumerate(cuts)]
        for speaker, cuts in found.items()
    }


def similarity(model: VoiceCloningModel, found: dict) -> dict:
    """Scale and offset, printed with the equal error rate."""
    embeddings = [model.embed(wave) for cuts in found.values() for wave in cuts]
    speakers = [speaker for speaker, cuts in found.items() for _ in cuts]
    pairs, embeddings = Pairs(speakers), np.stack(embeddings)
    cosines, same = pairs.cosines(embeddings), pairs.same
    scale, offset = fit(cosines, same)
    print(f"{len(found)} speakers, {same.sum()} pairs of one, {(~same).sum()} of two", end="; ")
    print(
        f"equal error rate {pairs.trials(embeddings).equal_error_rate()[0]:.1%}; scale {scale:.2f}, offset {offset:.3f}"
    )
    return {"similarity_scale": round(scale, 2), "similarity_offset": round(offset, 3)}


def same_voice(model: VoiceCloningModel, found: dict) -> dict:
    """How near a short piece is to its own speaker's mean, with the share of other people's pieces that are not."""
    pieces, speakers = [], []
    for speaker, cuts in found.items():
        for wave in cuts:
            count = max(1, round(wave.size / (CHECKED * audio.SAMPLING_RATE)))
            pieces += [model.embed_windows(one, 2 * CHECKED, CHECKED)[0].numpy() for one in np.array_split(wave, count)]
            speakers += [speaker] * count
    pieces, speakers = np.stack(pieces), np.array(speakers)
    names = np.unique(speakers)
    centres = np.stack([pieces[speakers == name].mean(0) for name in names])
    cosines = pieces @ (centres / np.linalg.norm(centres, axis=1, keepdims=True)).T
    own = speakers[:, None] == names
    bound = round(float(np.quantile(cosines[own], 0.01)), 3)
    print(f"pieces of {CHECKED} s: one in a hundred is further than {bound} from its own voice", end=", ")
    print(f"{(cosines[~own] < bound).mean():.1%} are from another's")
    return {"same_voice_cosine": bound}


def threshold(model: VoiceCloningModel, found: dict, noises: list[np.ndarray], rng: np.random.Generator) -> dict:
    """The measured signal-to-noise ratio below which cleaning helps, at it and on average."""
    ratios, gains = [], []
    for cuts in found.values():
        target = model.embed(cuts[0])
        for decibels in LEVELS:
            noisy = noise_of.mix(cuts[1], noises[rng.integers(len(noises))], decibels)
            ratios.append(audio.snr(noisy))
            gains.append(float(target @ (model.embed(model.enhance(noisy)) - model.embed(noisy))))
    ratios, gains = np.array(ratios), np.array(gains)
    edges = np.arange(-2.5, 40, 5)
    bins = np.digitize(ratios, edges)
    means = {low + 2.5: gains[bins == count].mean() for count, low in enumerate(edges, 1) if (bins == count).any()}
    for level, gain in means.items():
        print(f"  {level:4.0f} dB: cosine to the speaker's other recording {gain:+.3f} by cleaning")
    below = {level: np.mean([gain for other, gain in means.items() if other <= level]) for level in means}
    levels = sorted(means)
    first = next((level for level in levels[1:] if min(means[level], below[level]) < WORTHWHILE), levels[-1] + 5)
    limit = first - 2.5
    print(f"cleaning is worthwhile below {limit:.1f} dB")
    return {"enhance_below_snr": limit}


def speaking(folder: Path, found: dict) -> dict:
    """The mean loudness of `TEXTS` in every voice, and how far a sentence may be from it."""
    clone = load(folder)
    clone.model.config.speaking_lufs = audio.LOUDNESS
    voices = [clone.model.enroll([np.concatenate(cuts)], False) for cuts in found.values()]
    said = [clone(text, voice=voice) for voice in voices for text in TEXTS]
    levels = np.array([audio.loudness(one["audio"], one["sampling_rate"]) for one in said])
    print(f"speaking: {levels.mean():.1f} LUFS, sentences from {levels.min():.1f} to {levels.max():.1f}")
    return {"speaking_lufs": round(float(levels.mean()), 1)}


def centre(model: VoiceCloningModel) -> dict:
    """The mean timbre of the readers with one clip each, at as many points as ``AVERAGE_TIMBRE``."""
    corpus = store.load_corpus(READERS)
    train, _ = store.split([corpus])
    mean = torch.stack(
        [model._timbre(corpus.wave(one)[: 6 * store.SAMPLING_RATE]) for one in train[:MOST_READERS]]
    ).mean(0)
    points = np.linspace(0, mean.numel() - 1, len(AVERAGE_TIMBRE))
    return {"timbre_centre": np.interp(points, np.arange(mean.numel()), mean.numpy()).round(2).tolist()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    model = VoiceCloningModel.from_pretrained(options.folder).eval()
    noises, found = noise_of.noises("development"), recordings(rng)
    mixed = half_noisy(found, noises, rng)
    with torch.inference_mode():
        numbers = similarity(model, mixed) | same_voice(model, mixed)
        numbers |= threshold(model, found, noises, rng) | centre(model)
    numbers |= speaking(options.folder, found)
    print(numbers)
    if options.write:
        model.config.update(numbers)
        model.config.save_pretrained(options.folder)


if __name__ == "__main__":
    main()
