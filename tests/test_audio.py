"""The front door: every way a recording can come, and every way it can be wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtvc import audio
from rtvc.errors import VoiceError
from rtvc.voice import is_saved


def tone(rate: int, seconds: float = 1.0, frequency: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
def test_any_rate_becomes_16_khz(rate, tmp_path):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(rate), rate)
    wave = audio.read(path)
    assert wave.dtype == np.float32
    assert abs(wave.size - 16000) <= 1
    middle = slice(2000, 14000)
    np.testing.assert_allclose(wave[middle], tone(16000)[middle], atol=2e-3)


@pytest.mark.parametrize("kind", ["int16", "int32", "uint8", "float32", "float64"])
def test_any_sample_format_has_the_same_level(kind):
    wave = tone(16000)
    scales = {"int16": 32767, "int32": 2147483000, "uint8": 127}
    samples = wave.astype(kind) if kind[0] == "f" else (wave * scales[kind] + (128 if kind == "uint8" else 0))
    np.testing.assert_allclose(audio.read((samples.astype(kind), 16000)), wave, atol=0.02)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_U8", "FLOAT", "DOUBLE", "ULAW"])
def test_wav_of_any_kind(subtype, tmp_path):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(16000), 16000, subtype=subtype)
    np.testing.assert_allclose(audio.read(path), tone(16000), atol=0.03)


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3", ".wav"])
def test_written_and_read_again(suffix, tmp_path):
    path = tmp_path / f"tone{suffix}"
    audio.write(path, tone(16000), 16000)
    assert abs(audio.read(path).size - 16000) < 1200  # MP3 pads
    assert [path] == list(tmp_path.iterdir()), "a temporary file was left behind"


def test_channels():
    left = tone(16000)
    for samples in (np.stack([left, left], 1), np.stack([left, left])):
        np.testing.assert_allclose(audio.read((samples, 16000)), left, atol=1e-6)
    cancelling = np.stack([left, -left], 1)
    np.testing.assert_allclose(audio.read((cancelling, 16000)), left, atol=1e-6)


def test_samples_beyond_full_scale_are_scaled_back():
    assert np.abs(audio.read((20000 * tone(16000), 16000))).max() == pytest.approx(1.0)


def refused(source, words: str, **options) -> None:
    with pytest.raises(VoiceError, match=words) as caught:
        audio.read(source, **options)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    empty, corrupt, text = tmp_path / "empty.wav", tmp_path / "corrupt.flac", tmp_path / "text.wav"
    empty.touch()
    soundfile.write(corrupt, tone(16000), 16000)
    corrupt.write_bytes(corrupt.read_bytes()[:100] + os.urandom(200))
    text.write_text("not audio")
    headed = tmp_path / "no samples.wav"
    soundfile.write(headed, np.zeros(0), 16000)
    refused(empty, "empty file")
    refused(corrupt, "cannot be read")
    refused(text, "cannot be read")
    refused(headed, "contains no sound")
    refused(tmp_path / "missing.wav", "“missing.wav” does not exist")
    refused(tmp_path, "is not a file")
    refused("a" * 5000, "cannot be opened")
    refused("a\0b", "“a")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path):
    """Nobody writes into it: what looks whether it is a saved voice, or reads it, would wait for ever."""
    pipe = tmp_path / "voice.wav"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR)
    try:
        os.write(held, b'........{"')
        assert not is_saved(pipe)
        refused(pipe, "is not a file")
    finally:
        os.close(held)


def test_a_file_of_somebody_else(tmp_path, monkeypatch):
    """ "Save it as WAV" was the advice for a WAV that one may not read."""
    path = tmp_path / "private.wav"
    soundfile.write(path, tone(16000), 16000)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    refused(path, "may not be read by you")


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_samples_that_are_no_numbers(bad, tmp_path):
    samples = tone(16000).astype(np.float64)
    samples[100] = bad
    refused((samples, 16000), "not numbers")
    if not np.isfinite(np.float32(bad)):
        path = tmp_path / "bad.wav"
        soundfile.write(path, samples.astype(np.float32), 16000, subtype="FLOAT")
        refused(path, "not numbers")


def test_what_is_no_recording():
    for thing in (None, 3, [1, 2, 3], (np.zeros((2, 2, 2)), 16000), (np.array(["a"]), 16000), (tone(16000), "fast")):
        with pytest.raises(VoiceError):
            audio.read(thing)
    refused((np.zeros(0), 16000), "contains no sound")
    refused((tone(16000), 100), "sampling rate")
    refused((tone(16000), 0), "sampling rate")


def test_too_long(tmp_path):
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(8000 * 130, np.int16), 8000)
    refused(path, "minutes", max_seconds=60.0)
    refused((np.zeros(8000 * 130, np.int16), 8000), "minutes", max_seconds=60.0)


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(VoiceError, match="must end in"):
        audio.write(tmp_path / "tone.xyz", tone(16000), 16000)
    with pytest.raises(VoiceError, match="folder"):
        audio.write(tmp_path / "missing" / "tone.wav", tone(16000), 16000)


def test_speech_is_found_at_any_level(speech):
    padded = np.concatenate([np.zeros(16000, np.float32), speech, np.zeros(16000, np.float32)])
    spans = audio.voiced_spans(padded)
    assert 15000 < spans[0][0] < 20000
    assert audio.voiced_spans(0.003 * padded) == spans
    assert audio.voiced_seconds(padded) == pytest.approx(audio.voiced_seconds(speech), abs=0.3)
    assert audio.speech_only(padded).size == pytest.approx(speech.size, abs=4000)
    assert audio.voiced_spans(np.zeros(16000, np.float32)) == []


def test_too_little_speech_is_refused(speech):
    noise = np.random.default_rng(0).normal(0, 0.1, 80000).astype(np.float32)
    cases = [(np.zeros(80000, np.float32), "silent"), (noise, "no speech"), (speech[:24000], r"1\.\d s of speech")]
    for wave, words in cases:
        with pytest.raises(VoiceError, match=words):
            audio.check_speech(wave)
    assert "2.9 s" in audio.too_short(2.97, "It")
    long_file_of_little_speech = np.concatenate([speech[:24000], np.zeros(160000, np.float32)])
    with pytest.raises(VoiceError, match="s of speech"):
        audio.check_speech(long_file_of_little_speech)


@pytest.mark.parametrize("decibels", [0, 5, 10, 20])
def test_snr_is_that_of_the_noise_added(decibels, speech):
    noise = np.random.default_rng(0).normal(0, 1, speech.size).astype(np.float32)
    noise *= np.sqrt(np.mean(speech**2)) * 10 ** (-decibels / 20)
    assert audio.snr(speech + noise) == pytest.approx(decibels, abs=2)
    assert audio.snr(0.1 * (speech + noise)) == pytest.approx(audio.snr(speech + noise), abs=0.1)


def test_snr_of_a_clean_recording(speech):
    assert audio.snr(speech) > 28
    assert audio.snr(np.zeros(16000, np.float32)) == 0


def test_loudness(speech):
    wave = audio.normalize_loudness(speech)
    assert audio.loudness(wave) == pytest.approx(-23, abs=0.1)
    peaky = np.full(16000, 1e-3, np.float32)
    peaky[::4000] = 0.9
    assert np.abs(audio.normalize_loudness(peaky, lufs=-5.0)).max() <= audio.PEAK + 1e-6
    short = audio.normalize_loudness(speech[8000:10000])
    assert np.isfinite(short).all()
    assert short.dtype == np.float32
    silence = np.zeros(16000, np.float32)
    np.testing.assert_array_equal(audio.normalize_loudness(silence), silence)


def test_pitch():
    rate = 16000
    pulses = np.sign(np.sin(2 * np.pi * 150 * np.arange(2 * rate) / rate)).astype(np.float32) * 0.3
    times, f0 = audio.pitch_track(pulses)
    assert times.shape == f0.shape
    assert np.median(f0[f0 > 0]) == pytest.approx(150, rel=0.01)
    assert (audio.pitch_track(np.zeros(rate, np.float32))[1] == 0).all()
    assert audio.pitch_track(np.zeros(0, np.float32))[1].size == 0


def test_tempo(speech):
    tempo = audio.tempo(speech)
    assert 2.5 < tempo < 6.5
    assert audio.tempo(0.01 * speech) == pytest.approx(tempo, abs=0.01)
    paused = np.concatenate([speech, np.zeros(32000, np.float32)])
    assert audio.tempo(paused) == pytest.approx(tempo, abs=0.3), "pauses must not count"
    assert audio.tempo(np.zeros(16000, np.float32)) == 0
    assert audio.tempo(speech[:100]) == 0


def test_the_detector_leaves_torchs_threads_alone():
    """Importing silero_vad sets torch to one thread for the whole process."""
    code = (  # a package without the registration, which would take most of the time
        "import sys, types, torch, numpy; torch.set_num_threads(2);"
        "package = sys.modules['rtvc'] = types.ModuleType('rtvc'); package.__path__ = [sys.argv[1]];"
        "from rtvc import audio; audio.voiced_spans(numpy.ones(16000, 'f'));"
        "assert 'silero_vad' in sys.modules; assert torch.get_num_threads() == 2"
    )
    subprocess.run([sys.executable, "-c", code, str(Path(audio.__file__).parent)], check=True)


# ---------------------------------------------------------------------------------------------- hostile recordings


def test_the_limits_of_channels_and_rates(tmp_path):
    eight = np.repeat(tone(16000)[:, None], 8, 1)
    np.testing.assert_allclose(audio.read((eight, 16000)), tone(16000), atol=1e-6)
    nine, path = np.repeat(tone(16000)[:, None], 9, 1), tmp_path / "nine.wav"
    soundfile.write(path, nine, 16000)
    refused(path, "9 channels")
    refused((nine, 16000), "9 channels")
    for rate in (7999, 192_001):
        refused((tone(16000), rate), "sampling rate")
    for rate in (8000, 192_000):
        assert audio.read((tone(rate), rate)).size == 16000


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    """Hours of silence are a small FLAC file, gigabytes when decoded."""
    path = tmp_path / "bomb.flac"
    with soundfile.SoundFile(path, "w", 48000, 8, "PCM_16") as file:
        for _ in range(100):
            file.write(np.zeros((48000, 8), np.int16))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(audio, "MAXIMUM_DECODED", 100 * 48000 * 8 - 1)
    monkeypatch.setattr(soundfile.SoundFile, "read", None)  # decoding would fail in another way
    refused(path, "too large when decoded")
    refused(path, "longer than 1 minutes", max_seconds=60.0)


def test_a_flac_of_unannounced_length(tmp_path, monkeypatch):
    """As encoders write into a pipe, which libsndfile does not read to its end: ffmpeg does, or it is refused."""
    path = tmp_path / "piped.flac"
    soundfile.write(path, tone(48000), 48000)
    content = bytearray(path.read_bytes())
    content[21], content[22:26] = content[21] & 0xF0, bytes(4)  # STREAMINFO's 36 bits of total samples
    path.write_bytes(content)
    if shutil.which("ffmpeg"):
        assert audio.read(path).size == 16000
        refused(path, "longer than", max_seconds=0.5)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    refused(path, "save it as WAV")


def test_absurd_levels_are_scaled_without_a_warning(tmp_path, recwarn):
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.stack([tone(16000), tone(16000)], 1) * 1e30, 48000, subtype="FLOAT")
    wave = audio.read(path)
    assert np.abs(wave).max() == pytest.approx(1.0)
    assert not recwarn.list


def test_a_name_cannot_command_the_terminal(tmp_path):
    for name in ("\x1b[31mred\n.wav", "\u202egnp.wav", "\udcff.wav", "x" * 200 + ".wav"):
        with pytest.raises(VoiceError) as caught:
            audio.read(tmp_path / name)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize("source", ["http://127.0.0.1:9/a.wav", "file:///etc/passwd", "https://example.org/voice.mp3"])
def test_no_url_is_fetched(source, monkeypatch):
    import socket

    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it connected"))
    refused(source, "does not exist")


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{}\n#EXT-X-ENDLIST\n"


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_what_only_ffmpeg_reads(tmp_path):
    soundfile.write(tmp_path / "tone.wav", tone(16000), 16000)
    for name in ("tone.m4a", "tone.webm", "tone.mka"):
        subprocess.run(["ffmpeg", "-loglevel", "quiet", "-i", tmp_path / "tone.wav", tmp_path / name], check=True)
        assert audio.read(tmp_path / name).size == pytest.approx(16000, abs=2000)
        refused(tmp_path / name, "longer than", max_seconds=0.5)
    for number, target in enumerate((tmp_path / "tone.wav", "http://127.0.0.1:9/a.wav")):
        path = tmp_path / f"list{number}.m3u8"
        path.write_text(PLAYLIST.format(target))
        refused(path, "cannot be read")
    path = tmp_path / "concat.txt"
    path.write_text(f"ffconcat version 1.0\nfile '{tmp_path / 'tone.wav'}'\n")
    refused(path, "cannot be read")
