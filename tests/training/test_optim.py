"""Muon and AdamW as one optimizer, against torch's own of each."""

from __future__ import annotations

import torch
from torch import nn

from rtvc.sayen import SayENConfig, SayENModel
from rtvc.training.optim import MuonAndAdamW, matrices, muon, orthogonal
from rtvc.tuned_ge2e import TunedGE2EConfig, TunedGE2EModel


def test_orthogonal_keeps_directions_and_evens_lengths():
    torch.manual_seed(0)
    for shape in ((20, 50), (50, 20)):
        matrix = torch.randn(shape)
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        lengths = torch.linalg.svdvals(orthogonal(matrix))
        assert lengths.min() > 0.6
        assert lengths.max() < 1.3
        assert torch.nn.functional.cosine_similarity(orthogonal(matrix), left @ right).mean() > 0.97


def _step(make, parameters: list[nn.Parameter], gradients: list[list[torch.Tensor]]) -> list[torch.Tensor]:
    copies = [nn.Parameter(one.clone()) for one in parameters]
    optimizer = make(copies)
    for some in gradients:
        for one, gradient in zip(copies, some, strict=True):
            one.grad = gradient.clone()
        optimizer.step()
    return [one.detach() for one in copies]


def test_steps_are_those_of_torch():
    """Of torch's Muon up to its bfloat16, and exactly of its AdamW."""
    torch.manual_seed(0)
    matrix, vector = nn.Parameter(torch.randn(24, 40)), nn.Parameter(torch.randn(24))
    gradients = [[torch.randn(24, 40), torch.randn(24)] for _ in range(4)]
    firsts, seconds = [some[:1] for some in gradients], [some[1:] for some in gradients]
    ours = _step(lambda both: MuonAndAdamW(both[:1], [{"params": both[1:]}], 0.1, 0.02), [matrix, vector], gradients)
    muon = _step(lambda one: torch.optim.Muon(one, 0.1, 0.02, adjust_lr_fn="match_rms_adamw"), [matrix], firsts)
    adamw = _step(lambda one: torch.optim.AdamW(one, 0.1, (0.9, 0.98), weight_decay=0.02), [vector], seconds)
    moved = muon[0] - matrix.detach()
    assert (ours[0] - muon[0]).norm() < 0.03 * moved.norm()
    torch.testing.assert_close(ours[1], adamw[0])


def test_kernels_of_a_convolution_are_one_matrix_and_what_has_no_gradient_rests():
    torch.manual_seed(0)
    kernels, gradient, idle = torch.randn(8, 4, 3), torch.randn(8, 4, 3), nn.Parameter(torch.ones(3, 3))
    one, other = nn.Parameter(kernels.clone()), nn.Parameter(kernels.flatten(1).clone())
    one.grad, other.grad = gradient, gradient.flatten(1)
    MuonAndAdamW([one, idle], [], 0.1, 0.0).step()
    MuonAndAdamW([other], [], 0.1, 0.0).step()
    torch.testing.assert_close(one.flatten(1), other)
    assert torch.equal(idle, torch.ones(3, 3))


def test_a_saved_state_goes_on_the_same():
    torch.manual_seed(0)
    gradients = torch.randn(6, 5, 7)

    def run(resumed_after: int | None) -> torch.Tensor:
        parameter = nn.Parameter(torch.ones(5, 7))
        optimizer = MuonAndAdamW([parameter], [], 0.1, 0.0)
        for number, gradient in enumerate(gradients):
            if number == resumed_after:
                state, optimizer = optimizer.state_dict(), MuonAndAdamW([parameter], [], 0.1, 0.0)
                optimizer.load_state_dict(state)
            parameter.grad = gradient
            optimizer.step()
        return parameter.detach()

    assert torch.equal(run(None), run(3))


def _names(model: nn.Module, parameters: list[nn.Parameter]) -> list[str]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return [names[id(parameter)] for parameter in parameters]


def test_matrices_are_the_weights_that_mix():
    """Not depthwise convolutions, embeddings, norms, biases."""
    layers = [nn.Linear(4, 4), nn.Conv1d(4, 4, 3), nn.Conv1d(4, 4, 3, groups=4), nn.Embedding(5, 4), nn.LayerNorm(4)]
    model = nn.Sequential(*layers, nn.Conv2d(1, 4, 3), nn.LSTM(4, 3))
    assert _names(model, matrices(model)) == ["0.weight", "1.weight", "5.weight", "6.weight_ih_l0", "6.weight_hh_l0"]


def test_of_the_encoder_everything_but_vectors_learns_by_muon():
    """In the order of before: a checkpoint's states are told apart by their place."""
    model, head = TunedGE2EModel(TunedGE2EConfig(hidden_size=16)), nn.Linear(256, 4)
    head.weight.requires_grad_(False)
    apart = {"params": [nn.Parameter(torch.ones(2))], "weight_decay": 0.0}
    inner, others, last = muon([model, head], 0.0, 0.05, [model], [apart]).param_groups
    parameters = list(model.named_parameters())
    assert _names(model, inner["params"]) == [name for name, parameter in parameters if parameter.ndim > 1]
    assert _names(model, others["params"][:-1]) == [name for name, parameter in parameters if parameter.ndim < 2]
    assert others["params"][-1] is head.bias, "what is held does not learn"
    assert (inner["weight_decay"], others["weight_decay"], last["weight_decay"]) == (0.05, 0.05, 0.0)


def test_of_sayen_the_matrices_of_the_blocks_learn_by_muon():
    model = SayENModel(SayENConfig())
    inner, others = muon([model], 0.1, within=[model.blocks]).param_groups
    wanted = [name for name, parameter in model.named_parameters() if "blocks." in name and parameter.ndim == 2]
    assert _names(model, inner["params"]) == wanted
    assert _names(model, others["params"]) == [name for name, _ in model.named_parameters() if name not in wanted]
