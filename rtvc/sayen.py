"""SayEN: takes the noise out of a recording and keeps whose voice it is, because it knows the speaker's embedding.

A short-time spectrum in 22 bands is filtered by a bounded complex mask, or by a filter over neighbouring frames
(``filter_frames``, after Mack & Habets 2020). Conv1D along time reads two frames of a band at once, then blocks of two
bidirectional LSTMs go over the time–frequency plane, one along time within a band and one along the bands within a pair
of frames (band-split recurrence after Luo & Yu 2023). EarSpeech features enter beside the spectrum, the Tuned-GE2E
embedding enters every block (FiLM, Perez et al. 2018). Frames stand where EarSpeech's stand: 100 a second.

Three objectives at the end of the file: spectral reconstruction, clarity (the perceptual disturbance of ITU-T P.862),
and speaker preservation.
"""

# No `from __future__ import annotations` here: @strict checks no types that are strings.
import functools
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

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

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        refuse_unknown_keys(self, kwargs)

    def validate_bands(self):
        if sum(self.band_widths) != self.n_fft // 2 + 1:
            raise ValueError(f"band_widths must add up to the {self.n_fft // 2 + 1} bins of the spectrum.")

    def validate_filter(self):
        if self.filter_frames < 1 or self.filter_frames % 2 == 0:
            raise ValueError("filter_frames must be an odd number: as many frames before as behind.")

    def validate_chunks(self):
        if not 0 < self.overlap_seconds < self.chunk_seconds:
            raise ValueError("overlap_seconds must lie between 0 and chunk_seconds.")


# ---------------------------------------------------------------------------------------------- spectra
def spectrum(wave: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """(batch, samples) → (batch, ceil(samples / hop), bins) complex; white noise of unit variance has power 1.

    Frame ``t`` is centred on sample ``(t + ½) · hop``, where EarSpeech's frame ``t`` is.
    """
    frames, side = -(-wave.shape[1] // hop_length), (n_fft - hop_length) // 2
    wave = functional.pad(wave, (side, (frames - 1) * hop_length + n_fft - side - wave.shape[1]))
    window = torch.hann_window(n_fft, device=wave.device)
    slices = wave.unfold(1, n_fft, hop_length) * (window / window.square().sum().sqrt())
    return torch.fft.rfft(slices)


def wave_of(spectra: Tensor, n_fft: int, hop_length: int, samples: int, real: Tensor | None = None) -> Tensor:
    """Inverse of :func:`spectrum`: (batch, frames, bins) complex → (batch, samples).

    ``real``: (batch, frames), 1 for frames that count; none: all.
    """
    window, side = torch.hann_window(n_fft, device=spectra.device), (n_fft - hop_length) // 2
    scale, total = window.square().sum().sqrt(), (spectra.shape[1] - 1) * hop_length + n_fft
    slices = torch.fft.irfft(spectra, n_fft) * (window * scale)
    real = torch.ones(1, spectra.shape[1], device=spectra.device) if real is None else real.to(window)
    slices, weights = slices * real[:, :, None], window.square()[None, :, None] * real[:, None]
    added, weight = (
        functional.fold(one, (1, total), (1, n_fft), stride=(1, hop_length))[:, 0, 0]
        for one in (slices.transpose(1, 2), weights)
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
        made = []
        for part, (_, count), convolution in zip(parts, self.groups, self.convolutions, strict=True):
            hidden = convolution(part.flatten(2).transpose(1, 2)).transpose(1, 2)
            made.append(hidden.unflatten(2, (count, -1)))
        return torch.cat(made, 2)


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
        parts, made = hidden.split([count for _, count in self.groups], 2), []
        for part, outer in zip(parts, self.outer, strict=True):
            made.append(outer(part.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, (-1, STRIDE, self.taps, 2)))
        return torch.view_as_complex(torch.cat(made, 2).transpose(2, 3).flatten(1, 2).float().contiguous())


class FiLM(nn.Linear):
    """Scale and shift of every channel by the speaker embedding; starts as the identity."""

    def __init__(self, speaker_size: int, channels: int):
        super().__init__(speaker_size, 2 * channels)

    def forward(self, hidden: Tensor, speaker_embedding: Tensor) -> Tensor:
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
        heard = self._through_time(inside, None if lengths is None else lengths.repeat_interleave(bands))
        hidden = hidden + self.dropout(self.outs[0](heard)).reshape(hidden.shape)
        inside = self.films[1](self.norms[1](hidden), speaker_embedding).reshape(frames * batch, bands, channels)
        heard = self.along_bands(inside.transpose(0, 1).contiguous())[0].transpose(0, 1)
        return hidden + self.dropout(self.outs[1](heard)).reshape(hidden.shape)

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
        **kwargs,
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
        spectra = spectrum(wave / level, *sizes)
        filtered = self._filtered(spectra, features[:, : spectra.shape[1]], speaker_embedding, real)
        enhanced = wave_of(filtered, *sizes, wave.shape[1], real) * level
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
        heard, lengths = torch.cat([parts, magnitudes[..., None]], -1), None
        if real is not None:
            heard, features = heard * real[:, :, None, None], features * real[:, :, None]
            spectra, lengths = spectra * real[:, :, None], -(-real.sum(1) // STRIDE)
        hidden = self.encoder(heard)
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
            heard = features[:, start // hop : -(-stop // hop)]
            chunk = self(input_values[:, start:stop], heard, speaker_embedding, level=level).enhanced
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


# ---------------------------------------------------------------------------------------------- objectives
# Constants of ITU-T P.862 (wide band, P.862.2): bins of 31.25 Hz in each of 49 bands, hearing thresholds of the bands
# in dB, and the scales of power and loudness.
BARK_BINS = (1,) * 8 + (2, 1, 1, 1, 1, 1, 2, 1, 1) + (2,) * 8 + (3,) * 4
BARK_BINS += (4, 3, 4, 5, 4, 5, 6, 6, 7, 8, 9, 9, 12, 12, 15, 16, 18, 21, 25, 20)
THRESHOLDS_DB = (77.1, 63.9, 48.5, 36.9, 30.7, 25.9, 20.2, 16.6, 12.5, 9.9, 6.9, 4.9, 2.8, 1.0, -0.1, -1.4, -2.5, -3.4)
THRESHOLDS_DB += (-4.1, -4.8, -5.3, -5.7, -5.9, -6.0, -6.0, -6.0, -6.0, -5.8, -5.4, -5.1, -4.7, -4.3, -4.0, -3.6, -3.3)
THRESHOLDS_DB += (-3.1, -3.0, -3.0, -2.9, -2.8, -2.8, -2.8, -2.9, -3.2, -3.7, -4.3, -4.4, -3.8, -2.7)
POWER_SCALE, LOUDNESS_SCALE, ZWICKER = 6.910853e-6, 0.1866055, 0.23
LISTENING_POWER = 1e7  # of speech between 350 Hz and 3.25 kHz, in the standard's 16-bit units
INTERVAL, INTERVAL_STEP = 20, 10  # frames of 16 ms over which disturbances are joined (320 ms, half overlapping)


@functools.cache
@torch.inference_mode(False)  # kept for training too
def _bark_bands() -> tuple[Tensor, Tensor, Tensor]:
    """Filters (256 bins, 49 bands) to power a Bark, thresholds (49,) as power, widths (49,) in Bark."""
    edges = torch.tensor((0, *BARK_BINS)).cumsum(0)
    bins = torch.arange(256)
    inside = (bins[:, None] >= edges[None, :-1]) & (bins[:, None] < edges[None, 1:])
    kilohertz = (edges[1:] + edges[:-1] - 1) / 2 * 31.25e-3
    hertz_a_bark = 25 + 75 * (1 + 1.4 * kilohertz**2) ** 0.69  # Zwicker & Terhardt 1980
    filters = inside / torch.tensor(BARK_BINS) * hertz_a_bark * POWER_SCALE
    widths = 0.318 * (0.585 / 0.318) ** ((torch.arange(49) - 1) / 47)
    widths[0] /= 2
    return filters, 10 ** (torch.tensor(THRESHOLDS_DB) / 10), widths


def _bark_power(wave: Tensor) -> Tensor:
    """(batch, samples) → (batch, frames, 49), power in each band at listening level."""
    window = torch.hann_window(512, device=wave.device)
    power = torch.fft.rfft(wave.unfold(1, 512, 256) * window).abs().square()[..., :256]
    speech = power[..., 11:104].sum(2).mean(1) * 2 / (512 * window.square().sum())  # mean square, 350 to 3250 Hz
    high_pass = 1 - torch.exp(-((torch.arange(256, device=wave.device) * 31.25 / 100) ** 2))
    filters = _bark_bands()[0].to(wave.device)
    return (power * high_pass) @ filters * (LISTENING_POWER / speech.clamp(min=TINY))[:, None, None]


def _loudness(power: Tensor) -> Tensor:
    """Specific loudness after Zwicker, in sone a Bark: power (…, 49) → (…, 49)."""
    threshold = _bark_bands()[1].to(power.device)
    scale = LOUDNESS_SCALE * (threshold / 0.5) ** ZWICKER
    loud = scale * ((0.5 + 0.5 * power / threshold).clamp(min=1.0) ** ZWICKER - 1)
    return torch.where(power > threshold, loud, torch.zeros_like(loud))


def _equalized(clean: Tensor, enhanced: Tensor) -> tuple[Tensor, Tensor]:
    """Take out what listeners forgive: steady filtering (on the clean side), changes of level (on the other)."""
    audible = (clean > 100 * _bark_bands()[1].to(clean.device)) * clean
    is_speech = (audible.sum(2, keepdim=True) > 1e7).float()
    ratio = ((enhanced * is_speech).sum(1, keepdim=True) + 1e3) / ((clean * is_speech).sum(1, keepdim=True) + 1e3)
    clean = clean * ratio.clamp(0.01, 100)
    gain = (clean.sum(2, keepdim=True) + 5e3) / (enhanced.sum(2, keepdim=True) + 5e3)
    gain = torch.cat([gain[:, :1], 0.8 * gain[:, 1:] + 0.2 * gain[:, :-1]], 1)
    return clean, enhanced * gain.clamp(3e-4, 5)


def _joined(disturbance: Tensor) -> Tensor:
    """(batch, frames) → (batch,): the loudest moments count most within 320 ms, then their root mean square."""
    frames = disturbance.shape[1]
    padded = functional.pad(disturbance, (0, max(0, INTERVAL - frames)))
    intervals = (padded.unfold(1, INTERVAL, INTERVAL_STEP) + 1e-4).pow(6).mean(2).pow(1 / 6)
    return intervals.square().mean(1).sqrt()


def perceptual_disturbance(enhanced: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """Symmetric and asymmetric disturbance of ITU-T P.862, each (batch,), of aligned waves (batch, samples) at 16 kHz.

    Differentiable; PESQ is 4.5 − 0.1 · symmetric − 0.0309 · asymmetric (before the mapping to MOS). Time alignment and
    the treatment of bad intervals are left out: what SayEN makes is aligned with what it was given.
    """
    clean_power, enhanced_power = _equalized(_bark_power(clean.float()), _bark_power(enhanced.float()))
    heard, wanted = _loudness(enhanced_power), _loudness(clean_power)
    difference, dead = heard - wanted, 0.25 * torch.minimum(heard, wanted)
    difference = torch.sign(difference) * (difference.abs() - dead).clamp(min=0)
    widths = _bark_bands()[2].to(clean.device)
    asymmetry = ((enhanced_power + 50) / (clean_power + 50)).detach().pow(1.2)  # added sound disturbs more than missing
    asymmetry = torch.where(asymmetry < 3, 0.0, asymmetry.clamp(max=12))
    symmetric = ((difference * widths)[..., 1:].square().sum(2) * widths.sum() + 1e-8).sqrt()
    asymmetric = ((difference * widths).abs() * asymmetry)[..., 1:].sum(2)
    weight = ((clean_power.sum(2) + 1e5) / 1e7).pow(0.04)
    return _joined((symmetric / weight).clamp(max=45)), _joined((asymmetric / weight).clamp(max=45))


def si_snr(enhanced: Tensor, clean: Tensor, limit: float = 100.0) -> Tensor:
    """(batch,) scale-invariant signal-to-noise ratio as log10 of the power ratio (a tenth of its dB).

    ``limit`` in dB: towards it the ratio levels off. A logarithm without one pulls hardest where least is wrong.
    """
    scale = (enhanced * clean).sum(1, keepdim=True) / clean.square().sum(1, keepdim=True).clamp(min=TINY)
    target = scale * clean
    power, error = target.square().sum(1), (enhanced - target).square().sum(1)
    return torch.log10((power + TINY) / (error + power * 10 ** (-limit / 10) + TINY))


class SayENLoss(nn.Module):
    """The three objectives and their weighted sum ``total``, each a scalar.

    ``earspeech`` and ``tuned_ge2e`` are frozen here; without them there is no speaker objective.
    """

    def __init__(self, config: SayENConfig, earspeech: nn.Module | None = None, tuned_ge2e: nn.Module | None = None):
        super().__init__()
        self.config = config
        self.encoders = [one.requires_grad_(False).eval() for one in (earspeech, tuned_ge2e) if one is not None]

    def forward(self, enhanced: Tensor, clean: Tensor, speaker_embedding: Tensor | None = None) -> dict[str, Tensor]:
        """Waves (batch, samples); ``speaker_embedding``: (batch, 256) of the clean waves, made here where none."""
        config = self.config
        level = SayENModel.level(clean)
        enhanced, clean = enhanced.float() / level, clean.float() / level
        losses = {"spectral": self.spectral(enhanced, clean), "clarity": self.clarity(enhanced, clean)}
        total = config.spectral_weight * losses["spectral"] + config.clarity_weight * losses["clarity"]
        if self.encoders:
            losses["speaker"] = self.speaker(enhanced, clean, speaker_embedding)
            total = total + config.speaker_weight * losses["speaker"]
        return losses | {"total": total}

    def spectral(self, enhanced: Tensor, clean: Tensor) -> Tensor:
        """Distance of compressed spectra, complex and magnitude, minus the log signal-to-noise ratio."""
        config = self.config
        made, wanted = (
            compress(spectrum(one, config.n_fft, config.hop_length), config.compression) for one in (enhanced, clean)
        )
        distance = config.complex_weight * functional.mse_loss(made[0], wanted[0])
        distance = distance + config.magnitude_weight * functional.mse_loss(made[1], wanted[1])
        return distance - config.si_snr_weight * si_snr(enhanced, clean, config.si_snr_limit).mean()

    def clarity(self, enhanced: Tensor, clean: Tensor) -> Tensor:
        """4.5 − PESQ before its mapping to MOS: 0 for the clean wave itself."""
        symmetric, asymmetric = perceptual_disturbance(enhanced, clean)
        return (0.1 * symmetric + 0.0309 * asymmetric).mean()

    def speaker(self, enhanced: Tensor, clean: Tensor, speaker_embedding: Tensor | None = None) -> Tensor:
        """1 − cosine of the embeddings of what was made and of the clean wave."""
        if speaker_embedding is None:
            with torch.no_grad():
                speaker_embedding = self.embed(clean)
        return 1 - functional.cosine_similarity(self.embed(enhanced), speaker_embedding).mean()

    def embed(self, waves: Tensor) -> Tensor:
        """(batch, samples) → (batch, 256)"""
        earspeech, tuned_ge2e = self.encoders
        return tuned_ge2e(earspeech(waves).features).speaker_embedding.float()
