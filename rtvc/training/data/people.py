"""Who speaks: one name for a person, wherever their recordings lie.

A speaker is ``corpus/name``: two corpora that number from 1 hold different people. In the corpus's place stands the
collection, where its releases name everybody alike: reader 84 of LibriSpeech is reader 84 of LibriTTS.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

LIBRIVOX, VCTK = "librivox", "vctk"
COMMON_VOICE = "common-voice"
ARCHIVES = {  # by how names in a table begin
    "ls": LIBRIVOX,
    "vctk": VCTK,
    "cv": COMMON_VOICE,
    "cv13": COMMON_VOICE,
    "kokoro": "kokoro",
}
RUN = "cv13_run_"  # recordings of one person in a row whom nobody named: two such runs may be one person's
LIBRIVOX_FILE = re.compile(r"(\d+)[-_]\d+[-_](?:\d{4}|\d{6}_\d{6})")  # reader, chapter, (paragraph,) sentence
VCTK_FILE = re.compile(r"(p(?:2[2-9]|3[0-7])\d|s5)_\d{3}(?:_mic[12])?")
COLLECTIONS = {  # by what a corpus or a folder in it is called: how its people are
    LIBRIVOX: (re.compile(r"libri[-_ ]?(speech|tts|light|vox)", re.IGNORECASE), re.compile(r"\d+")),
    VCTK: (re.compile(r"vctk", re.IGNORECASE), re.compile(r"p?\d{3}|s5")),
}


@functools.cache  # a corpus has a hundred recordings of each, whose name is kept once
def speaker(corpus: str, name: str, collection: str | None) -> str:
    """``collection/name``, or ``corpus/name`` of who is in no collection; None: as the name's beginning says."""
    if collection is None:
        collection = ARCHIVES.get(name.partition("_")[0], "") if "_" in name else ""
    return f"{collection or corpus}/{name}"


def bare(speaker: str) -> str:
    """The name within the corpus."""
    return speaker.rpartition("/")[2]


def is_run(speaker: str) -> bool:
    """Whether another run may be the same person's."""
    return bare(speaker).startswith(RUN)


def number(speaker: str) -> str:
    """The name as the collection itself has it: an archive's ``ls_84`` is LibriVox's 84."""
    name = bare(speaker)
    return name.partition("_")[2] if ARCHIVES.get(name.partition("_")[0]) in (LIBRIVOX, VCTK) else name


def of_file(stem: str) -> tuple[str, str] | None:
    """Collection and name, where LibriSpeech, LibriTTS or VCTK named the recording."""
    if found := LIBRIVOX_FILE.fullmatch(stem):
        return LIBRIVOX, found[1]
    if found := VCTK_FILE.fullmatch(stem):
        return VCTK, found[1]
    return None


def of_place(place: Path, name: str) -> tuple[str, str]:
    """Collection, or none, and name of somebody whose recordings lie in ``place``, a corpus and folders in it."""
    for collection, (called, named) in COLLECTIONS.items():
        if called.search(str(place)) and named.fullmatch(name):
            return collection, f"p{name}" if collection == VCTK and name.isdigit() else name
    return "", name
