"""Any Unicode → the characters that the rules of spoken English know."""

from __future__ import annotations

import html
import re
import unicodedata
from re import Match

from .latex import undone
from .symbol_names import CURRENCIES, SIGNS, UNITS

LATIN = {"ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ł": "l",
         "Ł": "L", "þ": "th", "Þ": "Th", "ð": "d", "Ð": "D", "ı": "i", "ħ": "h", "Ħ": "H", "ŋ": "ng", "Ŋ": "Ng",
         "ſ": "s", "ə": "e", "ƒ": "f", "ʻ": "'", "ʼ": "'"}  # fmt: skip
LOOKALIKES = {
    "’": "'", "‘": "'", "`": "'", "´": "'", "ʹ": "'", "′": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "«": '"',
    "»": '"', "″": '"', "‟": '"', "‐": "-", "‑": "-", "‒": "–", "―": "—", "−": "-", "﹣": "-", "⁄": "/", "∕": "/",
    "·": " ", "•": ", ", "²": " squared ", "³": " cubed ", "∙": " ", "μ": "µ", "Ω": "Ω", "™": "", "®": "",
    "≠": " is not equal to ", "、": ",", "。": ".", "，": ",", "！": "!", "？": "?", "：": ":", "；": ";", "¿": "",
    "¡": "", "‚": ",", "№": "number ", "º": "°", "˚": "°", "′′": '"',
}  # fmt: skip
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
UNIT_PRODUCT = re.compile(  # the dot in 25 N·m, 6.63×10⁻³⁴ J·s, 3 kW·h
    r"(?:(?<=[\d⁰-⁹¹²³][A-Za-z])|(?<=[\d⁰-⁹¹²³] [A-Za-z]))[·⋅](?=[A-Za-z])|(?:(?<=\dk[A-Z])|(?<=\d k[A-Z]))[·⋅](?=h)"
)
PRODUCT = re.compile(r"(?<=\b[a-zA-Z\d])[·⋅](?=[a-zA-Z\d]\b)|(?<=\d)[·⋅](?=\d)")  # a·b, 3·4
BOUNDS = re.compile(r"∫ ?(?:_ ?([\da-z]{1,3}|-∞)|([₀-₉ₐ-ₜ]{1,3})) ?(?:\^ ?([\da-z]{1,3}|∞)|([⁰¹²³⁴-⁹]{1,3}|∞))")
PER_UNIT = re.compile(rf" ?\b({'|'.join(unit for unit in UNITS if unit.isalpha())})⁻([¹²³])(?![⁰-⁹¹²³])")  # 5 m s⁻¹
ELEMENTS = {"C": "carbon", "U": "uranium", "Pu": "plutonium", "Cs": "caesium", "Sr": "strontium", "I": "iodine",
            "H": "hydrogen", "He": "helium", "Co": "cobalt", "O": "oxygen", "K": "potassium"}  # fmt: skip
ISOTOPE = re.compile(rf"(?<!\S)([⁰¹²³⁴-⁹]{{1,3}})({'|'.join(ELEMENTS)})\b")  # ¹⁴C
LOGARITHM = re.compile(r"\b(log|lg)([₀-₉]{1,3}) ?")
STARS = re.compile(r"(?<=\d)[★⭐](?![★⭐☆])|[★⭐][★⭐☆]{1,9}")
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[A-Za-z]{2,31}\d{0,2});")


def plain(text: str) -> str:
    """Any Unicode → ASCII, accented Latin letters, a few symbols and lone Greek letters.

    What HTML writes as an entity is undone first; letters of other scripts and emoji are dropped.
    """
    text = ENTITY.sub(lambda match: html.unescape(match.group()), text)
    text = PER_UNIT.sub(lambda match: f"/{match[1]}{match[2].replace('¹', '')}", undone(text))
    text = re.sub(r"(?<=\d)\.?ª", "th", text)
    text = re.sub(r"[Øø⌀] ?(?=\d)", "diameter ", text)
    text = ISOTOPE.sub(lambda match: f"{ELEMENTS[match[2]]}-{match[1].translate(RAISED)}", text)
    text = re.sub(r"(?<=\d)(?=[¼½¾⅐-⅞])", " ", text)
    text = BOUNDS.sub(_integral, text)
    text = LOGARITHM.sub(lambda match: f"log base {match[2]} of ", text)
    text = re.sub(r"(?<=[₀-₉])(?=\d)", " ", text)
    text = re.sub(r"\bN[º°]s?\.? ?(?=\d)", "number ", text)
    text = UNIT_PRODUCT.sub("", text)
    text = PRODUCT.sub(" × ", text)
    text = re.sub(r"\b([A-Z])([a-z])(?=[²³]?[⁺⁻](?![\d⁰-⁹]))", lambda match: f"{match[1]} {match[2].upper()}", text)
    text = re.sub(r"(?<=[\w)²³]) − (?=[\w(√Α-ω])", " minus ", STARS.sub(_stars, text))
    text = re.sub(r"(?<=[A-Za-z])([²³]?)([⁺⁻])(?![\d⁰¹²³⁴-⁹])", _charge, text)
    text = re.sub(r"(?<=\d|\b[A-Za-z])[⁰¹²³⁴-⁹⁻]+", _power, text)
    text = "".join(LATIN.get(c, LOOKALIKES.get(c, c)) for c in text)
    text = unicodedata.normalize("NFKC", text)
    text = "".join(LATIN.get(c, LOOKALIKES.get(c, c)) for c in text)
    text = re.sub(r"[Α-ω]{2,}", " ", "".join(map(_kept, text)))
    return re.sub(r"\s+", " ", text).strip()


def _integral(match: Match[str]) -> str:
    low, high = (bound for bound in match.groups() if bound)
    return f"the integral from {low} to {high.translate(RAISED)} of "


def unaccented(text: str) -> str:
    """Its letters without their accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def _stars(match: Match[str]) -> str:
    """★★★★☆ of a review, 5★ of a hotel."""
    count = sum(c in "★⭐" for c in match.group())
    if count == 1 and "☆" not in match.group():
        return " star" if re.match(r" ?[a-z]", match.string[match.end() :]) else " stars"
    return f" {count} star{'' if count == 1 else 's'} "


def _charge(match: Match[str]) -> str:
    """Of an ion: Ca²⁺."""
    return f" {match[1].translate(RAISED)} {'plus' if match[2] == '⁺' else 'minus'} "


def _power(match: Match[str]) -> str:
    """Raised digits, of which unicodedata would make ordinary ones: "10⁶"; ² and ³ have words of their own."""
    raised = match.group()
    return raised if raised in LOOKALIKES else "^" + raised.translate(RAISED)


def _kept(c: str) -> str:
    if c.isascii():
        return c if c.isprintable() else " "
    if c.isdigit():
        return str(unicodedata.digit(c))
    if c in "–—…µ" or c in SIGNS or c in CURRENCIES or "Α" <= c <= "ω":
        return c
    base = unicodedata.normalize("NFD", c)[0]
    if base.isascii() and base.isalpha():
        return c if c <= "ɏ" else base
    return "" if unicodedata.category(c) in ("Cf", "Mn", "Me", "Lm", "Sk") else " "
