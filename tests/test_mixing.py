"""A mix of voices is a voice between them, whoever asks for it and in whatever order; what cannot be mixed is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soundfile

import rtvc
from rtvc import Voice, VoiceError, mix
from rtvc.cli import main
from rtvc.mixing import is_mixture, mixed, parts

TAG = 7  # the band that says in these tests whose frame it is


def make(seed: int, frames: int = 160, size: int = 256) -> Voice:
    random = np.random.default_rng(seed)
    reference = np.sort(random.normal(size=(frames, 1)), 0) + np.zeros((1, 80))
    reference[:, TAG] = seed
    numbers = {"pitch_mean": 4.5 + seed / 4, "pitch_std": 0.1 + seed / 20, "tempo": 3.0 + seed}
    return Voice(random.normal(size=size), random.normal(size=80), **numbers, reference=reference)


ANNA, BEN, CY = make(0), make(1), make(2)


def test_a_mix_is_the_weighted_mean():
    mixture = mix({ANNA: 3, BEN: 1})
    expected = 0.75 * ANNA.speaker_embedding.astype(float) + 0.25 * BEN.speaker_embedding
    assert mixture.speaker_embedding == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)
    assert mixture.timbre == pytest.approx(0.75 * ANNA.timbre + 0.25 * BEN.timbre, abs=1e-6)
    geometric = np.exp(ANNA.pitch_mean) ** 0.75 * np.exp(BEN.pitch_mean) ** 0.25
    assert np.exp(mixture.pitch_mean) == pytest.approx(geometric), "pitch is mixed as ears hear it"
    assert mixture.pitch_std == pytest.approx(0.75 * ANNA.pitch_std + 0.25 * BEN.pitch_std)
    assert mixture.tempo == pytest.approx(0.75 * ANNA.tempo + 0.25 * BEN.tempo)
    assert mixture.report is None


def test_frames_of_speech_are_drawn_by_each_share():
    drawn = mix({ANNA: 3, BEN: 1}).reference
    assert [int((drawn[:, TAG] == seed).sum()) for seed in (0, 1)] == [120, 40]
    loudness = drawn.mean(1, dtype=float)
    assert (np.diff(loudness) >= 0).all(), "in the order of their loudness, so that nothing said can be told from them"
    quarters = np.quantile(ANNA.reference[:, 0].astype(float), [0.1, 0.9])
    assert loudness.min() < quarters[0] < quarters[1] < loudness.max(), "from all over the voice"


@pytest.mark.parametrize("frames", [0, 40])
def test_a_voice_with_fewer_frames_keeps_its_share(frames):
    drawn = mix({ANNA: 1, make(1, frames): 1}).reference
    from_anna = int((drawn[:, TAG] == 0).sum())
    assert (len(drawn), from_anna) == ((160, 160) if not frames else (160, 80))


def test_it_is_the_same_in_any_order_and_at_any_scale():
    mixture = mix({ANNA: 3, BEN: 2, CY: 1})
    assert mixture == mix({CY: 1, BEN: 2, ANNA: 3})
    for scale in (1e-300, 0.5, 1e300):
        assert mix({ANNA: 3 * scale, BEN: 2 * scale, CY: scale}).similarity(mixture) == pytest.approx(1.0)
    assert mix({ANNA: 5}) == ANNA


def test_a_mix_is_saved_and_mixed_again_like_any_voice(tmp_path):
    mixture = mix({ANNA: 3, BEN: 1})
    mixture.save(tmp_path / "mix.voice")
    assert Voice.load(tmp_path / "mix.voice") == mixture
    assert mix({mixture: 1, CY: 1}).tempo == pytest.approx((mixture.tempo + CY.tempo) / 2)


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf"), "much", None, True, 10**400])
def test_a_weight_is_a_number_above_nought(weight):
    with pytest.raises(VoiceError, match=r"^The weight of a voice must be a number above 0, not .*\.$"):
        mix({ANNA: 1, BEN: weight})


@pytest.mark.parametrize(
    ("voices", "words"),
    [
        ({}, "nothing to mix"),
        ([ANNA, BEN], "nothing to mix"),
        ({"anna.wav": 1, "ben.wav": 1}, "Only voices"),
        ({ANNA: 1, make(3, size=32): 1}, "different models"),
        ({make(seed): 1 for seed in range(12)} | {make(seed, 1): 1 for seed in range(12)}, "at most 16"),
        ({ANNA: 1, replace(ANNA, speaker_embedding=-ANNA.speaker_embedding): 1}, "cancel"),
    ],
)
def test_what_cannot_be_mixed_is_named(voices, words):
    with pytest.raises(VoiceError, match=words):
        mix(voices)


def test_the_way_that_other_servers_write_it():
    assert parts("anna(3)+ben(1)") == {"anna": 3.0, "ben": 1.0}
    assert parts(" Woman, audiobook (0.5) + ben ") == {"Woman, audiobook": 0.5, "ben": 1.0}
    assert parts("anna+ben+anna(2)") == {"anna": 3.0, "ben": 1.0}
    voices = {"anna": ANNA, "ben": BEN}
    assert mixed("anna(3)+ben(1)", voices.__getitem__) == mix({ANNA: 3, BEN: 1})
    assert mixed("anna", voices.__getitem__) is ANNA


@pytest.mark.parametrize(
    ("mixture", "words"),
    [
        ("anna(0)+ben", "weight of “anna”"),
        ("anna(nan)+ben", "weight of “anna”"),
        ("anna(-1)+ben", "weight of “anna”"),
        ("anna()+ben", "weight of “anna”"),
        ("anna(1e999)+ben", "weight of “anna”"),
        ("anna+", "lacks a voice's name"),
        ("(3)+ben", "lacks a voice's name"),
        ("+".join(f"v{n}" for n in range(5000)), "at most 16"),
    ],
)
def test_hostile_mixtures_get_one_sentence(mixture, words):
    with pytest.raises(VoiceError, match=words) as refused:
        parts(mixture)
    assert str(refused.value).count(". ") == 0
    assert len(str(refused.value)) < 250


def test_a_file_that_is_called_like_a_mixture_is_that_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_mixture("a(2).voice+b.voice")
    assert is_mixture("a.voice(2)")
    assert not is_mixture("Recording (1)")
    assert not is_mixture("a.voice")
    ANNA.save("a(2).voice+b.voice")
    assert not is_mixture("a(2).voice+b.voice")
    assert is_mixture("+\0" * 9000), "no name makes the file system raise"


def test_the_pipeline_and_the_shell_speak_in_a_mix(tiny, tiny_folder, woman, man, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.enroll(woman).save("woman.voice")
    mixture = mix({Voice.load("woman.voice"): 3, tiny.enroll(man): 1})
    wanted = tiny("Hello there.", voice=mixture)["audio"]
    assert np.array_equal(tiny("Hello there.", voice=f"woman.voice(3)+{man}(1)")["audio"], wanted)
    command = ["clone", "Hello there.", "--model", str(tiny_folder), "--output", "mix.wav", "--voice"]
    assert main([*command, f"woman.voice(3)+{man}(1)"]) == 0
    assert np.abs(soundfile.read("mix.wav")[0] - wanted).max() < 1e-3
    capsys.readouterr()
    for voice, words in (
        ("woman.voice(0)+x", "weight of “woman.voice”"),
        ("woman.voice+nobody.wav", "“nobody.wav”"),
        (f"woman.voice{'(1)' * 5000}+woman.voice", "check the path"),
    ):
        assert main([*command, voice]) == 2
        said = capsys.readouterr().err
        assert words in said
        assert said.count("\n") == 1


def test_it_is_public():
    assert rtvc.mix is mix
