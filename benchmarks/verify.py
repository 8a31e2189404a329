"""Score training stages' speaker embeddings on the evaluation recordings, and how they bear a change of the sound.

Usage: python benchmarks/verify.py --stages FOLDER … [--model FOLDER] [--cases FOLDER] [--output FILE.json]

A row for the model (default: the bundled one) and for each folder of ``--stages`` (``earspeech`` and ``tuned_ge2e`` in
it): every pair of recordings a trial, as `rtvc evaluate --only verification` has it for a whole model and its judges.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import soxr
import torch

from rtvc import audio
from rtvc.evaluation.cases import read_cases
from rtvc.evaluation.run import rounded
from rtvc.evaluation.session import RATE, Session, timed
from rtvc.evaluation.statistics import cosine
from rtvc.evaluation.verification import Embed, embedder, verification
from rtvc.loading import CHECKPOINT, load
from rtvc.training.models import component, front_end
from rtvc.tuned_ge2e import TunedGE2EModel
from rtvc.voice_cloning import VoiceCloningModel

ROOT = Path(__file__).parents[1]


def with_stage(base: Path, folder: Path) -> VoiceCloningModel:
    """The model of ``base`` with a training stage's EarSpeech and Tuned-GE2E."""
    model = VoiceCloningModel.from_pretrained(base).eval()
    model.earspeech = front_end(folder / "earspeech").eval()
    model.tuned_ge2e = component(TunedGE2EModel, folder / "tuned_ge2e").eval()
    return model


def robustness(embed: Embed, waves: list[np.ndarray]) -> dict[str, float]:
    """Mean and lowest cosine to the original after a change of level, and after sampling at 8 kHz; real-time factor."""
    plain, spent = timed(lambda: [embed(wave) for wave in waves])
    found = {"real-time factor": spent / sum(map(len, waves)) * RATE}
    for name, change in (
        ("20 dB quieter", lambda wave: wave / 10),
        ("sampled at 8 kHz", lambda wave: soxr.resample(soxr.resample(wave, RATE, RATE // 2), RATE // 2, RATE)),
    ):
        changed = [embed(change(wave).astype(np.float32)) for wave in waves]
        cosines = [cosine(one, other) for one, other in zip(plain, changed, strict=True)]
        found |= {f"{name}, mean": float(np.mean(cosines)), f"{name}, lowest": min(cosines)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=CHECKPOINT)
    parser.add_argument("--stages", type=Path, nargs="*", default=[])
    parser.add_argument("--cases", type=Path, default=ROOT.parent / "shared" / "eval")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    session = Session(load(options.model), read_cases(options.cases), {})
    systems = {"rtvc": embedder(session.clone.model)} | {
        f"{one.parent.name}/{one.name}": embedder(with_stage(options.model, one)) for one in options.stages
    }
    found = verification(session, systems)["systems"]
    for name, rates in found.items():
        for heard, figure in rates["figures"].items():
            low, value, high = (100 * figure[key] for key in ("low", "value", "high"))
            print(f"{name:24s} {heard:16s} {value:6.2f} % ({low:.2f} … {high:.2f})")
    waves = [audio.read(case.file) for case in session.cases.verify]
    checks = rounded(robustness(systems["rtvc"], waves))
    print(json.dumps(checks, indent=1))
    if options.output:
        options.output.write_text(json.dumps(rounded({"error rates": found, "robustness": checks}), indent=1))


if __name__ == "__main__":
    main()
