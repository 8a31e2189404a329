"""SayEN: takes the noise out of a recording and keeps whose voice it is, because it knows the speaker's embedding.

A short-time spectrum in 22 bands is filtered by a bounded complex mask, or by a filter over neighbouring frames
(``filter_frames``, after Mack & Habets 2020). Conv1D along time reads two frames of a band at once, then blocks of two
bidirectional LSTMs go over the time–frequency plane, one along time within a band and one along the bands within a pair
of frames (band-split recurrence after Luo & Yu 2023). EarSpeech features enter beside the spectrum, the Tuned-GE2E
embedding enters every block (FiLM, Perez et al. 2018). Frames stand where EarSpeech's stand: 100 a second.

What it is trained by, spectral reconstruction, clarity and speaker preservation, stands with the training, in
``rtvc.training.losses``.
"""

# No `from __future__ import annotations` here: @strict checks no types that are strings.
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig
from transformers import initialization as init
from transformers.utils import ModelOutput

from .errors import refuse_unknown_keys
from .model_files import CheckedModel

# 22 bands: 125 Hz wide up to 1 kHz, 250 Hz up to 2.5 kHz, 500 Hz up to 5 kHz, then 1 kHz (bins of 31.25 Hz).
BAND_WIDTHS = (4,) * 8 + (8,) * 6 + (16,) * 5 + (32, 32, 33)
QUIET = 1e-6  # a level no recording has: digital silence stays finite
TINY = 1e-10  # a power 100 dB below the recording's own level
STRIDE = 2  # frames that the LSTMs take in one step: half the time for what cannot be heard to differ


@strict
class SayENConfig(PreTrainedConfig):
    """Sizes of SayEN and the weights of its objectives.

    ``n_fft`` and ``hop_length`` in samples, ``band_widths`` in bins of the spectrum. ``compression``: the power that
    magnitudes are raised to, at the input and in the spectral loss. ``mask_limit``: largest magnitude of the mask.
    ``filter_frames``: how many frames, an odd number, each new one is made of; 1 is a mask.
    ``sayen_dropout``: after every LSTM. ``chunk_seconds`` and ``overlap_seconds``: how long recordings are cut.
    ``complex_weight``, ``magnitude_weight`` and ``si_snr_weight`` make up the spectral objective;
    ``si_snr_limit`` in dB; ``spectral_weight``, ``clarity_weight``, ``speaker_weight`` weigh the three objectives.
    """

    model_type = "sayen"

    sampling_rate: int = 16_000
    n_fft: int = 512
    hop_length: int = 160
    band_widths: list[int] | tuple[int, ...] = BAND_WIDTHS
    compression: float | int = 0.3
    ear_bands: int = 64
    speaker_size: int = 256
    channels: int = 32
    hidden_size: int = 48
    blocks: int = 7
    kernel_size: int = 3
    mask_limit: float | int = 2.0
    filter_frames: int = 1
    sayen_dropout: float | int = 0.05
    chunk_seconds: int = 16
    overlap_seconds: int = 2
    complex_weight: float | int = 30.0
    magnitude_weight: float | int = 70.0
    si_snr_weight: float | int = 5.0
    si_snr_limit: float | int = 25.0
    spectral_weight: float | int = 0.1
    clarity_weight: float | int = 0.6
    speaker_weight: float | int = 1.0

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        refuse_unknown_keys(self, kwargs)

    def validate_bands(self) -> None:
        if sum(self.band_widths) != self.n_fft // 2 + 1:
            raise ValueError(f"band_widths must add up to the {self.n_fft // 2 + 1} bins of the spectrum.")

    def validate_filter(self) -> None:
        if self.filter_frames < 1 or self.filter_frames % 2 == 0:
            raise ValueError("filter_frames must be an odd number: as many frames before as behind.")

    def validate_chunks(self) -> None:
        if not 0 < self.overlap_seconds < self.chunk_seconds:
            raise ValueError("overlap_seconds must lie between 0 and chunk_seconds.")


# ---------------------------------------------------------------------------------------------- spectra
def ear_aligned_stft(wave: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """(batch, samples) → (batch, ceil(samples / hop), bins) complex; white noise of unit variance has power 1.

    Frame ``t`` is centred on sample ``(t + ½) · hop``, where EarSpeech's frame ``t`` is.
    """
    frames, side = -(-wave.shape[1] // hop_length), (n_fft - hop_length) // 2
    wave = functional.pad(wave, (side, (frames - 1) * hop_length + n_fft - side - wave.shape[1]))
    window = torch.hann_window(n_fft, device=wave.device)
    slices = wave.unfold(1, n_fft, hop_length) * (window / window.square().sum().sqrt())
    return torch.fft.rfft(slices)


def ear_aligned_istft(spectra: Tensor, n_fft: int, hop_length: int, samples: int, real: Tensor | None = None) -> Tensor:
    """Inverse of :func:`ear_aligned_stft`: (batch, frames, bins) complex → (batch, samples).

    ``real``: (batch, frames), 1 for frames that count; none: all.
    """
    window, side = torch.hann_window(n_fft, device=spectra.device), (n_fft - hop_length) // 2
    scale, total = window.square().sum().sqrt(), (spectra.shape[1] - 1) * hop_length + n_fft
    slices = torch.fft.irfft(spectra, n_fft) * (window * scale)
    real = torch.ones(1, spectra.shape[1], device=spectra.device) if real is None else real.to(window)
    slices, weights = slices * real[:, :, None], window.square()[None, :, None] * real[:, None]
    added, weight = (
        functional.fold(frames, (1, total), (1, n_fft), stride=(1, hop_length))[:, 0, 0]
        for frames in (slices.transpose(1, 2), weights)
    )
    return (added / weight.clamp(min=1e-3))[:, side : side + samples]


def compress(spectra: Tensor, power: float) -> tuple[Tensor, Tensor]:
    """Complex spectra with their magnitudes raised to ``power``, as (…, 2) real and imaginary, and the magnitudes."""
    square = spectra.real.square() + spectra.imag.square() + TINY
    parts = torch.stack([spectra.real, spectra.imag], -1)
    return parts * square[..., None] ** ((power - 1) / 2), square ** (power / 2)


# ---------------------------------------------------------------------------------------------- building blocks
class BandEncoder(nn.Module):
    """Conv1D along time, one for each band: (batch, frames, bins, 3) → (batch, frames / 2, bands, channels).

    Bands of one width share one grouped convolution.
    """

    def __init__(self, config: SayENConfig):
        super().__init__()
        self.groups = [(width, len(list(same))) for width, same in groupby(config.band_widths)]
        size, side = config.kernel_size, config.kernel_size // 2
        self.convolutions = nn.ModuleList(
            nn.Conv1d(count * width * 3, count * config.channels, size, STRIDE, side, groups=count)
            for width, count in self.groups
        )

    def forward(self, spectra: Tensor) -> Tensor:
        parts = spectra.split([width * count for width, count in self.groups], 2)
        encoded = []
        for part, (_, count), convolution in zip(parts, self.groups, self.convolutions, strict=True):
            hidden = convolution(part.flatten(2).transpose(1, 2)).transpose(1, 2)
            encoded.append(hidden.unflatten(2, (count, -1)))
        return torch.cat(encoded, 2)


class BandDecoder(nn.Module):
    """Two layers for each band: hidden (batch, frames / 2, bands, channels) → ``taps`` complex numbers for every bin.

    Returns (batch, frames, bins, taps).
    """

    def __init__(self, config: SayENConfig, taps: int = 1):
        super().__init__()
        self.groups = [(width, len(list(same))) for width, same in groupby(config.band_widths)]
        self.taps = taps
        bands, wide = len(config.band_widths), 2 * config.channels
        bound = config.channels**-0.5
        self.inner = nn.Parameter(torch.empty(bands, config.channels, wide).uniform_(-bound, bound))
        self.outer = nn.ModuleList(
            nn.Conv1d(count * wide, count * width * STRIDE * taps * 2, 1, groups=count) for width, count in self.groups
        )

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = functional.silu(torch.einsum("btkc,kch->btkh", hidden, self.inner))
        parts, taps = hidden.split([count for _, count in self.groups], 2), []
        for part, outer in zip(parts, self.outer, strict=True):
            taps.append(outer(part.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, (-1, STRIDE, self.taps, 2)))
        return torch.view_as_complex(torch.cat(taps, 2).transpose(2, 3).flatten(1, 2).float().contiguous())


class FiLM(nn.Linear):
    """Scale and shift of every channel by the speaker embedding; starts as the identity."""

    def __init__(self, speaker_size: int, channels: int):
        super().__init__(speaker_size, 2 * channels)

    def forward(self, hidden: Tensor, speaker_embedding: Tensor) -> Tensor:  # type: ignore[override]
        """``hidden``: (frames, batch, bands, channels); ``speaker_embedding``: (batch, speaker_size)."""
        scale, shift = super().forward(speaker_embedding)[None, :, None].chunk(2, -1)
        return hidden * (1 + scale) + shift


class PlaneBlock(nn.Module):
    """Two bidirectional LSTMs with residual: along time within each band, then along the bands within each frame.

    hidden: (steps, batch, bands, channels), and the same out; a step is two frames.
    """

    def __init__(self, config: SayENConfig):
        super().__init__()
        channels, size = config.channels, config.hidden_size
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.films = nn.ModuleList(FiLM(config.speaker_size, channels) for _ in range(2))
        self.along_time = nn.LSTM(channels, size, bidirectional=True)
        self.along_bands = nn.LSTM(channels, size, bidirectional=True)
        self.outs = nn.ModuleList(nn.Linear(2 * size, channels) for _ in range(2))
        self.dropout = nn.Dropout(config.sayen_dropout)

    def forward(self, hidden: Tensor, speaker_embedding: Tensor, lengths: Tensor | None) -> Tensor:
        """``lengths``: (batch,) frames of each recording, or none where all are equally long."""
        frames, batch, bands, channels = hidden.shape
        inside = self.films[0](self.norms[0](hidden), speaker_embedding).reshape(frames, batch * bands, channels)
        along_time = self._through_time(inside, None if lengths is None else lengths.repeat_interleave(bands))
        hidden = hidden + self.dropout(self.outs[0](along_time)).reshape(hidden.shape)
        inside = self.films[1](self.norms[1](hidden), speaker_embedding).reshape(frames * batch, bands, channels)
        along_bands = self.along_bands(inside.transpose(0, 1).contiguous())[0].transpose(0, 1)
        return hidden + self.dropout(self.outs[1](along_bands)).reshape(hidden.shape)

    def _through_time(self, inside: Tensor, lengths: Tensor | None) -> Tensor:
        if lengths is None:
            return self.along_time(inside)[0]
        packed = nn.utils.rnn.pack_padded_sequence(inside, lengths.cpu(), enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(self.along_time(packed)[0], total_length=len(inside))[0]


# ---------------------------------------------------------------------------------------------- model
@dataclass
class SayENOutput(ModelOutput):
    """``enhanced``: (batch, samples), as long and as loud as the speech in the input."""

    enhanced: Tensor | None = None


class SayENModel(CheckedModel):
    """Noisy waves (batch, samples) at 16 kHz, their EarSpeech features and speaker embeddings → clean waves."""

    config_class = SayENConfig
    config: SayENConfig
    base_model_prefix = "sayen"
    main_input_name = "input_values"

    def __init__(self, config: SayENConfig):
        super().__init__(config)
        bands, channels = len(config.band_widths), config.channels
        self.encoder = BandEncoder(config)
        self.ear = nn.Conv1d(config.ear_bands, bands * channels, config.kernel_size, STRIDE, config.kernel_size // 2)
        self.voice = nn.Linear(config.speaker_size, bands * channels)
        self.blocks = nn.ModuleList(PlaneBlock(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(channels)
        self.decoder = BandDecoder(config)
        self.beside = BandDecoder(config, config.filter_frames - 1) if config.filter_frames > 1 else None
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, FiLM):
            init.zeros_(module.weight)
            init.zeros_(module.bias)

    def forward(
        self,
        input_values: Tensor,
        features: Tensor,
        speaker_embedding: Tensor,
        attention_mask: Tensor | None = None,
        level: Tensor | None = None,
        **kwargs: Any,
    ) -> SayENOutput:
        """One pass over whole recordings; memory grows with their length (see :meth:`enhance`).

        Args:
            input_values: (batch, samples) at 16 kHz.
            features: (batch, frames, 64) of EarSpeech for the same samples, 0…1.
            speaker_embedding: (batch, 256) of Tuned-GE2E.
            attention_mask: (batch, samples), 1 = real.
            level: (batch, 1) what to divide the waves by; none: their own root mean square.
        """
        sizes, wave, real = (self.config.n_fft, self.config.hop_length), input_values.float(), None
        if attention_mask is not None:
            wave = wave * attention_mask
            if not attention_mask.all():
                real = attention_mask[:, :: self.config.hop_length].long()
        level = self.level(wave, attention_mask) if level is None else level
        spectra = ear_aligned_stft(wave / level, *sizes)
        filtered = self._filtered(spectra, features[:, : spectra.shape[1]], speaker_embedding, real)
        enhanced = ear_aligned_istft(filtered, *sizes, wave.shape[1], real) * level
        return SayENOutput(enhanced=enhanced if attention_mask is None else enhanced * attention_mask)

    @staticmethod
    def level(wave: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """(batch, 1) root mean square of each recording: the level that is the same for all of its chunks."""
        mask = torch.ones_like(wave) if attention_mask is None else attention_mask
        square = (wave.float().square() * mask).sum(1, keepdim=True)
        return (square / mask.sum(1, keepdim=True).clamp(min=1)).sqrt().clamp(min=QUIET)

    def _filtered(self, spectra: Tensor, features: Tensor, speaker_embedding: Tensor, real: Tensor | None) -> Tensor:
        """(batch, frames, bins) complex, each frame made of ``filter_frames``; ``real``: (batch, frames), 1 = real."""
        parts, magnitudes = compress(spectra, self.config.compression)
        inputs, lengths = torch.cat([parts, magnitudes[..., None]], -1), None
        if real is not None:
            inputs, features = inputs * real[:, :, None, None], features * real[:, :, None]
            spectra, lengths = spectra * real[:, :, None], -(-real.sum(1) // STRIDE)
        own = self.norm.weight.dtype
        inputs, features, speaker_embedding = inputs.to(own), features.to(own), speaker_embedding.to(own)
        hidden = self.encoder(inputs)
        ear = self.ear(features.transpose(1, 2)).transpose(1, 2) + self.voice(speaker_embedding)[:, None]
        hidden = (hidden + ear.view(hidden.shape)).transpose(0, 1)
        for block in self.blocks:
            hidden = block(hidden, speaker_embedding, lengths)
        hidden, frames = self.norm(hidden.transpose(0, 1)), spectra.shape[1]
        filtered = self._bounded(self.decoder(hidden)[:, :frames, :, 0] + 1) * spectra  # starts near 1: all through
        if self.beside is None:
            return filtered
        count, side = self.config.filter_frames, self.config.filter_frames // 2
        padded = functional.pad(spectra, (0, 0, side, side))
        around = torch.stack([padded[:, n : n + frames] for n in range(count) if n != side], -1)
        return filtered + (self._bounded(self.beside(hidden)[:, :frames]) * around).sum(-1)

    def _bounded(self, raw: Tensor) -> Tensor:
        """Complex numbers with magnitudes below ``mask_limit``."""
        size, limit = (raw.real.square() + raw.imag.square() + TINY).sqrt(), self.config.mask_limit
        return raw * (limit * torch.tanh(size / limit) / size)

    @torch.no_grad()
    def enhance(
        self,
        input_values: Tensor,
        features: Tensor,
        speaker_embedding: Tensor,
        progress: Callable[[int, int], None] | None = None,
        spoken: Tensor | None = None,
    ) -> Tensor:
        """Recordings of any length: overlapping chunks, cross-faded; embedding and level are the whole recording's.

        Args:
            input_values, features, speaker_embedding: as in :meth:`forward`, all recordings equally long.
            progress: called with (samples done, samples in all) after every chunk.
            spoken: (batch, samples), 1 where the level is taken; none: everywhere.

        Returns:
            (batch, samples)
        """
        config, samples, hop = self.config, input_values.shape[1], self.config.hop_length
        size = config.chunk_seconds * config.sampling_rate // hop * hop
        overlap = config.overlap_seconds * config.sampling_rate // hop * hop
        level, out = self.level(input_values, spoken), torch.zeros(input_values.shape, device=input_values.device)
        for start in range(0, max(1, samples - overlap), size - overlap):
            stop = min(start + size, samples)
            of_chunk = features[:, start // hop : -(-stop // hop)]
            chunk = self(input_values[:, start:stop], of_chunk, speaker_embedding, level=level).enhanced
            out[:, start:stop] += chunk * self._fade(stop - start, overlap, start > 0, stop < samples).to(out)
            if progress:
                progress(stop, samples)
        return out

    @staticmethod
    def _fade(length: int, overlap: int, fades_in: bool, fades_out: bool) -> Tensor:
        """(length,) weights of a chunk. Only the middle half of an overlap is a ramp: edges lack context."""
        weights = torch.ones(length)
        ramp = ((torch.arange(overlap) + 0.5) / overlap * 2 - 0.5).clamp(0, 1)
        if fades_in:
            weights[:overlap] *= ramp
        if fades_out:
            weights[-overlap:] *= ramp.flip(0)
        return weights
