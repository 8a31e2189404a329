"""The speaker teacher: Resemblyzer, whose vectors Tuned-GE2E learns to resemble, and which listens beside it later.

Its weights (Apache-2.0) come with its package.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from rtvc.errors import TrainingError

SAMPLING_RATE = 16_000  # at which it hears
WINDOW_FRAMES = 160  # frames of 10 ms that one vector hears
WINDOW_SAMPLES = WINDOW_FRAMES * SAMPLING_RATE // 100
INSTALL = "pip install --no-deps resemblyzer==0.1.4 webrtcvad-wheels==2.0.14.post1"


def window_embeddings(wave: np.ndarray) -> np.ndarray:
    """Resemblyzer's vectors of consecutive windows of 1.6 s: (max(1, samples // 25600), 256), unit length."""
    audio = _resemblyzer().audio
    wave = audio.normalize_volume(wave, -30, increase_only=True)
    wave = np.pad(wave, (0, max(0, WINDOW_SAMPLES - len(wave))))
    mel = torch.from_numpy(audio.wav_to_mel_spectrogram(wave))
    windows = mel[: len(wave) // WINDOW_SAMPLES * WINDOW_FRAMES].unflatten(0, (-1, WINDOW_FRAMES))
    with torch.inference_mode():
        return _encoder()(windows).numpy()


def load() -> torch.nn.Module:
    """Resemblyzer (Apache-2.0, its weights in the package).

    Raises:
        TrainingError: it is not installed.
    """
    return _resemblyzer().VoiceEncoder("cpu", verbose=False).eval().requires_grad_(False)


@functools.cache
def fingerprint() -> str:
    """Of the teacher's weights; of none where it is not installed."""
    found = importlib.util.find_spec("resemblyzer")
    weights = Path(found.origin).with_name("pretrained.pt") if found and found.origin else None
    return hashlib.sha256(weights.read_bytes() if weights and weights.is_file() else b"").hexdigest()[:10]


def _resemblyzer() -> ModuleType:
    try:
        import resemblyzer.audio
    except ImportError as error:
        raise TrainingError(f"The speaker teacher Resemblyzer is not installed; {INSTALL}.") from error
    return resemblyzer


_encoder = functools.cache(load)
