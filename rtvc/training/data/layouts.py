"""How folders of recordings are laid out: a reader a layout says who speaks and what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rtvc.training.data import people

AUDIO = (".wav", ".flac", ".ogg", ".opus", ".mp3")
MICROPHONE = re.compile(r"_mic[12]$")  # how names end in VCTK 0.92, where two microphones heard the same reading
SECOND_MICROPHONE = "_mic2"
PART = re.compile(  # folders that say what lies in them, not who speaks
    r"wavs?|wav\d+\w*|flacs?|aac|audios?|clips|recordings"
    r"|(train|dev|valid|validation|test|eval)([-_ .]?(clean|other|\d+))*",
    re.IGNORECASE,
)
GENDER = re.compile(r"\s*p?(\w+)\b.*?\b([FM])\b")  # a line of VCTK's or LibriSpeech's table of speakers


@dataclass(frozen=True)
class Layout:
    """A folder a person, or one person in all; what is said stands in a file of the recording's name beside it."""

    path: Path
    files: tuple[Path, ...]

    @classmethod
    def fits(cls, path: Path, files: tuple[Path, ...]) -> bool:
        """Whether the files lie so."""
        return True

    def recordings(self) -> Iterator[Path]:
        """Each reading once: of two microphones the first, the second where it is the only one."""
        present = set(self.files)
        for path in self.files:
            second = path.stem.endswith(SECOND_MICROPHONE) and path.with_stem(path.stem[:-1] + "1") in present
            if path.suffix.lower() in AUDIO and not second:
                yield path

    def text(self, path: Path) -> str:
        """What is said in a recording; nothing where nobody wrote it down."""
        return self.texts.get((path.parent, MICROPHONE.sub("", path.stem)), "")

    @cached_property
    def texts(self) -> dict:
        """What is said, by folder and name without ending."""
        plain = (path for path in self.files if path.suffix == ".txt")
        audible = {(path.parent, MICROPHONE.sub("", path.stem)) for path in self.recordings()}
        return {place: read(path) for path in plain if (place := (path.parent, path.stem)) in audible}

    def speaker(self, path: Path) -> tuple[str, str]:
        """Collection, or none, and name: as known collections name their files, else by the outermost folder."""
        above = path.relative_to(self.path).parts[:-1]
        folders = [part for part in above if not PART.fullmatch(part)]
        return people.of_file(path.stem) or people.of_place(
            Path(self.path.name, *above), folders[0] if folders else self.path.name
        )

    @cached_property
    def genders(self) -> dict[str, str]:
        """F or M by number, where the folder has VCTK's or LibriSpeech's table."""
        tables = (path for path in self.files if path.name.lower() in ("speaker-info.txt", "speakers.txt"))
        lines = [line for path in tables for line in read_lines(path) if not line.startswith(";")]
        return {found[1]: found[2] for found in map(GENDER.match, lines) if found}

    def gender(self, name: str) -> str:
        """F, M or nothing."""
        return self.genders.get(name) or self.genders.get(name.removeprefix("p"), "")


class LJSpeech(Layout):
    """``metadata.csv`` (id|as written|as spoken) and ``wavs/``: one person."""

    @classmethod
    def fits(cls, path: Path, files: tuple[Path, ...]) -> bool:
        return path / "metadata.csv" in files

    @cached_property
    def texts(self) -> dict:
        rows = (line.split("|") for line in read_lines(self.path / "metadata.csv") if "|" in line)
        return {Path(row[0]).stem: row[-1].strip() for row in rows}

    def text(self, path: Path) -> str:
        return self.texts.get(path.stem, "")


class Libri(Layout):
    """LibriSpeech and LibriTTS: ``PART/READER/CHAPTER/`` with a text a chapter or a sentence."""

    @classmethod
    def fits(cls, path: Path, files: tuple[Path, ...]) -> bool:
        return any(file.name.endswith((".trans.txt", ".normalized.txt", ".original.txt")) for file in files)

    @cached_property
    def texts(self) -> dict:
        found: dict[str, str] = {}
        for path in self.files:  # sorted: of a sentence as read and as printed, the latter comes second and stays out
            if path.name.endswith(".trans.txt"):
                found |= {name: text for name, _, text in (line.partition(" ") for line in read_lines(path))}
            elif path.name.endswith(".normalized.txt"):
                found[path.name.removesuffix(".normalized.txt")] = read(path)
            elif path.name.endswith(".original.txt"):
                found.setdefault(path.name.removesuffix(".original.txt"), read(path))
        return found

    def text(self, path: Path) -> str:
        return self.texts.get(path.stem, "")

    def speaker(self, path: Path) -> tuple[str, str]:
        collection, name = super().speaker(path)
        return (people.LIBRIVOX if name.isdigit() else collection), name


class VCTK(Layout):
    """``wav48…/SPEAKER/`` and ``txt/SPEAKER/``; p280 and p315 have one microphone, p315 no texts."""

    @classmethod
    def fits(cls, path: Path, files: tuple[Path, ...]) -> bool:
        below = {file.relative_to(path).parts[0].lower() for file in files}
        return "txt" in below and any(part.startswith("wav") for part in below)

    @cached_property
    def texts(self) -> dict:
        return {path.stem: read(path) for path in self.files if path.suffix == ".txt"}

    def text(self, path: Path) -> str:
        return self.texts.get(MICROPHONE.sub("", path.stem), "")

    def speaker(self, path: Path) -> tuple[str, str]:
        return people.VCTK, super().speaker(path)[1]


LAYOUTS: tuple[type[Layout], ...] = (LJSpeech, Libri, VCTK, Layout)  # the first that fits


def layout_of(path: Path, files: tuple[Path, ...]) -> Layout:
    """The reader of a folder's files, sorted."""
    return next(layout for layout in LAYOUTS if layout.fits(path, files))(path, files)


def read(path: Path) -> str:
    """A text in one line."""
    return " ".join(path.read_text(encoding="utf-8", errors="replace").split())


def read_lines(path: Path) -> list[str]:
    """The lines of a table."""
    return path.read_text(encoding="utf-8").splitlines()
