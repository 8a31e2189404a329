"""The networks that RTVC-7 is made of; how they work together stands in `rtvc7.py`."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .rtvc7_config import RTVC7Config

TRAITS = 4  # pitch, its spread, speaking rate, recording quality


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

    voice: (batch, speaker_size + 4 + timbre_size), see ``RTVC7Model.voice`` → (batch, condition_size).
    """

    def __init__(self, config: RTVC7Config):
        super().__init__()
        self.speaker = ZeroLinear(config.speaker_size, config.condition_size)
        self.traits = nn.Linear(TRAITS, config.condition_size)
        self.timbre = ZeroLinear(config.timbre_size, config.condition_size)

    def forward(self, voice: Tensor) -> Tensor:
        sizes = [self.speaker.in_features, TRAITS, self.timbre.in_features]
        speaker, traits, spectrum = voice.split(sizes, -1)
        gain = math.sqrt(self.speaker.in_features)  # brings each number of a unit-length vector to about unit size
        return functional.silu(self.speaker(gain * speaker) + self.traits(traits) + self.timbre(spectrum))


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


class ReferenceEncoder(nn.Module):
    """Frames of a person's speech → keys and values, the first of which is nobody's: there is nothing to be found.

    reference: (batch, number, timbre_size), see ``reference_frames``; frames of zeros are none → keys, values (batch,
    1 + number, size), and which of them there are, (batch, 1 + number).
    """

    def __init__(self, timbre_size: int, size: int):
        super().__init__()
        self.enter = nn.Linear(timbre_size, 2 * size)
        self.leave = nn.Linear(2 * size, 2 * size)
        self.nothing = nn.Parameter(torch.zeros(2 * size))

    def forward(self, reference: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = self.leave(functional.gelu(self.enter(reference)))
        found = functional.pad(found, (0, 0, 1, 0))
        is_first = (torch.arange(found.shape[1], device=found.device) == 0)[:, None]  # an expanded one is no ONNX
        keys, values = (found + self.nothing * is_first.to(found.dtype)).chunk(2, -1)
        return keys, values, functional.pad(reference.abs().sum(-1) > 0, (1, 0), value=True)


class ReferenceAttention(nn.Module):
    """Each frame of the text looks for frames of the person's own speech that sound like what it is to become.

    hidden: (batch, frames, hidden_size) → the same, with what was found; starts as the identity.
    """

    def __init__(self, hidden_size: int, size: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(hidden_size)
        self.query = nn.Linear(hidden_size, size)
        self.leave = ZeroLinear(size, hidden_size)

    def forward(self, hidden: Tensor, keys: Tensor, values: Tensor, present: Tensor) -> Tensor:
        query, keys, values = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(self.norm(hidden)), keys, values)
        )
        found = functional.scaled_dot_product_attention(query, keys, values, attn_mask=present[:, None, None])
        return hidden + self.leave(found.transpose(1, 2).flatten(2))


class Prior(nn.Module):
    """Frames of text and their pitch → mean and log deviation of the prior, and what the flow is conditioned on.

    hidden: (batch, frames, hidden_size); pitch: (batch, frames, 2) relative log F0 (0 where unvoiced) and voicing;
    average_spectrum: (batch, timbre_size), the voice's own over a long time, which adds to the mean directly;
    reference: (batch, number, timbre_size), frames of the person's speech, to be attended to.
    """

    def __init__(self, config: RTVC7Config):
        super().__init__()
        self.pitch = nn.Linear(2, config.hidden_size)
        self.timbre = ZeroLinear(config.timbre_size, config.latent_size)
        self.stack = Stack(config.prior_layers, config.hidden_size, config)
        self.head = nn.Linear(config.hidden_size, 2 * config.latent_size)
        self.to_flow = nn.Linear(config.hidden_size, config.flow_hidden_size)
        if size := config.reference_size:
            self.reference = ReferenceEncoder(config.timbre_size, size)
            self.early, self.late = (
                ReferenceAttention(config.hidden_size, size, config.reference_heads) for _ in range(2)
            )

    def forward(
        self,
        hidden: Tensor,
        pitch: Tensor,
        average_spectrum: Tensor,
        reference: Tensor,
        condition: Tensor,
        mask: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        hidden = hidden + self.pitch(pitch.to(hidden.dtype))
        if hasattr(self, "reference"):
            person = self.reference(reference.to(hidden.dtype))
            hidden = self.late(self.stack(self.early(hidden, *person), condition, mask), *person)
        else:
            hidden = self.stack(hidden, condition, mask)
        mean, log_deviation = self.head(hidden).float().chunk(2, -1)
        mean = mean + self.timbre(average_spectrum.to(condition.dtype)).float()[:, None]
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
        return torch.cat([kept, (changed - shift) * torch.exp(-log_scale)], -1), -log_scale

    def inverse(self, latents: Tensor, context: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        kept, changed = latents.chunk(2, -1)
        shift, log_scale = self._affine(kept, context, condition, mask)
        return torch.cat([kept, changed * torch.exp(log_scale) + shift], -1)


def turns(bands: int) -> Tensor:
    """(bands,): the order in which they are halved, even ones before odd ones."""
    return torch.cat([torch.arange(0, bands, 2), torch.arange(1, bands, 2)])


def _turned(latents: Tensor) -> Tensor:
    """The second half of the bands before the first."""
    return torch.cat(latents.chunk(2, -1)[::-1], -1)


class Flow(nn.Module):
    """7 coupling steps between latents and the space of the prior; two halves of the bands take turns.

    forward: latents (batch, frames, latent_size) → prior space, and the log |derivative| of each band, of the same
    shape, whose sum is log |det|; inverse: the way back.
    """

    order: Tensor

    def __init__(self, config: RTVC7Config):
        super().__init__()
        self.steps = nn.ModuleList(CouplingStep(config) for _ in range(config.flow_steps))
        self.register_buffer("order", turns(config.latent_size))

    def forward(self, latents: Tensor, context: Tensor, condition: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        latents = latents[..., self.order]
        logs = torch.zeros_like(latents)
        for step in self.steps:
            latents, log_derivative = step(latents, context, condition, mask)
            kept, changed = logs.chunk(2, -1)
            latents, logs = _turned(latents), torch.cat([changed + log_derivative, kept], -1)
        return self._restore(latents), self._restore(logs)

    def inverse(self, latents: Tensor, context: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        latents = latents[..., self.order]
        if len(self.steps) % 2:
            latents = _turned(latents)
        for step in reversed(self.steps):
            latents = step.inverse(_turned(latents), context, condition, mask)  # type: ignore[operator]
        return latents[..., torch.argsort(self.order)]

    def _restore(self, latents: Tensor) -> Tensor:
        """Undo the turns and the order, so that band k of the prior stands for band k of the latents."""
        if len(self.steps) % 2:
            latents = _turned(latents)
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
        inputs = torch.cat([latents, pitch], -1).to(voice.dtype)
        hidden = self.stack(self.enter(inputs), self.condition(voice), mask)
        harmonic, phase, aperiodic = (head(hidden).float() for head in (self.harmonic, self.phase, self.breath))
        return harmonic, phase, aperiodic
