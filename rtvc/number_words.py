"""Numbers in words, and what every rule of spoken English shares: the form of a rule, and letters one by one.

Number words come from hibari's tables (Apache-2.0).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from operator import attrgetter
from re import Match

from .dictionary import hibari_g2p

cardinal, ordinal, year_words = attrgetter("cardinal", "ordinal", "year")(hibari_g2p().lexicon.N)
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
LETTER_A = "Ⓐ"  # the letter's name; a plain "A" may be the article. `rtvc.text.normalize` writes it as "A" again
NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
CRICKET = re.compile(  # where 142/3 is "one hundred and forty two for three"
    r"\b(?:overs?|wickets?|innings|all out|declared|dec|stumps|chas(?:e|ing)|bowl(?:ed|ing|er)|batt?(?:ed|ing|ers?)?|"
    r"not out|Tests?|lbw)\b"
)
SCALES = {"k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion", "mio": "million",
          "mrd": "billion", "t": "trillion", "tn": "trillion"}  # fmt: skip
Replacement = str | Callable[[Match[str]], str]
# A pattern, what to put in its place, and examples "as written → as spoken" in which this rule itself has work to do.
Rule = tuple[str, Replacement, *tuple[str, ...]]


def alternatives(words: Iterable[str]) -> str:
    """A pattern for any of the words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def around(match: Match[str]) -> str:
    """The sentence near a match: what of it says how the match is meant. All of a long one would be read for each."""
    return match.string[max(0, match.start() - 200) : match.end() + 200]


def spelled(letters: str) -> str:
    """ "AT" → its letters, spaced."""
    return " ".join(letters.upper()).replace("A", LETTER_A)


def digits(text: str) -> str:
    """Each digit by its name; whatever stands between groups of digits becomes a pause."""
    groups = re.findall(r"\d+", text)
    return ", ".join(" ".join(DIGITS[int(digit)] for digit in group) for group in groups)


def number(text: str) -> str:
    """A number as it is written ("1,234.50", "-3", "007") → its words."""
    if text.startswith("-"):
        return "minus " + number(text[1:])
    whole, point, fraction = text.replace(",", "").partition(".")
    if len(whole) > 15 or (len(whole) > 1 and whole[0] == "0") or (len(whole) > 9 and "," not in text):
        words = " ".join(DIGITS[int(digit)] for digit in whole)
    else:
        words = count(int(whole)) if whole else ""
    if point:
        words += " point " + " ".join(DIGITS[int(digit)] for digit in fraction)
    return words.strip()


def count(value: int) -> str:
    """hibari's number words without hyphens and commas: "two hundred and twenty one", as corpora write them."""
    return _plain(cardinal(value))


def counted(value: int, unit: str) -> str:
    """So many of a unit: "one minute", "five minutes"."""
    return f"{count(value)} {unit}{'' if value == 1 else 's'}"


def nth(text: str) -> str:
    """ "21" → "twenty first"."""
    return _plain(ordinal(int(text))) if len(text) < 16 else digits(text)


def year(value: int) -> str:
    """1999 → "nineteen ninety nine", 2005 → "two thousand five"."""
    return _plain(year_words(value)).replace(" and ", " ")


def in_pairs(text: str) -> str:
    """The number of a house or a model: "747" → "seven forty seven", "4090" → "forty ninety", "800" as it is."""
    if not (len(text) in (3, 4) and text[0] != "0") or text.endswith("00" if len(text) == 3 else "000"):
        return number(text)
    first, last = text[:-2], text[-2:]
    if last == "00":
        return f"{number(first)} hundred"
    if len(text) == 4 and text[1:3] == "00":
        return number(text)
    return f"{number(first)} " + (f"oh {DIGITS[int(last[1])]}" if last[0] == "0" else number(last))


def plural(words: str) -> str:
    """The plural of number words: "nineties", "hundreds", "sixes"."""
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith(("x", "s")) else "s")


def is_one(text: str) -> bool:
    """Whether a written number takes the singular."""
    return text.lstrip("-").replace(",", "") in ("1", "1.0")


def roman(text: str) -> int | None:
    """The value of a Roman numeral; None for letters that are none."""
    if not re.fullmatch(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})", text) or not text:
        return None
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}[letter] for letter in text]
    return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))


def _plain(text: str) -> str:
    return text.replace(",", "").replace("-", " ")
