"""The optimised variant: what it gives, that it loads like any other model, and what it refuses."""

from __future__ import annotations

import copy
import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from test_watermark import LONG, detected
from transformers import pipeline

from rtvc import CheckpointError, Voice
from rtvc.loading import load
from rtvc.onnx_part import OnnxPart
from rtvc.optimized import optimize
from rtvc.watermark import THRESHOLD

TEXT = "One two three four five six seven eight nine ten."


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """The difference in dB below `other`."""
    assert one.shape == other.shape
    return 10 * np.log10(max(np.square(one - other).mean() / np.square(other).mean(), 1e-20))


@pytest.fixture(scope="module")
def awake(tiny_model):
    """The tiny model with something in every layer."""
    model = copy.deepcopy(tiny_model)
    torch.manual_seed(0)
    for parameter in model.rtvc7.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    return model


@pytest.fixture(scope="module")
def folder(awake, processor, tmp_path_factory):
    folder = tmp_path_factory.mktemp("optimized")
    optimize(awake).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def fast(folder):
    return pipeline("voice-cloning", model=str(folder))


@pytest.fixture(scope="module")
def voice(fast, woman) -> Voice:
    return fast.enroll(woman)


def test_its_networks_give_what_the_originals_give(awake, folder):
    """Within what eight bits allow, for lines of other lengths and numbers than those it was measured with."""
    parts = load(folder).model.rtvc7
    assert isinstance(parts.prior, OnnxPart)
    for lines, length in ((1, 7), (3, 150)):
        torch.manual_seed(lines)
        condition, mask = 0.3 * torch.randn(lines, 8), torch.ones(lines, length, 1)
        mask[0, length // 2 :] = 0
        with torch.inference_mode():
            ids = torch.randint(4, 80, (lines, length))
            hidden = awake.rtvc7.text_encoder(ids, condition, mask)
            for name, inputs in (
                ("text_encoder", (ids, condition, mask)),
                ("duration_predictor", (hidden, condition, mask)),
                ("pitch_predictor", (hidden, condition, mask)),
            ):
                wanted, given = getattr(awake.rtvc7, name)(*inputs), getattr(parts, name)(*inputs)
                for one, other in zip(torch.atleast_1d(given), torch.atleast_1d(wanted), strict=True):
                    assert apart(one.numpy(), other.numpy()) < -25


def test_streams_and_batches_are_what_is_said_whole(fast, voice, man):
    """To −60 dB: a scale that followed the input would make a piece of a sentence another one."""
    whole = fast(TEXT, voice=voice)["audio"]
    chunks = [chunk["audio"] for chunk in fast.stream(TEXT, voice=voice)]
    assert len(chunks) > 1
    assert apart(np.concatenate(chunks), whole) < -60
    together = fast([TEXT, "Yes.", TEXT], voice=[voice, fast.enroll(man), voice])
    assert apart(together[0]["audio"], whole) < -60


def test_many_threads_say_what_one_says(fast, voice):
    """Its graphs are shared by all of them, also while they stream."""

    def work(count: int) -> list[np.ndarray]:
        streamed = [chunk["audio"] for chunk in fast.stream(f"{TEXT} Number {count}.", voice=voice)]
        return [*streamed, fast(f"This is number {count}.", voice=voice)["audio"]]

    alone = [work(count) for count in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(work, [*range(8), *range(8)]))
    for one, other in zip([*alone, *alone], together, strict=True):
        for mine, theirs in zip(one, other, strict=True):
            assert apart(theirs, mine) < -60


def test_saved_and_loaded_and_copied_it_says_the_same(fast, voice, tmp_path):
    fast.model.save_pretrained(tmp_path)
    fast.processor.save_pretrained(tmp_path)
    said = fast(TEXT, voice=voice)["audio"]
    assert apart(load(tmp_path)(TEXT, voice=voice)["audio"], said) < -60
    copied = copy.deepcopy(fast.model)
    ids = fast.processor(text=TEXT)["input_ids"]
    assert apart(copied.synthesize(ids, voice), fast.model.synthesize(ids, voice)) < -60


def test_an_optimized_model_is_not_optimized_again(fast):
    with pytest.raises(CheckpointError, match="already"):
        optimize(fast.model)


def test_damaged_graphs_are_noticed_when_it_loads(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    weights["rtvc7.prior.graph"][: len(weights["rtvc7.prior.graph"]) // 2] = 7
    save_file(weights, other / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match="damaged"):
        load(other)
    config = json.loads((folder / "config.json").read_text())
    config["rtvc7_config"]["onnx_sizes"]["prior"] += 1
    (other / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError):
        load(other)


def test_the_model_it_is_made_of_stays_as_it_was(awake, voice):
    before = {key: value.clone() for key, value in awake.state_dict().items()}
    optimize(awake)
    assert awake.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[key]) for key, value in awake.state_dict().items())
    assert not awake.config.rtvc7_config.onnx_sizes


def test_the_bundled_model_optimized(bundled, bundled_optimized, woman):
    """Less than 1 / 2.1 of the same weights as float32, and the same voice."""
    original = 4 * sum(value.numel() for value in bundled.model.state_dict().values())
    assert (bundled_optimized / "model.safetensors").stat().st_size < original / 2.1
    fast, voice = load(bundled_optimized), bundled.enroll(woman)
    said, wanted = (clone(TEXT, voice=voice)["audio"] for clone in (fast, bundled))
    assert len(said) == pytest.approx(len(wanted), rel=0.02)
    embeddings = [bundled.embed((wave, 16_000)) for wave in (said, wanted)]
    assert embeddings[0] @ embeddings[1] > 0.97


def test_what_the_bundled_model_optimized_says_is_marked(bundled_optimized, woman):
    """Whole, streamed and in batches; the mark is written behind the networks, so other weights change nothing."""
    fast = load(bundled_optimized)
    voice = fast.enroll(woman)
    whole = fast(LONG, voice=voice)["audio"]
    streamed = np.concatenate([chunk["audio"] for chunk in fast.stream(LONG, voice=voice)])
    assert apart(streamed, whole) < -60
    for said in (whole, streamed, *[out["audio"] for out in fast([LONG, LONG[:40]], voice=voice)]):
        assert detected(fast, said) > THRESHOLD
    assert detected(fast, fast(LONG, voice=voice, watermark=False)["audio"]) < THRESHOLD
