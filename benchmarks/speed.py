"""How soon one hears something, what speech costs, and what the optimised variant saves, on this processor.

Usage: python benchmarks/speed.py [--model FOLDER] [--peers FOLDER] [--quick] [--output benchmarks/speed.json]

Run it on a machine that does nothing else: an estimated ten minutes on two cores with AVX-512, half an hour with AVX2.
It says what it does as it goes. --quick is meant for a minute or two: it only shows that it works, and keeps nothing
unless --output says where. "Original" is the model as float32, computed by PyTorch as it comes, whole sentences; both
variants take turns within one run, and so do hibari, flite and Kokoro (whose weights lie in --peers) where they are to
be had. The file has an entry for each processor: a run replaces its own and leaves the others.
`python -m rtvc.evaluation.card` then writes the table of docs/evaluation.md.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch

from rtvc import audio
from rtvc.evaluation import peers, speed_table
from rtvc.evaluation.run import rounded
from rtvc.evaluation.speed import SENTENCE, audible_ms, enrolment, first_sound, in_turns, machine, milliseconds
from rtvc.hub.card import fingerprint

ROOT = Path(__file__).parents[1]
WOMAN, MAN = (ROOT / "examples" / "voices" / name for name in ("woman.flac", "man.flac"))

# In a process of its own: seconds to import and load, and MB above what importing torch takes (Linux only). The last
# number is how much the peak grows while an hour (or what is asked for) is spoken.
FRESH = """
import re, sys, time
import torch
# Not getrusage: its peak is inherited from the process that started this one.
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1e3
torch_alone = peak()
from transformers import pipeline
with_transformers = peak()
start = time.perf_counter()
import rtvc
clone = pipeline("voice-cloning", model=sys.argv[1])
loaded = time.perf_counter() - start
voice = clone.enroll(sys.argv[2])
text, said, early = sys.argv[3] + " ", 0.0, 0.0
while said < float(sys.argv[4]):
    for chunk in clone.stream(text * 20, voice=voice):
        said += len(chunk["audio"]) / chunk["sampling_rate"]
    early = early or peak()
print(loaded, peak() - torch_alone, with_transformers - torch_alone, peak() - early)
"""


def seconds_of(out: dict) -> float:
    return len(out["audio"]) / out["sampling_rate"]


def words(count: int) -> str:
    """A text of so many words, in sentences of eight."""
    return " ".join([SENTENCE] * -(-count // 8))


class Progress:
    """Says what is measured now, and what came of it: a run takes minutes."""

    def __init__(self) -> None:
        self.start = time.perf_counter()

    def __call__(self, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What ``measure`` gives: figures by name."""
        print(f"{time.perf_counter() - self.start:6.0f} s  {name} …", flush=True)
        found = measure()
        print(f"          {json.dumps(rounded(found, 3), default=lambda path: path.name)}", flush=True)
        return found


# ---------------------------------------------------------------------------------------------- measures


def latency(clones: dict, voice, times: int) -> dict:
    """Enrolled voice, an eight-word sentence: first sound and the whole, and streaming's real-time factor."""
    calls = {f"{name} first": lambda c=c: first_sound(c.stream(SENTENCE, voice=voice)) for name, c in clones.items()}
    calls |= {f"{name} whole": lambda c=c: c(SENTENCE, voice=voice) for name, c in clones.items()}
    calls |= {f"{name} streamed": lambda c=c: list(c.stream(SENTENCE, voice=voice)) for name, c in clones.items()}
    spent, made = in_turns(calls, times), {}
    for name, clone in clones.items():
        first, whole = spent[f"{name} first"], spent[f"{name} whole"]
        heard = [audible_ms(clone.stream(SENTENCE, voice=voice)) for _ in range(times)]
        made[name] = {
            "first_sound_ms": {"median": np.median(first), "p95": np.quantile(first, 0.95)},
            "first_audible_ms": {"median": np.median(heard)},
            "whole_sentence_ms": {"median": np.median(whole), "p95": np.quantile(whole, 0.95)},
            "rtf": np.median(spent[f"{name} streamed"]) / 1e3 / seconds_of(clone(SENTENCE, voice=voice)),
        }
    return made


def together(clone, voices: list, times: int) -> dict[str, float]:
    """Milliseconds a line: lines of different speakers one by one and in one call."""
    texts = [SENTENCE] * len(voices)
    calls = {"one by one": lambda: [clone(text, voice=voice) for text, voice in zip(texts, voices, strict=True)]}
    calls["in one call"] = lambda: clone(texts, voice=voices)
    return {name: float(np.median(spent)) / len(voices) for name, spent in in_turns(calls, times).items()}


def fresh(folder: Path, seconds: float) -> dict[str, float]:
    """Load time and memory of a process that only clones."""
    command = [sys.executable, "-c", FRESH, str(folder), str(WOMAN), SENTENCE, str(seconds)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    names = ("load_s", "peak_memory_mb", "of_which_transformers_mb", "growth_mb")
    return dict(zip(names, map(float, done.stdout.split()[-4:]), strict=True)) | {"spoken_s": seconds}


def floor(clone, voice) -> dict[str, float]:
    """Milliseconds that the products of matrices in the sentence take at the rate of one large product."""
    import onnxruntime
    from onnx import TensorProto, helper

    products = 0

    def count(module: torch.nn.Module, _: tuple, output: torch.Tensor) -> None:
        nonlocal products
        products += module.weight.numel() * output.numel() // module.weight.shape[0]

    hooks = [m.register_forward_hook(count) for m in clone.model.rtvc7.modules() if isinstance(m, torch.nn.Linear)]
    clone(SENTENCE, voice=voice)
    for hook in hooks:
        hook.remove()
    size = 1024
    ends = [helper.make_tensor_value_info(name, TensorProto.INT8, (size, size)) for name in ("b",)]
    ends.insert(0, helper.make_tensor_value_info("a", TensorProto.UINT8, (size, size)))
    out = helper.make_tensor_value_info("c", TensorProto.INT32, (size, size))
    graph = helper.make_graph([helper.make_node("MatMulInteger", ["a", "b"], ["c"])], "product", ends, [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    fed = {"a": np.ones((size, size), np.uint8), "b": np.ones((size, size), np.int8)}
    square = torch.randn(size, size)
    spent = in_turns({"int8": lambda: session.run(None, fed), "float32": lambda: square @ square}, 10)
    return {name: float(one.min() * products / size**3) for name, one in spent.items()}


def beside(clones: dict, voice, weights: Path | None, times: int) -> dict[str, Any]:
    """The same sentence, whole, by rtvc and by fixed voices in turns: computing time per second of speech, and how much
    of each one's rtvc's is."""
    found, missing = peers.voices(weights)
    calls = {name: lambda c=c: c(SENTENCE, voice=voice) for name, c in clones.items()}
    seconds = {name: seconds_of(call()) for name, call in calls.items()}
    for name, say in found.items():
        wave, rate = say(SENTENCE)
        calls[name], seconds[name] = (lambda say=say: say(SENTENCE)), len(wave) / rate
    rtf = {name: float(np.median(spent)) / 1e3 / seconds[name] for name, spent in in_turns(calls, times).items()}
    return {"peers": rtf, "ratios": {name: rtf["original"] / rtf[name] for name in found}, "left_out": missing}


def growth(clones: dict, voices: list, quick: bool) -> dict:
    """How cost grows with the text, the reference, the number of voices and the threads."""
    clone, voice, wave = clones["original"], voices[0], audio.read(WOMAN)
    texts = (10, 100) if quick else (10, 100, 1_000, 10_000)
    references = (4, 30) if quick else (4, 10, 60, 600)

    def enroll(seconds: int) -> object:
        return clone.enroll((np.resize(wave, seconds * audio.SAMPLING_RATE), audio.SAMPLING_RATE), False)

    return {
        "text_words_s": {n: milliseconds(lambda n=n: list(clone.stream(words(n), voice=voice))) / 1e3 for n in texts},
        "reference_seconds_ms": {n: milliseconds(lambda n=n: enroll(n)) for n in references},
        "voices_ms_a_line": {n: together(clone, (voices * n)[:n], 3) for n in ((1, 4) if quick else (1, 2, 4, 8, 16))},
    }


# ---------------------------------------------------------------------------------------------- the run


def variants(model: Path | None, folder: Path) -> dict[str, Path]:
    """The original as float32 and its optimised variant, each in a folder."""
    from rtvc.loading import load
    from rtvc.optimized import optimize

    source = load(model)
    made = {"original": source.model, "optimised": optimize(source.model)}
    for name, one in made.items():
        one.save_pretrained(folder / name)
        source.processor.save_pretrained(folder / name)
    return {name: folder / name for name in made}


def measure(model: Path | None, weights: Path | None, quick: bool) -> dict:
    """All figures, by the names under which they are written.

    Args:
        model: a folder; none: the bundled one.
        weights: of the peers.
    """
    from rtvc.loading import load

    times, step = 5 if quick else 100, Progress()
    with tempfile.TemporaryDirectory() as place:
        folders = step("the optimised variant is made", lambda: variants(model, Path(place)))
        clones = {name: load(folder) for name, folder in folders.items()}
        voices = [clones["original"].enroll(path) for path in (WOMAN, MAN)]
        sizes = {name: (folder / "model.safetensors").stat().st_size / 1e6 for name, folder in folders.items()}
        made = step("first sound, whole sentence, streaming", lambda: latency(clones, voices[0], times))
        speech, few = audio.read(WOMAN), max(3, times // 10)
        enrolled = step("enrolment of 5 s", lambda: enrolment(clones["original"], speech, 5.0, max(3, times // 5)))
        compared = step("beside fixed voices", lambda: beside(clones, voices[0], weights, few))
        eight = step("eight lines of two voices", lambda: together(clones["original"], voices * 4, few))
        least = step("its products of matrices alone", lambda: floor(clones["original"], voices[0]))
        said = 5.0 if quick else 3600.0
        alone = {
            name: step(f"{said:g} s of speech in a process of its own, {name}", lambda f=folder: fresh(f, said))
            for name, folder in folders.items()
        }
        grown = step("longer texts and references, more voices", lambda: growth(clones, voices, quick))
        grown["threads_ms"] = step("one thread and all", lambda: threads(model))
    original, optimised = made["original"], made["optimised"]
    optimised |= {"size_ratio": sizes["optimised"] / sizes["original"], "size_mb": sizes["optimised"]}
    optimised["latency_ratio"] = optimised["whole_sentence_ms"]["median"] / original["whole_sentence_ms"]["median"]
    found = {**original, "enrolment": enrolled, **alone["original"], "size_mb": sizes["original"]}
    found |= {"optimised": optimised | alone["optimised"], "floor_ms": least, "batch_ratio": _batch_ratio(eight)}
    return found | {"growth": grown} | compared


def _batch_ratio(spent: dict[str, float]) -> float:
    return spent["in one call"] / spent["one by one"]


def threads(model: Path | None) -> dict[int, float]:
    """Milliseconds for the whole sentence with one thread and with all, by the original."""
    from rtvc.loading import load

    clone, most = load(model), torch.get_num_threads()
    voice, spent = clone.enroll(WOMAN), {}
    for count in sorted({1, most}):
        torch.set_num_threads(count)
        spent[count] = float(np.median(in_turns({"whole": lambda: clone(SENTENCE, voice=voice)}, 10)["whole"]))
    torch.set_num_threads(most)
    return spent


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a from_pretrained folder; default: the bundled model")
    parser.add_argument("--peers", type=Path, help="the folder of Kokoro's weights, to measure it in the same run")
    parser.add_argument("--quick", action="store_true", help="few repetitions: only shows that it works")
    parser.add_argument("--output", type=Path, help="the file of all processors (benchmarks/speed.json)")
    options = parser.parse_args(arguments)
    from rtvc.cli import hush
    from rtvc.loading import CHECKPOINT

    hush()
    logging.disable(logging.WARNING)
    found = measure(options.model, options.peers, options.quick)
    weights = fingerprint(options.model or CHECKPOINT)[:12]
    found |= {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "weights": weights}
    found = rounded(found, 3)
    print(speed_table.table({found["machine"]["cpu"]: found}))
    print(json.dumps(found["growth"], indent=1))
    if options.output or not options.quick:
        speed_table.keep(found, options.output or speed_table.FILE)


if __name__ == "__main__":
    main()
