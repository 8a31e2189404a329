"""Text as it is spoken: `write_out` turns numbers, money, dates, abbreviations and symbols into English words.

A list of rules, tried in the order of `RULES`, each a pattern and what to put in its place. Number words come from
hibari's tables (Apache-2.0). Whatever no rule knows is still said: a digit as a digit, a letter as a letter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from re import Match

from hibari.g2p.numbers import cardinal, ordinal
from hibari.g2p.numbers import year as year_words

MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SCALES = {"k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion", "tn": "trillion"}
DENOMINATORS = {2: "half", 4: "quarter"}

# unit: (one, several); "a/b" is read as "a per b"
UNITS = {
    "km": ("kilometer", "kilometers"), "m": ("meter", "meters"), "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"), "µm": ("micrometer", "micrometers"), "nm": ("nanometer", "nanometers"),
    "mi": ("mile", "miles"), "yd": ("yard", "yards"), "ft": ("foot", "feet"), "inch": ("inch", "inches"),
    "kg": ("kilogram", "kilograms"), "g": ("gram", "grams"), "mg": ("milligram", "milligrams"),
    "µg": ("microgram", "micrograms"), "mcg": ("microgram", "micrograms"), "t": ("ton", "tons"),
    "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"),
    "l": ("liter", "liters"), "L": ("liter", "liters"), "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"), "cl": ("centiliter", "centiliters"), "gal": ("gallon", "gallons"),
    "pt": ("pint", "pints"), "qt": ("quart", "quarts"), "fl oz": ("fluid ounce", "fluid ounces"),
    "tsp": ("teaspoon", "teaspoons"), "tbsp": ("tablespoon", "tablespoons"),
    "h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"), "s": ("second", "seconds"), "sec": ("second", "seconds"),
    "secs": ("second", "seconds"), "ms": ("millisecond", "milliseconds"), "µs": ("microsecond", "microseconds"),
    "yr": ("year", "years"), "yrs": ("year", "years"), "wk": ("week", "weeks"), "wks": ("week", "weeks"),
    "mph": ("mile per hour", "miles per hour"), "kph": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"), "rpm": ("revolution per minute", "revolutions per minute"),
    "bpm": ("beat per minute", "beats per minute"), "fps": ("frame per second", "frames per second"),
    "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"), "dB": ("decibel", "decibels"), "W": ("watt", "watts"),
    "kW": ("kilowatt", "kilowatts"), "MW": ("megawatt", "megawatts"), "GW": ("gigawatt", "gigawatts"),
    "Wh": ("watt hour", "watt hours"), "kWh": ("kilowatt hour", "kilowatt hours"), "V": ("volt", "volts"),
    "mA": ("milliamp", "milliamps"), "mAh": ("milliamp hour", "milliamp hours"), "Ω": ("ohm", "ohms"),
    "N": ("newton", "newtons"), "J": ("joule", "joules"), "kJ": ("kilojoule", "kilojoules"),
    "cal": ("calorie", "calories"), "kcal": ("kilocalorie", "kilocalories"), "Pa": ("pascal", "pascals"),
    "hPa": ("hectopascal", "hectopascals"), "kPa": ("kilopascal", "kilopascals"),
    "KB": ("kilobyte", "kilobytes"), "kB": ("kilobyte", "kilobytes"), "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"), "MP": ("megapixel", "megapixels"),
    "Mbps": ("megabit per second", "megabits per second"), "Gbps": ("gigabit per second", "gigabits per second"),
    "kbps": ("kilobit per second", "kilobits per second"), "px": ("pixel", "pixels"), "ha": ("hectare", "hectares"),
    "sq ft": ("square foot", "square feet"), "sq mi": ("square mile", "square miles"), "pct": ("percent", "percent"),
    "%": ("percent", "percent"), "‰": ("per mille", "per mille"),
}  # fmt: skip
# symbol or code: (one, several, one hundredth, hundredths)
CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"), "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"), "₩": ("won", "won", "jeon", "jeon"),
    "₽": ("ruble", "rubles", "kopek", "kopeks"), "₿": ("bitcoin", "bitcoins", "cent", "cents"),
    "USD": ("U S dollar", "U S dollars", "cent", "cents"), "US$": ("U S dollar", "U S dollars", "cent", "cents"),
    "A$": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "C$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"), "EUR": ("euro", "euros", "cent", "cents"),
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"), "JPY": ("yen", "yen", "sen", "sen"),
    "INR": ("rupee", "rupees", "paisa", "paise"), "Rs": ("rupee", "rupees", "paisa", "paise"),
}  # fmt: skip
# with a full stop (which is the abbreviation's own unless a new sentence follows)
ABBREVIATIONS = {
    "Mr": "Mister", "Mrs": "Mrs", "Ms": "Miz", "Mx": "Mix", "Messrs": "Messers", "Prof": "Professor",
    "Gen": "General", "Gov": "Governor", "Sen": "Senator", "Rep": "Representative", "Capt": "Captain",
    "Lt": "Lieutenant", "Col": "Colonel", "Sgt": "Sergeant", "Cmdr": "Commander", "Rev": "Reverend",
    "Hon": "Honorable", "Pres": "President", "Cpl": "Corporal", "Maj": "Major", "Adm": "Admiral", "Msgr": "Monsignor",
    "Jr": "Junior", "Sr": "Senior", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Ln": "Lane",
    "Hwy": "Highway", "Pkwy": "Parkway", "Sq": "Square", "Apt": "Apartment", "Bldg": "Building", "Mt": "Mount",
    "Ft": "Fort", "Ltd": "Limited", "Inc": "Incorporated", "Corp": "Corporation", "Co": "Company", "Bros": "Brothers",
    "Dept": "Department", "Univ": "University", "Assn": "Association", "Govt": "Government", "Inst": "Institute",
    "approx": "approximately", "est": "established", "vs": "versus", "vol": "volume", "fig": "figure",
    "ch": "chapter", "pp": "pages", "ed": "edition", "eds": "editors", "cf": "compare", "etc": "et cetera",
    "tel": "telephone", "temp": "temperature", "max": "maximum", "min": "minimum", "dept": "department",
    "ext": "extension", "incl": "including",
    "excl": "excluding", "esp": "especially", "misc": "miscellaneous", "viz": "namely",
    "tsp": "teaspoon", "tbsp": "tablespoon", "oz": "ounce", "lb": "pound", "lbs": "pounds", "ft": "feet",
    "hr": "hour", "hrs": "hours", "mins": "minutes", "sec": "second", "secs": "seconds",
    "Approx": "approximately", "Ch": "chapter", "Vol": "volume", "Fig": "figure", "Tel": "telephone", 
    "Temp": "temperature",
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday",
    "Thurs": "Thursday", "Fri": "Friday",
}  # fmt: skip
BARE = ("Mr", "Mrs", "Ms", "vs", "approx", "tsp", "tbsp", "lbs", "Prof", "Sgt", "Lt", "Blvd", "Dept")  # or without it
# with inner full stops, or none; "no", "sat", "sun", "mar", "jan" are words too and need their context
PHRASES = {
    "e.g.": "for example", "eg.": "for example", "i.e.": "that is", "ie.": "that is", "et al.": "et al",
    "a.k.a.": "also known as", "aka": "also known as", "w/o": "without", "w/": "with ", "c/o": "care of",
    "p.s.": "P S", "BTW": "by the way",
    "C#": "C sharp", "F#": "F sharp", ".NET": "dot net", "C++": "C plus plus", "sth": "something",
    "24/7": "twenty four seven", "911": "nine one one",
    "9/11": "nine eleven", "n't": "not", "'n'": "and", "I/O": "I O", "B2B": "B to B",
}  # fmt: skip
SYMBOLS = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "%": "percent", "±": "plus or minus", "×": "times",
    "÷": "divided by", "≈": "is about", "≠": "is not equal to", "≤": "is at most", "≥": "is at least",
    "√": "the square root of", "∞": "infinity", "°": "degrees", "§": "section", "¶": "paragraph", "©": "copyright",
    "→": "to", "⇒": "to", "$": "dollars", "£": "pounds", "€": "euros", "¥": "yen", "¢": "cents", "₹": "rupees",
    "#": "hash", "‰": "per mille", "№": "number", "♯": "sharp", "♭": "flat", "₩": "won", "₽": "rubles", "₿": "bitcoins",
}  # fmt: skip
IN_ADDRESSES = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "?": "question mark", "=": "equals", "&": "and",
    "#": "hash", "%": "percent", "+": "plus", "@": "at", ":": "colon", "~": "tilde",
}  # fmt: skip
SPELLED_DOMAINS = {"uk", "us", "de", "fr", "io", "ai", "tv", "eu", "ca", "au", "nz", "ch", "jp", "nl", "se", "fm", "hf"}
NUMBERED = frozenset(  # what a Roman numeral counts: "Chapter four"; anybody else is "the fourth"
    """
    chapter part act scene section volume book phase article war mark type level stage class grade bowl apollo
    gemini fantasy episode round rocky appendix figure table title vol no step unit lesson verse canto saturn model
    item
    """.split()  # noqa: SIM905
)
LABELS = frozenset(  # a capital after these is a label, no initial
    """
    plan vitamin grade type class group section part option hepatitis team point size step letter is was
    """.split()  # noqa: SIM905
)
BEFORE_YEARS = frozenset(  # four digits after these are a year
    """
    in since by from until till of before after during around year circa to late early mid and or the
    """.split()  # noqa: SIM905
)
OPENERS = (  # capitalised words that say a new sentence has begun
    "The|A|An|He|She|It|They|We|I|You|But|And|Or|Then|This|That|These|Those|In|On|At|Is|Are|Was|Were|Do|Did|Does|Can|"
    "What|When|Where|Who|Why|How|My|His|Her|Our|Your|Their|There|Here|If|So|Not|No|Yes|Please|After|Before|For|As|Let"
)
LATIN = {"ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ł": "l",
         "Ł": "L", "þ": "th", "Þ": "Th", "ð": "d", "Ð": "D", "ı": "i", "ħ": "h", "Ħ": "H", "ŋ": "ng", "Ŋ": "Ng",
         "ſ": "s", "ə": "e", "ƒ": "f", "ʻ": "'", "ʼ": "'"}  # fmt: skip
LOOKALIKES = {
    "’": "'", "‘": "'", "`": "'", "´": "'", "ʹ": "'", "′": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "«": '"',
    "»": '"', "″": '"', "‟": '"', "‐": "-", "‑": "-", "‒": "–", "―": "—", "−": "-", "﹣": "-", "⁄": "/", "∕": "/",
    "·": " ", "•": ", ", "²": " squared ", "³": " cubed ", "…": "…", "∙": " ", "μ": "µ", "Ω": "Ω", "™": "", "®": "",
    "≠": " is not equal to ", "、": ",", "。": ".", "，": ",", "！": "!", "？": "?", "：": ":", "；": ";", "¿": "",
    "¡": "", "‚": ",",
}  # fmt: skip


def _alternatives(words) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


FIRST = r"(?:\d{1,3}(?:,\d{3})+|\d{1,6})(?:\.\d+)?"  # of a range
NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
UNIT = _alternatives(UNITS)
MONEY = _alternatives(CURRENCIES)
MONTH = _alternatives([*MONTHS, *(month[:3] for month in MONTHS), "Sept"])
FILES = "md|pdf|txt|py|js|html?|docx?|xlsx?|png|jpe?g|mp[34]|wav|flac|zip|csv|json|exe"
DOMAINS = "com|org|net|edu|gov|io|co|info|ai|dev|app|uk|eu|tv"
TAGS = "b|i|u|em|strong|br|p|a|span|div|sub|sup|speak|break|emphasis|prosody"
WEEKDAYS = "Mon|Tues?|Wed|Thurs?|Thu|Fri|Sat|Sun"
SCALE = r"hundred|thousand|million|billion|trillion"


# -- numbers ---------------------------------------------------------------------------------------------------------


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
        words = _words(cardinal(int(whole))) if whole else ""
    if point:
        words += " point " + " ".join(DIGITS[int(digit)] for digit in fraction)
    return words.strip()


def nth(text: str) -> str:
    """ "21" → "twenty-first"."""
    return _words(ordinal(int(text))) if len(text) < 16 else digits(text)


def _year(value: int) -> str:
    return _words(year_words(value)).replace(" and ", " ")


def _words(text: str) -> str:
    """hibari's number words without hyphens and commas: "two hundred and twenty one", as corpora write them."""
    return text.replace(",", "").replace("-", " ")


def _several(word: str) -> str:
    """The plural of a number word: "nineties", "hundreds", "sixes"."""
    if word.endswith("y"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("x", "s")) else "s")


def _is_one(text: str) -> bool:
    return text.lstrip("-").replace(",", "") in ("1", "1.0")


# -- replacements, one a rule ----------------------------------------------------------------------------------------


def _address(match: Match[str]) -> str:
    """An e-mail or web address: its parts, "dot", "at", "slash"."""
    text = re.sub(r"^(?:https?|ftp)://(?:www\.)?|^www\.", "", match.group().rstrip("/"))
    words = []
    for piece in re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d]", text):
        if piece.lower() in SPELLED_DOMAINS and words and words[-1] == "dot":
            words.append(" ".join(piece.upper()))
        elif piece.isdigit():
            words.append(digits(piece) if len(piece) > 4 or piece[0] == "0" else number(piece))
        else:
            words.append(piece if piece.isalpha() else IN_ADDRESSES.get(piece, ""))
    return " ".join(word for word in words if word)


def _phone(match: Match[str]) -> str:
    plus = "plus " if match.group().lstrip("(").startswith("+") else ""
    return plus + digits(match.group())


def _long_digits(match: Match[str]) -> str:
    text = match.group()
    return ", ".join(digits(text[i : i + 3 if len(text) - i != 4 else i + 4]) for i in _group_starts(len(text)))


def _group_starts(count: int) -> range | list[int]:
    """Where the groups of three of a long row of digits begin; a last single digit joins its neighbours."""
    starts = list(range(0, count, 3))
    return starts[:-1] if count % 3 == 1 and count > 3 else starts


def _date(year: str | None, month: int, day: int) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if year and len(year) == 2:
        year = ("19" if int(year) > 30 else "20") + year
    return f"{MONTHS[month - 1]} {nth(str(day))}" + (f", {_year(int(year))}" if year else "")


def _date_iso(match: Match[str]) -> str:
    return _date(match[1], int(match[2]), int(match[3])) or match.group()


def _date_slashes(match: Match[str]) -> str:
    first, second = int(match[1]), int(match[2])
    month, day = (first, second) if first <= 12 else (second, first)
    return _date(match[3], month, day) or match.group()


def _date_after(match: Match[str]) -> str:
    return f"{match[1]} {_date(None, int(match[2]), int(match[3])) or match[2] + '/' + match[3]}"


def _month(name: str) -> str:
    return next(month for month in MONTHS if month.startswith(name[:3]))


def _month_day(match: Match[str]) -> str:
    if not 1 <= int(match[2]) <= 31:
        return match.group()
    return f"{_month(match[1])} {nth(match[2])}" + (f", {_year(int(match[3]))}" if match[3] else "")


def _day_month(match: Match[str]) -> str:
    if not 1 <= int(match[1]) <= 31:
        return match.group()
    return f"the {nth(match[1])} of {_month(match[2])}" + (f", {_year(int(match[3]))}" if match[3] else "")


def _month_year(match: Match[str]) -> str:
    return f"{_month(match[1])} {_year(int(match[2]))}"


def _month_name(match: Match[str]) -> str:
    return f"{match[1]} {_month(match[2])}" + _sentence_end(match)


def _weekday(name: str) -> str:
    days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    return next(day for day in days if day.startswith(name[:3]))


def _weekend(match: Match[str]) -> str:
    return f"{match[1]} {_weekday(match[2])}" + _sentence_end(match)


def _time(match: Match[str]) -> str:
    hour, minute, second = int(match[1]), match[2], match[3]
    if hour > 24 or (minute and int(minute) > 59) or (second and int(second) > 59):
        return match.group()
    words = [_words(cardinal(hour))]
    if minute and int(minute):
        words.append(("oh " if int(minute) < 10 else "") + _words(cardinal(int(minute))))
    elif minute and not match[4]:
        words.append("oh oh" if second else "o'clock" if 1 <= hour <= 12 else "hundred")
    if second:
        words.append(f"and {_words(cardinal(int(second)))} second" + ("" if int(second) == 1 else "s"))
    if match[4]:
        words.append(f"{match[4].upper()} M")
    return " ".join(words) + _sentence_end(match)


def _sentence_end(match: Match[str], openers: str = OPENERS) -> str:
    """The full stop of an abbreviation that is the sentence's too: at the end, or before a word that opens one."""
    if not match.group().endswith("."):
        return ""
    rest = match.string[match.end() :]
    return "." if not rest.strip(" \"')") or re.match(rf"[\"')]*\s+[\"'(]*(?:{openers})\b", rest) else ""


def _money(match: Match[str]) -> str:
    sign, symbol, value, scale = match[1] or "", match[2], match[3], match[4]
    one, several, cent, cents = CURRENCIES[symbol]
    minus = "minus " if sign else ""
    if scale:
        return f"{minus}{number(value)} {SCALES.get(scale.lower(), scale.lower())} {several}"
    whole, _, fraction = value.partition(".")
    adjective = re.match(
        r" (?:bill|note|coin|ticket|fee|fine|gift|tip|deal|question|loan|prize|discount)\b", match.string[match.end() :]
    )
    if len(fraction) != 2:
        return f"{minus}{number(value)} {one if _is_one(value) or adjective else several}"
    parts = [f"{number(whole)} {one if _is_one(whole) else several}"] if whole.strip("0,") or fraction == "00" else []
    if fraction != "00":
        parts.append(f"{number(fraction.lstrip('0'))} {cent if fraction == '01' else cents}")
    return minus + " and ".join(parts)


def _money_range(match: Match[str]) -> str:
    """The first of two amounts; with cents it is one by itself."""
    has_cents = re.search(r"\.\d\d$", match[2])
    return (f"{match[1]}{match[2]}" if has_cents else number(match[2])) + f" to {match[1]}"


def _money_after(match: Match[str]) -> str:
    """An amount whose symbol or code stands behind it: "5 €"."""
    one, several, _, _ = CURRENCIES[match[2]]
    return f"{number(match[1])} {one if _is_one(match[1]) else several}"


def _cents(match: Match[str]) -> str:
    return f"{number(match[1])} {'cent' if _is_one(match[1]) else 'cents'}"


def _unit(match: Match[str]) -> str:
    value, unit, per = match[1], match[2], match[3]
    value = re.sub(r"^(-?\d+),(\d{1,2})$", r"\1.\2", value)
    one, several = UNITS[unit]
    words = f"{number(value)} {one if _is_one(value) else several}"
    return words + (f" per {UNITS[per][0]}" if per else "") + _sentence_end(match, "[A-Z][a-z]*")


def _degrees(match: Match[str]) -> str:
    scale = {"C": " Celsius", "F": " Fahrenheit", "K": " Kelvin"}.get((match[2] or "").upper(), "")
    return f"{number(match[1])} {'degree' if _is_one(match[1]) else 'degrees'}{scale}"


def _inches(match: Match[str]) -> str:
    return f"{number(match[1])} {'inch' if _is_one(match[1]) else 'inches'}" + _sentence_end(match)


def _feet_inches(match: Match[str]) -> str:
    return f"{number(match[1])} foot {number(match[2])}"


def _fraction(match: Match[str]) -> str:
    whole, above, below = match[1], int(match[2]), int(match[3])
    if above == below > 9 and not whole:
        return f"{number(match[2])} {number(match[3])}"
    if not (0 < above < below <= 100):
        words = f"{number(match[2])} over {number(match[3])}"
        return f"{number(whole)} and {words}" if whole else words
    name = DENOMINATORS.get(below) or nth(match[3]).removeprefix("one ")
    if above > 1:
        name = "halves" if below == 2 else name + "s"
    if not whole:
        return f"{_words(cardinal(above))} {name}"
    return f"{number(whole)} and {'a' if above == 1 else _words(cardinal(above))} {name}"


def _range(match: Match[str]) -> str:
    first, last = match[1], match[2]
    if len(first) == 4 and first.isdigit() and 1000 < int(first) < 2100 and last.isdigit() and len(last) in (2, 4):
        return f"{_year(int(first))} to {_year(int(last)) if len(last) == 4 else number(last.lstrip('0') or '0')}"
    return f"{number(first)} to {last}"


def _decade(match: Match[str]) -> str:
    """1990s, 1800s, 2000s, '80s, 60s."""
    value = int(match[1])
    if value % 1000 == 0 and value:
        words = cardinal(value)
    else:
        words = _year(value) if value >= 100 else _words(cardinal(value))
    return _plural(words)


def _plural(words: str) -> str:
    head, space, last = words.rpartition(" ")
    return head + space + _several(last)


def _year_rule(match: Match[str]) -> str:
    """Four digits alone: a year, unless they count something (2,500 more; 1234 apples)."""
    value, rest = int(match.group()), match.string[match.end() :]
    before = re.search(r"([A-Za-z]+)[,(]? ?$", match.string[: match.start()])
    dated = before is not None and before[1].lower() in BEFORE_YEARS
    counted = re.match(r" [a-z]+s\b(?<! was)(?<! is)(?<! has)(?<! as)(?<! its)(?<! this)", rest)
    if dated and 1000 <= value < 1100 and not counted:
        return _year(value)
    if not 1100 <= value <= 2099 or (counted and not (dated and before[1].lower() in ("in", "since"))):
        return number(match.group())
    return _year(value)


def _roman(text: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10, "L": 50}[letter] for letter in text]
    return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))


def _roman_rule(match: Match[str]) -> str:
    before, numeral, own = match[1] or "", match[2], "'s" if match[3] else ""
    value = _roman(numeral)
    if numeral == "I" and re.match(r" [a-z]|'", match.string[match.end() :]):  # the pronoun: "the Part I like"
        return match.group()
    name = before.strip(" .").lower()
    if match.string[match.end() :].startswith(" century"):
        return before + nth(str(value))
    if name in NUMBERED:
        return f"{before}{number(str(value))}{own}"
    if before and len(numeral) >= 2:
        return f"{before}the {nth(str(value))}{own}"
    return match.group() if len(numeral) < 3 and numeral != "II" else f"{before}{number(str(value))}{own}"


def _street_or_saint(match: Match[str]) -> str:
    word, rest = match[2], match.string[match.end() :]
    after_name = match[1] and match[1].strip(" .") not in ("Dear", "Thanks", "Thank", "Hello", "Hi")
    before_name = re.match(r" ?[A-Z]", rest)
    behind, ahead = {"St": ("Street", "Saint"), "Dr": ("Drive", "Doctor")}[word]
    at_end = _sentence_end(match)
    if after_name and (not before_name or at_end):
        return f"{match[1]}{behind}{at_end}"
    return f"{match[1] or ''}{ahead}" if before_name or word == "Dr" else f"{match[1] or ''}{behind}{at_end}"


def _initials(match: Match[str]) -> str:
    letters = re.findall(r"[A-Z]", match.group().upper())
    spelled = "AI" if letters == ["A", "I"] else " ".join(letters)  # "A I" would be somebody's "a", and "I"
    return spelled + _sentence_end(match)


def _name_initials(match: Match[str]) -> str:
    """J. R. R. before Tolkien; but the B of "plan B." ends its sentence."""
    if (match[1] or "").lower() in LABELS or match[2] == "I. ":
        return match.group()
    return (f"{match[1]} " if match[1] else "") + " ".join(re.findall("[A-Z]", match[2])) + " "


def _degree(match: Match[str]) -> str:
    """Ph.D., B.Sc., M.A.: letter by letter."""
    return " ".join(re.sub(r"[^A-Za-z]", "", match.group())).upper() + _sentence_end(match)


def _abbreviation(match: Match[str]) -> str:
    return ABBREVIATIONS[match[1]] + _sentence_end(match)


def _letters_and_digits(match: Match[str]) -> str:
    """MP3, H2O, 4K, A4, COVID-19: the letters, then the number."""
    words = []
    for piece in re.findall(r"[A-Za-z']+|\d+", match.group()):
        if piece.isdigit():
            words.append(digits(piece) if piece[0] == "0" and len(piece) > 1 else number(piece))
        else:
            words.append(piece.upper() if len(piece) == 1 else piece)
    return " ".join(words)


def _numbers_in_row(match: Match[str]) -> str:
    """2.0.1, 192.168.0.1."""
    return " point ".join(number(part) for part in match.group().split("."))


def _greek(match: Match[str]) -> str:
    name = unicodedata.name(match.group(), "").rpartition(" ")[2].lower()
    return " " + name.replace("lamda", "lambda") + " "


def _symbol(match: Match[str]) -> str:
    return f" {SYMBOLS[match.group()]} "


ROMAN = (r"(?:\b([A-Z][\w]*\.? ))?\b(?=[IVXL]+\b)(X{0,3}L?X{0,3}(?:IX|IV|V?I{0,3}))('s)?(?![\w'.]\w)\b", _roman_rule)
Replacement = str | Callable[[Match[str]], str]
RULES: list[tuple[re.Pattern[str], Replacement]] = [
    (re.compile(pattern), replacement)
    for pattern, replacement in [
        (rf"</?(?:{TAGS})(?: [^<>]*)?/?>", " "),
        # addresses, before anything takes their dots
        (r"\b(?:https?|ftp)://[^\s<>\"]*[\w/]|\bwww\.[\w-]+\.[^\s<>\"]*[\w/]", _address),
        (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", _address),
        (rf"\b(?:[A-Za-z][\w-]*\.)+(?:{DOMAINS})\b(?:/[^\s<>\"]*[\w/])?", _address),
        (r"(?<=\d)_(?=\d)", ""),
        (r"_", " "),
        (r"(?<!\w)@(?=\w)", "at "),
        (r"(?<!\w)#(?=\d)", "number "),
        (r"(?<!\w)#(?=[A-Za-z])", "hashtag "),
        # phrases
        (rf"(?<![\w.'])(?:{_alternatives(PHRASES)})(?![\w'])", lambda match: PHRASES[match.group()]),
        # telephone numbers and other rows of digits
        (r"(?<![\w.])\+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){2,6}(?!\w)", _phone),
        (r"(?<![\w.-])\(\d{3,5}\)[ -]?\d{3,4}[ .-]\d{3,4}(?![\w-])", _phone),
        (r"(?<![\w.-])(?:1[ .-])?\d{3}([ .-])\d{3}\1\d{4}(?![\w-])", _phone),
        (r"(?<![\w.,-])0\d{2,4}[ -]\d{3,4}[ -]?\d{3,4}(?![\w-])", _phone),
        (r"(?<![\w.-])\d{3}-\d{4}(?![\w-])", _phone),
        (r"\b([A-Z]{2}) (\d{5})(?![\w,.-]\d|\w)", lambda match: f"{match[1]} {digits(match[2])}"),
        (r"(?<![\w.,])(\d{1,3})((?: 000)+)(?![\w.])", lambda match: match.group().replace(" ", "")),
        (r"(?<=\d)'(?=\d{3}(?!\d))", ""),
        # dates and times
        (r"\b(\d{4})/(\d{1,2})/(\d{1,2})\b", _date_iso),
        (r"\b(\d{1,2})-(\d{1,2})-(\d{4})\b", _date_slashes),
        (r"\b([Oo]n|[Bb]y|[Uu]ntil|[Ss]ince) (\d{1,2})/(\d{1,2})(?![\w/])", _date_after),
        (r"\b(\d{4})-(\d{2})-(\d{2})\b", _date_iso),
        (r"\b(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})\b", _date_slashes),
        (r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b", lambda m: _date(m[3], int(m[2]), int(m[1])) or m.group()),
        (rf"\b({MONTH})\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?![\d:%.,/–-]*\d)(?:,? (\d{{4}})\b)?", _month_day),
        (rf"\b({MONTH})\.? (\d{{1,2}})(?:st|nd|rd|th)?, (\d{{4}})\b", _month_day),
        (rf"\b(?:the )?(\d{{1,2}})(?:st|nd|rd|th)? (?:of )?({MONTH})\b\.?(?:,? (\d{{4}})\b)?", _day_month),
        (rf"\b({MONTH})\.? (\d{{4}})\b", _month_year),
        (r"(?<![\d-])(\d{1,2}(?:[:.]\d{2})?) ?[-–] ?(?=\d{1,2}(?:[:.]\d{2})? ?[AaPp]\.? ?[Mm]\b)", r"\1 to "),
        (r"(?<![A-Za-z])([AaPp]\.? ?[Mm]\.?) ?[-–] ?(?=\d)", r"\1 to "),
        (r"(?<=\d:\d\d) ?[-–] ?(?=\d{1,2}:\d\d)", " to "),
        (rf"\b({WEEKDAYS})\.? ?[-–] ?({WEEKDAYS})\b", lambda m: f"{_weekday(m[1])} to {_weekday(m[2])}"),
        (r"\b(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([AaPp])\.? ?[Mm](?:\b\.?))?(?!\d)", _time),
        (r"\b(\d{1,2})(?:\.(\d{2}))?() ?([AaPp])\.? ?[Mm](?:\b\.?)", _time),
        (r"\b([AaPp])\. ?[Mm]\.", lambda match: f"{match[1].upper()} M" + _sentence_end(match)),
        (r"\b(\d+):(\d+)\b", r"\1 to \2"),
        # many groups of digits: an ISBN, a serial or card number
        (r"(?<![\w.])\d+(?:-\d+){2,}(?!\w)", lambda match: digits(match.group())),
        (r"(?<![\w.])\d{4}(?: \d{4}){2,}(?!\w)", lambda match: digits(match.group())),
        # money
        (rf"({_alternatives('$£€')})({FIRST}) ?[-–] ?\1?(?=\d)", _money_range),
        (rf"(?<!\w)(-)?({MONEY}) ?({NUMBER})(?: ?({SCALE}|k|K|m|M|mn|bn|b|B|tn))?(?!\w)", _money),
        (rf"(?<![\w.])({NUMBER}) ?({MONEY})(?!\w)", _money_after),
        (rf"(?<![\w.])({NUMBER}) ?¢", _cents),
        # quantities
        (r"(?<![\w.])(\d{1,3}(?:,000)+)s\b", lambda match: _plural(number(match[1]).removeprefix("one "))),
        (r"(?<![\w.])'?(\d{1,3}0)'?s\b", _decade),
        (r"(?<=%) ?[-–] ?(?=\d)|(?<=\d(?:st|nd|rd|th)) ?[-–] ?(?=\d+(?:st|nd|rd|th)\b)", " to "),
        (r"(?<=\d)-(to|for|by|in|on|and)-(?=\d)", r" \1 "),
        (r"(?<!\w)> ?(?=\d)", "more than "),
        (r"(?<!\w)< ?(?=\d)", "less than "),
        (r"(?<=\w)/(?=(?:month|year|day|week|hour|minute|second|person|night|head|mile)\b)", " per "),
        (rf"(?<![\w.])({NUMBER}) in\.", _inches),
        (r"(?<![\w.])(\d)'(\d{1,2})(?:\"|'')", _feet_inches),
        (r"(?<![\w.])(?:(\d+)[ -])?(\d{1,4})/(\d{1,4})(?![\w/])", _fraction),
        (rf"(?<![\w.,])({FIRST}) ?[-–] ?(-?(?:{NUMBER}))(?![\w-])(?!\.\d)", _range),
        (rf"(?<![\w.,])({FIRST}) ?[-–] ?(?=(?:{NUMBER}) ?(?:{UNIT}|°)(?!\w))", lambda m: f"{number(m[1])} to "),
        (rf"(?<![\w.])(-?(?:{NUMBER})) ?° ?([CFK])?(?![\w])", _degrees),
        (rf"(?<![\w.])(-?(?:\d+,\d{{1,2}}(?!\d)|{NUMBER})) ?({UNIT})(?:/({UNIT}))?(?!\w)(?:(?<=[a-z])\.)?", _unit),
        (r"(?<![\w.])(\d[\d,]*)(?:st|nd|rd|th)\b", lambda match: nth(match[1].replace(",", ""))),
        (r"(?<![\w.])(\d+)x(?= [a-z])", lambda match: f"{number(match[1])} times"),
        (r"(?<![\w-])v(?:er)?\.? ?(?=\d)", "version "),
        (rf"(?<=\w)\.(?=(?:{FILES})\b)", " dot "),
        (r"\bmp(?=[34]\b)", "MP "),
        (r"(?<![\w.])\d+(?:\.\d+){2,}(?!\w)", _numbers_in_row),
        (r"(?<=\d) ?[*×] ?(?=\d)|(?<=\d) x (?=\d)", " times "),
        (r"(?<=[1-9\d])(?<!\b0)x(?=\d)", " by "),
        (r"(?<=\w) ?\^ ?(?=-?\d)", " to the power of "),
        (r"(?<=\S) < (?=\S)|(?<=\w)<(?=\w)", " is less than "),
        (r"(?<=\S) > (?=\S)|(?<=\w)>(?=\w)", " is greater than "),
        (r"(?<!\w)[~≈] ?(?=\d)", "about "),
        (r"(?<=\d) - (?=\d)", " minus "),
        # names, titles, abbreviations
        (rf"\b([Ii]n|[Oo]f|[Ss]ince|[Bb]y|[Uu]ntil|[Ll]ast|[Nn]ext|[Ee]arly|[Ll]ate) ({MONTH})\b\.", _month_name),
        (r"\b([Oo]n|[Ee]very|[Nn]ext|[Ll]ast|[Uu]ntil|[Bb]y) (Sat|Sun)\.", _weekend),
        (r"(?:\b([A-Z][\w'.]* ))?\b(St|Dr)(?:\.|(?= [A-Z]))", _street_or_saint),
        (r"\b(?:Ph\.? ?D|[BM]\. ?(?:Sc|Ed|Eng|Phil)|LL\.[BMD])\b\.?", _degree),
        (r"\b[A-Za-z]\.(?:[A-Za-z]\.)+", _initials),
        (rf"(?:\b(\w+) )?\b((?:[A-Z]\. ?)+)(?=[A-Z][a-z'])(?!(?:{OPENERS})\b)", _name_initials),
        (r"\b(?:[A-Z]\. )+[A-Z]\.(?= |$)", _initials),
        (r"\b[Pp]\. ?(?=\d)", "page "),
        (r"\b[Nn](os?)\. ?(?=\d)", lambda match: "numbers " if match[1] == "os" else "number "),
        (rf"\b({_alternatives(ABBREVIATIONS)})\.", _abbreviation),
        (r"\b(Mt|Ft)(?= [A-Z])", lambda match: ABBREVIATIONS[match[1]]),
        (r"(?<=\w)'n'(?=\w)", " and "),
        (rf"\b({_alternatives(BARE)})\b(?![.'])", lambda match: ABBREVIATIONS[match[1]]),
        ROMAN,
        # what is left of numbers
        (r"(?<![\w.])\d+\.\d+(?=[A-Za-z])", lambda match: number(match.group()) + " "),
        (r"(?<=[A-Za-z])-(?=\d)|(?<=\d)-(?=[A-Z])", " "),
        (r"(?<![\w.,])\d{4}(?![\d.,]\d|\w)", _year_rule),
        (r"(?<!\w)\d{10,}(?!\w)", _long_digits),
        (rf"(?<![\w.)-])-(?:{NUMBER})(?!\w)", lambda match: number(match.group())),
        (rf"(?<!\w)(?:{NUMBER})(?![\w])", lambda match: number(match.group())),
        (r"\b\w*\d\w*(?:-\d+)?", _letters_and_digits),
        (r"\d+", lambda match: f" {digits(match.group())} "),
        # symbols
        (r"(?<=[a-z])\.(?=[a-z])", " dot "),
        (r"[Α-Ωα-ω]", _greek),
        (r"µ", " micro "),
        (rf"[{re.escape(''.join(SYMBOLS))}]", _symbol),
    ]
]  # fmt: skip


RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def _power(match: Match[str]) -> str:
    """Raised digits, of which unicodedata would make ordinary ones: "10⁶"; ² and ³ have words of their own."""
    raised = match.group()
    return raised if raised in LOOKALIKES else "^" + raised.translate(RAISED)


def plain(text: str) -> str:
    """Any Unicode → the characters that the rules know: ASCII, a few symbols, lone Greek letters.

    Accented Latin letters lose their accents; letters of other scripts and emoji are dropped.
    """
    text = re.sub(r"(?<=\d)(?=[¼½¾⅐-⅞])", " ", text)
    text = re.sub(r"(?<=\d|\b[A-Za-z])[⁰¹²³⁴-⁹⁻]+", _power, text)
    text = "".join(LATIN.get(c, LOOKALIKES.get(c, c)) for c in text)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = "".join(LATIN.get(c, LOOKALIKES.get(c, c)) for c in text)
    kept = []
    for c in text:
        if c.isascii():
            kept.append(c if c.isprintable() else " ")
        elif c.isdigit():
            kept.append(str(unicodedata.digit(c)))
        elif c in "–—…µ" or c in SYMBOLS or c in CURRENCIES or "Α" <= c <= "ω":
            kept.append(c)
        else:
            kept.append("" if unicodedata.category(c) in ("Cf", "Mn", "Lm", "Sk") else " ")
    text = re.sub(r"[Α-ω]{2,}", " ", "".join(kept))
    return re.sub(r"\s+", " ", text).strip()


def write_out(text: str) -> str:
    """Plain text (see `plain`) → words and the pauses , . ? ! ; : — … only."""
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return tidy(text)


def tidy(text: str) -> str:
    """Brackets and dashes become pauses, quotes go, and no two pauses stand together."""
    text = re.sub(r"\.{2,}", "…", text)
    text = re.sub(r" ?(?:--+|—|–) ?| - |(?<=\w)-(?!\w)|(?<!\w)-(?=\w)", " — ", text)
    text = re.sub(r"[)\]}]+(?=\W*$)|^\W*[(\[{]", " ", text)
    text = re.sub(r"[()\[\]{}|]", ", ", text)
    text = re.sub(
        r"(?<![A-Za-z])'(?!(?:tis|twas|em|til|cause|bout|round|neath)\b)|(?<!in)'(?![A-Za-z])|in'(?=\w*')",
        _apostrophe,
        text,
    )
    text = re.sub(r"[^A-Za-z' ,.?!;:—…-]", " ", text)
    text = re.sub(r"(?<![A-Za-z])-|-(?![A-Za-z])", " ", text)
    text = re.sub(r"[A-Za-z'-]{60,}", lambda match: re.sub("['-]", " ", match.group()), text)
    text = re.sub(r"[A-Za-z]{21,}", lambda match: " ".join(re.findall(".{1,20}", match.group())), text)
    text = re.sub(r"[ ]*([,.?!;:—…])[ ,.?!;:—…]*", _one_pause, text)
    text = re.sub(r" +", " ", text)
    return re.sub(r"^[ ,.?!;:—…]+", "", text).strip()


def _apostrophe(match: Match[str]) -> str:
    return "in" if match.group().startswith("in") else ""


def _one_pause(match: Match[str]) -> str:
    """Of several pauses in a row the strongest stays."""
    marks = [c for c in match.group() if c != " "]
    strongest = next((c for c in "?!.…;:—," if c in marks), marks[0])
    return f" {strongest} " if strongest == "—" else f"{strongest} "
