"""An assistant's voice: words are spoken while they are written: … | python examples/assistant.py VOICE OUTPUT.wav

Standard input is what a language model writes, in pieces of any size; a sentence is spoken as soon as it is complete.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import soundfile
from transformers import pipeline

import rtvc  # noqa: F401  (registers the task)


def main(voice: str, output: str) -> None:
    clone = pipeline("voice-cloning")
    me = clone.enroll(voice)
    clone("Ready.", voice=me)  # what loads on first use
    with soundfile.SoundFile(output, "w", clone.model.config.sampling_rate, 1) as file:
        began = time.perf_counter()
        for chunk in clone.stream(pieces(), voice=me):
            file.write(chunk["audio"])
            seconds = len(chunk["audio"]) / chunk["sampling_rate"]
            print(f"after {time.perf_counter() - began:5.2f} s: {seconds:.1f} s of speech", flush=True)


def pieces() -> Iterator[str]:
    """What arrives, as it arrives."""
    while piece := sys.stdin.read(8):
        yield piece


if __name__ == "__main__":
    main(*sys.argv[1:])
