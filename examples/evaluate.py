"""How well your recordings are cloned: python examples/evaluate.py [--model FOLDER] RECORDING RECORDING …

Each recording, one a speaker, says a few sentences. Likeness is the model's own probability that recording and clone
are one person's voice (it knows its own clones too well: for figures to publish, use `rtvc evaluate` with its
independent judges); "others" is the mean over the other recordings, "right" whether its own is the most alike.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import rtvc

SENTENCES = (
    "The birch canoe slid on the smooth planks.",
    "Did you call me at a quarter to nine yesterday?",
    "It costs $3.50, and Dr. Smith has paid for it.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", nargs="+")
    parser.add_argument("--model")
    options = parser.parse_args()
    clone = rtvc.load(options.model)
    voices = [clone.enroll(recording) for recording in options.recordings]
    clone("Ready.", voice=voices[0])  # what loads on first use
    print("likeness  others  right  computing time per second of speech")
    for place, voice in enumerate(voices):
        began = time.perf_counter()
        spoken = clone(list(SENTENCES), voice=voice)
        spent = time.perf_counter() - began
        wave, rate = np.concatenate([one["audio"] for one in spoken]), spoken[0]["sampling_rate"]
        alike = [clone.similarity(other, (wave, rate)) for other in voices]
        others = np.mean([*alike[:place], *alike[place + 1 :]]) if len(alike) > 1 else 0.0
        right = "yes" if int(np.argmax(alike)) == place else "no"
        factor = spent / (wave.size / rate)
        print(f"{alike[place]:7.0%} {others:8.0%}  {right:5s}  {factor:.3f}  {options.recordings[place]}")


if __name__ == "__main__":
    main()
