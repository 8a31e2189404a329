"""How a result reaches the visitor: sentences, samples and sound files."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rtvc import audio, watermark
from rtvc.page.files import Files
from rtvc.voice import EnrolmentReport

SUFFIXES = {"WAV": ".wav", "FLAC": ".flac", "OGG": ".ogg"}


def describe(report: EnrolmentReport | None) -> str:
    """One line on a recording."""
    if report is None:
        return ""
    cleaned = "noisy, so it was cleaned first" if report.enhanced else "clear enough to be used as it is"
    speech = f"Heard {report.voiced_seconds:.1f} s of speech, {report.snr_db:.0f} dB above the noise: {cleaned}."
    return f"{speech} {report.warning}".strip()


def problem(error: object) -> str:
    """A sentence in the colour of errors (the text may name a file, so it is escaped)."""
    return f'<span class="problem" role="alert">{html.escape(str(error), quote=False)}</span>'


def save(
    files: Files,
    speech: Mapping[str, Any],
    name: str,
    suffix: str = ".wav",
    folder: Path | None = None,
    comment: str = watermark.PROVENANCE,
) -> str:
    """Write what the pipeline gave to a file that the page may offer; its metadata says where it comes from."""
    path = files.new_path(name, suffix, folder)
    audio.write(path, speech["audio"], speech["sampling_rate"], comment)
    return str(path)


def to_int16(wave: np.ndarray) -> np.ndarray:
    """float32 in [-1, 1] → 16 bit. gradio's own conversion would turn every clip up to full scale."""
    return (np.clip(wave, -1, 1) * 32767).astype(np.int16)
