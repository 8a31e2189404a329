"""What people would pick instead, where it can run here: fixed voices that read a text, and small enhancers."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from rtvc.evaluation.judges.second import load_code

CODE = "peers.py"  # of the enhancers, in the folder of the judges: functions of a wave (samples,) at 16 kHz
ENHANCERS = {"DTLN": "dtln", "GTCRN": "gtcrn", "RNNoise": "rnnoise"}
Speak = Callable[[str], tuple[np.ndarray, int]]
Enhance = Callable[[np.ndarray], np.ndarray]


def voices() -> tuple[dict[str, Speak], dict[str, str]]:
    """Fixed voices: name → text to (wave (samples,), rate), and why others are missing."""
    found: dict[str, Speak] = {"hibari": _hibari()}
    if shutil.which("flite"):
        return found | {"flite slt": _flite}, {}
    return found, {"flite slt": "the command flite is not installed: `apt install flite`"}


def _hibari() -> Speak:
    from hibari import Hibari

    say = Hibari()  # its wheel brings one voice; it is one of rtvc's requirements for its phonemes
    return lambda text: (np.asarray(say(text, seed=0), np.float32), 24_000)


def _flite(text: str) -> tuple[np.ndarray, int]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "said.wav")
        subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(path)], check=True, capture_output=True)
        return soundfile.read(path, dtype="float32")


def enhancers(folder: Path | None) -> tuple[dict[str, Enhance], dict[str, str]]:
    """Enhancers by `peers.py` of the judges' folder: name → wave to wave, and why others are missing."""
    if folder is None or not (folder / CODE).is_file():
        return {}, dict.fromkeys(ENHANCERS, f"it needs {CODE} and its weights: give their folder as --judges")
    code, found, missing = load_code(folder / CODE), {}, {}
    for name, function in ENHANCERS.items():
        try:
            getattr(code, function)(np.zeros(16_000, np.float32))
            found[name] = getattr(code, function)
        except Exception as reason:  # a package, a weight or the function itself is not there
            missing[name] = (
                f"it does not run here: {str(reason).splitlines()[0] if str(reason) else type(reason).__name__}"
            )
    return found, missing
