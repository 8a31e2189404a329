"""What takes rumble out of a recording is the filter that scipy designs and runs."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.signal import butter, ellip, sosfilt, sosfilt_zi, sosfreqz

from rtvc import rumble

RATES = [8000, 16000, 24000, 44100, 48000, 192000]


@pytest.mark.parametrize("rate", RATES)
def test_the_filters_are_scipys(rate):
    high = ellip(6, 0.1, 60.0, 45.5, btype="highpass", fs=rate, output="sos")
    low = butter(4, 35.0, fs=rate, output="sos")
    frequencies = np.r_[np.arange(1.0, 200.0), np.linspace(200.0, 0.499 * rate, 50)]
    for ours, theirs in ((rumble.high_pass(rate), high), (rumble.low_pass(rate), low)):
        mine, right = (sosfreqz(sections, frequencies, fs=rate)[1] for sections in (ours, theirs))
        np.testing.assert_allclose(mine, right, atol=1e-7)


@pytest.mark.parametrize("size", [1, 2, 3, 65_535, 65_536, 65_537, 150_000])
@pytest.mark.parametrize("before", [0.0, 0.3])
def test_they_run_as_scipys_do(size, before):
    wave, high = np.random.default_rng(size).normal(0.2, 0.1, size), rumble.high_pass(16000)
    right = sosfilt(high, wave, zi=before * sosfilt_zi(high))[0]
    np.testing.assert_allclose(rumble.filtered(high, wave.copy(), before), right, atol=1e-9)


def test_a_beginning_gives_a_beginning():
    wave, low = np.random.default_rng(1).normal(0.0, 0.1, 200_000), rumble.low_pass(16000)
    np.testing.assert_array_equal(rumble.filtered(low, wave[:150_001]), rumble.filtered(low, wave)[:150_001])


def test_the_command_that_looks_for_the_mark_does_without_what_takes_seconds_to_import(tmp_path):
    """scipy.signal alone took longer than the answer."""
    from rtvc import audio

    path = tmp_path / "voice.wav"
    audio.write(path, np.random.default_rng(2).normal(0.0, 0.1, 48000).astype(np.float32), 16000)
    heavy = ["torch", "transformers", "scipy.signal", "scipy.stats"]
    code = (
        f"import sys; sys.argv = ['-c', 'verify', {str(path)!r}]\nfrom rtvc.cli import main\nmain(sys.argv[1:])\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout
