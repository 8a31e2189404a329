"""Money, measures, ranges, fractions and sums as they are spoken."""

# ruff: noqa: E501 (a rule and its examples are one line)
from __future__ import annotations

import re
from re import Match

from .abbreviations import COURSES, sentence_end
from .number_words import (
    CRICKET,
    NUMBER,
    SCALES,
    Rule,
    alternatives,
    count,
    counted,
    in_pairs,
    is_one,
    nth,
    number,
    plural,
)
from .symbol_names import AREAS, CURRENCIES, EACH, FUNCTIONS, UNITS

FIRST = r"(?:\d{1,3}(?:,\d{3})+|\d{1,6})(?:\.\d+)?"  # of a range
UNIT = alternatives(UNITS)
RATIO = re.compile(r"(-)?(?:(\d+)[ -])?(\d{1,4})/(\d{1,4})()")
AREA = alternatives(AREAS)
MONEY = alternatives(CURRENCIES)
CODES = alternatives(name for name in CURRENCIES if re.fullmatch("[A-Z]{3}", name))
PAID = alternatives({*(word for names in CURRENCIES.values() for word in names), "thousand", "million", "billion"})
SCALE = r"lakh crore|lakh|crore|hundred|thousand|million|billion|trillion"
DENOMINATORS = {2: "half", 4: "quarter"}
MEASURED = {2, 3, 4, 5, 6, 8, 10, 12, 16, 32, 64, 100}  # denominators of what is measured; "50/60 Hz" are two numbers
COUNTED = (  # what is counted in millions
    "people|users|customers|viewers|readers|homes|jobs|barrels|tonnes|tons|copies|views|downloads|followers|residents|"
    "children|women|men|workers|votes|voters|households|inhabitants|subscribers|visitors|tourists|deaths|cases|doses|"
    "had|have|were|are|more|fewer|new|extra|additional|Britons|Europeans|Africans|Canadians|Australians|Germans|"
    "units|shares|patients|refugees|acres|hectares|years|pounds|dollars|euros|students|adults|passengers|records|Americans"
)
RAISED = {"squared": "square ", "cubed": "cubic "}
CLOCK_UNITS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
PER = {"pp": "per person", "pcm": "per calendar month", "pw": "per week", "pa": "per annum", "pm": "per month"}
POINTS = {"N": "north", "S": "south", "E": "east", "W": "west"}
# what may stand between an amount's article and the amount, and what follows an amount without being its noun
_ARTICLE = re.compile(
    r"\b[Aa]n? (?:[\d.]+ by ){0,2}(?:[a-z]+(?: [a-z]+){0,2} to )?(?!(?:few|total|further|mere|good|full|couple|lot|distance|record)\b)(?:[A-Za-z-]+ )?$"
)
_OWNER = re.compile(
    r"(?:\w's|\b(?:[Tt]he|[Hh]is|[Hh]er|[Tt]heir|[Oo]ur|[Mm]y|[Ii]ts|[Tt]his|[Tt]hat|[Ee]ach|[Ee]very|[Yy]our)) (?:[\d.]+ by ){0,2}$"
)
_NOUN = re.compile(
    r" (?!(?:across|along|around|towards?|through|between|against|beyond|within|during|of|in|on|at|to|for|from|by|with|and|or|but|is|are|was|were|be|per|a|an|the|each|more|less|long|wide|tall|high|"
    r"deep|thick|away|ago|later|below|above|over|under|after|before|off|apart|if|when|that|which|it|he|she|they|we|you|I|"
    r"into|than|as|so|not|has|had|have|will|would|can|could|up|down|out|back|then|now|today|here|there|still|also|only|just|again|always|never|really|because|while|where|who)\b)(?:[A-Za-z][a-z]+|TVs?|SUVs?|LEDs?|LCDs?|SSDs?|PCs?)\b"
)
_RATED = re.compile(
    r"(?:\b(?:an?|solid|perfect|strong|rated|scores?|scored|got|[Ii]s|was)|'s|[Rr]ating:?|[Ss]core:?) $"
)
_BILLS = re.compile(
    r" (?:bill|note|coin|ticket|fee|fine|gift|tip|deal|question|loan|prize|discount|dash|sprint|race|relay|freestyle|hurdles|radius|marathon|"
    r"bags?|tins?|cans|bottles?|jars?|packs?|packets?|cartons?|tubs?|sachets?|tablets?|capsules?|pills?|bulbs?|blocks?)\b"
)


# a thing of which there are several, behind "30cm"; and not "across", "towards", "is"
_PLURAL = re.compile(
    r" (?!across|always|besides|perhaps|sometimes|times|minus|plus|less|this|was|has|does|goes|costs|makes|takes|gives|needs|means|equals|seems|feels|sounds|looks|comes|remains|works|helps|lasts|"
    r"fits|gets|says|stays|becomes|leaves|separates|covers|plays|yields|\w*wards\b)"
    r"[a-z]{2,}[^su\W]s\b(?! of\b)"
)


def _is_adjective(match: Match[str]) -> bool:
    """Whether an amount stands before its noun, where it has no plural: "a ten meter shaft"."""
    before, after = (
        match.string[max(0, match.start() - 30) : match.start()],
        match.string[match.end() : match.end() + 40],
    )
    if _BILLS.match(after):
        return True
    if _ARTICLE.search(before):
        return (
            _NOUN.match(
                re.sub(
                    r"^ (?:wide|long|tall|high|deep|thick|old)(?= [a-z])|^, [\d.]+[ -]?[A-Za-z]+(?= [a-z])", "", after
                )
            )
            is not None
        )
    is_glued = re.fullmatch(r"\d+[a-zA-Z]+", match.group()) is not None
    return (is_glued and _PLURAL.match(after) is not None) or (
        _NOUN.match(after) is not None and _OWNER.search(before) is not None
    )


def _in_english(text: str) -> str:
    """An amount with a comma for its cents, "1.234,56", as English has it."""
    return text.replace(".", "").replace(",", ".")


def _continental(match: Match[str]) -> str:
    return _in_english(match.group())


def _amount(value: str, symbol: str, is_adjective: bool = False) -> str:
    """ "1.50", "$" → "one dollar and fifty cents"."""
    single, several, cent, cents = CURRENCIES[symbol]
    whole, _, fraction = value.partition(".")
    if len(fraction) != 2:
        return f"{number(value)} {single if is_one(value) or is_adjective else several}"
    is_whole_said = whole.strip("0,") or fraction == "00"
    parts = [f"{number(whole)} {single if is_one(whole) or is_adjective else several}"] if is_whole_said else []
    if fraction != "00":
        parts.append(f"{number(fraction.lstrip('0'))} {cent if fraction == '01' or is_adjective else cents}")
    return " and ".join(parts)


def _scaled(value: str, scale: str, symbol: str, is_adjective: bool) -> str:
    single, several, _, _ = CURRENCIES[symbol]
    return f"{number(value)} {SCALES.get(scale.lower(), scale.lower())} {single if is_adjective else several}"


def _money(match: Match[str]) -> str:
    minus, (symbol, value, scale) = "minus " if match[1] else "", match.groups()[1:4]
    if scale:
        return minus + _scaled(value, scale, symbol, _is_adjective(match))
    return minus + _amount(value, symbol, _is_adjective(match))


def _money_range(match: Match[str]) -> str:
    """The first of two amounts; with cents or a scale of its own it is one by itself."""
    has_cents = re.search(r"\.\d\d$", match[2])
    first = f"{match[1]}{match[2]}{match[3] or ''}" if has_cents or match[3] else number(match[2])
    return f"{first} to {match[1]}"


def _money_after(match: Match[str]) -> str:
    """An amount whose symbol or code stands behind it: "5 €"."""
    if match[2]:
        return _scaled(match[1], match[2], match[3], _is_adjective(match))
    return _amount(match[1], match[3], _is_adjective(match))


def _cups(match: Match[str]) -> str:
    """2 c., 1/4 c."""
    if match[2]:
        return f"{match[2]} {'cup' if len(match[2]) == 3 else 'cups'}"
    return f"{number(match[1])} {'cup' if is_one(match[1]) else 'cups'}"


def _few_cents(match: Match[str]) -> str:
    value = match[1] or match[2]
    words = f"{number(value)} {'cent' if is_one(value) or _is_adjective(match) else 'cents'}"
    return words if match[2] else match.group()[: match.start(1) - match.start()] + words


def _bare_degrees(match: Match[str]) -> str:
    """375F: the number and the scale are those of the alternative that fits."""
    value, scale = [group for group in match.groups() if group]
    if re.search(r"\b(?:[Ss]eat|[Rr]ow|[Gg]ate|[Ff]lat|[Rr]oom|[Aa]partment|[Aa]isle|[Pp]latform)", match.string):
        return match.group()
    words = f"{number(value)} {'degree' if is_one(value) else 'degrees'} {'Celsius' if scale == 'C' else 'Fahrenheit'}"
    return words + (", " if match.string[match.end() : match.end() + 1] == "/" else "")


def _millions(match: Match[str]) -> str:
    """3.4m, where people are counted."""
    is_counted = re.search(
        r"\b(?:[Pp]op|population|people|users|viewers|subscribers|followers|jobs|votes|residents)\b", match.string
    )
    return f"{number(match[1])} million" if is_counted else match.group()


def _cents(match: Match[str]) -> str:
    return f"{number(match[1])} {'cent' if is_one(match[1]) else 'cents'}"


def _duration(match: Match[str]) -> str:
    """1h 23m 45s: m is minutes beside hours or seconds. What is not in that order stays."""
    parts = re.findall(r"(\d+(?:\.\d+)?) ?([dhms])[a-z]*", match.group())
    units = [unit for _, unit in parts]
    if units != sorted(set(units), key="dhms".index):
        return match.group()
    words = [f"{number(value)} {CLOCK_UNITS[unit]}{'' if is_one(value) else 's'}" for value, unit in parts]
    return " ".join(words)


def _unit_words(value: str, unit: str, is_adjective: bool = False, raised: str | None = None) -> str:
    value = re.sub(r"^(-?\d+),(\d{1,2})$", r"\1.\2", value)
    single, several = UNITS[unit]
    kind = RAISED.get((raised or "").strip(), "")
    return f"{number(value)} {kind}{single if is_one(value) or is_adjective else several}"


def _unit(match: Match[str]) -> str:
    value, unit, raised, per_count, per, per_raised = match.groups()
    words = _unit_words(value, unit, _is_adjective(match), raised)
    if per_count and (
        unit == per or per_count not in ("8", "10", "24", "50", "100", "1000")
    ):  # "350 g/12 oz" says the same twice
        words += ", " + _unit_words(per_count, per)
    elif per_count:
        words += f" per {number(per_count)} {UNITS[per][1]}"
    elif per:
        kind = {" squared": "square ", " cubed": "cubic "}[per_raised] if per_raised and per not in ("s", "h") else ""
        words += f" per {kind}{UNITS[per][0]}" + (per_raised or "" if not kind else "")
    comma = "," if re.match(r"/\d", match.string[match.end() :]) else ""
    return words + comma + sentence_end(match, "[A-Z][a-z]*")


def _unit_adjective(match: Match[str]) -> str:
    return f"{number(match[1])} {UNITS[match[2]][0]}"


def _square(match: Match[str]) -> str:
    kind = "square" if match[2].startswith("sq") else "cubic"
    single, several = UNITS["inch" if match[3] == "in" else match[3]]
    is_single = is_one(match[1]) or _is_adjective(match) or "-" in match.group()
    return f"{number(match[1])} {kind} {single if is_single else several}{sentence_end(match)}"


_TURN = re.compile(r" (?:angle|turn|bend|rotation|spin|view|arc|corner|incline|slope|heat|weather|swing|fold)s?\b")


def _degrees(match: Match[str]) -> str:
    scale = {"C": " Celsius", "F": " Fahrenheit", "K": " Kelvin"}.get((match[2] or "").upper(), "")
    is_single = is_one(match[1]) or (not scale and _TURN.match(match.string, match.end()))
    return f"{number(match[1])} {'degree' if is_single else 'degrees'}{scale}"


def _coordinate(match: Match[str]) -> str:
    """40°26'46"N, N 40° 26'."""
    parts = [(match[2], "degree"), (match[3], "minute"), (match[4], "second")]
    words = [f"{number(value)} {name}{'' if is_one(value) else 's'}" for value, name in parts if value]
    points = [POINTS[point] for point in (match[1], match[5]) if point]
    if match[1]:
        return " ".join(points + words)
    return " ".join(words + points) if points or match[3] else match.group()


def _inches(match: Match[str]) -> str:
    is_single = is_one(match[1]) or _is_adjective(match)
    return f"{number(match[1])} {'inch' if is_single else 'inches'}" + sentence_end(match)


def _inch_mark(match: Match[str]) -> str:
    """27": inches, unless the mark closes a quotation."""
    before = match.string[max(0, match.start() - 200) : match.start()]
    if len(re.findall(r'(?:^|[\s(])"(?=\S)', before)) > len(re.findall(r'(?<=[^\s(\d])"', before)):
        return match.group()
    words = number(match[1]) if match[1] else match[2]
    is_single = (
        is_one(match[1] or "")
        or _is_adjective(match)
        or "/" in match.group()
        or _NOUN.match(match.string[match.end() :])
    )
    return f"{words} {'inch' if is_single else 'inches'}"


def _feet_inches(match: Match[str]) -> str:
    if int(match[2]) > 11:  # of a song
        return f"{counted(int(match[1]), 'minute')} {count(int(match[2]))} seconds"
    return f"{number(match[1])} foot {number(match[2])}"


def _feet(match: Match[str]) -> str:
    value = match[1] or match[2] or match[3]
    return f"{number(value)} {'foot' if is_one(value) else 'feet'}"


def _fraction(match: Match[str]) -> str:
    minus, whole, above, below = "minus " if match[1] else "", match[2], int(match[3]), int(match[4])
    if match[5]:
        bare = re.sub(r" ?[^\d]*$", "", match.group())
        is_part = 0 < above < below and not whole
        if is_part and below not in MEASURED:
            return f"{number(match[3])} {number(match[4])} {UNITS[match[5]][1]}"
        is_single = is_part or match[5] == "inch" and _NOUN.match(match.string[match.end() :])
        return f"{RATIO.sub(_fraction, bare)} {UNITS[match[5]][0 if is_single else 1]}"
    if (
        below == 10
        and not whole
        and _RATED.search(match.string[: match.start()][-20:])
        and not re.match(" [a-z]", match.string[match.end() :])
    ):
        return f"{number(match[3])} out of ten"
    if (above == below > 10 or above + below == 100) and not whole:  # 50/50, 80/20
        return f"{number(match[3])} {number(match[4])}"
    if (above == below or below == 100 and above > 9) and not whole:
        return f"{number(match[3])} out of {number(match[4])}"
    if not whole and above > 20 and below < 11 and CRICKET.search(match.string):
        return f"{number(match[3])} for {number(match[4])}"
    if not (0 < above < below <= 100):
        words = f"{number(match[3])} over {number(match[4])}"
        return minus + (f"{number(whole)} and {words}" if whole else words)
    name = DENOMINATORS.get(below) or nth(match[4]).removeprefix("one ")
    if above > 1:
        name = "halves" if below == 2 else name + "s"
    if not whole:
        return f"{minus}{count(above)} {name}"
    return f"{minus}{number(whole)} and {'a' if above == 1 else count(above)} {name}"


def _range(match: Match[str]) -> str:
    """Of a bowler's wickets and runs it is none."""
    is_bowling = len(match[1]) == 1 and len(match[2]) > 1 and CRICKET.search(match.string)
    between = "for" if is_bowling else "to"
    return f"{number(match[1])} {between} {match[2]}"


def _difference(match: Match[str]) -> str:
    """A dash in a sum, which has a "=" near by."""
    around = match.string[max(0, match.start() - 30) : match.end() + 30]
    return " minus " if "=" in around else match.group()


def _minus_or_to(match: Match[str]) -> str:
    """10 - 4 with spaces: what goes down is a difference, what goes up a range."""
    first, last = (float(text.replace(",", "")) for text in match.groups())
    return f"{match[1]} {'minus' if first > last else 'to'} {match[2]}"


def _power_of_ten(match: Match[str]) -> str:
    return f"{number(match[1])} times ten to the {match[2].lstrip('+')}"


DURATIONS: list[Rule] = [
    (r"(?<=\bT\+)(\d{1,4})s\b", r"\1 seconds", "at T+10s → at T plus ten seconds"),
    (r"(?<![\w.])(\d{1,2})[x×](\d{1,2})'?s\b", lambda m: f"{number(m[1])} by {plural(number(m[2]))}", "we need 2x4s → we need two by fours"),
    (r"(?<=\d)/(?=(?:serving|slice|portion|piece|tablet|capsule|bottle|lesson|session|visit|student|child|player|game|match|seat|user)\b)|(?<=tablets)/(?=\d{1,2} ?(?:h|hrs?|hours|days)\b)", " per ", "320 calories, 80/serving → three hundred and twenty calories, eighty per serving", "8 tablets/24hrs → eight tablets per twenty four hours"),
    (r"^([^']*\b(?:[Aa]n?|[Tt]he|[Tt]his|[Ee]ach|[Ee]very) )(\d{1,3})'(?= [a-z]+)(?=[^']*$)", lambda m: f"{m[1]}{number(m[2])} foot", "a 10' ladder → a ten foot ladder"),
    (r"\bx ?(\d{1,3}) ?d\b", lambda m: f"for {counted(int(m[1]), 'day')}", "500 mg x10d → five hundred milligrams for ten days"),
    (r"\b(HP|MP|XP|SP|[Ss]cored?|[Hh]ealth|[Mm]ana|[Ss]tamina|[Aa]mmo|[Ll]ives|[Rr]at(?:ing|ed)|[Aa]ttempt|[Mm]arks?|[Gg]rade|[Rr]esult|[Pp]rogress)(:? )(\d{1,4})/(\d{1,4})(?![\w/]| of\b)", lambda m: f"{m[1]}{m[2]}{number(m[3])} out of {number(m[4])}", "HP: 45/100, MP 12/30 → HP: forty five out of one hundred, MP twelve out of thirty"),
    (r"(?<=\w )\((\d{1,3})/(\d{1,3})\)(?=[.!?\s]*$)", lambda m: m.group() if int(m[1]) <= 12 < int(m[2]) < 32 or m[1] == m[2] else f", {number(m[1])} of {number(m[2])}", "The Lost Sword (2/5) → The Lost Sword, two of five"),
    (r"\b(\d{1,2} ?(?:ft|feet|foot)\.? ?)(\d{1,2}) ?in\b(\.(?= [a-z]))?", lambda m: f"{m[1]}{number(m[2])} inch{'' if m[2] == '1' else 'es'}", "6ft 2in and 15st 4lb → six feet two inches and fifteen stone four pounds"),
    (r"(?<![\w./])(\d{1,2})/(4|8)(?= (?:time|beat|rhythm|groove|signature)\b)", lambda m: f"{number(m[1])} {number(m[2])}", "in 6/8 time → in six eight time"),
    (r"\b((?:[Ll]evel|[Pp]ain|[Ss]olid|[Mm]ood|[Dd]ifficulty)(?: of| is| was)?:? )(\d{1,2})/(5|10|100)(?![\w/])", lambda m: f"{m[1]}{number(m[2])} out of {number(m[3])}", "a pain level 5/10 → a pain level five out of ten"),
    (r"((?i:score|won|lost|final|beat|draw|result|lead)\b[^\d=.;]{0,25}\d{1,3}) - (?=\d{1,3}\b(?! ?=))", r"\1 to ", "score: 3 - 2 → score: three to two"),
    (r"(?<![\w./])(\d{1,2}(?:\.\d)?)/(5|10) (?=stars?\b)", lambda m: f"{number(m[1])} out of {number(m[2])} ", "4/5 stars → four out of five stars"),
    (r"(?<![\w.])(?:\d+ ?(?:d|h|hrs?|m|min) ?){1,3}\d+(?:\.\d+)? ?(?:hrs?|h|mins?|m|secs?|s)(?![\w/])", _duration, "1h 23m 45s → one hour twenty three minutes forty five seconds", "1m 20s → one minute twenty seconds"),
]  # fmt: skip  # noqa: E501
RULES: list[Rule] = [
    # sums: before a dash can be a range
    (r"(?<![\w.])(\d+(?:\.\d+)?)[eE]([+-]\d{1,3}|\d{1,2})(?![\w.]\w)\b", _power_of_ten, "1e-5 → one times ten to the minus five", "6.02e23 → six point zero two times ten to the twenty three"),
    (r"(?:(?<=^)|(?<=[ (=,:]))[–-](?=[\d.$£€]\S*)(?=\.?\d|[$£€]\d)", "-", "–3 °C → minus three degrees Celsius"),
    (r"(?:(?<=\d)|(?<=\))|(?<=\b[a-z])|(?<=\d[a-z])|(?<=squared)|(?<=cubed)) ?[-–] ?(?=[\d.(]|[a-z]\b)", _difference, "10 - 4 = 6 → ten minus four equals six", "x-3=7 → x minus three equals seven", "y = 2x - 1 → y equals two X minus one"),
    (rf"(?<![\w.,])({FIRST}) [-–] ({FIRST})(?![\w%°:/-])(?!\.\d)", _minus_or_to, "9 - 3 is fine → nine minus three is fine", "ages 3 - 9 → ages three to nine"),
    (r"(?:(?<=\b[a-z])|(?<=\))) [-–] (?=\d|[a-z]\b)", " minus ", "x - 3 → x minus three"),
    (r"(?<!\w)~ ?(?=[\d$£€]|[A-Z]{1,3}[$£€]|[A-Z]{3} ?\d)|(?<![\w)])(?<![\w)] )≈ ?(?=[\d$£€])|(?<=[a-z]{3} )≈(?=\d)", "about ", "~5 of them → about five of them"),
    (r"(?<=[\d)%]) ?> ?(?=[-\d(])", " is greater than ", "5 > 3 → five is greater than three"),
    (r"(?<=[\d)%]) ?< ?(?=[-\d(])", " is less than ", "3<5 → three is less than five"),
    (r"(?:(?<=for )|(?<=pay )|(?<=of )|(?<=is )|(?<=at )|(?<=in )|(?<=to )|(?<=are )|(?<=was )|(?<=need )|(?<=with ))> ?(?=[\d$£€])|(?<![\w)])>(?=[\d$£€])|(?<![\w)])(?<![\w)] )> ?(?=[\d$£€])", "more than ", ">5 of them → more than five of them"),
    (r"(?<![\w)])≥(?=[\d$£€])|(?<![\w)])(?<![\w)] )≥ ?(?=[\d$£€])", "at least ", "≥18 years → at least eighteen years"),
    (r"(?<![\w)])≤(?=[\d$£€])|(?<![\w)])(?<![\w)] )≤ ?(?=[\d$£€])", "at most ", "≤5 cm → at most five centimeters"),
    (r"(?:(?<=for )|(?<=pay )|(?<=of )|(?<=is )|(?<=at )|(?<=in )|(?<=to )|(?<=are )|(?<=was )|(?<=need )|(?<=with ))< ?(?=[\d$£€])|(?<![\w)])<(?=[\d$£€])|(?<![\w)])(?<![\w)] )< ?(?=[\d$£€])", "less than ", "<5 of them → less than five of them"),
    (r"(?<![\w.,])(\d+(?:\.\d+)?) ?(cm|mm|m|in|ft|km) ?[xX×] ?(?=\d+(?:\.\d+)? ?\2\b)", r"\1 x ", "a 20cm x 30cm tin → a twenty by thirty centimeter tin"),
    (r"(?<=[=(] )[–-](?=[a-z]\b)", "minus ", "x = −b + 2 → x equals minus b plus two"),
    (r"(?<![\w.])(\d+(?:\.\d+)?) ?M(?= (?:solution|buffer|HCl|NaOH|NaCl|KCl)\b)", lambda m: f"{number(m[1])} molar", "a 1M HCl bath → a one molar H C L bath"),
    (r"\b(sin|cos|tan) ?(?=\d{1,3}(?:\.\d+)? ?°)", lambda m: FUNCTIONS[m[1]] + " ", "tan 45° = 1 → tangent forty five degrees equals one"),
    # money
    (r"(?<![\d,])(?<!\d\.)\d{1,2}(?:,\d{2})+,\d{3}(?![\d,])", lambda m: m.group().replace(",", ""), "1,25,000 → one hundred and twenty five thousand"),
    (r"(?<![\w.])(\d{1,2}) ?st (?=\d{1,2} ?lbs?\b)", r"\1 stone ", "23st 8lb → twenty three stone eight pounds"),
    (r"\b((?:weigh(?:s|ed|ing)?|lost|lose|gained|gain) (?:[a-z]+ )?\d{1,2}) ?st\b(\.(?= [a-z]))?", r"\1 stone", "She weighs 9 st now → She weighs nine stone now"),
    (r"(?<=[a-z] )\([xX×] ?(\d{1,3})\)|(?<=[a-z]s )[xX×] ?(\d{1,3})(?=[.,;]?$)", lambda m: f"times {number(m[1] or m[2])}", "eggs (x12) → eggs times twelve", "2 eggs x3 → two eggs times three"),
    (r"(?<=\d)- (to|or|and|vs\.?|versus) (?=\d)", r" \1 ", "18- to 24-year-olds → eighteen to twenty four-year-olds"),
    (r"(?<=\d)/[=-](?![\w-])", "", "KES 1,500/= only → one thousand five hundred Kenyan shillings only"),
    (r"(?<![\w/.])(\d) ?/ ?(?=[$£€]\d)", r"\1 for ", "2/£6 → two for six pounds"),
    (r"(?<=\d) [xX×] (?=[$£€]\d)", " times ", "12 x £25 → twelve times twenty five pounds"),
    (r"(?<![\w.,])(\d{1,3}(?:[.,]\d{3})*|\d+)(?:,|\.)(?:-{1,2}|[–—])(?![\w-])", lambda m: m[1].replace(".", ""), "from €1.299,- → from one thousand two hundred and ninety nine euros", "only 5.- → only five"),
    (r"(?<=€)\d{1,3}(?:\.\d{3})+(?![\w.,]|/)", _continental, "€1.299 → one thousand two hundred and ninety nine euros"),
    (rf"(?<![\w.,])\d{{1,3}}(?:\.\d{{3}})*,\d\d(?= ?(?:{MONEY})(?!\w))|(?:(?<=[€£$])|(?<=[€£$] )|(?<=kr )|(?<=zl )|(?<=kr\. )|(?<=[A-Z]{{3}} ))\d{{1,3}}(?:\.\d{{3}})*,\d\d(?![\d,])|(?<![\w.,])\d{{1,3}}(?:\.\d{{3}})+(?= ?(?:€|[Ee]uros?\b|kr\b|zl\b|SEK\b|NOK\b|DKK\b|PLN\b))", _continental, "3,50 € → three euros and fifty cents", "1.234,56 € → one thousand two hundred and thirty four euros and fifty six cents", "€9,99 → nine euros and ninety nine cents", "EUR 9,99 → nine euros and ninety nine cents"),
    (r"(?<![\w.,])(\d{1,3}),(\d{1,2})(?= ?(?:[Mm]io|[Mm]rd)\b)", r"\1.\2", "1,5 Mio. € → one point five million euros"),
    (rf"\b({CODES})/({CODES}) (?=\d)", r"\1 to \2, ", "GBP/USD 1.27 → GBP to USD, one point two seven"),
    (r"([$£€]\d+\.\d\d)(?=[a-z](?!\w))", r"\1 ", "EPS of $0.39e → EPS of thirty nine cents e"),
    (r"(?<=\()(\d\d)([MF])(?=\))", lambda m: f"{number(m[1])} {m[2]}", "my boyfriend (30M) left → my boyfriend, thirty M, left"),
    (rf"([$£€¥₹])({FIRST})(?: ?({SCALE}|[kKmMbBtT]n?))? ?[-–] ?\1?(?=\d)", _money_range, "$50-$60 → fifty to sixty dollars", "$1.50-$2.00 → one dollar and fifty cents to two dollars", "$5k-$6k → five thousand dollars to six thousand dollars"),
    (rf"([$£€])({NUMBER})([kKmM]?) ?(pp|pcm|pw|pa|pm|p\.a\.|p\.w\.|p\.p\.)(?!\w)", lambda m: f"{m[1]}{m[2]}{m[3]} {PER[m[4].replace('.', '')]}", "£12.50pp → twelve pounds and fifty pence per person", "£900 pcm → nine hundred pounds per calendar month"),
    (r"\bR(?: ?(?=\d{1,3}(?:,\d{3})+\b)|(?=\d+\.\d\d\b))", "ZAR ", "R1,200 → one thousand two hundred rand"),
    (r"\b(\d{3,4})[x×](\d{3,4})(?![\w.])", lambda m: f"{in_pairs(m[1])} by {in_pairs(m[2])}", "2560x1440 → twenty five sixty by fourteen forty", "1920×1080 → nineteen twenty by ten eighty"),
    (rf"(?<![\w$])(-)?({MONEY}) ?({NUMBER})(?:[ -]?({SCALE}|k|K|m|M|mn|bn|b|B|tn|T|mio|Mio|mrd|Mrd))?(?!\w)", _money, "$5.20 → five dollars and twenty cents", "a $1.4 billion loan → a one point four billion dollar loan", "-$5 → minus five dollars", "£2bn → two billion pounds", "EUR 4.5 mio → four point five million euros"),
    (rf"(?<![\w.])({NUMBER})(?: ?({SCALE}|k|K|m|M|mn|bn|b|B|tn|[Mm]io|[Mm]rd)\.?)? ?({MONEY})(?!\w)", _money_after, "5 € → five euros", "3.50€ → three euros and fifty cents", "50 million USD → fifty million U S dollars"),
    (rf"(?<![\w.])({NUMBER}) ?¢", _cents, "50¢ → fifty cents"),
    (rf"\b({PAID}) ?/ ?({alternatives(EACH)})\b(?!/)\.?", lambda m: f"{m[1]} {EACH[m[2]]}" + sentence_end(m), "$5/mo → five dollars a month", "£3/kg → three pounds a kilogram"),
    (rf"(?<![\w.])({NUMBER})m(?:(?= (?:{COUNTED})\b)|(?<=population \d\.\dm))", lambda m: f"{number(m[1])} million", "1.5m people → one point five million people"),
    (r"(?<![\w.$£€])(\d{1,3}\.\d{1,2})m\b(?! (?:long|wide|high|tall|deep|away|thick))(?![/²³])", _millions, "the population grew to 3.4m in May → the population grew to three point four million in May"),
    (r"(?<![\w.,/-])(\d+) ?[-–] ?(?=\d+ \d/\d)", r"\1 to ", "1-1 1/2 hours → one to one and a half hours"),
    (r"(?<![\w./])(?:(\d+)|((?:\d )?\d/\d))(?: ?c\.(?= [a-z])|(?:(?<=/\d) c(?= (?!is|in|to|and|or|at|on|of|for|as|but|with|than|the|are|was)[a-z]{3})| c(?= (?:[a-z-]+ )?(?:flour|sugar|milk|butter|water|oil|rice|salt|stock|broth|cream|oats|nuts|cheese|juice)\b)))", _cups, "2 c. sugar → two cups sugar", "1/4 c milk → one quarter cup milk"),
    (r"(?i:\b(?:costs?|pay|paid|price|worth|save|only|just|for|up|down|fell|rose|by|cents?|coin|stamp|are|now))(?: \w+)? (\d{1,2})c\b|(?<![\w.])(\d{1,2})c(?= (?:a|an|per|each|off|coin|piece|stamp|more|less|deposit)\b)", _few_cents, "It only costs 5c. → It only costs five cents.", "a 50c coin → a fifty cent coin"),
    (r"(?<!\b[Aa]t )(?<!day )(?<![\w.,–-])(?!(?:144|240|360|480|540|720)p)(\d{1,3}(?:\.\d+)?)p(?= [a-z]|[,.;:!?)]|/|$)", lambda m: f"{number(m[1])} {'penny' if is_one(m[1]) else 'pence'}", "99p a pack → ninety nine pence a pack"),
    (rf"(?<=\d)( ?(?:mi|miles?|km|yds?|ft|m)| blocks)\.? ([NSEW])(?= (?:{COURSES})\b|[,;])", lambda m: f"{m[1]} {POINTS[m[2]]}", "go 3 mi. N on Hwy. 66, 5 km S of town → go three miles north on Highway sixty six, five kilometers south of town"),
    (r"(?<![\w.])(\d+\.\d+) ?A\b(?!-)", lambda m: f"{number(m[1])} amp{'' if _is_adjective(m) else 's'}", "a current of 1.5 A → a current of one point five amps"),
    (r"(?<![\w.,])(?<!\b(?:Flat|Room|Unit|Gate|Seat) )(\d{1,3}) ?A(?=[ -](?:fuse|breaker|charger|circuit|socket|plug|current|supply|outlet|max)\b)", lambda m: f"{number(m[1])} amp", "a 13 A fuse → a thirteen amp fuse"),
    (r"(?<![\w./])((?:\d+ )?\d/\d|\d+) ([Tt])\.(?= [a-z])", lambda m: f"{m[1]} {'tbsp' if m[2] == 'T' else 'tsp'}", "2 T. butter → two tablespoons butter", "1/8 t. nutmeg → one eighth teaspoon nutmeg"),
    (r"(?<=\d )(lg|sm|med)\b\.?(?= [a-z])", lambda m: {"lg": "large", "sm": "small", "med": "medium"}[m[1]], "2 lg. eggs → two large eggs"),
    (r"(?<![\w.,])(\d+(?:\.\d+)?)pc\b", lambda m: f"{number(m[1])} percent", "lost 0.4pc → lost zero point four percent"),
    # temperatures without a sign
    (r"(?<![\w.,/-])(-?\d{1,3})([CF])(?=/\d)|(?<=/)()(\d{2,3})([CF])\b|(?<![\w.,/-])(\d{3}) ?([CF])\b(?![-+#&])|(?<![\w.,/])(?:(?<=\bat )|(?<=\bto )|(?<=\bbelow )|(?<=\babove )|(?<=\breached )|(?<=\breach )|(?<=\b[Hh]igh )|(?<=\b[Hh]ighs )|(?<=\b[Ll]ow )|(?<=\b[Ll]ows )|(?<=\bhits )|(?<=\bnear )|(?<=\bover )|(?<=\bunder )|(?<=\bexceed )|(?<=\bhit )|(?<=\baround )|(?<=\babout )|(?<=\bof ))(-?\d{1,3}) ?([CF])\b(?![-+#&])", _bare_degrees, "bake at 375F → bake at three hundred and seventy five degrees Fahrenheit", "220C/200C → two hundred and twenty degrees Celsius, two hundred degrees Celsius"),
    # quantities
    (r"(?<=\d) [-–] (?=-\d)", " minus ", "-3 - -4 → minus three minus minus four"),
    (r"(?<![\w./,])(\d{1,4})/(min|hr|wk|yr)\b", lambda m: f"{number(m[1])} per {UNITS[m[2]][0]}", "a rate of 16/min → a rate of sixteen per minute"),
    (r"(?<=[\w)]) ?\^ ?\(?([23])\)?(?!\w|\.\d)", lambda m: " squared" if m[1] == "2" else " cubed", "x^2 + y^3 → x squared plus y cubed"),
    (r"(?<=[\w)]) ?\^ ?\(?(-?\d+)\)?(?!\w)", r" to the power of \1", "x^5 → x to the power of five", "3×10^8 m/s → three times ten to the power of eight meters per second"),
    (rf"(?<=\d)[xX×](?=\d)(?!\d+(?: to the|\^))|(?<=\d) [xX×] (?=\d+(?:\.\d+)?(?: [xX×] \d+(?:\.\d+)?){{0,2}} ?(?:{AREA}|\"|'')(?!\w))|(?<=\b[A-Z])(?: ?× ?| x )(?=[A-Z]\b)", " by ", "a 9x13\" pan → a nine by thirteen inch pan", "the 4x100m relay → the four by one hundred meter relay", "2 x 4 m → two by four meters", "30 x 20 x 10 cm (W×D×H) → thirty by twenty by ten centimeters, W by D by H"),
    (rf"(?<=\d) [xX×] (?=\d+(?:\.\d+)? ?(?:{UNIT})(?!\w))", " times ", "2 x 400g of tomatoes → two times four hundred grams of tomatoes"),
    (r"(?<![\w.])(\d{1,3}(?:,000)+)s\b", lambda match: plural(number(match[1]).removeprefix("one ")), "1,000s of them → thousands of them"),
    (r"(?:(?<=[%°])|(?<=°[CF])) ?[-–] ?(?=-?\d)", " to ", "5%–10% → five percent to ten percent"),
    (r"(?<=\d(?:st|nd|rd|th)) ?[-–] ?(?=\d+(?:st|nd|rd|th)\b)", " to ", "16th-18th → sixteenth to eighteenth"),
    (r"(?<=\d)-(to|for|by|in|on|and|or)-(?=\d)", r" \1 ", "9-to-5 → nine to five"),
    (r"(?<=\b(?:two|the|old|new) )(\d{3})s\b", lambda m: plural(in_pairs(m[1])), "the 747s → the seven forty sevens"),
    (r"(?:(?<== )|(?<== minus ))([A-Za-z])/([A-Za-z])\b", r"\1 over \2", "v = d/t → v equals d over t", "x = −b/a → x equals minus b over a"),
    (r"\b((?:sine|cosine|tangent|[fgh]) of [a-z])/(?=\w)", r"\1 over ", "sin(x)/x = 1 → sine of x over x equals one"),
    (rf"\b(per [a-z]+)/({alternatives(EACH)})\b", lambda m: f"{m[1]} {EACH[m[2]]}", "per user/yr → per user a year"),
    (r"(?<=\w)/(?=(?:month|year|day|week|hour|minute|second|person|night|head|mile|user|student|share|unit|pound|gallon)\b)", " per ", "$19.99/month → nineteen dollars and ninety nine cents per month"),
    (rf"(?<=\d )([a-z]{{3,}}|req)/({UNIT})(?!\w)", lambda m: f"{m[1]} per {UNITS[m[2]][0]}", "6 cells/mL → six cells per milliliter", "9 requests/s → nine requests per second"),
    (rf"(?<![\w.])({NUMBER})[ -]?(sq|cu)\.?[ -]?(ft|mi|in|yd|m|km|cm)\b\.?", _square, "a 500-sq.-ft. flat → a five hundred square foot flat", "40,000 sq. ft. → forty thousand square feet.", "5 sq km → five square kilometers", "2 cu ft → two cubic feet"),
    (rf"(?<![\w./])({NUMBER})-({UNIT})\.?(?=[ -][a-z]|\)|, )", _unit_adjective, "a 10-km run → a ten kilometer run", "a 100-W bulb → a one hundred watt bulb", "a 6-ft. fence → a six foot fence"),
    (rf"(?<![\w.])({NUMBER})-in\.(?= [a-z])", lambda m: f"{number(m[1])} inch", "1-in. cubes → one inch cubes"),
    (r"(?:(?<=\d/\d)|(?<=\d/\d\d)) in\b\.?(?= (?:tall|long|wide|high|deep|thick|of)\b|[,;)]|$)", " inch", "10 1/2 in. tall → ten and a half inches tall"),
    (rf"(?<![\w./])({NUMBER})in(?= (?:wide|tall|long|high|deep|thick)\b)", _inches, "5in wide → five inches wide"),
    (rf"(?<![\w./])({NUMBER})in(?= [a-z])", lambda m: f"{number(m[1])} inch", "a 3in pipe → a three inch pipe"),
    (rf"(?<![\w./])({NUMBER}) in\.", _inches, "5 in. wide → five inches wide"),
    (r"(?:\b([NSEW]) ?)?(?<![\d.])(-?\d+(?:\.\d+)?) ?° ?(?:(\d+(?:\.\d+)?)' ?)?(?:(\d+(?:\.\d+)?)(?:\"|'') ?)?([NSEW]\b)?", _coordinate, "N 51° 30' 26\" → north fifty one degrees thirty minutes twenty six seconds", "40°26'46\"N → forty degrees twenty six minutes forty six seconds north", "74.5° W → seventy four point five degrees west"),
    (r"(?<=\d['\"]) ?[–-] ?(?=\d+['\"])", " to ", "3\"–4\" wide → three inches to four inches wide"),
    (r"(?<![\w.])(\d)' ?(\d{1,2})(?:\"|''|(?![\w'\"]))", _feet_inches, "He is 5'11\". → He is five foot eleven."),
    (r"(?<![\w.'])(\d{1,3})'(?=(?: (?:tall|wide|long|high|deep|x|by|×)\b)|[x×])|(?<=[x×] )(\d{1,3})'(?!')|(?<=[x×])(\d{1,3})'(?!')", _feet, "10' long → ten feet long"),
    (rf"(?<![\w.\"])(?:({NUMBER})|((?:\d+[ -])?\d/\d{{1,2}}))(?:\"|''(?!'))", _inch_mark, "a 27\" screen → a twenty seven inch screen", "3/4\" → three quarters inch"),
    (r"(?<![\w.,])(\d{1,2})[x×]/(d|day|wk|week|mo|month|yr|year)\b", lambda m: f"{number(m[1])} times {EACH.get(m[2]) or 'a ' + m[2]}", "gym 3x/wk → gym three times a week"),
    (r"\b([Oo]dds (?:of|are|were|is|at) )(\d{1,3})/(\d{1,3})\b", lambda m: f"{m[1]}{number(m[2])} to {number(m[3])}", "odds of 5/2 → odds of five to two"),
    (r"(?<![\w.,])(\d{1,2}) ?[–-] ?(?=\d{1,2}x\b)", r"\1 to ", "rinse 2–3x → rinse two to three times"),
    (r"(?<![\w.,])(\d{1,3}(?:\.\d)?)K(?= (?:employees|followers|users|people|views|members|subscribers|workers|miles|copies|fans|jobs)\b)", lambda m: f"{number(m[1])} thousand", "12K employees → twelve thousand employees"),
    (r"(?<![\w./])1 pt\b(\.?)", lambda m: "one point" + sentence_end(m) if re.search(r"\bpts\b|\bpoints?\b|\b(?:lead|win|[Dd]raw|loss)\b", m.string) else m.group(), "1 pt behind, 3 pts up → one point behind, three points up"),
    (r"(?<![\w./])(\d{1,2}\.\d)/(5|10|100)(?![\w/]|\.\d| ?[A-Za-z]{1,3}\b(?<! on)(?<! in)(?<! at))", lambda m: f"{number(m[1])} out of {number(m[2])}", "9.5/10 → nine point five out of ten"),
    (r"(?<=[a-z])/(mi|km)\b", lambda m: f" per {UNITS[m[1]][0]}", "ran 4:37.2/mi → ran four thirty seven point two per mile"),
    (r"(?<![\w/.])(\d/\d{1,2}) ?[–-] ?(?=\d)", r"\1 to ", "¼–½ tsp → one quarter to one half teaspoon"),
    (r"(?<=\d )ov\b\.?", "overs", "286/7 (50 ov) → two hundred and eighty six for seven, fifty overs"),
    (r"(?<=\d/\d) ?dec\b\.?", " declared", "312/5 dec. → three hundred and twelve for five declared"),
    (r"\b((?:[Rr]efs?|pp?|[Nn]os|vv)\. |(?:[Rr]eferences|[Pp]ages|[Ll]ines|[Vv]erses|[Ii]tems|[Cc]hapters|[Ss]ections|paragraphs) )(\d+(?:[-–]\d+)?(?:,\d+(?:[-–]\d+)?){1,20})(?!\w)", lambda m: m[1] + m[2].replace(",", ", "), "refs. 12,14–17 → references twelve, fourteen to seventeen"),
    (r"(?<![A-Za-z/.@\d-])(?<!\d )(√\d{1,3}|√?[a-vxyzπα-ω])/(\d{1,3})(?![\w/.])(?! ?(?:oz|lbs?|min|h|hrs?|days?|wk|mo|yr|[mk]?g|m?l|in|ft)\b)", lambda m: f"{m[1]} over {number(m[2])}", "π/2, x/2 and √2/2 → pi over two, x over two and the square root of two over two"),
    (rf"(?<![\w.])(-)?(?:(\d+)[ -])?(\d{{1,4}})/(\d{{1,4}})(?:ths?|rds?|nds?)?(?: ?({UNIT}))?(?![\w/])(?:(?<=[a-z])\.(?= [a-z]|[),;]))?", _fraction, "1/2 tbsp. oil → one half tablespoon oil", "120/80 mmHg → one hundred and twenty over eighty millimeters of mercury", "2 1/2 → two and a half", "50/50 → fifty fifty", "−5/18 → minus five eighteenths", "10/10 → ten out of ten"),
    (rf"(?<![A-Za-z]-)(?<![\w.,])({FIRST}) ?[-–] ?(-?(?:{NUMBER}))(?![\w-])(?!\.\d)", _range, "5-10 kg → five to ten kilograms", "pages 10–20 → pages ten to twenty", "212 all out (Starc 4-56) → two hundred and twelve all out, Starc four for fifty six"),
    (rf"(?<![A-Za-z]-)(?<![\w.,])({FIRST}) ?[-–] ?(?=(?:{NUMBER}) ?(?:{UNIT}|°|[kKMB]\b)(?!\w))", lambda m: f"{number(m[1])} to ", "5-10kg → five to ten kilograms"),
    (rf"(?<![\w.])(-?(?:{NUMBER})) ?° ?([CFKcf])?(?![\w])", _degrees, "21°C → twenty one degrees Celsius", "1° → one degree"),
    (rf"(power of -?\d+)/({UNIT})( squared| cubed)?(?!\w)", lambda m: f"{m[1]} per {RAISED.get((m[3] or '').strip(), '')}{UNITS[m[2]][0]}", "6×10²³ mol⁻¹ → six times ten to the power of twenty three per mole"),
    (r"(?<=\d)! ?(?=[=+*/×÷])", " factorial ", "5! = 120 → five factorial equals one hundred and twenty"),
    (rf"(?<!power of )(?<!power of -)(?<![\w.])({NUMBER}) ?(?:(mn|bn|tn|mil|[Mm]io|[Mm]rd)|(M)(?!\w)(?! ?[a-z]?\d))(?!\w)(?:(?<=io)\.|(?<=rd)\.)?", lambda m: f"{number(m[1])} {SCALES.get((m[2] or m[3]).lower(), 'million')}", "10M views → ten million views", "2.5bn → two point five billion", "3 Mrd. Euro → three billion Euro"),
    (rf"(?<!\ba )(?<!\b[Aa]n )(?<![\w.])({NUMBER})k(?= (?!run|race|walk|trail|marathon)[a-z]|[+,.;!?)]|$)", lambda m: f"{number(m[1])} thousand", "5k followers → five thousand followers"),
    (r"(?<![\w.])(\d+\.\d+)([BT])(?!\w)|(?<![\w.])(\d+)(B)(?= (?:[a-z]{3,}s|people)\b)", lambda m: f"{number(m[1] or m[3])} {SCALES[(m[2] or m[4]).lower()]}", "1.5B people → one point five billion people"),
    (rf"(?<![\w.])(-?{NUMBER}) ?({AREA})( squared| cubed)(?!\w)", lambda m: _unit_words(m[1], "inch" if m[2] == "in" else m[2], _is_adjective(m), m[3]), "5 m² → five square meters"),
    (rf"(?<![\w.])(?<![A-Za-z]-)(-?(?:\d+,\d{{1,2}}(?!\d)|{NUMBER})) ?({UNIT})( squared| cubed)?(?:\.?/(?:(\d+) ?)?({UNIT})( squared| cubed)?)?(?!\w|-\d+(?![\w.,])|-(?!long|wide|high|tall|deep|thick)[a-z]{{4}})(?:(?<=[a-z])\.)?", _unit, "a 10m shaft with a 40cm gap → a ten meter shaft with a forty centimeter gap", "100 km/h → one hundred kilometers per hour", "9.8 m/s² → nine point eight meters per second squared", "Add 1 tsp. Then stir. → Add one teaspoon. Then stir."),
    (r"(?<!\w)(\d{1,3})ers\b", lambda m: number(m[1]).removesuffix("e") + "ers", "the 49ers → the forty niners"),
    (r"(?<![\w.])(\d[\d,]{0,20})(?i:st|nd|rd|th)\b", lambda match: nth(match[1].replace(",", "")), "3RD and 4TH → third and fourth", "the 21st → the twenty first"),
    (r"(?<![\w.])(\d+(?:\.\d+)?)x(?! (?:squared|cubed|to the|minus|plus|equals)\b)(?<!= \dx)(?<!= \d\dx)(?= [A-Za-z]|[,.;!?)]|$)", lambda match: f"{number(match[1])} times", "3x faster → three times faster"),
    (r"(?:(?<=feet)|(?<=foot)|(?<=inch)|(?<=inches)|(?<=meter)|(?<=meters)) ?[x×] ?(?=\w)", " by ", "10' x 12' → ten feet by twelve feet"),
    (r"(?<=\d) ?[*×] ?(?=\d)|(?<=\d) x (?=\d)|(?<=\b[a-z]) [*×] (?=\w)", " times ", "3 × 4 → three times four"),
    (r"(?<=[\w)]) ?\^ ?- ?(?=[A-Za-z]\b)", " to the power of minus ", "e^-x → e to the power of minus x"),
    (r"(?<=[\w)]) ?\^ ?(?=[a-z]\b)", " to the power of ", "e^x → e to the power of x"),
    (rf"(?<=minute|second)/({UNIT})\b|(?<=hour|gram)/({UNIT})\b|(?<=day)/({UNIT})\b", lambda m: f" per {UNITS[m[1] or m[2] or m[3]][0]}", "10 mL/min/kg → ten milliliters per minute per kilogram"),
    (r"(?<=squared)/(?=\w)|(?<=cubed)/(?=\w)|(?<=squared )/(?=\w)|(?<=cubed )/(?=\w)", " over ", "y = x²/2 → y equals x squared over two"),
    (r"(?<=[\d)]) / (?=[\d(])|(?<=\b[a-z]) / (?=[a-z\d]\b)", " divided by ", "8 / 2 → eight divided by two"),
    (rf"(?<![\w/.\d])(?<!\d )(km|mi|kg|mg|mL|ml|GB|MB|kB|kWh)/({UNIT})(?![\w/])", lambda m: f"{UNITS[m[1]][1]} per {UNITS[m[2]][0]}", "speeds in km/h → speeds in kilometers per hour"),
]  # fmt: skip  # noqa: E501
