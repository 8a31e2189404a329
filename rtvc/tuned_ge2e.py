"""Tuned-GE2E: a speaker embedding from EarSpeech features, and the loss that shapes it.

The network is a small residual TDNN at 25 frames/s with squeeze-and-excitation and attentive statistics pooling (after
ECAPA-TDNN, Desplanques et al. 2020) behind two-dimensional convolutions, to which a voice a little higher or lower is
the same picture a little further up or down (Thienpondt et al. 2021). The loss is GE2E's softmax (Wan et al. 2018) with
a margin that grows with training and with the spread of the embeddings, at the end for the hardest utterances only.
"""

# No `from __future__ import annotations` here: @strict checks no types that are strings.
from dataclasses import dataclass

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

    def __post_init__(self, **kwargs):
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

    def forward(self, features: Tensor, attention_mask: Tensor | None = None, **kwargs) -> TunedGE2EOutput:
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


# ---------------------------------------------------------------------------------------------- loss
class TunedGE2ELoss(nn.Module):
    """GE2E softmax with a learned scale and bias, a growing margin and mining of the hardest utterances.

    Every utterance is compared with the centroid of each speaker, its own without itself. The margin taken from its own
    similarity is ``margin · (1 + 0.1 · sigmoid(std(embeddings)))``; scale, bias and margin are learned, the margin
    within ``margins`` and only where its schedule leaves it free.
    """

    def __init__(self, scale: float = 20.0, bias: float = -5.0, margins: tuple[float, float] = (0.2, 0.5)):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.bias = nn.Parameter(torch.tensor(bias))
        self.margin = nn.Parameter(torch.tensor(margins[0]))
        self.margins = margins

    @torch.no_grad()
    def hold_margin(self, progress: float) -> None:
        """Set the margin to its schedule: from the lower to the upper bound at ``progress`` 0…1 through stage two."""
        low, high = self.margins
        self.margin.fill_(low + (high - low) * min(1.0, max(0.0, progress)))

    @torch.no_grad()
    def keep_in_bounds(self) -> None:
        """Call after an update: a margin left free would shrink to nothing, a scale could turn negative."""
        self.margin.clamp_(*self.margins)
        self.scale.clamp_(min=1.0)

    def effective_margin(self, embeddings: Tensor) -> Tensor:
        """The margin with the spread of the embeddings taken into account, a scalar."""
        return self.margin * (1 + 0.1 * torch.sigmoid(embeddings.detach().float().std()))

    @staticmethod
    def similarities(embeddings: Tensor) -> Tensor:
        """(speakers, utterances, size) of unit length → cosines (speakers, utterances, speakers) to every centroid."""
        speakers, utterances, _ = embeddings.shape
        total = embeddings.sum(1, keepdim=True)
        centroids = functional.normalize(total[:, 0], dim=-1)
        others = functional.normalize(total - embeddings, dim=-1)
        cosines = embeddings @ centroids.T
        own = (embeddings * others).sum(-1)
        diagonal = torch.eye(speakers, dtype=torch.bool, device=embeddings.device)[:, None].expand_as(cosines)
        return torch.where(diagonal, own[:, :, None], cosines)

    @staticmethod
    def hardest(similarities: Tensor, share: float) -> Tensor:
        """(speakers, utterances) true for the ``share`` with the highest wrong minus own similarity, at least one."""
        speakers = similarities.shape[0]
        diagonal = torch.eye(speakers, dtype=torch.bool, device=similarities.device)[:, None]
        wrong = similarities.masked_fill(diagonal, -torch.inf).amax(2)
        hardness = (wrong - similarities.diagonal(dim1=0, dim2=2).T).detach()
        count = max(1, round(share * hardness.numel()))
        chosen = torch.zeros(hardness.numel(), dtype=torch.bool, device=hardness.device)
        chosen[hardness.flatten().topk(count).indices] = True
        return chosen.view_as(hardness)

    def forward(self, embeddings: Tensor, with_margin: bool = True, share: float = 1.0) -> Tensor:
        """Scalar loss of ``embeddings`` (speakers, utterances, size); only the hardest ``share`` of them counts."""
        embeddings = functional.normalize(embeddings.float(), dim=-1)
        cosines = self.similarities(embeddings)
        speakers, utterances, _ = cosines.shape
        own = torch.arange(speakers, device=cosines.device)
        target = functional.one_hot(own, speakers)[:, None] * (self.effective_margin(embeddings) if with_margin else 0)
        logits = self.scale * (cosines - target) + self.bias
        losses = functional.cross_entropy(
            logits.flatten(0, 1), own.repeat_interleave(utterances), reduction="none"
        ).view(speakers, utterances)
        return losses[self.hardest(cosines, share)].mean()
