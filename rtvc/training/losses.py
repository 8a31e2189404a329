"""Losses of the synthesizer: spectra at several resolutions, and the discriminators of its adversarial stages."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm
from transformers.audio_utils import mel_filter_bank

from rtvc.earspeech import EarSpeechModel
from rtvc.rtvc7 import RTVC7Config, log_mel
from rtvc.training.data import speakers, store
from rtvc.training.models import component
from rtvc.tuned_ge2e import TunedGE2EModel

RESOLUTIONS = ((256, 64), (512, 128), (1024, 256))  # n_fft and hop of the spectra compared
SLOPE = 0.1
MEL_WEIGHT = 1.0


def magnitudes(wave: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """(batch, samples) → (batch, bins, frames), scaled so that white noise of unit variance has power 1."""
    window = torch.hann_window(n_fft, device=wave.device)
    spectra = torch.stft(wave, n_fft, hop_length, n_fft, window, return_complex=True)
    return spectra.abs() / window.square().sum().sqrt()


def spectral_loss(made: Tensor, real: Tensor, config: RTVC7Config) -> Tensor:
    """Log-magnitude L1 and spectral convergence (Yamamoto et al. 2020) at three resolutions, plus log-mel L1."""
    with torch.autocast(made.device.type, enabled=False):
        return _spectral_loss(made.float(), real.float(), config)


def _spectral_loss(made: Tensor, real: Tensor, config: RTVC7Config) -> Tensor:
    total = MEL_WEIGHT * functional.l1_loss(log_mel(made, config), log_mel(real, config))
    for n_fft, hop_length in RESOLUTIONS:
        mine, theirs = magnitudes(made, n_fft, hop_length), magnitudes(real, n_fft, hop_length)
        logs = functional.l1_loss(mine.clamp(min=1e-3).log(), theirs.clamp(min=1e-3).log())
        convergence = (mine - theirs).norm() / theirs.norm().clamp(min=1e-3)
        total = total + (logs + 0.5 * convergence) / len(RESOLUTIONS)
    return total


class ResolutionDiscriminator(nn.Module):
    """Compressed magnitudes of one STFT resolution (UnivNet, Jang et al. 2021), ever coarser and wider.

    wave: (batch, samples) → the maps of every layer, the last one being the scores.
    """

    def __init__(self, n_fft: int, hop_length: int):
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        first = weight_norm(nn.Conv2d(1, 32, (9, 5), (4, 2), (4, 2)))
        sizes = (32, 64), (64, 128), (128, 128)
        self.layers = nn.ModuleList([first, *(weight_norm(nn.Conv2d(i, o, 3, 2, 1)) for i, o in sizes)])
        self.score = weight_norm(nn.Conv2d(128, 1, 3, 1, 1))

    def forward(self, wave: Tensor) -> list[Tensor]:
        with torch.autocast(wave.device.type, enabled=False):
            hidden = magnitudes(wave.float(), self.n_fft, self.hop_length)[:, None].clamp(min=1e-4).log() / 3.0
        maps = []
        for layer in self.layers:
            hidden = functional.leaky_relu(layer(hidden), SLOPE)
            maps.append(hidden)
        return [*maps, self.score(hidden)]


class Discriminators(nn.Module):
    """Three resolutions together."""

    def __init__(self):
        super().__init__()
        sizes = (1024, 256), (512, 128), (256, 64)
        self.parts = nn.ModuleList(ResolutionDiscriminator(*each) for each in sizes)

    def forward(self, wave: Tensor) -> list[list[Tensor]]:
        return [part(wave) for part in self.parts]


def discriminator_loss(real: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """Least squares (Mao et al. 2017): real towards 1, made towards 0."""
    pairs = zip(real, made, strict=True)
    return sum((1 - r[-1].float()).square().mean() + m[-1].float().square().mean() for r, m in pairs) / len(real)


def adversarial_loss(made: list[list[Tensor]]) -> Tensor:
    return sum((1 - m[-1].float()).square().mean() for m in made) / len(made)


def feature_loss(real: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """Mean L1 of the discriminators' maps, relative to the maps' own size."""
    total = 0.0
    for r, m in zip(real, made, strict=True):
        for a, b in zip(r[:-1], m[:-1], strict=True):
            total = total + (a.detach() - b).float().abs().mean() / a.detach().float().abs().mean().clamp(min=1e-3)
    return total / sum(len(r) - 1 for r in real)


class Consistency(nn.Module):
    """1 − cosine of a frozen encoder's embeddings of speech made and real (YourTTS, Casanova et al. 2022).

    Both (batch, samples) at 16 kHz with the same words, so that only the voice is compared.
    """

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.embed(real)
        return 1 - (self.embed(made) * wanted).sum(-1).mean()

    def embed(self, wave: Tensor) -> Tensor:
        """(batch, samples) at 16 kHz → (batch, 256) of unit length."""
        raise NotImplementedError


class SpeakerConsistency(Consistency):
    """By EarSpeech and Tuned-GE2E."""

    def __init__(self, earspeech: EarSpeechModel, tuned_ge2e: TunedGE2EModel):
        super().__init__()
        self.earspeech, self.encoder = (one.eval().requires_grad_(False) for one in (earspeech, tuned_ge2e))

    @classmethod
    def from_folders(cls, earspeech: str, tuned_ge2e: str) -> SpeakerConsistency:
        """With the encoders of two exported folders."""
        return cls(component(EarSpeechModel, earspeech), component(TunedGE2EModel, tuned_ge2e))

    def embed(self, wave: Tensor) -> Tensor:
        features = self.earspeech(wave).features
        return self.encoder(features).speaker_embedding


class TeacherConsistency(Consistency):
    """By the encoder that taught Tuned-GE2E, Resemblyzer (Apache-2.0).

    A second listener hears in a voice what the first one, whose embedding the voice was made from, does not.
    """

    N_FFT, HOP, BANDS = 400, 160, 40  # of the power mel spectrum that it was trained on
    QUIET = 10 ** (-30 / 20)  # of full scale, root mean square: what is quieter is raised to this

    def __init__(self):
        super().__init__()
        self.encoder = speakers.load_teacher()
        bank = mel_filter_bank(
            self.N_FFT // 2 + 1, self.BANDS, 0.0, store.SAMPLING_RATE / 2, store.SAMPLING_RATE, "slaney", "slaney"
        )
        self.register_buffer("bank", torch.from_numpy(bank).float())

    def embed(self, wave: Tensor) -> Tensor:
        with torch.autocast(wave.device.type, enabled=False):
            wave = wave.float()
            level = wave.detach().square().mean(1, keepdim=True).sqrt()
            wave = wave * (self.QUIET / level.clamp(min=1e-5)).clamp(min=1.0)
            window = torch.hann_window(self.N_FFT, device=wave.device)
            spectra = torch.stft(
                wave, self.N_FFT, self.HOP, self.N_FFT, window, pad_mode="constant", return_complex=True
            )
            return self.encoder(spectra.abs().square().transpose(1, 2) @ self.bank)
