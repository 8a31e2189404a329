"""The loop on Accelerate: exact resuming, several processes, trackers, errors."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
import yaml
from accelerate import Accelerator
from safetensors.torch import load_file
from short_runs import QUICK, ROOT, SMALLER, joint, losses, settings
from test_corpora import Nothing
from test_sayen import SMALL
from torch.optim.swa_utils import AveragedModel

from rtvc.errors import TrainingError
from rtvc.rtvc7 import RTVC7Config
from rtvc.training import command, folders, loop
from rtvc.training.config import LOOP_DEFAULTS
from rtvc.training.discriminators import Discriminators
from rtvc.training.optim import rate_at


def test_a_run_killed_for_real_ends_with_the_weights_of_one_never_killed(people, place, cache, tiny_folder):
    """`kill -9` of a process with a worker beside it, in bfloat16, wherever it is after its first step."""
    changes = {"mixed_precision": "bf16", "workers": 1, "save_minutes": 0}
    small = {"batch_size": 2, "windows": 1, "frames": 24, "longest": 1.0}  # bfloat16 is slow on many CPUs
    config = joint(people, tiny_folder, steps=3, **changes, **small)
    (place.parent / "config.yaml").write_text(yaml.safe_dump(config | {"name": "killed"}))
    environment = os.environ | {"RTVC_RUNS": str(place), "RTVC_CACHE": str(cache), "RTVC_DATA": str(place.parent)}
    environment |= {"PYTHONPATH": str(ROOT)}
    call = [sys.executable, "train.py", "--config", str(place.parent / "config.yaml")]
    with subprocess.Popen(call, cwd=ROOT, env=environment, start_new_session=True) as process:
        while process.poll() is None and not folders.last_checkpoint(place / "killed"):
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert folders.last_checkpoint(place / "killed").name < "step_0000003"
    for name in ("whole", "killed"):
        command.run(config | {"name": name})
    one, other = (load_file(place / name / "model" / "model.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("stage", ["joint", "sayen"])
def test_a_killed_run_ends_with_the_weights_of_one_never_killed(stage, people, place, tiny_folder, parts, monkeypatch):
    """Dropout, noise, crops, averages and every optimizer go on as if nothing had been."""
    if stage == "joint":
        config = joint(people, tiny_folder, steps=4, sayen_dropout=0.3, gradient_accumulation_steps=2)
    else:
        small = {"model": SMALL | {"speaker_size": 32}, "seconds": 0.5, "development_pairs": 1}
        config = settings(
            "sayen", people, steps=4, **{name: parts[name] for name in ("earspeech", "tuned_ge2e")}, **small
        )
    command.run(config | {"name": "whole"})
    config["save_minutes"] = 0  # a checkpoint after every step
    tick = loop.Clock.tick

    def killed(clock):
        if clock.total == 2:  # at the end of the third step, the last checkpoint is of the second
            raise KeyboardInterrupt
        return tick(clock)

    monkeypatch.setattr(loop.Clock, "tick", killed)
    with pytest.raises(KeyboardInterrupt):
        command.run(config | {"name": "killed"})
    monkeypatch.setattr(loop.Clock, "tick", tick)
    command.run(config | {"name": "killed"})
    one, other = (load_file(place / name / "model" / "model.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_finished_run_has_nothing_left_to_do(people, place, tiny_folder, capsys):
    config = joint(people, tiny_folder, steps=1)
    command.run(config)
    capsys.readouterr()
    command.run(config)
    assert "another --name" in capsys.readouterr().out


def test_two_processes_do_what_one_does_that_accumulates_two(people, place, cache, tiny_folder, capsys):
    """Gradients (Adam's first moments after the step) are equal, and so is the evaluation that the two share. Without
    GE2E, whose people are those of all processes: see `test_two_processes_learn_from_all_their_people_together`."""
    given = {
        "weights.ge2e": 0.0,
        "rtvc_ckpt": tiny_folder,
        "corpora": f"{{{people}: 1.0}}",
        "steps": 2,
    }
    call = [f"--{key}={value}" for key, value in (QUICK | SMALLER | given).items()]
    environment = os.environ | {"RTVC_RUNS": str(place), "RTVC_CACHE": str(cache), "RTVC_DATA": str(place)}
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "train.py"]
    capsys.readouterr()
    assert command.main([*call, "--gradient_accumulation_steps=2", "--name=one"]) == 0
    done = subprocess.run(
        [*launch, *call, "--name=two"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    printed = [one[one.index("evaluation") :] for one in (capsys.readouterr().out, done.stdout)]
    for figure in ("latents", "enhancement", "spectral"):
        values = [losses(one, figure) for one in printed]
        assert values[0] == pytest.approx(values[1], rel=2e-3)
        assert len(values[0]) == 1
    of_opponent = len(list(Discriminators(RTVC7Config()).parameters()))
    for optimizer, least in (("optimizer.bin", 101), ("optimizer_1.bin", of_opponent)):  # of the model, its opponent's
        states = [
            torch.load(place / name / "checkpoints" / "step_0000002" / optimizer)["state"] for name in ("one", "two")
        ]
        assert len(states[0]) == len(states[1]) >= least
        moments = [torch.cat([one["exp_avg"].flatten() for one in state.values()]) for state in states]
        assert (moments[0] - moments[1]).norm() < 1e-3 * moments[0].norm()


def test_all_processes_evaluate_where_the_first_ones_clock_says_so(tmp_path, monkeypatch):
    """A process whose own clock had already ended the phase once left out an evaluation that the others gathered in."""
    monkeypatch.setattr(folders, "RUNS", tmp_path)
    first = iter([20.0, 20.0, 60.0])  # what the first process tells after each step
    monkeypatch.setattr(Accelerator, "num_processes", 2)
    monkeypatch.setattr(loop, "broadcast", lambda _: torch.tensor([next(first), 0.0]))
    monkeypatch.setattr(loop, "gather_object", lambda found: found)
    steps, evaluated = [], []

    class Second(Nothing):
        def losses(self, batch: torch.Tensor, clock: loop.Clock) -> dict[str, torch.Tensor]:
            clock.seconds = 70.0  # by its own watch the minute is over
            steps.append(clock.step)
            return super().losses(batch, clock)

        def summary(self, found: list) -> dict[str, float]:
            evaluated.append(len(steps))
            return {}

    quick = {"mixed_precision": "no", "workers": 0, "tracker": "none", "evaluate_every": 1, "steps": 9, "minutes": 1}
    loop.train(Second, LOOP_DEFAULTS | quick | {"name": "run", "stage": "nothing"})
    assert evaluated == [1, 2, 3], "the last when the phase had ended for all"


def test_tensorboard_gets_curves_sounds_and_spectrograms(people, place, tiny_folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    command.run(joint(people, tiny_folder, steps=2, evaluate_every=1))
    events = EventAccumulator(str(place / "joint" / "logs")).Reload()
    assert {"total", "ge2e", "enhancement", "evaluation/latents", "data_share"} <= set(events.Tags()["scalars"])
    assert len(events.Scalars("evaluation/latents")) == 2
    assert {"generated", "real", "enhanced"} <= set(events.Tags()["audio"]) & set(events.Tags()["images"])


def test_a_full_disk_is_said_and_leaves_the_last_checkpoint(people, place, tiny_folder, monkeypatch, capsys):
    config = joint(people, tiny_folder, steps=3, save_minutes=0)
    checkpoints, sync, synced = place / "joint" / "checkpoints", os.fsync, set()

    def full(handle: int) -> None:
        synced.add(os.fstat(handle).st_ino)
        if list(checkpoints.glob("step_0000002*")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrainingError, match="No space left on device.*make room"):
        command.run(config)
    (kept,) = checkpoints.iterdir()
    assert kept.name == "step_0000001"
    assert (kept / "pytorch_model.bin").stat().st_ino in synced, "what is renamed has reached the disk"


def test_a_checkpoint_half_written_when_the_power_failed_is_passed_over(people, place, tiny_folder, capsys):
    config = joint(people, tiny_folder, steps=2)
    command.run(config | {"steps": 1})
    broken = place / "joint" / "checkpoints" / "step_0000009.new"
    broken.mkdir()
    (broken / "pytorch_model.bin").write_bytes(b"half")
    assert folders.last_checkpoint(place / "joint").name == "step_0000001"


def test_a_loss_that_is_no_number_stops_the_run_and_is_named(people, place, tiny_folder, monkeypatch):
    from rtvc.training import synthesis as module

    monkeypatch.setattr(module, "weighted", lambda found, weights: found | {"total": found["pitch"] * torch.nan})
    with pytest.raises(TrainingError, match="“total” of joint became nan at step 2.*lower learning rate"):
        command.run(joint(people, tiny_folder))
    assert not (place / "joint" / "model").exists()


def test_learning_rate_warms_up_and_falls():
    rates = [rate_at(step, 1000) for step in range(1001)]
    assert rates[0] < 0.05
    assert max(rates) == pytest.approx(1.0, abs=0.05)
    assert rates[-1] == pytest.approx(0.05)


def test_phases_end_after_their_steps_or_minutes():
    clock, ends = loop.Clock([{"steps": 2}, {"steps": 100, "minutes": 1e-9}]), []
    while not clock.finished:
        ends.append(clock.tick())
        if ends[-1]:
            clock.next_phase()
    assert ends == [False, True, True]
    assert clock.total == 3


def test_the_average_of_a_short_run_forgets_where_it_started():
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.data.zero_()
    average = AveragedModel(model, multi_avg_fn=loop.moving_average(0.998))
    for value in [0.0] + 100 * [1.0]:
        model.weight.data.fill_(value)
        average.update_parameters(model)
    assert average.module.weight.item() > 0.99
    model.weight.data.zero_()
    for _ in range(3000):
        average.update_parameters(model)
    model.weight.data.fill_(1.0)
    average.update_parameters(model)
    assert average.module.weight.item() == pytest.approx(0.002, abs=1e-3)  # and of a long one has its horizon


@pytest.mark.parametrize(("supported", "precision"), [(True, "bf16"), (False, "no")])
def test_bf16_is_computed_where_the_device_has_it(supported, precision, monkeypatch):
    """Every GPU was once believed to have it: a T4 or V100 emulates it, slower than float32."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: supported)
    assert loop.precision("bf16") == precision
    assert loop.precision("no") == "no"


@pytest.mark.parametrize("wanted", ["fp16", "fp8", "half"])
def test_other_precisions_are_refused_in_a_sentence(wanted, people, place, tiny_folder):
    with pytest.raises(TrainingError, match=f"“mixed_precision” must be bf16 or no, not {wanted}"):
        command.run(joint(people, tiny_folder, mixed_precision=wanted))
