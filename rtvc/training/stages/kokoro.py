"""Stage ``kokoro``: synthetic speech in many voices at 24 kHz, its durations and pitch known exactly.

Kokoro-82M (Apache-2.0, hexgrad) reads: the second teacher of text and rhythm.
A style vector is who speaks (its first 128 numbers) and how (the last 128: rhythm, melody). A person here is one voice,
or a mixture of two: mixtures sound as natural as the voices, what lies beyond a voice does not. What it reads goes into
the cache, utterance by utterance, so that it goes on where it stopped: ``kokoro.i16`` (waves, 24 kHz), ``kokoro.f0``
(float32 Hz a frame of 12.5 ms, the synthesizer's own) and ``kokoro.jsonl`` (a line an utterance: who reads what, its
symbols and their seconds).
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from rtvc import phonemes
from rtvc.errors import TextError, TrainingError
from rtvc.training import folders
from rtvc.training.data import sources, store
from rtvc.training.data.read_texts import aligned_symbols, pieces
from rtvc.training.disk import writing

RATE, FRAME_RATE = 24_000, 40  # of its audio in Hz, of its durations in frames a second; pitch comes twice as often
IDENTITY = 128  # numbers of a style that say who speaks
LONGEST = 400  # symbols of one sentence
DURATIONS, PITCH = "/encoder/Clip_output_0", "/encoder/F0_proj/Conv_output_0"  # tensors of its graph, given out too
ENGLISH = ("af_", "am_", "bf_", "bm_")  # how the names of voices begin that are English
CORPUS = "kokoro"
OWN = 0.6  # share of what is read that was written for it
ALONE = 0.1  # share of people that are a voice as it is
SPEED = (0.88, 1.12)
UNVOICED = 20.0  # Hz: a pitch below is none
INSTALL = (
    "put the files of onnx-community/Kokoro-82M-v1.0-ONNX there: onnx/model_quantized.onnx as model.onnx, "
    "tokenizer.json, voices/*.bin"
)


@dataclass(frozen=True)
class Person:
    """Who reads: ``weight`` of the first voice's identity and the rest of the second's, in the manner of ``manner``."""

    name: str
    first: str
    second: str
    weight: float
    manner: str

    def style(self, voices: dict[str, np.ndarray], symbols: int) -> np.ndarray:
        """(1, 256) float32, for a sentence of that many symbols."""
        row = {name: voices[name][symbols - 1] for name in (self.first, self.second, self.manner)}
        mixed = self.weight * row[self.first] + (1 - self.weight) * row[self.second]
        return np.concatenate([mixed[:IDENTITY], row[self.manner][IDENTITY:]])[None]


def people(voices: list[str], count: int, seed: int) -> list[Person]:
    """``count`` people: a tenth single voices, the rest mixtures of two of one sex; all read in an English manner."""
    draw, found = random.Random(seed), []
    english = [name for name in voices if name.startswith(ENGLISH)]
    for number in range(count):
        first = draw.choice(english)
        same = [name for name in voices if name[1] == first[1] and name != first]
        weight = 1.0 if draw.random() < ALONE else draw.uniform(0.3, 0.7)
        second = draw.choice(same)
        manner = draw.choice([name for name in (first, second) if name in english])
        found.append(Person(f"kokoro_{number:03d}", first, second, weight, manner))
    return found


class Reader:
    """Kokoro's network, the symbols it reads, and its voices, from a folder.

    Raises:
        TrainingError: a file is missing, or no onnx is installed.
    """

    def __init__(self, folder: Path, threads: int = 1):
        import onnx
        import onnxruntime

        wanted = [folder / "model.onnx", folder / "voices"]
        if missing := [path.name for path in wanted if not path.exists()]:
            raise TrainingError(f"The teacher's folder “{folder}” lacks {', '.join(missing)}; {INSTALL}.")
        model = onnx.load(folder / "model.onnx")
        for name in (DURATIONS, PITCH):
            model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        self._audio = self._session.get_outputs()[0].name
        self.vocabulary = _vocabulary(folder)
        self.voices = {
            path.stem: np.fromfile(path, np.float32).reshape(-1, 2 * IDENTITY)
            for path in sorted((folder / "voices").glob("*.bin"))
        }

    def read(self, characters: str, style: np.ndarray, speed: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Phonemes → wave (samples,) at 24 kHz, frames of 25 ms a character and both ends, F0 in Hz (2 · frames,)."""
        tokens = np.array([[0, *(self.vocabulary[character] for character in characters), 0]], np.int64)
        inputs = {"tokens": tokens, "style": style, "speed": np.array([speed], np.float32)}
        inputs = {given.name: inputs.get(given.name, tokens) for given in self._session.get_inputs()}  # or input_ids
        wave, frames, f0 = self._session.run([self._audio, DURATIONS, PITCH], inputs)
        return wave.reshape(-1), frames.reshape(-1), f0.reshape(-1)


def _vocabulary(folder: Path) -> dict[str, int]:
    path = next((folder / name for name in ("vocab.json", "tokenizer.json") if (folder / name).exists()), None)
    if path is None:
        raise TrainingError(f"The teacher's folder “{folder}” lacks tokenizer.json; {INSTALL}.")
    table = json.loads(path.read_text(encoding="utf-8"))
    return table.get("model", table)["vocab"]


def sentences(own: Path, tables: list[str], draw: random.Random) -> tuple[list[str], list[str]]:
    """The sentences written for this purpose, and those of the corpora, cut where they are long."""
    written = [line.strip() for line in own.read_text(encoding="utf-8").splitlines() if line.strip()]
    found = set()
    for name in tables:
        for row in sources.read_table(folders.DATA / f"{name}.tsv"):
            if float(row.get("confidence") or 1.0) >= 0.8:
                line = row["text"].lower() if row["text"].isupper() else row["text"]
                found.update(pieces(line, draw))
    return written, sorted(found)


class Written:
    """What has been read, in the cache; a last utterance that a killed process left in part is dropped."""

    def __init__(self, stem: Path):
        self._paths = {name: stem.with_suffix(f".{name}") for name in ("i16", "f0", "jsonl")}
        index = self._paths["jsonl"]
        lines = index.read_text(encoding="utf-8").splitlines(keepends=True) if index.exists() else []
        lines = [line for line in lines if line.endswith("\n")]
        last = json.loads(lines[-1]) if lines else {"start": 0, "samples": 0, "first_frame": 0, "frames": 0}
        self.count = len(lines)
        self._samples, self._frames = last["start"] + last["samples"], last["first_frame"] + last["frames"]
        sizes = {"i16": 2 * self._samples, "f0": 4 * self._frames, "jsonl": len("".join(lines).encode())}
        for name, path in self._paths.items():
            with open(path, "ab") as file:
                file.truncate(sizes[name])

    def append(self, known: dict, wave: np.ndarray, f0: np.ndarray) -> None:
        """An utterance: what is known of it, int16 samples, float32 Hz a frame. The index comes last."""
        place = {"start": self._samples, "samples": len(wave), "first_frame": self._frames, "frames": len(f0)}
        line = json.dumps(known | place, ensure_ascii=False) + "\n"
        for name, content in (("i16", wave.tobytes()), ("f0", f0.tobytes()), ("jsonl", line.encode())):
            with open(self._paths[name], "ab") as file:
                file.write(content)
        self.count, self._samples, self._frames = self.count + 1, self._samples + len(wave), self._frames + len(f0)


def train(config: dict) -> None:
    """Run the stage: the people read, round and round, until each has read ``sentences_a_person``."""
    reader = Reader(Path(folders.located(config["files"])), config["threads"])
    known = [name for name in reader.voices if name not in config["left_out"]]
    readers = people(known, config["people"], config["seed"])
    texts = sentences(Path(folders.located(config["sentences"])), config["corpora"], random.Random(config["seed"]))
    places = range(config["shard"], len(readers) * config["sentences_a_person"], config["shards"])
    with writing(folders.CACHE):
        written = Written(folders.CACHE / f"{CORPUS}{config['shard']}")
        for place in tqdm(places[written.count :], initial=written.count, total=len(places), mininterval=10):
            draw = random.Random(f"{config['seed']} {place}")
            written.append(*_utterance(reader, readers[place % len(readers)], texts, place, draw))


def _utterance(
    reader: Reader, person: Person, texts: tuple[list[str], list[str]], place: int, draw: random.Random
) -> tuple[dict, np.ndarray, np.ndarray]:
    """One sentence in one voice: what is known of it, wave int16 (samples,), F0 float32 Hz, 0 where unvoiced."""
    sentence, characters = _readable(texts, draw)
    speed = draw.uniform(*SPEED)
    wave, frames, f0 = reader.read(characters, person.style(reader.voices, len(characters)), speed)
    symbols, counts = aligned_symbols(characters, frames)
    known: dict[str, Any] = {
        "file": f"{person.name}/{place:05d}",
        "speaker": person.name,
        "text": sentence,
        "symbols": symbols,
    }
    known |= {"seconds": [round(count / FRAME_RATE, 4) for count in counts], "speed": round(speed, 3)}
    known |= {"voices": [person.first, person.second, round(person.weight, 3), person.manner]}
    wave = (np.clip(wave, -1, 1) * store.FULL_SCALE).astype(np.int16)
    return known, wave, np.where(f0 > UNVOICED, f0, 0).astype(np.float32)


def _readable(texts: tuple[list[str], list[str]], draw: random.Random) -> tuple[str, str]:
    """A sentence, three in five of those written for this, and the characters that the network reads."""
    while True:
        sentence = draw.choice(texts[0] if draw.random() < OWN or not texts[1] else texts[1])
        sentence = sentence if sentence[-1] in '.?!"…' else sentence.rstrip(",;:-") + "."
        try:
            characters = "".join(phonemes.phonemize(sentence)[1:-1])
        except TextError:
            continue
        if 2 <= len(characters) <= LONGEST:
            return sentence, characters
