"""Everything that is said of the weights in figures, measured again and written: for the night before they ship.

Usage: python -m rtvc.evaluation.release --cases FOLDER --unseen FOLDER [--judges FOLDER] [--peers FOLDER]
           [--model FOLDER] [--only TABLE …] [--output runs/release] [--list]

Table by table, each by a command of its own that is printed with the minutes it takes; then the model card, README,
SECURITY.md and docs/evaluation.md are written from what is kept. A table that was measured with these weights and cases
is not measured again, so a run that was stopped, or a table that failed, goes on by the same line. --list only says
what there is to do. Not in it, because it trains: `experiments/baseline.py`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtvc.evaluation import card, keeping
from rtvc.evaluation.tables import Results
from rtvc.hub.card import fingerprint, settings
from rtvc.loading import CHECKPOINT

SPEED = ("benchmarks/speed.py", "--model", "MODEL", "--peers", "PEERS")
OPTIONAL = ("JUDGES", "PEERS")  # places that need not be given
Keep = Callable[[Path, Results, str], None]


@dataclass(frozen=True)
class Step:
    """A table: the words of its commands, places in capitals, the last of them measures; about how many minutes that
    takes on two cores that do nothing else; which cases it is of; what keeps its results, none where they keep
    themselves."""

    name: str
    minutes: int
    cases: str
    commands: tuple[tuple[str, ...], ...]
    keep: Keep | None = keeping.keep


def _evaluation(name: str, minutes: int, part: str, cases: str = "CASES", keep: Keep = keeping.keep) -> Step:
    words = ("rtvc", "evaluate", "--model", "MODEL", "--cases", cases, "--judges", "JUDGES", "--peers", "PEERS")
    return Step(name, minutes, cases, ((*words, "--only", part, "--output", "OUTPUT"),), keep)


OPTIMISED = (
    ("rtvc", "optimize", "MODEL", "--output", "OUTPUT-model"),
    (
        *("rtvc", "evaluate", "--model", "OUTPUT-model", "--cases", "UNSEEN", "--judges", "JUDGES"),
        *("--only", "cloning", "--output", "OUTPUT"),
    ),
)
LIMITS = ("rtvc", "limits", "--model", "MODEL", "--cases", "CASES", "--judges", "JUDGES", "--output", "OUTPUT")
STEPS = (
    _evaluation("unseen", 20, "cloning", "UNSEEN", keeping.keep_unseen),
    _evaluation("clone", 20, "cloning"),
    _evaluation("noise", 60, "noise"),
    _evaluation("enhance", 15, "enhancement"),
    _evaluation("verify", 40, "verification"),
    _evaluation("robustness", 5, "robustness"),
    _evaluation("watermark", 20, "watermark"),
    _evaluation("speed", 2, "speed"),
    Step("optimised", 20, "UNSEEN", OPTIMISED, keeping.keep_optimised),
    Step("limits", 30, "CASES", (LIMITS,), keeping.keep_limits),
    Step("processor", 30, "", (SPEED,), None),
)


# ---------------------------------------------------------------------------------------------- commands


def written(words: tuple[str, ...], places: dict[str, Path]) -> str:
    """A command as it is kept: places in capitals, without those that were not given, and without the model."""
    return shlex.join(_given(words, places, ("MODEL",))).replace("OUTPUT", "report")


def runnable(words: tuple[str, ...], places: dict[str, Path]) -> list[str]:
    """A command as it is run, by this Python."""
    real = [_real(word, places) for word in _given(words, places)]
    start = ["-m", "rtvc.cli"] if real[0] == "rtvc" else [str(card.ROOT / real[0])]
    return [sys.executable, *start, *real[1:]]


def _given(words: tuple[str, ...], places: dict[str, Path], left_out: tuple[str, ...] = ()) -> list[str]:
    """Without options whose place was not given, or is left out."""
    absent = {place for place in OPTIONAL if place not in places} | set(left_out)
    gone = {number for number, word in enumerate(words) if word in absent}
    gone |= {number - 1 for number in gone if words[number - 1].startswith("--")}
    return [word for number, word in enumerate(words) if number not in gone]


def _real(word: str, places: dict[str, Path]) -> str:
    name, dash, rest = word.partition("-") if word.startswith("OUTPUT") else (word, "", "")
    return f"{places[name]}{dash}{rest}" if name in places else word


# ---------------------------------------------------------------------------------------------- the run


def state(step: Step, places: dict[str, Path]) -> dict[str, Any]:
    """What a measurement depends on: where nothing of it changed it is not repeated."""
    model, cases = places["MODEL"], places.get(step.cases)
    tables = sorted(cases.glob("*.tsv")) if cases else []
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in tables)).hexdigest()
    about = {"weights": fingerprint(model), "settings": settings(model), "cases": digest}
    return about | {"commands": [written(words, places) for words in step.commands]}


def marker(step: Step, places: dict[str, Path]) -> Path:
    """The file that says what a finished measurement was of."""
    return places["OUTPUT"] / f"{step.name}.done.json"


def known(step: Step, places: dict[str, Path]) -> bool:
    """Whether it was measured with these weights and cases already."""
    file = marker(step, places)
    return file.is_file() and json.loads(file.read_text(encoding="utf-8")) == state(step, places)


def measure(step: Step, places: dict[str, Path]) -> bool:
    """Measure a table and keep it with the model; whether that went well."""
    own = places | {"OUTPUT": places["OUTPUT"] / step.name}
    if known(step, places):
        print(f"{step.name}: measured already")
    else:
        began = time.monotonic()
        shutil.rmtree(f"{own['OUTPUT']}-model", ignore_errors=True)  # of a run that was stopped
        for words in step.commands:
            print(f"{step.name}, about {step.minutes} min: {written(words, places)}", flush=True)
            if subprocess.run(runnable(words, own), check=False).returncode:
                print(f"{step.name}: failed; the same line tries again", flush=True)
                return False
        text = json.dumps(state(step, places), indent=1, ensure_ascii=False)
        marker(step, places).write_text(text + "\n", encoding="utf-8")
        print(f"{step.name}: {(time.monotonic() - began) / 60:.1f} min", flush=True)
    if step.keep:
        results = json.loads((own["OUTPUT"] / "results.json").read_text(encoding="utf-8"))
        step.keep(places["MODEL"], results, written(step.commands[-1], places))
    return True


def chosen(names: list[str] | None) -> list[Step]:
    """The steps of these names, all where none are given.

    Raises:
        SystemExit: there is no such table.
    """
    if unknown := set(names or ()) - {step.name for step in STEPS}:
        raise SystemExit(f"release.py: there is no table {', '.join(sorted(unknown))}; choose from {_names(STEPS)}.")
    return [step for step in STEPS if not names or step.name in names]


def _names(steps: tuple[Step, ...] | list[Step]) -> str:
    return ", ".join(step.name for step in steps)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=Path, required=True, help="with clone.tsv, enhance.tsv and verify.tsv")
    parser.add_argument("--unseen", type=Path, required=True, help="with clone.tsv of sentences nobody trained on")
    parser.add_argument("--judges", type=Path, help="folder of the second judge")
    parser.add_argument("--peers", type=Path, help="folder of the peers' weights")
    parser.add_argument("--model", type=Path, default=CHECKPOINT)
    parser.add_argument("--only", nargs="+", metavar="TABLE", help=_names(STEPS))
    parser.add_argument("--output", type=Path, default=card.ROOT / "runs" / "release")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args(arguments)
    places = {"MODEL": options.model, "CASES": options.cases, "UNSEEN": options.unseen, "OUTPUT": options.output}
    places |= {name: path for name, path in (("JUDGES", options.judges), ("PEERS", options.peers)) if path}
    places = {name: path.absolute() for name, path in places.items()}
    steps, minutes = chosen(options.only), 0
    for step in steps:
        there = known(step, places)
        minutes += 0 if there else step.minutes
        print(f"{step.name:12s} {'measured' if there else f'about {step.minutes} min'}")
    print(f"about {minutes} min on two cores that do nothing else", flush=True)
    if not options.list:
        run_steps(steps, places)


def run_steps(steps: list[Step], places: dict[str, Path]) -> None:
    places["OUTPUT"].mkdir(parents=True, exist_ok=True)
    failed = [step for step in steps if not measure(step, places)]
    card.render(places["MODEL"])
    print("The model card, README, SECURITY.md and docs/evaluation.md are written.")
    if failed:
        raise SystemExit(f"release.py: not measured: {_names(failed)}; run the same line again.")


if __name__ == "__main__":
    main()
