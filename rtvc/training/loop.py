"""What every training loop here needs: resumable checkpoints, a schedule, running means of losses."""

from __future__ import annotations

import ctypes
import math
import time
from pathlib import Path

import torch
from torch import nn

RUNS = Path(__file__).parents[2] / "runs"


def keep_memory() -> None:
    """Let glibc keep freed memory: given back and fetched anew at every operation it costs half of a CPU's time."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except OSError:  # another C library
        return
    m_trim_threshold, m_mmap_threshold, m_arena_max = -1, -3, -8  # <malloc.h>
    mallopt(m_mmap_threshold, 2**31 - 1)
    mallopt(m_trim_threshold, 2**31 - 1)
    mallopt(m_arena_max, 1)


def rate_at(step: int, steps: int, warm_up: int = 100, final: float = 0.05) -> float:
    """Factor of the learning rate: linear warm-up, then half a cosine down to ``final``."""
    progress = min(1.0, step / max(1, steps))
    return min(1.0, (step + 1) / warm_up) * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress)))


class Clock:
    """Seconds of training so far, over all runs that were resumed."""

    def __init__(self):
        self.before, self.began = 0.0, time.monotonic()

    def seconds(self) -> float:
        return self.before + time.monotonic() - self.began

    def state_dict(self) -> dict:
        return {"seconds": self.seconds()}

    def load_state_dict(self, state: dict) -> None:
        self.before, self.began = state["seconds"], time.monotonic()


class Checkpoint:
    """Models and optimizers of a run, saved every few minutes to ``folder/checkpoint.pt`` and resumed from there."""

    def __init__(self, folder: Path, parts: dict, minutes: float = 4.0):
        self.path, self.parts, self.period = folder / "checkpoint.pt", parts, 60 * minutes
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.saved = time.monotonic()

    def resume(self) -> int:
        """Load what was saved; the step to go on with."""
        if not self.path.exists():
            return 0
        state = torch.load(self.path, weights_only=True)
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        return state["step"]

    def save(self, step: int) -> None:
        temporary = self.path.with_suffix(".new")
        torch.save({name: part.state_dict() for name, part in self.parts.items()} | {"step": step}, temporary)
        temporary.replace(self.path)
        self.saved = time.monotonic()

    def save_if_due(self, step: int) -> bool:
        if time.monotonic() - self.saved < self.period:
            return False
        self.save(step)
        return True


class Means:
    """Running means of named losses, printed every ``every`` steps with the time a step takes."""

    def __init__(self, name: str, every: int = 50):
        self.name, self.every, self.values, self.began = name, every, {}, time.monotonic()

    def add(self, step: int, **losses: float | torch.Tensor) -> None:
        for key, value in losses.items():
            value = value.item() if isinstance(value, torch.Tensor) else value
            self.values[key] = 0.96 * self.values.get(key, value) + 0.04 * value
        if step % self.every == 0:
            pace = (time.monotonic() - self.began) / self.every
            self.began = time.monotonic()
            shown = " ".join(f"{key} {value:.3f}" for key, value in self.values.items())
            print(f"{self.name} step {step} {shown} ({pace:.2f} s/step)", flush=True)


class Average(nn.Module):
    """Exponential moving average of a module's weights (the ones to keep)."""

    def __init__(self, module: nn.Module, decay: float = 0.998):
        super().__init__()
        self.decay, self.of = decay, [module]
        self.shadow = nn.ParameterDict({k.replace(".", "/"): v.detach().clone() for k, v in module.named_parameters()})
        self.shadow.requires_grad_(False)

    @torch.no_grad()
    def update(self) -> None:
        mine = [self.shadow[key.replace(".", "/")] for key, _ in self.of[0].named_parameters()]
        torch._foreach_lerp_(mine, [value.detach() for value in self.of[0].parameters()], 1 - self.decay)

    @torch.no_grad()
    def apply(self) -> None:
        """Put the average in place of the module's weights."""
        for key, value in self.of[0].named_parameters():
            value.copy_(self.shadow[key.replace(".", "/")])
