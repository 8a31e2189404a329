"""What `benchmarks/speed.py` measured, a column a processor: each has its place in `benchmarks/speed.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rtvc.files import atomic_write

FILE = Path(__file__).parents[2] / "benchmarks" / "speed.json"
ROWS = (  # what is said of a figure: where it stands, and what it shall be
    ("streaming: computing time per second of speech", "rtf", "≤ 0.05"),
    ("… optimised", "optimised.rtf", ""),
    ("first chunk with sound in it, eight words, median (ms)", "first_sound_ms.median", "≤ 60"),
    ("… 95th percentile", "first_sound_ms.p95", "≤ 100"),
    ("… optimised, median", "optimised.first_sound_ms.median", ""),
    ("first sound that is heard, silence before it included, median (ms)", "first_audible_ms.median", ""),
    ("… optimised", "optimised.first_audible_ms.median", ""),
    ("whole sentence of eight words, median (ms)", "whole_sentence_ms.median", ""),
    ("… optimised", "optimised.whole_sentence_ms.median", ""),
    ("… optimised / original", "optimised.latency_ratio", "≤ 0.238"),
    ("… its products of matrices alone, float32 / int8 (ms)", ("floor_ms.float32", "floor_ms.int8"), ""),
    ("computing time, of Kokoro's in the same run", "ratios.Kokoro", ""),
    ("… of hibari's", "ratios.hibari", ""),
    ("… of flite's, with its start", "ratios.flite slt", ""),
    ("enrolment of 5 s (ms)", "enrolment.as it is", ""),
    ("… cleaned first", "enrolment.cleaned", "≤ 300"),
    ("eight lines of two voices, in one call / one by one", "batch_ratio", "< 1"),
    ("size on disk, optimised / original", "optimised.size_ratio", "≤ 0.476"),
    ("import and load (s)", "load_s", "≤ 3"),
    ("peak memory above importing torch (MB)", "peak_memory_mb", "≤ 300"),
    ("… of which importing transformers", "of_which_transformers_mb", ""),
    ("… growth while an hour is spoken", "growth_mb", "flat"),
)


def read(file: Path = FILE) -> dict[str, dict[str, Any]]:
    """Figures by processor; none where nothing was measured."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def keep(found: dict[str, Any], file: Path = FILE) -> None:
    """Put the figures of a processor into the file, in the place of its earlier ones; others' stay."""
    known = read(file) | {found["machine"]["cpu"]: found}
    with atomic_write(file) as new:
        new.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def table(processors: dict[str, dict[str, Any]]) -> str:
    """A row a figure, a column a processor; rows that none has are left out."""
    names = [
        f"{name}, {found['machine']['threads']} threads, weights {found['weights']}, {found['date']}"
        for name, found in processors.items()
    ]
    lines = [["", *names, "wanted"], ["---"] * (len(names) + 2)]
    for label, where, wanted in ROWS:
        cells = [_cell(found, where) for found in processors.values()]
        lines += [[label, *cells, wanted]] if set(cells) - {"–"} else []
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(found: dict[str, Any], where: str | tuple[str, ...]) -> str:
    values = [_value(found, one) for one in ((where,) if isinstance(where, str) else where)]
    return "–" if None in values else " / ".join(f"{value:.3g}" for value in values)


def _value(found: dict[str, Any], where: str) -> float | None:
    """ "a.b" → found["a"]["b"], none where there is none."""
    value: Any = found
    for name in where.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def document(file: Path = FILE) -> str:
    """The table as it stands in docs/evaluation.md."""
    processors = read(file)
    return f"{table(processors)}\n\nMeasured by `python benchmarks/speed.py`." if processors else "Not measured yet."
