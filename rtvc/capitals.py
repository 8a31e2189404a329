"""Words in capitals: acronyms stay, the rest is lower-cased."""

from __future__ import annotations

import re

from .abbreviations import ANYWHERE, COUNTERS, MONTHS, TITLES
from .dictionary import SMALL_NAMES, has_own_reading, is_known
from .homographs import NUMBER_WORDS
from .number_words import roman
from .spoken import ROMAN
from .spoken_names import MONARCHS, NUMBERED
from .symbol_names import EACH, UNITS

# Small words that the tagger takes for acronyms when they are written in capitals.
LOUD = frozenset(
    """ALL AND ARE AT BE BUT BY CAN DID DO DOES FOR FROM GO HAD HAS HAVE HER HIM HIS HOW IF JUST MY NO NOT NOW OF ON ONE
    SHE SO STOP THAT THE THEM THEY THIS TO TOO UP WAS WE WERE WHAT WHEN WHY WILL WITH YES YOU YOUR TIL THRU""".split()  # noqa: SIM905
)
# What a full stop or a number behind it makes an abbreviation, and what keeps its capital.
CAPITALISED = frozenset(
    {*TITLES, *COUNTERS, *ANYWHERE, "St", "Dr", *MONTHS, *(month[:3] for month in MONTHS), "Sat", "Sun"}
)
_HEADLINE = re.compile(r"\b[A-Z]{2,}(?: [A-Z]{2,})+\b")  # several words in capitals amid others: "NEW YORK (AP)"
LONGEST_ACRONYM = 4  # letters of an unknown word in capitals that is spelled, not read
AMERICAN = re.compile(
    r"\bTHE US\b(?= (?:AND|IS|HAS|WAS|WILL|TO|IN|ON|[A-Z]{5,}))|\bUS(?= AND (?:UK|THE UK|CHINA|EU)\b)"
)


def recase(text: str) -> str:
    """Text in capitals only → lower case, spelled letters and acronyms excepted. Loud words amid others stay."""
    words = re.findall(r"[A-ZÀ-Þ][A-ZÀ-Þ']+", text)
    if text != text.upper() or not any(len(word) > 5 or is_known(word.lower()) for word in words):
        return _HEADLINE.sub(_in_headline, re.sub(r"\b[A-Z]{6,}\b", _read_not_spelled, text))
    text = ROMAN.pattern.sub(_counted, text)
    text = AMERICAN.sub(lambda match: match.group().replace("US", "U S"), text)
    pieces = re.split(r"(?<![a-zß-ÿ])([A-ZÀ-Þ']+)(?![a-zß-ÿ])", text)
    for index in range(1, len(pieces), 2):
        pieces[index] = _recased(pieces, index)
    return "".join(pieces)


def is_loud(word: str) -> bool:
    """Whether a word in capitals amid others is an ordinary one that is stressed, and no acronym."""
    is_name = word.lower() in SMALL_NAMES or has_own_reading(word)
    return word in LOUD or (len(word) > 3 and is_known(word.lower()) and not is_name)


def quiet(text: str) -> str:
    """Loud words in small letters."""
    return re.sub(r"\b[A-Z]{2,}\b", lambda match: match[0].lower() if is_loud(match[0]) else match[0], text)


def _counted(match: re.Match[str]) -> str:
    """A Roman numeral of a text in capitals: "CHAPTER IV", "HENRY VIII"; the XI of "TO MEET XI" is a name."""
    name = (match[1] or "").strip(" .")
    is_numeral = name.lower() in NUMBERED or name.capitalize() in MONARCHS or len(match[2]) > 2
    is_alone = name.lower() in NUMBERED and re.match(r"\W*$|[.:,]", match.string[match.end() :]) is not None
    assert callable(ROMAN.replacement)
    return ROMAN.replacement(match) if is_numeral and (len(match[2]) > 1 or is_alone) else match.group()


def _read_not_spelled(match: re.Match[str]) -> str:
    """A long unknown word with vowels is read: "SOOOOO"."""
    word = match.group()
    is_read = _has_vowel(word) and not is_known(word.lower()) and not has_own_reading(word) and roman(word) is None
    return word.lower() if is_read else word


def _in_headline(match: re.Match[str]) -> str:
    """Ordinary words in a row of capitals, if all are such; their short ones look like acronyms: "NEW YORK"."""
    words = match.group().split()
    are_ordinary = all(is_known(word.lower()) and not has_own_reading(word) or word in LOUD for word in words)
    is_any_long = any(len(word) > 3 for word in words) and not {"US", "IT"} & set(words)
    if not (are_ordinary and is_any_long):
        return match.group()
    return " ".join(word if is_loud(word) else word.lower() for word in words)


def _has_vowel(word: str) -> bool:
    return re.search("[AEIOUY]", word) is not None


def _recased(pieces: list[str], index: int) -> str:
    """A word of a text in capitals as it would be written amid others. Words stand at the odd places of `pieces`."""
    word, behind = pieces[index], pieces[index + 1]
    if word.endswith("'S") and (len(word) < 6 or has_own_reading(word[:-2])) and not is_known(word[:-2].lower()):
        return word[:-2] + "'s"
    if word.capitalize() in CAPITALISED and re.match(r"\.| \d", behind):
        return word.capitalize()
    if index > 1 and pieces[index - 2] in TITLES and pieces[index - 1] == ". ":
        return word.capitalize()
    if len(word) > 1 and word.lower() in UNITS and re.search(r"\d ?$", pieces[index - 1]):
        return word.lower()
    if pieces[index - 1][-1:] == "/" and word.lower() in EACH:
        return word.lower()
    if word in ("BN", "MN", "TN") and pieces[index - 1][-1:].isdigit():
        return word.lower()
    is_code = 1 < len(word) < 4 and (behind[:1].isdigit() or pieces[index - 1][-1:].isdigit())
    return word if is_code or _is_spelled(pieces, index) else word.lower()


def _is_spelled(pieces: list[str], index: int) -> bool:
    """Whether a word of a text in capitals stays so: I, a spelled letter, an acronym."""
    word = pieces[index]
    if pieces[index + 1][:1] == "$":
        return True
    if "&" in (pieces[index - 1][-1:], pieces[index + 1][:1]):
        return True
    if len(word) > 1:
        if word in LOUD or is_known(word.lower()) or "'" in word.strip("'"):
            return False
        return has_own_reading(word) or len(word) <= LONGEST_ACRONYM or not _has_vowel(word)
    if word not in "AO":
        return True
    following = pieces[index + 2].lower() if index + 2 < len(pieces) else ""
    if word == "A" and re.fullmatch(NUMBER_WORDS, following):
        return True
    neighbours = [
        j for j in (index - 2, index + 2) if 0 <= j < len(pieces) and not pieces[(index + j) // 2].strip(" .-")
    ]
    return any(len(pieces[j]) == 1 and pieces[j] not in "AIO'" for j in neighbours)
