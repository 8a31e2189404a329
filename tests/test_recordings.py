"""What a person does not hear must not change who they are: the bundled model and real recordings, a change a line."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import soxr
from conftest import VOICES

from rtvc import audio
from rtvc.voice import EnrolmentReport
from rtvc.voice_cloning import NARROW

RATE = audio.SAMPLING_RATE
Change = Callable[[np.ndarray], np.ndarray]


def room(seconds: float, decibels: float) -> np.ndarray:
    """Room tone: noise that falls towards the treble, so many dB below full scale."""
    chance = np.random.default_rng(7).normal(size=int(seconds * RATE) + 64)
    tone = np.convolve(chance, np.hanning(9), "same")[: int(seconds * RATE)]
    return (tone / np.sqrt(np.mean(tone**2) + 1e-12) * 10 ** (decibels / 20)).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * RATE), np.float32)


def dither(seconds: float) -> np.ndarray:
    """Silence as editors write it: one step of 16 bits up and down."""
    return np.random.default_rng(3).integers(-1, 2, int(seconds * RATE)).astype(np.float32) / 32768


def around(*pieces: np.ndarray) -> Change:
    return lambda wave: np.concatenate([pieces[0], wave, pieces[-1]])


def inserted(piece: np.ndarray, *places: float) -> Change:
    """``piece`` at these shares of the recording."""

    def change(wave: np.ndarray) -> np.ndarray:
        parts = np.split(wave, [int(place * wave.size) for place in places])
        return np.concatenate([parts[0], *(part for rest in parts[1:] for part in (piece, rest))])

    return change


def replaced(piece: Callable[[float], np.ndarray], start: float, seconds: float) -> Change:
    """Some of the recording lost: dropouts."""

    def change(wave: np.ndarray) -> np.ndarray:
        wave, lost = wave.copy(), piece(seconds)
        place = int(start * wave.size)
        wave[place : place + lost.size] = lost[: wave.size - place]
        return wave

    return change


def gated(fill: Callable[[float], np.ndarray], pause: float = 0.05) -> Change:
    """What is no speech replaced, as gates, conference systems and careful editors do."""

    def change(wave: np.ndarray) -> np.ndarray:
        filled = fill(wave.size / RATE + 1)[: wave.size]
        return np.where(audio.spoken(wave, pause), wave, filled).astype(np.float32)

    return change


def gain(decibels: float) -> Change:
    return lambda wave: (wave * np.float32(10 ** (decibels / 20))).astype(np.float32)


def louder_half(decibels: float) -> Change:
    return lambda wave: np.concatenate([wave[: wave.size // 2], gain(decibels)(wave[wave.size // 2 :])])


def faded(seconds: float) -> Change:
    def change(wave: np.ndarray) -> np.ndarray:
        ramp = np.ones(wave.size, np.float32)
        count = int(seconds * RATE)
        ramp[:count] = np.linspace(0, 1, count)
        ramp[-count:] = np.linspace(1, 0, count)
        return wave * ramp

    return change


def bang(place: float, seconds: float) -> Change:
    """A click (a few thousandths of a second) or a door (tenths): noise that decays, at full scale."""

    def change(wave: np.ndarray) -> np.ndarray:
        count = int(8 * seconds * RATE)
        decay = np.exp(-np.arange(count) / (seconds * RATE))
        noise = np.random.default_rng(5).normal(size=count) * decay
        wave = wave.copy()
        start = min(int(place * wave.size), wave.size - count)
        wave[start : start + count] += (0.95 * noise / np.abs(noise).max()).astype(np.float32)
        return np.clip(wave, -1, 1)

    return change


def cough(place: float) -> Change:
    """Three tenths of a second of band-limited noise in two bursts, at full scale."""

    def change(wave: np.ndarray) -> np.ndarray:
        count = int(0.3 * RATE)
        noise = np.convolve(np.random.default_rng(9).normal(size=count + 15), np.hanning(6), "same")[:count]
        shape = np.interp(np.arange(count) / count, [0, 0.05, 0.4, 0.5, 0.55, 1], [0, 1, 0.3, 0.1, 0.6, 0])
        wave, start = wave.copy(), int(place * wave.size)
        wave[start : start + count] += (0.9 * noise * shape / np.abs(noise * shape).max()).astype(np.float32)
        return np.clip(wave, -1, 1)

    return change


def sampled_at(rate: int) -> Change:
    return lambda wave: soxr.resample(soxr.resample(wave, RATE, rate), rate, RATE).astype(np.float32)


def rumble(frequency: float, decibels: float) -> Change:
    """A lorry, wind or a table: a tone that nobody hears, so many dB above the recording."""

    def change(wave: np.ndarray) -> np.ndarray:
        tone = np.sin(2 * np.pi * frequency * np.arange(wave.size) / RATE + 0.3)
        return (wave + np.sqrt(2 * np.mean(wave**2)) * 10 ** (decibels / 20) * tone).astype(np.float32)

    return change


def steps(*heights: float) -> Change:
    """Offsets of full scale, one behind the other."""

    def change(wave: np.ndarray) -> np.ndarray:
        offsets = np.repeat(heights, -(-wave.size // len(heights)))[: wave.size]
        return (wave + offsets).astype(np.float32)

    return change


def together(*changes: Change) -> Change:
    def change(wave: np.ndarray) -> np.ndarray:
        for one in changes:
            wave = one(wave)
        return wave

    return change


def coded(*options: str) -> Change:
    def change(wave: np.ndarray) -> np.ndarray:
        if not shutil.which("ffmpeg"):
            pytest.skip("ffmpeg is not installed")
        raw = ["-f", "f32le", "-ar", str(RATE), "-ac", "1"]
        ffmpeg = ["ffmpeg", "-loglevel", "error"]
        kind = "ogg" if "libopus" in options else "mp3"
        packing = [*ffmpeg, *raw, "-i", "pipe:0", *options, "-f", kind, "pipe:1"]
        packed = subprocess.run(packing, input=wave.tobytes(), capture_output=True, check=True).stdout
        reading = [*ffmpeg, "-i", "pipe:0", *raw, "pipe:1"]
        heard = subprocess.run(reading, input=packed, capture_output=True, check=True).stdout
        return np.frombuffer(heard, np.float32).copy()

    return change


CHANGES: dict[str, Change] = {
    "8 s of room tone at -70 dBFS on either side": around(room(8, -70)),
    "8 s of room tone at -60 dBFS on either side": around(room(8, -60)),
    "8 s of room tone at -80 dBFS before": around(room(8, -80), silence(0)),
    "8 s of digital silence on either side": around(silence(8)),
    "8 s of dither on either side": around(dither(8)),
    "speech a seventh of the recording": around(room(15, -75)),
    "8 s of room tone in the middle": inserted(room(8, -70), 0.5),
    "8 s of digital silence in the middle": inserted(silence(8), 0.5),
    "0.05 s of digital silence at the start": around(silence(0.05), silence(0)),
    "0.3 s of digital silence at the start": around(silence(0.3), silence(0)),
    "0.3 s of digital silence at the end": around(silence(0), silence(0.3)),
    "0.3 s of digital silence in the middle": inserted(silence(0.3), 0.5),
    "0.3 s of digital silence in four places": inserted(silence(0.3), 0.1, 0.35, 0.6, 0.85),
    "0.05 s of digital silence in four places": inserted(silence(0.05), 0.1, 0.35, 0.6, 0.85),
    "2 s of digital silence in two places": inserted(silence(2), 0.3, 0.7),
    "2 s of digital silence at both ends": around(silence(2)),
    "0.3 s of dither in three places": inserted(dither(0.3), 0.2, 0.5, 0.8),
    "a dropout of 0.05 s": replaced(silence, 0.4, 0.05),
    "a dropout of 0.2 s": replaced(silence, 0.4, 0.2),
    "muted pauses": gated(silence),
    "pauses of dither": gated(dither),
    "pauses muted later": gated(silence, 0.3),
    "pauses of quiet room tone": gated(lambda seconds: room(seconds, -75)),
    "20 dB louder, then as loud as fits": lambda wave: gain(20)(wave) / max(1, 10 * np.abs(wave).max()),
    "20 dB quieter": gain(-20),
    "40 dB quieter": gain(-40),
    "polarity": lambda wave: -wave,
    "a click": bang(0.5, 0.001),
    "a click at the start": bang(0.02, 0.002),
    "a slammed door": bang(0.99, 0.03),
    "a loud cough before": lambda wave: np.concatenate([cough(0.1)(silence(1)), wave]),
    "faded in and out": faded(0.5),
    "said twice": lambda wave: np.concatenate([wave, wave]),
    "said three times, with pauses": lambda wave: np.concatenate([wave, silence(1), wave, room(1, -70), wave]),
    "0.1 s of digital silence in ten places": inserted(silence(0.1), *np.linspace(0.05, 0.95, 10)),
    "five dropouts of 0.03 s": together(*(replaced(silence, place, 0.03) for place in (0.15, 0.3, 0.5, 0.7, 0.9))),
    "three clicks": together(*(bang(place, 0.001) for place in (0.2, 0.5, 0.8))),
    "an offset of a fifth": lambda wave: 0.7 * wave + 0.2,
    "an offset that steps": steps(0, 0.02),
    "an offset that steps twice": steps(0.03, 0, -0.05),
    "an offset that drifts": lambda wave: wave + np.linspace(0, 0.05, wave.size, dtype=np.float32),
    "8 Hz as loud as the voice": rumble(8, 0),
    "16 Hz as loud as the voice": rumble(16, 0),
    "20 Hz louder than the voice": rumble(20, 6),
    "25 Hz as loud as the voice": rumble(25, 0),
    "25 Hz, 12 dB quieter than the voice": rumble(25, -12),
    "28 Hz, 6 dB quieter than the voice": rumble(28, -6),
    "through 44.1 kHz": sampled_at(44_100),
    "through 48 kHz": sampled_at(48_000),
    "through 22.05 kHz": sampled_at(22_050),
    "through 24 kHz": sampled_at(24_000),
}
# Heard by a person too: part of the speech is lost, or moves towards the end of what EarSpeech takes for audible.
HEARD: dict[str, Change] = {
    "a loud cough over speech": cough(0.5),
    "a slammed door over speech": bang(0.6, 0.03),
    "the second half 12 dB louder": lambda wave: 0.25 * louder_half(12)(wave),
    "the second half 12 dB quieter": louder_half(-12),
}
LOSSY: dict[str, Change] = {
    "MP3 at 64 kbit/s": coded("-b:a", "64k"),
    "MP3 at 32 kbit/s": coded("-b:a", "32k"),
    "MP3 at 128 kbit/s": coded("-b:a", "128k"),
    "MP3 with silence at its ends": lambda wave: coded("-b:a", "64k")(around(silence(2))(wave)),
    "Opus at 24 kbit/s": coded("-c:a", "libopus", "-b:a", "24k"),
    "Opus at 32 kbit/s": coded("-c:a", "libopus", "-b:a", "32k"),
    "Opus at 16 kbit/s, gated": lambda wave: coded("-c:a", "libopus", "-b:a", "16k")(gated(silence)(wave)),
}


def white(wave: np.ndarray, decibels: float) -> np.ndarray:
    """``wave`` with a fan's noise so many dB below its speech."""
    level = np.sqrt(np.mean(audio.speech_only(wave, 0.1) ** 2))
    noise = room(wave.size / RATE, 0)
    return (wave + noise * level * 10 ** (-decibels / 20)).astype(np.float32)


@cache
def recording(name: str) -> np.ndarray:
    """Clean, or with noise: "woman", "woman at 5 dB"."""
    who, _, decibels = name.partition(" at ")
    wave = audio.read(VOICES / f"{who}.flac")
    return audio.read((white(wave, float(decibels.split()[0])), RATE)) if decibels else wave


RECORDINGS = ("man", "woman at 5 dB")


def check(bundled, change: Change, name: str, likeness: float, decibels: float) -> None:
    """The embedding is as near, the noise level within so many dB, and the decision about cleaning the same."""
    model, (noise, embedding) = bundled.model, unchanged(bundled.model, name)
    changed = audio.read((change(recording(name)), RATE))
    found = audio.snr(changed)
    assert float(model.embed(changed) @ embedding) >= likeness
    assert abs(found - noise) <= decibels, f"{noise:.1f} dB became {found:.1f}"
    assert (found < model.config.enhance_below_snr) == (noise < model.config.enhance_below_snr)


@cache
def unchanged(model, name: str) -> tuple[float, np.ndarray]:
    return audio.snr(recording(name)), model.embed(recording(name))


@pytest.mark.parametrize("name", RECORDINGS)
@pytest.mark.parametrize("change", CHANGES)
def test_what_nobody_hears_changes_nothing(bundled, change, name):
    check(bundled, CHANGES[change], name, likeness=0.98, decibels=1.0)


@pytest.mark.parametrize("name", RECORDINGS)
@pytest.mark.parametrize("change", LOSSY)
def test_a_lossy_channel_changes_little(bundled, change, name):
    check(bundled, LOSSY[change], name, likeness=0.93, decibels=2.0)


@pytest.mark.parametrize("name", RECORDINGS)
@pytest.mark.parametrize("change", HEARD)
def test_what_is_heard_but_is_not_the_voice_changes_little(bundled, change, name):
    check(bundled, HEARD[change], name, likeness=0.93, decibels=2.0)


def distortion(found: np.ndarray, wanted: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio, dB."""
    part = (found @ wanted) / (wanted @ wanted) * wanted
    return 10 * np.log10((part @ part) / ((found - part) @ (found - part) + 1e-12))


@pytest.mark.parametrize("name", ["woman", "woman at 5 dB"])
@pytest.mark.parametrize("before", [room(8, -70), silence(8)], ids=["room tone", "silence"])
def test_enhance_does_as_well_beside_silence(bundled, name, before):
    """Speech under a third of the recording: of clean speech nothing is lost, of noise as much is taken."""
    wave, clean = recording(name), recording("woman")
    alone = bundled.model.enhance(wave)
    beside = bundled.model.enhance(around(before)(wave))[before.size :][: wave.size]
    floor = 30.0  # dB: what is this near to the clean speech cannot be told from it
    assert min(distortion(beside, clean), floor) > min(distortion(alone, clean), floor) - 1.0
    assert abs(10 * np.log10(np.mean(beside**2) / np.mean(alone**2))) < 1.0


def level(wave: np.ndarray, spans: list[tuple[int, int]]) -> float:
    """In dB, where somebody speaks."""
    return 10 * np.log10(np.mean(np.concatenate([wave[start:end] for start, end in spans]) ** 2) + 1e-12)


AS_LOUD = (
    "8 s of room tone at -70 dBFS on either side",
    "speech a seventh of the recording",
    "8 s of digital silence in the middle",
    "0.1 s of digital silence in ten places",
    "muted pauses",
    "20 dB quieter",
    "a click",
    "an offset that steps twice",
    "25 Hz as loud as the voice",
    "through 44.1 kHz",
)


@pytest.mark.parametrize("name", ["woman", "woman at 5 dB"])
@pytest.mark.parametrize("change", AS_LOUD)
def test_enhance_leaves_speech_as_loud(bundled, name, change):
    """By as much louder or quieter as the change itself is, and no more."""
    wave = recording(name)
    changed = audio.read((CHANGES[change](wave), RATE))
    lost = level(bundled.model.enhance(changed), audio.voiced_spans(changed))
    lost -= level(changed, audio.voiced_spans(changed))
    usual = level(enhanced(bundled.model, name), audio.voiced_spans(wave)) - level(wave, audio.voiced_spans(wave))
    assert abs(lost - usual) < 1.0


@cache
def enhanced(model, name: str) -> np.ndarray:
    return model.enhance(recording(name))


@pytest.mark.parametrize("pitch", [1.3, 1.5, 1.7, 0.75])
@pytest.mark.parametrize("name", ["woman", "man"])
def test_a_clean_voice_of_any_pitch_is_left_alone(bundled, name, pitch):
    """Child-like voices most of all: the detector of speech misses some of their words, which are no noise."""
    wave = soxr.resample(recording(name), RATE * pitch, RATE).astype(np.float32)
    assert audio.snr(wave) > bundled.model.config.enhance_below_snr


def test_half_a_second_of_speech_does_not_decide(bundled):
    """Unsure must look unsure: never “surely another person” for one and the same, however short."""
    for name in ("woman", "man", "young-man"):
        speech = audio.speech_only(recording(name), 0.1)
        for seconds in (0.6, 1.0, 1.5):
            count = int(seconds * RATE)
            pieces = [(speech[start : start + count], RATE) for start in (0, speech.size // 2)]
            assert bundled.similarity(*pieces) > 0.02


def test_quick_turns_and_music_are_noticed(bundled):
    """Turns of a second are too quick for the windows that look for somebody else; music has a pitch all the time."""
    hers, his = (audio.speech_only(recording(name), 0.1)[: 4 * RATE] for name in ("woman", "man"))
    turns = [part for pair in zip(np.split(hers, 4), np.split(his, 4), strict=True) for part in pair]
    assert bundled.enroll((np.concatenate(turns), RATE)).report.several_voices
    for name in ("woman", "man", "young-man"):
        assert bundled.enroll((recording(name), RATE)).report.warning == ""


def test_somebody_on_the_other_side_of_a_stereo_recording_is_noticed(bundled):
    """Of an interview one side is cloned, and the report says that there is another."""
    hers, his = (recording(name)[: 4 * RATE] for name in ("woman", "man"))
    report = bundled.enroll((np.stack([hers, his]), RATE)).report
    assert report.several_voices
    assert "More than one voice" in report.warning
    assert bundled.enroll((np.stack([hers, 0.5 * np.roll(hers, 40)]), RATE)).report.warning == ""


@pytest.mark.parametrize("rate", [8_000, 11_025, 12_000])
@pytest.mark.parametrize("name", ["woman", "man", "young-man"])
def test_a_telephone_is_told_from_a_person(name, rate):
    """Its voices are somewhat like somebody else (cosine .77 … .92), and no word was said about it."""
    wave = recording(name)
    assert audio.bandwidth(sampled_at(rate)(wave)) == pytest.approx(rate / 2, abs=250)
    assert rate / 2 < NARROW
    changes = (
        lambda same: same,
        sampled_at(22_050),
        gain(-40),
        around(silence(8)),
        bang(0.5, 0.03),
        lambda one: white(one, 5),
    )
    assert all(audio.bandwidth(change(wave)) > NARROW for change in changes)


def test_the_report_says_telephone(bundled):
    assert "telephone" in bundled.enroll((sampled_at(8_000)(recording("man")), RATE)).report.warning


def test_the_report_says_music():
    report = EnrolmentReport(9.0, 8.0, 8.0, several_voices=False, snr_db=30.0, enhanced=False, music=True)
    assert "music" in report.warning
