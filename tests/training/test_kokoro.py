"""The stage that lets Kokoro read, with a network of three constants in its place."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rtvc.errors import TrainingError
from rtvc.training import folders
from rtvc.training.config import load_config
from rtvc.training.stages import kokoro

onnx = pytest.importorskip("onnx")


def network():
    """Two frames a token, 150 Hz, and samples that are the style's first number."""
    helper, kinds = onnx.helper, onnx.TensorProto
    nodes = [
        helper.make_node("Shape", ["tokens"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["count"]),
        helper.make_node("Mul", ["count", "samples_each"], ["samples"]),
        helper.make_node("Mul", ["count", "pitches_each"], ["pitches"]),
        helper.make_node("Gather", ["style", "zero"], ["level"], axis=1),
        helper.make_node("Reshape", ["level", "one"], ["flat_level"]),
        helper.make_node("Expand", ["flat_level", "samples"], ["audio"]),
        helper.make_node("Expand", ["two", "count"], [kokoro.DURATIONS]),
        helper.make_node("Expand", ["hertz", "pitches"], [kokoro.PITCH]),
        helper.make_node("Identity", ["speed"], ["unused"]),
    ]
    whole = {"zero": [0], "one": [1], "samples_each": [1200], "pitches_each": [4]}
    constants = [helper.make_tensor(name, kinds.INT64, [1], value) for name, value in whole.items()]
    constants += [helper.make_tensor(n, kinds.FLOAT, [1], [v]) for n, v in (("two", 2.0), ("hertz", 150.0))]
    inputs = [
        helper.make_tensor_value_info("tokens", kinds.INT64, [1, None]),
        helper.make_tensor_value_info("style", kinds.FLOAT, [1, 256]),
        helper.make_tensor_value_info("speed", kinds.FLOAT, [1]),
    ]
    output = [helper.make_tensor_value_info("audio", kinds.FLOAT, [None])]
    graph = helper.make_graph(nodes, "stand-in", inputs, output, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(folders, "DATA", tmp_path)
    (tmp_path / "lines.tsv").write_text("file\ttext\tconfidence\na\tOf course!\t\nb\tHeard wrongly.\t0.5\n")
    files = tmp_path / "files"
    (files / "voices").mkdir(parents=True)
    onnx.save(network(), files / "model.onnx")
    alphabet = [*kokoro.phonemes.SOUNDS, "ˈ", "ˌ", " ", *kokoro.phonemes.PAUSES]
    (files / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {c: i + 1 for i, c in enumerate(alphabet)}}}))
    for name, level in (("af_one", 0.1), ("af_two", 0.3), ("am_one", 0.5), ("jm_two", 0.7)):
        np.full((510, 256), level, np.float32).tofile(files / "voices" / f"{name}.bin")
    (tmp_path / "own.txt").write_text("Where is it?\nNot yet.\n")
    given = {"files": files, "sentences": tmp_path / "own.txt", "corpora": "[lines]", "left_out": "[]", "people": 8}
    given |= {"sentences_a_person": 2}
    options = [part for key, value in given.items() for part in (f"--{key}", str(value))]
    return load_config(folders.CONFIGS / "kokoro.yaml", options)


def index(number: int = 0) -> list[dict]:
    return [json.loads(line) for line in (folders.CACHE / f"kokoro{number}.jsonl").read_text().splitlines()]


def test_what_is_read_lies_with_its_symbols_durations_and_pitch(config):
    kokoro.train(config)
    waves = np.fromfile(folders.CACHE / "kokoro0.i16", np.int16)
    curves = np.fromfile(folders.CACHE / "kokoro0.f0", np.float32)
    utterances = index()
    assert len(utterances) == 16
    assert sum(utterance["samples"] for utterance in utterances) == waves.size
    assert set(curves) == {150.0}
    for utterance in utterances:
        assert 300 * utterance["frames"] == utterance["samples"], "a pitch each 12.5 ms at 24 kHz"
        assert sum(utterance["seconds"]) == pytest.approx(utterance["samples"] / 24_000, abs=0.01)
        assert len(utterance["symbols"]) == len(utterance["seconds"])
        first, second, weight, manner = utterance["voices"]
        levels = {"af_one": 0.1, "af_two": 0.3, "am_one": 0.5, "jm_two": 0.7}
        assert first[1] == second[1]
        assert manner.startswith(kokoro.ENGLISH)
        assert utterance["text"] in ("Where is it?", "Not yet.", "Of course!")
        level = weight * levels[first] + (1 - weight) * levels[second]
        heard = waves[utterance["start"] : utterance["start"] + utterance["samples"]] / 32_767
        np.testing.assert_allclose(heard, level, atol=2e-3)


def test_it_goes_on_where_it_was_killed(config):
    """In the middle of a wave, of a line of the index, and between the two."""
    kokoro.train(config)
    files = {name: folders.CACHE / f"kokoro0.{name}" for name in ("i16", "f0", "jsonl")}
    whole = {name: path.read_bytes() for name, path in files.items()}
    for cut in ({"i16": -7}, {"jsonl": -9}, {"f0": -3, "jsonl": -300}):
        for name, size in cut.items():
            keep = whole[name] if name != "jsonl" else whole[name][:size]
            files[name].write_bytes(keep if name == "jsonl" else keep + b"12345")
        kokoro.train(config)
        assert {name: path.read_bytes() for name, path in files.items()} == whole


def test_shards_read_everything_once(config):
    kokoro.train(config)
    for shard in (0, 1):
        (folders.CACHE / f"kokoro{shard}.jsonl").rename(folders.CACHE / "whole") if shard == 0 else None
        kokoro.train(config | {"shard": shard, "shards": 2})
    whole = [json.loads(line)["file"] for line in (folders.CACHE / "whole").read_text().splitlines()]
    assert sorted(utterance["file"] for shard in (0, 1) for utterance in index(shard)) == sorted(whole)


def test_missing_files_are_named(config, tmp_path):
    (tmp_path / "files" / "model.onnx").unlink()
    with pytest.raises(TrainingError, match="lacks model.onnx; put the files of onnx-community"):
        kokoro.train(config)
