"""Stages that learn, for a step and an evaluation, where what learns lies on another device than its data.

The stages that are no loop compute on the CPU alone. ``config_of`` knows all that learn; those not in ``TRIED`` have
not been run so yet.
"""

from __future__ import annotations

import pytest
import torch
from second_device import NAME, second_device
from short_runs import settings
from test_rtvc7 import TINY
from test_sayen import SMALL
from test_speaker_training import CONFIG, made_voices  # noqa: F401  # a fixture

from rtvc import phonemes
from rtvc.rtvc7 import RTVC7Config, RTVC7Model
from rtvc.training import command, loop, stages
from rtvc.training.config import load_config

TRIED = ("earspeech", "prior", "joint")
OF_DATA = {"tracker": "none", "steps": 1, "warm_up": 0, "batch_size": 2, "windows": 1, "evaluate_every": 50}
RTVC7 = {key: value for key, value in TINY.items() if key != "vocab_size"} | {"speaker_size": 256}


def config_of(stage: str, people, parts: dict[str, str], tiny_folder) -> dict:
    """The smallest that there is, of which each loss counts from the first step on."""
    if stage == "ge2e":
        config = load_config(CONFIG, ["--workers=0", "--model.hidden_size=16", "--augmented_copies=0"])
        phases = [config["phases"][number] | {"steps": 1, "minutes": None, "seconds": 3} for number in (1, 4)]
        return config | {"phases": [one | {"utterances": 2} for one in phases], "frames": [60, 70], "tracker": "none"}
    encoders = {name: parts[name] for name in ("earspeech", "tuned_ge2e")}
    own = {
        "earspeech": {"recogniser_size": 16, "recogniser_layers": 1},
        "sayen": encoders | {"model": SMALL | {"speaker_size": 32}, "seconds": 0.5, "development_pairs": 2},
        "decoder": {"model": RTVC7, "adversarial_from": 0, "posterior_steps": 5},
        "prior": {"init": parts["large"], "seconds": 4},
        "polish": encoders | {"init": parts["large"], "decoder": None, "opponent": None, "seconds": 4},
        "joint": {"rtvc_ckpt": str(tiny_folder)},
        "finetune": {"recordings": str(people / "ann"), "held_out": 1, "seconds": 4, "longest": 2.0},
    }[stage]
    config = settings(stage, people)
    silent = {"weights": config["weights"] | {"teacher": 0.0}} if "teacher" in config.get("weights", {}) else {}
    silent |= {"teacher_weight": 0.0} if "teacher_weight" in config else {}  # it has a test of its own
    return config | {key: value for key, value in OF_DATA.items() if key in config} | silent | own


@pytest.mark.parametrize("stage", TRIED)
def test_a_stage_learns_and_is_evaluated_on_a_second_device(stage, people, place, parts, tiny_folder, request, capsys):
    """What is made on the CPU and meets what learns, or is read from it as if it lay here, is an error."""
    RTVC7Model(RTVC7Config(vocab_size=len(phonemes.SYMBOLS), **RTVC7)).save_pretrained(place / "large")
    config = config_of(stage, people, parts | {"large": str(place / "large")}, tiny_folder)
    patch = request.getfixturevalue("monkeypatch")
    if stage == "ge2e":
        request.getfixturevalue("made_voices")
    if stage == "finetune":
        config.pop("corpora")
        patch.setattr("rtvc.training.stages.finetune.LEAST_SECONDS", 1.0)
    where: list[str] = []

    class There(loop.Loop):
        """Once the stage has its data: what learns is moved, and learns."""

        def __init__(self, *given):
            with second_device(patch):
                super().__init__(*given)

        def run(self):
            with second_device(patch):
                return super().run()

        def save(self):
            where.extend(one.device.type for model in self.models for one in model.parameters())

    patch.setattr(loop, "Loop", There)
    patch.setattr(stages.find(stage), "save", lambda *_: None)
    patch.setattr(loop, "describe", lambda *_: None)
    command.run(config)
    assert set(where) == {NAME}
    printed = capsys.readouterr().out
    assert f"{stage} " in printed
    assert "evaluation" in printed


def test_the_second_device_refuses_what_a_gpu_refuses(monkeypatch):
    with second_device(monkeypatch) as device:
        there, here = torch.ones(3, device=device), torch.ones(3)
        assert (there + torch.tensor(1.0)).cpu().tolist() == [2.0, 2.0, 2.0]
        for wrong in (lambda: there + here, lambda: there.numpy(), lambda: torch.stack([there, here])):
            with pytest.raises((RuntimeError, TypeError)):
                wrong()
