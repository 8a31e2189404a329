"""The discriminators of the adversarial stages, their losses, and the optimizer that they learn by."""

from __future__ import annotations

from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from rtvc.errors import TrainingError
from rtvc.training.folders import last_checkpoint
from rtvc.training.losses import RESOLUTIONS, magnitudes
from rtvc.training.optim import adam

SLOPE = 0.1  # of the leaky rectifiers


class ResolutionDiscriminator(nn.Module):
    """Compressed magnitudes of one STFT resolution (UnivNet, Jang et al. 2021), ever coarser and wider.

    wave: (batch, samples) → the maps of every layer, the last one being the scores.
    """

    def __init__(self, window_length: int, rate: int):
        super().__init__()
        self.window_length, self.rate = window_length, rate
        first = weight_norm(nn.Conv2d(1, 32, (9, 5), (4, 2), (4, 2)))
        sizes = (32, 64), (64, 128), (128, 128)
        self.layers = nn.ModuleList([first, *(weight_norm(nn.Conv2d(i, o, 3, 2, 1)) for i, o in sizes)])
        self.score = weight_norm(nn.Conv2d(128, 1, 3, 1, 1))

    def forward(self, wave: Tensor) -> list[Tensor]:
        with torch.autocast(wave.device.type, enabled=False):
            hidden = magnitudes(wave.float(), self.window_length, self.rate)[:, None].clamp(min=1e-4).log() / 3.0
        maps = []
        for layer in self.layers:
            hidden = functional.leaky_relu(layer(hidden), SLOPE)
            maps.append(hidden)
        return [*maps, self.score(hidden)]


class Discriminators(nn.Module):
    """Three resolutions together, of waves at ``rate`` Hz."""

    def __init__(self, rate: int):
        super().__init__()
        self.parts = nn.ModuleList(ResolutionDiscriminator(size, rate) for size in reversed(RESOLUTIONS))

    def forward(self, wave: Tensor) -> list[list[Tensor]]:
        return [part(wave) for part in self.parts]


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

    def __init__(self, learning_rate: float, rate: int, run: str | Path | None = None):
        """``rate``: of the waves, Hz; ``run``: the folder of a run (``runs/NAME``) whose discriminators go on."""
        self.model = Discriminators(rate)
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

    def update(self, generated: Tensor, real: Tensor) -> Tensor:
        """One step of the discriminators' own; their loss."""
        maps = self.model(torch.cat([real, generated.detach()]))
        loss = discriminator_loss(*_sides(maps))
        self.accelerator.backward(loss)
        if self.accelerator.sync_gradients:
            norm = self.accelerator.clip_grad_norm_(self.model.parameters(), 10.0)
            if torch.isfinite(norm):
                self.optimizer.step()
            self.optimizer.zero_grad()
        return loss.detach()

    def judge(self, generated: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Adversarial and feature-matching loss of what was generated."""
        self.inner.requires_grad_(False)
        with torch.no_grad():
            real_maps = self.inner(real)
        fake_maps = self.inner(generated)
        self.inner.requires_grad_(True)
        return adversarial_loss(fake_maps), feature_loss(real_maps, fake_maps)


def _discriminators(run: Path) -> dict[str, Tensor]:
    """Their weights in the last checkpoint of a run; Accelerate numbers the models, they are the second."""
    checkpoint = last_checkpoint(run)
    path = checkpoint / "pytorch_model_1.bin" if checkpoint else None
    if path is None or not path.is_file():
        raise TrainingError(f"The run “{run}” keeps no discriminators; name another one as opponent, or none.")
    return {name.removeprefix("module."): value for name, value in torch.load(path, weights_only=True).items()}


def _sides(maps: list[list[Tensor]]) -> tuple[list[list[Tensor]], list[list[Tensor]]]:
    """Maps of a batch of real and generated waves → the real ones' and the generated ones'."""
    halves = [[scores.chunk(2) for scores in part] for part in maps]
    real, generated = ([[half[side] for half in part] for part in halves] for side in (0, 1))
    return real, generated
