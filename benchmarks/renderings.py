"""Draw clones beside the real recordings of the same sentences: spectrogram and pitch.

Usage: python benchmarks/renderings.py [--model FOLDER] [--cases CASE …] [--output docs/renderings.jpg]

Needs the evaluation cases of ``../shared`` (``--shared``) and matplotlib.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import librosa
import matplotlib
import numpy as np
import soxr
from matplotlib import pyplot

from rtvc import audio

RATE = 16_000
ROOT = Path(__file__).parents[1]
SHOWN = ("237-00", "1284-06", "p226-25", "p228-19")


def draw(axes: pyplot.Axes, wave: np.ndarray, title: str) -> None:
    """Spectrogram of ``wave`` at 16 kHz over 80 dB, its pitch on top."""
    spectrum = np.abs(librosa.stft(wave, n_fft=1024, hop_length=160))
    picture = librosa.amplitude_to_db(spectrum, ref=np.max, top_db=80)
    axes.imshow(picture, origin="lower", aspect="auto", cmap="magma", extent=(0, len(wave) / RATE, 0, RATE / 2000))
    times, pitch = audio.pitch_track(wave)
    axes.plot(times, np.where(pitch > 0, pitch / 100, np.nan), color="cyan", linewidth=1)
    axes.set(title=title, ylabel="kHz; pitch in 100 Hz")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a from_pretrained folder; default: the bundled model")
    parser.add_argument("--cases", nargs="*", default=SHOWN)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "renderings.jpg")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    options = parser.parse_args()
    matplotlib.use("Agg")
    from transformers import pipeline

    import rtvc  # noqa: F401  (registers the task)

    folder = options.shared / "eval"
    with open(folder / "clone.tsv", newline="") as table:
        cases = {row["case"]: row for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)}
    clone = pipeline("voice-cloning", model=str(options.model) if options.model else None)
    figure, rows = pyplot.subplots(len(options.cases), 2, figsize=(16, 3.4 * len(options.cases)), squeeze=False)
    for axes, name in zip(rows, options.cases, strict=True):
        case = cases[name]
        out = clone(case["text"], voice=str(folder / case["reference_long"]))
        made = soxr.resample(out["audio"], out["sampling_rate"], RATE)
        draw(axes[0], audio.read(folder / case["recording"], RATE), f"{name}, recording of {case['recording_speaker']}")
        draw(axes[1], made, f"{name}, clone of {case['speaker']}")
    figure.tight_layout()
    figure.savefig(options.output, dpi=70)


if __name__ == "__main__":
    main()
