"""Where a run stands, and what of its config may be another one when it goes on."""

from __future__ import annotations

import json
import math
import textwrap
import time
from pathlib import Path
from typing import Any

from rtvc.errors import TrainingError
from rtvc.training.config import FREE, RATES
from rtvc.training.disk import write_text

CONFIG = "config.json"  # in a checkpoint: of the run that left it
WATCHING = {"name", "log_every", "evaluate_every", "save_minutes", "threads", "workers", "tracker", "expect"}
MAY_CHANGE = WATCHING | {"steps", "minutes"}  # and what ends as RATES do
LONGEST_SHOWN = 80  # letters of a value that is named


class Clock:
    """Where a run stands: the phase, its steps and seconds so far, all steps, the best figure so far, and whether the
    last phase has been ``done``.

    A phase ends after its ``steps``, or its ``minutes`` where given; seconds are counted over all resumed runs. A last
    phase that is given more of them goes on.
    """

    KEPT = ("phase", "step", "seconds", "total", "best", "done")

    def __init__(self, phases: list[dict]):
        self.phases, self.phase, self.step, self.seconds, self.total = phases, 0, 0, 0.0, 0
        self.best, self.at, self.done = math.inf, time.monotonic(), False

    def state_dict(self) -> dict:
        return {name: getattr(self, name) for name in self.KEPT}

    def load_state_dict(self, state: dict) -> None:
        vars(self).update(state)
        self.at = time.monotonic()

    def progress(self) -> float:
        """0…1 through the present phase."""
        phase = self.phases[self.phase]
        minutes = phase.get("minutes")
        return min(1.0, max(self.step / phase["steps"], self.seconds / 60 / minutes if minutes else 0.0))

    def tick(self) -> bool:
        """Count a step; true where it was the phase's last."""
        now = time.monotonic()
        self.seconds, self.at = self.seconds + now - self.at, now
        self.step, self.total = self.step + 1, self.total + 1
        return self.progress() >= 1

    def next_phase(self) -> None:
        self.done = self.phase + 1 >= len(self.phases)
        if not self.done:
            self.phase, self.step, self.seconds, self.at = self.phase + 1, 0, 0.0, time.monotonic()

    @property
    def finished(self) -> bool:
        return self.phase >= len(self.phases) or (self.done and self.progress() >= 1)  # the first: as it was once kept


def remember(config: dict, checkpoint: Path) -> None:
    """Keep a run's config, as it was given, in its checkpoint."""
    write_text(checkpoint / CONFIG, json.dumps(config, indent=1, default=str))


def refuse_another(config: dict, checkpoint: Path) -> None:
    """A run goes on with the config that it began with: what it has learned is of that one.

    Raises:
        TrainingError: a key is another one that decides what is learned.
    """
    path = checkpoint / CONFIG
    if not path.exists():  # of a version that kept none
        return
    texts = path.read_text(encoding="utf-8"), json.dumps(config, default=str)
    began, given = (_deciding(json.loads(text)) for text in texts)
    if key := next((key for key in began if key in given and began[key] != given[key]), None):
        was, now = (textwrap.shorten(json.dumps(one[key]), LONGEST_SHOWN) for one in (began, given))
        raise TrainingError(
            f"The run “{config['name']}” began with {was} for the key “{key}”, and cannot go on with {now}; give the "
            "key back its value, or what is new another --name."
        )


def refuse_unlike(config: dict, checkpoint: Path | None) -> None:
    """A run of exactly this config, its steps and rates too, or none: what is compared by its results has to be of it.

    Raises:
        TrainingError: it is of another config, or does not say of which.
    """
    path = checkpoint / CONFIG if checkpoint else None
    kept = json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}
    began, given = _deciding(kept, exactly=True), _deciding(json.loads(json.dumps(config, default=str)), exactly=True)
    if key := next((key for key in sorted({*began, *given}) if began.get(key) != given.get(key)), None):
        raise TrainingError(
            f"What lies in the run “{config['name']}” is of another config, by the key “{key}”; move its folder away "
            "to train anew, or give the key back its value."
        )


def _deciding(config: dict, before: str = "", exactly: bool = False) -> dict[str, Any]:
    """The keys that decide what is learned, those of a section, or of a list of sections, as ``a.b``.

    ``exactly``: also those that may be others when a run goes on.
    """
    found: dict[str, Any] = {}
    for key, value in config.items():
        if key in (WATCHING if exactly else MAY_CHANGE) or (key.endswith(RATES) and not exactly):
            continue
        sections = isinstance(value, list) and bool(value) and all(isinstance(part, dict) for part in value)
        if sections:
            found[f"{before}{key}"] = f"{len(value)} parts"
            value = {str(number): part for number, part in enumerate(value, 1)}
        inside = isinstance(value, dict) and key not in FREE
        found |= _deciding(value, f"{before}{key}.", exactly) if inside else {f"{before}{key}": value}
    return found
