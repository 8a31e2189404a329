"""One person's recordings as a training takes them: a sentence or two a file, and beside it what is said.

What nobody wrote down the recogniser of the extra `consent` hears, and what is long is cut at its pauses before.
"""

from __future__ import annotations

import glob
import itertools
from pathlib import Path

import numpy as np

from rtvc import audio, recogniser
from rtvc.errors import TrainingError, VoiceError
from rtvc.training.data import store
from rtvc.training.data.layouts import layout_of
from rtvc.training.disk import write_text, writing

CLIP_SECONDS = 4.0, 12.0  # of a clip: it ends at the first long pause from here on, at any pause before there
LONG_PAUSE = 0.5  # seconds
SHORTEST = 1.0  # seconds; what is shorter is no sentence
MARGIN = int(store.KEPT_SILENCE * store.SAMPLING_RATE)


def with_texts(recordings: str, folder: Path) -> str:
    """The folder to learn from: ``recordings``, a folder or a file, where every recording has its text; else
    ``folder``, with clips of all of them and texts to correct. What lies there already, corrected maybe, stays.

    Raises:
        TrainingError: no recording has a text, and no recogniser is installed.
    """
    path = Path(recordings)
    if not path.exists():  # its reader says so
        return recordings
    texts = _texts(path)
    if path.is_dir() and all(texts.values()):
        return recordings
    if not recogniser.is_available():
        if any(texts.values()):
            return recordings
        raise TrainingError(
            f"Nobody wrote down what is said in “{recordings}”: NAME.txt beside NAME.wav, or let it be heard, which "
            f"needs `{recogniser.INSTALL}`."
        )
    with writing(folder, "folder", "with --name"):
        written = [_into(folder, file, text, path) for file, text in texts.items()]
    if any(written):
        print(f"Correct what was misheard in {folder}/*.txt; --recordings {folder} --name OTHER learns from that.")
    return str(folder)


def _texts(path: Path) -> dict[Path, str]:
    """The recordings of a folder with what is said in each; of one file nobody knows."""
    if path.is_file():
        return {path: ""}
    layout = layout_of(path, tuple(sorted(file for file in path.rglob("*") if file.is_file())))
    return {file: layout.text(file) for file in layout.recordings()}


def _into(folder: Path, file: Path, text: str, root: Path) -> bool:
    """Write the clips of one recording with their texts, unless they are there; whether any was written."""
    name = "_".join((file.relative_to(root) if file != root else Path(file.name)).with_suffix("").parts)
    if list(folder.glob(f"{glob.escape(name)}.[0-9][0-9][0-9].wav")):
        return False
    try:
        wave = audio.read(file, store.WIDE_RATE)
    except VoiceError as error:
        print(f"{file.name} is left out: {error}", flush=True)
        return False
    heard, found = audio.resample(wave, store.WIDE_RATE, store.SAMPLING_RATE), False
    for number, (start, stop) in enumerate([(0, len(heard))] if text else clips(heard)):
        if said := (text or recogniser.transcribe(heard[start:stop])).strip():
            clip, step = folder / f"{name}.{number:03d}.wav", store.WIDE_RATE / store.SAMPLING_RATE
            audio.write(clip, wave[round(start * step) : round(stop * step)], store.WIDE_RATE)
            write_text(clip.with_suffix(".txt"), said + "\n")
            print(f"{clip.name}: {said}", flush=True)
            found = True
    return found


def clips(wave: np.ndarray) -> list[tuple[int, int]]:
    """First and last sample of pieces of ``wave`` (samples,) at 16 kHz, cut at pauses. What is one breath is one piece,
    however long; silence that is longer than a moment belongs to none."""
    pieces: list[list[int]] = []
    least, most = (int(seconds * store.SAMPLING_RATE) for seconds in CLIP_SECONDS)
    for start, stop in audio.voiced_spans(wave):
        joins = bool(pieces) and stop - pieces[-1][0] <= most
        if joins and start - pieces[-1][1] >= LONG_PAUSE * store.SAMPLING_RATE:
            joins = pieces[-1][1] - pieces[-1][0] < least
        if joins:
            pieces[-1][1] = stop
        else:
            pieces.append([start, stop])
    bounds = [0, *((one[1] + other[0]) // 2 for one, other in itertools.pairwise(pieces)), len(wave)]
    return [
        (max(left, start - MARGIN), min(right, stop + MARGIN))
        for (start, stop), left, right in zip(pieces, bounds, bounds[1:], strict=False)
        if stop - start >= SHORTEST * store.SAMPLING_RATE
    ]
