"""What takes rumble out of a recording takes nothing else: no lower tone stays, and no voice's tone is moved."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.signal import freqz

from rtvc import audio, rumble

RATES = [8000, 16000, 24000, 44100, 48000, 192000]


def decibels(part: np.ndarray, whole: np.ndarray) -> float:
    return 10.0 * np.log10(np.square(part).mean() / np.square(whole).mean() + 1e-12)


@pytest.mark.parametrize("rate", RATES)
def test_what_nobody_hears_goes_and_what_speaks_stays(rate):
    taps = rumble.low_pass(rate)
    frequencies = np.array([0.0, 8.0, 16.0, 25.0, 28.0, 45.0, 60.0, 120.0, 0.4 * rate])
    lets_pass = np.abs(freqz(taps, 1.0, frequencies, fs=rate)[1])
    assert (np.abs(1.0 - lets_pass[:5]) < 10 ** (-45 / 20)).all()
    assert (lets_pass[5:] < 10 ** (-60 / 20)).all()
    np.testing.assert_array_equal(taps, taps[::-1])  # symmetric: no frequency is late


@pytest.mark.parametrize("size", [9000, 65_535, 65_536, 65_537, 200_000])
def test_pieces_give_what_the_whole_gives(size):
    wave, taps = np.random.default_rng(size).normal(0.2, 0.1, size), rumble.low_pass(16000)
    right = np.convolve(np.pad(wave, taps.size // 2, mode="symmetric"), taps, "valid")
    np.testing.assert_allclose(rumble.filtered(taps, wave), right, atol=1e-10)


@pytest.mark.parametrize("frequency", [8, 16, 25])
def test_the_voice_is_left_where_it_was(man, frequency):
    """A filter that ran forwards only turned a man's lowest tones by 130 degrees: 3 dB were left of him."""
    his = audio.read(man)
    tone = np.sin(2 * np.pi * frequency * np.arange(his.size) / 16000 + 0.3).astype(np.float32)
    read = audio.read((his + 0.05 * tone, 16000))
    assert decibels(read - his, his) < -20.0


def test_a_beginning_gives_a_beginning():
    """But for what lies below 30 Hz in its last tenth of a second, which what follows has a part in."""
    wave = np.random.default_rng(1).normal(0.0, 0.1, 200_000).astype(np.float32)
    wave += 0.2 * np.sin(2 * np.pi * 12.0 * np.arange(wave.size) / 16000).astype(np.float32)
    whole, part = (rumble.without_rumble(wave[:size], 16000) for size in (200_000, 150_001))
    assert not np.array_equal(whole, wave)
    np.testing.assert_allclose(part[:-1700], whole[: part.size - 1700], atol=1e-4)


def test_the_command_that_looks_for_the_mark_does_without_what_takes_seconds_to_import(tmp_path):
    """scipy.signal alone took longer than the answer."""
    path = tmp_path / "voice.wav"
    audio.write(path, np.random.default_rng(2).normal(0.0, 0.1, 48000).astype(np.float32), 16000)
    heavy = ["torch", "transformers", "scipy.signal", "scipy.stats"]
    code = (
        f"import sys; sys.argv = ['-c', 'verify', {str(path)!r}]\nfrom rtvc.cli import main\nmain(sys.argv[1:])\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout
