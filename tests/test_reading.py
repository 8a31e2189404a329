"""How recordings of others are read: cut off, damaged, in every container, by every library that people use."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtvc import audio
from rtvc.errors import VoiceError

BY_LIBSNDFILE = [
    ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"),
    ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_16"), ("CAF", "PCM_16"), ("W64", "PCM_16"),
]  # fmt: skip
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
BY_FFMPEG = {
    "low.mp3": ["-b:a", "32k"], "voice.m4a": ["-c:a", "aac"], "begun.m4a": ["-c:a", "aac", "-movflags", "+faststart"],
    "lossless.m4a": ["-c:a", "alac", "-movflags", "+faststart"], "voice.aac": [], "voice.webm": ["-c:a", "libopus"],
    "voice.mka": ["-c:a", "aac"], "voice.ac3": ["-ar", "48000"],
}  # fmt: skip


def refused(source, words: str, **options) -> None:
    with pytest.raises(VoiceError, match=words) as caught:
        audio.read(source, **options)
    assert str(caught.value).endswith(".")
    assert str(caught.value).isprintable()


def convert(source: Path, target: Path, *options: str) -> Path:
    subprocess.run(["ffmpeg", "-loglevel", "error", "-y", "-i", source, *options, target], check=True)
    return target


# ---------------------------------------------------------------------------------------------- files that were cut off


def begins(cut: Path, whole: np.ndarray, other: Path, edge: int = 0) -> bool:
    """Whether what is read of `cut` is a beginning of `whole`, the last `edge` samples aside; False where refused."""
    for _ in range(3):
        audio.read(other)  # whose samples then lie in the memory that was freed
    try:
        part = audio.read(cut)
    except VoiceError:
        return False
    assert part.size <= whole.size
    kept = max(0, part.size - edge)
    np.testing.assert_allclose(part[:kept], whole[:kept], atol=1e-5 if edge else 0)
    return True


def check_cuts(path: Path, other: Path, count: int, edge: int = 0) -> int:
    """Cut a file at `count` places; how often something was read of it."""
    content, chance, whole = path.read_bytes(), random.Random(path.name), audio.read(path)
    places = [len(content) * 2 // 3, len(content) - 1, 100, *(chance.randrange(len(content)) for _ in range(count - 3))]
    cut, accepted = path.with_name(f"cut {path.name}"), 0
    for place in places:
        cut.write_bytes(content[:place])
        accepted += begins(cut, whole, other, edge)
    return accepted


def test_a_cut_mp3_gives_nobody_elses_voice(woman, man, tmp_path):
    """The header's promise of frames was believed: behind the last one decoded lay the recording read before."""
    path, cut = tmp_path / "voice.mp3", tmp_path / "cut.mp3"
    audio.write(path, soundfile.read(woman, dtype="float32")[0], 16000)
    whole, content = audio.read(path), path.read_bytes()
    cut.write_bytes(content[: len(content) * 2 // 3])
    assert begins(cut, whole, man)
    assert 0.5 * whole.size < audio.read(cut).size < 0.7 * whole.size


@pytest.mark.parametrize(("container", "subtype"), BY_LIBSNDFILE)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_cut_file_is_read_as_its_beginning(container, subtype, channels, woman, man, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)  # libsndfile alone
    samples, path = soundfile.read(woman, dtype="float32")[0][:24000], tmp_path / "voice"
    soundfile.write(path, np.stack([samples] * channels, 1), 16000, subtype, format=container)
    accepted = check_cuts(path, man, 6)
    assert accepted > 1 or container == "FLAC"  # which libsndfile refuses as a whole


@needs_ffmpeg
@pytest.mark.parametrize("name", BY_FFMPEG)
def test_a_cut_file_that_ffmpeg_made(name, woman, man, tmp_path):
    """Its decoders go on with half a frame: what they make of it was never in the recording."""
    path = convert(woman, tmp_path / name, *BY_FFMPEG[name])
    accepted = check_cuts(path, man, 5, edge=0 if name == "low.mp3" else 64)  # the resampler's last samples
    assert accepted > 1 or name == "voice.m4a"  # whose index lies at its end


def test_a_cut_file_of_another_rate(man, woman, tmp_path):
    """The resampler's last samples wait for the ones that were cut off."""
    path = tmp_path / "voice.wav"
    soundfile.write(path, audio.resample(audio.read(woman), 16000, 44100), 44100)
    assert check_cuts(path, man, 6, edge=64) > 4


# ---------------------------------------------------------------------------------------------- what nobody hears


@pytest.mark.parametrize("offset", [0.01, -0.05, 0.001])
def test_an_offset_is_taken_off(offset, speech):
    """1 % of full scale made another person of somebody."""
    np.testing.assert_allclose(audio.read((speech + np.float32(offset), 16000)), speech, atol=2e-3)


def test_one_channel_is_read_and_no_comb_filter(speech):
    """The mean of two microphones, one inverted, later, silent or full of hum, was another voice or none."""
    seconds = np.arange(speech.size) / 16000
    late = np.concatenate([np.zeros(8, np.float32), speech[:-8]])
    hum = (0.05 * np.sin(2 * np.pi * 100 * seconds)).astype(np.float32)
    for pair in ((speech, late), (speech, -speech), (hum, speech), (speech, hum), (0 * speech, speech)):
        np.testing.assert_allclose(audio.read((np.stack(pair, 1), 16000)), speech, atol=2e-3)


def test_clipping_is_told(speech):
    assert audio.clipped_share(speech) < 0.01
    assert audio.clipped_share(np.clip(40 * speech, -1, 1)) > 0.2
    assert audio.clipped_share(np.zeros(100, np.float32)) == 0


# ---------------------------------------------------------------------------------------------- headers that are wrong


@pytest.mark.parametrize("size", [0, 20_000, 10**8, 2**32 - 1])
@pytest.mark.parametrize("container", ["WAV", "AIFF", "AU"])
def test_a_recorder_that_died(container, size, speech, tmp_path):
    """A size of 0 was believed: "contains no sound", although the samples follow."""
    path, order = tmp_path / "voice.wav", "little" if container == "WAV" else "big"
    soundfile.write(path, speech, 16000, "PCM_16", format=container)
    content = bytearray(path.read_bytes())
    place = 8 if container == "AU" else content.index(b"SSND" if container == "AIFF" else b"data") + 4
    content[place : place + 4] = size.to_bytes(4, order)
    np.testing.assert_allclose(audio.read(bytes(content)), speech, atol=1e-4)


def test_what_follows_the_samples_is_not_sound(speech, tmp_path):
    path = tmp_path / "voice.wav"
    soundfile.write(path, speech, 16000, "PCM_16")
    notes = b"LIST" + (10).to_bytes(4, "little") + b"INFOINAM\0\0"
    assert audio.read(path.read_bytes() + notes).size == speech.size


ID3V1 = b"TAG" + b"a" * 125
APE = b"APETAGEX" + (2000).to_bytes(4, "little") + (132).to_bytes(4, "little") + bytes(16)
APEV2 = APE[:23] + b"\xa0" + bytes(8) + b"a" * 100 + APE[:23] + b"\x80" + bytes(8)


@pytest.mark.parametrize("tags", [ID3V1, APEV2, b"a" * 100 + APE, APEV2 + ID3V1], ids=["ID3", "APE", "bare", "both"])
@pytest.mark.parametrize(("container", "subtype"), BY_LIBSNDFILE)
def test_tags_behind_the_sound_are_not_sound(container, subtype, tags, speech, tmp_path, monkeypatch):
    """A FLAC with ID3v1, as taggers of MP3 leave it, was refused; behind a WAV the tag was heard."""
    monkeypatch.setattr(shutil, "which", lambda name: None)  # libsndfile alone
    path = tmp_path / "voice"
    soundfile.write(path, speech[:16000], 16000, subtype, format=container)
    whole = audio.read(path)
    np.testing.assert_array_equal(audio.read(path.read_bytes() + tags), whole)


@needs_ffmpeg
def test_a_wrong_ending_says_nothing_on_stderr(woman, tmp_path, capfd):
    """libmpg123 wrote its notes about an M4A named .mp3, and about any MP3 that was cut off."""
    path = convert(woman, tmp_path / "voice.m4a").rename(tmp_path / "voice.mp3")
    assert audio.read(path).size > 70_000
    cut = convert(woman, tmp_path / "low.mp3", "-b:a", "32k")
    cut.write_bytes(cut.read_bytes()[:9_000])
    audio.read(cut)
    assert capfd.readouterr() == ("", "")


# ---------------------------------------------------------------------------------------------- samples in memory


def test_everything_that_holds_a_recording(speech, woman):
    import io

    import torch

    tensor = torch.tensor(speech, requires_grad=True)
    sources = [{"array": speech, "sampling_rate": 16000}, {"raw": speech, "sampling_rate": 16000}]
    sources += [{"bytes": woman.read_bytes(), "path": None}, {"bytes": None, "path": str(woman)}]
    sources += [{"audio": str(woman), "text": "a row of a table"}, {"audio": {"bytes": memoryview(woman.read_bytes())}}]
    sources += [
        woman.read_bytes(),
        io.BytesIO(woman.read_bytes()),
        (torch._neg_view(-tensor), 16000),
        (tensor, 16000.0),
        (tensor[None], torch.tensor(16000)),
    ]
    for source in sources:
        np.testing.assert_allclose(audio.read(source), speech, atol=1e-6)
    np.testing.assert_allclose(audio.read((tensor.bfloat16(), 16000)), speech, atol=4e-3)
    for kind in ("int16", "int32", "int64"):
        samples = (speech.astype(np.float64) * 2.0 ** (8 * np.dtype(kind).itemsize - 1)).astype(kind)
        np.testing.assert_allclose(audio.read((samples, 16000)), speech, atol=1e-4)


@pytest.mark.parametrize("rate", [float("inf"), float("nan"), -16000, 16000.5, None, "16000", True])
def test_rates_that_are_none(rate, speech):
    refused((speech, rate), "rate|recording")


def test_samples_that_cannot_be_right(speech):
    for samples in (np.zeros((0, 2)), np.zeros((2, 0)), np.zeros((3, 4)), np.array(1.0), speech.astype(complex)):
        refused((samples, 16000), "recording")
    refused(((speech * 32767).astype(np.int64), 16000), "int64")
    row = {}
    row["audio"] = row
    refused(row, "dictionary|recording")


# ---------------------------------------------------------------------------------------------- channels


def test_somebody_else_in_the_channel_that_is_left_out_is_noticed(speech, man):
    """Of an interview with a person on either side one side was dropped without a word."""
    his = audio.read(man)[: speech.size]
    hers = speech[: his.size]
    silence = np.zeros(his.size, np.float32)
    assert audio.heard((np.stack([hers, his]), 16000))[1]
    in_turns = np.stack([np.concatenate([hers, silence]), np.concatenate([silence, his])])
    assert audio.heard((in_turns, 16000))[1]


def test_one_voice_in_two_microphones_is_nobody_else(speech):
    """Later, softer, in noise and with an echo: it stays one voice. Hum and silence are nobody."""
    noise, time = np.random.default_rng(4).normal(0.0, 0.01, speech.size), np.arange(speech.size) / 16000
    later = np.roll(speech, 160)
    others = [np.roll(speech, 8), later, 0.3 * later + noise, speech + 0.6 * np.roll(speech, 800), -speech]
    others += [0.1 * np.sin(2 * np.pi * 50 * time), np.zeros(speech.size)]
    for other in others:
        assert not audio.heard((np.stack([speech, other]).astype(np.float32), 16000))[1]
