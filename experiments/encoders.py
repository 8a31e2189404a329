"""Speaker embeddings of training stages beside the bundled model's, every pair of recordings a trial.

Usage: python experiments/encoders.py FOLDER … --cases FOLDER [--model FOLDER] [--output FILE.json]

A row for the model (default: the bundled one) and for each FOLDER that a stage left (``earspeech`` and ``tuned_ge2e``
in it), as `rtvc evaluate --only verification` has it for a whole model and its judges. The tables of encoders in the
training log rest on it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from rtvc.evaluation.cases import read_cases
from rtvc.evaluation.run import rounded
from rtvc.evaluation.session import Session
from rtvc.evaluation.verification import embedder, verification
from rtvc.loading import CHECKPOINT, load
from rtvc.training.models import component, front_end
from rtvc.tuned_ge2e import TunedGE2EModel
from rtvc.voice_cloning import VoiceCloningModel


def with_stage(base: Path, folder: Path) -> VoiceCloningModel:
    """The model of ``base`` with a training stage's EarSpeech and Tuned-GE2E."""
    model = VoiceCloningModel.from_pretrained(base).eval()
    model.earspeech = front_end(folder / "earspeech").eval()
    model.tuned_ge2e = component(TunedGE2EModel, folder / "tuned_ge2e").eval()
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stages", type=Path, nargs="*")
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=CHECKPOINT)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    session = Session(load(options.model), read_cases(options.cases), {})
    systems = {"rtvc": embedder(session.clone.model)}
    systems |= {f"{one.parent.name}/{one.name}": embedder(with_stage(options.model, one)) for one in options.stages}
    found = verification(session, systems)
    for name, rates in found["systems"].items():
        for heard, figure in rates["figures"].items():
            low, value, high = (100 * figure[key] for key in ("low", "value", "high"))
            print(f"{name:24s} {heard:16s} {value:6.2f} % ({low:.2f} … {high:.2f})")
    print(json.dumps(rounded(found["changed"]), indent=1))
    if options.output:
        options.output.write_text(json.dumps(rounded(found), indent=1))


if __name__ == "__main__":
    main()
