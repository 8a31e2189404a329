"""One evaluation from cases to results: `results.json` in words is in docs/evaluation.md."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import rtvc
from rtvc import VoiceCloningPipeline, audio, load
from rtvc.errors import EvaluationError, quoted
from rtvc.evaluation import limits, marks, peers, renderings, robustness
from rtvc.evaluation.cases import REFERENCES, Cases
from rtvc.evaluation.cloning import cloning, noise_curve
from rtvc.evaluation.enhancement import enhancement
from rtvc.evaluation.judges import Judge, gather
from rtvc.evaluation.judges.base import EXTRA
from rtvc.evaluation.session import Session
from rtvc.evaluation.speed import machine, size, speed
from rtvc.evaluation.verification import verification
from rtvc.hub.card import fingerprint, settings
from rtvc.model_files import read_json

SCHEMA = 1
BASELINE = "voice_cloning_baseline"  # model_type of rtvc.evaluation.baseline
UNASKED = "it was not asked for"
DIGITS = 5  # that are kept of every number
PARTS = {"cloning": ("clone",), "noise": ("clone", "enhance"), "enhancement": ("enhance",)}
PARTS |= {"verification": ("verify",), "speed": ("clone",)}  # what is measured: the tables that it needs
PARTS |= {"robustness": ("clone",), "watermark": ("clone",), "renderings": ("clone",)}
JUDGED = {"robustness": "words"}  # what is measured: the judge that it cannot do without


@dataclass(frozen=True)
class Company:
    """Judges and peers that are here, and why others are not."""

    judges: dict[str, Judge]
    voices: dict[str, peers.Speak] = field(default_factory=dict)
    enhancers: dict[str, peers.Enhance] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def company(
    folder: Path | None = None, chosen: Mapping[str, str] | None = None, weights: Path | None = None
) -> Company:
    """Whoever can be had here.

    Args:
        folder: of the second judge.
        chosen: role of a judge → a model on the Hub in the usual one's place.
        weights: the folder of the peers'.
    """
    judges, missing = gather(folder, chosen)
    voices, silent = peers.voices(weights)
    enhancers, idle = peers.enhancers(weights)
    missing = {f"the judge for {role}": why for role, why in missing.items()} | silent | idle
    return Company(judges, voices, enhancers, missing)


def check_parts(wanted: Iterable[str] | None) -> tuple[str, ...]:
    """The parts to measure, all where none are named.

    Raises:
        EvaluationError: there is no such part.
    """
    if unknown := [part for part in wanted or () if part not in PARTS]:
        raise EvaluationError(f"{quoted(unknown[0])} is nothing to measure; choose from {', '.join(PARTS)}.")
    return tuple(wanted or PARTS)


def check_judges(written: Iterable[str]) -> dict[str, str]:
    """["words=openai/whisper-base.en"] → role and model.

    Raises:
        EvaluationError: one is written otherwise.
    """
    pairs = [judge.partition("=") for judge in written]
    for judge, (role, _, model) in zip(written, pairs, strict=True):
        if not (role and model):
            raise EvaluationError(f"{quoted(judge)} names no judge; write ROLE=MODEL, as words=openai/whisper-base.en.")
    return {role: model for role, _, model in pairs}


def open_model(folder: Path) -> VoiceCloningPipeline:
    """The system of a folder: a model, or a baseline trained to compare it with (which needs the extra `train`)."""
    if (folder / "config.json").is_file() and read_json(folder / "config.json").get("model_type") == BASELINE:
        from rtvc.evaluation.baseline import load_baseline

        return load_baseline(folder)
    return load(folder)


def evaluate(
    clone: VoiceCloningPipeline,
    folder: Path,
    cases: Cases,
    others: Company,
    parts: tuple[str, ...] = tuple(PARTS),
    clips: Path | None = None,
    bars: bool = True,
) -> dict[str, Any]:
    """Measure everything that the cases, the judges and the peers allow.

    Args:
        clone: the system; folder: where its files lie.
        cases, others: see there.
        parts: of `PARTS`.
        clips: the folder in which sounds are kept; none keeps none.
        bars: show progress on a terminal.

    Returns:
        what becomes results.json.

    Raises:
        EvaluationError: the cases are too few for what is to be measured.
    """
    if "verification" in parts and len(cases.verify) == 1:
        raise EvaluationError("verify.tsv names one recording; two recordings or more can be told apart.")
    session = Session(clone, cases, others.judges, clips, bars)
    calls: dict[str, Callable[[], Any]] = {
        "cloning": lambda: cloning(session, others.voices),
        "noise": lambda: noise_curve(session),
        "enhancement": lambda: enhancement(session, others.enhancers),
        "verification": lambda: verification(session),
        "speed": lambda: speed(clone, cases.clone[0].references["long"]),
        "robustness": lambda: robustness.robustness(session),
        "watermark": lambda: marks.watermark(session),
        "renderings": lambda: renderings.renderings(session),
    }
    left_out = {part: _reason(part, parts, cases, others) for part in PARTS}
    found = {part: calls[part]() for part in PARTS if not left_out[part]}
    idle = {*(() if found.get("cloning") else peers.VOICES), *(() if found.get("enhancement") else peers.ENHANCERS)}
    why = {part: reason for part, reason in left_out.items() if reason}
    why |= {what: reason for what, reason in others.missing.items() if what not in idle}
    return rounded(
        {
            **about(clone, folder, others),
            "cases": counts(cases),
            "left_out": [{"what": what, "why": reason} for what, reason in why.items()],
            **found,
        }
    )


def about(clone: VoiceCloningPipeline, folder: Path, others: Company) -> dict[str, Any]:
    """Of what results are: the package, the day, the machine, the model of a folder, the judges."""
    weights = {"name": folder.name, "weights": fingerprint(folder), "settings": settings(folder)}
    return {
        "schema": SCHEMA,
        "rtvc": rtvc.__version__,
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "model": weights | size(clone, folder),
        "judges": {role: judge.about() for role, judge in others.judges.items()},
    }


def try_limits(
    clone: VoiceCloningPipeline, folder: Path, cases: Cases, others: Company, minutes: float, clips: Path | None = None
) -> dict[str, Any]:
    """The limit tests, see :mod:`rtvc.evaluation.limits`; what becomes their results.json.

    Raises:
        EvaluationError: there is nobody to clone.
    """
    if not cases.clone:
        raise EvaluationError("The limit tests need clone.tsv; write it, or make cases by `rtvc cases`.")
    if not 0 < minutes <= 60:
        raise EvaluationError(f"--minutes must be a number above 0 and up to 60, not {minutes:g}.")
    session = Session(clone, cases, others.judges, clips)
    left_out = [{"what": what, "why": why} for what, why in others.missing.items() if what.startswith("the judge")]
    found = about(clone, folder, others) | {"left_out": left_out, "limits": limits.limits(session, minutes)}
    return rounded(found)


def _reason(part: str, parts: tuple[str, ...], cases: Cases, others: Company) -> str:
    """Why a part cannot be measured, empty where it can."""
    if part not in parts:
        return UNASKED
    if (role := JUDGED.get(part, "")) and role not in others.judges:
        return f"the judge for {role} is not here"
    if part == "renderings" and cases.clone:
        if not renderings.shown(cases.clone):
            return "clone.tsv names no recordings of its sentences"
        if absent := [name for name in ("librosa", "PIL") if find_spec(name) is None]:
            return f"it needs {' and '.join(absent)}: `{EXTRA}`"
    return " and ".join(cases.left_out[name] for name in PARTS[part] if name in cases.left_out)


def counts(cases: Cases) -> dict[str, dict[str, Any]]:
    """How many cases and speakers each table has, and how long the references are."""
    found: dict[str, dict[str, Any]] = {
        name: {"cases": len(table), "speakers": len({case.speaker for case in table if case.speaker})}
        for name, table in (("clone", cases.clone), ("enhance", cases.enhance), ("verify", cases.verify))
        if table
    }
    for kind in REFERENCES:
        files = {case.references[kind] for case in cases.clone if kind in case.references}
        if files:
            seconds = np.mean([audio.read(file).size for file in files]) / audio.SAMPLING_RATE
            found["clone"][f"reference_{kind}_s"] = float(seconds)
    return found


def rounded(value: Any, digits: int = DIGITS) -> Any:
    """Numbers of so many significant digits, as JSON knows them: more is noise, and not a number is null."""
    if isinstance(value, dict):
        return {str(key): rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    if isinstance(value, float | np.floating):
        return float(f"{float(value):.{digits}g}") if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def missed(results: dict[str, Any]) -> list[dict[str, str]]:
    """What was asked for and could not be measured: [{"what", "why"}]."""
    return [part for part in results["left_out"] if part["why"] != UNASKED]
