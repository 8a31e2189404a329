"""Stage ``teacher``: synthetic speech, a teacher of text and rhythm (whose voice it is, the speaker teacher teaches).

hibari (Apache-2.0, one clean voice) reads sentences, and the durations that it used are kept.

Played faster or slower (resampled; its own speed setting makes up for the tempo) it is several voices, of which the
symbols, their durations and the sound are known exactly.
"""

from __future__ import annotations

import json
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from typing import Any

import numpy as np
import soxr

from rtvc import audio, phonemes
from rtvc.files import package_folder
from rtvc.training import folders
from rtvc.training.data import sources, store
from rtvc.training.data.read_texts import aligned_symbols, pieces
from rtvc.training.disk import write_text, writing

READER_RATE, READER_FRAME_RATE = 24_000, 40  # of hibari: Hz, frames a second (its durations are in these frames)
SHIFTS = (1.0, 0.76, 0.82, 0.88, 0.94, 1.06, 1.12)  # pitch and formants of the voices
DURATIONS_TENSOR = "/Clip_output_0"  # the tensor of its graph that holds the frames a symbol
DURATIONS = ".durations.json"  # of the corpus, in the cache: file → symbols and their seconds
NUMBER_TEMPLATES = (
    "The number is {0}.",
    "It was the {1} of {2}, {3}.",
    "Call me at {4} thirty, will you?",
    "She paid {0} dollars and {4} cents for {4} of them.",
    "Is it {4} o'clock already?",
    "Did you say {4}, or {0}?",
)


def _session() -> Any:
    """hibari's network with its durations as a further output."""
    import onnx
    import onnxruntime

    folder = package_folder("hibari") / "assets"
    model = onnx.load(folder / "hibari.onnx")
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(DURATIONS_TENSOR))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def _sentences(generator: random.Random, count: int) -> list[str]:
    """Sentences of the corpora's texts, cut to 4–14 words where they have no punctuation, plus numbers and dates."""
    found = set()
    for name in ("arctic-cathy", "vctk-p239", "common-voice-100", "librispeech-one-clip", "librispeech-train-clean-5"):
        for row in sources.read_table(folders.DATA / f"{name}.tsv"):
            line = row["text"].lower() if row["text"].isupper() else row["text"]
            found.update(pieces(line, generator))
    sentences = sorted(found)
    generator.shuffle(sentences)
    months = ("January", "March", "May", "June", "August", "October", "December")
    for _ in range(count // 12):
        values = (generator.randrange(3000), generator.randrange(1, 29), generator.choice(months))
        years = (generator.randrange(1600, 2040), generator.randrange(2, 12))
        sentences.insert(0, generator.choice(NUMBER_TEMPLATES).format(*values, *years))
    return sentences[:count]


def _speak_all(job: tuple[list[str], float, int]) -> list[tuple[str, list[str], list[float], np.ndarray]]:
    """(sentences, shift, seed) → (text, symbols, seconds a symbol, int16 wave at 16 kHz) of each."""
    from hibari import Hibari, dsp

    sentences, shift, seed = job
    reader, session, random_numbers = Hibari(), _session(), np.random.default_rng(seed)
    known, spoken = reader.vocab, []
    for sentence in sentences:
        sentence = sentence if sentence[-1] in ".?!" else sentence.rstrip(",;:-") + "."
        characters = "".join(c for c in reader.g2p(phonemes.normalize(sentence)) if c in known)
        if len(characters) < 2 or len(characters) > 400:
            continue
        speed = np.float32(random_numbers.uniform(0.85, 1.15) / shift)
        inputs = {"ids": np.array([reader.ids(characters)], np.int64), "speed": np.array([speed], np.float32)}
        *spectra, frames = session.run([*(o.name for o in session.get_outputs()[:6]), DURATIONS_TENSOR], inputs)
        wave = dsp.synth(*(spectrum[0] for spectrum in spectra), random_numbers)
        wave = soxr.resample(wave.astype(np.float32), READER_RATE * shift, store.SAMPLING_RATE)
        symbols, counts = aligned_symbols(characters, np.asarray(frames).reshape(-1))
        wave = audio.normalize_loudness(wave, store.SAMPLING_RATE)
        seconds = [count / READER_FRAME_RATE / shift for count in counts]
        spoken.append((sentence, symbols, seconds, (np.clip(wave, -1, 1) * store.FULL_SCALE).astype(np.int16)))
    return spoken


def train(config: dict) -> None:
    """Run the stage: write the corpus ``teacher`` and its durations into the cache."""
    sentences = _sentences(random.Random(config["seed"]), config["sentences_a_voice"] * len(SHIFTS))
    jobs = [(sentences[i :: len(SHIFTS)], shift, i) for i, shift in enumerate(SHIFTS)]
    utterances, alignment, start = [], {}, 0
    waves = folders.CACHE / f"{store.SYNTHETIC_SPEECH}{store.WAVES}"
    with writing(folders.CACHE), open(waves, "wb") as out, ProcessPoolExecutor(2) as pool:
        for shift, spoken in zip(SHIFTS, pool.map(_speak_all, jobs), strict=True):
            for index, (sentence, symbols, seconds, wave) in enumerate(spoken):
                file = f"hibari_{shift}/{index:04d}"
                place = {"start": start, "samples": len(wave)}
                clip = sources.Clip(file, f"hibari_{shift}", "F", sentence)
                utterances.append(asdict(clip) | {"corpus": store.SYNTHETIC_SPEECH} | place)
                alignment[file] = {"symbols": symbols, "seconds": seconds}
                out.write(wave.tobytes())
                start += len(wave)
    write_text(folders.CACHE / f"{store.SYNTHETIC_SPEECH}{DURATIONS}", json.dumps(alignment))
    write_text(folders.CACHE / f"{store.SYNTHETIC_SPEECH}.json", json.dumps({"utterances": utterances, "skipped": {}}))
