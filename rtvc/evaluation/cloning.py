"""How well voices are cloned: words, naturalness, likeness, speaker errors, time; and what a noisy reference costs.

Every sentence is judged in its case's speaker's voice against one recording of every speaker, the long reference; its
own speaker's is the one that the case names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rtvc import Voice, VoiceError, audio
from rtvc.evaluation.cases import REFERENCES, Cases, CloneCase
from rtvc.evaluation.judges import SPEAKERS, Judge
from rtvc.evaluation.peers import Speak
from rtvc.evaluation.session import RATE, Session, timed, with_noise
from rtvc.evaluation.statistics import Figure, Trials, bootstrap, cosine, interval, mean, ratio, share, trial_counts

LEVELS = (None, 20.0, 10.0, 5.0, 0.0, -5.0)  # dB of the reference over a noise; none: as it is
ON_THE_CURVE = ("words", "naturalness", *SPEAKERS)
SEMITONES = 1.5  # a median pitch within this of the reference's is right
NAMES = {"long": "rtvc", "short": "rtvc, short reference"}
Row = dict[str, Any]
Say = Callable[[CloneCase], tuple[np.ndarray, int]]


class Panel:
    """The judges of a spoken sentence, and what they know of every speaker: a reference of each."""

    def __init__(self, judges: Mapping[str, Judge], references: Mapping[str, np.ndarray]):
        self.judges = judges
        self.speakers = {role: judges[role] for role in SPEAKERS if role in judges}
        self.known = {
            role: {name: judge(wave) for name, wave in references.items()} for role, judge in self.speakers.items()
        }
        self.heard: dict[tuple[str, Path], np.ndarray] = {}
        self.pitch = {name: _median_pitch(wave) for name, wave in references.items()}

    def judge(self, case: CloneCase, wave: np.ndarray) -> Row:
        """What all judges say of a sentence, a wave (samples,) at 16 kHz; without a text nothing of its words."""
        row: Row = {"case": case.case, "speaker": case.speaker, "text": case.text, "seconds": wave.size / RATE}
        words: Any = self.judges.get("words")
        if words and case.text:
            row["heard"] = words(wave)
            row |= words.errors(case.text, row["heard"])
        row |= {role: self.judges[role](wave) for role in ("naturalness", "dnsmos") if role in self.judges}
        for role, judge in self.speakers.items():
            vector = judge(wave)
            known = self.known[role] | {case.speaker: self._own(role, case.references["long"])}
            row[role] = {name: cosine(vector, other) for name, other in known.items()}
        pitch, wanted = _median_pitch(wave), self.pitch[case.speaker]
        return row | ({"semitones": abs(12 * np.log2(pitch / wanted))} if pitch and wanted else {})

    def _own(self, role: str, reference: Path) -> np.ndarray:
        """What a judge says of a case's own reference, heard once."""
        if (role, reference) not in self.heard:
            self.heard[role, reference] = self.speakers[role](audio.read(reference))
        return self.heard[role, reference]


def _median_pitch(wave: np.ndarray) -> float:
    """Hz, 0 where nothing is voiced."""
    track = audio.pitch_track(wave)[1]
    return float(np.median(track[track > 0])) if (track > 0).any() else 0.0


def figures(rows: list[Row]) -> dict[str, Figure]:
    """The figures of some sentences, those that there are scores for."""
    groups = [row["speaker"] for row in rows]
    column = {name: [row.get(name) for row in rows] for name in ("naturalness", "dnsmos", "seconds", "spent")}
    found = {
        name: ratio([row.get(f"{unit}_errors") for row in rows], [row.get(f"{unit}s", 0) for row in rows], groups, True)
        for name, unit in (("wer", "word"), ("cer", "character"))
    }
    found |= {name: mean(column[name], groups) for name in ("naturalness", "dnsmos")}
    for role in SPEAKERS:
        known = [row for row in rows if role in row]
        found |= {f"{role}_{name}": figure for name, figure in _likeness(known, role).items()} if known else {}
    found["pitch"] = share([row["semitones"] <= SEMITONES if "semitones" in row else None for row in rows], groups)
    found["rtf"] = ratio(column["spent"], column["seconds"], groups)
    return {name: figure for name, figure in found.items() if figure}


def _likeness(rows: list[Row], role: str) -> dict[str, Figure | None]:
    """cosine: to the own speaker; stranger: to the others; right: how often the own is closest; error: the equal error
    rate of telling clones of a speaker from clones of others.

    The intervals of stranger and error are of other reference speakers too. That of right is not: where fewer different
    people are drawn to be taken for, the right one is easier to find.
    """
    groups, names = [row["speaker"] for row in rows], list(rows[0][role])
    scores = np.array([[row[role][name] for name in names] for row in rows])
    same = np.array([[row["speaker"] == name for name in names] for row in rows])
    found = {"cosine": mean(scores[same], groups)}
    if len(names) < 2:
        return found
    draws = bootstrap(tuple(groups), tuple(names))
    others = (counts[~same] for counts in trial_counts(draws, groups, names))
    low, high = interval(np.average(scores[~same], weights=counts) for counts in others if counts.any())
    found["stranger"] = {"value": float(scores[~same].mean()), "low": low, "high": high, "count": len(rows)}
    found["right"] = share(same[np.arange(len(rows)), scores.argmax(1)].tolist(), groups)
    counts = (one.ravel() for one in trial_counts(draws, groups, names))
    return found | {"error": Trials(scores.ravel(), same.ravel()).figure(counts)}


def summary(rows: list[Row]) -> dict[str, Any]:
    """The figures of all sentences and of each speaker's, and the sentences themselves."""
    speakers = dict.fromkeys(row["speaker"] for row in rows)
    each = {name: figures([row for row in rows if row["speaker"] == name]) for name in speakers}
    return {"figures": figures(rows), "speakers": each, "sentences": rows}


# ---------------------------------------------------------------------------------------------- systems


def references(cases: list[CloneCase], kind: str = "long") -> dict[str, Path]:
    """A recording a speaker: the first that the table names."""
    found: dict[str, Path] = {}
    for case in cases:
        found.setdefault(case.speaker, case.references[kind])
    return found


def recordings(cases: Cases) -> list[CloneCase]:
    """Real recordings of the speakers: readings of the sentences, and others, which have no text."""
    own = [case for case in cases.clone if case.recording and case.recording_speaker == case.speaker]
    firsts = {case.speaker: case for case in reversed(cases.clone)}
    others = [case for case in cases.recordings if case.speaker in firsts]
    return own + [replace(firsts[case.speaker], case=case.file.stem, text="", recording=case.file) for case in others]


def panel(session: Session, roles: tuple[str, ...] | None = None) -> Panel:
    """All judges, or those of some roles, knowing the speakers of the cases."""
    judges = {role: judge for role, judge in session.judges.items() if roles is None or role in roles}
    return Panel(judges, {name: audio.read(path) for name, path in references(session.cases.clone).items()})


def saying(voice: Speak) -> Say:
    """A fixed voice says what a case asks for."""
    return lambda case: voice(case.text)


def speak(session: Session, cases: list[CloneCase], say: Say, name: str) -> Iterator[tuple[CloneCase, np.ndarray, Row]]:
    """(case, wave at 16 kHz, {"seconds", "spent"}) of every case."""
    for case in session.watch(cases, name):
        (wave, rate), spent = timed(partial(say, case))
        wave = audio.resample(wave, rate)
        yield case, wave, {"spent": spent, "seconds": wave.size / RATE}


def cloning(session: Session, voices: Mapping[str, Speak]) -> dict[str, Any]:
    """Clones by the model from long and from short references, real recordings, and fixed ``voices``."""
    cases, judges, systems = session.cases.clone, panel(session), {}
    for kind in REFERENCES:
        some = [case for case in cases if kind in case.references]
        if some:
            say = _cloner(session, {case.references[kind] for case in some}, kind)
            systems[NAMES[kind]] = judged(session, judges, some, say, NAMES[kind])
    if real := recordings(session.cases):
        rows = []
        for case in session.watch(real, "recordings"):
            wave = audio.read(case.recording)
            rows.append(judges.judge(case, wave) | {"clip": session.keep(f"{case.case}-recording", wave)})
        systems["recordings"] = summary(rows)
    for name, voice in voices.items():
        systems[name] = judged(session, judges, cases, saying(voice), name)
    sounds = {name: session.keep(f"reference-{name}", audio.read(path)) for name, path in references(cases).items()}
    return {"systems": systems, "references": {name: path for name, path in sounds.items() if path}}


def judged(session: Session, judges: Panel, cases: list[CloneCase], say: Say, name: str) -> dict[str, Any]:
    """What the judges say of a system that says the cases."""
    rows = []
    say(cases[0])  # what loads on first use
    for case, wave, spent in speak(session, cases, say, name):
        rows.append(judges.judge(case, wave) | spent | {"clip": session.keep(f"{case.case}-{name}", wave)})
    return summary(rows)


def _cloner(session: Session, files: set[Path], kind: str) -> Say:
    """Says a case in the voice of its reference."""
    voices = {path: session.clone.enroll(path) for path in files}
    return lambda case: _said(session, case, voices[case.references[kind]])


def _said(session: Session, case: CloneCase, voice: Voice) -> tuple[np.ndarray, int]:
    out = session.clone(case.text, voice=voice)
    return out["audio"], out["sampling_rate"]


def _saying_as(session: Session, voices: Mapping[str, Voice]) -> Say:
    return lambda case: _said(session, case, voices[case.speaker])


# ---------------------------------------------------------------------------------------------- noise


def noise_curve(session: Session) -> list[dict[str, Any]]:
    """Figures of clones from ever noisier references, as they are and cleaned before; needs noises.

    A reference in which no voice is found any more is refused: its speaker is named, and not in the figures.
    """
    files, noises, judges = references(session.cases.clone), session.noises(), panel(session, ON_THE_CURVE)
    waves, points = [audio.read(path) for path in files.values()], []
    for snr_db in LEVELS if noises else LEVELS[:1]:
        noisy = waves if snr_db is None else with_noise(waves, noises, snr_db)
        for enhance in (False, True):
            enrolled = {name: _enrolled(session, wave, enhance) for name, wave in zip(files, noisy, strict=True)}
            voices = {name: voice for name, voice in enrolled.items() if voice}
            some = [case for case in session.cases.clone if case.speaker in voices]
            label = f"{'as it is' if snr_db is None else f'{snr_db:g} dB'}{', cleaned' if enhance else ''}"
            said = speak(session, some, _saying_as(session, voices), label)
            rows = [judges.judge(case, wave) for case, wave, _ in said]
            refused = [name for name in enrolled if name not in voices]
            points.append({"snr_db": snr_db, "cleaned": enhance, "figures": figures(rows), "refused": refused})
    return points


def _enrolled(session: Session, wave: np.ndarray, enhance: bool) -> Voice | None:
    try:
        return session.clone.enroll([(wave, RATE)], enhance=enhance)
    except VoiceError:
        return None
