"""Read a text file aloud, sentence by sentence: python examples/read_aloud.py TEXT.txt RECORDING OUTPUT.wav"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile
from transformers import pipeline

import rtvc  # noqa: F401  (registers the task)


def main(text: str, recording: str, output: str) -> None:
    clone = pipeline("voice-cloning")
    voice = clone.enroll(recording)
    chunks = []
    for chunk in clone.stream(Path(text).read_text(encoding="utf-8"), voice=voice):
        chunks.append(chunk["audio"])
        print(f"{sum(map(len, chunks)) / chunk['sampling_rate']:6.1f} s", flush=True)
    soundfile.write(output, np.concatenate(chunks), chunk["sampling_rate"])


if __name__ == "__main__":
    main(*sys.argv[1:])
