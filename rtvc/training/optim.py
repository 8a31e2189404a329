"""Optimizers and the learning rate's schedule: AdamW; and Muon for the inner matrices of a model beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn

MOMENTUM = 0.95
QUINTIC = (3.4445, -4.775, 2.0315)  # Jordan et al. 2024: five rounds bring singular values to 0.7…1.2
ROUNDS = 5
MIXING = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.LSTM)


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
        self._turn([p for p in matrices["params"] if p.grad is not None], matrices["lr"], matrices["weight_decay"])
        self.param_groups = others
        try:
            super().step()
        finally:
            self.param_groups = [matrices, *others]

    def _turn(self, parameters: list[nn.Parameter], rate: float, decay: float) -> None:
        """Move matrices; of several processes, whose gradients are the same, each makes its share of the directions."""
        ahead = [self._ahead(parameter) for parameter in parameters]
        count, place = (dist.get_world_size(), dist.get_rank()) if dist.is_initialized() else (1, 0)
        directions = [
            orthogonal(matrix) if number % count == place else torch.zeros_like(matrix)
            for number, matrix in enumerate(ahead)
        ]
        if count > 1 and directions:
            joined = torch.cat([direction.flatten() for direction in directions])
            dist.all_reduce(joined)
            directions = list(joined.split([matrix.numel() for matrix in ahead]))
        for parameter, matrix, direction in zip(parameters, ahead, directions, strict=True):
            length = 0.2 * max(matrix.shape) ** 0.5
            parameter.mul_(1 - rate * decay).add_(direction.view_as(parameter), alpha=-rate * length)

    def _ahead(self, parameter: nn.Parameter) -> Tensor:
        """(rows, columns): the gradient with Nesterov's momentum."""
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        if not state:
            state |= {"momentum": torch.zeros_like(parameter), "step": torch.zeros(())}  # AdamW looks for its steps
        momentum = state["momentum"]
        momentum.lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(momentum, MOMENTUM).flatten(1)


def muon(
    modules: Iterable[nn.Module],
    rate: float,
    weight_decay: float = 0.01,
    within: Iterable[nn.Module] | None = None,
    apart: Iterable[dict] = (),
) -> MuonAndAdamW:
    """The optimizer of what is learned from the beginning: its layers' matrices by Muon, the rest by AdamW.

    Args:
        modules: what learns.
        within: the parts of it whose matrices learn by Muon, where not all do.
        apart: further parameter groups for AdamW.
    """
    modules = list(modules)
    inner = [matrix for module in (modules if within is None else within) for matrix in matrices(module)]
    chosen = {id(matrix) for matrix in inner}
    learning = (parameter for module in modules for parameter in module.parameters() if parameter.requires_grad)
    others = [parameter for parameter in learning if id(parameter) not in chosen]
    return MuonAndAdamW(inner, [{"params": others}, *apart], rate, weight_decay)


def matrices(module: nn.Module) -> list[nn.Parameter]:
    """The weights by which layers mix their inputs, an LSTM's four gates as one.

    Depthwise convolutions and embeddings mix nothing: their weights are lists of vectors, no matrices.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, MIXING) and getattr(layer, "groups", 1) == 1]
    return [weight for layer in layers for weight in layer.parameters(recurse=False) if weight.ndim > 1]


def adam(parameters: list, rate: float, betas: tuple[float, float] = (0.9, 0.98)) -> torch.optim.Optimizer:
    """The optimizer of discriminators, and of stages that adapt what was learned."""
    return torch.optim.AdamW(parameters, lr=rate, betas=betas, weight_decay=0.01, fused=True)


def rate_by(progress: float) -> float:
    """:func:`rate_at` of a run that may end by the clock: a fortieth of it warms up, however long it is."""
    return rate_at(round(1000 * progress), 1000, warm_up=25)


def rate_at(step: float, steps: int, warm_up: int = 100, final: float = 0.05) -> float:
    """Factor of the learning rate: linear warm-up, then half a cosine down to ``final``."""
    progress = min(1.0, step / max(1, steps))
    return min(1.0, (step + 1) / warm_up) * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress)))
