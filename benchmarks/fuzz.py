"""Throw damaged files and hostile texts at the front doors; each is accepted with finite results or refused by name.

Usage: python benchmarks/fuzz.py recordings|voices|texts [--count N] [--first K] [--piece N] [--failures FOLDER]
       python benchmarks/fuzz.py coverage [--seconds N]      # guided by coverage; needs `pip install atheris`

Input number k is the same on every machine. They run in pieces, each in a process of its own with 3 GB and 10 s an
input, so that a crash, a hang or a memory blow-up is a finding with a number, not the end of the run.
"""

from __future__ import annotations

import argparse
import collections
import importlib
import io
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import soundfile

from rtvc import RTVCError, Voice, audio

VOICES = Path(__file__).parents[1] / "examples" / "voices"
MEMORY = 3 * 1024**3  # bytes a process may take
SECONDS = 10  # an input may take
CONTAINERS = [
    ("WAV", kind) for kind in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM")
]
CONTAINERS += [("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]
CONTAINERS += [("AIFF", "PCM_16"), ("AU", "PCM_16"), ("CAF", "ALAC_16"), ("W64", "PCM_16"), ("RF64", "FLOAT")]
CONTAINERS += [("WAVEX", "PCM_16"), ("NIST", "PCM_16"), ("VOC", "PCM_16"), ("MAT5", "FLOAT"), ("PAF", "PCM_16")]
INTERESTING = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FC00000]


# ---------------------------------------------------------------------------------------------- inputs


@lru_cache(maxsize=1)
def sound_files() -> list[bytes]:
    """Half a second of speech in every container, at several rates and numbers of channels."""
    wave = audio.read(VOICES / "woman.flac")[8000:16000]
    files = []
    for number, (container, subtype) in enumerate(CONTAINERS):
        rate, channels = ((16_000, 1), (48_000, 2), (8_000, 1), (24_000, 8))[number % 4]
        channels = min(channels, 2) if container in ("MP3", "VOC", "CAF") or subtype == "IMA_ADPCM" else channels
        samples = audio.resample(wave, audio.SAMPLING_RATE, rate)[:, None].repeat(channels, 1)
        file = io.BytesIO()
        soundfile.write(file, samples, rate, subtype, format=container)
        files.append(file.getvalue())
    return files


@lru_cache(maxsize=1)
def saved_voices() -> list[Voice]:
    """Three of them."""
    return [Voice(np.random.default_rng(seed).normal(size=256), np.zeros(80), 5.0, 0.2, 4.5) for seed in range(3)]


@lru_cache(maxsize=1)
def voice_files() -> list[bytes]:
    """The files of the saved voices."""
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for voice in saved_voices():
            voice.save(Path(folder, "one.voice"))
            files.append(Path(folder, "one.voice").read_bytes())
    return files


def mutated(files: list[bytes], chance: random.Random) -> bytes:
    """One of the files after one to four accidents, most of them in its first 200 bytes."""
    data = bytearray(chance.choice(files))
    for _ in range(chance.randint(1, 4)):
        chance.choice(ACCIDENTS)(data, files, chance)
    return bytes(data)


def _place(data: bytearray, chance: random.Random) -> int:
    end = min(200, len(data)) if chance.random() < 0.7 else len(data)
    return chance.randrange(max(1, end))


def _flip(data: bytearray, files: list[bytes], chance: random.Random) -> None:
    for _ in range(chance.choice([1, 1, 1, 8, 64])):
        if data:
            data[min(_place(data, chance), len(data) - 1)] ^= 1 << chance.randrange(8)


def _number(data: bytearray, files: list[bytes], chance: random.Random) -> None:
    size, order = chance.choice([1, 2, 4, 8]), chance.choice(["little", "big"])
    value = chance.choice([*INTERESTING, chance.getrandbits(32)]) % 256**size
    place = _place(data, chance)
    data[place : place + size] = value.to_bytes(size, order)


def _truncate(data: bytearray, files: list[bytes], chance: random.Random) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _delete(data: bytearray, files: list[bytes], chance: random.Random) -> None:
    place = _place(data, chance)
    del data[place : place + chance.choice([1, 2, 4, 100, 4096])]


def _insert(data: bytearray, files: list[bytes], chance: random.Random) -> None:
    place = _place(data, chance)
    data[place:place] = chance.choice([chance.randbytes(chance.choice([1, 4, 500])), bytes(1000), b"\xff" * 1000])


def _splice(data: bytearray, files: list[bytes], chance: random.Random) -> None:
    other = chance.choice(files)
    data[chance.randrange(len(data) + 1) :] = other[chance.randrange(len(other)) :]


def _repeat(data: bytearray, files: list[bytes], chance: random.Random) -> None:
    place = _place(data, chance)
    data[place:place] = data[place : place + chance.choice([4, 64, 1024])] * chance.choice([1, 10])


ACCIDENTS = (_flip, _flip, _number, _number, _number, _truncate, _delete, _insert, _splice, _repeat)
FRAGMENTS = (
    "Hello there.", "Dr. Smith paid $3.50 on 1/2/2034.", "<b>bold</b>",
    "<speak><break time='9999s'/></speak>", "[pause]", "[pause 9.9s]", "[pause 1e9s]",
    "[[[[", "%%%s%n", "\\x00", "../../etc/passwd", "'; DROP TABLE", "${jndi:ldap}",
    "NULL", "9" * 300, "1" * 7 + "." + "1" * 300, "$" + "9" * 200 + ".99", "-" * 500,
    "." * 500, "?!" * 200, "a" * 900, "A.B." * 99, "I" * 300, "MCMXCIX" * 40,
    "1/2" * 100, "1:2:3:" * 50, "@" * 300, "a@b." * 80, "http://" + "a/" * 150,
    "\r\n" * 50, "\t", "\0", "\ud800", "\u202e", "\u200b" * 50, "\u0301" * 400,
    "e" + "\u0301" * 400, "👩‍👩‍👧‍👦" * 20, "🏳️‍🌈", "﷽" * 10, "שלום עולם", "مرحبا", "你好",
    "ﬁ", "ⅷ", "㎏", "½¾⅞", "²³", "①②", "Ａ", "ｱ", "ß", "İı", "ǅ", "\ufeff", "\ufffd",
    "\U000e0041", "\U0010ffff", "—" * 200, "…" * 200,
)  # fmt: skip


def text(chance: random.Random) -> str:
    """Hostile fragments, characters of any kind and ordinary words, in any order."""
    parts = []
    for _ in range(chance.randint(1, 8)):
        kind = chance.random()
        if kind < 0.5:
            parts.append(chance.choice(FRAGMENTS))
        elif kind < 0.8:
            parts.append("".join(chr(chance.randrange(0x110000)) for _ in range(chance.randint(1, 40))))
        else:
            parts.append("".join(chr(chance.randrange(0x20, 0x3000)) for _ in range(chance.randint(1, 100))))
    return chance.choice(["", " ", ". ", "\n"]).join(parts)


# ---------------------------------------------------------------------------------------------- doors


@lru_cache(maxsize=1)
def pipeline():
    """The bundled model, one thread."""
    import torch

    from rtvc.loading import load

    torch.set_num_threads(1)
    return load()


def try_recording(data: bytes) -> str:
    """Read it as a recording; what is accepted must be sound, and give finite features."""
    with tempfile.NamedTemporaryFile(suffix=".wav", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as file:
        file.write(data)
        file.flush()
        return try_file(file.name)


def try_file(path: str) -> str:
    """As `try_recording`, from a file."""
    import torch

    wave = audio.read(path, max_seconds=1800.0)
    assert wave.dtype == np.float32, "not float32"
    assert np.isfinite(wave).all(), "not finite"
    assert np.abs(wave).max() <= 1.0, "beyond full scale"
    with torch.inference_mode():
        features = pipeline().model.earspeech(torch.from_numpy(wave[: 5 * audio.SAMPLING_RATE])[None]).features
    assert torch.isfinite(features).all(), "features not finite"
    return "accepted"


def try_voice(data: bytes) -> str:
    """Load it as a saved voice; what is accepted must be a voice that was saved."""
    with tempfile.NamedTemporaryFile(suffix=".voice") as file:
        file.write(data)
        file.flush()
        voice = Voice.load(file.name)
    assert voice in saved_voices(), "a changed voice was accepted"
    return "accepted"


def try_text(words: str) -> str:
    """Prepare it for speaking, and of every fiftieth speak the first sentence."""
    clone, voice = pipeline(), _voice()
    chunks = clone.stream(words, voice=voice)  # refuses here, before a sound
    if sum(map(ord, words)) % 50 == 0:
        sound = next(iter(chunks))["audio"]
        assert np.isfinite(sound).all(), "speech not finite"
    return "accepted"


@lru_cache(maxsize=1)
def _voice() -> Voice:
    return pipeline().enroll(str(VOICES / "woman.flac"))


DOORS: dict[str, tuple[Callable[[random.Random], object], Callable[[object], str]]] = {
    "recordings": (lambda chance: mutated(sound_files(), chance), try_recording),
    "voices": (lambda chance: mutated(voice_files(), chance), try_voice),
    "texts": (text, try_text),
}


# ---------------------------------------------------------------------------------------------- running


def try_one(door: str, number: int) -> tuple[str, str]:
    """("accepted" | "refused" | "failed", why) of input `number`."""
    make, attempt = DOORS[door]
    given = make(random.Random(f"{door} {number}"))
    signal.alarm(SECONDS)
    try:
        return attempt(given), ""
    except RTVCError as error:
        sentence = str(error)
        fine = sentence.endswith(".") and "\n" not in sentence and sentence.isprintable() and len(sentence) < 400
        return ("refused", "") if fine else ("failed", f"not one sentence: {sentence!r}")
    except BaseException as error:  # whatever else comes out of a front door is a finding
        if isinstance(error, KeyboardInterrupt):
            raise
        return "failed", f"{type(error).__name__}: {error}"[:300]
    finally:
        signal.alarm(0)


def warm_up() -> None:
    """Load what loads on first use, so that it does not count as the first input's time."""
    next(iter(pipeline().stream("Hello there.", voice=_voice())))


def run_piece(door: str, first: int, count: int) -> None:
    """In a process of its own: a line of JSON before each input and after the last."""
    import warnings

    warnings.simplefilter("error", RuntimeWarning)  # an overflow that nobody expected is a finding too
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError(f"more than {SECONDS} s")))
    warm_up()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    tally: collections.Counter = collections.Counter()
    for number in range(first, first + count):
        print(json.dumps({"at": number}), flush=True)
        outcome, why = try_one(door, number)
        tally[outcome] += 1
        if outcome == "failed":
            print(json.dumps({"failed": number, "why": why}), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"done": dict(tally), "peak_mb": peak}), flush=True)


def run(door: str, first: int, count: int, piece: int, failures: Path | None) -> int:
    """All pieces; returns how many inputs failed."""
    tally, peak, start = collections.Counter(), 0, time.monotonic()
    end = first + count
    while first < end:
        size = min(piece, end - first)
        child = subprocess.run(
            [sys.executable, __file__, "piece", door, str(first), str(size)],
            capture_output=True,
            text=True,
            check=False,
        )
        rows = [json.loads(row) for row in child.stdout.splitlines() if row.startswith("{")]
        if not rows:
            raise SystemExit(f"No piece could be started: {child.stderr[-500:]}")
        found = [(row["failed"], row["why"]) for row in rows if "failed" in row]
        if "done" in rows[-1]:
            tally.update(rows[-1]["done"])
            peak, first = max(peak, rows[-1]["peak_mb"]), first + size
        else:  # it died: the rest of the piece follows in another process, and its tally is that of inputs, not lost
            at = next(row["at"] for row in reversed(rows) if "at" in row)
            found.append((at, f"the process ended with {child.returncode}: {child.stderr[-200:]}"))
            tally.update(failed=1, unknown=at - first)
            first = at + 1
        for number, why in found:
            print(f"{door} {number} failed: {why}", flush=True)
            if failures:
                failures.mkdir(parents=True, exist_ok=True)
                given = DOORS[door][0](random.Random(f"{door} {number}"))
                name = failures / f"{door}-{number}"
                name.write_bytes(given if isinstance(given, bytes) else given.encode("utf-8", "surrogatepass"))
        print(f"{door} up to {first}: {dict(tally)}, {peak} MB, {time.monotonic() - start:.0f} s", flush=True)
    return tally["failed"]


def run_coverage(seconds: int) -> None:
    """Recordings, guided by the coverage of rtvc.audio and soundfile (libsndfile itself is not instrumented)."""
    import atheris

    pipeline()
    with atheris.instrument_imports(include=["rtvc.audio", "soundfile"], enable_loader_override=False):
        importlib.reload(soundfile)
        importlib.reload(audio)

    def one(data: bytes) -> None:
        try:
            try_recording(data)
        except RTVCError:
            return

    with tempfile.TemporaryDirectory() as corpus:
        for number, data in enumerate(sound_files()):
            Path(corpus, str(number)).write_bytes(data)
        atheris.Setup([sys.argv[0], corpus, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=3000"], one)
        atheris.Fuzz()


def main() -> int:
    if sys.argv[1:2] == ["piece"]:
        run_piece(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("door", choices=[*DOORS, "coverage"])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--piece", type=int, default=2_000)
    parser.add_argument("--failures", type=Path, help="a folder for the inputs that failed")
    parser.add_argument("--seconds", type=int, default=600, help="of coverage")
    options = parser.parse_args()
    if options.door == "coverage":
        run_coverage(options.seconds)
        return 0
    return 1 if run(options.door, options.first, options.count, options.piece, options.failures) else 0


if __name__ == "__main__":
    sys.exit(main())
