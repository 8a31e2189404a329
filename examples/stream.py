"""Hear a text while it is made, on the sound card or into a file: python examples/stream.py TEXT.txt VOICE [OUTPUT.wav]

The sound card needs `pip install sounddevice`. VOICE is a recording or a saved voice.
"""

from __future__ import annotations

import sys
from pathlib import Path

import soundfile
from transformers import pipeline

import rtvc  # noqa: F401  (registers the task)


def main(text: str, voice: str, output: str | None = None) -> None:
    clone = pipeline("voice-cloning")
    rate, seconds = clone.model.config.sampling_rate, 0.0
    with sink(output, rate) as speaker:
        for chunk in clone.stream(Path(text).read_text(encoding="utf-8"), voice=voice):
            speaker.write(chunk["audio"])
            seconds += len(chunk["audio"]) / rate
            print(f"{seconds:6.1f} s", flush=True)


def sink(output: str | None, rate: int):
    """What takes samples: a file, or the sound card."""
    if output:
        return soundfile.SoundFile(output, "w", rate, 1)
    import sounddevice

    return sounddevice.OutputStream(rate, channels=1, dtype="float32")


if __name__ == "__main__":
    main(*sys.argv[1:])
