"""What the machine that trains does well, what it must be told, and what its processes tell each other."""

from __future__ import annotations

import ctypes
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import parse_flag_from_env
from torch import Tensor, distributed

from rtvc.errors import TrainingError
from rtvc.training import folders

SEEN_WITHIN = 5.0  # seconds, of what another machine wrote on a disk in the network
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


def refuse_separate_disks() -> None:
    """The first process fills the cache and writes checkpoints for all: each must see what it writes there.

    Raises:
        TrainingError: in all of several processes, where one does not.
    """
    if not _are_several():
        return
    is_first, token = distributed.get_rank() == 0, [uuid.uuid4().hex]
    distributed.broadcast_object_list(token)
    places = {"RTVC_CACHE": folders.CACHE / f".{token[0]}", "RTVC_RUNS": folders.RUNS / f".{token[0]}"}
    for place in places.values() if is_first else ():
        with suppress(OSError):  # then it does not see it itself
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    distributed.barrier()
    missed: list = [None] * distributed.get_world_size()
    distributed.all_gather_object(missed, [name for name, place in places.items() if not _appears(place)])
    for place in places.values() if is_first else ():
        place.unlink(missing_ok=True)
    if unseen := sorted({name for names in missed for name in names}):
        raise TrainingError(
            f"Not every process finds in {' and '.join(unseen)} what the first one writes there; let them name one "
            "folder that can be written, of several machines on a disk that all of them share."
        )


def _appears(place: Path) -> bool:
    until = time.monotonic() + SEEN_WITHIN
    while not place.exists() and time.monotonic() < until:
        time.sleep(0.1)
    return place.exists()


def _are_several() -> bool:
    return distributed.is_initialized() and distributed.get_world_size() > 1


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
    if not _are_several():
        return rows
    counts = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(distributed.get_world_size())]
    distributed.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
    most = int(max(counts))
    padded = torch.cat([rows, rows.new_zeros(most - len(rows), *rows.shape[1:])])
    return torch.cat([part[: int(count)] for part, count in zip(_Everybodys.apply(padded), counts, strict=True)])
