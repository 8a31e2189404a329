"""The recipes in configs/public: nothing private is in them, and the small one runs from any folder to a model.

In a few steps: whether it learns is shown stage by stage elsewhere.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from short_runs import LINES, ROOT

from rtvc import audio, load
from rtvc.errors import TrainingError
from rtvc.training import folders
from rtvc.training.config import load_config
from rtvc.training.data import measurements, people, store
from rtvc.training.data.corpora import Corpora
from rtvc.training.data.speech import SpeechCorpora

PUBLIC = sorted((ROOT / "configs" / "public").glob("*.yaml"))
OWN = ("librispeech-", "arctic-cathy", "vctk-p239", "an4", "speech-commands", "common-voice-", "speechocean", "kokoro")
OWN += ("noise-esc10", "alphanumeric", "rtvc/checkpoint")


def values(config: object) -> list[str]:
    """All words in a config."""
    if isinstance(config, dict):
        return [*map(str, config), *(word for value in config.values() for word in values(value))]
    return [word for value in config for word in values(value)] if isinstance(config, list) else [str(config)]


@pytest.mark.parametrize("path", PUBLIC, ids=lambda path: path.stem)
def test_a_public_recipe_names_nothing_that_others_do_not_have(path):
    config = load_config(path, [])
    assert [word for word in values(config) if word.startswith(OWN) or "shared" in word or word.startswith("/")] == []
    made = {f"runs/{part['name']}" for part in config.values() if isinstance(part, dict) and "name" in part}
    named = {word for word in values(config) if word.startswith("runs/") and word != config["export"]["output"]}
    assert {word for word in named if not any(word.startswith(run) for run in made)} == set()


def test_the_tiny_recipe_is_the_real_one_made_small():
    """The real one is walked below; the tiny one names the same stages, in the same order, each after what it needs."""
    real, tiny = (load_config(path, []) for path in (REAL, TINY))
    assert list(real) == list(tiny)
    for path, recipe, name in ((REAL, real, "libritts"), (TINY, tiny, "tiny")):
        made: set[str] = set()
        for stage, part in ((stage, part) for stage, part in recipe.items() if stage != "stage"):
            named = [value for value in part.values() if isinstance(value, str) and value.startswith("runs/")]
            needed = [value for key, value in part.items() if value in named and key != "output"]
            assert [value for value in needed if not value.startswith(tuple(made))] == [], f"{path.stem}, {stage}"
            made |= {f"runs/{part['name']}"} if "name" in part else {part.get("output", f"runs/{name}/none")}
        assert recipe["calibrate"]["rtvc_ckpt"] == recipe["export"]["output"]


def test_the_tiny_recipe_says_what_to_expect_of_every_stage_that_learns():
    """And at steps where something begins: as its own keys have them."""
    tiny = load_config(TINY, [])
    assert [stage for stage in LOOPED if not tiny[stage]["expect"]] == []
    ends = {stage: sum(phase["steps"] for phase in tiny[stage].get("phases", [tiny[stage]])) for stage in LOOPED}
    assert all(0 < step <= ends[stage] for stage in LOOPED for step in tiny[stage]["expect"])
    begins = {"ge2e": tiny["ge2e"]["phases"][0]["steps"], "prior": tiny["prior"]["warm_up"]}
    begins |= {"polish": tiny["polish"]["warm_up"], "decoder": tiny["decoder"]["adversarial_from"]}
    assert [stage for stage, step in begins.items() if step not in tiny[stage]["expect"]] == []
    assert tiny["decoder"]["posterior_steps"] in tiny["decoder"]["expect"]


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


READERS = {  # of LibriTTS and VCTK, who says what as whom; p280 has one microphone, as in the release
    "woman": ("train-clean-100/84", "p225"),
    "man": ("train-clean-360/100", "p280"),
}
JUDGES = ("LibriTTS/test-clean/61/1/61_1_000000_000000.wav", "LibriTTS/train-clean-100/237/1/237_1_000000_000000.wav")
JUDGES += ("VCTK/wav48_silence_trimmed/p226/p226_001_mic1.flac",)


def lay_out(root: Path, bundled) -> dict[str, float]:
    """LibriTTS and VCTK as they are given out, said by the bundled model in the example voices: a clip of each line and
    reader, or ``RTVC_WALK_MINUTES`` of them, by further readers; those who judge, and the test part, cannot be read.
    """
    wanted = 60 * float(os.environ.get("RTVC_WALK_MINUTES", 0))
    spoken = {name: [said(bundled, name, line) for line in LINES] for name in READERS}
    people = [(name, *places, 1.0) for name, places in READERS.items()]
    seconds, number = 0.0, 0
    while number < len(people) or seconds < wanted:
        if number == len(people):  # somebody with a longer or shorter vocal tract
            name, speed = list(READERS)[number % 2], 0.85 + 0.3 * (number * 0.618 % 1)
            people.append((name, f"train-clean-360/{1000 + number}", f"p{300 + number}", speed))
        name, reader, speaker, speed = people[number]
        for place, (wave, rate) in enumerate(spoken[name]):
            libritts(root / "LibriTTS" / reader, place, audio.resample(wave, round(rate * speed), 24_000))
            vctk(root / "VCTK", speaker, place, 0.5 * audio.resample(wave, round(rate * speed), 48_000))
            seconds += 2 * len(wave) / rate / speed
        number += 1
    for judge in JUDGES:
        (root / judge).parent.mkdir(parents=True)
        (root / judge).write_text("nobody may read this")
    return {str(root / "LibriTTS"): 0.75, str(root / "VCTK"): 0.25}


def said(bundled, recording: str, line: str) -> tuple[np.ndarray, int]:
    spoken = bundled(line, voice=str(ROOT / "examples" / "voices" / f"{recording}.flac"))
    return spoken["audio"], spoken["sampling_rate"]


def libritts(reader: Path, number: int, wave: np.ndarray) -> None:
    stem = reader / "1" / f"{reader.name}_1_{number:06d}_000000"
    stem.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(f"{stem}.wav", wave, 24_000)
    Path(f"{stem}.original.txt").write_text(LINES[number])
    Path(f"{stem}.normalized.txt").write_text(LINES[number])


def vctk(root: Path, speaker: str, number: int, wave: np.ndarray) -> None:
    sound, text = root / "wav48_silence_trimmed" / speaker, root / "txt" / speaker
    sound.mkdir(parents=True, exist_ok=True)
    text.mkdir(parents=True, exist_ok=True)
    for microphone in (1, 2) if speaker != "p280" else (1,):
        soundfile.write(sound / f"{speaker}_{number + 1:03d}_mic{microphone}.flac", wave, 48_000)
    (text / f"{speaker}_{number + 1:03d}.txt").write_text(LINES[number])


SHORT = (
    "--steps 2 --mixed_precision no --warm_up 0 --tracker none --validation 0.3 --batch_size 2 --windows 1 --threads 1"
)
SHORT += (
    " --prior.seconds 4 --polish.seconds 4 --sayen.seconds 0.5 --development_pairs 2 --processes 2 --save_minutes 0"
)
SHORT += " --ge2e.warped 1 --ge2e.frames [60,70] --decoder.steps 6 --log_every 1"
SHORT += " --workers 0 --ge2e.augmented_copies 1 --decoder.adversarial_from 3 --decoder.frames 40"
PHASE = {"steps": 2, "seconds": 6, "utterances": 2}
LOOPED = ("ge2e", "sayen", "decoder", "prior", "polish")
REAL, TINY = ROOT / "configs" / "public" / "libritts-vctk.yaml", ROOT / "configs" / "public" / "tiny.yaml"


def short(named: dict[str, float]) -> list[str]:
    """The arguments of a run of tiny models for a few steps on a few clips; what is said of rates stays."""
    real, tiny = load_config(REAL, []), load_config(TINY, [])
    given = {f"{stage}.model": real[stage]["model"] | tiny[stage]["model"] for stage in ("sayen", "decoder")}
    given |= {"ge2e.model": tiny["ge2e"]["model"], "corpora": named}
    given |= {"ge2e.phases": [phase | PHASE for phase in real["ge2e"]["phases"]]}
    written = {name: yaml.safe_dump(value, default_flow_style=True, width=10**6) for name, value in given.items()}
    return [*SHORT.split(), *(word for name, value in written.items() for word in (f"--{name}", value))]


class Walk:
    """The recipe on two processes, in a folder where nothing else is, of somebody who has no home."""

    def __init__(self, root: Path, named: dict[str, float]):
        self.root, self.named, self.runs = root, named, root / "runs"
        places = {"RUNS": self.runs, "CACHE": root / "cache", "DATA": root / "nothing"}
        self.environment = os.environ | {f"RTVC_{name}": str(place) for name, place in places.items()}
        self.environment |= {"PYTHONPATH": str(ROOT), "HOME": str(root / "no home"), "OMP_NUM_THREADS": "1"}

    def start(self) -> list[subprocess.Popen]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
        call = [
            sys.executable,
            str(ROOT / "train.py"),
            "--config",
            "configs/public/libritts-vctk.yaml",
            *short(self.named),
        ]
        return [
            subprocess.Popen(
                call,
                cwd=self.root,
                env=self.environment | meeting | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdout=open(self.root / f"out{rank}", "w"),
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            for rank in (0, 1)
        ]

    def printed(self) -> str:
        """By the first process."""
        return (self.root / "out0").read_text()

    def killed_at(self, checkpoint: Path) -> str:
        """What was printed until both were killed, as soon as there was a checkpoint in that folder."""
        processes = self.start()
        while not list(checkpoint.glob("step_???????")) and all(process.poll() is None for process in processes):
            time.sleep(0.05)
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
        assert [process.wait() for process in processes] == 2 * [-signal.SIGKILL], self.printed()[-3000:]
        return self.printed()

    def finished(self) -> str:
        processes = self.start()
        try:
            assert [process.wait(1200) for process in processes] == [0, 0], self.printed()[-3000:]
        finally:
            for process in processes:
                process.kill()
        return self.printed()


@pytest.mark.skipif(not importlib.util.find_spec("resemblyzer"), reason="needs the speaker teacher, Resemblyzer")
def test_the_public_recipe_runs_on_two_processes_from_folders_to_a_model_that_speaks(
    tmp_path, bundled, monkeypatch, woman
):
    """Killed in the middle of a stage and started again, it goes on. ``RTVC_WALK_MINUTES=20`` lays out twenty minutes.

    Both processes once filled the cache, writing into the same files; and a stage parted them, so that the next failed.
    """
    named = lay_out(tmp_path / "data", bundled)
    walk = Walk(tmp_path, named)
    before = walk.killed_at(walk.runs / "libritts" / "decoder" / "checkpoints")
    after = walk.finished()
    assert "skipped" not in before + after, "nobody excluded was read"
    assert "Left out: librivox/237, librivox/61, vctk/p226" in before
    for stage in ("ge2e", "sayen"):
        assert f"libritts/{stage} is finished" in after, "what is done is not done again"
    assert "libritts/decoder goes on from step" in after
    for stage in LOOPED:
        assert re.search(rf"libritts/{stage} .*evaluation", before + after), "those who validate are heard"
        assert folders.last_checkpoint(walk.runs / "libritts" / stage)
    monkeypatch.setattr(folders, "DATA", tmp_path / "nothing")
    monkeypatch.setattr(folders, "CACHE", tmp_path / "cache")
    config = load_config(REAL, short(named))["polish"]
    cached_once(config)
    speech = SpeechCorpora(Corpora.of(config))
    drawn = {name: speech.chances[[item.corpus == name for item in speech.items]].sum() for name in named}
    assert drawn == pytest.approx(named), "shares are shares"
    model = walk.runs / "libritts" / "model"
    assert json.loads((model / "config.json").read_text())["timbre_centre"] != [0.0, 0.0], "calibrated"
    spoken = load(model)("Hello there.", voice=woman)
    assert spoken["sampling_rate"] == 24_000
    assert np.isfinite(spoken["audio"]).all()
    assert len(spoken["audio"]) > 1000


def cached_once(config: dict) -> None:
    """Of every recording there is one wave, one curve, one alignment, one embedding; and of nobody who is left out."""
    asked = Corpora.of(config)
    for name in asked:
        corpus = asked.load(name)
        found = {people.bare(one.speaker) for one in corpus.utterances}
        assert found >= ({"84", "100"} if "LibriTTS" in name else {"p225", "p280"})
        assert not found & {"61", "237", "p226"}
        ends = sum(one.samples for one in corpus.utterances)
        assert corpus.file(store.WAVES).stat().st_size == 2 * ends
        traits = json.loads(corpus.file(".traits.json").read_text())
        assert corpus.file(".f0").stat().st_size == 4 * sum(about["frames"] for about in traits.values())
        (aligned,) = folders.CACHE.glob(f"{corpus.stem}.alignment-*.jsonl")
        files = [json.loads(line)["file"] for line in aligned.read_text().splitlines() if line]
        assert sorted(files) == sorted(one.file for one in corpus.utterances)
        assert len(measurements.voices(corpus)) == len(corpus.utterances)
