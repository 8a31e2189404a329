"""RTVC-7 made larger: what the small model says, the grown one says too, and learns the rest.

More mel bands above those there are, more bins of the spectra, a higher sampling rate at as many frames a second and
bins of as many Hz.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rtvc.errors import TrainingError
from rtvc.rtvc7 import RTVC7Config, RTVC7Model

PITCH_INPUTS = 2  # behind the latents in what enters the decoder


def grown(small: RTVC7Model, sizes: dict) -> RTVC7Model:
    """``small`` itself where the sizes are its own; else a model of these, keys of RTVC7Config, that goes on from it.

    New inputs count nothing at first, new outputs are what an untrained model's are.

    Raises:
        TrainingError: a size is smaller than it was.
    """
    if all(getattr(small.config, key) == value for key, value in sizes.items()):
        return small
    if smaller := [key for key, value in sizes.items() if value < (getattr(small.config, key) or 0)]:
        raise TrainingError(f"RTVC-7 cannot shrink: {', '.join(smaller)} must be at least what the model has.")
    config = RTVC7Config(**{**small.config.to_diff_dict(), "timbre_size": small.config.timbre_size, **sizes})
    large = RTVC7Model(config)
    state, known = large.state_dict(), small.state_dict()
    for name, values in known.items():
        if name != "flow.order":
            state[name] = _placed(name, values, state[name])
    large.load_state_dict(state)
    return large.eval()


def _placed(name: str, old: Tensor, new: Tensor) -> Tensor:
    """``old`` within a tensor of the shape of ``new``, which keeps biases and buffers and loses weights beside it."""
    if old.shape == new.shape:
        return old.clone()
    placed = new.clone() if new.ndim == 1 else torch.zeros_like(new)
    rows, columns = _places(name, old, new)
    if new.ndim == 1:
        placed[rows] = old
    else:
        placed[rows[:, None], columns] = old.flatten(1)
    return placed


def _places(name: str, old: Tensor, new: Tensor) -> tuple[Tensor, Tensor]:
    """Where rows and columns of a parameter go."""
    rows, columns = torch.arange(old.shape[0]), torch.arange(old[0].numel())
    if name.endswith((".head.weight", ".head.bias")):
        rows[old.shape[0] // 2 :] += (new.shape[0] - old.shape[0]) // 2
    if name == "decoder.enter.weight":
        columns[-PITCH_INPUTS:] += new.shape[1] - old.shape[1]
    return rows, columns
