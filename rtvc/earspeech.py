"""EarSpeech: a differentiable model of the inner ear, from 16 kHz waves to 64 bands of cube-root intensity.

64 fourth-order gammatone filters stand evenly on the ERB scale between 50 Hz and 8 kHz (Glasberg & Moore 1990). They
weigh a short-time power spectrum (25 ms every 10 ms); intensities are taken relative to the utterance's own level, kept
over 30 dB and compressed by a cube root (Stevens' law). Centres and widths start at the formula and may be learned
within bounds. ``EarSpeechFeatureExtractor`` is the front door for audio.
"""

# No `from __future__ import annotations` here: @strict checks no types that are strings.
import numbers
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from transformers import BatchFeature, PreTrainedConfig, SequenceFeatureExtractor
from transformers import initialization as init
from transformers.utils import ModelOutput

from .audio import read
from .errors import VoiceError, refuse_unknown_keys
from .model_files import CheckedModel

GAMMATONE_BANDWIDTH = (
    1.019  # a fourth-order gammatone with b = 1.019 ERB has an equivalent rectangular bandwidth of 1 ERB
)
TINY = 1e-12  # a power no recording reaches: digital silence stays finite
BLOCK_FRAMES = 6_000  # one minute: memory for spectra stays flat for hours of audio


@strict
class EarSpeechConfig(PreTrainedConfig):
    """Sizes of EarSpeech.

    Frequencies in Hz, ``window_length``, ``hop_length`` and ``n_fft`` in samples. ``reference_quantile``: the share of
    frames whose loudest band lies below the utterance's reference level. ``emphasis`` raises treble as the outer ear
    does, so that consonants stay within the dynamic range. Bounds: ``centre_bound`` in distances between neighbouring
    centres, ``width_bound`` in natural log.
    """

    model_type = "earspeech"

    sampling_rate: int = 16_000
    bands: int = 64
    low_frequency: float | int = 50.0
    high_frequency: float | int = 8_000.0
    window_length: int = 400
    hop_length: int = 160
    n_fft: int = 1024
    dynamic_range_db: float | int = 30.0
    reference_quantile: float | int = 0.75
    emphasis: float | int = 0.9
    centre_bound: float | int = 0.45
    width_bound: float | int = 0.5

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        refuse_unknown_keys(self, kwargs)

    def validate_frequencies(self) -> None:
        if not 0 < self.low_frequency < self.high_frequency <= self.sampling_rate / 2:
            raise ValueError("EarSpeech needs 0 < low_frequency < high_frequency ≤ sampling_rate / 2.")

    def validate_bounds(self) -> None:
        if not 0 <= self.centre_bound < 0.5:
            raise ValueError("centre_bound must be below 0.5, or two bands could change places.")


# ---------------------------------------------------------------------------------------------- ERB scale
def erb(frequency: Tensor) -> Tensor:
    """Equivalent rectangular bandwidth, Hz, of the ear's filter at ``frequency``, Hz (Glasberg & Moore 1990, eq. 3)."""
    return 24.7 * (4.37e-3 * frequency + 1)


def hz_to_erb_number(frequency: Tensor) -> Tensor:
    """Number of ERBs below ``frequency`` in Hz (Glasberg & Moore 1990, eq. 4)."""
    return 21.4 * torch.log10(4.37e-3 * frequency + 1)


def erb_number_to_hz(number: Tensor) -> Tensor:
    """Inverse of :func:`hz_to_erb_number`."""
    return (10 ** (number / 21.4) - 1) / 4.37e-3


# ---------------------------------------------------------------------------------------------- model
@dataclass
class EarSpeechOutput(ModelOutput):
    """``features``: (batch, frames, 64), cube-root intensity, 0…1; ``attention_mask``: (batch, frames), 1 = real."""

    features: Tensor | None = None
    attention_mask: Tensor | None = None


class EarSpeechModel(CheckedModel):
    """Waves (batch, samples) at 16 kHz → features (batch, frames, 64), 100 frames per second."""

    config_class = EarSpeechConfig
    config: EarSpeechConfig
    base_model_prefix = "earspeech"
    main_input_name = "input_values"

    def __init__(self, config: EarSpeechConfig):
        super().__init__(config)
        self.centre_offsets = nn.Parameter(torch.zeros(config.bands))
        self.width_offsets = nn.Parameter(torch.zeros(config.bands))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if module is self:
            init.zeros_(self.centre_offsets)
            init.zeros_(self.width_offsets)

    def centres(self) -> Tensor:
        """(bands,) Hz, ascending, below ``high_frequency``."""
        config = self.config
        ends = hz_to_erb_number(torch.tensor([float(config.low_frequency), float(config.high_frequency)]))
        step = (ends[1] - ends[0]).item() / config.bands
        places = torch.arange(config.bands, device=self.device) + 0.5
        offsets = config.centre_bound * torch.tanh(self.centre_offsets.float())
        return erb_number_to_hz(ends[0].item() + step * (places + offsets))

    def bandwidths(self) -> Tensor:
        """(bands,) equivalent rectangular bandwidths in Hz; at the start the ERB formula at the centres."""
        return erb(self.centres()) * torch.exp(self.config.width_bound * torch.tanh(self.width_offsets.float()))

    def filter_responses(self, frequencies: Tensor) -> Tensor:
        """Power response of every filter, before framing: (points,) Hz → (bands, points), 1 at a filter's centre."""
        distance = frequencies[None] - self.centres()[:, None]
        return (1 + (distance / (GAMMATONE_BANDWIDTH * self.bandwidths()[:, None])) ** 2) ** -4

    def _weights(self) -> Tensor:
        """(bands, bins): what each bin of the power spectrum adds to a band.

        Scaled so that a tone at a filter's centre gives the same in every band in spite of the window's leakage, then
        raised towards the treble.
        """
        config = self.config
        bins = torch.linspace(0, config.sampling_rate / 2, config.n_fft // 2 + 1, device=self.device)
        responses, centres = self.filter_responses(bins), self.centres()[:, None]
        place = (bins[None] - centres) * config.window_length / config.sampling_rate
        leakage = torch.sinc(place) + 0.5 * torch.sinc(place - 1) + 0.5 * torch.sinc(place + 1)  # Hann
        level = (responses * leakage**2).sum(1, keepdim=True)
        angle = 2 * torch.pi * centres / config.sampling_rate
        gain = 1 + config.emphasis**2 - 2 * config.emphasis * torch.cos(angle)
        return responses * gain / level

    def _intensities(self, waves: Tensor, frames: int) -> Tensor:
        """(batch, samples) → (batch, frames, bands) power in each band."""
        config, weights = self.config, self._weights()
        side = (config.window_length - config.hop_length) // 2
        waves = nn.functional.pad(waves, (side, frames * config.hop_length + side - waves.shape[1]))
        window = torch.hann_window(config.window_length, device=waves.device)
        blocks = []
        for first in range(0, frames, BLOCK_FRAMES):
            count = min(BLOCK_FRAMES, frames - first)
            start = first * config.hop_length
            block = waves[:, start : start + (count - 1) * config.hop_length + config.window_length]
            slices = block.unfold(1, config.window_length, config.hop_length) * window
            spectrum = torch.fft.rfft(slices, config.n_fft)
            blocks.append((spectrum.real**2 + spectrum.imag**2) @ weights.T)
        return torch.cat(blocks, 1)

    def _reference(self, intensities: Tensor, mask: Tensor) -> Tensor:
        """(batch, 1, 1): the utterance's level, a high quantile over the frames in ``mask`` of the loudest band."""
        loudest = intensities.detach().amax(2).masked_fill(mask == 0, torch.inf).sort(1).values
        last = (mask.sum(1, keepdim=True) - 1).clamp(min=0)
        return loudest.gather(1, (self.config.reference_quantile * last).round().long())[:, :, None].clamp(min=TINY)

    def _framewise(self, samples: Tensor, frames: int) -> Tensor:
        """(batch, samples) → (batch, frames), 1 where a frame's first sample is."""
        return samples[:, :: self.config.hop_length][:, :frames].long()

    def forward(
        self, input_values: Tensor, attention_mask: Tensor | None = None, spoken: Tensor | None = None, **kwargs: Any
    ) -> EarSpeechOutput:
        """``input_values``: (batch, samples) at 16 kHz; ``attention_mask``: (batch, samples), 1 = real.

        ``spoken``: (batch, samples), 1 where the utterance's level is taken; none: wherever it is real.
        """
        hop = self.config.hop_length
        frames = max(1, -(-input_values.shape[1] // hop))
        if attention_mask is None:
            attention_mask = torch.ones(input_values.shape, dtype=torch.long, device=input_values.device)
        lengths = attention_mask.sum(1, keepdim=True)
        mask = (torch.arange(frames, device=lengths.device)[None] * hop < lengths).long()
        with torch.autocast(input_values.device.type, enabled=False):
            intensities = self._intensities(input_values.float() * attention_mask, frames)
            floor = 10 ** (-self.config.dynamic_range_db / 10)
            level = self._reference(intensities, mask if spoken is None else mask * self._framewise(spoken, frames))
            relative = (intensities / level).clamp(floor, 1)
            features = ((relative ** (1 / 3) - floor ** (1 / 3)) / (1 - floor ** (1 / 3))).clamp(min=0)
        return EarSpeechOutput(features=features * mask[:, :, None], attention_mask=mask)


# ---------------------------------------------------------------------------------------------- feature extractor
class EarSpeechFeatureExtractor(SequenceFeatureExtractor):
    """The front door for audio: any rate, channels and sample format → padded 16 kHz mono with ``attention_mask``."""

    model_input_names = ["input_values", "attention_mask"]

    def __init__(self, feature_size: int = 1, sampling_rate: int = 16_000, padding_value: float = 0.0, **kwargs: Any):
        super().__init__(feature_size=feature_size, sampling_rate=sampling_rate, padding_value=padding_value, **kwargs)
        self.return_attention_mask = True

    def __call__(
        self, audio: Any, sampling_rate: int | None = None, return_tensors: str | None = "pt", **kwargs: Any
    ) -> BatchFeature:
        """One recording or a list of them → ``input_values`` and ``attention_mask``, both (batch, samples).

        Args:
            audio: a path, ``(samples, rate)``, an array (samples,) or (samples, channels), or a list of those.
            sampling_rate: rate in Hz of bare arrays; none means 16 kHz.

        Raises:
            VoiceError: a recording is missing, unreadable, empty, or holds NaN or infinite samples.
        """
        several = isinstance(audio, list) and bool(audio) and not isinstance(audio[0], numbers.Number)
        recordings = audio if several else [audio]
        waves = [read(self._with_rate(one, sampling_rate), self.sampling_rate) for one in recordings]
        return self.pad(BatchFeature({"input_values": waves}), padding=True, return_tensors=return_tensors)

    def _with_rate(self, recording: Any, sampling_rate: int | None) -> Any:
        """A bare array gets its rate; a path and ``(samples, rate)`` have theirs."""
        if isinstance(recording, (str, os.PathLike, tuple)):
            return recording
        if isinstance(recording, Tensor):
            recording = recording.detach().cpu().numpy()
        samples = np.asarray(recording)
        if samples.dtype == object:
            raise VoiceError("The recording is no array of samples; pass a path, an array or (samples, rate).")
        return samples, sampling_rate or self.sampling_rate
