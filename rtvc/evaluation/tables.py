"""Results as tables: one for each thing measured, the first column being the model, the others what to read it against.

The report, the model card and the README all take their figures from here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from rtvc.evaluation.cloning import NAMES, SEMITONES
from rtvc.evaluation.enhancement import UNTOUCHED
from rtvc.evaluation.judges import SPEAKERS
from rtvc.evaluation.statistics import Figure

Results = dict[str, Any]
WORST = 10  # lines that a report quotes


@dataclass(frozen=True)
class Measure:
    """A row: ``key`` of the figure; ``kind``: what the Hub calls such a metric; ``factor`` to the unit shown."""

    key: str
    kind: str
    label: str
    unit: str = ""
    factor: float = 1.0

    def shown(self, figure: Figure | None) -> Figure | None:
        """The figure in the unit shown: three significant digits, of a rate as many as the counts can tell."""
        if not figure:
            return None
        of = figure.get("of")
        decimals = max(0, math.ceil(math.log10(min(of) / self.factor))) if of else None
        low, high = (None if end is None else self._scaled(end, decimals) for end in (figure["low"], figure["high"]))
        shown: Figure = {"value": self._scaled(figure["value"], decimals), "low": low, "high": high}
        return {**shown, "times": figure["times"], "of": of} if of else shown

    def _scaled(self, value: float, decimals: int | None) -> float:
        return float(f"{value * self.factor:.3g}") if decimals is None else round(value * self.factor, decimals)


@dataclass(frozen=True)
class Table:
    """``rows``: measure and a figure a column, none where there is none; ``task``: the Hub's name for it."""

    name: str
    task: str
    title: str
    cases: str
    columns: list[str]
    rows: list[tuple[Measure, list[Figure | None]]]
    notes: list[str] = field(default_factory=list)

    def evaluation(self) -> dict[str, Any]:
        """What a model's card keeps of it, see :class:`rtvc.hub.card.Evaluation`."""
        metrics = []
        for measure, figures in self.rows:
            first, *others = (measure.shown(figure) for figure in figures)
            named = {"type": measure.kind, "name": measure.label, "unit": measure.unit}
            compared = {name: kept(figure) for name, figure in zip(self.columns[1:], others, strict=True) if figure}
            metrics += [{**named, **first, "compared": compared}] if first else []
        about = {"task": self.task, "title": self.title, "column": self.columns[0]}
        return {**about, "metrics": metrics, "notes": self.notes}


def kept(shown: Figure) -> Figure | float:
    """A figure of another column as the card keeps it: with interval and counts, or a bare number without either."""
    return shown["value"] if shown["low"] is None and "of" not in shown else shown


def tables(results: Results) -> list[Table]:
    """Those that the results have figures for."""
    makers = {
        "cloning": _cloning,
        "noise": _noise,
        "enhancement": _enhancement,
        "verification": _verification,
        "speed": _speed,
        "robustness": _robustness,
        "watermark": _watermark,
    }
    return [make(results) for name, make in makers.items() if results.get(name)]


def _table(results: Results, systems: dict[str, str], measures: Iterable[Measure], part: str, **about: Any) -> Table:
    """Of the figures of ``systems`` (name → column); measures that none of them has are left out."""
    found = {name: results[part]["systems"][name]["figures"] for name in systems}
    rows = [(measure, [found[name].get(measure.key) for name in systems]) for measure in measures]
    return Table(columns=list(systems.values()), rows=[row for row in rows if any(row[1])], **about)


def judge_name(results: Results, role: str) -> str:
    """Of the judge that had a role."""
    return results["judges"].get(role, {}).get("name", role)


# ---------------------------------------------------------------------------------------------- the tables


def _voice_measures(results: Results) -> list[Measure]:
    found = []
    for role in SPEAKERS:
        by = f"by {judge_name(results, role)}"
        found += [
            Measure(f"{role}_cosine", f"cosine_{role}", f"Likeness, cosine {by}"),
            Measure(f"{role}_stranger", f"stranger_{role}", f"… to the other speakers, {by}"),
            Measure(f"{role}_error", f"speaker_error_{role}", f"Speaker error rate {by}", "%", 100),
            Measure(f"{role}_right", f"right_{role}", f"Closest to the right speaker, {by}", "%", 100),
        ]
    return found


def _said_measures(results: Results) -> list[Measure]:
    words = judge_name(results, "words")
    return [
        Measure("wer", "wer", f"Word error rate, {words}", "%", 100),
        Measure("cer", "cer", f"Character error rate, {words}", "%", 100),
        Measure("naturalness", "mos", f"Naturalness, {judge_name(results, 'naturalness')}"),
        Measure("dnsmos", "dnsmos", f"{judge_name(results, 'dnsmos')} overall"),
    ]


TIME = Measure("rtf", "rtf", "Computing time per second of speech")


def cloning_measures(results: Results) -> list[Measure]:
    """All rows of the table of cloning."""
    pitch = Measure("pitch", "pitch", f"Median pitch within {SEMITONES} semitones of the reference's", "%", 100)
    return [*_voice_measures(results), *_said_measures(results), pitch, TIME]


def _cloning(results: Results) -> Table:
    counts, systems = results["cases"]["clone"], results["cloning"]["systems"]
    kinds = {name: f"rtvc, {counts[f'reference_{kind}_s']:.0f} s" for kind, name in NAMES.items() if name in systems}
    columns = kinds | {name: name for name in systems if name not in kinds}
    return _table(
        results,
        columns,
        cloning_measures(results),
        "cloning",
        name="clone",
        task="text-to-speech",
        title=f"Cloning from one recording of about {counts['reference_long_s']:.0f} s",
        cases=f"{counts['cases']} sentences, {counts['speakers']} speakers",
    )


def level(snr_db: float | None) -> str:
    """Of a reference: how much louder than its noise."""
    return "as it is" if snr_db is None else _decibels(snr_db)


def _decibels(value: float) -> str:
    return f"{value:.3g} dB".replace("-", "−")


def _noise(results: Results) -> Table:
    """A column a level, a row a measure and whether the reference was cleaned."""
    points, rows = results["noise"], []
    for measure in [row for row in cloning_measures(results) if row.key in CURVE]:
        for cleaned in (False, True):
            names: Any = {"kind": f"{measure.kind}_cleaned", "label": f"{measure.label}, cleaned"} if cleaned else {}
            figures = [point["figures"].get(measure.key) for point in points if point["cleaned"] is cleaned]
            rows.append((replace(measure, **names), figures))
    refused = {
        level(point["snr_db"]): point["refused"] for point in points if point["refused"] and not point["cleaned"]
    }
    counts = results["cases"]["clone"]
    return Table(
        name="noise",
        task="text-to-speech",
        title="Cloning from noisy references, left as they are and cleaned by SayEN",
        cases=f"{counts['cases']} sentences, {counts['speakers']} speakers",
        columns=[level(point["snr_db"]) for point in points if not point["cleaned"]],
        rows=[row for row in rows if any(row[1])],
        notes=[f"At {at} no speech was found in the reference of {', '.join(who)}." for at, who in refused.items()],
    )


CURVE = (*(f"{role}_{name}" for role in SPEAKERS for name in ("cosine", "error")), "wer", "naturalness")


def enhancement_measures(results: Results) -> list[Measure]:
    """All rows of the table of enhancement."""
    kept = [
        Measure(f"{role}_kept", f"kept_{role}", f"The speaker kept: cosine to the clean recording by {name}")
        for role, name in ((role, judge_name(results, role)) for role in SPEAKERS)
    ]
    return [
        *kept,
        Measure("pesq", "pesq", "PESQ-WB"),
        Measure("estoi", "estoi", "eSTOI"),
        Measure("gain", "si_sdr_gain", "SI-SDR gain", "dB"),
        Measure("dnsmos", "dnsmos", "DNSMOS overall"),
        TIME,
    ]


def _enhancement(results: Results) -> Table:
    systems = results["enhancement"]["systems"]
    names = ["rtvc", "noisy", *(name for name in systems if name not in ("rtvc", "noisy", UNTOUCHED)), UNTOUCHED]
    noisy = [row for row in systems["rtvc"]["pairs"] if row.get("gain") is not None]
    worst = [f"Weakest: {_pair(row)}." for row in sorted(noisy, key=lambda row: row["gain"])[:1]]
    return _table(
        results,
        {name: name for name in names},
        enhancement_measures(results),
        "enhancement",
        name="enhance",
        task="audio-to-audio",
        title="Noise taken out (SayEN)",
        cases=f"{results['cases']['enhance']['cases']} noisy recordings",
        notes=worst,
    )


def _pair(row: dict[str, Any]) -> str:
    at = "" if row["snr_db"] is None else f" at {_decibels(row['snr_db'])}"
    return f"{row['noise'] or 'pair ' + str(row['pair'])}{at}, a gain of {_decibels(row['gain'])}"


def verification_measures(keys: Iterable[str]) -> list[Measure]:
    """Rows of the table of verification: "cut, noise" each."""
    return [
        Measure(key, "eer_" + key.replace(" ", "").replace(",", "_"), f"Equal error rate, {_heard(key)}", "%", 100)
        for key in keys
    ]


def _verification(results: Results) -> Table:
    systems = results["verification"]["systems"]
    counts, confused = results["cases"]["verify"], systems["rtvc"]["confused"][:3]
    pairs = [f"{' and '.join(pair['speakers'])} ({pair['times']})" for pair in confused]
    return _table(
        results,
        {name: name for name in systems},
        verification_measures(systems["rtvc"]["figures"]),
        "verification",
        name="verify",
        task="audio-classification",
        title="Who is speaking (Tuned-GE2E)",
        cases=f"{counts['cases']} recordings of {counts['speakers']} speakers, every pair a trial",
        notes=([f"Most often taken for one another: {', '.join(pairs)}."] if pairs else []) + _moved(results),
    )


def _moved(results: Results) -> list[str]:
    """What changes that are no other person do to the model's embeddings."""
    changed = results["verification"].get("changed", {})
    said = [f"{name}, {cosine['mean']:.3f} (lowest {cosine['lowest']:.3f})" for name, cosine in changed.items()]
    return [f"Cosine to the same recording as it is: {'; '.join(said)}."] if said else []


def _heard(key: str) -> str:
    """ "3 s, 5 dB" → "first 3 s with noise at 5 dB" """
    cut, noise = key.split(", ")
    how = "whole recordings" if cut == "whole" else f"first {cut}"
    return how if noise == "clean" else f"{how} with noise at {noise}"


def _speed(results: Results) -> Table:
    measures = [
        Measure("first_sound_ms", "first_sound", "First sound of an eight-word sentence, median", "ms"),
        Measure("first_sound_p95_ms", "first_sound_p95", "… 95th percentile", "ms"),
        Measure("enrolment_ms", "enrolment", "Enrolment of 5 s", "ms"),
        Measure("enrolment_cleaned_ms", "enrolment_cleaned", "… cleaned first", "ms"),
        Measure("parameters", "parameters", "Size of the model", "million numbers", 1e-6),
        Measure("size_mb", "size", "… on disk", "MB"),
    ]
    found = results["speed"] | results["model"]
    rows: Any = [(measure, [{"value": found[measure.key], "low": None, "high": None}]) for measure in measures]
    machine = results["machine"]
    return Table(
        name="speed",
        task="text-to-speech",
        title="Time and size",
        cases=f"{machine['cpu']}, {machine['threads']} thread{'s' * (machine['threads'] > 1)}",
        columns=["rtvc"],
        rows=rows,
    )


def _robustness(results: Results) -> Table:
    found, words = results["robustness"], judge_name(results, "words")
    kinds = found["systems"]["rtvc"]["figures"]
    worst = [line for line in found["lines"] if line["wrong"]][:WORST]
    said = [
        f"“{line['text']}”, {line['speaker']}, {line['seconds']:.1f} s: heard as “{line['heard']}”." for line in worst
    ]
    return _table(
        results,
        {"rtvc": "rtvc"},
        [
            Measure(kind, f"wrong_{kind.replace(' ', '_')}", f"Words wrong by {words}, {kind}", "%", 100)
            for kind in kinds
        ],
        "robustness",
        name="robustness",
        task="text-to-speech",
        title="What trips synthesizers",
        cases=f"{len(found['lines'])} clips",
        notes=said,
    )


def _watermark(results: Results) -> Table:
    found = results["watermark"]
    changes, cost = found["systems"]["rtvc"]["figures"], found["cost"]
    loss, share = cost["naturalness"], f"Marking takes {cost['share_of_time']:.1%} of the time of synthesis."
    name = judge_name(results, "naturalness")
    lost = [f"The mark costs {loss['value']:.3f} of {name} ({loss['low']:.3f} … {loss['high']:.3f})."] if loss else []
    counts = [found["systems"][system]["figures"]["nothing"]["count"] for system in ("rtvc", "unmarked")]
    return _table(
        results,
        {"rtvc": "marked clips", "unmarked": "unmarked ones"},
        [
            Measure(name, f"found_{number}", f"A mark found after: {name}", "%", 100)
            for number, name in enumerate(changes)
        ],
        "watermark",
        name="watermark",
        task="audio-classification",
        title="The mark in every clone",
        cases=f"{counts[0]} marked clips, {counts[1]} unmarked ones",
        notes=[*lost, share],
    )
