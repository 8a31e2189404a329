"""How clean it sounds: DNSMOS P.835 (C. Reddy et al. 2022)."""

from __future__ import annotations

import numpy as np

from rtvc.evaluation.judges.base import Judge


class DNSMOS(Judge):
    """A predictor of listeners' overall opinion of speech in noise; clips shorter than 9 s are repeated."""

    name = "DNSMOS"
    measures = "overall mean opinion score (P.835), 1 … 5"
    weights = "in the wheel speechmos 0.0.1.1, 1.4 MB"
    licence = "MIT"
    modules = ("speechmos",)

    def load(self) -> None:
        from speechmos import dnsmos

        self.run = dnsmos.run

    def __call__(self, wave: np.ndarray) -> float:
        return float(self.run(np.clip(np.asarray(wave, np.float32), -1.0, 1.0), sr=16_000)["ovrl_mos"])
