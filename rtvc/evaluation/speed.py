"""How soon one hears something, what enrolment takes, how large the model is. `benchmarks/speed.py` has more."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rtvc import VoiceCloningPipeline, audio

SENTENCE = "Nice to meet you, my very dear friend."  # eight words
AUDIBLE = 10 ** (-50 / 20)
LIBRARIES = ("torch", "transformers", "onnxruntime", "numpy")
TIMES = 20


def milliseconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def in_turns(calls: dict[str, Callable[[], object]], times: int) -> dict[str, np.ndarray]:
    """Milliseconds of each call, `times` over; the calls take turns, so that what disturbs one disturbs all."""
    for call in calls.values():
        call()
    rounds = [{name: milliseconds(call) for name, call in calls.items()} for _ in range(times)]
    return {name: np.array([durations[name] for durations in rounds]) for name in calls}


def first_sound(chunks: Iterable[Mapping[str, Any]]) -> None:
    """Until a chunk has something in it that can be heard."""
    next((chunk for chunk in chunks if np.abs(chunk["audio"]).max() > AUDIBLE), None)


def audible_ms(chunks: Iterable[dict], clock: Callable[[], float] = time.perf_counter) -> float:
    """Milliseconds until a listener who plays a stream from its first chunk on hears something.

    Args:
        chunks: {"audio": (samples,), "sampling_rate"}, as `stream` gives them.
        clock: seconds.

    The silence before the first audible sample counts, and so does waiting for the chunk that has it. Not a number
    where nothing can be heard.
    """
    start, due = clock(), None
    for chunk in chunks:
        now = 1e3 * (clock() - start)
        due = now if due is None else max(due, now)  # when this chunk begins to play
        loud = np.flatnonzero(np.abs(chunk["audio"]) > AUDIBLE)
        if loud.size:
            return due + 1e3 * float(loud[0]) / chunk["sampling_rate"]
        due += 1e3 * len(chunk["audio"]) / chunk["sampling_rate"]
    return float("nan")


def enrolment(clone: VoiceCloningPipeline, wave: np.ndarray, seconds: float, times: int) -> dict[str, float]:
    """Milliseconds for so many seconds of speech, left as they are and cleaned, and again when known."""
    chance, wave = np.random.default_rng(0), np.resize(wave, int(seconds * audio.SAMPLING_RATE))

    def once(enhance: bool) -> None:  # never the same recording: what was heard before is known
        noise = chance.normal(0, 1e-5, wave.size).astype(np.float32)
        clone.enroll((wave + noise, audio.SAMPLING_RATE), enhance)

    calls: dict[str, Callable[[], object]] = {"as it is": lambda: once(False), "cleaned": lambda: once(True)}
    calls["known"] = lambda: clone.enroll((wave, audio.SAMPLING_RATE))
    return {name: float(np.median(spent)) for name, spent in in_turns(calls, times).items()}


def machine() -> dict[str, str | int]:
    """What figures are measured on."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    versions = {name: version(name) for name in LIBRARIES}
    model = f"{model}, {torch.backends.cpu.get_cpu_capability()}"  # one name may stand for very different processors
    return {"cpu": model, "threads": torch.get_num_threads(), "python": platform.python_version(), **versions}


def speed(clone: VoiceCloningPipeline, reference: Path, times: int = TIMES) -> dict[str, float]:
    """Milliseconds to the first sound of an enrolled voice, and to enrol 5 s of a reference."""
    voice = clone.enroll(reference)
    spent = in_turns({"first": lambda: first_sound(clone.stream(SENTENCE, voice=voice))}, times)["first"]
    enrolled = enrolment(clone, audio.read(reference), 5.0, max(3, times // 4))
    return {
        "first_sound_ms": float(np.median(spent)),
        "first_sound_p95_ms": float(np.quantile(spent, 0.95)),
        "enrolment_ms": enrolled["as it is"],
        "enrolment_cleaned_ms": enrolled["cleaned"],
    }


def size(clone: VoiceCloningPipeline, folder: Path) -> dict[str, float]:
    """Numbers in the model, and MB of its folder's weights."""
    megabytes = sum(file.stat().st_size for file in folder.glob("*.safetensors")) / 1e6
    return {"parameters": sum(weight.numel() for weight in clone.model.parameters()), "size_mb": megabytes}
