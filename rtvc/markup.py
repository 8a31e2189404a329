"""What stands in a text and is no word of it: pronunciations, tags, stage directions. None of it is read aloud.

`[Siobhan](/ʃəvˈɔːn/)` says how a word is said, `<break time="1s"/>` pauses; what else is markup is left out and named
once, in the warnings of the result. Prose in brackets is prose: “(see below)”, “[the king]”.
"""

from __future__ import annotations

import re
from typing import TypedDict

from .errors import quoted
from .ipa import to_phonemes
from .readings import Reading, Readings
from .sentences import CUE_TIMES

LABEL, ENDING = r"\[([^\[\]\n]{1,200})\]", r"((?:['’]s|s['’]|s)(?!\w))?"
PRONOUNCED = re.compile(LABEL + r"\(/((?:[^/()\n]|\([^/()\n]*\)){1,300})/\)" + ENDING)
ADDRESS = re.compile(r"[\d_#?=&%@~+]|\.\w+$|^[\w.-]*\.[\w.-]*$")  # is in a link's path and in no IPA
LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,500}(?: \"[^\"]{0,200}\")?\)")
ATTRIBUTES = r"(?:\s{1,3}[\w:-]{1,30}\s?=\s?(?:\"[^\"<>]{0,200}\"|'[^'<>]{0,200}'|[^\s\"'<>=]{1,200})){0,8}"
TAG = re.compile(rf"(?<!\d)</?([A-Za-z][\w:-]{{0,30}})({ATTRIBUTES})\s?/?>(?! ?\d)|<\|([^<>|]{{1,40}})\|>")
HTML = frozenset(  # elements that change how a text looks: there is nothing to say about them
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "big",
        "blockquote",
        "body",
        "br",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "dd",
        "del",
        "details",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "font",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "header",
        "hr",
        "html",
        "i",
        "img",
        "input",
        "ins",
        "kbd",
        "label",
        "li",
        "link",
        "main",
        "mark",
        "meta",
        "nav",
        "ol",
        "p",
        "pre",
        "q",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "script",
        "section",
        "small",
        "span",
        "strike",
        "strong",
        "style",
        "sub",
        "summary",
        "sup",
        "svg",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "time",
        "title",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
        "wbr",
        "article",
        "aside",
        "button",
    ]  # noqa: SIM905
)
BREAK = re.compile(r"(?:time|strength)\s?=\s?[\"']?([\w.+-]+)")
STRENGTHS = {"none": 0.0, "x-weak": 0.25, "weak": 0.5, "medium": 0.75, "strong": 1.0, "x-strong": 1.25}  # as Azure's
DURATION = re.compile(r"\+?(\d{1,5}(?:\.\d{0,6})?|\.\d{1,6})(ms|s)")

# Stage directions. A verb that nobody is said to do, or a sound: these are nothing else wherever they stand.
ACTIONS = (
    "laugh|chuckle|giggle|sigh|cough|gasp|groan|sob|sniff|sniffle|snort|yawn|whisper|shout|scream|mumble|mutter|hum|sing|"
    "smile|grin|smirk|frown|nod|shrug|wink|blink|gulp|exhale|inhale|breathe|whistle|clap|snore|wheeze|moan|grunt|growl|"
    "pause|cry|weep|sneeze|burp|hiccup|stutter|stammer|pant|shudder|shiver|wince|cheer|applaud|boo|hiss|murmur|scoff|"
    "clear throat|clear his throat|clear her throat|clear their throat|take a deep breath|take a breath|roll eyes"
)
NOUNS = (
    "laughter|applause|music|silence|beat|long pause|short pause|pause|crying|giggling|inaudible|crosstalk|deep breath"
)
MANNERS = (
    "softly|quietly|loudly|slowly|nervously|sadly|happily|angrily|excitedly|sarcastically|dramatically|gently|cheerfully|"
    "whispering|shouting|laughing|crying|sobbing|singing|smiling|sighing|chuckling|giggling|excited|sarcastic|angry|sad|"
    "happy|nervous|cheerful|serious|calm|curious|surprised|deadpan|under (?:his|her|their) breath|in a whisper|"
    "to (?:him|her)self|off[- ]screen|voice ?over"
)
_ADVERB = r"(?:[a-z]+ly|again|a little|to (?:him|her)self)"


def _forms(action: str) -> tuple[str, str, str]:
    """ "clear throat" → clear throat, clears throat, clearing throat."""
    verb, space, rest = action.partition(" ")
    doubled = verb + verb[-1] if verb in ("hum", "grin", "clap", "nod", "sob") else verb.removesuffix("e")
    third = "cries" if verb == "cry" else verb + ("es" if verb.endswith(("s", "sh")) else "s")
    return action, f"{third}{space}{rest}", f"{doubled}ing{space}{rest}"


_BARE, _THIRD, _DOING = ("|".join(forms) for forms in zip(*map(_forms, ACTIONS.split("|")), strict=True))
ANYWHERE = re.compile(rf"(?i)(?:{_ADVERB} )?(?:{_THIRD})(?:,? {_ADVERB})?[.!…]?")
BARE = re.compile(rf"(?:{_ADVERB} )?(?:{_BARE})")
OPENING = re.compile(
    rf"(?i)(?:{_ADVERB} )?(?:{_BARE}|{_THIRD}|{_DOING}|{NOUNS}|{MANNERS})(?:,? (?:and )?(?:{_ADVERB}|{MANNERS}))?[.!…]?"
)
BRACKETED = re.compile(
    r"(?<![\w\]])(?:\[([A-Za-z][A-Za-z' -]{1,40})\](?![\w(\[:])|\(([A-Za-z][A-Za-z', -]{1,40}[.!…]?)\)(?!\w))"
)
STARRED = re.compile(r"(?<![\w*])\*([A-Za-z][A-Za-z', -]{1,40}[.!…]?)\*(?![\w*])")
CUE = re.compile(  # of subtitles: its number and its times; WebVTT's first line; who speaks
    rf"(?:^|(?<=\n))(?:\s{{0,4}}\d{{1,5}}[ \t]{{0,4}}\r?\n)?[ \t]{{0,4}}{CUE_TIMES.pattern}[^\n]{{0,80}}(?:\n|$)"
    r"|^\ufeff?WEBVTT\b[^\n]{0,80}(?:\n\s*|$)|<v(?:\.[\w.]{1,40})?(?: [^<>\n]{1,60})>"
)
WORDLY = re.compile(  # words that begin prose in square brackets, which editors put in for what was said before
    r"(?i)(?:an?|the|his|her|my|our|your|their|its|this|that|these|those|he|she|it|they|we|you|i|in|on|at|of|to|for|from|"
    r"with|by|and|or|but|as|is|are|was|were|not|no|who|which|sic|see)\b"
)
LEANING = re.compile(r"(?i)an?|the|his|her|my|our|your|their|its|these|those|of|in|on|at|to|for|from|with|by|and|or")
GONE = "\0"  # where something was left out
OPENS = re.compile(r"(?:^|[.!?…:;—\n\"“”*)\]])\s*$")


class Warned(TypedDict):
    """Markup that was left out, and a sentence on it."""

    mark: str
    message: str


class Warnings:
    """What was left out of one text; each mark once."""

    def __init__(self) -> None:
        self._new: list[Warned] = []
        self._known: set[str] = set()

    def left_out(self, mark: str, why: str = "") -> None:
        """Note a mark, as it was written."""
        if mark.lower() not in self._known and len(self._known) < 1000:
            self._known.add(mark.lower())
            message = f"{quoted(mark)} is markup that is not spoken, so it was left out{why}."
            self._new.append({"mark": mark, "message": message})

    def take(self) -> list[Warned]:
        """Those that came since the last time."""
        new, self._new = self._new, []
        return new


def without_markup(text: str, readings: Readings, warnings: Warnings) -> str:
    """A text → its words, with the places of what is pronounced otherwise, and pause marks.

    Raises:
        TextError: a pronunciation has a character that is no IPA symbol.
    """
    if not re.search(r"[\[(<*>]|^\ufeff?WEBVTT", text):
        return text
    text = CUE.sub(lambda match: _cue(match, warnings), text)
    text = PRONOUNCED.sub(lambda match: _pronounced(match, readings), text)
    text = LINK.sub(r"\1", text)
    text = TAG.sub(lambda match: _tag(match, warnings), text)
    text = BRACKETED.sub(lambda match: _bracketed(match, warnings), text)
    text = STARRED.sub(lambda match: _starred(match, warnings), text)
    return re.sub(rf"\s{{0,3}}{GONE}(?=[,.?!;:…])", "", text).replace(GONE, " ")


def _pronounced(match: re.Match[str], readings: Readings) -> str:
    """[Siobhan](/ʃəvˈɔːn/); but "[the docs](/docs/)" is a link, and "[x](/v1.2/)"."""
    label, sounds, ending = match.groups()
    if ADDRESS.search(sounds) or (" " in label and sounds.isascii() and "'" not in sounds):
        return match[0]
    reading = Reading(label, label, to_phonemes(sounds, label))
    return readings.place(reading.with_ending(ending) if ending else reading)


def _cue(match: re.Match[str], warnings: Warnings) -> str:
    inside = match[0].strip()
    warnings.left_out("-->" if "-->" in inside else inside)
    return ""


def _tag(match: re.Match[str], warnings: Warnings) -> str:
    """A pause for <break>; what HTML is for the rules of the spoken word; else nothing, with a warning."""
    name, attributes, special = match.groups()
    if special:
        warnings.left_out(match[0])
        return GONE
    if name.lower() == "break":
        wanted = BREAK.search(attributes)
        return pause(wanted[1] if wanted else "medium")
    if name.lower() not in HTML:
        warnings.left_out(f"<{name}>")
        return GONE
    return match[0]


def pause(wanted: str) -> str:
    """The mark of a pause: "500ms", "1.5s" or the name of a strength; anything else is medium."""
    if match := DURATION.fullmatch(wanted.strip().lower()):
        return f"[pause {match[1]}{match[2]}]"
    return f"[pause {STRENGTHS.get(wanted.strip().lower(), STRENGTHS['medium']):g}s]"


def _bracketed(match: re.Match[str], warnings: Warnings) -> str:
    """[laugh] and (sighs) go; (see below) and [the king] stay."""
    inside = " ".join((match[1] or match[2]).split())
    if inside.lower() == "pause" and match[1]:
        return match[0]
    begins = OPENS.search(match.string[max(0, match.start() - 20) : match.start()]) is not None
    is_direction = (OPENING if begins or match[1] else ANYWHERE).fullmatch(inside) is not None
    if match[1] and not is_direction:
        is_tag = inside.islower() and len(inside.split()) <= 3 and len(inside) > 2 and not WORDLY.match(inside)
        before = re.search(r"([\w']+) $", match.string[max(0, match.start() - 20) : match.start()])
        is_direction = is_tag and not (before and LEANING.fullmatch(before[1]))
    if not is_direction:
        return match[0]
    warnings.left_out(f"[{inside}]" if match[1] else f"({inside})")
    return GONE


def _starred(match: re.Match[str], warnings: Warnings) -> str:
    """*laughs* between sentences goes; an emphasized word stays."""
    inside = " ".join(match[1].split())
    behind = match.string[match.end() : match.end() + 3].lstrip()
    begins = OPENS.search(match.string[max(0, match.start() - 20) : match.start()]) is not None
    is_action = ANYWHERE.fullmatch(inside) or (BARE.fullmatch(inside) and (not behind or behind[0].isupper()))
    if not (begins and is_action) or behind[:1].islower():
        return match[0]
    warnings.left_out(f"*{inside}*")
    return GONE
