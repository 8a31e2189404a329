"""RTVC-7's signal processing, in which nothing learns: spectra and their inverse, mel bands, the pulses of a pitch."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers.audio_utils import hertz_to_mel, mel_filter_bank, mel_to_hertz

from .rtvc7_config import RTVC7Config

LOWEST_PITCH = 40.0  # Hz: unvoiced frames, whose F0 is 0, count as this in logarithms and periods
UNIT_RATE = 16_000  # Hz: at this rate white noise of unit variance has a spectrum of magnitude 1
LOG_FLOOR = 1e-4  # of magnitudes, white noise of unit variance at 16 kHz being 1: about 60 dB below speech at −23 LUFS
AVERAGE_SPECTRUM = (0.3, 1.6, 1.3, 0.6, 0.2, 0.0, -0.2, -0.5, -1.1, -1.8)  # of many speakers, evenly over the mel bands


@functools.cache
@torch.inference_mode(False)  # kept for training too
def mel_filters(sampling_rate: int, n_fft: int, bands: int, top: float) -> Tensor:
    """(bins, bands) up to ``top`` Hz, each band's weights sum to 1: a band's value is the mean magnitude in it."""
    filters = mel_filter_bank(n_fft // 2 + 1, bands, 0.0, top, sampling_rate, mel_scale="slaney")
    return torch.from_numpy(filters / filters.sum(0)).float()


def band_edges(bands: int, top: float) -> np.ndarray:
    """(bands + 2,) Hz: band k rises from edge k to k + 1, its centre, and falls to k + 2."""
    edges = np.linspace(0.0, hertz_to_mel(top, mel_scale="slaney"), bands + 2)
    return np.asarray(mel_to_hertz(edges, mel_scale="slaney"))


@functools.cache
@torch.inference_mode(False)  # kept for training too
def mel_to_bins(sampling_rate: int, n_fft: int, bands: int, top: float) -> Tensor:
    """(bands, bins): linear interpolation of band values at the bins' frequencies."""
    centres = band_edges(bands, top)[1:-1]
    bins = torch.linspace(0, sampling_rate / 2, n_fft // 2 + 1).clamp(centres[0], centres[-1])
    grid = torch.from_numpy(centres).float()
    right = torch.searchsorted(grid, bins).clamp(1, bands - 1)
    share = (bins - grid[right - 1]) / (grid[right] - grid[right - 1])
    identity = torch.eye(bands)
    return (identity[right - 1] * (1 - share[:, None]) + identity[right] * share[:, None]).T.contiguous()


def _scaled_window(config: RTVC7Config, like: Tensor) -> tuple[Tensor, Tensor]:
    """The window of the spectra, and what they are divided by: a sound has the same spectrum at any sampling rate."""
    window = torch.hann_window(config.n_fft, device=like.device)
    return window, (window.square().sum() * (config.sampling_rate / UNIT_RATE)).sqrt()


def stft(wave: Tensor, config: RTVC7Config) -> Tensor:
    """(batch, samples) → (batch, samples // hop, bins) complex; :func:`white_noise` has power 1.

    Frame ``t`` is centred on sample ``t · hop``.
    """
    size, hop = config.n_fft, config.hop_length
    window, scale = _scaled_window(config, wave)
    frames = torch.stft(wave.float(), size, hop, size, window, return_complex=True, pad_mode="constant")
    return frames.transpose(1, 2)[:, : wave.shape[1] // hop] / scale


def istft(spectra: Tensor, config: RTVC7Config) -> Tensor:
    """Inverse of :func:`stft`: (batch, frames, bins) complex → (batch, frames · hop); fades out at the end."""
    size, hop = config.n_fft, config.hop_length
    window, scale = _scaled_window(config, spectra)
    frames = spectra.transpose(1, 2) * scale
    # A line that is shorter than others of its batch is followed by silent frames: so is every other, to end alike.
    followed = functional.pad(frames, (0, size // (2 * hop)))
    return torch.istft(followed, size, hop, size, window, length=spectra.shape[1] * hop)


def white_noise(unit_noise: Tensor, config: RTVC7Config) -> Tensor:
    """Noise of unit variance → as dense, per Hz, as noise of unit variance at 16 kHz."""
    return unit_noise * math.sqrt(config.sampling_rate / UNIT_RATE)


def log_mel(wave: Tensor, config: RTVC7Config) -> Tensor:
    """(batch, samples) → (batch, samples // hop, latent_size), natural log of the mean magnitude in each mel band."""
    filters = mel_filters(config.sampling_rate, config.n_fft, config.latent_size, config.mel_top).to(wave.device)
    return (stft(wave, config).abs() @ filters).clamp(min=LOG_FLOOR).log()


@functools.cache
def _narrow_config(bands: int) -> RTVC7Config:
    return RTVC7Config(latent_size=bands)


def _narrow_mel(wave: Tensor, bands: int) -> Tensor:
    """(samples,) at 16 kHz, whatever the model speaks at → (frames, bands) log-mel."""
    return log_mel(wave[None], _narrow_config(bands))[0]


def long_term_average_spectrum(wave: Tensor, bands: int) -> Tensor:
    """What makes a voice dark or bright, whatever its level, its timbre: (samples,) at 16 kHz → (bands,).

    Mean log-mel of the louder half of the frames, less its mean over the bands and less what it is for most people.
    """
    mel = _narrow_mel(wave, bands)
    level = mel.mean(1)
    mean = mel[level >= level.median()].mean(0)
    return mean - mean.mean() - curve_over_bands(AVERAGE_SPECTRUM, mean)


def reference_frames(wave: Tensor, bands: int) -> Tensor:
    """What a person's sounds are like: (samples,) at 16 kHz → (frames, bands), log-mel of the louder frames.

    In about unit size; silence and what is 20 dB and more below the loud frames are left out.
    """
    mel = _narrow_mel(wave, bands)
    level = mel.mean(1)
    return (mel[level > level.quantile(0.9) - math.log(10)] + 3.0) / 2.0


def curve_over_bands(values: Sequence[float], like: Tensor) -> Tensor:
    """A curve that goes through the values, evenly over the bands of ``like`` (…, bands): (bands,)."""
    knots = torch.tensor(values).to(like)[None, None]
    return functional.interpolate(knots, like.shape[-1], mode="linear", align_corners=True)[0, 0]


def pulses(f0: Tensor, config: RTVC7Config) -> Tensor:
    """Band-limited pulse train of a pitch curve: every harmonic below the Nyquist frequency at unit amplitude.

    f0: (batch, frames) Hz, 0 where unvoiced → (batch, frames · hop). Uses the closed form
    Σ cos(h·t), h = 1…H  =  sin((H + ½)·t) / (2·sin(t/2)) − ½  (Dirichlet's kernel).
    """
    voiced = (f0 > 0).float()
    bounded = f0.clamp(min=LOWEST_PITCH)
    samples = functional.interpolate(bounded[:, None].double(), scale_factor=config.hop_length, mode="linear")[:, 0]
    gate = functional.interpolate(voiced[:, None], scale_factor=config.hop_length, mode="nearest")[:, 0]
    phase = (2 * math.pi * torch.remainder(torch.cumsum(samples / config.sampling_rate, 1), 1.0)).float()
    harmonics = torch.floor(0.5 * config.sampling_rate / samples.float())
    half = torch.sin(phase / 2)
    is_small = half.abs() < 1e-3
    kernel = torch.sin((harmonics + 0.5) * phase) / (2 * torch.where(is_small, torch.ones_like(half), half))
    return gate * (torch.where(is_small, harmonics + 0.5, kernel) - 0.5)
