"""Keep what the other benchmarks measured with the model, and write its card anew.

Usage: python benchmarks/card.py FOLDER [--clone SCORES] [--short SCORES] [--verify RESULT]

FOLDER is the model that was measured; SCORES the scores.json of `clone.py --output` (with `--reference short` for
--short); RESULT the file of `verify.py --output`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from rtvc.card import write_card, write_evaluation

MACHINE = "two CPU cores"
CASES = "LibriTTS test-clean and VCTK that were never trained on"
CLONE = {  # score: the Hub's metric type, what it is, unit, factor
    "wer": ("wer", "Word error rate, Whisper tiny.en", "%", 100),
    "distill-mos": ("mos", "Naturalness, Distill-MOS", "", 1),
    "dnsmos": ("dnsmos", "DNSMOS overall", "", 1),
    "resemblyzer cosine": ("cosine", "Likeness, cosine by Resemblyzer (a stranger's: 0.56)", "", 1),
    "second cosine": ("cosine2", "Likeness, cosine by a second judge (a stranger's: 0.20)", "", 1),
    "real-time factor": ("rtf", "Computing time per second of speech", "", 1),
}
VERIFY = {  # cut and noise: the Hub's metric type, what it is
    "whole, clean": ("eer", "whole recordings"),
    "5 s, clean": ("eer5", "first 5 s"),
    "3 s, clean": ("eer3", "first 3 s"),
    "whole, 5 dB": ("eer_noise", "whole recordings with noise at 5 dB"),
    "5 s, 5 dB": ("eer5_noise", "first 5 s with noise at 5 dB"),
    "3 s, 5 dB": ("eer3_noise", "first 3 s with noise at 5 dB"),
}


def metric(kind: str, name: str, value: float, unit: str) -> dict:
    return {"type": kind, "name": name, "value": float(f"{value:.3g}"), "unit": unit}


def cloning(scores: dict, seconds: int, command: str) -> dict:
    """The evaluation of a scores.json."""
    means = scores["means"]
    metrics = [metric(kind, name, means[key] * factor, unit) for key, (kind, name, unit, factor) in CLONE.items()]
    return {
        "task": "text-to-speech",
        "title": f"Cloning from one recording of about {seconds} s",
        "dataset": {
            "name": f"{means['cases']:.0f} sentences, 6 speakers of {CASES}",
            "hub": ["mythicinfinity/libritts", "CSTR-Edinburgh/vctk"],
        },
        "metrics": metrics,
        "command": command,
    }


def verification(result: dict) -> dict:
    """The evaluation of a file of verify.py."""
    rows = result["error rates"]["rtvc"]
    metrics = [metric(kind, f"Equal error rate, {name}", rows[key]["eer"], "%") for key, (kind, name) in VERIFY.items()]
    sources = "LibriTTS test-clean, VCTK and LibriSpeech test-other"
    return {
        "task": "audio-classification",
        "title": "Who is speaking (Tuned-GE2E)",
        "dataset": {
            "name": f"152 recordings of 21 speakers of {sources}, every pair a trial",
            "hub": ["openslr/librispeech_asr"],
        },
        "metrics": metrics,
        "command": "python benchmarks/verify.py",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    for name in ("--clone", "--short", "--verify"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    makers = {
        "clone": lambda scores: cloning(scores, 12, "python benchmarks/clone.py"),
        "short": lambda scores: cloning(scores, 5, "python benchmarks/clone.py --reference short"),
        "verify": verification,
    }
    for name, make in makers.items():
        if path := getattr(options, name):
            found = make(json.loads(path.read_text()))
            write_evaluation(options.folder, name, **found, machine=MACHINE, date=time.strftime("%Y-%m-%d"))
    write_card(options.folder)


if __name__ == "__main__":
    main()
