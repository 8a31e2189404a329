"""What every measure needs: the system, the cases, the judges, where sounds are kept and who watches."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from rtvc import VoiceCloningPipeline, audio
from rtvc.evaluation.cases import Cases
from rtvc.evaluation.judges import Judge
from rtvc.evaluation.statistics import noise_gain

RATE = audio.SAMPLING_RATE
NOISE_DB = 5.0  # at which verification is measured in noise


@dataclass
class Session:
    """One evaluation. ``clips``: the folder of the report's sounds, none to keep none; ``bars``: show progress."""

    clone: VoiceCloningPipeline
    cases: Cases
    judges: dict[str, Judge]
    clips: Path | None = None
    bars: bool = True
    names: set[str] = field(default_factory=set)

    def watch(self, items: Sequence[Any], what: str) -> Iterable[Any]:
        """The items, with a progress bar while they are gone through, on a terminal only."""
        return tqdm(items, desc=f"{what:24.24s}", leave=False, disable=None if self.bars else True)

    def keep(self, name: str, wave: np.ndarray) -> str | None:
        """Write a sound at 16 kHz for the report; its path as seen from there."""
        if self.clips is None:
            return None
        path = self._place(self.clips, name, ".flac")
        audio.write(path, wave, RATE)
        return f"{self.clips.name}/{path.name}"

    def keep_picture(self, name: str, svg: str) -> str | None:
        """Write a picture for the report; its path as seen from there."""
        if self.clips is None:
            return None
        path = self._place(self.clips, name, ".svg")
        path.write_text(svg, encoding="utf-8")
        return f"{self.clips.name}/{path.name}"

    def _place(self, folder: Path, name: str, suffix: str) -> Path:
        """A file of the folder that is not there yet."""
        stem = unique = re.sub(r"[^\w.-]+", "_", name).strip("._") or "clip"
        while unique in self.names:
            unique = f"{stem}-{len(self.names)}"
        self.names.add(unique)
        return folder / f"{unique}{suffix}"

    def noises(self) -> list[np.ndarray]:
        """The noises of the enhancement cases: what is left of a noisy recording without the clean one."""
        pairs = [(audio.read(case.noisy), audio.read(case.clean)) for case in self.cases.enhance]
        found = [noisy[: clean.size] - clean[: noisy.size] for noisy, clean in pairs]
        return [noise for noise in found if noise.any()]


def with_noise(waves: Sequence[np.ndarray], noises: Sequence[np.ndarray], snr_db: float) -> list[np.ndarray]:
    """Each wave (samples,) with one of the noises in turn, at so many dB over the whole of both."""
    noisy = []
    for number, wave in enumerate(waves):
        noise = np.resize(noises[number % len(noises)], wave.size)
        noisy.append((wave + noise_gain(wave, noise, snr_db) * noise).astype(np.float32))
    return noisy


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What a call gives, and the seconds it took."""
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start
