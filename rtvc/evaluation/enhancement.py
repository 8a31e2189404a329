"""How well noise is taken out: of pairs of a noisy and a clean recording, beside small enhancers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rtvc import audio
from rtvc.evaluation.cases import EnhanceCase
from rtvc.evaluation.judges import SPEAKERS, Judge
from rtvc.evaluation.peers import Enhance
from rtvc.evaluation.session import RATE, Session, timed
from rtvc.evaluation.statistics import Figure, cosine, mean, ratio, si_sdr

MEANS = (*(f"{role}_kept" for role in SPEAKERS), "pesq", "estoi", "si_sdr", "gain", "dnsmos")
UNTOUCHED = "rtvc, clean in"  # clean recordings must stay as they are
Row = dict[str, Any]


def score(judges: Mapping[str, Judge], clean: np.ndarray, noisy: np.ndarray, enhanced: np.ndarray) -> Row:
    """Of one pair. gain: dB of SI-SDR; kept: cosine to the clean recording's speaker embedding."""
    size = min(clean.size, noisy.size, enhanced.size)
    clean, noisy, enhanced = clean[:size], noisy[:size], enhanced[:size]
    row: Row = {role: judges[role](clean, enhanced) for role in ("pesq", "estoi") if role in judges}
    row["si_sdr"] = si_sdr(clean, enhanced)
    if not np.array_equal(clean, noisy):
        row["gain"] = row["si_sdr"] - si_sdr(clean, noisy)
    if "dnsmos" in judges:
        row["dnsmos"] = judges["dnsmos"](enhanced)
    encoders = {role: judges[role] for role in SPEAKERS if role in judges}
    return row | {f"{role}_kept": cosine(judge(enhanced), judge(clean)) for role, judge in encoders.items()}


def figures(rows: list[Row], groups: list[str]) -> dict[str, Figure]:
    """Means over the pairs, and the real-time factor."""
    found = {name: mean([row.get(name) for row in rows], groups) for name in MEANS}
    found["rtf"] = ratio([row["spent"] for row in rows], [row["seconds"] for row in rows], groups)
    return {name: figure for name, figure in found.items() if figure}


def enhancement(session: Session, peers: Mapping[str, Enhance]) -> dict[str, Any]:
    """The noisy recordings, the model's, the model's of clean ones, and the peers'."""
    cases = session.cases.enhance
    pairs = [(audio.read(case.noisy), audio.read(case.clean)) for case in cases]
    untouched = [(clean, clean) for _, clean in pairs]
    clean_up = session.clone.model.enhance
    systems = {"noisy": (pairs, lambda wave: wave), "rtvc": (pairs, clean_up), UNTOUCHED: (untouched, clean_up)}
    return judged(session, systems | {name: (pairs, peer) for name, peer in peers.items()})


def judged(session: Session, systems: Mapping[str, tuple[list[tuple], Enhance]]) -> dict[str, Any]:
    """What the judges say of systems: name → pairs of noisy and clean waves, and what cleans the noisy ones."""
    cases = session.cases.enhance
    groups = [case.speaker or str(number) for number, case in enumerate(cases)]
    results = {}
    for name, (some, call) in systems.items():
        watched = session.watch(list(zip(cases, some, strict=True)), name)
        rows = [_row(session, number, case, pair, call, name) for number, (case, pair) in enumerate(watched)]
        results[name] = {"figures": figures(rows, groups), "pairs": rows}
    return {"systems": results}


def _row(session: Session, number: int, case: EnhanceCase, pair: tuple, call: Enhance, name: str) -> Row:
    noisy, clean = pair
    enhanced, spent = timed(lambda: call(noisy))
    about = {"pair": number, "speaker": case.speaker, "noise": case.noise, "snr_db": _number(case.snr_db)}
    clip = session.keep(f"{number:02d}-{name}", enhanced) if name in ("noisy", "rtvc") else None
    time = {"spent": 0.0 if name == "noisy" else spent, "seconds": noisy.size / RATE}
    return about | score(session.judges, clean, noisy, enhanced) | time | {"clip": clip}


def _number(written: str) -> float | None:
    try:
        return float(written)
    except ValueError:
        return None
