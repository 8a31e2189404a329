"""Every stage for a few steps, for real."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from short_runs import QUICK, ROOT, falls, joint, losses, settings
from test_rtvc7 import TINY
from test_sayen import SMALL

from rtvc.earspeech import EarSpeechModel
from rtvc.errors import TrainingError
from rtvc.loading import CHECKPOINT, load
from rtvc.rtvc7 import RTVC7Config, RTVC7Model
from rtvc.sayen import SayENConfig, SayENModel
from rtvc.training import command, loop, stages, synthesis
from rtvc.training.config import load_config
from rtvc.training.data.corpora import Corpora
from rtvc.training.discriminators import Discriminators, Opponent
from rtvc.training.models import save_whole
from rtvc.training.stages import calibrate
from rtvc.training.synthesis import SynthesisStage


def test_the_specified_call_trains_all_four_and_leaves_a_folder_that_speaks(
    people, place, tiny_folder, monkeypatch, capsys, woman
):
    """`train.py --rtvc_ckpt <folder> --ge2e_lr 1e-5 --sayen_dropout 0.3 --batch_size 32`, on a few clips."""
    call = ["--rtvc_ckpt", str(tiny_folder), "--ge2e_lr", "1e-5", "--sayen_dropout", "0.3", "--batch_size", "32"]
    here = [f"--{key}={value}" for key, value in (QUICK | {"warm_up": 0, "steps": 3}).items()]
    here += ["--corpora", f"{{{people}: 1.0}}", "--shifted", "[]", "--seconds", "1", "--windows", "2", "--frames", "40"]
    assert command.main([*call, *here]) == 0, capsys.readouterr().err
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
        command.main(["--help"])


def test_each_component_has_its_own_rate(people, place, tiny_folder):
    from rtvc.training.stages.joint import JointStage

    rates = {"earspeech_lr": 1e-3, "ge2e_lr": 2e-3, "sayen_lr": 3e-3, "rtvc7_lr": 4e-3}
    stage = JointStage(joint(people, tiny_folder, steps=1000, **rates))
    clock = loop.Clock(stage.phases)
    clock.step = 100
    assert np.array(stage.rates(clock)) / stage.rates(clock)[0] == pytest.approx([1, 2, 3, 4])
    named = {id(one): name for name, one in stage.model.named_parameters()}
    parts = [{named[id(one)].split(".")[0] for one in group["params"]} for group in stage.optimizer.param_groups]
    assert parts == [{"earspeech"}, {"tuned_ge2e"}, {"sayen"}, {"rtvc7"}]


def test_the_losses_of_the_joint_stage_fall(people, place, tiny_folder, capsys):
    """On the same held-out batches each time."""
    rates = {"earspeech_lr": 1e-3, "ge2e_lr": 1e-3, "sayen_lr": 5e-3, "rtvc7_lr": 5e-3}
    command.run(joint(people, tiny_folder, steps=12, evaluate_every=3, warm_up=0, average=0.1, **rates))
    printed = capsys.readouterr().out
    for name in ("spectral", "enhancement", "latents", "duration"):
        assert falls(losses(printed, name, "evaluation")), name


def test_earspeech_learns_phonemes_and_moves_its_bands(people, place, capsys):
    small = {"batch_size": 4, "seconds": 1.0, "recogniser_size": 32, "recogniser_layers": 1, "steps": 12}
    command.run(settings("earspeech", people, earspeech_lr=0.05, evaluate_every=4, **small))
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
    command.run(config | {"learning_rate": 5e-3, "average": 0.5, "evaluate_every": 2})
    assert falls(losses(capsys.readouterr().out, "total", "evaluation"))
    model = SayENModel.from_pretrained(place / "sayen" / "model")
    assert model.config.channels == SMALL["channels"]
    command.run(config | {"name": "more", "steps": 1, "init": str(place / "sayen" / "model")})
    with pytest.raises(TrainingError, match="“sayen” began with .* for the key “model”"):
        command.run(config | {"steps": 13, "model": config["model"] | {"channels": 6}})
    with pytest.raises(TrainingError, match="holds sayen, not earspeech"):
        command.run(config | {"name": "wrong", "earspeech": str(place / "sayen" / "model")})


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
    command.run(config)
    learned = SayENModel.from_pretrained(place / "sayen" / "model")
    assert all(learned.blocks[number].outs[0].weight.abs().max() > 0 for number in range(5))
    assert all(outer.weight.abs().max() > 0 for outer in learned.beside.outer)
    for wrong in ({"blocks": 1}, {"blocks": 5, "channels": 6}):
        with pytest.raises(TrainingError, match="only “blocks” may grow"):
            command.run(config | {"name": "wrong", "model": settings_of | wrong})
    with pytest.raises(TrainingError, match="is no config of SayEN"):
        command.run(config | {"name": "wrong", "model": {"blogs": 5}})


def test_rtvc7_learns_in_three_stages_and_the_exported_folder_speaks(people, place, parts, monkeypatch, capsys, woman):
    monkeypatch.chdir(place.parent)  # its configs name folders under runs/
    encoders = {name: parts[name] for name in ("earspeech", "tuned_ge2e")}
    tiny = {key: value for key, value in TINY.items() if key != "vocab_size"} | {"speaker_size": 256}
    decoder = settings("decoder", people, model=tiny, adversarial_from=6, steps=9, evaluate_every=2)
    prior, polish = (
        settings("prior", people, steps=8, evaluate_every=2, average=0.1, learning_rate=0.05),
        settings("polish", people, steps=6, evaluate_every=2, average=0.1, learning_rate=2e-3, **encoders),
    )
    command.run({"stage": "rtvc7", "decoder": decoder | {"learning_rate": 4e-3}, "prior": prior, "polish": polish})
    printed = capsys.readouterr().out
    for name, loss in (("decoder", "spectral"), ("prior", "likelihood"), ("polish", "spectral")):
        found = "\n".join(line for line in printed.splitlines() if line.startswith(f"{name} step"))
        assert falls(losses(found, loss, "evaluation")), found
    model = RTVC7Model.from_pretrained(place / "polish" / "model")
    assert isinstance(model.config, RTVC7Config)
    assert Opponent(Discriminators(model.config), 1e-3, place / "polish").inner.parts is not None
    assert issubclass(stages.find("decoder"), SynthesisStage)
    others = dict.fromkeys(("earspeech", "tuned_ge2e", "sayen"), str(CHECKPOINT))  # taken out of a whole model
    folders = others | {"rtvc7": "runs/polish/model", "output": "runs/whole/model"}
    monkeypatch.chdir("/")  # and it lies in the folder of runs all the same
    command.run(load_config(ROOT / "configs" / "export.yaml", []) | folders)
    assert len(load(place / "whole" / "model")("Hello there.", voice=woman)["audio"]) > 1000


def test_an_export_averages_the_weights_of_several_runs(place, parts, tiny_model):
    other, larger = copy.deepcopy(tiny_model.rtvc7), RTVC7Model(RTVC7Config(**TINY | {"hidden_size": 48}))
    for parameter in other.parameters():
        parameter.data += 0.5
    for name, model in (("other", other), ("larger", larger)):
        model.save_pretrained(place / name)
    config = load_config(ROOT / "configs" / "export.yaml", ["--averaged.rtvc7", str(place / "other")])
    config |= parts | {"output": str(place / "whole"), "calibrated": {}}
    command.run(config)
    whole = load(place / "whole").model.float()
    for name in ("rtvc7", "sayen", "tuned_ge2e"):
        added = 0.25 if name == "rtvc7" else 0.0
        for parameter, known in zip(
            getattr(whole, name).parameters(), getattr(tiny_model, name).parameters(), strict=True
        ):
            torch.testing.assert_close(parameter.data, known.data + added, atol=2e-3, rtol=2e-3)
    with pytest.raises(TrainingError, match="larger” have other sizes"):
        command.run(config | {"averaged": config["averaged"] | {"rtvc7": [str(place / "larger")]}})


def test_finetuning_makes_recordings_likelier_and_the_folder_speaks(people, place, bundled, capsys):
    config = settings("finetune", people, recordings=str(people / "ann"), held_out=1, seconds=4, steps=6, average=0.2)
    config.pop("corpora")
    from rtvc.training.stages import finetune

    with pytest.raises(TrainingError, match="20 s are needed"):
        command.run(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finetune, "LEAST_SECONDS", 3.0)
        command.run(config | {"evaluate_every": 3, "windows": 2, "longest": 2.0, "learning_rate": 3e-4})
        stage = finetune.FinetuneStage(config)
    clone, batch = load(place / "finetune" / "model"), stage.draw(np.random.default_rng(0), 0)
    with torch.no_grad():
        before, after = (
            synthesis.TextToSpeech(model, stage.listeners, stage.config)(batch)[0]["latents"]
            for model in (stage.model, clone.model.rtvc7)
        )
    assert after < before
    elsewhere = stage.whole_with(copy.deepcopy(stage.model).to("meta"))  # as on a GPU, where the loop moves what learns
    assert {one.device.type for one in elsewhere.parameters()} == {"meta"}
    assert elsewhere.device.type == "meta"
    printed = capsys.readouterr().out
    assert losses(printed, "similarity")
    assert (place / "finetune" / "model" / "training.json").exists(), "whose data and licences it still is"
    spoken = clone("Hello there.", voice=str(place / "finetune" / "model" / "speaker.voice"))
    assert len(spoken["audio"]) > 4000


@pytest.mark.filterwarnings("error:Mean of empty slice:RuntimeWarning")
def test_what_is_not_learned_is_measured_on_those_who_validate(people, place, tiny_model, monkeypatch, capsys):
    """Into the whole model's config, and nothing else of it changes; the pieces are short here."""
    whole = copy.deepcopy(tiny_model)
    whole.config.enhance_below_snr = 1.0  # which no measurement gives
    save_whole(whole, place / "whole")
    before = load(place / "whole").model
    monkeypatch.setattr(calibrate, "SECONDS", (1.0, 2.0))
    monkeypatch.setattr(calibrate, "LEVELS", np.array([0, 20]))
    heard: list[set[str]] = []
    split = Corpora.split
    monkeypatch.setattr(
        Corpora, "split", lambda *of: heard.append({one.speaker for one in split(*of)[1]}) or split(*of)
    )
    config = settings("calibrate", people, rtvc_ckpt="runs/whole", readers=[], validation=["bob"])  # and ls_669
    command.run(config)
    after = load(place / "whole").model
    assert {person.rpartition("/")[2] for some in heard for person in some} >= {"bob", "ls_669"}
    numbers = ("similarity_scale", "similarity_offset", "same_voice_cosine", "enhance_below_snr", "timbre_centre")
    assert [name for name in numbers if getattr(before.config, name) == getattr(after.config, name)] == []
    assert len(after.config.timbre_centre) == 10
    assert all(torch.equal(one, after.state_dict()[name]) for name, one in before.state_dict().items())
    assert 0 <= after.probability(0.9) <= 1
    printed = capsys.readouterr().out
    assert "people validate" not in printed
    assert "3.0 s: nobody who validates has two recordings with so much speech\n" in printed
    assert "nan" not in printed
    save_whole(copy.deepcopy(tiny_model), place / "whole")
    command.run(config | {"validation": None})
    assert "fewer than two people validate" in capsys.readouterr().out
    alone = load(place / "whole").model.config
    assert alone.similarity_scale == before.config.similarity_scale
    assert alone.timbre_centre != before.config.timbre_centre, "of those who are learned from"
