"""The discriminators of the adversarial stages, their losses, and the optimizer that they learn by."""

from __future__ import annotations

from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from rtvc.errors import TrainingError
from rtvc.rtvc7_config import RTVC7Config
from rtvc.rtvc7_networks import VoiceCondition
from rtvc.training.folders import last_checkpoint
from rtvc.training.losses import RESOLUTIONS, magnitudes
from rtvc.training.optim import adam

SLOPE = 0.1  # of the leaky rectifiers


class PersonScore(nn.Module):
    """Scores (batch, 1, …) of maps (batch, channels, …), told who should be speaking (projection, Miyato & Koyama
    2018): a voice that is nobody's, as of all people's mean, is known for a generated one.
    """

    def __init__(self, channels: int, config: RTVC7Config):
        super().__init__()
        self.score = weight_norm(nn.Conv2d(channels, 1, 3, 1, 1))
        self.person = nn.Linear(config.condition_size, channels, bias=False)

    def forward(self, hidden: Tensor, condition: Tensor) -> Tensor:
        person = self.person(condition)[:, :, None, None]
        return self.score(hidden) + (hidden * person).sum(1, keepdim=True) / hidden.shape[1] ** 0.5


class ResolutionDiscriminator(nn.Module):
    """Compressed magnitudes of one STFT resolution (UnivNet, Jang et al. 2021), ever coarser and wider.

    wave: (batch, samples); condition: (batch, condition_size), of who should be speaking → the maps of every layer, the
    last one being the scores.
    """

    def __init__(self, window_length: int, config: RTVC7Config):
        super().__init__()
        self.window_length, self.rate = window_length, config.sampling_rate
        first = weight_norm(nn.Conv2d(1, 32, (9, 5), (4, 2), (4, 2)))
        sizes = (32, 64), (64, 128), (128, 128)
        self.layers = nn.ModuleList([first, *(weight_norm(nn.Conv2d(i, o, 3, 2, 1)) for i, o in sizes)])
        self.score = PersonScore(128, config)

    def forward(self, wave: Tensor, condition: Tensor) -> list[Tensor]:
        with torch.autocast(wave.device.type, enabled=False):
            hidden = magnitudes(wave.float(), self.window_length, self.rate)[:, None].clamp(min=1e-4).log() / 3.0
        maps = []
        for layer in self.layers:
            hidden = functional.leaky_relu(layer(hidden), SLOPE)
            maps.append(hidden)
        return [*maps, self.score(hidden, condition)]


class LatentDiscriminator(nn.Module):
    """Whether latents are a recording's, and this person's.

    latents: (batch, frames, latent_size); voice: as in ``VoiceCondition`` → the maps of every layer, the last one
    being the scores.
    """

    def __init__(self, config: RTVC7Config):
        super().__init__()
        sizes = (1, 24), (24, 48), (48, 96), (96, 96)
        strides = (1, 2), (1, 2), (2, 2), (2, 2)  # of frames and of bands
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(*size, (3, 5), stride, (1, 2))) for size, stride in zip(sizes, strides, strict=True)
        )
        self.score = PersonScore(96, config)
        self.condition = VoiceCondition(config)

    def forward(self, latents: Tensor, voice: Tensor) -> list[list[Tensor]]:
        hidden, maps = latents[:, None].float(), []
        for layer in self.layers:
            hidden = functional.leaky_relu(layer(hidden), SLOPE)
            maps.append(hidden)
        return [[*maps, self.score(hidden, self.condition(voice))]]


class Discriminators(nn.Module):
    """Three resolutions together: whether a wave (batch, samples) is a recording, and this person's; voice: as in
    ``VoiceCondition``."""

    def __init__(self, config: RTVC7Config):
        super().__init__()
        self.parts = nn.ModuleList(ResolutionDiscriminator(size, config) for size in reversed(RESOLUTIONS))
        self.condition = VoiceCondition(config)

    def forward(self, wave: Tensor, voice: Tensor) -> list[list[Tensor]]:
        condition = self.condition(voice)
        return [part(wave, condition) for part in self.parts]


def discriminator_loss(real: list[list[Tensor]], generated: list[list[Tensor]]) -> Tensor:
    """Least squares (Mao et al. 2017): real towards 1, generated towards 0."""
    pairs = zip(real, generated, strict=True)
    losses = [(1 - right[-1].float()).square().mean() + fake[-1].float().square().mean() for right, fake in pairs]
    return torch.stack(losses).mean()


def adversarial_loss(generated: list[list[Tensor]]) -> Tensor:
    """Least squares: generated towards 1."""
    return torch.stack([(1 - fake[-1].float()).square().mean() for fake in generated]).mean()


def feature_loss(real: list[list[Tensor]], generated: list[list[Tensor]]) -> Tensor:
    """Mean L1 of the discriminators' maps, relative to the maps' own size."""
    losses = []
    for real_maps, fake_maps in zip(real, generated, strict=True):
        for right, fake in zip(real_maps[:-1], fake_maps[:-1], strict=True):
            size = right.detach().float().abs().mean().clamp(min=1e-3)
            losses.append((right.detach() - fake).float().abs().mean() / size)
    return torch.stack(losses).mean()


class Opponent:
    """Discriminators with their optimizer: an update of their own, then the losses they put on what was generated."""

    def __init__(self, model: nn.Module, learning_rate: float, run: str | Path | None = None):
        """``run``: the folder of a run (``runs/NAME``) whose discriminators go on."""
        self.model = model
        self.accelerator: Accelerator  # the loop's, from :meth:`prepare` on
        if run:
            self.model.load_state_dict(_discriminators(Path(run)))
        self.optimizer = adam(list(self.model.parameters()), learning_rate, (0.8, 0.99))
        self.inner = self.model

    def prepare(self, accelerator: Accelerator) -> nn.Module:
        """Join the loop's accelerator; the module that learns."""
        self.accelerator = accelerator
        self.model, self.optimizer = accelerator.prepare(self.model, self.optimizer)
        self.inner = accelerator.unwrap_model(self.model)
        return self.model

    def update(self, generated: Tensor, real: Tensor, voice: Tensor) -> Tensor:
        """One step of the discriminators' own; their loss. They learn to refuse real speech that is somebody else's
        too: of the row half a batch away, as neighbours may be one person's."""
        other = voice.roll(len(voice) // 2, 0)
        maps = self.model(torch.cat([real, generated.detach(), real]), torch.cat([voice, voice, other]))
        right, *wrong = _sides(maps, 3)
        loss = torch.stack([discriminator_loss(right, other) for other in wrong]).mean()
        self.accelerator.backward(loss)
        if self.accelerator.sync_gradients:
            norm = self.accelerator.clip_grad_norm_(self.model.parameters(), 10.0)
            if torch.isfinite(norm):
                self.optimizer.step()
            self.optimizer.zero_grad()
        return loss.detach()

    def judge(self, generated: Tensor, real: Tensor, voice: Tensor) -> tuple[Tensor, Tensor]:
        """Adversarial and feature-matching loss of what was generated."""
        self.inner.requires_grad_(False)
        with torch.no_grad():
            real_maps = self.inner(real, voice)
        fake_maps = self.inner(generated, voice)
        self.inner.requires_grad_(True)
        return adversarial_loss(fake_maps), feature_loss(real_maps, fake_maps)


def _discriminators(run: Path) -> dict[str, Tensor]:
    """Their weights in the last checkpoint of a run; Accelerate numbers the models, they are the second."""
    checkpoint = last_checkpoint(run)
    path = checkpoint / "pytorch_model_1.bin" if checkpoint else None
    if path is None or not path.is_file():
        raise TrainingError(f"The run “{run}” keeps no discriminators; name another one as opponent, or none.")
    return {name.removeprefix("module."): value for name, value in torch.load(path, weights_only=True).items()}


def _sides(maps: list[list[Tensor]], number: int) -> list[list[list[Tensor]]]:
    """Maps of ``number`` batches behind one another → each one's."""
    parts = [[scores.chunk(number) for scores in part] for part in maps]
    return [[[part[side] for part in layers] for layers in parts] for side in range(number)]
