"""The loop on Accelerate: every stage for a few steps, exact resuming, several processes, trackers, errors."""

from __future__ import annotations

import copy
import errno
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from test_rtvc7 import TINY
from test_sayen import SMALL

from rtvc import audio
from rtvc.earspeech import EarSpeechModel
from rtvc.errors import TrainingError
from rtvc.loading import CHECKPOINT, load
from rtvc.rtvc7 import RTVC7Config, RTVC7Model
from rtvc.sayen import SayENConfig, SayENModel
from rtvc.training import corpora, data, loop, stages
from rtvc.training.losses import Discriminators
from rtvc.training.rtvc7 import Opponent, Synthesis

ROOT = Path(__file__).parents[1]
LINES = (
    "The cat sat on the mat.",
    "We went to the sea in May.",
    "Please bring two red bags.",
    "It is a long way home.",
)
PEOPLE = {"woman": "ann", "man": "bob", "young-man": "ls_669"}  # the last is a development speaker's name
QUICK = {"mixed_precision": "no", "workers": 0, "log_every": 1, "evaluate_every": 50, "save_minutes": 60.0}
SMALLER = {"batch_size": 4, "seconds": 1.0, "longest": 1.5, "frames": 40, "windows": 2, "warm_up": 1, "shifted": []}


@pytest.fixture(scope="session")
def people(bundled, tmp_path_factory) -> Path:
    """A folder of three people who say four sentences each, as the bundled model speaks, with texts."""
    folder = tmp_path_factory.mktemp("people")
    for recording, speaker in PEOPLE.items():
        voice = bundled.enroll(ROOT / "examples" / "voices" / f"{recording}.flac")
        (folder / speaker).mkdir()
        for number, line in enumerate(LINES):
            spoken = bundled(line, voice=voice)
            audio.write(folder / speaker / f"{number}.wav", spoken["audio"], spoken["sampling_rate"])
            (folder / speaker / f"{number}.txt").write_text(line)
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def place(tmp_path, cache, monkeypatch) -> Path:
    """No archives, a cache of the session's own, an empty folder of runs: it is returned."""
    monkeypatch.setattr(corpora, "DATA", tmp_path)
    monkeypatch.setattr(data, "CACHE", cache)
    monkeypatch.setattr(loop, "RUNS", tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture
def parts(place, tiny_model) -> dict[str, str]:
    """Folders of tiny components."""
    for name in ("earspeech", "tuned_ge2e", "sayen", "rtvc7"):
        getattr(tiny_model, name).save_pretrained(place / "parts" / name)
    return {name: str(place / "parts" / name) for name in ("earspeech", "tuned_ge2e", "sayen", "rtvc7")}


def settings(stage: str, people: Path, **changes) -> dict:
    config = stages.load_config(ROOT / "configs" / f"{stage}.yaml", []) | QUICK | {"corpora": {str(people): 1.0}}
    sizes = {key: value for key, value in SMALLER.items() if key in config}
    if not importlib.util.find_spec("resemblyzer"):  # of the stages that have such a listener
        config |= {"teacher_weight": 0.0} if "teacher_weight" in config else {}
        config |= {"weights": config["weights"] | {"teacher": 0.0}} if "teacher" in config.get("weights", {}) else {}
    return config | sizes | changes


def joint(people: Path, tiny_folder: Path, **changes) -> dict:
    return settings("joint", people, **({"rtvc_ckpt": str(tiny_folder), "steps": 4} | changes))


def losses(printed: str, name: str, of: str = "") -> list[float]:
    """Values printed behind ``name``, of lines with ``of``."""
    lines = [line for line in printed.splitlines() if of in line]
    return [float(one) for line in lines for one in re.findall(rf"\b{name} (-?[\d.]+)", line)]


def falls(values: list[float]) -> bool:
    """Of an evaluation, which is of the same batches each time."""
    return len(values) > 2 and values[-1] < values[0]


# ---------------------------------------------------------------------------------------------- the joint stage
def test_the_specified_call_trains_all_four_and_leaves_a_folder_that_speaks(
    people, place, tiny_folder, monkeypatch, capsys, woman
):
    """`train.py --rtvc_ckpt <folder> --ge2e_lr 1e-5 --sayen_dropout 0.3 --batch_size 32`, on a few clips."""
    call = ["--rtvc_ckpt", str(tiny_folder), "--ge2e_lr", "1e-5", "--sayen_dropout", "0.3", "--batch_size", "32"]
    here = [f"--{key}={value}" for key, value in (QUICK | {"warm_up": 0, "steps": 3, "threads": 1}).items()]
    here += ["--corpora", f"{{{people}: 1.0}}", "--shifted", "[]", "--seconds", "1", "--windows", "2", "--frames", "40"]
    assert stages.main([*call, *here]) == 0, capsys.readouterr().err
    printed = capsys.readouterr().out
    assert "joint step 3" in printed
    before, after = (load_file(one / "model.safetensors") for one in (tiny_folder, place / "joint" / "model"))
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name].half(), after[name].half())}
    assert moved == {"earspeech", "tuned_ge2e", "sayen", "rtvc7"}
    clone = load(place / "joint" / "model")
    assert clone.model.config.sayen_config.sayen_dropout == 0.3
    assert len(clone("Hello there.", voice=woman)["audio"]) > 1000
    assert "joint" in (place / "joint" / "model" / "README.md").read_text()
    with pytest.raises(SystemExit, match="0"):
        stages.main(["--help"])


def test_each_component_has_its_own_rate(people, place, tiny_folder):
    from rtvc.training.joint import Joint

    rates = {"earspeech_lr": 1e-3, "ge2e_lr": 2e-3, "sayen_lr": 3e-3, "rtvc7_lr": 4e-3}
    stage = Joint(joint(people, tiny_folder, steps=1000, **rates))
    clock = loop.Clock(stage.phases)
    clock.step = 100
    assert np.array(stage.rates(clock)) / stage.rates(clock)[0] == pytest.approx([1, 2, 3, 4])
    named = {id(one): name for name, one in stage.model.named_parameters()}
    parts = [{named[id(one)].split(".")[0] for one in group["params"]} for group in stage.optimizer.param_groups]
    assert parts == [{"earspeech"}, {"tuned_ge2e"}, {"sayen"}, {"rtvc7"}]


def test_the_losses_of_the_joint_stage_fall(people, place, tiny_folder, monkeypatch, capsys):
    """On the same held-out batches each time."""
    from rtvc.training.joint import Joint

    monkeypatch.setattr(Joint, "decay", 0.1)
    rates = {"earspeech_lr": 1e-3, "ge2e_lr": 1e-3, "sayen_lr": 5e-3, "rtvc7_lr": 5e-3}
    stages.run(joint(people, tiny_folder, steps=12, evaluate_every=3, warm_up=0, **rates))
    printed = capsys.readouterr().out
    for name in ("spectral", "enhancement", "latents", "duration"):
        assert falls(losses(printed, name, "evaluation")), name


def test_a_run_killed_for_real_ends_with_the_weights_of_one_never_killed(people, place, cache, tiny_folder):
    """`kill -9` of a process with a worker beside it, in bfloat16, wherever it is after its first step."""
    changes = {"mixed_precision": "bf16", "workers": 1, "save_minutes": 0, "threads": 1}
    small = {"batch_size": 2, "windows": 1, "frames": 24, "longest": 1.0}  # bfloat16 is slow on many CPUs
    config = joint(people, tiny_folder, steps=3, **changes, **small)
    (place.parent / "config.yaml").write_text(yaml.safe_dump(config | {"name": "killed"}))
    environment = os.environ | {"RTVC_RUNS": str(place), "RTVC_CACHE": str(cache), "RTVC_DATA": str(place.parent)}
    environment |= {"PYTHONPATH": str(ROOT)}
    call = [sys.executable, "train.py", "--config", str(place.parent / "config.yaml")]
    with subprocess.Popen(call, cwd=ROOT, env=environment, start_new_session=True) as process:
        while process.poll() is None and not loop.last_checkpoint(place / "killed"):
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert loop.last_checkpoint(place / "killed").name < "step_0000003"
    for name in ("whole", "killed"):
        stages.run(config | {"name": name})
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
    stages.run(config | {"name": "whole"})
    step = loop.Loop._step

    def killed(self, batches):
        step(self, batches)
        if self.clock.total == 2:  # in the third step, the last checkpoint is of the second
            raise KeyboardInterrupt

    monkeypatch.setattr(loop.Loop, "_step", killed)
    monkeypatch.setattr(loop.Loop, "_agree", lambda self: True)  # a checkpoint after every step
    with pytest.raises(KeyboardInterrupt):
        stages.run(config | {"name": "killed"})
    monkeypatch.setattr(loop.Loop, "_step", step)
    stages.run(config | {"name": "killed"})
    one, other = (load_file(place / name / "model" / "model.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_finished_run_has_nothing_left_to_do(people, place, tiny_folder, capsys):
    config = joint(people, tiny_folder, steps=1)
    stages.run(config)
    capsys.readouterr()
    stages.run(config)
    assert "another --name" in capsys.readouterr().out


# ---------------------------------------------------------------------------------------------- several processes
def test_two_processes_do_what_one_does_that_accumulates_two(people, place, cache, tiny_folder, capsys):
    """Gradients (Adam's first moments after the step) are equal, and so is the evaluation that the two share."""
    given = {
        "rtvc_ckpt": tiny_folder,
        "corpora": f"{{{people}: 1.0}}",
        "steps": 2,
        "threads": 1,
        "mixed_precision": "no",
    }
    call = [f"--{key}={value}" for key, value in (QUICK | SMALLER | given).items()]
    environment = os.environ | {"RTVC_RUNS": str(place), "RTVC_CACHE": str(cache), "RTVC_DATA": str(place)}
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "train.py"]
    capsys.readouterr()
    assert stages.main([*call, "--gradient_accumulation_steps=2", "--name=one"]) == 0
    done = subprocess.run(
        [*launch, *call, "--name=two"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    printed = [one[one.index("evaluation") :] for one in (capsys.readouterr().out, done.stdout)]
    for figure in ("latents", "enhancement", "spectral"):
        values = [losses(one, figure) for one in printed]
        assert values[0] == pytest.approx(values[1], rel=2e-3)
        assert len(values[0]) == 1
    of_opponent = len(list(Discriminators().parameters()))
    for optimizer, least in (("optimizer.bin", 101), ("optimizer_1.bin", of_opponent)):  # of the model, its opponent's
        states = [
            torch.load(place / name / "checkpoints" / "step_0000002" / optimizer)["state"] for name in ("one", "two")
        ]
        assert len(states[0]) == len(states[1]) >= least
        moments = [torch.cat([one["exp_avg"].flatten() for one in state.values()]) for state in states]
        assert (moments[0] - moments[1]).norm() < 1e-3 * moments[0].norm()


def test_all_processes_evaluate_where_the_first_ones_clock_says_so():
    """A process whose own clock had already ended the phase once left out an evaluation that the others gathered in."""
    done = []

    class Second(loop.Loop):
        def __init__(self):
            self.clock, self.config = loop.Clock([{"steps": 9, "minutes": 1}]), {"evaluate_every": 1}

        def _loader(self):
            return []

        def _step(self, batches):
            self.clock.seconds = 70.0  # by its own watch the minute is over

        def _agree(self):
            self.clock.seconds = 20.0 if self.clock.step < 3 else 60.0  # the first process's
            return False

        def _log(self):
            pass

        def _evaluate(self, ended=False):
            done.append(self.clock.step)

    Second()._phase()
    assert done == [1, 2]


# ---------------------------------------------------------------------------------------------- what is shown and kept
def test_tensorboard_gets_curves_sounds_and_spectrograms(people, place, tiny_folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    stages.run(joint(people, tiny_folder, steps=2, evaluate_every=1))
    events = EventAccumulator(str(place / "joint" / "logs")).Reload()
    assert {"total", "ge2e", "enhancement", "evaluation/latents", "data_share"} <= set(events.Tags()["scalars"])
    assert len(events.Scalars("evaluation/latents")) == 2
    assert {"made", "real", "enhanced"} <= set(events.Tags()["audio"]) & set(events.Tags()["images"])


def test_a_full_disk_is_said_and_leaves_the_last_checkpoint(people, place, tiny_folder, monkeypatch, capsys):
    config = joint(people, tiny_folder, steps=3)
    monkeypatch.setattr(loop.Loop, "_agree", lambda self: True)
    sync, calls = loop._sync, []

    def full(path: Path) -> None:
        calls.append(path)
        if "step_0000002" in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(path)

    monkeypatch.setattr(loop, "_sync", full)
    with pytest.raises(TrainingError, match="No space left on device.*make room"):
        stages.run(config)
    kept = sorted(one.name for one in (place / "joint" / "checkpoints").iterdir())
    assert kept == ["step_0000001"]
    assert any(path.name == "pytorch_model.bin" for path in calls)  # what is renamed has reached the disk


def test_a_checkpoint_half_written_when_the_power_failed_is_passed_over(people, place, tiny_folder, capsys):
    config = joint(people, tiny_folder, steps=2)
    stages.run(config | {"steps": 1})
    broken = place / "joint" / "checkpoints" / "step_0000009.new"
    broken.mkdir()
    (broken / "pytorch_model.bin").write_bytes(b"half")
    assert loop.last_checkpoint(place / "joint").name == "step_0000001"


def test_a_loss_that_is_no_number_stops_the_run_and_is_named(people, place, tiny_folder, monkeypatch):
    from rtvc.training import rtvc7 as module

    monkeypatch.setattr(module, "weighed", lambda found, weights: found | {"total": found["pitch"] * torch.nan})
    with pytest.raises(TrainingError, match="“total” of joint became nan at step 2.*lower learning rate"):
        stages.run(joint(people, tiny_folder))
    assert not (place / "joint" / "model").exists()


# ---------------------------------------------------------------------------------------------- every stage, for real
def test_earspeech_learns_phonemes_and_moves_its_bands(people, place, capsys):
    small = {"batch_size": 4, "seconds": 1.0, "recogniser_size": 32, "recogniser_layers": 1, "steps": 12}
    stages.run(settings("earspeech", people, earspeech_lr=0.05, evaluate_every=4, **small))
    printed = capsys.readouterr().out
    assert falls(losses(printed, "learned_errors_clean"))
    assert "gain_clean" in printed
    assert "gain_noisy" in printed
    assert EarSpeechModel.from_pretrained(place / "earspeech" / "model").centre_offsets.abs().max() > 1e-3


def test_sayen_learns_and_keeps_the_best(people, place, parts, capsys):
    small = {
        "model": SMALL | {"speaker_size": 32},
        "batch_size": 4,
        "seconds": 0.5,
        "steps": 12,
        "development_pairs": 4,
    }
    config = settings("sayen", people, earspeech=parts["earspeech"], tuned_ge2e=parts["tuned_ge2e"], **small)
    stages.run(config | {"learning_rate": 5e-3, "average": 0.5, "evaluate_every": 2})
    assert falls(losses(capsys.readouterr().out, "total", "evaluation"))
    model = SayENModel.from_pretrained(place / "sayen" / "model")
    assert model.config.channels == SMALL["channels"]
    stages.run(config | {"name": "more", "steps": 1, "init": str(place / "sayen" / "model")})
    with pytest.raises(TrainingError, match="is of another model or config"):
        stages.run(config | {"steps": 13, "model": config["model"] | {"channels": 6}})
    with pytest.raises(TrainingError, match="holds sayen, not earspeech"):
        stages.run(config | {"name": "wrong", "earspeech": str(place / "sayen" / "model")})


def test_a_grown_sayen_makes_what_the_small_one_makes(people, place, parts, speech):
    """Blocks that are added, before the last one, and a filter's frames beside start as nothing and learn."""
    settings_of = SMALL | {"speaker_size": 32}
    small = SayENModel(SayENConfig(**settings_of | {"blocks": 2, "filter_frames": 1})).eval()
    for parameter in small.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    small.save_pretrained(place / "small")
    encoders = {name: parts[name] for name in ("earspeech", "tuned_ge2e")}
    sizes = {"model": settings_of | {"blocks": 5}, "batch_size": 2, "seconds": 0.5, "development_pairs": 1}
    config = settings("sayen", people, init=str(place / "small"), steps=1, average=0.1, **encoders, **sizes)
    large = stages.find("sayen")(config).model.eval()
    assert len(large.blocks) == 5
    given = torch.from_numpy(speech)[None, :8000], torch.rand(1, 50, 64), torch.randn(1, 32)
    with torch.no_grad():
        assert torch.equal(small(*given).enhanced, large(*given).enhanced)
    stages.run(config)
    learned = SayENModel.from_pretrained(place / "sayen" / "model")
    assert all(learned.blocks[number].outs[0].weight.abs().max() > 0 for number in range(5))
    assert all(outer.weight.abs().max() > 0 for outer in learned.beside.outer)
    for wrong in ({"blocks": 1}, {"blocks": 5, "channels": 6}):
        with pytest.raises(TrainingError, match="only “blocks” may grow"):
            stages.run(config | {"name": "wrong", "model": settings_of | wrong})
    with pytest.raises(TrainingError, match="is no config of SayEN"):
        stages.run(config | {"name": "wrong", "model": {"blogs": 5}})


def test_rtvc7_learns_in_three_stages_and_the_exported_folder_speaks(people, place, parts, monkeypatch, capsys, woman):
    monkeypatch.chdir(place.parent)  # its configs name folders under runs/
    for stage in ("prior", "polish"):
        monkeypatch.setattr(stages.find(stage), "decay", 0.1)
    encoders = {name: parts[name] for name in ("earspeech", "tuned_ge2e")}
    tiny = {key: value for key, value in TINY.items() if key != "vocab_size"} | {"speaker_size": 256}
    decoder = settings("decoder", people, model=tiny, adversarial_from=6, steps=9, evaluate_every=2)
    prior, polish = (
        settings("prior", people, steps=8, evaluate_every=2, learning_rate=0.05),
        settings("polish", people, steps=6, evaluate_every=2, learning_rate=2e-3, **encoders),
    )
    stages.run({"stage": "rtvc7", "decoder": decoder | {"learning_rate": 4e-3}, "prior": prior, "polish": polish})
    printed = capsys.readouterr().out
    for name, loss in (("decoder", "spectral"), ("prior", "likelihood"), ("polish", "spectral")):
        found = "\n".join(line for line in printed.splitlines() if line.startswith(f"{name} step"))
        assert falls(losses(found, loss, "evaluation")), found
    model = RTVC7Model.from_pretrained(place / "polish" / "model")
    assert isinstance(model.config, RTVC7Config)
    assert Opponent(1e-3, place / "polish").inner.parts is not None
    assert issubclass(stages.find("decoder"), Synthesis)
    others = dict.fromkeys(("earspeech", "tuned_ge2e", "sayen"), str(CHECKPOINT))  # taken out of a whole model
    folders = others | {"rtvc7": "runs/polish/model", "output": "exported"}
    stages.run(stages.load_config(ROOT / "configs" / "export.yaml", []) | folders)
    assert len(load("exported")("Hello there.", voice=woman)["audio"]) > 1000


def test_finetuning_makes_recordings_likelier_and_the_folder_speaks(people, place, bundled, capsys):
    config = settings("finetune", people, recordings=str(people / "ann"), held_out=1, seconds=4, steps=6, average=0.2)
    config.pop("corpora")
    from rtvc.training import finetune

    with pytest.raises(TrainingError, match="20 s are needed"):
        stages.run(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finetune, "LEAST", 3.0)
        stages.run(config | {"evaluate_every": 3, "windows": 2, "longest": 2.0, "learning_rate": 3e-4})
        stage = finetune.Finetune(config)
    elsewhere = stage._with(copy.deepcopy(stage.model).to("meta"))  # as on a GPU, where the loop moves what learns
    assert {one.device.type for one in elsewhere.parameters()} == {"meta"}
    assert elsewhere.device.type == "meta"
    printed = capsys.readouterr().out
    assert losses(printed, "similarity")
    latents = [value for line in printed.splitlines() if "evaluation" not in line for value in losses(line, "latents")]
    assert np.mean(latents[-2:]) < np.mean(latents[:2])
    clone = load(place / "finetune" / "model")
    assert (place / "finetune" / "model" / "training.json").exists(), "whose data and licences it still is"
    spoken = clone("Hello there.", voice=str(place / "finetune" / "model" / "speaker.voice"))
    assert len(spoken["audio"]) > 4000


# ---------------------------------------------------------------------------------------------- configs
@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["--config", "missing.yaml"], "“missing.yaml” cannot be read"),
        (["--rtvc_chkpt", "x"], "joint.yaml has no key “rtvc_chkpt”"),
        (["--ge2e_lr"], "--ge2e_lr needs a value"),
        (["--weights.pich.x", "1"], "has no key “weights.pich.x”"),
        (["--rtvc_ckpt", "nowhere"], "“nowhere” does not exist"),
        (["--rtvc_ckpt", "some/folder"], "“some/folder” does not exist"),  # once taken for a name on the Hub
        (["--corpora", "{nothing: 1.0}"], "There is no corpus “nothing”"),
        (["--corpora", "/no/such/folder"], "There is no corpus “/no/such/folder”"),
        (["--corpora", "{a: "], "“{a: ”, is no YAML"),
        (["--corpora", "{}"], "“corpora” must be names of corpora"),
        (["--corpora", "{a: x}"], "with their shares"),
        (["--batch_size", "abc"], "“batch_size” must be a whole number from 1 on, not 'abc'"),
        (["--batch_size", "0"], "“batch_size” must be a whole number from 1 on, not 0"),
        (["--steps", "0"], "“steps” must be a whole number from 1 on"),
        (["--gradient_accumulation_steps", "0"], "“gradient_accumulation_steps” must be a whole number"),
        (["--weights", "[1, 2]"], "“weights” must be a mapping"),
        (["--weights.pitch", "much"], "“pitch” must be a number"),
        (["--snr", "5"], "“snr” must be a list of 2 numbers"),
        (["--sayen_dropout", "3"], "“sayen_dropout” must be a number from 0 to 1"),
        (["--ge2e_lr", "-1"], "“ge2e_lr” must be a number from 0 on"),
        (["--config", "configs/ge2e.yaml", "--stages", "[{steps: 3}]"], "A part of “stages” lacks ge2e_weight"),
    ],
)
def test_a_wrong_call_is_told_what_is_wrong(call, said, place, capsys):
    assert stages.main([*call, "--workers=0"] if call != ["--ge2e_lr"] else call) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1


def test_values_are_taken_as_they_are_meant():
    config = stages.load_config(
        ROOT / "configs" / "joint.yaml",
        ["--corpora", "/some/folder", "--steps", "1e3", "--mixed_precision", "no", "--name", "7", "--minutes", "null"],
    )
    assert config["corpora"] == {"/some/folder": 1.0}
    assert (config["steps"], config["mixed_precision"], config["name"], config["minutes"]) == (1000, "no", "7", None)
    config = stages.load_config(ROOT / "configs" / "joint.yaml", ["--corpora", "[a, b]", "--weights", "{pitch: 0.7}"])
    assert config["corpora"] == {"a": 1.0, "b": 1.0}
    assert (config["weights"]["pitch"], config["weights"]["ge2e"]) == (0.7, 0.5), "the rest of a section stays"
    config = stages.load_config(ROOT / "configs" / "ge2e.yaml", ["--corpora", "{a: 0.5, b: 0.5}", "--shifted", "a"])
    assert (config["corpora"], config["shifted"]) == (["a", "b"], ["a"])


def test_every_shipped_config_is_one_that_is_taken():
    for path in sorted((ROOT / "configs").glob("*.yaml")):
        given = yaml.safe_load(path.read_text())
        config = stages.load_config(path, [])
        assert path.stem == "rtvc7" or {key: config[key] for key in given} == given


def test_what_configs_name_is_found_from_anywhere(place, tmp_path, monkeypatch):
    """Configs, models and runs: as seen from here, or from the folder of runs, or from the repository."""
    monkeypatch.chdir(tmp_path)
    assert stages.load_config(Path("configs/joint.yaml"), [])["stage"] == "joint"
    assert stages.located("rtvc/checkpoint") == str(ROOT / "rtvc" / "checkpoint")
    monkeypatch.setattr(loop, "RUNS", tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "mine" / "model").mkdir(parents=True)
    assert stages.located("runs/mine/model") == str(tmp_path / "elsewhere" / "mine" / "model")
    (tmp_path / "rtvc" / "checkpoint").mkdir(parents=True)
    assert stages.located("rtvc/checkpoint") == "rtvc/checkpoint", "what is here comes first"
    assert stages.located("no/where") == "no/where"


def test_a_config_of_ones_own_needs_only_what_differs(tmp_path):
    own = tmp_path / "mine.yaml"
    own.write_text("stage: joint\nsteps: 7\n")
    config = stages.load_config(own, ["--weights.pitch", "0.1", "--rtvc7_lr=1e-5"])
    assert (config["steps"], config["rtvc7_lr"], config["weights"]["pitch"], config["seed"]) == (7, 1e-5, 0.1, 0)
    assert config["weights"]["ge2e"] == 0.5
    own.write_text("stage: joint\nstepz: 7\n")
    with pytest.raises(TrainingError, match="unknown key “stepz”"):
        stages.load_config(own, [])
    own.write_text("stage: jont\n")
    with pytest.raises(TrainingError, match="names no stage"):
        stages.load_config(own, [])
    own.write_text("a: [\n")
    with pytest.raises(TrainingError, match="no valid YAML"):
        stages.load_config(own, [])


def test_every_config_names_a_stage_that_exists():
    for path in sorted((ROOT / "configs").glob("*.yaml")):
        name = stages.load_config(path, [])["stage"]
        assert name == stages.FAMILY or callable(stages.find(name))
    family = stages.load_config(ROOT / "configs" / "rtvc7.yaml", ["--prior.steps", "3"])
    assert family["prior"]["steps"] == 3
    assert family["decoder"]["steps"] == stages.load_config(ROOT / "configs" / "decoder.yaml", [])["steps"]


def test_learning_rate_warms_up_and_falls():
    rates = [loop.rate_at(step, 1000) for step in range(1001)]
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
