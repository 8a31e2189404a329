"""A model in folders, in other number types, in copies and other processes: it says what it said."""

from __future__ import annotations

import ast
import copy
import json
import multiprocessing
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from speaking import same
from transformers import pipeline
from transformers.utils.logging import enable_progress_bar, is_progress_bar_enabled

from rtvc import CheckpointError, Voice, VoiceCloningModel, VoiceCloningPipeline
from rtvc.loading import load
from rtvc.optimized import optimize
from rtvc.rtvc7_signal import log_mel

ROOT = Path(__file__).parents[1]
TEXT = "Nice to meet you, all of you. How are you?"
TYPES = (torch.float16, torch.bfloat16, torch.float64)


@pytest.fixture(scope="module")
def voice(tiny, woman) -> Voice:
    return tiny.enroll(woman)


@pytest.fixture(scope="module")
def fast_folder(tiny_model, processor, tmp_path_factory) -> Path:
    """The optimised variant of the tiny model."""
    folder = tmp_path_factory.mktemp("fast")
    optimize(tiny_model).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def said(clone: VoiceCloningPipeline, voice: Voice, **options) -> np.ndarray:
    return clone(TEXT, voice=voice, **options)["audio"]


def apart(one: np.ndarray, other: np.ndarray, config) -> float:
    """How far two sounds are from each other, mean over bands and frames, dB; the shorter one's length counts."""
    size = min(one.size, other.size)
    first, second = (log_mel(torch.from_numpy(wave[:size].copy())[None], config) for wave in (one, other))
    return float((first - second).abs().mean()) * 20 / np.log(10)


# ---------------------------------------------------------------------------------------------- folders


def test_a_saved_pipeline_is_a_model_folder(tiny, voice, tmp_path):
    """Loaded either way, and saved again, it says the same; no code and no pointer to code lies in the folder."""
    tiny.save_pretrained(tmp_path / "one")
    again = load(tmp_path / "one")
    same(said(again, voice), said(tiny, voice))
    again.save_pretrained(str(tmp_path / "two"))
    same(said(pipeline("voice-cloning", model=str(tmp_path / "two")), voice), said(tiny, voice))
    assert not list(tmp_path.rglob("*.py"))
    assert not {"custom_pipelines", "auto_map"} & set(json.loads((tmp_path / "two" / "config.json").read_text()))
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="is a file"):
        tiny.save_pretrained(tmp_path / "file")


def test_a_saved_optimized_pipeline_is_a_model_folder(fast_folder, voice, tmp_path):
    fast = load(fast_folder)
    fast.save_pretrained(tmp_path)
    same(said(load(tmp_path), voice), said(fast, voice))


def test_folders_that_are_no_model(tiny_folder, tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        load(tmp_path / "missing")
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        load(tmp_path)
    other = tmp_path / "other"
    shutil.copytree(tiny_folder, other)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "model_type": "vits"}))
    with pytest.raises(CheckpointError, match="another kind of model"):
        load(other)
    (other / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="damaged"):
        load(other)
    (other / "config.json").write_text(json.dumps({**config, "colour": 1}))
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load(other)
    (other / "config.json").write_text(json.dumps(config))
    (other / "vocab.json").unlink()
    with pytest.raises(CheckpointError, match=r"vocab\.json"):
        load(other)


def test_loading_says_nothing(tiny_folder, capfd):
    """Neither a progress bar nor a log line; what others load afterwards shows its own as before."""
    enable_progress_bar()  # a stage that was run in this process has them off
    load(tiny_folder)
    assert capfd.readouterr() == ("", "")
    assert is_progress_bar_enabled()


# ---------------------------------------------------------------------------------------------- types of numbers


@pytest.mark.parametrize("dtype", TYPES)
def test_a_model_computes_in_the_type_it_was_loaded_in(tiny_folder, tiny, voice, woman, dtype):
    """Whole, streamed, varied, in a list, cleaned and enrolled: sound like float32's, always float32 for the caller."""
    clone = load(tiny_folder, dtype=dtype)
    assert {weight.dtype for weight in clone.model.parameters()} == {dtype}
    plain, config = said(tiny, voice), tiny.model.config.rtvc7_config
    assert said(clone, voice).dtype == np.float32
    assert said(clone, voice).size == pytest.approx(plain.size, rel=0.05)
    if dtype == torch.float64:  # in 16 bits a sound may come a frame sooner or later
        assert apart(said(clone, voice), plain, config) < 0.01
    assert clone.enroll(woman, enhance=True).similarity(tiny.enroll(woman, enhance=True)) > 0.99
    streamed = np.concatenate([chunk["audio"] for chunk in clone.stream(TEXT, voice=voice)])
    assert apart(streamed, said(clone, voice), config) < 1.0
    assert all(np.isfinite(one["audio"]).all() for one in clone(["One.", "Two three."], voice=voice, variation=1.0))


@pytest.mark.parametrize("dtype", TYPES)
def test_a_model_computes_in_the_type_it_was_given_afterwards(tiny_model, processor, voice, dtype):
    model = copy.deepcopy(tiny_model).to(dtype)
    assert np.isfinite(said(VoiceCloningPipeline(model=model, processor=processor), voice)).all()


def test_an_optimized_model_in_other_types(fast_folder, voice):
    plain = said(load(fast_folder), voice)
    for dtype in TYPES:
        assert said(load(fast_folder, dtype=dtype), voice).size == pytest.approx(plain.size, rel=0.05)


def test_every_way_to_name_a_type(tiny_folder):
    folder = str(tiny_folder)
    for options in ({"dtype": "float16"}, {"torch_dtype": torch.float16}, {"dtype": torch.float16}):
        assert VoiceCloningModel.from_pretrained(folder, **options).dtype == torch.float16
        assert pipeline("voice-cloning", model=folder, **options).model.dtype == torch.float16
        assert load(folder, **options).model.dtype == torch.float16
    for options in ({}, {"dtype": "auto"}, {"dtype": None}):
        assert load(folder, **options).model.dtype == torch.float32
    for wrong in (torch.int8, torch.complex64, "fast", "nn", torch.float8_e4m3fn, 16):
        with pytest.raises(CheckpointError, match=r"cannot compute in .*; choose dtype from float32, "):
            VoiceCloningModel.from_pretrained(folder, dtype=wrong)


def test_the_bundled_model_sounds_right_in_half_precision(bundled, woman):
    voice = bundled.enroll(woman)
    half = VoiceCloningPipeline(model=copy.deepcopy(bundled.model).half(), processor=bundled.processor)
    assert apart(said(half, voice), said(bundled, voice), bundled.model.config.rtvc7_config) < 2.0


# ---------------------------------------------------------------------------------------------- the voices it keeps


def test_a_changed_model_enrols_anew(tiny_folder, woman):
    """Fine-tune, then listen: the voices that are kept are those of the weights and settings there are now."""
    clone = load(tiny_folder)
    before = clone.enroll(woman)
    assert clone.enroll(woman) == before
    with torch.no_grad():
        clone.model.tuned_ge2e.output.weight.data.neg_()  # past what counts a tensor's changes
    assert clone.enroll(woman).similarity(before) < 0.9
    clone.model.tuned_ge2e.output.weight.data.neg_()
    assert clone.enroll(woman) == before
    assert not before.report.enhanced
    clone.model.config.enhance_below_snr = 100.0
    assert clone.enroll(woman).report.enhanced


# ---------------------------------------------------------------------------------------------- copies


def copies(thing):
    return [pickle.loads(pickle.dumps(thing)), copy.deepcopy(thing), copy.copy(thing)]


@pytest.mark.parametrize("kind", ["tiny_folder", "fast_folder"])
def test_a_pipeline_can_be_copied(kind, voice, woman, request):
    clone = load(request.getfixturevalue(kind))
    clone.enroll(woman)
    for other in copies(clone):
        same(said(other, voice), said(clone, voice))
        assert other.enroll(woman) == clone.enroll(woman)


def test_model_processor_and_voice_can_be_copied(tiny, voice):
    for model in copies(tiny.model):
        clone = VoiceCloningPipeline(model=model, processor=tiny.processor)
        same(said(clone, voice), said(tiny, voice))
    for processor in copies(tiny.processor):
        assert torch.equal(processor(text=TEXT)["input_ids"], tiny.processor(text=TEXT)["input_ids"])


def speak(clone: VoiceCloningPipeline, voice: Voice) -> np.ndarray:
    torch.set_num_threads(1)
    return said(clone, voice)


@pytest.mark.parametrize("kind", ["tiny_folder", "fast_folder"])
def test_a_pipeline_can_be_sent_to_another_process(kind, voice, request):
    clone = load(request.getfixturevalue(kind))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there = pool.apply(speak, (clone, voice))
    assert apart(there, said(clone, voice), clone.model.config.rtvc7_config) < 0.01


# ---------------------------------------------------------------------------------------------- rooms


def imported(file: Path) -> set[str]:
    """The modules of rtvc that a file imports when it is imported: pipeline, hub.card …"""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            found |= {node.module or ""} | {f"{node.module or ''}.{name.name}".strip(".") for name in node.names}
    return found


def test_publishing_imports_loading_and_never_the_reverse():
    """registration → pipeline → hub → card → registration went in a circle."""
    rooms = {path.stem: imported(path) for path in (ROOT / "rtvc").glob("*.py")}
    assert "loading" in imported(ROOT / "rtvc" / "hub" / "publish.py")
    for name, modules in rooms.items():
        assert not [module for module in modules if module.split(".")[0] == "hub"], name
        assert name == "cli" or "loading" not in modules, name
    todo, done = ["pipeline"], set()
    while todo:
        name = todo.pop()
        done.add(name)
        todo += [module for module in rooms.get(name, ()) if module in rooms and module not in done]
        assert not (name != "pipeline" and "pipeline" in rooms.get(name, ())), f"{name} imports the pipeline back"
