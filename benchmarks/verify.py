"""Score speaker embeddings on the evaluation recordings: every pair a trial, clean and noisy, whole and cut short.

Usage: python benchmarks/verify.py [--model FOLDER] [--stages FOLDER …] [--no-peers] [--output FILE.json]

Rows: the model (default: the bundled one), each folder of ``--stages`` (``earspeech`` and ``tuned_ge2e`` in it), and
the peers. 95 % intervals by bootstrap over speakers. Needs the cases and judges of ``../shared`` (``--shared``).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soxr
import torch

from rtvc import VoiceCloningModel, VoiceError
from rtvc.earspeech import EarSpeechModel
from rtvc.pipeline import CHECKPOINT
from rtvc.training.baseline import MelBandsModel
from rtvc.tuned_ge2e import TunedGE2EModel

RATE = 16_000
ROOT = Path(__file__).parents[1]
CUTS = {"whole": None, "5 s": 5.0, "3 s": 3.0, "1.5 s": 1.5}
Embed = Callable[[np.ndarray], np.ndarray]


def error_rate(scores: np.ndarray, same: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Equal error rate of weighted trials and the score at which it is reached."""
    order = np.argsort(-scores)
    same, weights = same[order], weights[order]
    alarms = np.cumsum(weights * ~same) / (weights * ~same).sum()
    misses = 1 - np.cumsum(weights * same) / (weights * same).sum()
    point = np.argmin(np.abs(alarms - misses))
    return float((alarms[point] + misses[point]) / 2), float(scores[order][point])


class Trials:
    """All pairs of recordings and whose they are."""

    def __init__(self, speakers: list[str], draws: int = 300):
        names, self.numbers = np.unique(speakers, return_inverse=True)
        self.first, self.second = np.triu_indices(len(speakers), 1)
        self.same = self.numbers[self.first] == self.numbers[self.second]
        random = np.random.default_rng(0)
        self.draws = [
            np.bincount(random.integers(0, len(names), len(names)), minlength=len(names)) for _ in range(draws)
        ]

    def scores(self, vectors: np.ndarray) -> np.ndarray:
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return (unit[self.first] * unit[self.second]).sum(1)

    def row(self, vectors: np.ndarray) -> dict[str, float]:
        """Equal error rate in % and its 95 % interval: speakers drawn with replacement, their trials counting along."""
        scores, found = self.scores(vectors), []
        for times in self.draws:
            own, other = times[self.numbers[self.first]], times[self.numbers[self.second]]
            found.append(error_rate(scores, self.same, np.where(self.same, own, own * other))[0])
        low, high = np.quantile(found, [0.025, 0.975])
        rate = error_rate(scores, self.same, np.ones(len(scores)))[0]
        return {name: round(100 * value, 2) for name, value in (("eer", rate), ("low", low), ("high", high))}

    def confused(self, vectors: np.ndarray, names: list[str]) -> list[str]:
        """Pairs of speakers taken for one another at the equal error rate's threshold, most often first."""
        scores = self.scores(vectors)
        wrong = ~self.same & (scores >= error_rate(scores, self.same, np.ones(len(scores)))[1])
        pairs = [
            tuple(sorted((names[a], names[b]))) for a, b in zip(self.first[wrong], self.second[wrong], strict=True)
        ]
        return [f"{one} and {other}: {count}" for (one, other), count in Counter(pairs).most_common(8)]


def embedder(model: VoiceCloningModel) -> Embed:
    """Tuned-GE2E as ``rtvc.embed`` uses it; where noise leaves the detector of speech nothing, on the whole wave."""

    def embed(wave: np.ndarray) -> np.ndarray:
        try:
            return model.embed(wave)
        except VoiceError:
            with torch.inference_mode():
                return model.embed_windows(wave).mean(0).numpy()

    return embed


def with_stage(base: Path, folder: Path) -> VoiceCloningModel:
    """The model of ``base`` with a training stage's EarSpeech and Tuned-GE2E."""
    model = VoiceCloningModel.from_pretrained(base).eval()
    kind = json.loads((folder / "earspeech" / "config.json").read_text())["model_type"]
    front = MelBandsModel if kind == "mel_bands" else EarSpeechModel
    model.earspeech = front.from_pretrained(folder / "earspeech").eval()
    model.tuned_ge2e = TunedGE2EModel.from_pretrained(folder / "tuned_ge2e").eval()
    return model


def robustness(embed: Embed, waves: list[np.ndarray]) -> dict[str, float]:
    """Mean and lowest cosine to the original after a change of level, and after sampling at 8 kHz; real-time factor."""
    start = time.perf_counter()
    plain = [embed(wave) for wave in waves]
    factor = (time.perf_counter() - start) / sum(map(len, waves)) * RATE
    found = {"real-time factor": factor}
    for name, change in (
        ("20 dB quieter", lambda wave: wave / 10),
        ("sampled at 8 kHz", lambda wave: soxr.resample(soxr.resample(wave, RATE, RATE // 2), RATE // 2, RATE)),
    ):
        cosines = [
            float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
            for a, b in zip(plain, [embed(change(wave).astype(np.float32)) for wave in waves], strict=True)
        ]
        found |= {f"{name}, mean": float(np.mean(cosines)), f"{name}, lowest": min(cosines)}
    return {name: round(value, 4) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=CHECKPOINT)
    parser.add_argument("--stages", type=Path, nargs="*", default=[])
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    options = parser.parse_args()
    sys.path.insert(0, str(options.shared / "tools"))
    import floors  # noqa: PLC0415  (the judges of ../shared)

    torch.set_num_threads(1)
    folder = options.shared / "eval"
    cases = floors.rows(folder / "verify.tsv")
    waves = [floors.read(folder / case["file"]) for case in cases]
    pools = {"clean": waves, "5 dB": [wave.astype(np.float32) for wave in floors.with_noise(waves, folder)]}
    speakers = [case["speaker"] for case in cases]
    trials = Trials(speakers)
    ours = embedder(VoiceCloningModel.from_pretrained(options.model).eval())
    systems = {"rtvc": ours} | {
        f"{one.parent.name}/{one.name}": embedder(with_stage(options.model, one)) for one in options.stages
    }
    if options.peers:
        systems |= {"resemblyzer": floors.judges.resemblyzer_embed, "second judge": floors.judges.second_embed}
    table = {}
    for name, embed in systems.items():
        for kind, pool in pools.items():
            for label, seconds in CUTS.items():
                vectors = np.stack([embed(wave[: int(seconds * RATE)] if seconds else wave) for wave in pool])
                table.setdefault(name, {})[f"{label}, {kind}"] = row = trials.row(vectors)
                print(f"{name:24s} {label:6s} {kind:6s} {row['eer']:6.2f} % ({row['low']}–{row['high']})", flush=True)
                if name == "rtvc" and label == "whole":
                    print("  confused:", "; ".join(trials.confused(vectors, speakers)) or "nobody", flush=True)
    print(json.dumps(checks := robustness(ours, waves), indent=1))
    if options.output:
        options.output.write_text(json.dumps({"error rates": table, "robustness": checks}, indent=1))


if __name__ == "__main__":
    main()
