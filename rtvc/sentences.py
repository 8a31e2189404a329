"""Long texts → sentences, none longer than a breath."""

from __future__ import annotations

import re

from .abbreviations import ends_sentence, names_follow
from .errors import TextError

LONGEST_WORD = 400  # characters: what has no space for so long is no word and is cut
LOOK = 40  # characters on either side of a full stop that tell whether it ends a sentence
NUMBERED_ONE = re.compile(r"(?i:chapter|book|part|act|scene|canto|volume) I$")  # a heading, and no one who speaks
SHORT_LINE = 40  # characters: prose that is broken for its width has longer lines
# a row of dots is looked at once
SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++(?:[\"'”’)\]*_]|\[\d{1,3}\])*+\s+|\n\s*")
ITEM = re.compile(r"(?:[-*+•‣▪◦–—]|\d{1,3}[.)]|[A-Za-z]\)|\(\w{1,3}\)|#{1,6}|>|[-=*_~]{3,})\s|\||[-=*_~]{3,}$|```")
CUE_TIMES = re.compile(r"(?:\d{1,3}:)?\d\d:\d\d[,.]\d{3} --> (?:\d{1,3}:)?\d\d:\d\d[,.]\d{3}")  # of a subtitle
PAUSE_MARK = re.compile(r"\[\s*pause\s*(?:(\d+(?:\.\d*)?|\.\d+)\s*(ms|s)?\s*)?\]", re.I)
DEFAULT_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds


def pause_seconds(piece: str) -> float | None:
    """How long a piece that is a mark such as "[pause 0.5s]" asks to pause; None for any other text."""
    mark = PAUSE_MARK.fullmatch(piece)
    if not mark:
        return None
    seconds = float(mark[1]) / (1000 if (mark[2] or "").lower() == "ms" else 1) if mark[1] else DEFAULT_PAUSE
    if seconds > LONGEST_PAUSE:
        raise TextError(f"A pause can last at most {LONGEST_PAUSE:g} seconds; shorten “{mark[0]}”.")
    return seconds


def split_sentences(text: str, limit: int = 200) -> list[str]:
    """A long text → its sentences, each at most `limit` characters long where a space allows it.

    Marks such as "[pause 0.5s]" are pieces of their own. Nothing is lost: the pieces joined by spaces are the text with
    its white space collapsed. An abbreviation, an initial or a number ends no sentence; a sentence beyond the limit is
    cut at its pauses, else between words. A word of more than 400 characters is none, and is cut after 400.
    """
    return [piece for sentence in as_written(text) for piece in breaths(sentence, limit)]


def as_written(text: str) -> list[str]:
    """A text → its sentences and pause marks with their white space, of any length; joined they are the text."""
    pieces, start = [], 0
    for mark in PAUSE_MARK.finditer(text):
        pieces += [*_split(text[start : mark.start()]), mark[0]]
        start = mark.end()
    return [piece for piece in pieces + _split(text[start:]) if piece]


def breaths(sentence: str, limit: int = 200) -> list[str]:
    """One of the pieces of `as_written`, its white space collapsed, cut to at most `limit` characters."""
    if PAUSE_MARK.fullmatch(sentence):
        return [sentence]
    collapsed = " ".join(sentence.split())
    return _clauses(collapsed, limit) if collapsed else []


def _split(text: str) -> list[str]:
    """A text without marks → its sentences."""
    sentences, start = [], 0
    for match in SENTENCE_END.finditer(text):
        if CUE_TIMES.match(text, match.end()):  # the line before them is the subtitle's number
            continue
        before = text[max(start, match.start() - LOOK) : match.end()]
        after = text[match.end() : match.end() + LOOK]
        if _ends_sentence(before.rstrip(), after, match.group()) or _ends_line(before.strip(" \t"), after):
            sentences.append(text[start : match.end()])
            start = match.end()
    return [*sentences, text[start:]]


def _ends_sentence(before: str, after: str, mark: str) -> bool:
    """Whether a mark between sentences is one: a blank line, or a full stop that is not an abbreviation's."""
    if mark.count("\n") > 1 and not names_follow(before):
        return True
    return mark[0] in ".!?…" and ends_sentence(before, after)


def _ends_line(before: str, after: str) -> bool:
    """Whether a line break is a pause: around the items of a list, headings and rows of a table, behind a short line.
    Lines of prose that was broken for its width go on.
    """
    line, broken, indent = before.rpartition("\n")[0].rpartition("\n")[2].strip(), "\n" in before, before[-1:] != "\n"
    if not broken or not line:
        return False
    if ITEM.match(after):
        return True
    if ITEM.match(line + " ") and not (indent and after[:1].islower()):
        return True
    is_open = line.endswith(",") or (WEAK.search(line) and not NUMBERED_ONE.match(line))
    return len(line) < SHORT_LINE and not is_open


def _clauses(sentence: str, limit: int) -> list[str]:
    """A sentence cut into pieces of at most `limit` characters, at the strongest places that allow it."""
    pieces, start = [], 0
    while len(sentence) - start > limit:
        window = sentence[start : start + max(limit, LONGEST_WORD) + 1]
        cut = _cut(window, limit)
        if cut is None:
            if len(window) == len(sentence) - start:
                break
            cut = len(window) - 1
        pieces.append(window[:cut].rstrip())
        start += cut + (len(window[cut:]) - len(window[cut:].lstrip()))
    return [*pieces, sentence[start:]] if start < len(sentence) else pieces


# Where a long sentence is cut, best first, and how much of the limit must lie before the cut.
CLAUSES = (
    "and|but|while|who|whom|whose|because|which|when|where|although|though|since|until|unless|whereas|whether|so that|"
    "before|after|then|or|nor|if|that"
)
PHRASES = "in|on|at|with|for|from|to|by|into|over|under|through|between|about|against|without|during|as|like"
CUTS = (
    (r"[;:—…](?= )| (?=[—–-] )", 0.3),
    (r",(?= )", 0.3),
    (rf" (?=(?:{CLAUSES}) )", 0.3),
    (rf" (?=(?:{PHRASES}) )", 0.3),
    (r"(?<!\d)(?= )|(?= )(?! \d)", 0.0),
    (r"(?= )", 0.0),
)
WEAK = re.compile(  # words that lean on the next one: no pause behind them
    r"(?:^|\W)(?:an?|the|my|your|his|her|its|our|their|this|these|those|no|of|to|in|on|at|by|for|from|with|into|over|under|"
    r"through|between|about|against|without|during|as|and|or|but|nor|if|while|who|whom|whose|because|which|when|where|that|"
    r"although|though|since|until|unless|whereas|whether|than|is|are|was|were|be|been|am|very|not|so|too|will|would|can|"
    r"could|should|may|might|must|has|have|had|do|does|did|more|most|each|every|both|either|I|we|they|he|she)$",
    re.I,
)


def _cut(sentence: str, limit: int) -> int | None:
    """The last pause, else the last space, not inside a number, that leaves at most `limit` characters before it."""
    for pattern, earliest in CUTS:
        ends = [match.end() for match in re.finditer(pattern, sentence[: limit + 1])]
        places = [end for end in ends if max(1, earliest * limit) <= end <= limit]
        for place in reversed(places):
            if pattern == CUTS[-1][0] or not WEAK.search(sentence[max(0, place - LOOK) : place].rstrip()):
                return place
    space = sentence.find(" ")
    return space if space > 0 else None
