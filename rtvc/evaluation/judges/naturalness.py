"""How natural it sounds: Distill-MOS (B. Stahl and H. Gamper 2025)."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from io import StringIO

import numpy as np
import torch

from rtvc.evaluation.judges.base import ALONE, Judge


class DistillMOS(Judge):
    """A distilled predictor of listeners' mean opinion of speech quality."""

    name = "Distill-MOS"
    measures = "mean opinion score, 1 … 5"
    weights = "in the wheel distillmos 0.9.1, 17 MB"
    licence = "MIT"
    modules = ("distillmos", "xls_r_sqa")
    install = ALONE

    def load(self) -> None:
        with _torchaudio():
            import distillmos
        with redirect_stdout(StringIO()):  # it says where its weights lie
            self.model = distillmos.ConvTransformerSQAModel().eval()

    @torch.inference_mode()
    def __call__(self, wave: np.ndarray) -> float:
        return float(self.model(torch.from_numpy(np.asarray(wave, np.float32))[None]))


@contextmanager
def _torchaudio() -> Iterator[None]:
    """distillmos imports torchaudio, which only its command line uses: a stand-in does where it is not installed."""
    if find_spec("torchaudio") is not None:
        yield
        return
    names = ("torchaudio", "torchaudio.transforms")
    sys.modules |= {name: types.ModuleType(name) for name in names}
    top, transforms = (sys.modules[name] for name in names)
    vars(top).update(transforms=transforms)
    vars(transforms).update(MFCC=None, Resample=None)
    try:
        yield
    finally:  # transformers looks whether it is there
        for name in names:
            del sys.modules[name]
