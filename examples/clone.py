"""Say a line in the voice of a recording: python examples/clone.py RECORDING "What to say." OUTPUT.wav"""

from __future__ import annotations

import sys

import soundfile
from transformers import pipeline

import rtvc  # noqa: F401  (registers the task)


def main(recording: str, words: str, output: str) -> None:
    clone = pipeline("voice-cloning")
    out = clone(words, voice=recording)
    soundfile.write(output, out["audio"], out["sampling_rate"])
    print(f"{len(out['audio']) / out['sampling_rate']:.1f} s of speech in {output}")


if __name__ == "__main__":
    main(*sys.argv[1:])
