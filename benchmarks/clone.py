"""Score zero-shot clones of the evaluation cases: words, naturalness, whose voice, real-time factor.

Usage: python benchmarks/clone.py [--model FOLDER] [--reference long|short] [--snr DB] [--cases N] [--output FOLDER]

Needs the evaluation cases and judges of ``../shared`` (``--shared``), with the packages of their requirements file.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import soundfile
import soxr
from transformers import pipeline

from rtvc import Voice

RATE = 16_000
ROOT = Path(__file__).parents[1]


def enrol(cases: list[dict], folder: Path, clone, options: argparse.Namespace, floors) -> dict[str, Voice]:
    """A voice a speaker, from their reference as it is or with one of the enhancement cases' noises in it."""
    files = {case["speaker"]: folder / case[f"reference_{options.reference}"] for case in cases}
    waves = [floors.read(file) for file in files.values()]
    if options.snr is not None:
        waves = [wave.astype(np.float32) for wave in floors.with_noise(waves, folder, options.snr)]
    voices = {}
    for speaker, wave in zip(files, waves, strict=True):
        voices[speaker] = clone.enroll([(wave, RATE)], enhance="auto" if options.enhance else False)
        report = voices[speaker].report
        print(f"{speaker}: {report.snr_db} dB over its noise, {'cleaned' if report.enhanced else 'as it is'}")
    return voices


def clone_cases(cases: list[dict], voices: dict[str, Voice], clone) -> tuple[list[np.ndarray], float]:
    """One wave (16 kHz) a case, and the real-time factor of synthesis: text in → samples out, voice enrolled."""
    clone(cases[0]["text"], voice=voices[cases[0]["speaker"]])  # loads what loads on first use
    waves, spent, spoken = [], 0.0, 0.0
    for case in cases:
        start = time.perf_counter()
        out = clone(case["text"], voice=voices[case["speaker"]])
        spent += time.perf_counter() - start
        spoken += len(out["audio"]) / out["sampling_rate"]
        rate = out["sampling_rate"]
        waves.append(out["audio"] if rate == RATE else soxr.resample(out["audio"], rate, RATE))
    return waves, spent / spoken


def worst(cases: list[dict], waves: list[np.ndarray], judges) -> list[dict]:
    """Word error rate and Distill-MOS of every case, worst first: means hide disasters."""
    rows = []
    for case, wave in zip(cases, waves, strict=True):
        heard = judges.transcribe(wave)
        scores = {"wer": round(judges.wer([case["text"]], [heard]), 3), "mos": round(judges.mos(wave), 2)}
        rows.append({"case": case["case"], **scores, "text": case["text"], "heard": heard})
    return sorted(rows, key=lambda row: (-row["wer"], row["mos"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a from_pretrained folder; default: the bundled model")
    parser.add_argument("--reference", choices=("long", "short"), default="long")
    parser.add_argument("--cases", type=int, help="only every k-th case, so that about N are scored")
    parser.add_argument("--output", type=Path, help="folder for the clones and scores.json")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--snr", type=float, help="dB of the references over a noise; default: as they are")
    parser.add_argument("--no-enhance", dest="enhance", action="store_false", help="no reference is cleaned")
    options = parser.parse_args()
    sys.path.insert(0, str(options.shared / "tools"))
    import floors  # noqa: PLC0415  (the judges of ../shared)

    cases = floors.rows(options.shared / "eval" / "clone.tsv")
    cases = cases[:: max(1, len(cases) // options.cases)] if options.cases else cases
    clone = pipeline("voice-cloning", model=str(options.model) if options.model else None)
    voices = enrol(cases, options.shared / "eval", clone, options, floors)
    waves, factor = clone_cases(cases, voices, clone)
    scores = {"cases": len(cases), "real-time factor": factor} | floors.score_clones(
        cases, waves, options.shared / "eval"
    )
    print(json.dumps({key: round(float(value), 4) for key, value in scores.items()}, indent=1))
    rows = worst(cases, waves, floors.judges)
    for row in rows[:5]:
        print(row)
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        for case, wave in zip(cases, waves, strict=True):
            soundfile.write(options.output / f"{case['case']}.wav", wave, RATE)
        (options.output / "scores.json").write_text(json.dumps({"means": scores, "cases": rows}, indent=1))


if __name__ == "__main__":
    main()
