"""How intelligible it is beside the clean recording: extended STOI (J. Jensen and C. Taal 2016)."""

from __future__ import annotations

import numpy as np

from rtvc.evaluation.judges.base import Judge


class ESTOI(Judge):
    """Called with a clean wave and one to compare, equally long."""

    name = "eSTOI"
    measures = "0 … 1"
    weights = "a formula, by the package pystoi 0.4.1"
    licence = "MIT"
    modules = ("pystoi",)

    def __call__(self, clean: np.ndarray, processed: np.ndarray) -> float:
        from pystoi import stoi

        return float(stoi(clean, processed, 16_000, extended=True))
