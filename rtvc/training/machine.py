"""What the machine that trains does well, and what it must be told."""

from __future__ import annotations

import ctypes

import torch


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
