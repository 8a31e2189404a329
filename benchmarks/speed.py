"""How soon one hears something, what speech costs, and what the optimised variant saves: one table and results.json.

Usage: python benchmarks/speed.py [--model FOLDER] [--quick] [--output benchmarks/results.json]

Run it on a machine that does nothing else; it takes about eight minutes on two cores. "Original" is the model as
float32, computed by PyTorch as it comes, whole sentences; both variants take turns within one run. hibari and flite are
measured beside where they are installed; figures of pocket-tts are those it publishes.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch

from rtvc import audio
from rtvc.evaluation.run import rounded
from rtvc.evaluation.speed import SENTENCE, enrolment, first_sound, in_turns, machine, milliseconds

ROOT = Path(__file__).parents[1]
WOMAN, MAN = (ROOT / "examples" / "voices" / name for name in ("woman.flac", "man.flac"))
POCKET_TTS = {"first_sound_ms": 200, "rtf": 1 / 6, "where": "two cores of a laptop, as published"}

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


# ---------------------------------------------------------------------------------------------- measures


def latency(clones: dict, voice, times: int) -> dict:
    """Enrolled voice, an eight-word sentence: first sound and the whole, and streaming's real-time factor."""
    calls = {f"{name} first": lambda c=c: first_sound(c.stream(SENTENCE, voice=voice)) for name, c in clones.items()}
    calls |= {f"{name} whole": lambda c=c: c(SENTENCE, voice=voice) for name, c in clones.items()}
    calls |= {f"{name} streamed": lambda c=c: list(c.stream(SENTENCE, voice=voice)) for name, c in clones.items()}
    spent, made = in_turns(calls, times), {}
    for name, clone in clones.items():
        first, whole = spent[f"{name} first"], spent[f"{name} whole"]
        made[name] = {
            "first_sound_ms": {"median": np.median(first), "p95": np.quantile(first, 0.95)},
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


def peers(times: int) -> dict[str, dict]:
    """The same sentence by fixed voices, where they are installed: whole sentences, they do not stream."""
    calls, seconds = {}, {}
    from hibari import Hibari

    hibari = Hibari()
    calls["hibari"], seconds["hibari"] = lambda: hibari(SENTENCE), len(hibari(SENTENCE)) / 24_000
    if shutil.which("flite"):
        import soundfile

        place = Path(tempfile.mkdtemp()) / "said.wav"
        command = ["flite", "-voice", "slt", "-t", SENTENCE, "-o", str(place)]
        calls["flite, with its start"] = lambda: subprocess.run(command, check=True)
        calls["flite, with its start"]()
        seconds["flite, with its start"] = soundfile.info(place).duration
    spent = {name: float(np.median(one)) for name, one in in_turns(calls, times).items()}
    return {name: {"whole_sentence_ms": one, "rtf": one / 1e3 / seconds[name]} for name, one in spent.items()}


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
        "voices_ms_a_line": {n: together(clone, (voices * n)[:n], 3) for n in (1, 2, 4, 8, 16)},
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


def measure(model: Path | None, quick: bool) -> dict:
    """All figures, by the names under which they are written."""
    from rtvc.loading import load

    times = 5 if quick else 100
    with tempfile.TemporaryDirectory() as place:
        folders = variants(model, Path(place))
        clones = {name: load(folder) for name, folder in folders.items()}
        voices = [clones["original"].enroll(path) for path in (WOMAN, MAN)]
        sizes = {name: (folder / "model.safetensors").stat().st_size / 1e6 for name, folder in folders.items()}
        made = latency(clones, voices[0], times)
        enrolled = enrolment(clones["original"], audio.read(WOMAN), 5.0, max(3, times // 5))
        alone = {name: fresh(folder, 30.0 if quick else 3600.0) for name, folder in folders.items()}
        original, optimised = made["original"], made["optimised"]
        ratio = optimised["whole_sentence_ms"]["median"] / original["whole_sentence_ms"]["median"]
        return {
            **original,
            "enrolment_ms": enrolled["cleaned"],
            "enrolment": enrolled,
            **alone["original"],
            "size_mb": sizes["original"],
            "optimised": {
                "size_ratio": sizes["optimised"] / sizes["original"],
                "latency_ratio": ratio,
                "size_mb": sizes["optimised"],
                **optimised,
                **alone["optimised"],
            },
            "floor_ms": floor(clones["original"], voices[0]),
            "batch_ratio": _batch_ratio(together(clones["original"], voices * 4, max(3, times // 10))),
            "growth": growth(clones, voices, quick),
            "peers": {**peers(max(3, times // 10)), "pocket-tts": POCKET_TTS},
            "machine": machine(),
        }


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


def table(results: dict) -> str:
    """The figures against what they shall be."""
    optimised, first = results["optimised"], results["first_sound_ms"]
    rows = [
        ("size on disk, optimised / original", optimised["size_ratio"], "≤ 0.476"),
        ("whole 8-word sentence, optimised / original", optimised["latency_ratio"], "≤ 0.238"),
        ("… original, ms", results["whole_sentence_ms"]["median"], ""),
        ("… optimised, ms", optimised["whole_sentence_ms"]["median"], ""),
        ("… floor: its products of matrices in float32, ms", results["floor_ms"]["float32"], ""),
        ("… floor: its products of matrices in int8, ms", results["floor_ms"]["int8"], ""),
        ("first sound, median, ms", first["median"], "≤ 60"),
        ("first sound, 95th percentile, ms", first["p95"], "≤ 100"),
        ("first sound, optimised, median, ms", optimised["first_sound_ms"]["median"], ""),
        ("enrolment of 5 s, cleaned, ms", results["enrolment_ms"], "≤ 300"),
        ("real-time factor, streaming", results["rtf"], "≤ 0.05"),
        ("real-time factor, streaming, optimised", optimised["rtf"], ""),
        ("peak memory above importing torch, MB", results["peak_memory_mb"], "≤ 300"),
        ("… of which importing transformers", results["of_which_transformers_mb"], ""),
        ("… optimised", optimised["peak_memory_mb"], ""),
        (f"… growth while {results['spoken_s']:g} s are spoken, MB", results["growth_mb"], "flat"),
        ("import and load, s", results["load_s"], "≤ 3"),
        ("eight lines of two voices, in one call / one by one", results["batch_ratio"], "< 1"),
    ]
    lines = ["| measure | figure | target |", "|---|---|---|"]
    lines += [f"| {name} | {value:.3g} | {target} |" for name, value, target in rows]
    for name, one in results["peers"].items():
        whole = one.get("whole_sentence_ms", one.get("first_sound_ms"))
        lines.append(f"| {name} {one.get('where', '')} | {whole:.3g} ms, RTF {one['rtf']:.3g} | |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a from_pretrained folder; default: the bundled model")
    parser.add_argument("--quick", action="store_true", help="few repetitions: only shows that it works")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results.json")
    options = parser.parse_args()
    from rtvc.cli import hush

    hush()
    logging.disable(logging.WARNING)
    results = measure(options.model, options.quick)
    results["growth"]["threads_ms"] = threads(options.model)
    results = rounded(results, 3)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))
    print(json.dumps(results["growth"], indent=1))
    print(json.dumps(results["machine"]))


if __name__ == "__main__":
    main()
