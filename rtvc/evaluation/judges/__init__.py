"""The judges by what they judge: `ROLES` names the usual one of each; some can be taken from the Hub instead.

A judge that is not there is reported as missing, with what would bring it; no figure of it is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from rtvc.errors import EvaluationError
from rtvc.evaluation.judges.base import EXTRA, Judge, MissingJudge

__all__ = ["ROLES", "SPEAKERS", "Judge", "MissingJudge", "gather"]

ROLES = {
    "words": "words:Whisper",
    "naturalness": "naturalness:DistillMOS",
    "dnsmos": "dnsmos:DNSMOS",
    "campplus": "campplus:CAMPPlus",
    "second": "second:Second",
    "likeness": "resemblyzer:Resemblyzer",
    "pesq": "pesq:PESQ",
    "estoi": "estoi:ESTOI",
}
FROM_HUB = {"words": "hub:HubWords", "likeness": "hub:HubSpeaker", "second": "hub:HubSpeaker"}
# The roles that say whose voice it is. First whoever has the least to do with rtvc: nobody here trained CAM++, the
# second was trained for judging alone, Resemblyzer was a teacher.
SPEAKERS = ("campplus", "second", "likeness")


def gather(
    folder: Path | None = None, chosen: Mapping[str, str] | None = None
) -> tuple[dict[str, Judge], dict[str, str]]:
    """The judges that can be had here, and why the others cannot.

    Args:
        folder: of the second judge.
        chosen: role → a model on the Hub in place of the usual judge.

    Returns:
        role → judge, and role → the reason why it is missing.

    Raises:
        EvaluationError: there is none at all, a role is unknown, or a chosen model cannot be had.
    """
    chosen = chosen or {}
    for role in chosen:
        if role not in FROM_HUB:
            raise EvaluationError(f"“{role}” is no judge to choose; choose one for {', '.join(FROM_HUB)}.")
    found, missing = {}, {}
    for role in ROLES:
        try:
            found[role] = _made(role, folder, chosen.get(role))
        except MissingJudge as reason:
            if role in chosen:
                raise EvaluationError(f"The judge for {role} cannot be used: {reason}.") from reason
            missing[role] = str(reason)
    if not found:
        raise EvaluationError(f"None of the judges is installed; `{EXTRA}` brings them, the README names the others.")
    return found, missing


def _made(role: str, folder: Path | None, source: str | None) -> Judge:
    module, name = (FROM_HUB if source else ROLES)[role].split(":")
    kind = getattr(import_module(f"{__name__}.{module}"), name)
    if source:
        return kind(source)
    return kind(folder) if role == "second" else kind()
