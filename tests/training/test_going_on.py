"""A run that goes on: with the config that it began with, and for more steps where it had been finished."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from test_corpora import Nothing

from rtvc.errors import TrainingError
from rtvc.training import clock, command, folders, loop
from rtvc.training.config import LOOP_DEFAULTS

QUICK = {"mixed_precision": "no", "workers": 0, "tracker": "none", "log_every": 1, "steps": 2, "noises": None}
OWN = {"name": "run", "stage": "nothing", "batch_size": 4, "weights": {"pitch": 0.5}, "model": None, "some_lr": 1.0}


class Learning(Nothing):
    """Its weights are what it keeps."""

    def save(self, kept: torch.nn.Module, folder: Path) -> None:
        torch.save(kept.state_dict(), folder / "weights")


@pytest.fixture
def config(tmp_path, monkeypatch) -> dict:
    monkeypatch.setattr(folders, "RUNS", tmp_path)
    phases = {"phases": [{"steps": 2, "share": 1.0}], "corpora": {"a": 0.5, "b": 0.5}}
    return LOOP_DEFAULTS | QUICK | OWN | phases


def weights(folder: Path) -> torch.Tensor:
    return torch.cat([value.flatten() for value in torch.load(folder / "weights").values()])


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"batch_size": 8}, "batch_size"),
        ({"weights": {"pitch": 0.6}}, "weights.pitch"),
        ({"model": {"hidden_size": 8}}, "model"),
        ({"corpora": {"a": 0.25, "b": 0.75}}, "corpora"),
        ({"seed": 1}, "seed"),
        ({"phases": [{"steps": 2, "share": 0.5}]}, "phases.1.share"),
        ({"phases": [{"steps": 2, "share": 1.0}] * 2}, "phases"),
    ],
)
def test_a_run_does_not_go_on_with_another_config(changes, key, config):
    loop.train(Learning, config)
    before = {path: path.stat().st_mtime_ns for path in folders.RUNS.rglob("*")}
    with pytest.raises(TrainingError, match=f"“run” began with .* for the key “{key}”.*another --name"):
        loop.train(Learning, config | changes)
    assert {path: path.stat().st_mtime_ns for path in folders.RUNS.rglob("*")} == before
    loop.train(Learning, config | changes | {"name": "other"})


def test_what_a_step_shows_is_printed_when_it_comes(config, capsys):
    loop.train(Learning, config | {"expect": {2: "it is less", 3: "never"}})
    lines = [line for line in capsys.readouterr().out.splitlines() if "to expect" in line]
    assert lines == ["run step 2 to expect: it is less"]


def test_what_decides_nothing_may_be_another(config, capsys):
    loop.train(Learning, config)
    others = {"steps": 3, "minutes": 9, "some_lr": 0.5, "threads": 1, "log_every": 2, "save_minutes": 1.0}
    loop.train(Learning, config | others | {"workers": 1, "evaluate_every": 7, "a_key_of_a_later_version": 1})
    assert "goes on from step 2" in capsys.readouterr().out


def test_more_steps_go_on_with_a_finished_run_as_if_it_had_them_from_the_beginning(config, capsys):
    loop.train(Learning, config | {"steps": 5, "name": "whole"})
    loop.train(Learning, config)
    first = weights(folders.RUNS / "run" / "model")
    loop.train(Learning, config)
    assert "run is finished; more steps go on with it" in capsys.readouterr().out
    loop.train(Learning, config | {"steps": 5})
    assert "run goes on from step 2" in capsys.readouterr().out
    one, other = (weights(folders.RUNS / name / "model") for name in ("whole", "run"))
    assert torch.equal(one, other)
    assert not torch.equal(one, first)
    assert folders.last_checkpoint(folders.RUNS / "run").name == "step_0000005"


def test_a_run_killed_between_its_last_step_and_its_end_still_leaves_a_model(config):
    """Its checkpoint says that all steps were made, and it has not been evaluated or exported yet."""

    class Killed(Learning):
        def summary(self, found: list) -> dict[str, float]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.train(Killed, config | {"save_minutes": 0})
    assert folders.last_checkpoint(folders.RUNS / "run").name == "step_0000002"
    loop.train(Learning, config)
    assert (folders.RUNS / "run" / "model" / "weights").exists()


def test_a_checkpoint_without_a_config_goes_on(config):
    """As versions left them that kept none, with a finished run's clock behind its last phase."""
    loop.train(Learning, config)
    checkpoint = folders.last_checkpoint(folders.RUNS / "run")
    assert json.loads((checkpoint / clock.CONFIG).read_text())["batch_size"] == 4
    (checkpoint / clock.CONFIG).unlink()
    loop.train(Learning, config | {"batch_size": 8, "steps": 3})
    old = loop.Clock([{"steps": 2}])
    old.load_state_dict({"phase": 1, "step": 0, "seconds": 0.0, "total": 2, "best": 1.0})
    assert old.finished


def test_what_is_compared_is_never_of_another_config(config, monkeypatch):
    """Experiments took up whatever lay under a run's name: of other rates, other weights, or stopped half way."""
    calls = []
    monkeypatch.setattr(command, "run", lambda given: calls.append(given["steps"]) or loop.train(Learning, given))
    model = command.result(config)
    assert command.result(config | {"log_every": 7}) == model == folders.RUNS / "run" / "model"
    assert calls == [2], "a finished run is neither trained nor loaded again"
    others = {"batch_size": 8}, {"some_lr": 0.5}, {"weights": {"pitch": 0.6}}, {"new": 1}, {"steps": 3, "seed": 1}
    for changes in others:
        with pytest.raises(TrainingError, match="“run” is of another config, by the key “"):
            command.result(config | changes)
    assert calls == [2]
    (folders.last_checkpoint(folders.RUNS / "run") / clock.CONFIG).unlink()
    with pytest.raises(TrainingError, match="another config"):
        command.result(config)


def test_a_model_of_a_run_that_was_stopped_is_trained_to_its_end(config, monkeypatch):
    """It exports whenever it evaluates, so a model there does not say that the run has ended."""
    config |= {"phases": [{"steps": 1, "share": 1.0}, {"steps": 1, "share": 0.5}], "name": "two"}
    monkeypatch.setattr(command, "run", lambda given: loop.train(Two, given))
    save = loop.Loop.save

    def stopped(self: loop.Loop) -> None:
        save(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop.Loop, "save", stopped)
    with pytest.raises(KeyboardInterrupt):
        command.result(config)
    assert (folders.RUNS / "two" / "model").exists()
    monkeypatch.setattr(loop.Loop, "save", save)
    command.result(config)
    assert folders.last_checkpoint(folders.RUNS / "two").name == "step_0000002"


class Two(Learning):
    """A stage of several phases."""

    @property
    def phases(self) -> list[dict]:
        return self.config["phases"]
