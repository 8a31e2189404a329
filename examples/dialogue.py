"""Two voices in turn, one batch: python examples/dialogue.py FIRST_RECORDING SECOND_RECORDING OUTPUT.wav"""

from __future__ import annotations

import sys

import numpy as np
import soundfile
from transformers import pipeline

import rtvc  # noqa: F401  (registers the task)

LINES = ["Did you sleep well?", "Like a stone. And you?", "Not a wink: the baby cried until 4:30!"]
PAUSE = 0.3  # seconds between two turns


def main(first: str, second: str, output: str) -> None:
    clone = pipeline("voice-cloning")
    voices = [clone.enroll(first), clone.enroll(second)]
    turns = clone(LINES, voice=[voices[count % 2] for count in range(len(LINES))])
    rate = turns[0]["sampling_rate"]
    silence = np.zeros(int(PAUSE * rate), np.float32)
    wave = np.concatenate([part for turn in turns for part in (turn["audio"], silence)])
    soundfile.write(output, wave, rate)
    print(f"{len(wave) / rate:.1f} s of dialogue in {output}")


if __name__ == "__main__":
    main(*sys.argv[1:])
