"""What a recording goes through between a mouth and a file: microphones, levels, telephones, codecs, lost packets."""

from __future__ import annotations

import io
import math

import numpy as np
import soundfile
from scipy import signal

from rtvc.training.data import store

RATE = store.SAMPLING_RATE
NARROW_RATE = 8_000
FILTER_BINS = 257  # from 0 Hz to half the sampling rate
MICROPHONE_DB = 1.5 * 20 / math.log(10)  # of a neper of a filter, and half as much again as a warped speaker's
PACKET = RATE // 50  # samples: 20 ms, as calls are cut
MP3_DELAY = 576 + 529  # samples that an encoder and a decoder add where there was no room to say so in the file
PASSED_BINS = 64  # bands in which what a codec lets through is measured
LEAST_PASSED = 0.1  # of a band's magnitude: below it the codec has taken the band away
Generator = np.random.Generator


# ---------------------------------------------------------------------------------------------- microphones and levels
def equalized(wave: np.ndarray, decibels: np.ndarray) -> np.ndarray:
    """``wave`` through a filter of ``decibels`` from 0 Hz to half the rate, equally far apart, straight in between."""
    spectrum, last = np.fft.rfft(wave), len(decibels) - 1
    gains = np.interp(np.linspace(0, last, len(spectrum)), np.arange(last + 1), decibels)
    return np.fft.irfft(spectrum * 10 ** (gains / 20), len(wave))


def smooth_filter(random: Generator) -> np.ndarray:
    """A random smooth filter of a few dB, (257,) nepers: five cosines over the logarithm of the frequency."""
    place = np.log(np.linspace(60, RATE / 2, FILTER_BINS))
    place = (place - place[0]) / (place[-1] - place[0])
    waves = (random.standard_normal() * np.cos(np.pi * order * place) / order**0.5 for order in range(1, 6))
    return 0.2 * sum(waves)


def microphone(wave: np.ndarray, random: Generator) -> np.ndarray:
    """``wave`` through a smooth filter of about 3 dB, as the same voice sounds on another day, elsewhere."""
    return equalized(wave, MICROPHONE_DB * smooth_filter(random))


def levels(samples: int, decibels: float, random: Generator) -> np.ndarray:
    """(samples,) gains that move by up to ``decibels`` either way, as of somebody who turns and walks about."""
    knots = random.uniform(-decibels, decibels, max(2, int(samples / RATE * random.uniform(0.5, 1.5)) + 1))
    return 10 ** (np.interp(np.linspace(0, len(knots) - 1, samples), np.arange(len(knots)), knots) / 20)


def clipped(wave: np.ndarray, random: Generator) -> np.ndarray:
    """``wave`` cut off at a level that 0.1 to 5 % of its samples exceed."""
    limit = np.quantile(np.abs(wave), random.uniform(0.95, 0.999))
    return np.clip(wave, -limit, limit)


# ---------------------------------------------------------------------------------------------- lines
def telephone(waves: np.ndarray, random: Generator) -> np.ndarray:
    """(…, samples) through a channel that passes about 300 Hz to 3.4 kHz, all through the same."""
    band = (random.uniform(80, 350), random.uniform(3_200, 6_500))
    return signal.sosfilt(signal.butter(3, band, "bandpass", fs=RATE, output="sos"), waves)


def narrowband(waves: np.ndarray) -> np.ndarray:
    """(…, samples) as a recording at 8 kHz keeps it."""
    half = signal.resample_poly(waves, 1, 2, axis=-1)
    return signal.resample_poly(half, 2, 1, axis=-1)[..., : waves.shape[-1]]


def packet_loss(waves: np.ndarray, random: Generator) -> np.ndarray:
    """(…, samples) without 2 to 15 % of their packets of 20 ms, of which several in a row are lost at times.

    Losses follow E. Gilbert's two states (1960); edges of gaps fade within 2 ms, as calls do it.
    """
    count = -(-waves.shape[-1] // PACKET)
    share, stay = random.uniform(0.02, 0.15), random.uniform(0.1, 0.7)
    begins = share * (1 - stay) / (1 - share)
    drawn, is_lost = random.random(count), np.zeros(count, bool)
    for number in range(1, count):
        is_lost[number] = drawn[number] < (stay if is_lost[number - 1] else begins)
    kept = np.repeat(1.0 - is_lost, PACKET)[: waves.shape[-1]]
    edge = np.ones(RATE // 500)
    return waves * np.minimum(kept, np.convolve(kept, edge / len(edge), "same"))


# ---------------------------------------------------------------------------------------------- codecs
# (kHz, what soundfile is told): what messengers, calls and old files use, at rates that can be heard. In Opus and MP3
# the compression level stands for the rate: Opus from 20 to 9 kbit/s, MP3 from 42 to 16 (libsndfile's doc/api.md).
CODECS: tuple[tuple[int, dict], ...] = (
    *((RATE, {"format": "OGG", "subtype": "OPUS", "compression_level": level}) for level in (0.95, 0.97, 0.985, 1.0)),
    *(
        (RATE, {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT", "compression_level": level})
        for level in (0.8, 0.85, 0.9, 0.95)
    ),
    *((NARROW_RATE, {"format": "WAV", "subtype": subtype}) for subtype in ("GSM610", "NMS_ADPCM_16", "ULAW")),
    (NARROW_RATE, {"format": "OGG", "subtype": "OPUS", "compression_level": 1.0}),
)


def coded(wave: np.ndarray, random: Generator) -> np.ndarray:
    """``wave`` (samples,) through a codec of :data:`CODECS`, as long as before and where it was."""
    rate, settings = CODECS[random.integers(len(CODECS))]
    return through_codec(wave, rate, settings)


def through_codec(wave: np.ndarray, rate: int, settings: dict) -> np.ndarray:
    """``wave`` (samples,) at 16 kHz, encoded at ``rate`` as soundfile is told, and decoded."""
    peak = max(1.0, float(np.abs(wave).max()))
    sent = wave / peak if rate == RATE else signal.resample_poly(wave / peak, 1, RATE // rate)
    file = io.BytesIO()
    soundfile.write(file, sent.astype(np.float32), rate, **settings)
    file.seek(0)
    received = soundfile.read(file, dtype="float32")[0]
    if settings["format"] == "MP3" and len(received) > len(sent):
        received = received[MP3_DELAY:]
    if rate != RATE:
        received = signal.resample_poly(received, RATE // rate, 1)
    return peak * np.pad(received, (0, max(0, len(wave) - len(received))))[: len(wave)]


def what_passed(clean: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """``clean`` (samples,) without the bands that a codec, which made ``after`` of ``before``, took away wholly.

    Nobody can put those back, and who learns to invents them.
    """
    bands = []
    for wave in (before, after):
        power = np.abs(np.fft.rfft(wave)) ** 2
        bands.append(np.array([some.mean() for some in np.array_split(power, PASSED_BINS)]))
    lost = bands[1] < LEAST_PASSED**2 * bands[0]
    spectrum = np.fft.rfft(clean)
    gains = np.interp(
        np.arange(len(spectrum)), (np.arange(PASSED_BINS) + 0.5) * len(spectrum) / PASSED_BINS, 1.0 - lost
    )
    return np.fft.irfft(spectrum * gains, len(clean)) if lost.any() else clean
