"""Cases that anybody can have: of LibriTTS and VCTK, as folders or from the Hub, and of the lists that the field uses.

`rtvc cases SOURCE …` calls it. Sources are written KIND=PLACE:

    libritts=FOLDER or libritts=mythicinfinity/libritts   speakers' own readings become sentences, references, pairs
    vctk=FOLDER or vctk=ID                                likewise, without the sentences that every speaker reads
    speech=ID[:CONFIG[:SPLIT]]                            any data set with the columns audio, text and speaker_id
    noise=FOLDER                                          noises, which become pairs of noisy and clean recordings
    seed-tts-eval=meta.lst                                a line a case: its prompt is the reference
    librispeech-pc=FILE.lst                               likewise; the recordings lie in --audio FOLDER
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rtvc.errors import EvaluationError, quoted

SHARED = 24  # VCTK's first sentences, which every speaker reads, and which stand in many a training corpus
KEPT = 24  # recordings of a speaker that are looked at, of a data set from the Hub
COLUMNS = {
    "text": ("text_normalized", "text", "sentence", "transcript"),
    "speaker": ("speaker_id", "speaker", "client_id"),
}
HUB = {"libritts": ("mythicinfinity/libritts", "clean", "test.clean"), "vctk": ("CSTR-Edinburgh/vctk", None, "train")}


@dataclass(frozen=True)
class Utterance:
    """A recording of a sentence; ``source``: a file, or the bytes of one; ``shared``: everybody reads this sentence."""

    speaker: str
    name: str
    text: str
    source: Path | bytes
    shared: bool = False


@dataclass(frozen=True)
class Listed:
    """A line of a list: a text to say in the voice of a prompt; ``recording``: a real reading, where there is one."""

    case: str
    speaker: str
    text: str
    prompt: Path
    recording: Path | None
    recording_speaker: str


# ---------------------------------------------------------------------------------------------- corpora


def libritts(folder: Path) -> Iterator[Utterance]:
    """`SPEAKER_CHAPTER_….wav` with `….normalized.txt` beside it, in any folders."""
    for path in sorted(folder.rglob("*.wav")):
        text = path.with_suffix(".normalized.txt")
        if text.is_file():
            yield Utterance(path.stem.split("_")[0], path.stem, _line(text), path)


def vctk(folder: Path) -> Iterator[Utterance]:
    """`wav48_silence_trimmed/p225/p225_003_mic1.flac`, or `wav48/p225/p225_003.wav`, with `txt/p225/p225_003.txt`."""
    for path in sorted([*folder.rglob("*_mic1.flac"), *folder.rglob("wav48/*/*.wav")]):
        name = path.stem.removesuffix("_mic1")
        speaker, _, number = name.partition("_")
        text = path.parents[2] / "txt" / speaker / f"{name}.txt"
        if text.is_file() and number.isdigit():
            yield Utterance(speaker, name, _line(text), path, int(number) <= SHARED)


def from_hub(kind: str, place: str) -> Iterator[Utterance]:
    """A data set of the Hub, or of a folder of its files: ID[:CONFIG[:SPLIT]], the first recordings of each speaker.

    Raises:
        EvaluationError: it cannot be had, or has not the columns.
    """
    try:
        from datasets import Audio, load_dataset
    except ImportError as error:
        message = "Data sets from the Hub need the package datasets: `pip install datasets`; or name a folder."
        raise EvaluationError(message) from error
    name, *rest = place.split(":")
    config, split = (part or None for part in [*rest, "", ""][:2])
    usual = HUB.get(kind, ("", None, "test"))
    if name == usual[0]:
        config, split = config or usual[1], split or usual[2]
    try:
        rows = load_dataset(name, config, split=split or usual[2], streaming=True)
        columns = {what: next(filter(set(rows.column_names).__contains__, names)) for what, names in COLUMNS.items()}
        rows = rows.cast_column("audio", Audio(decode=False))
    except Exception as error:  # no network, no such data set, no such column: each library has classes of its own
        wanted = (
            f"{quoted(place)} cannot be read as a data set; check its name (ID:CONFIG:SPLIT), the network, and that it"
        )
        raise EvaluationError(f"{wanted} has the columns audio, text and speaker_id.") from error
    counts: Counter[str] = Counter()
    for number, row in enumerate(rows):
        speaker, sound = str(row[columns["speaker"]]), row["audio"]
        named = re.fullmatch(r"p\d+_(\d+).*", Path(sound["path"] or "").stem) if kind == "vctk" else None
        if named and int(named[1]) <= SHARED:
            continue
        counts[speaker] += 1
        if counts[speaker] <= KEPT:
            text = " ".join(str(row[columns["text"]]).split())
            yield Utterance(speaker, f"{speaker}-{number:06d}", text, sound["bytes"] or Path(sound["path"]))


CORPORA: dict[str, Callable[[Path], Iterator[Utterance]]] = {"libritts": libritts, "vctk": vctk}


def corpus(kind: str, place: str) -> list[Utterance]:
    """The recordings of a source, of a folder where there is one.

    Raises:
        EvaluationError: it holds none.
    """
    folder = Path(place)
    found = list(CORPORA[kind](folder) if kind in CORPORA and folder.is_dir() else from_hub(kind, place))
    if not found:
        raise EvaluationError(f"{quoted(place)} holds no recordings with texts as {kind} has them; check the folder.")
    return found


def _line(path: Path) -> str:
    return " ".join(path.read_text(encoding="utf-8", errors="replace").split())


# ---------------------------------------------------------------------------------------------- lists


def seed_tts_eval(path: Path, _folder: Path | None) -> Iterator[Listed]:
    """`utterance|text of the prompt|file of the prompt|text[|file of a reading]`, files as seen from the list.

    Without the last column a reading may lie at `wavs/UTTERANCE.wav`.
    """
    for number, cells in _cells(path, "|", (4, 5)):
        prompt = _within(path.parent, cells[2], path, number)
        reading = _within(path.parent, cells[4] if len(cells) == 5 else f"wavs/{cells[0]}.wav", path, number)
        yield Listed(cells[0], prompt.stem, cells[3], prompt, reading if reading.is_file() else None, prompt.stem)


def librispeech_pc(path: Path, folder: Path | None) -> Iterator[Listed]:
    """`prompt, its seconds, its text, utterance, its seconds, text`, apart by tabs, as F5-TTS publishes it."""
    if folder is None:
        raise EvaluationError("librispeech-pc needs the folder of LibriSpeech's test-clean; give it as --audio.")
    for number, cells in _cells(path, "\t", (6,)):
        prompt, reading = (_of_librispeech(folder, name, path, number) for name in (cells[0], cells[3]))
        recording = reading if reading.is_file() else None
        yield Listed(cells[3], cells[0].split("-")[0], cells[5], prompt, recording, cells[3].split("-")[0])


LISTS: dict[str, Callable[[Path, Path | None], Iterator[Listed]]] = {
    "seed-tts-eval": seed_tts_eval,
    "librispeech-pc": librispeech_pc,
}


def _of_librispeech(folder: Path, name: str, path: Path, number: int) -> Path:
    speaker, _, rest = name.partition("-")
    return _within(folder, f"{speaker}/{rest.split('-')[0]}/{name}.flac", path, number)


def _cells(path: Path, mark: str, sizes: tuple[int, ...]) -> Iterator[tuple[int, list[str]]]:
    """(number, cells) of the lines of a list.

    Raises:
        EvaluationError: it cannot be read, or a line has another number of cells.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{quoted(path.name)} cannot be read; give the path of a list in UTF-8.") from error
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.split(mark)]
        if line.strip() and len(cells) not in sizes:
            wanted = " or ".join(map(str, sizes))
            raise EvaluationError(f"Line {number} of {quoted(path.name)} has {len(cells)} cells, not {wanted}.")
        if line.strip():
            yield number, cells


def _within(folder: Path, name: str, path: Path, number: int) -> Path:
    """A file that a list names.

    Raises:
        EvaluationError: it would lie elsewhere than in the folder.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        place = f"Line {number} of {quoted(path.name)}"
        raise EvaluationError(f"{place} names {quoted(name)}; files have to lie in the folder of the list.")
    return folder / name
