"""A folder of cases written from public sources: tables, and 16 kHz copies of the recordings that they name."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import rtvc
from rtvc import VoiceError, audio
from rtvc.errors import EvaluationError, quoted
from rtvc.evaluation.public import CORPORA, LISTS, Listed, Utterance, corpus
from rtvc.evaluation.session import RATE, with_noise

LONG, SHORT = (9.0, 16.0), 5.0  # seconds of references: what is enough and what is too much; of short ones
SENTENCE = (5, 30)  # words
OTHERS = 4  # further recordings of each speaker, to tell apart
GAP = 0.2  # seconds between recordings that are joined
SNRS_DB = (-2.5, 0.0, 5.0, 10.0, 15.0)
SOUNDS = (".wav", ".flac", ".ogg", ".opus", ".mp3")
KINDS = (*CORPORA, "speech", "noise", *LISTS)
COLUMNS = {
    "clone": ("case", "speaker", "reference_long", "reference_short", "text", "recording", "recording_speaker"),
    "verify": ("file", "speaker"),
    "enhance": ("noisy", "clean", "speaker", "noise", "snr_db"),
}


def check_sources(written: Sequence[str]) -> list[tuple[str, str]]:
    """["libritts=FOLDER"] → kind and place.

    Raises:
        EvaluationError: one is written otherwise.
    """
    pairs = [source.partition("=") for source in written]
    for source, (kind, _, place) in zip(written, pairs, strict=True):
        if kind not in KINDS or not place:
            raise EvaluationError(
                f"{quoted(source)} names no source; write KIND=PLACE, KIND one of {', '.join(KINDS)}."
            )
    return [(kind, place) for kind, _, place in pairs]


@dataclass
class Folder:
    """A folder of cases while it is written. ``left_out``: why some of what the sources hold is not in it."""

    path: Path
    rows: dict[str, list[tuple[str, ...]]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    written: set[str] = field(default_factory=set)
    left_out: list[str] = field(default_factory=list)

    def sound(self, name: str, wave: np.ndarray) -> str:
        """Write a wave (samples,) at 16 kHz, once; its path as seen from the folder."""
        place = f"{'/'.join(_safe(part) for part in name.split('/'))}.flac"
        if place not in self.written:
            (self.path / place).parent.mkdir(parents=True, exist_ok=True)
            audio.write(self.path / place, wave, RATE)
            self.written.add(place)
        return place

    def tables(self) -> None:
        """Write those that have rows, with a header."""
        for name, rows in self.rows.items():
            lines = ["\t".join(" ".join(cell.split()) for cell in row) for row in (COLUMNS[name], *rows)]
            if rows:
                (self.path / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip(".") or "x"


def build(
    sources: Sequence[tuple[str, str]],
    output: Path,
    speakers: int = 10,
    sentences: int = 2,
    seed: int = 0,
    recordings: Path | None = None,
) -> Folder:
    """Write a folder of cases, whole or not at all.

    Args:
        sources: kind and place, see :mod:`rtvc.evaluation.public`.
        output: the folder, which must not exist.
        speakers: of each corpus; sentences: of each speaker; seed: draws both.
        recordings: where those of a list lie that names no folder.

    Raises:
        EvaluationError: a source cannot be read, or nothing can be made of all of them.
    """
    if output.exists() or not output.absolute().parent.is_dir():
        raise EvaluationError(f"{quoted(output.name)} exists already, or its folder does not; choose a new folder.")
    if min(speakers, sentences) < 1:
        raise EvaluationError("--speakers and --sentences must be whole numbers from 1 on.")
    with tempfile.TemporaryDirectory(dir=output.absolute().parent) as temporary:
        cases = Folder(Path(temporary, output.name))
        cases.path.mkdir()
        for kind, place in sources:
            if kind in LISTS:
                _from_list(cases, LISTS[kind](Path(place), recordings))
            elif kind != "noise":
                _from_corpus(cases, kind, corpus(kind, place), speakers, sentences, random.Random(seed))
        if not cases.rows["clone"]:
            raise EvaluationError("No speaker of these sources has enough recordings for a case; name others.")
        for kind, place in sources:
            if kind == "noise":
                _noisy(cases, Path(place))
        cases.tables()
        about = [f"Cases made by rtvc {rtvc.__version__} (rtvc cases), seed {seed}, of:", ""]
        about += [f"- {kind}: {Path(place).name}" for kind, place in sources]
        about += ["", "Their licences are those of the sources.", *(f"Left out: {why}." for why in cases.left_out)]
        (cases.path / "README.md").write_text("\n".join(about) + "\n", encoding="utf-8")
        cases.path.rename(output)
    return cases


# ---------------------------------------------------------------------------------------------- corpora


def _from_corpus(
    cases: Folder, kind: str, found: Iterable[Utterance], speakers: int, sentences: int, chance: random.Random
) -> None:
    """Speakers in a drawn order, until there are so many who have sentences, references and more to tell them apart."""
    everybody: dict[str, list[Utterance]] = {}
    for utterance in found:
        everybody.setdefault(utterance.speaker, []).append(utterance)
    names = sorted(everybody)
    chance.shuffle(names)
    taken = 0
    for name in names:
        if taken == speakers:
            return
        mine = sorted(everybody[name], key=lambda utterance: utterance.name)
        chance.shuffle(mine)
        taken += _speaker(cases, f"{kind}-{name}", mine, sentences)
    if taken < speakers:
        cases.left_out.append(f"only {taken} speakers of {kind} have enough recordings for {sentences} sentences each")


def _speaker(cases: Folder, speaker: str, mine: list[Utterance], sentences: int) -> bool:
    """A speaker's cases; false, and none, where there are too few recordings."""
    fit = [
        utterance
        for utterance in mine
        if not utterance.shared and SENTENCE[0] <= len(utterance.text.split()) <= SENTENCE[1]
    ][:sentences]
    rest = [utterance for utterance in mine if utterance not in fit]
    reference, used = _joined(rest)
    if len(fit) < sentences or reference.size < LONG[0] * RATE or _mute(reference[: int(SHORT * RATE)]):
        return False
    long = cases.sound(f"{speaker}/reference_long", reference)
    short = cases.sound(f"{speaker}/reference_short", reference[: int(SHORT * RATE)])
    for number, utterance in enumerate(fit):
        recording = cases.sound(f"{speaker}/{utterance.name}", _wave(utterance))
        cases.rows["clone"].append((f"{speaker}-{number}", speaker, long, short, utterance.text, recording, speaker))
    for utterance in [*fit, *rest[used : used + OTHERS]]:
        cases.rows["verify"].append((cases.sound(f"{speaker}/{utterance.name}", _wave(utterance)), speaker))
    return True


def _joined(some: list[Utterance]) -> tuple[np.ndarray, int]:
    """As many recordings as make a long reference, joined, and how many those are."""
    parts: list[np.ndarray] = []
    for utterance in some:
        if sum(part.size for part in parts) >= LONG[0] * RATE:
            break
        parts += [_wave(utterance), np.zeros(int(GAP * RATE), np.float32)]
    wave = np.concatenate([*parts, np.zeros(0, np.float32)])
    return wave[: int(LONG[1] * RATE)], len(parts) // 2


def _wave(utterance: Utterance) -> np.ndarray:
    return audio.read(utterance.source)


def _mute(wave: np.ndarray) -> bool:
    """Whether there is too little speech to enrol."""
    try:
        audio.check_speech(wave)
    except VoiceError:
        return True
    return False


# ---------------------------------------------------------------------------------------------- lists, noise


def _from_list(cases: Folder, lines: Iterable[Listed]) -> None:
    """Every line whose prompt holds the three seconds of speech that a voice needs."""
    short = 0
    for line in lines:
        if not line.prompt.is_file():
            raise EvaluationError(
                f"{quoted(line.prompt.name)}, a prompt of the list, does not exist; check the folder."
            )
        prompt = audio.read(line.prompt)
        if _mute(prompt):
            short += 1
            continue
        place = cases.sound(f"prompts/{line.prompt.stem}", prompt)
        reading = cases.sound(f"readings/{line.case}", audio.read(line.recording)) if line.recording else ""
        who = line.recording_speaker if reading else ""
        cases.rows["clone"].append((line.case, line.speaker, place, "", line.text, reading, who))
    if short:
        cases.left_out.append(f"{short} of the lines, whose prompts hold less than three seconds of speech")


def _noisy(cases: Folder, folder: Path) -> None:
    """A pair of each recording that stands in verify.tsv, with the noises and levels in turn."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUNDS)
    if not files or not cases.rows["verify"]:
        raise EvaluationError(f"{quoted(folder.name)} holds no noises, or no corpus to put them into is named.")
    for number, (file, speaker) in enumerate(cases.rows["verify"]):
        clean, noise = audio.read(cases.path / file), files[number % len(files)]
        snr_db = SNRS_DB[number % len(SNRS_DB)]
        noisy = with_noise([clean], [audio.read(noise)], snr_db)[0]
        loudest = max(1.0, float(np.abs(noisy).max()) / audio.PEAK)  # both by as much, so that the pair still fits
        pair = [
            cases.sound(f"enhance/{number:03d}_{kind}", wave / np.float32(loudest))
            for kind, wave in (("noisy", noisy), ("clean", clean))
        ]
        cases.rows["enhance"].append((*pair, speaker, noise.stem, f"{snr_db:g}"))
