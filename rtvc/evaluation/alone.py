"""Peers measured by themselves: their figures do not change with rtvc's weights, and some take longer than all of it.

Usage: python -m rtvc.evaluation.alone clone|enhance|verify --cases FOLDER [--judges FOLDER] [--peers FOLDER]
           [--only NAME …] [--said FOLDER] [--output benchmarks/peers/NAME.json]

One column a peer, with the date and the command that measured it; one that the file has is not measured again, so it
goes on where it was stopped. `python -m rtvc.evaluation.card` shows the columns beside rtvc's, where cases and judges
are the same. Computing times are not kept: those of two runs are no ratio (`benchmarks/speed.py` has ratios).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from rtvc import audio
from rtvc.evaluation import cloning, enhancement, peers, run, verification
from rtvc.evaluation.cases import Cases, read_cases
from rtvc.evaluation.judges import SPEAKERS, gather
from rtvc.evaluation.peers import Speak
from rtvc.evaluation.session import Session
from rtvc.evaluation.speed import machine
from rtvc.evaluation.statistics import Figure
from rtvc.evaluation.tables import TIME, Measure, cloning_measures, enhancement_measures, kept, verification_measures

FOLDER = Path(__file__).parents[2] / "benchmarks" / "peers"
Column = dict[str, Any]
Found = Iterator[tuple[str, dict[str, Figure]]]
COMMAND = "python -m rtvc.evaluation.alone {part} --cases CASES --judges JUDGES --peers PEERS"


def clones(session: Session, voices: Mapping[str, Speak]) -> Found:
    """(voice, figures) of fixed voices that say the sentences."""
    judges = cloning.panel(session)
    for name, voice in voices.items():
        found = cloning.judged(session, judges, session.cases.clone, cloning.saying(voice), name)
        yield name, found["figures"]


def enhanced(session: Session, enhancers: Mapping[str, peers.Enhance]) -> Found:
    """(enhancer, figures)"""
    pairs = [(audio.read(case.noisy), audio.read(case.clean)) for case in session.cases.enhance]
    for name, clean in enhancers.items():
        yield name, enhancement.judged(session, {name: (pairs, clean)})["systems"][name]["figures"]


def verified(session: Session, encoders: Mapping[str, verification.Embed]) -> Found:
    """(speaker encoder, figures)"""
    for name, embed in encoders.items():
        yield name, verification.rates(session, {name: embed})[name]["figures"]


def remembered(name: str, speak: Speak, folder: Path) -> Speak:
    """A voice that says nothing twice: what it said lies in a folder."""

    def say(text: str) -> tuple[np.ndarray, int]:
        path = folder / f"{name.replace(' ', '-')}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.wav"
        if not path.exists():
            soundfile.write(path, *speak(text), subtype="FLOAT")
        return soundfile.read(path, dtype="float32")

    return say


def column(measures: list[Measure], figures: dict[str, Figure], command: str) -> Column:
    """What is kept of a peer: its figures by the names of the rows, and how they were measured."""
    rows = [measure for measure in measures if measure is not TIME and measure.key in figures]
    figured = ((measure.label, measure.shown(figures[measure.key])) for measure in rows)
    shown = {label: run.rounded(kept(figure)) for label, figure in figured if figure}
    return {"command": command, "machine": machine()["cpu"], "date": time.strftime("%Y-%m-%d"), "figures": shown}


def about(part: str, cases: Cases) -> str:
    """The cases in the words of the table that they are of."""
    counts = run.counts(cases)
    said = {
        "clone": "{cases} sentences, {speakers} speakers",
        "enhance": "{cases} noisy recordings",
        "verify": "{cases} recordings of {speakers} speakers, every pair a trial",
    }
    return said[part].format(**counts[part])


def measure(part: str, session: Session, systems: Mapping[str, Callable], file: Path) -> None:
    """Measure those that the file lacks, and write it after each."""
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"columns": {}}
    known["cases"] = about(part, session.cases)
    results = {"judges": {role: judge.about() for role, judge in session.judges.items()}}
    calls: dict[str, Callable[..., Found]] = {"clone": clones, "enhance": enhanced, "verify": verified}
    for name, figures in calls[part](session, {k: v for k, v in systems.items() if k not in known["columns"]}):
        rows = {"clone": cloning_measures, "enhance": enhancement_measures}
        measures = rows[part](results) if part in rows else verification_measures(figures)
        known["columns"][name] = column(measures, figures, COMMAND.format(part=part))
        file.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{file}: {name}", flush=True)


def _speaker_judges(session: Session) -> dict[str, Callable]:
    return {session.judges[role].name: session.judges[role] for role in SPEAKERS if role in session.judges}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("clone", "enhance", "verify"))
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--judges", type=Path, help="folder of the second judge")
    parser.add_argument("--peers", type=Path, help="folder of the peers' weights")
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--said", type=Path, help="folder in which what the voices say is kept for another run")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")  # of the libraries
    nobody: Any = None  # no model is measured
    session = Session(nobody, read_cases(options.cases), gather(options.judges)[0])
    known: dict[str, Callable] = {"clone": peers.voices, "enhance": peers.enhancers}
    systems, missing = known[options.part](options.peers) if options.part in known else (_speaker_judges(session), {})
    for name, why in missing.items():
        print(f"{name} is left out: {why}")
    if options.only:
        systems = {name: systems[name] for name in options.only if name in systems}
    if options.said and options.part == "clone":
        options.said.mkdir(parents=True, exist_ok=True)
        systems = {name: remembered(name, speak, options.said) for name, speak in systems.items()}
    FOLDER.mkdir(exist_ok=True)
    measure(options.part, session, systems, options.output or FOLDER / f"{options.part}.json")


if __name__ == "__main__":
    main()
