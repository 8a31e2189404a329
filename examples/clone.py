"""Say a line in the voice of a recording: python examples/clone.py RECORDING "What to say." OUTPUT.wav"""

from __future__ import annotations

import sys

from transformers import pipeline

import rtvc  # registers the task


def main(recording: str, words: str, output: str) -> None:
    clone = pipeline("voice-cloning")
    out = clone(words, voice=recording)
    rtvc.audio.write(output, out["audio"], out["sampling_rate"], clone.provenance)
    print(f"{len(out['audio']) / out['sampling_rate']:.1f} s of speech in {output}")


if __name__ == "__main__":
    main(*sys.argv[1:])
