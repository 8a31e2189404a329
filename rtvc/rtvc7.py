"""RTVC-7: a VITS-based synthesizer at frame rate (80 frames/s), from phonemes and a voice to a wave.

After VITS (Kim et al. 2021): a text encoder of 7 layers gives a prior, a flow of 7 coupling steps carries it to the
latents of a posterior encoder, a decoder turns latents into sound. Unlike VITS the alignment is given while training,
pitch is explicit and relative to the voice, and the decoder of 7 blocks stays at frame rate: it filters a harmonic and
a noise source in the time–frequency plane, and an inverse STFT does the rest (as in Vocos, Siuzdak 2023).
"""

# No `from __future__ import annotations` here: @strict checks no types that are strings.
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig
from transformers import initialization as init
from transformers.audio_utils import hertz_to_mel, mel_filter_bank, mel_to_hertz
from transformers.utils import ModelOutput

from .errors import refuse_unknown_keys
from .model_files import CheckedModel
from .onnx_part import OnnxPart

LOG_FLOOR = 1e-4  # of magnitudes, white noise of unit variance being 1: about 60 dB below speech at −23 LUFS
PITCH_SPREAD = 0.25  # the typical standard deviation of natural-log F0, to scale it
TOP = 2.0  # deviations above its mean: where a voice's questions end
TRAITS = 4  # pitch, its spread, tempo, recording quality
AVERAGE_TIMBRE = (0.3, 1.6, 1.3, 0.6, 0.2, 0.0, -0.2, -0.5, -1.1, -1.8)  # of many speakers, evenly over the mel bands
Generators = torch.Generator | list[torch.Generator | None] | None
FURTHEST = 1.5  # natural log of magnitude, 13 dB: what variation may do to a band
MAX_LOG_GAIN = 6.0  # of the decoder's filters: keeps an untrained one finite


@strict
class RTVC7Config(PreTrainedConfig):
    """Sizes of RTVC-7.

    Lengths in samples at ``sampling_rate``; ``latent_size`` is the number of mel bands, of which the latents are a
    learned refinement; ``recording_quality`` is the signal-to-noise ratio in dB that synthesis asks for;
    ``onnx_sizes``, in an optimised model, the bytes of the graph that stands for each part (see optimized.py).
    """

    model_type = "rtvc7"

    vocab_size: int = 128
    sampling_rate: int = 16_000
    n_fft: int = 800
    hop_length: int = 200
    latent_size: int = 80
    speaker_size: int = 256
    condition_size: int = 128
    hidden_size: int = 256
    text_layers: int = 7
    duration_layers: int = 2
    pitch_layers: int = 2
    prior_layers: int = 5
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

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        refuse_unknown_keys(self, kwargs)

    def validate_sizes(self):
        if self.latent_size % 2:
            raise ValueError("latent_size must be even: each step of the flow halves it.")
        if not 0 < self.hop_length <= self.n_fft // 2:
            raise ValueError("hop_length must be at most half of n_fft: frames have to overlap.")


# ---------------------------------------------------------------------------------------------- spectra
@functools.cache
@torch.inference_mode(False)  # kept for training too
def _mel_filters(sampling_rate: int, n_fft: int, bands: int) -> Tensor:
    """(bins, bands), each band's weights sum to 1: a band's value is the mean magnitude in it."""
    filters = mel_filter_bank(n_fft // 2 + 1, bands, 0.0, sampling_rate / 2, sampling_rate, mel_scale="slaney")
    return torch.from_numpy(filters / filters.sum(0)).float()


@functools.cache
@torch.inference_mode(False)  # kept for training too
def _mel_to_bins(sampling_rate: int, n_fft: int, bands: int) -> Tensor:
    """(bands, bins): linear interpolation of band values at the bins' frequencies."""
    mels = np.linspace(0.0, hertz_to_mel(sampling_rate / 2, mel_scale="slaney"), bands + 2)
    centres = mel_to_hertz(mels, mel_scale="slaney")[1:-1]
    bins = torch.linspace(0, sampling_rate / 2, n_fft // 2 + 1).clamp(centres[0], centres[-1])
    grid = torch.from_numpy(centres).float()
    right = torch.searchsorted(grid, bins).clamp(1, bands - 1)
    share = (bins - grid[right - 1]) / (grid[right] - grid[right - 1])
    identity = torch.eye(bands)
    return (identity[right - 1] * (1 - share[:, None]) + identity[right] * share[:, None]).T.contiguous()


def spectrum(wave: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """(batch, samples) → (batch, samples // hop, bins) complex; white noise of unit variance has power 1."""
    window = torch.hann_window(n_fft, device=wave.device)
    frames = torch.stft(wave.float(), n_fft, hop_length, n_fft, window, return_complex=True, pad_mode="constant")
    return frames.transpose(1, 2)[:, : wave.shape[1] // hop_length] / window.square().sum().sqrt()


def wave_of(spectra: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """Inverse of ``spectrum``: (batch, frames, bins) complex → (batch, frames · hop); fades out at the end."""
    window = torch.hann_window(n_fft, device=spectra.device)
    frames = spectra.transpose(1, 2) * window.square().sum().sqrt()
    silence = functional.pad(frames, (0, n_fft // (2 * hop_length)))  # as in a batch with longer neighbours
    return torch.istft(silence, n_fft, hop_length, n_fft, window, length=spectra.shape[1] * hop_length)


def log_mel(wave: Tensor, config: RTVC7Config) -> Tensor:
    """(batch, samples) → (batch, samples // hop, latent_size), natural log of the mean magnitude in each mel band."""
    magnitudes = spectrum(wave, config.n_fft, config.hop_length).abs()
    filters = _mel_filters(config.sampling_rate, config.n_fft, config.latent_size).to(wave.device)
    return (magnitudes @ filters).clamp(min=LOG_FLOOR).log()


def timbre(wave: Tensor, config: RTVC7Config) -> Tensor:
    """The long-term average spectrum of speech, whatever its level: (samples,) → (latent_size,).

    Mean log-mel of the louder half of the frames, less its mean over the bands and less what it is for most people.
    """
    mel = log_mel(wave[None], config)[0]
    level = mel.mean(1)
    mean = mel[level >= level.median()].mean(0)
    return mean - mean.mean() - over_bands(AVERAGE_TIMBRE, mean)


def over_bands(values: Sequence[float], like: Tensor) -> Tensor:
    """A curve that goes through the values, evenly over the bands of ``like`` (…, bands): (bands,)."""
    knots = torch.tensor(values).to(like)[None, None]
    return functional.interpolate(knots, like.shape[-1], mode="linear", align_corners=True)[0, 0]


def pulses(f0: Tensor, config: RTVC7Config) -> Tensor:
    """Band-limited pulse train of a pitch curve: every harmonic below the Nyquist frequency at unit amplitude.

    f0: (batch, frames) Hz, 0 where unvoiced → (batch, frames · hop). Uses the closed form
    Σ cos(h·t), h = 1…H  =  sin((H + ½)·t) / (2·sin(t/2)) − ½  (Dirichlet's kernel).
    """
    voiced = (f0 > 0).float()
    held = f0.clamp(min=40.0)
    samples = functional.interpolate(held[:, None].double(), scale_factor=config.hop_length, mode="linear")[:, 0]
    gate = functional.interpolate(voiced[:, None], scale_factor=config.hop_length, mode="nearest")[:, 0]
    phase = (2 * math.pi * torch.remainder(torch.cumsum(samples / config.sampling_rate, 1), 1.0)).float()
    harmonics = torch.floor(0.5 * config.sampling_rate / samples.float())
    half = torch.sin(phase / 2)
    is_small = half.abs() < 1e-3
    kernel = torch.sin((harmonics + 0.5) * phase) / (2 * torch.where(is_small, torch.ones_like(half), half))
    return gate * (torch.where(is_small, harmonics + 0.5, kernel) - 0.5)


# ---------------------------------------------------------------------------------------------- building blocks
class ZeroLinear(nn.Linear):
    """A linear layer that starts as a constant: what it feeds learns first, or starts as the identity."""

    def __init__(self, inputs: int, outputs: int, initial_bias: float = 0.0):
        super().__init__(inputs, outputs)
        self.initial_bias = initial_bias


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, norm scaled and shifted by the condition (the voice), two-layer perceptron.

    hidden: (batch, frames, size); condition: (batch, condition_size); mask: (batch, frames, 1) → as hidden.
    """

    def __init__(self, size: int, condition_size: int, kernel_size: int, expansion: int, scale: float = 0.3):
        super().__init__()
        self.depthwise = nn.Conv1d(size, size, kernel_size, padding=kernel_size // 2, groups=size)
        self.norm = nn.LayerNorm(size, elementwise_affine=False)
        self.modulation = ZeroLinear(condition_size, 2 * size)
        self.expand = nn.Linear(size, expansion * size)
        self.contract = nn.Linear(expansion * size, size)
        self.scale = nn.Parameter(torch.full((size,), scale))

    def forward(self, hidden: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        mixed = self.depthwise((hidden * mask).transpose(1, 2)).transpose(1, 2)
        gain, shift = self.modulation(condition)[:, None].chunk(2, -1)
        mixed = self.norm(mixed) * (1 + gain) + shift
        return hidden + self.scale * self.contract(functional.gelu(self.expand(mixed)))


class Stack(nn.Module):
    """``layers`` ConvNeXt blocks and a final norm; the condition enters every one of them."""

    def __init__(self, layers: int, size: int, config: RTVC7Config):
        super().__init__()
        block = functools.partial(ConvNeXtBlock, size, config.condition_size, config.kernel_size, config.expansion)
        self.blocks = nn.ModuleList(block() for _ in range(layers))
        self.norm = nn.LayerNorm(size)

    def forward(self, hidden: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        for block in self.blocks:
            hidden = block(hidden, condition, mask)
        return self.norm(hidden)


class VoiceCondition(nn.Module):
    """What a voice is to the synthesizer → one vector for every layer.

    voice: (batch, speaker_size + 4 + latent_size), see ``RTVC7Model.voice`` → (batch, condition_size).
    """

    def __init__(self, config: RTVC7Config):
        super().__init__()
        self.speaker = ZeroLinear(config.speaker_size, config.condition_size)
        self.traits = nn.Linear(TRAITS, config.condition_size)
        self.timbre = ZeroLinear(config.latent_size, config.condition_size)

    def forward(self, voice: Tensor) -> Tensor:
        sizes = [self.speaker.in_features, TRAITS, self.timbre.in_features]
        speaker, traits, timbre = voice.split(sizes, -1)
        gain = math.sqrt(self.speaker.in_features)  # brings each number of a unit-length vector to about unit size
        return functional.silu(self.speaker(gain * speaker) + self.traits(traits) + self.timbre(timbre))


class TextEncoder(nn.Module):
    """input_ids: (batch, tokens) → (batch, tokens, hidden_size)."""

    def __init__(self, config: RTVC7Config):
        super().__init__()
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.stack = Stack(config.text_layers, config.hidden_size, config)

    def forward(self, input_ids: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        return self.stack(self.embedding(input_ids), condition, mask)


class DurationPredictor(nn.Module):
    """hidden: (batch, tokens, hidden_size) → (batch, tokens), log(1 + frames)."""

    def __init__(self, config: RTVC7Config):
        super().__init__()
        self.stack = Stack(config.duration_layers, config.hidden_size, config)
        self.head = nn.Linear(config.hidden_size, 1)

    def forward(self, hidden: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        return self.head(self.stack(hidden, condition, mask))[..., 0].float()


class PitchPredictor(nn.Module):
    """hidden: (batch, frames, hidden_size) → relative log F0 and voicing logit, each (batch, frames).

    Relative: (natural log F0 − the voice's mean) / PITCH_SPREAD.
    """

    def __init__(self, config: RTVC7Config):
        super().__init__()
        self.stack = Stack(config.pitch_layers, config.hidden_size, config)
        self.head = nn.Linear(config.hidden_size, 2)

    def forward(self, hidden: Tensor, condition: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        pitch, voicing = self.head(self.stack(hidden, condition, mask)).float().unbind(-1)
        return pitch, voicing


class Prior(nn.Module):
    """Frames of text and their pitch → mean and log deviation of the prior, and what the flow is conditioned on.

    hidden: (batch, frames, hidden_size); pitch: (batch, frames, 2) relative log F0 (0 where unvoiced) and voicing;
    timbre: (batch, latent_size), the voice's own average spectrum, which adds to the mean directly.
    """

    def __init__(self, config: RTVC7Config):
        super().__init__()
        self.pitch = nn.Linear(2, config.hidden_size)
        self.timbre = ZeroLinear(config.latent_size, config.latent_size)
        self.stack = Stack(config.prior_layers, config.hidden_size, config)
        self.head = nn.Linear(config.hidden_size, 2 * config.latent_size)
        self.to_flow = nn.Linear(config.hidden_size, config.flow_hidden_size)

    def forward(
        self, hidden: Tensor, pitch: Tensor, timbre: Tensor, condition: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        hidden = self.stack(hidden + self.pitch(pitch.to(hidden.dtype)), condition, mask)
        mean, log_deviation = self.head(hidden).float().chunk(2, -1)
        mean = mean + self.timbre(timbre.to(condition.dtype)).float()[:, None]
        return mean, log_deviation.clamp(-5.0, 2.0), self.to_flow(hidden)


class CouplingStep(nn.Module):
    """Affine coupling (Dinh et al. 2017): one half of the bands scales and shifts the other; starts as identity."""

    def __init__(self, config: RTVC7Config):
        super().__init__()
        half, size = config.latent_size // 2, config.flow_hidden_size
        self.enter = nn.Linear(half, size)
        self.block = ConvNeXtBlock(size, config.condition_size, config.kernel_size, config.expansion)
        self.head = ZeroLinear(size, 2 * half)

    def _affine(self, kept: Tensor, context: Tensor, condition: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.block(self.enter(kept.to(context.dtype)) + context, condition, mask)
        shift, log_scale = self.head(hidden).float().chunk(2, -1)
        return shift, torch.tanh(log_scale)

    def forward(self, latents: Tensor, context: Tensor, condition: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        kept, changed = latents.chunk(2, -1)
        shift, log_scale = self._affine(kept, context, condition, mask)
        return torch.cat([kept, (changed - shift) * torch.exp(-log_scale)], -1), -log_scale.sum(-1)

    def inverse(self, latents: Tensor, context: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        kept, changed = latents.chunk(2, -1)
        shift, log_scale = self._affine(kept, context, condition, mask)
        return torch.cat([kept, changed * torch.exp(log_scale) + shift], -1)


class Flow(nn.Module):
    """7 coupling steps between latents and the space of the prior; even and odd bands take turns.

    forward: latents (batch, frames, latent_size) → prior space, and log |det| (batch, frames); inverse: the way back.
    """

    def __init__(self, config: RTVC7Config):
        super().__init__()
        self.steps = nn.ModuleList(CouplingStep(config) for _ in range(config.flow_steps))
        order = torch.cat([torch.arange(0, config.latent_size, 2), torch.arange(1, config.latent_size, 2)])
        self.register_buffer("order", order)

    def forward(self, latents: Tensor, context: Tensor, condition: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        latents, total = latents[..., self.order], 0.0
        for step in self.steps:
            latents, log_determinant = step(latents, context, condition, mask)
            latents, total = torch.cat(latents.chunk(2, -1)[::-1], -1), total + log_determinant
        return self._restore(latents), total

    def inverse(self, latents: Tensor, context: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        latents = latents[..., self.order]
        if len(self.steps) % 2:
            latents = torch.cat(latents.chunk(2, -1)[::-1], -1)
        for step in reversed(self.steps):
            latents = step.inverse(torch.cat(latents.chunk(2, -1)[::-1], -1), context, condition, mask)
        return latents[..., torch.argsort(self.order)]

    def _restore(self, latents: Tensor) -> Tensor:
        """Undo the turns and the order, so that band k of the prior stands for band k of the latents."""
        if len(self.steps) % 2:
            latents = torch.cat(latents.chunk(2, -1)[::-1], -1)
        return latents[..., torch.argsort(self.order)]


class PosteriorEncoder(nn.Module):
    """Normalised log-mel (batch, frames, latent_size) → mean and log deviation of the latents, each of that shape.

    Starts as the identity: latents are mel bands, refined by what the decoder finds useful.
    """

    def __init__(self, config: RTVC7Config):
        super().__init__()
        self.condition = VoiceCondition(config)
        self.enter = nn.Linear(config.latent_size, config.posterior_hidden_size)
        self.stack = Stack(config.posterior_layers, config.posterior_hidden_size, config)
        self.head = ZeroLinear(config.posterior_hidden_size, 2 * config.latent_size)

    def forward(self, mel: Tensor, voice: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.stack(self.enter(mel), self.condition(voice), mask)
        change, log_deviation = self.head(hidden).float().chunk(2, -1)
        return mel + change, log_deviation.clamp(-6.0, 1.0) - 1.5


class Decoder(nn.Module):
    """Latents, pitch and voice → 7 blocks at frame rate → what a harmonic and a noise source are filtered with.

    latents: (batch, frames, latent_size); pitch: (batch, frames, 2), log F0 and voicing; voice: as in
    :class:`VoiceCondition` → log gain of the harmonics, their phase, log gain of the noise: (batch, frames, bins) each.
    """

    def __init__(self, config: RTVC7Config):
        super().__init__()
        bins = config.n_fft // 2 + 1
        self.condition = VoiceCondition(config)
        self.enter = nn.Linear(config.latent_size + 2, config.decoder_hidden_size)
        self.stack = Stack(config.decoder_blocks, config.decoder_hidden_size, config)
        self.harmonic = ZeroLinear(config.decoder_hidden_size, bins, -1.5)
        self.phase = ZeroLinear(config.decoder_hidden_size, bins)
        self.breath = ZeroLinear(config.decoder_hidden_size, bins, -1.5)

    def forward(self, latents: Tensor, pitch: Tensor, voice: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        heard = torch.cat([latents, pitch], -1).to(voice.dtype)
        hidden = self.stack(self.enter(heard), self.condition(voice), mask)
        harmonic, phase, breath = (head(hidden).float() for head in (self.harmonic, self.phase, self.breath))
        return harmonic, phase, breath


def _gain(log_gain: Tensor) -> Tensor:
    return log_gain.clamp(max=MAX_LOG_GAIN).exp()


# ---------------------------------------------------------------------------------------------- the model
@dataclass
class RTVC7Output(ModelOutput):
    """What was said.

    waveform: (batch, samples); lengths: (batch,) samples of each; durations: (batch, tokens) frames;
    f0: (batch, frames) Hz, 0 = unvoiced.
    """

    waveform: Tensor | None = None
    lengths: Tensor | None = None
    durations: Tensor | None = None
    f0: Tensor | None = None


@dataclass
class Score:
    """Lines that are ready to be said: everything but their sound, see :meth:`RTVC7Model.plan`.

    voice, condition, timbre: one vector a line; durations: (batch, tokens) frames; hidden: (batch, frames,
    hidden_size); mask: (batch, frames, 1); curve: (batch, frames, 2), relative log F0 and voicing; f0: (batch, frames)
    Hz; source: (batch, frames · hop) pulses; noise: (batch, frames, hop + latent_size); variation: of the latents.
    """

    voice: Tensor
    condition: Tensor
    timbre: Tensor
    durations: Tensor
    hidden: Tensor
    mask: Tensor
    curve: Tensor
    f0: Tensor
    source: Tensor
    noise: Tensor
    variation: float


class RTVC7Model(CheckedModel):
    """Phonemes + voice → wave; ``synthesize`` speaks, the parts are public for training.

    ``plan`` and ``render`` are its two halves: what is planned whole may be rendered piece by piece.
    """

    config_class = RTVC7Config
    base_model_prefix = "rtvc7"
    main_input_name = "input_ids"

    def __init__(self, config: RTVC7Config):
        super().__init__(config)
        self.condition = VoiceCondition(config)
        self.text_encoder = TextEncoder(config)
        self.duration_predictor = DurationPredictor(config)
        self.position = nn.Linear(3, config.hidden_size)
        self.pitch_predictor = PitchPredictor(config)
        self.prior = Prior(config)
        self.flow = Flow(config)
        self.posterior_encoder = PosteriorEncoder(config)
        self.decoder = Decoder(config)
        if config.onnx_sizes:
            self.posterior_encoder = None  # serves training alone
        for name, size in (config.onnx_sizes or {}).items():
            setattr(self, name, OnnxPart(size))
        self.register_buffer("mel_mean", torch.full((config.latent_size,), -3.0))
        self.register_buffer("mel_deviation", torch.full((config.latent_size,), 2.0))
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, ZeroLinear):
            init.zeros_(module.weight)
            init.constant_(module.bias, module.initial_bias)
        elif isinstance(module, nn.Linear | nn.Conv1d):
            init.trunc_normal_(module.weight, std=1.0 / math.sqrt(module.weight[0].numel()), a=-2.0, b=2.0)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            init.normal_(module.weight)
        if isinstance(module, Flow):
            bands = torch.arange(self.config.latent_size)
            init.copy_(module.order, torch.cat([bands[::2], bands[1::2]]))
        if isinstance(module, RTVC7Model):
            init.constant_(module.mel_mean, -3.0)
            init.constant_(module.mel_deviation, 2.0)

    # -- pieces shared by training and synthesis
    @staticmethod
    def voice(
        speaker_embedding: Tensor,
        timbre: Tensor,
        pitch_mean: Tensor,
        pitch_std: Tensor,
        tempo: Tensor,
        quality: Tensor,
    ) -> Tensor:
        """All that is known of a voice behind one another, in about unit size: embedding, statistics, timbre.

        speaker_embedding: (batch, speaker_size); timbre: (batch, latent_size), see :func:`timbre`; statistics (batch,):
        pitch_mean, pitch_std in natural log of Hz; tempo: syllables a voiced second; quality: dB over the noise.
        """
        traits = [(pitch_mean - 5.0) / PITCH_SPREAD, (pitch_std - 0.2) / 0.1, tempo - 4.5, (quality - 40.0) / 10.0]
        return torch.cat([speaker_embedding, torch.stack(traits, -1), timbre], -1)

    def normalized_mel(self, wave: Tensor) -> Tensor:
        """(batch, samples) → (batch, frames, latent_size), log-mel with about zero mean and unit variance a band."""
        return (log_mel(wave, self.config) - self.mel_mean) / self.mel_deviation

    def expand(self, hidden: Tensor, durations: Tensor) -> Tensor:
        """Repeat each token for its frames and add where in it each frame stands.

        hidden: (batch, tokens, hidden_size); durations: (batch, tokens) whole frames → (batch, frames, hidden_size).
        """
        token, place, length = places(durations)
        where = torch.stack([place, 1 - place, torch.log(length.float())], -1).to(hidden.dtype)
        return hidden.gather(1, token[..., None].expand(-1, -1, hidden.shape[2])) + self.position(where)

    def decode(
        self, latents: Tensor, f0: Tensor, voice: Tensor, mask: Tensor, noise: Tensor, source: Tensor | None = None
    ) -> Tensor:
        """Latents (batch, frames, latent_size) and f0 (batch, frames) Hz → wave (batch, frames · hop).

        ``source``: the pulses of f0, where these frames are part of a longer line and its pulses go on.
        """
        size, hop, rate = self.config.n_fft, self.config.hop_length, self.config.sampling_rate
        voiced = (f0 > 0).float()
        pitch = torch.stack([voiced * (f0.clamp(min=40.0).log() - 5.0), voiced], -1)
        harmonic, phase, breath = self.decoder(latents, pitch, voice, mask)
        envelope = latents.float() * self.mel_deviation.float() + self.mel_mean.float()
        base = envelope @ _mel_to_bins(rate, size, self.config.latent_size).to(envelope.device)
        source = pulses(f0, self.config) if source is None else source
        periodic = spectrum(source, size, hop) * torch.polar(_gain(base + harmonic), phase)
        aperiodic = spectrum(noise, size, hop) * _gain(base + breath)
        return wave_of((periodic + aperiodic) * mask.float(), size, hop)

    # -- synthesis
    def durations(self, hidden: Tensor, condition: Tensor, mask: Tensor, speed: float) -> Tensor:
        """Whole frames a token (batch, tokens); rounding errors are carried on, so that the whole keeps its length,
        which is one frame at least."""
        frames = torch.expm1(self.duration_predictor(hidden, condition, mask)).clamp(min=0.0) / speed
        ends = (frames * mask[..., 0]).cumsum(1).round().long()
        ends = ends + (ends[:, -1:] == 0)
        return torch.diff(ends, dim=1, prepend=torch.zeros_like(ends[:, :1]))

    @property
    def reach(self) -> int:
        """How many frames on either side a moment of sound depends on, once pitch and durations are known."""
        layers = self.config.prior_layers + self.config.flow_steps + self.config.decoder_blocks
        return layers * (self.config.kernel_size // 2) + self.config.n_fft // (2 * self.config.hop_length)

    @torch.inference_mode()
    def plan(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        speaker_embedding: Tensor,
        timbre: Tensor,
        pitch_mean: Tensor,
        pitch_std: Tensor,
        tempo: Tensor,
        speed: float = 1.0,
        pitch: float = 0.0,
        variation: float = 0.0,
        generator: Generators = None,
        rise: Tensor | None = None,
    ) -> Score:
        """All of some lines but their sound.

        input_ids, attention_mask: (batch, tokens); speaker_embedding: (batch, speaker_size); timbre: (batch,
        latent_size); pitch_mean, pitch_std (natural log of Hz) and tempo (syllables per voiced second): (batch,);
        ``pitch`` shifts by semitones; ``variation`` is the deviation, in units of the prior's own, at which latents are
        drawn; ``generator``: one for all lines, or a list with one for each; ``rise`` (batch, tokens) in 0…1: how far
        the pitch is drawn to the top of the voice's range at the end of each token.
        """
        quality = torch.full_like(pitch_mean, self.config.recording_quality)
        voice = self.voice(speaker_embedding, timbre, pitch_mean, pitch_std, tempo, quality).to(self.dtype)
        condition = self.condition(voice)
        token_mask = attention_mask[..., None].to(condition.dtype)
        hidden = self.text_encoder(input_ids, condition, token_mask).to(self.dtype)
        durations = self.durations(hidden, condition, token_mask, speed)
        frames = durations.sum(1)
        mask = (torch.arange(int(frames.max()), device=frames.device) < frames[:, None])[..., None].to(hidden.dtype)
        hidden = self.expand(hidden, durations)
        relative, voicing = self.pitch_predictor(hidden, condition, mask)
        if rise is not None:
            risen = ramps(rise, durations)
            relative = relative.lerp(TOP * pitch_std[:, None] / PITCH_SPREAD, risen)
            voicing = voicing + 3.0 * risen  # statements end in creak, questions do not
        voiced = ((voicing > 0) & (mask[..., 0] > 0)).float()
        curve = torch.stack([relative * voiced, voiced], -1)
        f0 = voiced * torch.exp(relative * PITCH_SPREAD + pitch_mean[:, None] + pitch * math.log(2) / 12)
        noise = _noise(frames, self.config.hop_length + self.config.latent_size, generator).to(hidden.device)
        held = torch.where(mask[..., 0] > 0, f0, f0.gather(1, frames[:, None] - 1))  # the end of a line as it is alone
        source = pulses(held, self.config) * mask[..., 0].repeat_interleave(self.config.hop_length, 1)
        return Score(voice, condition, timbre, durations, hidden, mask, curve, f0, source, noise, variation)

    @torch.inference_mode()
    def render(self, score: Score, start: int = 0, stop: int | None = None) -> Tensor:
        """The sound of the frames from ``start`` to ``stop``: (batch, (stop − start) · hop).

        Frames within :attr:`reach` are heard along, so pieces behind one another are what the whole is.
        """
        hop, total = self.config.hop_length, score.mask.shape[1]
        stop = total if stop is None else min(stop, total)
        low, high = max(0, start - self.reach), min(total, stop + self.reach)
        hidden, mask, curve, f0, noise = (
            one[:, low:high] for one in (score.hidden, score.mask, score.curve, score.f0, score.noise)
        )
        latents, log_deviation, context = self.prior(hidden, curve, score.timbre, score.condition, mask)
        latents = self._varied(latents, score.variation * log_deviation.exp() * noise[..., hop:], context, score, mask)
        breath, source = noise[..., :hop].flatten(1), score.source[:, low * hop : high * hop]
        wave = self.decode(latents, f0, score.voice, mask, breath, source)
        return wave[:, (start - low) * hop : (stop - low) * hop]

    def _varied(self, mean: Tensor, change: Tensor, context: Tensor, score: Score, mask: Tensor) -> Tensor:
        """Latents of the prior's mean (batch, frames, latent_size) and a change to it, each frame as loud as without.

        Noise in logarithmic bands adds power, and what the flow makes of it now and then is a whistle: no band goes
        further than ``FURTHEST`` from where it is without.
        """
        plain = self.flow.inverse(mean, context, score.condition, mask)
        if not score.variation:
            return plain
        scale = self.mel_deviation.float()
        changed = self.flow.inverse(mean + change, context, score.condition, mask)
        apart = ((changed - plain) * scale).clamp(-FURTHEST, FURTHEST)
        levels = plain * scale + self.mel_mean.float()
        louder = (2 * (levels + apart)).logsumexp(-1, keepdim=True) - (2 * levels).logsumexp(-1, keepdim=True)
        return plain + (apart - louder / 2) / scale

    def synthesize(self, *inputs: Tensor, **options: Any) -> RTVC7Output:
        """Speak: all that :meth:`plan` makes of its arguments, as sound."""
        score = self.plan(*inputs, **options)
        lengths = score.durations.sum(1) * self.config.hop_length
        return RTVC7Output(self.render(score), lengths, score.durations, score.f0)


def places(durations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """durations (batch, tokens) → which token each frame belongs to, where in it (0…1) and how long that token is, each
    (batch, frames)."""
    ends = durations.cumsum(1)
    frame = torch.arange(int(ends[:, -1].max()), device=durations.device).expand(len(durations), -1).contiguous()
    token = torch.searchsorted(ends, frame, right=True).clamp(max=durations.shape[1] - 1)
    length = durations.gather(1, token).clamp(min=1)
    return token, (frame - (ends.gather(1, token) - length) + 0.5) / length, length


def ramps(values: Tensor, durations: Tensor) -> Tensor:
    """Values at the ends of tokens (batch, tokens), 0 before the first → straight lines between (batch, frames)."""
    token, place, _ = places(durations)
    before = functional.pad(values, (1, 0))[:, :-1].gather(1, token)
    return before + (values.gather(1, token) - before) * place


def _noise(frames: Tensor, size: int, generator: Generators) -> Tensor:
    """(batch, frames, size) of unit variance; a row with a generator of its own, or with none, is as it is alone."""
    shared = isinstance(generator, torch.Generator)
    generators = [generator] * len(frames) if shared or generator is None else generator
    rows = [
        torch.randn(int(count), size, generator=one or torch.Generator().manual_seed(0))
        for count, one in zip(frames, generators, strict=True)
    ]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True)
