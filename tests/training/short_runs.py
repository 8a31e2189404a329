"""Configs of runs of a few steps, and what such a run has printed."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from rtvc.training.config import load_config

ROOT = Path(__file__).parents[2]
LINES = (
    "The cat sat on the mat.",
    "We went to the sea in May.",
    "Please bring two red bags.",
    "It is a long way home.",
)
PEOPLE = {"woman": "ann", "man": "bob", "young-man": "ls_669"}  # the last is a development speaker's name
QUICK = {"mixed_precision": "no", "workers": 0, "log_every": 1, "evaluate_every": 50, "save_minutes": 60.0}
QUICK |= {"threads": 1}  # other tests have the other cores
SMALLER = {"batch_size": 4, "seconds": 1.0, "longest": 1.5, "frames": 40, "windows": 2, "warm_up": 1, "shifted": []}


def settings(stage: str, people: Path, **changes) -> dict:
    config = load_config(ROOT / "configs" / f"{stage}.yaml", []) | QUICK | {"corpora": {str(people): 1.0}}
    sizes = {key: value for key, value in SMALLER.items() if key in config}
    if not importlib.util.find_spec("resemblyzer"):  # of the stages that have such a listener
        config |= {"teacher_weight": 0.0} if "teacher_weight" in config else {}
        config |= {"weights": config["weights"] | {"teacher": 0.0}} if "teacher" in config.get("weights", {}) else {}
    return config | sizes | changes


def joint(people: Path, tiny_folder: Path, **changes) -> dict:
    return settings("joint", people, **({"rtvc_ckpt": str(tiny_folder), "steps": 4} | changes))


def losses(printed: str, name: str, of: str = "") -> list[float]:
    """Values printed behind ``name``, of lines with ``of``."""
    lines = [line for line in printed.splitlines() if of in line]
    return [float(one) for line in lines for one in re.findall(rf"\b{name} (-?[\d.]+)", line)]


def falls(values: list[float]) -> bool:
    """Of an evaluation, which is of the same batches each time."""
    return len(values) > 2 and values[-1] < values[0]
