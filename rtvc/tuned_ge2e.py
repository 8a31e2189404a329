"""Tuned-GE2E: a speaker embedding from EarSpeech features.

The network is a small residual TDNN at 25 frames/s with squeeze-and-excitation and attentive statistics pooling (after
ECAPA-TDNN, Desplanques et al. 2020) behind two-dimensional convolutions, to which a voice a little higher or lower is
the same picture a little further up or down (Thienpondt et al. 2021). The loss that shapes it, GE2E with a margin,
stands with the training, in ``rtvc.training.losses``.
"""

# No `from __future__ import annotations` here: @strict checks no types that are strings.
from dataclasses import dataclass
from typing import Any

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig
from transformers.utils import ModelOutput

from .errors import refuse_unknown_keys
from .model_files import CheckedModel


@strict
class TunedGE2EConfig(PreTrainedConfig):
    """Sizes of Tuned-GE2E: ``feature_size`` bands in, ``speaker_size`` numbers out, one dilation a block."""

    model_type = "tuned_ge2e"

    feature_size: int = 64
    speaker_size: int = 256
    stem_channels: list[int] | tuple[int, int] = (24, 48)
    hidden_size: int = 256
    attention_size: int = 64
    dilations: list[int] | tuple[int, ...] = (1, 2, 3, 4)

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        refuse_unknown_keys(self, kwargs)


# ---------------------------------------------------------------------------------------------- building blocks
class Excitation(nn.Module):
    """Scales channels by what the whole utterance is like (squeeze and excitation): (batch, channels, frames)."""

    def __init__(self, channels: int, squeezed: int):
        super().__init__()
        self.gates = nn.Sequential(
            nn.Linear(channels, squeezed), nn.ReLU(), nn.Linear(squeezed, channels), nn.Sigmoid()
        )

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        mean = (hidden * mask).sum(2) / mask.sum(2)
        return hidden * self.gates(mean)[:, :, None]


class Block(nn.Module):
    """Residual TDNN block: dilated convolution, pointwise convolution, excitation. (batch, channels, frames)."""

    def __init__(self, channels: int, dilation: int, squeezed: int):
        super().__init__()
        self.dilated = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.first_norm = nn.BatchNorm1d(channels)
        self.pointwise = nn.Conv1d(channels, channels, 1, bias=False)
        self.second_norm = nn.BatchNorm1d(channels)
        self.excitation = Excitation(channels, squeezed)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        inner = functional.relu(self.first_norm(self.dilated(hidden)))
        inner = self.second_norm(self.pointwise(inner))
        return functional.relu(hidden + self.excitation(inner, mask)) * mask


class Stem(nn.Module):
    """Two-dimensional convolutions, a quarter of the frames and of the bands: (batch, frames, bands) → (batch,
    hidden_size, frames / 4)."""

    def __init__(self, config: TunedGE2EConfig):
        super().__init__()
        first, second = config.stem_channels
        self.first = nn.Conv2d(1, first, 3, stride=2, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(first)
        self.second = nn.Conv2d(first, second, 3, stride=2, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(second)
        self.inner = nn.Conv2d(second, second, 3, padding=1, bias=False)
        self.inner_norm = nn.BatchNorm2d(second)
        self.outer = nn.Conv2d(second, second, 3, padding=1, bias=False)
        self.outer_norm = nn.BatchNorm2d(second)
        bands = -(-config.feature_size // 4)
        self.output = nn.Conv1d(second * bands, config.hidden_size, 1, bias=False)
        self.output_norm = nn.BatchNorm1d(config.hidden_size)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """``features`` (batch, frames, bands) and ``mask`` (batch, 1, frames) → hidden and its mask."""
        hidden = (features.transpose(1, 2) * mask)[:, None].contiguous(memory_format=torch.channels_last)
        mask = mask[:, :, ::2]
        hidden = functional.relu(self.first_norm(self.first(hidden))) * mask[:, None]
        mask = mask[:, :, ::2]
        hidden = functional.relu(self.second_norm(self.second(hidden))) * mask[:, None]
        inner = functional.relu(self.inner_norm(self.inner(hidden))) * mask[:, None]
        hidden = functional.relu(hidden + self.outer_norm(self.outer(inner)))
        return functional.relu(self.output_norm(self.output(hidden.flatten(1, 2)))) * mask, mask


class Pooling(nn.Module):
    """Attentive statistics pooling: (batch, channels, frames) → mean and deviation (batch, 2 · channels)."""

    def __init__(self, channels: int, attention_size: int):
        super().__init__()
        self.scores = nn.Sequential(
            nn.Conv1d(channels, attention_size, 1), nn.Tanh(), nn.Conv1d(attention_size, channels, 1)
        )

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        weights = self.scores(hidden).float().masked_fill(mask == 0, -torch.inf).softmax(2)
        hidden = hidden.float()
        mean = (weights * hidden).sum(2)
        variance = (weights * hidden**2).sum(2) - mean**2
        return torch.cat([mean, variance.clamp(min=1e-5).sqrt()], 1)


# ---------------------------------------------------------------------------------------------- model
@dataclass
class TunedGE2EOutput(ModelOutput):
    """``speaker_embedding``: (batch, 256), unit length."""

    speaker_embedding: Tensor | None = None


class TunedGE2EModel(CheckedModel):
    """EarSpeech features (batch, frames, 64), 100 frames/s → speaker embedding (batch, 256) of unit length."""

    config_class = TunedGE2EConfig
    config: TunedGE2EConfig
    base_model_prefix = "tuned_ge2e"
    main_input_name = "features"

    def __init__(self, config: TunedGE2EConfig):
        super().__init__(config)
        self.stem = Stem(config)
        squeezed = config.hidden_size // 4
        self.blocks = nn.ModuleList([Block(config.hidden_size, one, squeezed) for one in config.dilations])
        self.pooling = Pooling(config.hidden_size, config.attention_size)
        self.pooled_norm = nn.BatchNorm1d(2 * config.hidden_size)
        self.output = nn.Linear(2 * config.hidden_size, config.speaker_size)
        self.post_init()

    def forward(self, features: Tensor, attention_mask: Tensor | None = None, **kwargs: Any) -> TunedGE2EOutput:
        """``features``: (batch, frames, 64) in 0…1; ``attention_mask``: (batch, frames), 1 = real."""
        if attention_mask is None:
            attention_mask = features.new_ones(features.shape[:2])
        own = self.output.weight.dtype
        features = features.to(own)
        mask = attention_mask[:, None].to(own)
        hidden, mask = self.stem(features, mask)
        for block in self.blocks:
            hidden = block(hidden, mask)
        embedding = self.output(self.pooled_norm(self.pooling(hidden, mask).to(own)))
        return TunedGE2EOutput(speaker_embedding=functional.normalize(embedding.float(), dim=-1))
