"""A script for several characters: who says what, one wave a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import TextError, VoiceError
from .pipeline import Speech, VoiceCloningPipeline
from .voice import Voice

NAMED = re.compile(r"\s*([^\W\d_][\w .'-]{0,39}?)\s*:(?!\S)\s*(.*)")


@dataclass(frozen=True)
class ScriptLine:
    """What a character says; `number` counts from 1."""

    number: int
    character: str
    text: str

    @property
    def stem(self) -> str:
        """For a file's name: "003-captain-ann"."""
        return f"{self.number:03d}-{'-'.join(re.findall(r'[a-z0-9]+', self.character.lower())) or 'voice'}"


def parse_script(script: str) -> list[ScriptLine]:
    """The lines of a script. "ANN: Hello." names who speaks; a line without a name goes on with the one before; empty
    lines and those that begin with "#" are passed over.

    Raises:
        TextError: nobody speaks, a character says nothing, or the first line names nobody.
    """
    spoken: list[list[str]] = []
    for place, line in enumerate(script.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if match := NAMED.fullmatch(line):
            spoken.append([match[1], match[2].strip()])
        elif spoken:
            spoken[-1][1] = f"{spoken[-1][1]} {line.strip()}".strip()
        else:
            raise TextError(f"Line {place} does not say who speaks; write “ANN: Hello.”")
    if not spoken:
        raise TextError("The script is empty; write lines such as “ANN: Hello.”")
    for number, (character, text) in enumerate(spoken, 1):
        if not text:
            raise TextError(
                f"{character} says nothing in line {number} of the dialogue; write what, or delete the name."
            )
    return [ScriptLine(number, *one) for number, one in enumerate(spoken, 1)]


def characters(lines: list[ScriptLine]) -> list[str]:
    """Who speaks, in the order of their first lines."""
    return list(dict.fromkeys(line.character for line in lines))


def speak_script(
    clone: VoiceCloningPipeline, lines: list[ScriptLine], voices: Mapping[str, Voice], **options: Any
) -> Iterator[tuple[ScriptLine, Speech]]:
    """Each line as it is made, with `{"audio": float32 (samples,), "sampling_rate": int}`.

    Args:
        clone: the pipeline.
        lines: of `parse_script`.
        voices: a voice for each character.
        options: speed, pitch, variation, seed of a call.

    Raises:
        VoiceError: a character has no voice.
    """
    missing = [name for name in characters(lines) if name not in voices]
    if missing:
        raise VoiceError(f"{missing[0]} has no voice yet; choose one.")
    return ((line, clone(line.text, voice=voices[line.character], **options)) for line in lines)
