"""Blind pairs for ears: a page that plays a clone and a recording, or a clone and a peer, and counts what is preferred.

The page is one file, sounds within, so that it can be sent to people; nothing that it shows says which is which. Both
sounds of a pair are at 16 kHz, equally loud, and without the silence at their ends.
"""

from __future__ import annotations

import base64
import io
import json
import random
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from rtvc import audio
from rtvc.errors import EvaluationError
from rtvc.evaluation.cloning import NAMES
from rtvc.evaluation.session import RATE

FILE = "listen.html"
PAIRS = 20
CLONE = NAMES["long"]
QUESTION = "Which one sounds more like a person speaking?"
QUIET = 0.01  # of the loudest sample: what is below it at the ends is cut off, but for MARGIN
MARGIN = 0.05  # seconds


def check(pairs: int, parts: tuple[str, ...]) -> None:
    """
    Raises:
        EvaluationError: so many pairs cannot be played, or nothing is to be cloned.
    """
    if pairs < 1:
        raise EvaluationError(f"--listen needs a whole number of pairs from 1 on, not {pairs}.")
    if "cloning" not in parts:
        raise EvaluationError("--listen plays clones; measure the part cloning too.")


def drawn(results: dict[str, Any], pairs: int, seed: int) -> list[dict[str, Any]]:
    """So many pairs in an order drawn by ``seed``, equally many against each system that has the same sentence.

    Returns:
        [{"case", "text", "against", "first": "clone" or "other", "clips": (of the first, of the second)}]
    """
    chance, systems = random.Random(seed), results["cloning"]["systems"]
    clones = {row["case"]: row for row in systems[CLONE]["sentences"]}
    others = {name: system["sentences"] for name, system in systems.items() if name not in NAMES.values()}
    queues = {
        name: [(name, clones[row["case"]], row) for row in rows if row["case"] in clones]
        for name, rows in others.items()
    }
    for queue in queues.values():
        chance.shuffle(queue)
    turns = [pair for place in range(pairs) for queue in queues.values() for pair in queue[place : place + 1]][:pairs]
    chance.shuffle(turns)
    found = []
    for name, clone, other in turns:
        first = chance.choice(("clone", "other"))
        clips = (clone["clip"], other["clip"]) if first == "clone" else (other["clip"], clone["clip"])
        found.append({"case": clone["case"], "text": clone["text"], "against": name, "first": first, "clips": clips})
    return found


def write(results: dict[str, Any], folder: Path, pairs: int = PAIRS, seed: int = 0) -> None:
    """`listen.html` into a report's folder, of the clips that lie there.

    Raises:
        EvaluationError: there is nothing to play beside the clones.
    """
    found = drawn(results, pairs, seed)
    if not found:
        raise EvaluationError(
            "There is nothing to play beside the clones; add recordings of the sentences to clone.tsv."
        )
    shown = [{name: pair[name] for name in ("case", "text", "against", "first")} for pair in found]
    for pair, one in zip(found, shown, strict=True):
        one["sounds"] = [_embedded(folder / clip) for clip in pair["clips"]]
    about = {"rtvc": results["rtvc"], "weights": results["model"]["weights"], "seed": seed, "question": QUESTION}
    (folder / FILE).write_text(page(about, shown), encoding="utf-8")


def page(about: dict[str, Any], pairs: list[dict[str, Any]]) -> str:
    """The whole page; what a person does with it is in `listening.txt`, its script."""
    key = sha256(json.dumps([about, [pair["sounds"] for pair in pairs]]).encode()).hexdigest()[:16]
    data = json.dumps({"about": about, "pairs": pairs, "key": key}).replace("<", "\\u003c")  # ends no script
    template = files("rtvc.evaluation").joinpath("listening.txt").read_text(encoding="utf-8")
    return template.replace("{question}", escape(about["question"])).replace("{data}", data)


def _embedded(path: Path) -> str:
    """A clip as an address that holds its sound."""
    wave = audio.read(path)
    loud = np.flatnonzero(np.abs(wave) > QUIET * np.abs(wave).max(initial=0.0))
    if loud.size:
        margin = int(MARGIN * RATE)
        wave = wave[max(0, loud[0] - margin) : loud[-1] + margin]
    file = io.BytesIO()
    soundfile.write(file, audio.normalize_loudness(wave), RATE, format="FLAC")
    return f"data:audio/flac;base64,{base64.b64encode(file.getvalue()).decode()}"
