"""What a config may say, and what a wrong one is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from short_runs import ROOT

from rtvc.errors import TrainingError
from rtvc.training import command, folders, stage_names, stages
from rtvc.training.config import DATA_DEFAULTS, FREE, LOOP_DEFAULTS, load_config

PHASE = "{steps: 3, seconds: 4, utterances: 2, learning_rate: [1, 1], margin: true, hold_margin: true, share: 1.0"
PHASE += ", ge2e_weight: 1.0, train_earspeech: false"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["--config", "missing.yaml"], "“missing.yaml” cannot be read"),
        (["--rtvc_chkpt", "x"], "joint.yaml has no key “rtvc_chkpt” (probably “rtvc_ckpt” is meant)"),
        (["--weights.pich", "1"], "has no key “weights.pich” (probably “pitch” is meant)"),
        (["--weights", "{pich: 1}"], "has the unknown key “pich” (probably “pitch” is meant)"),
        (["--weigths.pitch", "1"], "has no key “weigths.pitch” (probably “weights” is meant)"),
        (["--config", "configs/sayen.yaml", "--model.bloks", "2"], "“bloks” (probably “blocks” is meant)"),
        (["--config", "configs/ge2e.yaml", "--model", "{hidden_sise: 9}"], "“hidden_sise” (probably “hidden_size” is"),
        (["--config", "configs/decoder.yaml", "--model.hop_lenght", "300"], "“hop_lenght” (probably “hop_length” is"),
        (["--config", "configs/decoder.yaml", "--model.hop_length", "many"], "“model” is no RTVC7Config"),
        (["--config", "configs/export.yaml", "--averaged.rtcv7", "[a]"], "“averaged.rtcv7” (probably “rtvc7” is"),
        (["--config", "configs/export.yaml", "--calibrated.timbre_center", "[0]"], "(probably “timbre_centre” is"),
        (["--config", "configs/public/tiny.yaml", "--sayen.stepz", "1"], "“sayen.stepz” (probably “steps” is"),
        (["--config", "configs/public/tiny.yaml", "--sayen", "5"], "“sayen” must be a mapping"),
        (
            ["--config", "configs/ge2e.yaml", "--phases", f"[{PHASE}, stepz: 1}}]"],
            "“stepz” (probably “steps” is meant)",
        ),
        (["--ge2e_lr"], "--ge2e_lr needs a value"),
        (["steps", "3"], "“steps” is no key; one is given as --key VALUE"),
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
        (["--config", "configs/ge2e.yaml", "--phases", "[{steps: 3}]"], "A part of “phases” lacks ge2e_weight"),
    ],
)
def test_a_wrong_call_is_told_what_is_wrong(call, said, place, capsys):
    assert command.main([*call, "--workers=0"] if call[0] not in ("--config", "--ge2e_lr") else call) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize("name", ["FSDP", "DeepSpeed"])
def test_splitting_models_among_devices_is_refused_in_a_sentence(name, place, capsys, monkeypatch):
    """As `accelerate launch --use_fsdp` and `--use_deepspeed` ask for it."""
    monkeypatch.setenv(f"ACCELERATE_USE_{name.upper()}", "true")
    assert command.main(["--config", "configs/public/tiny.yaml"]) == 2
    printed = capsys.readouterr().err
    assert f"{name} splits models" in printed
    assert printed.count("\n") == 1


def test_values_are_taken_as_they_are_meant():
    config = load_config(
        ROOT / "configs" / "joint.yaml",
        ["--corpora", "/some/folder", "--steps", "1e3", "--mixed_precision", "no", "--name", "7", "--minutes", "null"],
    )
    assert config["corpora"] == {"/some/folder": 1.0}
    assert (config["steps"], config["mixed_precision"], config["name"], config["minutes"]) == (1000, "no", "7", None)
    config = load_config(ROOT / "configs" / "joint.yaml", ["--corpora", "[a, b]", "--weights", "{pitch: 0.7}"])
    assert config["corpora"] == {"a": 1.0, "b": 1.0}
    assert (config["weights"]["pitch"], config["weights"]["ge2e"]) == (0.7, 0.5), "the rest of a section stays"
    config = load_config(ROOT / "configs" / "ge2e.yaml", ["--corpora", "{a: 0.5, b: 0.5}", "--shifted", "a"])
    assert (config["corpora"], config["shifted"]) == (["a", "b"], ["a"])


def test_every_shipped_config_is_one_that_is_taken():
    for path in sorted((ROOT / "configs").glob("*.yaml")):
        given = yaml.safe_load(path.read_text())
        config = load_config(path, [])
        assert path.stem == "rtvc7" or {key: config[key] for key in given} == given


def keys(section: object) -> set[str]:
    """Of a config and of its sections, but those whose keys are the user's own."""
    if isinstance(section, list):
        return {key for part in section for key in keys(part)}
    inner = section.items() if isinstance(section, dict) else ()
    return {key for name, part in inner for key in ({name} if name in FREE else {name} | keys(part))}


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_key_is_explained_beside_it_or_in_the_guide(path):
    guide, text = (ROOT / "docs" / "training.md").read_text(), path.read_text()
    unsaid = [key for key in keys(yaml.safe_load(text)) if f"`{key}`" not in guide]
    assert [key for key in unsaid if not re.search(rf"^ *{key}:.*#", text, re.MULTILINE)] == []


def test_every_key_of_all_stages_is_explained_in_the_guide():
    guide = (ROOT / "docs" / "training.md").read_text()
    assert [key for key in (LOOP_DEFAULTS | DATA_DEFAULTS) if f"`{key}`" not in guide] == []


def test_what_configs_name_is_found_from_anywhere(place, tmp_path, monkeypatch):
    """Configs, models and runs: as seen from here, or from the folder of runs, or from the repository."""
    monkeypatch.chdir(tmp_path)
    assert load_config(Path("configs/joint.yaml"), [])["stage"] == "joint"
    assert folders.located("rtvc/checkpoint") == str(ROOT / "rtvc" / "checkpoint")
    monkeypatch.setattr(folders, "RUNS", tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "mine" / "model").mkdir(parents=True)
    assert folders.located("runs/mine/model") == str(tmp_path / "elsewhere" / "mine" / "model")
    (tmp_path / "rtvc" / "checkpoint").mkdir(parents=True)
    assert folders.located("rtvc/checkpoint") == "rtvc/checkpoint", "what is here comes first"
    assert folders.located("no/where") == "no/where"


def test_a_config_of_ones_own_needs_only_what_differs(tmp_path):
    own = tmp_path / "mine.yaml"
    own.write_text("stage: joint\nsteps: 7\n")
    config = load_config(own, ["--weights.pitch", "0.1", "--rtvc7_lr=1e-5"])
    assert (config["steps"], config["rtvc7_lr"], config["weights"]["pitch"], config["seed"]) == (7, 1e-5, 0.1, 0)
    assert config["weights"]["ge2e"] == 0.5
    own.write_text("stage: joint\nstepz: 7\n")
    with pytest.raises(TrainingError, match="unknown key “stepz”"):
        load_config(own, [])
    own.write_text("stage: all\nsayen: [1]\n")
    with pytest.raises(TrainingError, match="“sayen” must be a mapping"):
        load_config(own, [])
    own.write_text("stage: all\nsayne: {}\njoint: {}\n")
    with pytest.raises(TrainingError, match="“sayne”, which none of its stages has .probably “sayen” is meant"):
        load_config(own, [])
    own.write_text("stage: jont\n")
    with pytest.raises(TrainingError, match="names no stage"):
        load_config(own, [])
    own.write_text("a: [\n")
    with pytest.raises(TrainingError, match="no valid YAML"):
        load_config(own, [])


def test_every_config_names_a_stage_that_exists():
    for path in sorted((ROOT / "configs").glob("*.yaml")):
        name = load_config(path, [])["stage"]
        assert name == stage_names.FAMILY or callable(stages.find(name))
    family = load_config(ROOT / "configs" / "rtvc7.yaml", ["--prior.steps", "3"])
    assert family["prior"]["steps"] == 3
    assert family["decoder"]["steps"] == load_config(ROOT / "configs" / "decoder.yaml", [])["steps"]
