"""What the machine that trains does well, what it must be told, and what its processes tell each other."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from accelerate.utils import parse_flag_from_env
from torch import Tensor, distributed

from rtvc.errors import TrainingError

SPLITTING = {
    "FSDP": "FSDP",
    "DEEPSPEED": "DeepSpeed",
    "MEGATRON_LM": "Megatron-LM",
}  # by how Accelerate's launcher asks


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


def computes_bf16(device: str = "cpu") -> bool:
    """Whether bf16 is worth it on a kind of device: processors without AVX-512 take 80 times as long for a product as
    in float32, and GPUs before Ampere (T4, V100) compute it in float32 after converting every number."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.backends.cpu.get_cpu_capability() == "AVX512"


def refuse_splitting() -> None:
    """Raises TrainingError where the launcher was told to split models among devices."""
    if asked := next((name for key, name in SPLITTING.items() if parse_flag_from_env(f"ACCELERATE_USE_{key}")), None):
        raise TrainingError(
            f"{asked} splits models that are too large for one device, and these are not: say no to it in “accelerate "
            "config”, or launch with --multi_gpu."
        )


class _Everybodys(torch.autograd.Function):
    """Each process's tensor of one shape; what all of them lose by one's is that one's gradient."""

    @staticmethod
    def forward(context: Any, mine: Tensor) -> Tensor:
        parts = [torch.empty_like(mine) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, mine.contiguous())
        return torch.stack(parts)

    @staticmethod
    def backward(context: Any, gradients: Tensor) -> Tensor:
        gradients = gradients.clone()
        distributed.all_reduce(gradients)
        return gradients[distributed.get_rank()]


def gathered(rows: Tensor) -> Tensor:
    """The rows (…, size) of all processes behind one another, in the processes' order, those of the others with their
    gradients too; each process may have another number of them."""
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return rows
    counts = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(distributed.get_world_size())]
    distributed.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
    most = int(max(counts))
    padded = torch.cat([rows, rows.new_zeros(most - len(rows), *rows.shape[1:])])
    return torch.cat([part[: int(count)] for part, count in zip(_Everybodys.apply(padded), counts, strict=True)])
