"""Whose voice it is, by a judge that nothing of rtvc was trained with: an ECAPA-TDNN from a folder of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from rtvc.evaluation.judges.base import Judge, MissingJudge, load_code

CODE, WEIGHTS = "speaker_judge.py", Path("weights", "speaker_judge.safetensors")


class Second(Judge):
    """The speaker embedding (192,) by `speaker_judge.py` and its weights, which are not part of rtvc."""

    name = "second judge"
    measures = "cosine of speaker embeddings"
    weights = "speaker_judge.safetensors, 5.6 MB, trained for judging alone, from the folder of --judges"
    licence = "the project's own"
    modules = ("librosa",)

    def __init__(self, folder: Path | None):
        self.folder = folder
        super().__init__()

    def load(self) -> None:
        from safetensors.torch import load_file

        if self.folder is None or not all((self.folder / name).is_file() for name in (CODE, WEIGHTS)):
            raise MissingJudge(f"the second judge needs {CODE} and its weights: give their folder as --judges")
        code = load_code(self.folder / CODE)
        self.model, self.features = code.SpeakerJudge().eval(), code.log_mel
        self.model.load_state_dict(load_file(self.folder / WEIGHTS))

    @torch.inference_mode()
    def __call__(self, wave: np.ndarray) -> np.ndarray:
        samples = torch.from_numpy(np.ascontiguousarray(wave, np.float32))
        features = self.features(samples[None] / samples.abs().max().clamp(min=1e-4))
        return self.model(features)[0].numpy()
