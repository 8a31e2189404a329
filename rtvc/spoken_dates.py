"""Dates and times as they are spoken."""

# ruff: noqa: E501 (a rule and its examples are one line)
from __future__ import annotations

import re
from re import Match

from .abbreviations import BIBLE, MONTH, MONTHS, WEEKDAYS, sentence_end
from .number_words import Rule, alternatives, around, count, counted, nth, number, plural, year

DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
BEFORE_YEARS = frozenset(  # four digits after these are a year
    """
    in since by from until till of before after during around year circa to late early mid and or the
    """.split()  # noqa: SIM905
)
ORDER = {"1": "First", "2": "Second", "3": "Third"}  # of letters and chronicles
BOOKS = (
    r"Ps\.|Genesis|Exodus|Leviticus|Deuteronomy|Joshua|Judges|Samuel|Kings|Psalms?|Proverbs|Isaiah|Jeremiah|Ezekiel|Daniel|"
    "Numbers|Chronicles|Ecclesiastes|Hosea|Micah|Zechariah|Malachi|Colossians|Thessalonians|Titus|"
    "Matthew|Mark|Luke|John|Acts|Romans|Corinthians|Galatians|Ephesians|Philippians|Timothy|Hebrews|James|Peter|"
    "Revelation|Surah|Sura"
)


def _date(year_text: str | None, month: int, day: int) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if year_text and len(year_text) == 2:
        year_text = ("19" if int(year_text) > 30 else "20") + year_text
    return f"{MONTHS[month - 1]} {nth(str(day))}" + (f", {year(int(year_text))}" if year_text else "")


def _date_iso(match: Match[str]) -> str:
    return _date(match[1], int(match[2]), int(match[3])) or match.group()


def _moment(match: Match[str]) -> str:
    """2024-10-31T08:15:00Z: the date, the time, and seconds only where there are some."""
    date = _date(match[1], int(match[2]), int(match[3]))
    hour, minute, second = (int(match[place] or 0) for place in (4, 5, 6))
    if date is None or hour > 24 or minute > 59 or second > 60:
        return match.group()
    zone = match[7] or ""
    words = f"{date}, {_clock(hour, minute)}"
    if second:
        words += f" and {count(second)} second" + ("" if second == 1 else "s")
    if zone == "Z":
        return words + " U T C"
    if zone:
        words += f" U T C {'plus' if zone[0] == '+' else 'minus'} {count(int(zone[1:3]))}"
    return words


def _clock(hour: int, minute: int) -> str:
    """A time of day of 24 hours."""
    if minute:
        return f"{count(hour)} {'oh ' if minute < 10 else ''}{count(minute)}"
    return f"{count(hour)} o'clock" if 1 <= hour <= 12 else "midnight" if hour in (0, 24) else f"{count(hour)} hundred"


def _date_slashes(match: Match[str]) -> str:
    first, second = int(match[1]), int(match[2])
    month, day = (first, second) if first <= 12 else (second, first)
    return _date(match[3], month, day) or match.group()


def _date_after(match: Match[str]) -> str:
    return f"{match[1]} {_date(None, int(match[2]), int(match[3])) or match[2] + '/' + match[3]}"


def _date_slashes_short(match: Match[str]) -> str:
    return _date(None, int(match[1]), int(match[2])) or match.group()


def _dates_slashes(match: Match[str]) -> str:
    first, last = (_date(None, int(match[place]), int(match[place + 1])) for place in (2, 4))
    return f"{match[1]}{first} to {last}" if first and last else match.group()


def _expiry(match: Match[str]) -> str:
    """Of a card or a medicine: month and year."""
    word = "expires" if match[1] == "exp." else "Expires" if match[1] == "Exp." else match[1]
    return f"{word} {MONTHS[int(match[2]) - 1]} {year(int(match[3]) % 100 + 2000)}"


def _month(name: str) -> str:
    return next(month for month in MONTHS if month.startswith(name[:3]))


def _month_day(match: Match[str]) -> str:
    if not 1 <= int(match[2]) <= 31:
        return match.group()
    return f"{_month(match[1])} {nth(match[2])}" + (f", {year(int(match[3]))}" if match[3] else "")


def _month_days(match: Match[str]) -> str:
    if not 1 <= int(match[2]) <= 31:
        return match.group()
    return f"{_month(match[1])} {nth(match[2])} to {nth(match[3])}" + (f", {year(int(match[4]))}" if match[4] else "")


def _days_month(match: Match[str]) -> str:
    days = f"the {nth(match[1])} to the {nth(match[2])} of {_month(match[3])}"
    return days + (f", {year(int(match[4]))}" if match[4] else _end(match))


def _day_month(match: Match[str]) -> str:
    if not 1 <= int(match[1]) <= 31:
        return match.group()
    return f"the {nth(match[1])} of {_month(match[2])}" + (f", {year(int(match[3]))}" if match[3] else _end(match))


def _day_month_year(match: Match[str]) -> str:
    value = match[3] if len(match[3]) == 4 else "20" + match[3]
    return f"the {nth(match[1])} of {_month(match[2])}, {year(int(value))}"


def _month_year(match: Match[str]) -> str:
    return f"{_month(match[1])} {year(int(match[2]))}"


def _month_name(match: Match[str]) -> str:
    return f"{match[1]}{_month(match[2])}" + sentence_end(match)


def _weekday(name: str) -> str:
    return next(day for day in DAYS if day.startswith(name[:3]))


def _weekday_after(match: Match[str]) -> str:
    return f"{match[1]} {_weekday(match[2])}" + sentence_end(match)


def _end(match: Match[str]) -> str:
    return sentence_end(match)


def _time(match: Match[str]) -> str:
    hour, minute, second = int(match[1]), match[2], match[3]
    if hour > 24 or (minute and int(minute) > 59) or (second and int(second) > 59):
        return match.group()
    words = [count(hour)]
    if minute and int(minute):
        words.append(("oh " if int(minute) < 10 else "") + count(int(minute)))
    elif minute and not match[4]:
        words = ["oh oh"] if not hour and second else [_clock(hour, 0)] if not second else [*words, "oh oh"]
    if second:
        words.append(f"and {count(int(second))} second" + ("" if int(second) == 1 else "s"))
    if match[4]:
        words.append(f"{match[4].upper()} M")
    return " ".join(words) + sentence_end(match) + _space(match)


def _timetable(match: Match[str]) -> str:
    """7.15, 9.00 and 16.30: times of day where something leaves, opens or begins."""
    if not TIMETABLE.search(around(match)):
        return match.group()
    words = f"{match[1]} {_clock(int(match[2]), int(match[3]))}"
    return words + (f"{match[4]} {_clock(int(match[5]), int(match[6]))}" if match[4] else "")


def _hours_minutes(match: Match[str]) -> str:
    """14h30 is a time of day, 1h30 how long something takes."""
    hour, minute = int(match[1]), int(match[2])
    if hour > 6 or not minute:
        return _clock(hour, minute)
    return f"{counted(hour, 'hour')} {count(minute)}"


def _military(match: Match[str]) -> str:
    """0730 hrs, 1400 hours."""
    hour, minute = ("oh " if match[1][0] == "0" else "") + number(match[1].lstrip("0") or "0"), match[2]
    return (
        f"{hour} {'hundred' if minute == '00' else 'oh ' + number(minute[1]) if minute[0] == '0' else number(minute)} hours"
        + sentence_end(match)
    )


def _stopwatch(match: Match[str]) -> str:
    """00:15:30.5; what is none at the beginning is not said."""
    hours, minutes = int(match[1]), int(match[2])
    words = [counted(hours, "hour")] if hours else []
    words += [counted(minutes, "minute")] if hours or minutes else []
    return " ".join([*words, number(f"{int(match[3])}.{match[4]}"), "seconds"])


def _minutes_and_seconds(match: Match[str]) -> str:
    """00:05:30; what is none is not said, unless all is."""
    parts = ((int(match[1]), "minute"), (int(match[2]), "second"))
    return " ".join(counted(value, unit) for value, unit in parts if value) or counted(0, "second")


def _space(match: Match[str]) -> str:
    """A space where a word follows at once: "5p.m.on"."""
    return " " if match.string[match.end() : match.end() + 1].isalpha() else ""


def _noon_or_night(match: Match[str]) -> str:
    return f"{match[1].upper()} M" + sentence_end(match) + _space(match)


def _seasons(match: Match[str]) -> str:
    """2020/21, 1998–99, 2020–2021: from one year into another; anything else stays."""
    first, last = int(match[1]), match[2]
    full = int(last) if len(last) == 4 else first // 100 * 100 + int(last)
    if len(last) == 2 and full < first:
        full += 100
    if not first < full < first + 100:
        return match.group()
    short = number(last.lstrip("0") or "0") if last[0] != "0" else f"oh {number(last[1])}"
    return f"{year(first)} to {year(full) if len(last) == 4 else short}"


def _decade(match: Match[str]) -> str:
    """1990s, 1800s, 2000s, '80s, 60s; of a clock that waits they are seconds."""
    if len(match[1]) == 2 and WAITING.search(around(match)):
        return match.group()
    value = int(match[1])
    if value % 1000 == 0 and value:
        words = count(value)
    else:
        words = year(value) if value >= 100 else count(value)
    return plural(words)


def _short_year(match: Match[str]) -> str:
    return f"oh {number(match[1][1])}" if match[1][0] == "0" else number(match[1])


def _year_rule(match: Match[str]) -> str:
    """Four digits alone: a year, unless they count something (2,500 more; 1234 apples)."""
    value, rest = int(match.group()), match.string[match.end() : match.end() + 60]
    before = re.search(r"([A-Za-z]+)[,(]? ?$", match.string[max(0, match.start() - 40) : match.start()])
    word = before[1].lower() if before else ""
    dated = word in BEFORE_YEARS
    counted = re.match(r" [a-z]+s\b(?<! was)(?<! is)(?<! has)(?<! as)(?<! its)(?<! this)", rest)
    if dated and 1000 <= value < 1100 and not counted:
        return year(value)
    if not 1100 <= value <= 2099 or (counted and not (dated and word in ("in", "since"))):
        return number(match.group())
    return year(value)


INITIALS = {"M": "Monday", "Tu": "Tuesday", "T": "Tuesday", "W": "Wednesday", "Th": "Thursday", "F": "Friday",
            "Sa": "Saturday", "S": "Saturday", "Su": "Sunday"}  # fmt: skip
TIMETABLE = re.compile(  # where 7.15 is a time of day
    r"\b(?:[Tt]rains?|[Bb]us(?:es)?|[Ff]err(?:y|ies)|[Ff]lights?|leaves?|departs?|arrives?|starts?|begins?|opens?|closes?|[Dd]oors|"
    r"meets?|[Kk]ick-off|[Dd]inner|[Ll]unch|[Bb]reakfast|alarm|tonight|tomorrow|morning|evening|afternoon|sharp|appointment|[Mm]eeting)\b"
)
WAITING = re.compile(
    r"\b(?:timeouts?|delay|interval|wait|duration|countdown|timer|cooldown|retry|retries|TTL|latency)\b"
)
HALF_DAY = r"[AaPp]\.? ?[Mm]"
RULES: list[Rule] = [
    (r"(?:(?<=\bin )|(?<=\btime )|(?<=\bof ))(2[5-9]|[3-5]\d):([0-5]\d)(?![\d:]|\.\d)", lambda m: f"{number(m[1])} " + (f"oh {number(m[2][1])}" if m[2][0] == "0" else number(m[2])), "ran it in 44:50 → ran it in forty four fifty"),
    (rf"\b(?:([123]) ({alternatives(BIBLE)})\. (?=\d)|({alternatives(BIBLE)})\. (?=\d{{1,3}}:\d))", lambda m: f"{ORDER[m[1]]} {BIBLE[m[2]]} " if m[1] else BIBLE[m[3]] + " ", "1 Cor. 13:4–7 → First Corinthians thirteen four to seven", "read 2 Tim. 3 → read Second Timothy three", "Mal. 3:1 → Malachi three one"),
    (r"(?<![\w.,])([123]) (?=(?:Samuel|Kings|Chronicles|Corinthians|Thessalonians|Timothy|Peter|John) \d)", lambda m: ORDER[m[1]] + " ", "1 John 4:8 → First John four eight", "see 2 Kings 5 → see Second Kings five"),
    (r"(?<![\w.])(\d{1,2}(?::\d\d)?)([ap]) ?[-–] ?(\d{1,2}(?::\d\d)?)([ap])\b(?!\.?m)", r"\1\2m to \3\4m", "open 7a–9p → open seven A M to nine P M"),
    (r"(?<![\w-])((?:19|20)\d\d)-W([0-5]\d)(?![\w-])", r"week \2 of \1", "in 2023-W12 → in week twelve of twenty twenty three"),
    (r"\bFY(?=(?:19|20)\d\d)", "FY ", "FY2025/26 → FY twenty twenty five to twenty six"),
    (r"(?<![\w.:])(\d{1,2})\.([0-5]\d)(?=(?:, \d{1,2}\.[0-5]\d){0,9},? (?:and )?\d{1,2}\.[0-5]\d ?[ap]\.?m)", r"\1:\2", "8.15, 8.45 and 9.15 a.m. → eight fifteen, eight forty five and nine fifteen A M."),
    (r"(?<=\d:\d\d)([ap])\b(?!\.?m)", r"\1m", "until 11:15a → until eleven fifteen A M"),
    (r"(?<![\w/])(?=[\w/]*(?:W|Th|Tu))(?:M|Tu|Th?|W|F|Sa)(?:/(?:Tu|Th?|W|F|Sa|Su)){1,4}(?![\w/])", lambda m: ", ".join(INITIALS[day] for day in m.group().split("/")), "M/W/F at 10 → Monday, Wednesday, Friday at ten"),
    (rf"\b(\d{{1,2}})[-/.]({MONTH})[-/.](\d{{4}}|\d{{2}})\b", lambda m: _day_month_year(m), "11-Nov-2023 → the eleventh of November, twenty twenty three"),
    (r"(?<=\d:\d\d) ?h\b", "", "until 19:30h → until nineteen thirty"),
    (r"(?<![\w&/.-])(?:(M|Tu|Th|Sa) ?[-–] ?(Th|F|Sa|Su)|(M) ?[-–] ?(S)|([TW]) ?[-–] ?(Th|Sa|Su))(?![\w&/.'-])", lambda m: " to ".join(INITIALS[day] for day in m.groups() if day), "Open M–F, 8–4 → Open Monday to Friday, eight to four", "Tu-Su 9-5 → Tuesday to Sunday nine to five"),
    (rf"\b({'|'.join(DAYS)}) ?[-–] ?(?=(?:{'|'.join(DAYS)})\b)", r"\1 to ", "open Monday–Friday → open Monday to Friday"),
    (rf"\b({WEEKDAYS})\.? ?[-–] ?({WEEKDAYS})\b\.?", lambda m: f"{_weekday(m[1])} to {_weekday(m[2])}{_end(m)}", "Mon–Fri 9–5 → Monday to Friday nine to five", "Mon–Fri → Monday to Friday", "Sat.-Sun. → Saturday to Sunday."),
    (rf"\b(?:{WEEKDAYS})(?:/(?:{WEEKDAYS}))+\b", lambda m: ", ".join(map(_weekday, m.group().split("/"))), "Mon/Wed/Fri → Monday, Wednesday, Friday"),
    (rf"\b({WEEKDAYS})\b\.?(?=, (?:{WEEKDAYS})\b)", lambda m: _weekday(m[1]), "Mon, Wed & Fri → Monday, Wednesday and Friday"),
    (rf"\b({WEEKDAYS})\b\.?,? (?=(?:\d|(?:{MONTH})\b|at \d|noon|morning|evening|afternoon|night|closed\b))", lambda m: f"{_weekday(m[1])} ", "Sat 10-2 → Saturday ten to two", "Tue, 5 Nov 2024 → Tuesday the fifth of November, twenty twenty four", "Sun. at 5 → Sunday at five"),
    (r"\b(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(?: ?(Z|[+-]\d{2}:?\d{2}))?(?![\w:])", _moment, "2024-10-31T08:15:00Z → October thirty first, twenty twenty four, eight fifteen U T C", "2023-01-05 17:00 → January fifth, twenty twenty three, seventeen hundred"),
    (r"\b(\d{4})/(\d{1,2})/(\d{1,2})\b", _date_iso, "2024/01/31 → January thirty first, twenty twenty four"),
    (r"(?<![\w-])(\d{1,2})-(\d{1,2})-(\d{4}|[3-9]\d)(?![\w-])", _date_slashes, "12-25-2023 → December twenty fifth, twenty twenty three"),
    (r"\b((?i:on|by|until|since|due|ends?|starts?|begins?|opens|closes|thru|till|til|before|deadline:?)|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,?) (\d{1,2})/(\d{1,2})(?![\w/])", _date_after, "on 5/11 → on May eleventh"),
    (r"(?<![\w./=+*-])(?<![=+*] )(2[1-9]|3[01])/(1[0-2]|0[1-9])(?![\w/]| ?[=+*])", lambda m: _date(None, int(m[2]), int(m[1])) or m.group(), "due 31/12 → due December thirty first"),
    (r"(?<![\w/.])(\d{1,2})/(\d{1,2})(?=,? (?:@|at|from) ?\d{1,2}(?::\d\d|[ap]\b| ?[ap]\.?m))", lambda m: _date_slashes_short(m), "meet 12/1 @ 10a → meet December first at ten A M"),
    (r"\b((?:[Ww]eek of|[Dd]ates?:?|[Vv]alid|[Ff]rom|[Ss]ale:?|[Cc]losed|[Oo]pen|[Vv]acation|[Hh]olidays?|[Oo]ut|[Aa]way) )(\d{1,2})/(\d{1,2}) ?(?:[–-]|to) ?(\d{1,2})/(\d{1,2})(?![\w/])", _dates_slashes, "the week of 3/4–3/8 → the week of March fourth to March eighth"),
    (r"(?<![\w/.$£€-])(0?[1-9]|1[0-2])/((?:19|20)\d\d)(?![\w/])", lambda m: f"{MONTHS[int(m[1]) - 1]} {year(int(m[2]))}", "best before 12/2026 → best before December twenty twenty six"),
    (r"\b([Ee]xp(?:\.|ir(?:es|y|ation)(?: date)?)?:?|valid thru) (0[1-9]|1[0-2])/(\d{2}|20\d{2})(?![\w/])", _expiry, "exp. 06/27 → expires June twenty twenty seven"),
    (r"(?<![\w/.$£€-])(0[1-9])/(\d{1,2})(?![\w/])|(?<![\w/.$£€-])(\d{1,2})/(0[1-9])(?![\w/])", lambda m: _date(None, *(int(part) for part in m.groups() if part)) or m.group(), "born 06/27 → born June twenty seventh", "on May 5/01 → on May May first"),
    (r"(?<![\w./=+*$£€-])(?<![=+*] )([1-9]|1[0-2])/(1[34579]|18|2[1236789]|3[01])(?![\w/\"]|\.\d| ?[=+*]| of\b)", _date_slashes_short, "the 17th is 3/17 → the seventeenth is March seventeenth"),
    (r"\b(\d{4})-(\d{2})-(\d{2})\b", _date_iso, "2024-01-31 → January thirty first, twenty twenty four"),
    (r"\b(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})\b", _date_slashes, "12/25/2023 → December twenty fifth, twenty twenty three", "25/12/99 → December twenty fifth, nineteen ninety nine"),
    (r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b", lambda m: _date(m[3], int(m[2]), int(m[1])) or m.group(), "31.10.2024 → October thirty first, twenty twenty four"),
    (r"\b((?:1[1-9]|20)\d\d) ?[/–-] ?(\d{4}|\d{2})(?![\w/:-]|\.\d)", _seasons, "the season 2020/21 → the season twenty twenty to twenty one", "1998–99 → nineteen ninety eight to ninety nine", "2019-2020 → twenty nineteen to twenty twenty"),
    (r"\b((?:1[1-9]|20)\d)(\d)[-–](\d)(?![\w.,/:-]\d|\w)", lambda m: f"{year(int(m[1] + m[2]))} to {number(m[3])}" if m[2] < m[3] else m.group(), "c. 1923-5 → circa nineteen twenty three to five"),
    (r"(?<=\d[a-z]{2}) c\b(\.?)", lambda m: " century" + sentence_end(m), "the 1st c. BC → the first century BC"),
    (rf"\b({MONTH})\.(?=\d{{1,2}}(?![\w.-]|,?\d))", r"\1. ", "Monday,Jan.3 → Monday, January third"),
    (rf"\b({MONTH})\.? {DAY} ?[-–] ?{DAY}(?![\w:])(?:,? (\d{{4}})\b)?", _month_days, "June 5–7, 2024 → June fifth to seventh, twenty twenty four", "Jan. 3-6 → January third to sixth"),
    (rf"(?:(?<=[\d.])(?<!\d\d\d) ?[-–]|(?<=\d\d\d\d) ?–) ?(?=(?:{MONTH})\.? \d)", " to ", "June 5 – July 7 → June fifth to July seventh"),
    (rf"\b({MONTH})\.? {DAY}\b(?![\d:%.,/–-]*\d)(?:,? (\d{{4}})\b)?", _month_day, "The riot of Jan. 6 was on TV. → The riot of January sixth was on TV.", "Sept 11 2001 → September eleventh, two thousand one", "Meet me Dec. 3rd. → Meet me December third."),
    (rf"\b{DAY}(?: ?[-–] ?| to (?:the )?){DAY} ({MONTH})\b\.?(?:,? (\d{{4}})\b)?", _days_month, "5–7 June 2024 → the fifth to the seventh of June, twenty twenty four", "5th–9th Nov. → the fifth to the ninth of November.", "from 4 to 7 May → from the fourth to the seventh of May"),
    (rf"\b(?:[Tt]he )?{DAY} (?:of )?({MONTH})\b\.?(?:,? (\d{{4}})\b)?", _day_month, "5 May 1999 → the fifth of May, nineteen ninety nine", "the 6th of Jan. → the sixth of January."),
    (rf"\b({MONTH})\.(?= '\d\d\b)", lambda m: _month(m[1]), "Dec. '24 sales → December twenty four sales"),
    (rf"\b({MONTH})\.?,? (\d{{4}})\b", _month_year, "Jan. 2021 → January twenty twenty one"),
    (rf"\b({MONTH})\.? ?[-–] ?({MONTH})\b(?:\.(?= [a-z\d]|,))?", lambda m: f"{_month(m[1])} to {_month(m[2])}", "Jan.–Mar. → January to March."),
    (rf"\b((?:[Ii]n|[Oo]f|[Ss]ince|[Bb]y|[Uu]ntil|[Ll]ast|[Nn]ext|[Ee]arly|[Ll]ate|[Mm]id|[Ff]rom|[Tt]o|[Tt]hrough|[Ee]ach|[Ee]very|[Tt]his)[ -])({MONTH})\b\.", _month_name, "It began in Jan. and ended late Dec. → It began in January and ended late December."),
    (r"\b()(Oct|Nov|Dec|Aug|Apr)(?:\.(?= [a-z])|(?= [a-z])|(?=[,;:)]))", _month_name, "Nov. was cold → November was cold"),
    (rf"(?:(?<=^)|(?<=[,;] ))({WEEKDAYS}): ?", lambda m: f"{_weekday(m[1])}: ", "Sat: closed → Saturday: closed"),
    (rf"\b([Oo]n|[Cc]losed|[Oo]pen|[Ee]very|[Nn]ext|[Ll]ast|[Uu]ntil|[Bb]y|[Tt]his|[Ff]rom|day(?: and|,)|[Tt]hrough|to|[Ee]arly|[Ll]ate|since|before|after) ({WEEKDAYS})\b(?:\.|(?![.'\w]))", _weekday_after, "Come on Sat. or next Sun. → Come on Saturday or next Sunday.", "by Wed we know → by Wednesday we know", "a fire early Sat. → a fire early Saturday."),
    (rf"\b({WEEKDAYS})\b\.?(?= (?:and|or|to|through|thru|&) (?:{'|'.join(DAYS)}|{WEEKDAYS})\b)", lambda m: _weekday(m[1]), "Sat and Sun are off → Saturday and Sunday are off"),
    (rf"\b((?:{'|'.join(DAYS)}) (?:and|or|to|through|thru|&)) ({WEEKDAYS})\b\.?", _weekday_after, "Fri & Sat only → Friday and Saturday only"),
    (r"(?<![\d-])(\d{1,2}(?:[:.]\d{2})?)(?: ?[-–] ?| (?:to|until|till) )(?=\d{1,2}(?:[:.]\d{2})? ?[AaPp]\.? ?[Mm]\b)", lambda m: m[1].replace(".", ":") + " to ", "7.30–8.45 pm → seven thirty to eight forty five P M", "5–6 p.m. → five to six P M.", "10.15 to 11.45 a.m. → ten fifteen to eleven forty five A M."),
    (r"\b([Aa]t|[Bb]y|[Uu]ntil|[Tt]ill?|[Ff]rom) ([01]?\d|2[0-3])\.([0-5]\d)(?:( and| or| to| until) ([01]?\d|2[0-3])\.([0-5]\d))?(?![\w%]|[.,]\d| (?:percent|per|million|billion|seconds?|points?|meters?|[kcm]?[mg])\b)", _timetable, "the bus leaves at 7.15 → the bus leaves at seven fifteen", "buses at 9.00 and 16.30 → buses at nine o'clock and sixteen thirty"),
    (rf"(?<![A-Za-z])({HALF_DAY}\.?) ?[-–] ?(?=\d|noon|midnight)", r"\1 to ", "9am-5pm → nine A M to five P M"),
    (r"\b12:00 (?=noon|midnight)", "12 ", "at 12:00 noon → at twelve noon"),
    (r"\b([Nn]oon|[Mm]idnight) ?[-–] ?(?=\d)", r"\1 to ", "noon–1:30 → noon to one thirty"),
    (r"(?<='\d\d) ?[-–] ?(?='?\d\d\b)", " to ", "the '08–'09 crisis → the oh eight to oh nine crisis"),
    (r"(?<=\d:\d\d) ?[-–] ?(?=\d{1,2}:\d\d)", " to ", "12:30–1:15 → twelve thirty to one fifteen"),
    (r"\b([Ss]cale|[Rr]atio|[Oo]dds|[Mm]ap|[Mm]ix|[Dd]ilution|[Dd]iluted|[Rr]ated|SCALE)((?: of| is| at| was| are| were)*) (\d[\d,]*):(\d[\d,]*)(?![:\d])", lambda m: f"{m[1]}{m[2]} {m[3]} to {m[4]}", "A map of 1:10,000 → A map of one to ten thousand", "odds of 3:10 → odds of three to ten"),
    (r"\b(\d+):(\d[\d,]*)(?= (?:scale|ratio|odds|mix|aspect|model|dilution|solution)\b)", r"\1 to \2", "a 1:50 scale → a one to fifty scale"),
    (rf"\b({BOOKS}) (\d{{1,3}}):(\d{{1,3}})(?: ?[-–] ?(\d{{1,3}}))?(?![:\d])", lambda m: f"{m[1]} {number(m[2])} {number(m[3])}" + (f" to {number(m[4])}" if m[4] else ""), "John 3:16 → John three sixteen", "Genesis 1:1 → Genesis one one"),
    (r"\b(\d{1,2}):([0-5]\d):([0-5]\d)[.,](\d{1,3})(?!\d)", _stopwatch, "00:15:30.5 → fifteen minutes thirty point five seconds"),
    (r"\b(\d{1,2}):(\d{2})\.(\d{1,3})\b", lambda m: f"{number(m[1])} {number(m[2].lstrip('0') or '0')}".replace(" ", " oh " if m[2][0] == "0" else " ", 1) + f" point {' '.join(number(c) for c in m[3])}", "a lap in 1:43.21 → a lap in one forty three point two one"),
    (r"(?<!at )\b00?:([0-5]\d):([0-5]\d)(?![\d:.,]*\d)", _minutes_and_seconds, "it lasts 00:05:30 → it lasts five minutes thirty seconds"),
    (r"\b(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([AaPp])\.? ?[Mm](?:\.|\b))?(?![\d:])", _time, "at 3:45pm → at three forty five P M", "09:05 → nine oh five", "12:00 → twelve o'clock", "It took 2:00:35. → It took two oh oh and thirty five seconds."),
    (r"\b(\d{1,2})(?:\.(\d{2}))?() ?([AaPp])\.? ?[Mm](?:\.|\b)", _time, "We met at 5p.m.on Friday. → We met at five P M on Friday.", "9.30am → nine thirty A M", "10 a.m. → ten A M."),
    (r"(?:(?<=\b[Aa]t )|(?<=@ )|(?<=@))(\d{1,2}(?::\d\d)?)([ap])\b(?!\.?[Mm])", lambda m: f"{m[1]} {m[2].upper()} M", "at 4p → at four P M"),
    (r"(?<![\w.,:/-])([01]\d|2[0-3])([0-5]\d) ?(?:hrs?|hours|h)\b\.?", _military, "at 0730 hrs → at oh seven thirty hours", "at 1400 hours → at fourteen hundred hours"),
    (r"(?<![\w.,:])(\d{1,2})\.([0-5]\d)(?= (?:Uhr|hrs?|h)\b)", lambda m: _clock(int(m[1]), int(m[2])), "14.30 Uhr → fourteen thirty Uhr"),
    (r"\b([AaPp])\. ?[Mm]\.", _noon_or_night, "this a.m. → this A M."),
    (r"\b([01]?\d|2[0-3])h([0-5]\d)\b", _hours_minutes, "1h30 → one hour thirty", "14h30 → fourteen thirty"),
    (r"(?<![\w:])(\d{1,3}):(\d):(\d)(?![:\d])", r"\1 to \2 to \3", "a mix of 3:2:1 → a mix of three to two to one"),
    (r"\b(\d+):(\d[\d,]*)(?![:\d])", r"\1 to \2", "16:9 → sixteen to nine"),
    (r"(?<=\d0s) ?[-–] ?(?='?\d{0,3}0'?s\b)", " to ", "the 1990s–2000s → the nineteen nineties to two thousands"),
    (r"(?<![\w.])'?((?:1\d|20)\d0)'?s\b", _decade, "the 1990s → the nineteen nineties", "in the 1800's → in the eighteen hundreds"),
    (r"(?<![\w.$£€=])(?<!: )(?<!every )(?<!after )(?<!within )'?([1-9]0)'?s\b", _decade, "the '80s → the eighties", "in her 60s → in her sixties"),
    (r"\b([QH][1-4]|FY) ?'(\d\d)\b", lambda m: f"{m[1]} {number(m[2])}", "Q1'24 → Q one twenty four"),
    (r"(?<![\w.])'(\d\d)(?![\w'\"])", _short_year, "class of '05 → class of oh five"),
]  # fmt: skip  # noqa: E501
YEARS: list[Rule] = [
    (r"(?<![\w.,])(?<![A-Z]\d-)\d{4}(?![\d.,]\d|\w)", _year_rule, "in 1990 → in nineteen ninety", "1234 apples → one thousand two hundred and thirty four apples"),
]  # fmt: skip  # noqa: E501
