"""Clones drawn beside the recordings of the same sentences: spectrogram and pitch."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtvc import audio
from rtvc.evaluation.cases import CloneCase
from rtvc.evaluation.session import Session

SHOWN = 4  # speakers, a sentence of each
INK = "<style>text{font:11px sans-serif;fill:#555}.grid{stroke:#ddd}.pitch{fill:none;stroke:#4f46e5}</style>"


def renderings(session: Session) -> list[dict[str, Any]]:
    """[{"case", "clone", "recording", "recording_speaker"}], the pictures as paths from the report's folder."""
    drawn = []
    for case in session.watch(shown(session.cases.clone), "renderings"):
        out = session.clone(case.text, voice=session.clone.enroll(case.references["long"]))
        clone = audio.resample(out["audio"], out["sampling_rate"])
        pictures = {"clone": (clone, case.speaker), "recording": (audio.read(case.recording), case.recording_speaker)}
        drawn.append(
            {"case": case.case, "recording_speaker": case.recording_speaker}
            | {what: _kept(session, case, what, *picture) for what, picture in pictures.items()}
        )
    return drawn


def shown(cases: list[CloneCase]) -> list[CloneCase]:
    """The first sentence with a recording of each of some speakers."""
    firsts: dict[str, CloneCase] = {}
    for case in cases:
        if case.recording:
            firsts.setdefault(case.speaker, case)
    return list(firsts.values())[:SHOWN]


def _kept(session: Session, case: CloneCase, what: str, wave: np.ndarray, speaker: str) -> str | None:
    """A picture among the report's clips, with colours of its own."""
    from rtvc.page.picture import draw  # needs librosa and pillow

    picture = draw(wave, f"{case.case}, {what} of {speaker}")
    return session.keep_picture(f"{case.case}-{what}", picture.replace("<title>", f"{INK}<title>", 1))
