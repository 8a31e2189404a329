"""Evaluation cases: a folder with tables of whom to clone, what to clean and whom to tell apart.

Any of `clone.tsv`, `enhance.tsv` and `verify.tsv`, and `recordings.tsv` beside the first: a header line, then a case a
line, the columns apart by tabs, quotes meaning nothing, files named as seen from the folder. `docs/evaluation.md`
describes the columns.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rtvc.errors import EvaluationError, quoted

REFERENCES = ("long", "short")


@dataclass(frozen=True)
class CloneCase:
    """A sentence to say in a speaker's voice; ``recording``: a real reading of it, by ``recording_speaker``."""

    case: str
    speaker: str
    text: str
    references: dict[str, Path]
    recording: Path | None = None
    recording_speaker: str = ""


@dataclass(frozen=True)
class EnhanceCase:
    """A noisy recording, and the same without the noise."""

    noisy: Path
    clean: Path
    speaker: str = ""
    noise: str = ""
    snr_db: str = ""


@dataclass(frozen=True)
class VerifyCase:
    """A recording, and whose it is."""

    file: Path
    speaker: str


@dataclass(frozen=True)
class Cases:
    """What is in a folder; ``recordings``: real ones of the clones' speakers; ``left_out``: table → why it is not."""

    folder: Path
    clone: list[CloneCase] = field(default_factory=list)
    enhance: list[EnhanceCase] = field(default_factory=list)
    verify: list[VerifyCase] = field(default_factory=list)
    recordings: list[VerifyCase] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def read_cases(folder: Path, limit: int | None = None) -> Cases:
    """All tables of a folder.

    Args:
        folder: of the tables and of the files they name.
        limit: about so many cases of each table, spread over it.

    Raises:
        EvaluationError: there is no table, a line of one is wrong, or a file that it names is not there.
    """
    if not folder.is_dir():
        raise EvaluationError(f"The folder of cases {quoted(folder.name)} does not exist; check its path.")
    if limit is not None and limit < 1:
        raise EvaluationError(f"The limit must be a whole number from 1 on, not {limit}.")
    found = {name: _table(folder, name) for name in TABLES if (folder / f"{name}.tsv").is_file()}
    if not set(found) - {RECORDINGS}:
        raise EvaluationError(
            f"{quoted(folder.name)} holds no clone.tsv, enhance.tsv or verify.tsv; write one of them."
        )
    if limit:
        few = {"verify": _few_of_each, RECORDINGS: _few_of_each}
        found = {name: few.get(name, _spread)(cases, limit) for name, cases in found.items()}
    absent = set(TABLES) - set(found) - {RECORDINGS}
    return Cases(folder, **found, left_out={name: f"there is no {name}.tsv" for name in TABLES if name in absent})


def _spread(cases: list, limit: int) -> list:
    return [cases[number * len(cases) // limit] for number in range(limit)] if limit < len(cases) else cases


def _few_of_each(cases: list[VerifyCase], limit: int) -> list[VerifyCase]:
    """Three recordings of a speaker at most: cases spread over the table would hold no two of one person."""
    speakers = list(dict.fromkeys(case.speaker for case in cases))[: max(2, limit // 3)]
    return [case for name in speakers for case in [case for case in cases if case.speaker == name][:3]]


# ---------------------------------------------------------------------------------------------- lines and files


class Row:
    """A line of a table: its cells by column, and where it stands for messages."""

    def __init__(self, cells: dict[str, str], table: Path, number: int):
        self.cells, self.folder, self.number = cells, table.parent, number
        self.place = f"Line {number} of {table.name}"

    def text(self, column: str) -> str:
        """A cell that has to be filled.

        Raises:
            EvaluationError: it is empty.
        """
        if not (value := self.optional(column)):
            raise EvaluationError(f"{self.place} has no {column}; fill that column in.")
        return value

    def optional(self, column: str) -> str:
        """A cell, empty where the table has no such column."""
        return self.cells.get(column, "").strip()

    def file(self, column: str) -> Path:
        """The file that a cell names.

        Raises:
            EvaluationError: it is not there, or outside of the folder.
        """
        name = self.text(column)
        path = Path(name)
        if path.is_absolute() or ".." in path.parts:
            raise EvaluationError(f"{self.place} names {quoted(name)}; files have to lie in the folder of the cases.")
        if not (self.folder / path).is_file():
            raise EvaluationError(f"{self.place} names {quoted(name)}, which does not exist; check the path.")
        return self.folder / path


def read_table(path: Path) -> list[Row]:
    """The lines of a table.

    Raises:
        EvaluationError: it cannot be read, has no cases, or a line has more or fewer cells than the header.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = [row for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path.name} cannot be read; save it as text in UTF-8 with tabs.") from error
    if not rows:
        raise EvaluationError(f"{path.name} holds no cases; write a header line and a line for each case.")
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            place = f"Line {number} of {path.name}"
            raise EvaluationError(f"{place} has {len(row)} columns, the header {len(header)}; tabs divide them.")
    return [Row(dict(zip(header, row, strict=True)), path, number) for number, row in enumerate(rows, 2)]


def _clone(line: Row) -> CloneCase:
    given = [name for name in REFERENCES if name == "long" or line.optional(f"reference_{name}")]
    recording = line.file("recording") if line.optional("recording") else None
    return CloneCase(
        case=line.optional("case") or f"line-{line.number}",
        speaker=line.text("speaker"),
        text=line.text("text"),
        references={name: line.file(f"reference_{name}") for name in given},
        recording=recording,
        recording_speaker=line.optional("recording_speaker") or line.text("speaker"),
    )


def _enhance(line: Row) -> EnhanceCase:
    about = {name: line.optional(name) for name in ("speaker", "noise", "snr_db")}
    return EnhanceCase(line.file("noisy"), line.file("clean"), **about)


def _verify(line: Row) -> VerifyCase:
    return VerifyCase(line.file("file"), line.text("speaker"))


RECORDINGS = "recordings"  # a table that nothing is measured with, only read against
TABLES: dict[str, Callable[[Row], Any]] = {"clone": _clone, "enhance": _enhance, "verify": _verify}
TABLES |= {RECORDINGS: _verify}
NEEDED = {"clone": ("speaker", "reference_long", "text"), "enhance": ("noisy", "clean"), "verify": ("file", "speaker")}
NEEDED |= {RECORDINGS: NEEDED["verify"]}


def _table(folder: Path, name: str) -> list:
    lines = read_table(folder / f"{name}.tsv")
    if absent := [column for column in NEEDED[name] if column not in lines[0].cells]:
        raise EvaluationError(f"{name}.tsv lacks the column {_names(absent)}; its header names {_names(NEEDED[name])}.")
    return [TABLES[name](line) for line in lines]


def _names(columns: Iterable[str]) -> str:
    return ", ".join(columns)
