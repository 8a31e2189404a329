"""The sizes of RTVC-7."""

# No `from __future__ import annotations` here: @strict checks no types that are strings.
from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

from .errors import refuse_unknown_keys


@strict
class RTVC7Config(PreTrainedConfig):
    """Sizes of RTVC-7.

    Lengths in samples at ``sampling_rate``; ``latent_size`` is the number of mel bands, of which the latents are a
    learned refinement, evenly spaced up to ``mel_top`` Hz (0: half of ``sampling_rate``); ``timbre_size`` the number of
    those in which a voice's average spectrum is given, up to 8 kHz (0: as many); ``reference_size`` the width of the
    prior's attention to frames of the person's own speech, if it has that; ``recording_quality`` is the signal-to-noise
    ratio in dB that synthesis asks for; ``onnx_sizes``, in an optimised model, the bytes of the graph that stands for
    each part (see optimized.py).
    """

    model_type = "rtvc7"

    vocab_size: int = 128
    sampling_rate: int = 16_000
    n_fft: int = 800
    hop_length: int = 200
    latent_size: int = 80
    mel_top: float | int = 0
    timbre_size: int = 0
    speaker_size: int = 256
    condition_size: int = 128
    hidden_size: int = 256
    text_layers: int = 7
    duration_layers: int = 2
    pitch_layers: int = 2
    prior_layers: int = 5
    reference_size: int | None = None
    reference_heads: int = 4
    flow_steps: int = 7
    flow_hidden_size: int = 128
    posterior_layers: int = 2
    posterior_hidden_size: int = 192
    decoder_blocks: int = 7
    decoder_hidden_size: int = 256
    kernel_size: int = 7
    expansion: int = 3
    recording_quality: float | int = 50.0
    onnx_sizes: dict[str, int] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        refuse_unknown_keys(self, kwargs)
        self.mel_top = self.mel_top or self.sampling_rate / 2
        self.timbre_size = self.timbre_size or self.latent_size

    def validate_sizes(self) -> None:
        if self.latent_size % 2:
            raise ValueError("latent_size must be even: each step of the flow halves it.")
        if not 0 <= self.mel_top <= self.sampling_rate / 2:
            raise ValueError("mel_top must be at most half of sampling_rate.")
        if self.reference_size and self.reference_size % self.reference_heads:
            raise ValueError("reference_size must be a multiple of reference_heads.")
        if not 0 < self.hop_length <= self.n_fft // 2:
            raise ValueError("hop_length must be at most half of n_fft: frames have to overlap.")
