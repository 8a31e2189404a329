"""Optimizers and the learning rate's schedule: AdamW; and Muon for the inner matrices of a model beside it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
QUINTIC = (3.4445, -4.775, 2.0315)  # Jordan et al. 2024: five rounds bring singular values to 0.7…1.2
ROUNDS = 5


def orthogonal(matrix: Tensor) -> Tensor:
    """About the nearest matrix whose singular values are all 1, by Newton and Schulz's iteration."""
    tall = matrix.shape[0] > matrix.shape[1]
    found = matrix.T if tall else matrix
    found = found / (found.norm() + 1e-7)
    first, third, fifth = QUINTIC
    for _ in range(ROUNDS):
        gram = found @ found.T
        found = first * found + (third * gram + fifth * gram @ gram) @ found
    return found.T if tall else found


class MuonAndAdamW(torch.optim.AdamW):
    """The first group, ``matrices``, learns by Muon (Jordan et al. 2024), the groups ``others`` by AdamW.

    A convolution's kernels are a matrix of one row a channel. Muon's steps are as long as AdamW's would be (J. Liu et
    al. 2025, "Muon is Scalable for LLM Training"), so that one learning rate suits both. torch's own Muon computes in
    bfloat16, which processors without AVX-512 take eighty times as long for.
    """

    def __init__(self, matrices: list[nn.Parameter], others: list[dict], learning_rate: float, weight_decay: float):
        groups = [{"params": matrices}, *others]
        super().__init__(groups, learning_rate, (0.9, 0.98), weight_decay=weight_decay, fused=True)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no loss is computed anew
        matrices, *others = self.param_groups
        for parameter in matrices["params"]:
            if parameter.grad is not None:
                self._turn(parameter, parameter.grad, matrices["lr"], matrices["weight_decay"])
        self.param_groups = others
        try:
            super().step()
        finally:
            self.param_groups = [matrices, *others]

    def _turn(self, parameter: nn.Parameter, gradient: Tensor, rate: float, decay: float) -> None:
        state = self.state[parameter]
        if not state:
            state |= {"momentum": torch.zeros_like(parameter), "step": torch.zeros(())}  # AdamW looks for its steps
        momentum = state["momentum"]
        momentum.lerp_(gradient, 1 - MOMENTUM)
        ahead = gradient.lerp(momentum, MOMENTUM).flatten(1)
        length = 0.2 * max(ahead.shape) ** 0.5
        parameter.mul_(1 - rate * decay).add_(orthogonal(ahead).view_as(parameter), alpha=-rate * length)


def adam(parameters: list, rate: float, betas: tuple[float, float] = (0.9, 0.98)) -> torch.optim.Optimizer:
    """The optimizer of RTVC-7's stages."""
    return torch.optim.AdamW(parameters, lr=rate, betas=betas, weight_decay=0.01, fused=True)


def rate_by(progress: float) -> float:
    """:func:`rate_at` of a run that may end by the clock: a fortieth of it warms up, however long it is."""
    return rate_at(round(1000 * progress), 1000, warm_up=25)


def rate_at(step: float, steps: int, warm_up: int = 100, final: float = 0.05) -> float:
    """Factor of the learning rate: linear warm-up, then half a cosine down to ``final``."""
    progress = min(1.0, step / max(1, steps))
    return min(1.0, (step + 1) / warm_up) * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress)))
