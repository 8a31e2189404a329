"""Keep a voice: read phrases that hold every sound of English: python examples/bank.py OUTPUT.voice [READING.wav …]

Without readings it prints the phrases. Record each into a file of its own and give them in the same order.
"""

from __future__ import annotations

import sys

from transformers import pipeline

from rtvc import banking


def main(output: str, *readings: str) -> None:
    if not readings:
        print("\n".join(f"{number:2d}. {phrase}" for number, phrase in enumerate(banking.PHRASES, 1)))
        return
    phrases = banking.PHRASES[: len(readings)]
    for reading, phrase in zip(readings, phrases, strict=False):
        print(f"{reading}: {banking.check_reading(reading, phrase):.1f} s of speech")
    clone = pipeline("voice-cloning")
    for place in banking.unlike(clone, readings):
        print(f"{readings[place]} sounds unlike the others; record it again.")
    me = clone.enroll(list(readings))
    me.save(output)
    covered = len(banking.coverage(phrases))
    print(f"{output}: {me.report.used_seconds:.0f} s of speech, {covered} of {len(banking.EXAMPLES)} sounds")


if __name__ == "__main__":
    main(*sys.argv[1:])
