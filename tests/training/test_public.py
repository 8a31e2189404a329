"""The recipes in configs/public: nothing private is in them, and the small one runs from any folder to a model.

In a few steps: whether it learns is shown stage by stage elsewhere.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from short_runs import LINES, ROOT
from test_sources import tone

from rtvc import audio, load
from rtvc.earspeech import EarSpeechConfig, EarSpeechModel
from rtvc.errors import TrainingError
from rtvc.training import command, folders
from rtvc.training.config import load_config
from rtvc.tuned_ge2e import TunedGE2EConfig, TunedGE2EModel

PUBLIC = sorted((ROOT / "configs" / "public").glob("*.yaml"))
OWN = ("librispeech-", "arctic-cathy", "vctk-p239", "an4", "speech-commands", "common-voice-", "speechocean", "kokoro")
OWN += ("noise-esc10", "alphanumeric", "rtvc/checkpoint")


def values(config: object) -> list[str]:
    """All words in a config."""
    if isinstance(config, dict):
        return [*config, *(word for value in config.values() for word in values(value))]
    return [word for value in config for word in values(value)] if isinstance(config, list) else [str(config)]


@pytest.mark.parametrize("path", PUBLIC, ids=lambda path: path.stem)
def test_a_public_recipe_names_nothing_that_others_do_not_have(path):
    config = load_config(path, [])
    assert [word for word in values(config) if word.startswith(OWN) or "shared" in word or word.startswith("/")] == []
    made = {f"runs/{part['name']}" for part in config.values() if isinstance(part, dict) and "name" in part}
    named = {word for word in values(config) if word.startswith("runs/") and word != config["export"]["output"]}
    assert {word for word in named if not any(word.startswith(run) for run in made)} == set()


def test_what_stands_above_the_stages_counts_in_all_of_them(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("stage: all\ncorpora: {a: 0.5, b: 0.5}\nvalidation: 0.1\nsayen: {steps: 7}\nge2e: {warped: 0}\n")
    config = load_config(own, ["--exclude_speakers", "84", "--sayen.batch_size", "3"])
    assert list(config) == ["stage", "sayen", "ge2e"], "in the recipe's order"
    assert (config["sayen"]["corpora"], config["ge2e"]["corpora"]) == ({"a": 0.5, "b": 0.5}, ["a", "b"])
    assert [config[part]["validation"] for part in ("sayen", "ge2e")] == [0.1, 0.1]
    assert [config[part]["exclude_speakers"] for part in ("sayen", "ge2e")] == [["84"], ["84"]]
    assert (config["sayen"]["steps"], config["sayen"]["batch_size"], config["ge2e"]["warped"]) == (7, 3, 0)
    with pytest.raises(TrainingError, match="“--nonsense”|“nonsense”"):
        load_config(own, ["--nonsense", "1"])
    with pytest.raises(TrainingError, match="has no key “sayen.stepz”"):
        load_config(own, ["--sayen.stepz", "1"])
    own.write_text("stage: all\nnonsense: 1\nsayen: {steps: 7}\n")
    with pytest.raises(TrainingError, match="“nonsense”, which none of its stages has"):
        load_config(own, [])


def lay_out(root: Path, bundled) -> dict[str, float]:
    """LibriTTS and VCTK as they are given out, said by the bundled model in two voices; those who judge, and the test
    part, cannot be read."""
    people = {"woman": ("train-clean-100/84", "p225"), "man": ("train-clean-360/100", "p280")}
    for recording, (reader, speaker) in people.items():
        voice = bundled.enroll(ROOT / "examples" / "voices" / f"{recording}.flac")
        for number, line in enumerate(LINES):
            spoken = bundled(line, voice=voice)
            wave, rate = spoken["audio"], spoken["sampling_rate"]
            stem = root / "LibriTTS" / reader / "1" / f"{Path(reader).name}_1_{number:06d}_000000"
            stem.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(f"{stem}.wav", audio.resample(wave, rate, 24_000), 24_000)
            Path(f"{stem}.normalized.txt").write_text(line)
            for microphone in (1, 2) if speaker != "p280" else (1,):
                sound = root / "VCTK" / "wav48_silence_trimmed" / speaker
                sound.mkdir(parents=True, exist_ok=True)
                soundfile.write(sound / f"{speaker}_{number + 1:03d}_mic{microphone}.flac", 0.5 * wave, rate)
            text = root / "VCTK" / "txt" / speaker / f"{speaker}_{number + 1:03d}.txt"
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text(line)
    for stem in ("test-clean/61/1/61_1_000000_000000", "train-clean-100/237/1/237_1_000000_000000"):
        path = root / "LibriTTS" / f"{stem}.wav"
        path.parent.mkdir(parents=True)
        path.write_text("nobody may read this")
    return {str(root / "LibriTTS"): 0.75, str(root / "VCTK"): 0.25}


@pytest.mark.skipif(not importlib.util.find_spec("resemblyzer"), reason="needs the speaker teacher, Resemblyzer")
def test_the_tiny_recipe_runs_from_folders_to_a_model_that_speaks(tmp_path, bundled, monkeypatch, capsys, woman):
    monkeypatch.setattr(folders, "DATA", tmp_path / "nothing")
    monkeypatch.setattr(folders, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(folders, "RUNS", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    named = lay_out(tmp_path / "data", bundled)
    short = ["--steps", "2", "--mixed_precision", "no", "--warm_up", "0", "--tracker", "none", "--validation", "0.3"]
    short += ["--batch_size", "2", "--windows", "1", "--prior.seconds", "4", "--polish.seconds", "4"]
    short += ["--corpora", f"{{{', '.join(f'{name}: {share}' for name, share in named.items())}}}", "--threads", "1"]
    short += ["--sayen.seconds", "0.5", "--development_pairs", "2", "--ge2e.warped", "1"]
    config = load_config(Path("configs/public/tiny.yaml"), short)
    for phase in config["ge2e"]["phases"]:
        phase.update(steps=2, seconds=6, utterances=2)
    config["ge2e"]["frames"] = [60, 70]
    command.run(config)
    printed = capsys.readouterr().out
    assert "skipped" not in printed, "nobody excluded was read"
    for stage in ("ge2e", "sayen", "decoder", "prior", "polish"):
        assert f"tiny/{stage} " in printed
    assert "Left out: librivox/237, librivox/61" in printed
    assert "evaluation" in printed
    cached = {name for path in (tmp_path / "cache").glob("*.json") for name in path.read_text().split('"')}
    assert {"84", "100", "p225", "p280"} <= cached
    clone = load(tmp_path / "runs" / "tiny" / "model")
    spoken = clone("Hello there.", voice=woman)
    assert spoken["sampling_rate"] == 16_000
    assert np.isfinite(spoken["audio"]).all()
    assert len(spoken["audio"]) > 1000
    command.run(config)
    assert "tiny/ge2e is finished" in capsys.readouterr().out, "what is done is not done again"


def test_of_several_processes_one_fills_the_cache(tmp_path):
    """All of them did, and wrote into the same files. And a stage once parted them, so that the next one failed."""
    for who in ("ann", "bob", "cyd"):
        tone(tmp_path / "people" / who / "1.wav", rate=16_000, seconds=1.0)
    EarSpeechModel(EarSpeechConfig()).save_pretrained(tmp_path / "ear")
    TunedGE2EModel(TunedGE2EConfig(hidden_size=16)).save_pretrained(tmp_path / "encoder")
    encoders = f"{{earspeech: {tmp_path / 'ear'}, tuned_ge2e: {tmp_path / 'encoder'}}}"
    recipe = f"stage: all\ncorpora: {{{tmp_path / 'people'}: 1.0}}\nshifted: []\nvalidation: 0.3\nworkers: 0\n"
    recipe += f"data: {{measured: [], processes: 1}}\nembeddings: {encoders}\n"
    quick = "steps: 1, batch_size: 2, log_every: 1, mixed_precision: 'no', threads: 1"
    sizes = "{channels: 8, hidden_size: 8, blocks: 1, filter_frames: 1}"
    recipe += f"sayen: {{{quick}, seconds: 0.5, teacher_weight: 0, development_pairs: 2, model: {sizes}, "
    recipe += f"{encoders[1:-1]}}}\n"
    sizes = "{condition_size: 16, hidden_size: 32, flow_hidden_size: 16, posterior_hidden_size: 16}"
    recipe += f"decoder: {{{quick}, frames: 40, warm_up: 0, adversarial_from: 2, model: {sizes}}}\n"
    (tmp_path / "recipe.yaml").write_text(recipe)
    environment = os.environ | {"RTVC_RUNS": str(tmp_path / "runs"), "RTVC_CACHE": str(tmp_path / "cache")}
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "RTVC_DATA": str(tmp_path / "nothing")}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "train.py"]
    call = [*launch, "--config", str(tmp_path / "recipe.yaml")]
    done = subprocess.run(call, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    (waves,) = (tmp_path / "cache").glob("*.i16")
    assert waves.stat().st_size == 3 * 2 * 16_000
    (curves,) = (tmp_path / "cache").glob("*.f0")
    assert curves.stat().st_size == 3 * 4 * 80
    assert len(list((tmp_path / "cache").glob("*.voices.npz"))) == 1
    for stage in ("sayen", "decoder"):
        assert (tmp_path / "runs" / stage / "model" / "config.json").is_file()
