"""What the model in the package does: levels, questions, speeds, people told apart, offline."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile
from speaking import LONG, TEXT, in_a_fresh_process, same
from transformers import pipeline

import rtvc
from rtvc import audio
from rtvc.loading import CHECKPOINT
from rtvc.training.config import load_config


def test_the_bundled_model_is_small_and_complete(bundled):
    assert sum(file.stat().st_size for file in CHECKPOINT.iterdir()) <= 40e6
    assert "custom_pipelines" not in (CHECKPOINT / "config.json").read_text()
    assert bundled.model.dtype.is_floating_point
    assert str(bundled.model.dtype) == "torch.float32"


def test_a_clone_from_a_real_recording(bundled, woman, man):
    waves = {}
    for path in (woman, man):
        out = bundled("Nice to meet you, this is a longer sentence.", voice=path)
        waves[path] = out["audio"]
        assert 1.5 < len(out["audio"]) / out["sampling_rate"] < 8
        assert np.abs(out["audio"]).max() <= 1.0
        assert audio.loudness(out["audio"], out["sampling_rate"]) == pytest.approx(-23, abs=1.5)
        assert audio.voiced_seconds(audio.resample(out["audio"], out["sampling_rate"])) > 1
    pitches = [audio.pitch_track(waves[path])[1] for path in (woman, man)]
    high, low = (np.median(track[track > 0]) for track in pitches)
    assert high > 1.3 * low


def test_questions_end_higher_than_statements(bundled, woman, man):
    for path in (woman, man):
        voice = bundled.enroll(path)
        ends = []
        for text in ("Did she call you yesterday?", "Did she call you yesterday."):
            track = audio.pitch_track(bundled(text, voice=voice)["audio"])[1]
            ends.append(np.median(track[track > 0][-6:]))
        assert ends[0] > 1.15 * ends[1]


@pytest.mark.parametrize("word", ["No.", "Rhythm.", "Please.", "Apples are red."])
def test_no_line_begins_or_ends_in_the_midst_of_a_sound(bundled, woman, man, word):
    for path in (woman, man):
        out = bundled(word, voice=path, watermark=False)
        wave, short = out["audio"], out["sampling_rate"] // 100
        speech = np.sqrt(np.mean(np.square(wave)))
        for edge in (wave[:short], wave[-short:]):
            assert np.sqrt(np.mean(np.square(edge))) < speech / 10 ** (25 / 20)


def test_speed_and_seed_of_the_bundled_model(bundled, woman):
    voice = bundled.enroll(woman)
    assert not voice.report.enhanced
    text = "Nice to meet you, this is a longer sentence."
    plain, fast = (bundled(text, voice=voice, speed=speed)["audio"] for speed in (1.0, 2.0))
    assert len(fast) == pytest.approx(len(plain) / 2, rel=0.1)
    varied = [bundled(text, voice=voice, variation=0.5, seed=7)["audio"] for _ in range(2)]
    np.testing.assert_array_equal(*varied)


LEVELS = [{"variation": number} for number in (0.0, 0.3, 0.5, 0.8, 1.0)]
LEVELS += [{"speed": number} for number in (0.25, 0.5, 2.0, 4.0)] + [{"pitch": number} for number in (-12, -6, 6, 12)]


@pytest.mark.parametrize("options", LEVELS, ids=str)
def test_as_loud_at_every_setting(bundled, woman, man, options):
    """−23 ± 2 LUFS, and nothing is clipped: latents that are varied were once said 20 dB too loud."""
    hers, his = bundled.enroll(woman), bundled.enroll(man)
    for voice, text in ((hers, LONG), (his, "Hi."), (his, "Would you like another cup of coffee, or shall we go?")):
        wave = bundled(text, voice=voice, seed=3, **options)["audio"]
        assert audio.loudness(wave, bundled.model.config.sampling_rate) == pytest.approx(-23, abs=2)
        assert np.abs(wave).max() < audio.PEAK + 1e-6
        assert (np.abs(wave) > audio.KNEE).mean() < 1e-3


def test_the_bundled_model_tells_people_apart(bundled, woman, man, speech):
    half = speech.size // 2
    halves = rtvc.similarity((speech[:half], 16000), (speech[half:], 16000))
    assert halves > 0.5 > rtvc.similarity(woman, man)
    assert rtvc.embed(woman).shape == (256,)
    noise = np.random.default_rng(0).normal(0, 1, speech.size).astype(np.float32) * np.sqrt(np.mean(speech**2)) * 0.3
    cleaned = rtvc.enhance((speech + noise, 16000))
    assert np.mean((cleaned - speech) ** 2) < np.mean(noise**2), "the noise must become less"


def test_the_same_in_a_fresh_process_offline(bundled, tiny, tiny_folder, woman, tmp_path):
    """The bundled model by default, another one by its folder."""
    clones = {None: bundled, tiny_folder: tiny}
    voices = [clone.enroll(woman) for clone in clones.values()]
    for number, voice in enumerate(voices):
        voice.save(tmp_path / f"{number}.voice")
    said = in_a_fresh_process(list(clones), tmp_path)
    for clone, voice, wave in zip(clones.values(), voices, said, strict=True):
        same(wave, clone(TEXT, voice=voice, variation=0.5, seed=3)["audio"])


def test_no_advice_about_the_default_model(bundled, caplog):
    with caplog.at_level(logging.WARNING, logger="transformers"):
        pipeline("voice-cloning")
    assert "No model was supplied" not in caplog.text


def test_a_written_clone_can_be_read(bundled, woman, tmp_path):
    out = bundled(TEXT, voice=woman)
    soundfile.write(tmp_path / "hello.wav", out["audio"], out["sampling_rate"])
    assert soundfile.info(tmp_path / "hello.wav").frames == len(out["audio"])


def test_one_person_alone_is_used_whole(bundled, woman, man):
    for path in (woman, man):
        report = bundled.enroll([path, path]).report
        assert not report.several_voices
        assert report.warning == ""
        assert report.used_seconds > 0.85 * report.voiced_seconds


def test_two_people_in_one_recording_are_noticed(bundled, woman, man):
    """Most of it is hers: her voice is taken, what he says is left out, and the person is told."""
    hers, his = rtvc.audio.read(woman), rtvc.audio.read(man)
    mixed = bundled.enroll((np.concatenate([hers, hers, his]), 16_000))
    assert mixed.report.several_voices
    assert "More than one voice" in mixed.report.warning
    assert mixed.report.used_seconds < 0.85 * mixed.report.voiced_seconds
    alone, other = bundled.enroll(woman), bundled.enroll(man)
    assert mixed.similarity(alone) > 0.9 > mixed.similarity(other)
    assert mixed.pitch_mean == pytest.approx(alone.pitch_mean, abs=0.1)


def test_the_recipe_makes_the_bundled_config(bundled):
    recipe = load_config(Path(__file__).parents[1] / "configs" / "export.yaml", [])["calibrated"]
    config = bundled.model.config.to_dict()
    assert {name: config[name] for name in recipe} == recipe
