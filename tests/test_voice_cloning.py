"""The four as one: config, order of the data path, folder, processor."""

from __future__ import annotations

import copy
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoProcessor, AutoTokenizer

from rtvc import CheckpointError, Voice, VoiceCloningConfig, VoiceCloningModel, VoiceCloningProcessor, VoiceError, audio
from rtvc.earspeech import EarSpeechModel
from rtvc.sayen import SayENConfig


def noisy(speech: np.ndarray, decibels: float = 0.0) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 1, speech.size).astype(np.float32)
    return speech + noise * np.sqrt(np.mean(speech**2)) * np.float32(10 ** (-decibels / 20))


def test_the_config_holds_four_and_nothing_unknown(tiny_config):
    assert VoiceCloningConfig().sampling_rate == 16000
    again = VoiceCloningConfig(**json.loads(tiny_config.to_json_string()))
    assert again.to_dict() == tiny_config.to_dict()
    assert isinstance(again.sayen_config, SayENConfig)
    with pytest.raises(ValueError, match="colour"):
        VoiceCloningConfig(colour=1)
    with pytest.raises(ValueError, match="colour"):
        VoiceCloningConfig(sayen_config={"colour": 1})
    with pytest.raises(Exception, match="similarity_scale"):
        VoiceCloningConfig(similarity_scale="wide")
    with pytest.raises(Exception, match="speaker_size"):
        VoiceCloningConfig(sayen_config={"speaker_size": 8})
    VoiceCloningConfig(auto_map={"AutoConfig": "voice_cloning.VoiceCloningConfig"})  # as in a published repository


def test_no_path_of_a_training_run_is_published(tiny_model, tmp_path):
    tiny_model.earspeech.save_pretrained(tmp_path / "run")
    earspeech = EarSpeechModel.from_pretrained(tmp_path / "run")
    others = (tiny_model.tuned_ge2e, tiny_model.sayen, tiny_model.rtvc7)
    joined = VoiceCloningModel.from_components(earspeech, *others, enhance_below_snr=7.5)
    joined.save_pretrained(tmp_path / "joined")
    stored = (tmp_path / "joined" / "config.json").read_text()
    assert str(tmp_path) not in stored
    assert VoiceCloningModel.from_pretrained(tmp_path / "joined").config.enhance_below_snr == 7.5


@pytest.mark.parametrize("part", ["earspeech", "tuned_ge2e", "sayen"])
def test_a_recording_goes_through_three_and_is_embedded_again_when_it_is_cleaned(part, tiny_model, speech):
    """Each shapes what a cleaned recording sounds like and whose voice it is; SayEN leaves a clean one alone."""
    other = copy.deepcopy(tiny_model)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in getattr(other, part).parameters():
            weight.add_(0.5 * torch.randn(weight.shape, generator=generator))
    assert not np.allclose(other.enhance(speech), tiny_model.enhance(speech), atol=1e-4)
    cleaned, untouched = (
        [model.enroll([speech], enhance=enhance).speaker_embedding for model in (tiny_model, other)]
        for enhance in (True, False)
    )
    assert not np.allclose(*cleaned, atol=1e-4)
    assert np.allclose(*untouched, atol=1e-4) is (part == "sayen")
    again = tiny_model.enroll([tiny_model.enhance(speech)], enhance=False).speaker_embedding
    np.testing.assert_allclose(again, cleaned[0], atol=1e-5)


def test_only_noisy_recordings_are_cleaned(tiny_model, speech):
    clean, dirty = tiny_model.enroll([speech]), tiny_model.enroll([noisy(speech)])
    assert not clean.report.enhanced
    assert dirty.report.enhanced
    assert dirty.report.snr_db < 5 < 25 < clean.report.snr_db
    assert not tiny_model.enroll([noisy(speech)], enhance=False).report.enhanced


def test_a_voice_of_several_recordings(tiny_model, speech):
    both = tiny_model.enroll([speech, noisy(speech, 30)], files=["one.wav", "two.wav"])
    assert both.report.files == ("one.wav", "two.wav")
    assert both.report.seconds == pytest.approx(2 * speech.size / 16000, abs=0.01)
    assert both.report.voiced_seconds > 8
    pieces = [speech[: speech.size // 2], speech[speech.size // 2 :]]
    assert tiny_model.enroll(pieces).report.voiced_seconds > 3, "short recordings count together"
    with pytest.raises(VoiceError, match="“two.wav” is silent"):
        tiny_model.enroll([speech, np.zeros(48000, np.float32)], files=["one.wav", "two.wav"])
    with pytest.raises(VoiceError, match="s of speech, and 3 s are needed"):
        tiny_model.enroll([speech[:24000]])


def test_pitch_and_tempo_are_the_recordings_own(tiny_model, man, woman):
    low, high = (tiny_model.enroll([audio.read(path)]) for path in (man, woman))
    assert np.exp(low.pitch_mean) < 150 < np.exp(high.pitch_mean)
    assert 0.05 < low.pitch_std < 0.6
    assert 2.5 < low.tempo < 6.5


def test_embedding(tiny_model, speech):
    embedding = tiny_model.embed(speech)
    assert embedding.shape == (32,)
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-5)
    padded = np.concatenate([np.zeros(32000, np.float32), 0.1 * speech, np.zeros(64000, np.float32)])
    assert embedding @ tiny_model.embed(padded) > 0.99, "neither level nor silence is the voice"
    assert embedding @ tiny_model.embed(np.tile(speech, 12)) > 0.97, "a minute of the same"
    tiny_model.embed(speech[:16000])
    with pytest.raises(VoiceError):
        tiny_model.embed(speech[:2000])


@torch.inference_mode()
def test_windows_reach_the_end(tiny_model, speech):
    wave, size = np.tile(speech, 3)[: 14 * 16000], 6 * 16000
    windows = tiny_model.embed_windows(wave, 6.0, 3.0)
    expected = [wave[:size], wave[48000 : 48000 + size], wave[96000 : 96000 + size], wave[-size:]]
    alone = torch.cat([tiny_model.embed_windows(some, 6.0, 3.0) for some in expected])
    torch.testing.assert_close(windows, alone, rtol=0, atol=1e-5)
    assert len(tiny_model.embed_windows(wave[:16000], 6.0, 3.0)) == 1, "what is shorter is one window"


def test_enhancing(tiny_model, speech):
    seen = []
    wave = tiny_model.enhance(np.tile(speech, 5), lambda done, total: seen.append((done, total)))
    assert wave.shape == (5 * speech.size,)
    assert wave.dtype == np.float32
    assert seen[-1] == (wave.size, wave.size)
    assert seen == sorted(seen)
    assert np.isfinite(tiny_model.enhance(np.full(16000, 0.1, np.float32))).all(), "no speech in it"


def test_the_last_cleaning_knows_the_voice_that_the_first_one_found(tiny_model, speech, monkeypatch):
    """The embedding of a noisy recording is not yet the speaker's own."""
    noisy, known = speech + np.random.default_rng(0).normal(0, 0.1, speech.size).astype(np.float32), []
    second = speech

    def cleaned(values, features, embedding, *others):
        known.append(embedding[0].numpy())
        return torch.from_numpy(second if len(known) % 2 == 0 else speech)[None]

    monkeypatch.setattr(tiny_model.sayen, "enhance", cleaned)
    tiny_model.enhance(noisy)
    np.testing.assert_allclose(known[0], tiny_model.embed(noisy), atol=1e-5)
    np.testing.assert_allclose(known[-1], tiny_model.embed(speech), atol=1e-5)
    assert np.abs(known[0] - known[-1]).max() > 1e-3
    for second, kept in ((0.98 * speech, 0.98 * speech), (0.9 * speech, speech)):  # noqa: B007
        np.testing.assert_array_equal(tiny_model.enhance(noisy), kept)


def test_speaking(tiny_model, processor):
    voice = Voice(np.ones(32), np.zeros(80), 5.0, 0.2, 4.0)
    ids = processor(text="Hello there.")["input_ids"]
    wave = tiny_model.synthesize(ids, voice)
    assert wave.dtype == np.float32
    assert wave.size > 2000
    np.testing.assert_array_equal(wave, tiny_model.synthesize(ids[0], voice))
    assert tiny_model.synthesize(ids, voice, speed=2.0).size == pytest.approx(wave.size / 2, rel=0.1)
    with pytest.raises(VoiceError, match="another model"):
        tiny_model.synthesize(ids, Voice(np.ones(8), np.zeros(80), 5.0, 0.2, 4.0))


def test_probability(tiny_model):
    config = tiny_model.config
    assert tiny_model.probability(config.similarity_offset) == pytest.approx(0.5)
    probability = VoiceCloningModel.probability
    model = SimpleNamespace(
        config=VoiceCloningConfig(similarity_scale=20, similarity_offset=0.5, similarity_blur=0.3, similarity_drift=0.1)
    )
    assert probability(model, 0.4, (1.0, 1.0)) == pytest.approx(1 / (1 + np.exp(-20 / 1.6 * 0.1)))
    assert probability(model, 0.4, (1.0, 1.0)) > probability(model, 0.4, (5.0, 5.0)) > probability(model, 0.4)
    assert tiny_model.probability(1.0) > tiny_model.probability(0.0)


def test_one_folder_for_all(tiny_folder, tiny_model, processor, speech):
    model = AutoModel.from_pretrained(tiny_folder)
    assert isinstance(model, VoiceCloningModel)
    for name, weights in tiny_model.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], weights, msg=name)
    np.testing.assert_allclose(model.embed(speech), tiny_model.embed(speech), atol=1e-5)
    assert isinstance(AutoConfig.from_pretrained(tiny_folder), VoiceCloningConfig)
    loaded = AutoProcessor.from_pretrained(tiny_folder)
    assert isinstance(loaded, VoiceCloningProcessor)
    text = "It costs $3.50, Dr. Smith!"
    assert loaded(text=text)["input_ids"].tolist() == processor(text=text)["input_ids"].tolist()
    assert (
        AutoTokenizer.from_pretrained(tiny_folder)(text)["input_ids"] == processor(text=text)["input_ids"][0].tolist()
    )
    assert AutoFeatureExtractor.from_pretrained(tiny_folder)((speech, 16000))["input_values"].shape == (1, speech.size)


def test_half_precision_files_are_computed_in_full(tiny_model, tiny_folder, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "half")
    path = tmp_path / "half" / "model.safetensors"
    weights = {name: one.half() if one.is_floating_point() else one for name, one in load_file(path).items()}
    save_file(weights, path, {"format": "pt"})
    config = json.loads((tmp_path / "half" / "config.json").read_text())
    (tmp_path / "half" / "config.json").write_text(json.dumps({**config, "dtype": "float16", "weights_sha256": ""}))
    for load in (VoiceCloningModel.from_pretrained, AutoModel.from_pretrained):
        model = load(tmp_path / "half")
        assert {one.dtype for one in model.state_dict().values() if one.is_floating_point()} == {torch.float32}
    assert VoiceCloningModel.from_pretrained(tmp_path / "half", dtype=torch.float16).dtype == torch.float16


@pytest.mark.parametrize("damage", ["cut", "missing", "shape", "more"])
def test_weights_that_are_not_all_there(damage, tiny_folder, tmp_path):
    """transformers alone fills a missing weight with noise and only logs it."""
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_folder, folder)
    path = folder / "model.safetensors"
    weights = load_file(path)
    name = "tuned_ge2e.output.weight"
    if damage == "missing":
        del weights[name]
    elif damage == "shape":
        weights[name] = weights[name][:-1].contiguous()
    elif damage == "more":
        weights["tuned_ge2e.extra"] = torch.zeros(3)
    save_file(weights, path, {"format": "pt"})
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(CheckpointError, match="damaged”"):
        VoiceCloningModel.from_pretrained(folder)


def test_the_processor(processor, speech):
    both = processor(text="Hello.", audio=(speech, 16000))
    assert set(both) == {"input_ids", "attention_mask", "input_values", "input_values_mask"}
    assert set(processor(audio=[(speech, 16000), (speech[:100], 16000)])) == {"input_values", "attention_mask"}
    padded = processor(text=["Hello there.", "Hi."])
    assert padded["input_ids"].shape == padded["attention_mask"].shape
    with pytest.raises(TypeError, match="colour"):
        processor(text="Hello.", colour=1)
    with pytest.raises(ValueError, match="text, audio or both"):
        processor()
