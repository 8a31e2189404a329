"""What two processes do together is what a single one does: they are started once for all of these tests."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from short_runs import ROOT
from torch import nn

from rtvc.errors import TrainingError
from rtvc.training import folders, machine
from rtvc.training.config import load_config
from rtvc.training.losses import TunedGE2ELoss
from rtvc.training.optim import MuonAndAdamW
from rtvc.training.stages import ge2e
from rtvc.training.stages.joint import people_apart

PHASE = {"train_earspeech": False, "hold_margin": False, "margin": True, "share": 0.5, "ge2e_weight": 0.2}
PEOPLE_OF = (5, 3)  # each process's


def encoding() -> ge2e.SpeakerEncoding:
    """The same in every process; without what depends on who else is in a batch."""
    torch.manual_seed(0)
    config = load_config(ROOT / "configs" / "ge2e.yaml", ["--workers", "0", "--model.hidden_size", "16"])
    return ge2e.SpeakerEncoding(config).eval()


def everybody() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    people = sum(PEOPLE_OF)
    crops = torch.randn(people, 2, 40, 64, generator=random)
    return crops, torch.randn(people, 2, 256, generator=random), torch.arange(people)


def learned(rank: int) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
    """One process's losses and gradients."""
    kept = encoding()
    start = sum(PEOPLE_OF[:rank])
    batch = tuple(rows[start : start + PEOPLE_OF[rank]] for rows in everybody())
    together = torch.nn.parallel.DistributedDataParallel(kept, find_unused_parameters=True)
    losses = together(batch, PHASE, 0.0)
    losses["total"].backward()
    gradients = {name: one.grad for name, one in kept.named_parameters() if one.grad is not None}
    return {name: value.item() for name, value in losses.items()}, gradients


def told_apart(people: slice) -> tuple[float, torch.Tensor]:
    """The loss of the stage `joint` by which people are told apart, and its gradient."""
    _, voices, who = everybody()
    voices = voices[people].requires_grad_()
    apart = people_apart(TunedGE2ELoss(), voices, who[people])
    apart.backward()
    return apart.item(), voices.grad


def refused(rank: int, folder: Path) -> list[str]:
    """What a process is told where all share a cache and a folder of runs, and where each has its own cache."""
    said, machine.SEEN_WITHIN, folders.RUNS = [], 0.0, folder / "runs"
    for cache in ("cache", f"cache{rank}"):
        folders.CACHE = folder / cache
        try:
            machine.refuse_separate_disks()
            said.append("")
        except TrainingError as error:
            said.append(str(error))
    return said


def moved() -> torch.Tensor:
    """Where an optimizer takes three matrices, whose work several processes share."""
    matrices = [nn.Parameter(torch.ones(5, 7)) for _ in range(3)]
    optimizer = MuonAndAdamW(matrices, [], 0.1, 0.0)
    for gradient in torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0)):
        for number, matrix in enumerate(matrices):
            matrix.grad = gradient * (number + 1) + number
        optimizer.step()
    return torch.stack([matrix.detach() for matrix in matrices])


def of_two(rank: int, folder: Path) -> None:
    """What one of two processes does; it leaves what it found in ``folder``."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    start = sum(PEOPLE_OF[:rank])
    joint = told_apart(slice(start, start + PEOPLE_OF[rank]))
    torch.save((moved(), *learned(rank), joint, refused(rank, folder)), folder / str(rank))
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> list[tuple]:
    """What each of two found."""
    folder = tmp_path_factory.mktemp("two")
    torch.multiprocessing.spawn(of_two, (folder,), nprocs=2)
    return [torch.load(folder / str(rank)) for rank in (0, 1)]


def test_two_processes_that_share_the_work_move_as_a_single_one(both):
    for matrices, *_ in both:
        torch.testing.assert_close(matrices, moved())


def test_two_processes_learn_from_all_their_people_together(both):
    """Loss and gradients are those of one process with the joined batch, however many people each of the two drew."""
    kept = encoding()
    losses = kept(everybody(), PHASE, 0.0)
    losses["total"].backward()
    mine = {name: one.grad for name, one in kept.named_parameters() if one.grad is not None}
    for _, theirs, gradients, *_ in both:
        assert theirs == pytest.approx({name: value.item() for name, value in losses.items()}, rel=1e-5)
        assert set(gradients) >= set(mine)
        for name, gradient in mine.items():
            torch.testing.assert_close(gradients[name], gradient, rtol=1e-3, atol=1e-6, msg=name)


def test_two_processes_tell_the_people_of_both_apart_in_joint_training(both):
    """Each process once compared its own people alone."""
    loss, gradient = told_apart(slice(None))
    for (*_, (theirs, own), _), mine in zip(both, gradient.split(PEOPLE_OF), strict=True):
        assert theirs == pytest.approx(loss, rel=1e-5)
        torch.testing.assert_close(own, 2 * mine, rtol=1e-4, atol=1e-7)  # both lose by it; DDP halves


def test_disks_apart_are_refused(both):
    for *_, (shared, parted) in both:
        assert shared == ""
        assert parted.startswith("Not every process finds in RTVC_CACHE what the first one writes there;")
