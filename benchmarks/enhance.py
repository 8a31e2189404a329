"""Score speech enhancement on the evaluation pairs: quality, intelligibility, noise taken away, the speaker kept.

Usage: python benchmarks/enhance.py [--model FOLDER] [--no-peers] [--output FOLDER]

Rows: the noisy input, the model (default: the bundled one), its output for clean input, and the peers. Needs the pairs
and judges of ``../shared`` (``--shared``).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from rtvc import VoiceCloningModel
from rtvc.pipeline import CHECKPOINT

RATE = 16_000
ROOT = Path(__file__).parents[1]


def scores(clean: np.ndarray, noisy: np.ndarray, out: np.ndarray, judges) -> dict[str, float]:
    """Of one pair."""
    return {
        "pesq": judges.pesq_wb(clean, out),
        "estoi": judges.estoi(clean, out),
        "gain": judges.si_sdr(clean, out) - judges.si_sdr(clean, noisy),
        "dnsmos": judges.dnsmos(out)["ovrl"],
        "resemblyzer kept": judges.cosine(judges.resemblyzer_embed(out), judges.resemblyzer_embed(clean)),
        "second kept": judges.cosine(judges.second_embed(out), judges.second_embed(clean)),
    }


def table(pairs: list, clean_up: Callable[[np.ndarray], np.ndarray], judges, folder: Path | None) -> list[dict]:
    """The scores of every pair, with the real-time factor."""
    rows = []
    for number, (noisy, clean) in enumerate(pairs):
        start = time.perf_counter()
        out = clean_up(noisy)
        factor = (time.perf_counter() - start) / len(noisy) * RATE
        size = min(len(out), len(clean))
        rows.append(scores(clean[:size], noisy[:size], out[:size], judges) | {"real-time factor": factor})
        if folder:
            soundfile.write(folder / f"{number:02d}.wav", out, RATE)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=CHECKPOINT)
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    parser.add_argument("--output", type=Path, help="folder for the cleaned recordings and scores.json")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    options = parser.parse_args()
    sys.path.insert(0, str(options.shared / "tools"))
    import floors  # noqa: PLC0415  (the judges of ../shared)

    folder = options.shared / "eval"
    cases = floors.rows(folder / "enhance.tsv")
    pairs = [(floors.read(folder / case["noisy"]), floors.read(folder / case["clean"])) for case in cases]
    model = VoiceCloningModel.from_pretrained(options.model).eval()
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
    systems = {"noisy": (pairs, lambda wave: wave, None), "rtvc": (pairs, model.enhance, options.output)}
    systems["rtvc, clean in"] = ([(clean, clean) for _, clean in pairs], model.enhance, None)
    if options.peers:
        for name, peer in (
            ("DTLN", floors.peers.dtln),
            ("GTCRN", floors.peers.gtcrn),
            ("RNNoise", floors.peers.rnnoise),
        ):
            systems[name] = (pairs, peer, None)
    found = {}
    for name, (some, clean_up, output) in systems.items():
        found[name] = rows = table(some, clean_up, floors.judges, output)
        floors.show(name, {key: float(np.mean([row[key] for row in rows])) for key in rows[0]})
        if name == "rtvc":
            for number in np.argsort([row["gain"] for row in rows])[:5]:
                print(f"  {cases[number]['noise']} at {cases[number]['snr_db']} dB: gain {rows[number]['gain']:.1f} dB")
    if options.output:
        (options.output / "scores.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
