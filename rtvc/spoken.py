"""Text as it is spoken: `write_out` turns numbers, money, dates, abbreviations and symbols into English words.

Rules in the order in which they are tried; they stand in the files named spoken_…, each with its examples. Whatever no
rule knows is still said: a digit as a digit, a letter as a letter.
"""

from __future__ import annotations

import re
from re import Match
from typing import NamedTuple

from .abbreviations import MONTH, WEEKDAYS
from .number_words import Replacement
from .number_words import Rule as WrittenRule
from .spoken_amounts import DURATIONS
from .spoken_amounts import RULES as AMOUNTS
from .spoken_dates import RULES as DATES
from .spoken_dates import YEARS
from .spoken_marks import ADDRESSES, LEFTOVERS, MARKUP, VERSIONS
from .spoken_names import PHRASE_RULES
from .spoken_names import ROMAN as WRITTEN_ROMAN
from .spoken_names import RULES as NAMES
from .tracing import Trace


class Rule(NamedTuple):
    """What is looked for, what is put in its place, and examples "as written → as spoken"."""

    pattern: re.Pattern[str]
    replacement: Replacement
    examples: tuple[str, ...]


def compiled(rule: WrittenRule) -> Rule:
    """A rule as it is written down → as it is used."""
    pattern, replacement, *examples = rule
    return Rule(re.compile(pattern), replacement, tuple(examples))


ROMAN = compiled(WRITTEN_ROMAN)
ANY = ""
# Rules that stand together, and without what none of them has anything to do: most sentences need a fifth of them.
IN_ORDER = (
    (r"[<>\[\]()|#*_~=:;'+$•]|--|^[-\d]", MARKUP),
    (r"[\d_@#/\\:()]|\.\w|[a-z][A-Z]|(?:^|[ (\"'])-", ADDRESSES),
    (ANY, PHRASE_RULES),
    (r"\d", DURATIONS),
    (rf"\d|\b(?:{WEEKDAYS}|{MONTH})|[AaPp]\. ?[Mm]\.|[MTWF][hu]? ?[-–/] ?[TFSW]", DATES),
    (r"\d|\.\w|mp", VERSIONS),
    (r"[\d^×*/<>~≈°–$£€]| [-x] |(?:foot|feet|inch|inches|meters?) ?x", AMOUNTS),
    (ANY, NAMES),
    (r"\d", YEARS),
    (r"[^A-Za-z ,.?!;:'\"—…-]|[A-Za-z]\.[A-Za-z]|->|![a-z(]", LEFTOVERS),
)
LETTER = "[A-Za-zÀ-ɏ]"
ELIDED = r"(?<![\w'])(?:[Oo]|[Tt]h|[Ww]i|[Oo]l|[Aa]n|[Ff]o|[Yy]o|[Ll]il|i(?=' th|' faith)|t(?=' th))'(?= '?[A-Za-z])"
STAGES = [(re.compile(trigger), [compiled(rule) for rule in rules]) for trigger, rules in IN_ORDER]
RULES = [rule for _, rules in STAGES for rule in rules]


def write_out(text: str, trace: Trace | None = None) -> str:
    """Plain text (see `characters.plain`) → words and the pauses , . ? ! ; : — … only; Ⓐ is the letter A.

    trace: keeps which characters come from which.
    """
    substitute = trace.sub if trace else re.Pattern.sub
    for trigger, rules in STAGES:
        if trigger.search(text):
            for pattern, replacement, _ in rules:
                text = substitute(pattern, replacement, text)
    return trace.change(text, tidy(text)) if trace else tidy(text)


def tidy(text: str) -> str:
    """Brackets and dashes become pauses, quotes go, and no two pauses stand together."""
    text = re.sub(r"\.{2,}|\.(?: \.)+", "…", text)
    text = re.sub(r" ?(?:--+|—|–) ?| - |(?<=\w)-(?!\w)|(?<!\w)-(?=\w)", " — ", text)
    end = len(text)
    while end and not text[end - 1].isalnum():
        end -= 1
    text = re.sub(r"^\W*[(\[{]", " ", text[:end]) + re.sub(r"[)\]}]", " ", text[end:])
    text = re.sub(r"[()\[\]{}|]", ", ", text)
    text = re.sub(
        rf"{ELIDED}|(?<!{LETTER})'(?!(?:tis|twas|em|til|cause|bout|round|neath)\b)|(?<!in)'(?!{LETTER})|in'(?=\w*')",
        _apostrophe,
        text,
    )
    text = re.sub(r"[^A-Za-zÀ-ɏ' ,.?!;:—…Ⓐ-]", " ", text)
    text = re.sub(r"(?<![A-Za-z])-|-(?![A-Za-z])", " ", text)
    text = re.sub(r"[A-Za-z'-]{60,}", lambda match: re.sub("['-]", " ", match.group()), text)
    text = re.sub(r"[A-Za-z]{21,}", lambda match: " ".join(re.findall(".{1,20}", match.group())), text)
    text = re.sub(r" +", " ", text)
    text = re.sub(r" ?([,.?!;:—…])[ ,.?!;:—…]*", _one_pause, text)
    text = re.sub(r" +", " ", text)
    return re.sub(r"^[ ,.?!;:—…]+", "", text).strip()


def _apostrophe(match: Match[str]) -> str:
    """Stays in th' and o' before another word; a quotation mark goes."""
    word = match.group().rstrip("'")
    return word if word in ("", "in") else match.group()


def _one_pause(match: Match[str]) -> str:
    """Of several pauses in a row the strongest stays."""
    marks = [c for c in match.group() if c != " "]
    strongest = next((c for c in "?!.…;:—," if c in marks), marks[0])
    return f" {strongest} " if strongest == "—" else f"{strongest} "
