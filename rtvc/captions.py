"""Words with their times → captions (SubRip, WebVTT) or JSON."""

from __future__ import annotations

import html
import json
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .errors import TextError, quoted
from .files import atomic_write
from .times import TimedWord

LINE, MOST_CHARACTERS, LONGEST = 42, 84, 7.0  # of a caption: two lines as broadcasters have them; seconds
LONGEST_GAP = 1.0  # seconds of silence within one
ENDS = (".", "!", "?", "…", ".”", "!”", "?”", '."', '!"', '?"')
BREATH = 0.1  # seconds of silence behind a full stop that ends a sentence


def cues(words: list[TimedWord]) -> list[list[TimedWord]]:
    """The words of each caption: of one sentence, and no more than is read at a glance."""
    captions: list[list[TimedWord]] = []
    for word in words:
        if captions and _goes_on(captions[-1], word):
            captions[-1].append(word)
        else:
            captions.append([word])
    return captions


def _goes_on(caption: list[TimedWord], word: TimedWord) -> bool:
    gap = word["start"] - caption[-1]["end"]
    characters = sum(len(one["word"]) + 1 for one in caption) + len(word["word"])
    is_full = characters > MOST_CHARACTERS or word["end"] - caption[0]["start"] > LONGEST
    ends = caption[-1]["word"].endswith(ENDS) and gap >= BREATH
    return not (is_full or ends or gap > LONGEST_GAP)


def srt(speech: Mapping[str, Any]) -> str:
    """What a call gave, as SubRip."""
    return "".join(
        f"{number}\n{_clock(cue[0]['start'], ',')} --> {_clock(cue[-1]['end'], ',')}\n{_text(cue)}\n\n"
        for number, cue in enumerate(cues(speech["words"]), 1)
    )


def vtt(speech: Mapping[str, Any]) -> str:
    """What a call gave, as WebVTT; within a caption each word has its time, so that players can highlight it."""
    return "WEBVTT\n\n" + "".join(
        f"{_clock(cue[0]['start'], '.')} --> {_clock(cue[-1]['end'], '.')}\n{_timed(cue)}\n\n"
        for cue in cues(speech["words"])
    )


def as_json(speech: Mapping[str, Any]) -> str:
    """All that a call gave but its sound; times in seconds."""
    rate = speech["sampling_rate"]
    rest = {name: speech[name] for name in ("words", "phonemes", "warnings")}
    told = {"sampling_rate": rate, "seconds": len(speech["audio"]) / rate, **rest}
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


FORMATS: dict[str, Callable[[Mapping[str, Any]], str]] = {"srt": srt, "vtt": vtt, "json": as_json}


def check_files(paths: Iterable[str], sound: str) -> None:
    """That captions can be written is known before anything is spoken.

    Raises:
        TextError: one of the files cannot be, or is the sound's.
    """
    for path in paths:
        if Path(path).is_dir() or not Path(path).parent.is_dir():
            raise TextError(f"{quoted(path)} cannot be written; give a file in a folder that exists.")
        if Path(path).resolve() == Path(sound).resolve():
            raise TextError(f"{quoted(path)} is the sound file; write the times to another one.")


def write(speech: Mapping[str, Any], paths: Mapping[str, str]) -> None:
    """What a call gave, to a file for each of some `FORMATS`."""
    for form, path in paths.items():
        with atomic_write(Path(path)) as file:
            file.write_text(FORMATS[form](speech), encoding="utf-8")


def _text(cue: list[TimedWord]) -> str:
    return textwrap.fill(" ".join(word["word"] for word in cue), LINE, break_long_words=False, break_on_hyphens=False)


def _timed(cue: list[TimedWord]) -> str:
    first, *others = ((html.escape(word["word"], quote=False), word["start"]) for word in cue)
    return " ".join([first[0], *(f"<{_clock(start, '.')}>{word}" for word, start in others)])


def _clock(seconds: float, point: str) -> str:
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"
