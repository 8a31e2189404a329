"""Game characters in real time: python examples/game.py SCRIPT.txt OUTPUT_FOLDER NAME=VOICE …

A line of the script is "GUARD: Halt!". Voices are enrolled when the game loads; from then on a thread makes the next
line while the game plays the one before. Here "playing" is writing one file a line.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Thread

from transformers import pipeline

from rtvc import audio, dialogue


def main(script: str, output: str, *cast: str) -> None:
    clone = pipeline("voice-cloning")
    voices = {name: clone.enroll(voice) for name, voice in (one.split("=", 1) for one in cast)}
    lines = dialogue.parse_script(Path(script).read_text(encoding="utf-8"))
    clone("Ready.", voice=next(iter(voices.values())))  # what loads on first use
    Path(output).mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    for line, speech in ahead(dialogue.speak_script(clone, lines, voices)):
        waited = time.perf_counter() - began
        audio.write(Path(output) / f"{line.stem}.wav", speech["audio"], speech["sampling_rate"], clone.provenance)
        seconds = len(speech["audio"]) / speech["sampling_rate"]
        print(f"{line.character}: {seconds:.1f} s of speech after {1000 * waited:.0f} ms", flush=True)
        began = time.perf_counter()


def ahead(lines: Iterator) -> Iterator:
    """The same, made in a thread up to two lines before they are asked for."""
    made: Queue = Queue(maxsize=2)

    def make() -> None:
        try:
            for line in lines:
                made.put(line)
        finally:
            made.put(None)

    Thread(target=make, daemon=True).start()
    yield from iter(made.get, None)


if __name__ == "__main__":
    main(*sys.argv[1:])
