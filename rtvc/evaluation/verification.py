"""Who is speaking: every pair of recordings is a trial; clean and with noise, whole and cut short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import soxr
import torch

from rtvc import VoiceCloningModel, VoiceError, audio
from rtvc.evaluation.judges import SPEAKERS
from rtvc.evaluation.session import NOISE_DB, RATE, Session, with_noise
from rtvc.evaluation.statistics import Figure, Trials, cosine, pair_counts

CUTS = {"whole": None, "5 s": 5.0, "3 s": 3.0, "1.5 s": 1.5}
Embed = Callable[[np.ndarray], np.ndarray]
CHANGES = {
    "20 dB quieter": lambda wave: wave / 10,
    "sampled at 8 kHz": lambda wave: soxr.resample(soxr.resample(wave, RATE, RATE // 2), RATE // 2, RATE),
}


def embedder(model: VoiceCloningModel) -> Embed:
    """Tuned-GE2E as `rtvc.embed` uses it; where noise leaves the detector of speech nothing, on the whole wave."""

    def embed(wave: np.ndarray) -> np.ndarray:
        try:
            return model.embed(wave)
        except VoiceError:
            with torch.inference_mode():
                return model.embed_windows(wave).mean(0).numpy()

    return embed


class Pairs:
    """All pairs of recordings, by whose they are."""

    def __init__(self, speakers: list[str]):
        self.speakers = np.array(speakers)
        self.first, self.second = np.triu_indices(len(speakers), 1)
        self.same = self.speakers[self.first] == self.speakers[self.second]

    def cosines(self, vectors: np.ndarray) -> np.ndarray:
        """(recordings, size) → (pairs,)"""
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return (unit[self.first] * unit[self.second]).sum(1)

    def trials(self, vectors: np.ndarray) -> Trials:
        """Every pair as a trial, by its cosine."""
        return Trials(self.cosines(vectors), self.same)

    def error_rate(self, vectors: np.ndarray) -> Figure | None:
        """Equal error rate, its interval by speakers drawn with replacement."""
        draws = pair_counts(self.speakers, self.first, self.second)
        return self.trials(vectors).figure(draws)

    def confused(self, vectors: np.ndarray) -> list[dict[str, Any]]:
        """Speakers taken for one another where the equal error rate is reached, most often first."""
        cosines = self.cosines(vectors)
        wrong = ~self.same & (cosines >= Trials(cosines, self.same).equal_error_rate()[1])
        pairs = zip(self.speakers[self.first[wrong]], self.speakers[self.second[wrong]], strict=True)
        counted = Counter(tuple(sorted(map(str, pair))) for pair in pairs)
        return [{"speakers": list(pair), "times": times} for pair, times in counted.most_common(8)]


def conditions(session: Session) -> dict[str, list[np.ndarray]]:
    """The recordings as they are and, where there are noises, with noise: name → waves."""
    waves = [audio.read(case.file) for case in session.cases.verify]
    noises = session.noises()
    return {"clean": waves} | ({f"{NOISE_DB:g} dB": with_noise(waves, noises, NOISE_DB)} if noises else {})


def verification(session: Session, systems: dict[str, Embed] | None = None) -> dict[str, Any]:
    """Equal error rates of the model and of the speaker judges, or of ``systems``, by "cut, noise".

    And, of the first system, how far what it says of a recording moves when that is only quieter, or a telephone's.
    """
    judges = {session.judges[role].name: session.judges[role] for role in SPEAKERS if role in session.judges}
    systems = systems or {"rtvc": embedder(session.clone.model), **judges}
    waves = [audio.read(case.file) for case in session.cases.verify]
    return {"systems": rates(session, systems), "changed": changed(next(iter(systems.values())), waves)}


def rates(session: Session, systems: dict[str, Embed]) -> dict[str, Any]:
    """Equal error rates of systems by "cut, noise", and which speakers each takes for one another."""
    pairs, pools, found = Pairs([case.speaker for case in session.cases.verify]), conditions(session), {}
    for name, embed in systems.items():
        found_rates, confused = {}, list[Any]()
        for noise, pool in pools.items():
            for label, seconds in CUTS.items():
                cut = [wave[: int(seconds * RATE)] if seconds else wave for wave in pool]
                vectors = np.stack([embed(wave) for wave in session.watch(cut, f"{name}, {label}, {noise}")])
                found_rates[f"{label}, {noise}"] = pairs.error_rate(vectors)
                confused = confused or pairs.confused(vectors)
        found[name] = {"figures": {key: rate for key, rate in found_rates.items() if rate}, "confused": confused}
    return found


def changed(embed: Embed, waves: list[np.ndarray]) -> dict[str, dict[str, float]]:
    """Mean and lowest cosine to the recording as it is after a change of level, and after sampling at 8 kHz."""
    plain, found = [embed(wave) for wave in waves], {}
    for name, change in CHANGES.items():
        pairs = zip(plain, waves, strict=True)
        cosines = [cosine(vector, embed(change(wave).astype(np.float32))) for vector, wave in pairs]
        found[name] = {"mean": float(np.mean(cosines)), "lowest": min(cosines)}
    return found
