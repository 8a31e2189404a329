"""How near it is to the clean recording as the ear hears it: wide-band PESQ (ITU-T P.862.2)."""

from __future__ import annotations

import numpy as np

from rtvc.evaluation.judges.base import Judge


class PESQ(Judge):
    """Called with a clean wave and one to compare, equally long; not a number where no speech is found."""

    name = "PESQ-WB"
    measures = "MOS-LQO, 1 … 4.64"
    weights = "a formula, by the package pesq 0.0.4"
    licence = "MIT"
    modules = ("pesq",)

    def __call__(self, clean: np.ndarray, processed: np.ndarray) -> float:
        from pesq import PesqError, pesq

        score = pesq(16_000, clean, processed, "wb", on_error=PesqError.RETURN_VALUES)
        return float(score) if score > 0 else float("nan")
