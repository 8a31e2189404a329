"""What tests of speech share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

TEXT = "Nice to meet you."
LONG = "I will be there at nine, and I will bring the book that you asked me for."


def same(one: np.ndarray, other: np.ndarray) -> None:
    """Equal but for the last bits, which depend on where in memory the weights lie: 60 dB below the speech."""
    assert one.shape == other.shape
    assert np.square(one - other).mean() < 1e-6 * np.square(other).mean()


def in_a_fresh_process(folders: list[Path | None], place: Path) -> list[np.ndarray]:
    """What `TEXT` sounds like by the models of `folders` (none: the bundled one) in the voices saved at `place` as
    0.voice, 1.voice …; a network would be refused, and what training, enrolment, evaluation or the page need is not
    loaded.
    """
    code = f"""
import socket, sys, numpy, torch
torch.set_num_threads({torch.get_num_threads()})
socket.socket.connect = lambda *some: sys.exit("it tried to use the network")
import rtvc, rtvc.cli
from transformers import pipeline
for number, options in enumerate({[{"model": str(folder)} if folder else {} for folder in folders]}):
    clone = pipeline("voice-cloning", **options)
    out = clone({TEXT!r}, voice={str(place)!r} + f"/{{number}}.voice", variation=0.5, seed=3)
    numpy.save({str(place)!r} + f"/{{number}}.npy", out["audio"])
foreign = {{"librosa", "numba", "onnx", "gradio", "silero_vad", "swift_f0", "rtvc.training", "rtvc.evaluation"}}
loaded = foreign & set(sys.modules)
assert not loaded, loaded
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "No model was supplied" not in done.stderr
    return [np.load(place / f"{number}.npy") for number in range(len(folders))]
