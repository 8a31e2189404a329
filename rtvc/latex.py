r"""Formulas in LaTeX, as language models and papers write them → the symbols that the rules of spoken English know.

\(x = \frac{1}{2}\) is "x = 1/2". Commands that have no symbol here are said by their name; what only sets type is not.
"""

from __future__ import annotations

import re
import unicodedata
from re import Match

FORMULA = re.compile(
    r"\\[(\[]|\\(?:[dt]?frac|sqrt|times|cdot|pm|leq?|geq?|neq?|approx|infty|sum|int|text|left|pi|theta)\b|[\^_]\{"
)
PATH = re.compile(r"\b[A-Za-z]:\\")
SYMBOLS = {
    "times": "×", "cdot": "×", "div": "÷", "pm": "±", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠",
    "ne": "≠", "approx": "≈", "infty": "∞", "to": "→", "rightarrow": "→", "Rightarrow": "⇒", "in": "∈", "sum": "∑",
    "int": "∫", "prod": "∏", "partial": "∂", "nabla": "∇", "forall": "∀", "exists": "∃", "cup": "∪", "cap": "∩",
    "subset": "⊂", "subseteq": "⊆", "emptyset": "∅", "circ": "°", "equiv": "≡", "propto": "∝",
    "ldots": "…", "dots": "…",
}  # fmt: skip
UNSAID = frozenset("left right big Big quad qquad displaystyle limits".split())  # noqa: SIM905
GROUP = r"\{([^{}]{0,200})\}"
DEEPEST = 4  # fractions in one another


def undone(text: str) -> str:
    """A text's formulas without the commands of LaTeX; any other text as it is."""
    if not FORMULA.search(text) or PATH.search(text):
        return text
    for _ in range(DEEPEST):
        text = re.sub(rf"\\(?:text|operatorname|math[a-z]{{1,4}}) ?{GROUP}", r" \1 ", text)
        text = re.sub(rf"\\[dt]?frac ?{GROUP} ?{GROUP}", _fraction, text)
        text = re.sub(rf"\\sqrt ?{GROUP}", r"√\1", text)
        text = re.sub(rf"\^{GROUP}", r"^\1", text)
        text = re.sub(rf"_{GROUP}", r" \1 ", text)
    text = re.sub(r"\\[()\[\],;!: ]|\${1,2}", " ", text)
    return re.sub(r"\\([A-Za-z]{2,14})", _command, text)


def _fraction(match: Match[str]) -> str:
    above, below = match.groups()
    return f"{above}/{below}" if above.isdigit() and below.isdigit() else f" {above} over {below} "


def _command(match: Match[str]) -> str:
    name = match[1]
    if name in SYMBOLS or name in UNSAID:
        return f" {SYMBOLS.get(name, '')} "
    case = "CAPITAL" if name[0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {case} LETTER {name.upper()}")
    except KeyError:
        return f" {name} "
