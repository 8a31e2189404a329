"""Whose voice it is: Resemblyzer (C. Jemine 2019), a GE2E encoder. It was Tuned-GE2E's teacher, so it flatters."""

from __future__ import annotations

import numpy as np

from rtvc.evaluation.judges.base import ALONE, EXTRA, Judge


class Resemblyzer(Judge):
    """The speaker embedding (256,); pauses are trimmed and the level adjusted by the package itself."""

    name = "Resemblyzer"
    measures = "cosine of speaker embeddings"
    weights = "in the wheel resemblyzer 0.1.4, 17 MB"
    licence = "Apache-2.0"
    modules = ("resemblyzer", "webrtcvad")
    install = f"{EXTRA}; {ALONE}"

    def load(self) -> None:
        from resemblyzer import VoiceEncoder, preprocess_wav

        self.encoder, self.prepare = VoiceEncoder("cpu", verbose=False), preprocess_wav

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        return self.encoder.embed_utterance(self.prepare(np.asarray(wave, np.float32), source_sr=16_000))
