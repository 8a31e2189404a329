"""Abbreviations: what they stand for, and whether the full stop behind one ends a sentence.

The sentence splitter and the rules of spoken English ask the same tables.
"""

from __future__ import annotations

import re
from re import Match

from .number_words import alternatives

OPENERS = (  # capitalised words that say a new sentence has begun
    "(?:The|A|An|He|She|It|They|We|I|You|But|And|Or|Then|This|That|These|Those|In|On|At|Is|Are|Was|Were|Do|Did|Does|"
    r"Can|What|When|Where|Who|Why|How|My|His|Her|Our|Your|Their|There|Here|If|So|Not|No|Yes|Please|After|Before|For|As|"
    r"Let|Its|Some|Many|Most|Now|Today|Later|Once|Since|With|From|To|By|All|Both|One|Nobody|Everyone|However|Also)\b(?!\.)"
)
TITLES = {  # a name follows
    "Mr": "Mister", "Mrs": "Mrs", "Ms": "Miz", "Mx": "Mix", "Messrs": "Messers", "Prof": "Professor",
    "Gen": "General", "Gov": "Governor", "Sen": "Senator", "Rep": "Representative", "Capt": "Captain",
    "Cpt": "Captain", "Lt": "Lieutenant", "Col": "Colonel", "Sgt": "Sergeant", "Cmdr": "Commander", "Rev": "Reverend",
    "Hon": "Honorable", "Pres": "President", "Cpl": "Corporal", "Pvt": "Private", "Maj": "Major", "Adm": "Admiral",
    "Msgr": "Monsignor", "Fr": "Father", "Br": "Brother", "Supt": "Superintendent", "Insp": "Inspector",
    "Det": "Detective", "Atty": "Attorney", "Amb": "Ambassador", "Mlle": "Mademoiselle", "Mme": "Madame",
    "Mt": "Mount", "Ft": "Fort", "Pt": "Point", "Ald": "Alderman", "Brig": "Brigadier", "Min": "Minister",
    "Cllr": "Councillor", "Abp": "Archbishop",
    "Bp": "Bishop", "Const": "Constable", "Cdr": "Commander", "Bro": "Brother", "Sec": "Secretary",
}  # fmt: skip
COUNTERS = {  # a number or a letter follows
    "No": "number", "Nos": "numbers", "Nr": "number", "Vol": "volume", "Vols": "volumes", "Ch": "chapter",
    "Chap": "chapter", "Fig": "figure", "Figs": "figures", "Eq": "equation", "Eqs": "equations", "Art": "article",
    "Arts": "articles", "Sec": "section", "Secs": "sections", "Sect": "section", "Pt": "part", "Pts": "parts",
    "P": "page", "Pp": "pages", "Pg": "page", "Par": "paragraph", "Para": "paragraph", "Paras": "paragraphs",
    "App": "appendix", "Ex": "example", "Op": "opus", "Tab": "table", "Bk": "book", "Thm": "theorem",
    "Def": "definition", "Prop": "proposition", "Cl": "clause", "Ver": "version", "Rm": "Room", "Apt": "Apartment",
    "Ste": "Suite", "Bldg": "Building", "Fl": "Floor", "Rte": "Route", "Rt": "Route", "Hwy": "Highway",
    "Ext": "extension", "Dep": "departure", "Arr": "arrival", "Pop": "population", "Agg": "aggregate",
    "Lat": "latitude", "Lon": "longitude", "Ps": "Psalm",
    "Ep": "episode", "Ca": "circa", "C": "circa", "Cir": "circa", "Ln": "line", "Tel": "telephone", "Ph": "phone",
    "Approx": "approximately", "Est": "established", "Max": "maximum", "Min": "minimum", "Avg": "average",
    "Ref": "reference", "Q": "question", "Qs": "questions", "Lvl": "level", "Cf": "compare", "Exp": "expires",
    "Lv": "level", "Alt": "altitude", "Refs": "references", "Cons": "consensus",
    "Extn": "extension",
    "Cat": "category", "Sc": "Scene", "Vv": "verses", "Iss": "issue", "Tbl": "table", "Lic": "license",
}  # fmt: skip
ANYWHERE = {  # the full stop may be the sentence's too
    "Jr": "Junior", "Sr": "Senior", "Esq": "Esquire", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Ln": "Lane",
    "Hwy": "Highway", "Pkwy": "Parkway", "Sq": "Square", "Ct": "Court", "Pl": "Place", "Ter": "Terrace",
    "Terr": "Terrace",
    "Apt": "Apartment", "Bldg": "Building", "Ltd": "Limited", "Inc": "Incorporated", "Corp": "Corporation",
    "Co": "Company", "Bros": "Brothers", "Dept": "Department", "Univ": "University", "Assn": "Association",
    "Govt": "Government", "Inst": "Institute", "Intl": "International", "Mfg": "Manufacturing", "Prog": "Program",
    "approx": "approximately", "est": "established", "vs": "versus", "vol": "volume", "fig": "figure",
    "ch": "chapter", "pp": "pages", "eds": "editors", "cf": "compare", "etc": "et cetera", "Etc": "et cetera",
    "tel": "telephone", "temp": "temperature", "max": "maximum", "min": "minimum", "avg": "average",
    "dept": "department", "govt": "government", "ext": "extension", "incl": "including", "excl": "excluding",
    "esp": "especially", "misc": "miscellaneous", "viz": "namely", "resp": "respectively", "Mgmt": "Management",
    "tsp": "teaspoon", "tbsp": "tablespoon", "oz": "ounce", "lb": "pound", "lbs": "pounds", "ft": "feet",
    "hr": "hour", "hrs": "hours", "mins": "minutes", "sec": "second", "secs": "seconds", "yrs": "years",
    "Approx": "approximately", "Ch": "chapter", "Vol": "volume", "Fig": "figure", "Tel": "telephone",
    "Temp": "temperature", "Natl": "National", "appt": "appointment", "Appt": "appointment", "cont": "continued",
    "pts": "points", "attd": "attached", "ea": "each", "Fl": "Floor", "Cnr": "Corner", "Wm": "William",
    "wk": "week", "wks": "weeks", "yr": "year", "reg": "regular", "Reg": "Regular", "orig": "original",
    "qty": "quantity",
    "Qty": "Quantity", "amt": "amount", "acct": "account", "attn": "attention", "Attn": "Attention",
    "asst": "assistant",
    "Asst": "Assistant", "assoc": "associate", "Assoc": "Associate", "doz": "dozen", "diam": "diameter",
    "dia": "diameter",
    "equiv": "equivalent", "freq": "frequency", "mfr": "manufacturer", "mgr": "manager", "Mgr": "Manager",
    "mtg": "meeting", "Mtg": "Meeting", "mtn": "mountain", "Mtn": "Mountain", "pkg": "package", "pkgs": "packages",
    "anniv": "anniversary", "Plz": "Plaza", "bdrm": "bedroom", "bdrms": "bedrooms", "co": "company", "Mob": "Mobile",
    "agg": "aggregate", "pkt": "packet", "blk": "block",
    "blks": "blocks", "lg": "large",
    "prev": "previous", "arr": "arriving", "dep": "departing", "pref": "preferably",
    "qtr": "quarter", "std": "standard", "wt": "weight", "ht": "height", "hdqrs": "headquarters",
    "Hts": "Heights", "Jct": "Junction", "Ctr": "Center", "Stn": "Station", "Cres": "Crescent", "Hosp": "Hospital",
    "pls": "please", "Pls": "Please", "ul": "ulica", "Str": "Strasse", "str": "strasse", "av": "avenue",
    "yds": "yards", "pcs": "pieces", 
    "sched": "schedule", "req": "required", "reqd": "required", "recd": "received", "rcvd": "received",
    "encl": "enclosed", "Encl": "Enclosed", "pron": "pronounced", "adv": "adverb", "adj": "adjective",
    "Secy": "Secretary", "Treas": "Treasurer", "Dir": "Director", "Chmn": "Chairman",
    "Thos": "Thomas", "Chas": "Charles", "Jas": "James", "Robt": "Robert",
    "Feb": "February", "Apr": "April", "Aug": "August", "Sept": "September", "Oct": "October", "Nov": "November",
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday",
    "Thurs": "Thursday", "Fri": "Friday",
}  # fmt: skip
BIBLE = {  # chapter and verse follow
    "Gen": "Genesis", "Ex": "Exodus", "Lev": "Leviticus", "Deut": "Deuteronomy", "Ps": "Psalm", "Prov": "Proverbs",
    "Num": "Numbers", "Josh": "Joshua", "Judg": "Judges", "Sam": "Samuel", "Kgs": "Kings", "Chron": "Chronicles",
    "Chr": "Chronicles", "Eccl": "Ecclesiastes", "Hos": "Hosea", "Mic": "Micah", "Zech": "Zechariah", "Mal": "Malachi",
    "Isa": "Isaiah", "Jer": "Jeremiah", "Ezek": "Ezekiel", "Dan": "Daniel", "Matt": "Matthew", "Mk": "Mark",
    "Lk": "Luke", "Col": "Colossians", "Thess": "Thessalonians", "Tit": "Titus",
    "Jn": "John", "Rom": "Romans", "Cor": "Corinthians", "Gal": "Galatians", "Eph": "Ephesians", "Phil": "Philippians",
    "Tim": "Timothy", "Heb": "Hebrews", "Jas": "James", "Pet": "Peter", "Rev": "Revelation",
}  # fmt: skip
STATES = {  # of America, as newspapers shorten them; a place or a party stands before
    "Ala": "Alabama", "Ariz": "Arizona", "Ark": "Arkansas", "Calif": "California", "Colo": "Colorado",
    "Conn": "Connecticut", "Del": "Delaware", "Fla": "Florida", "Ga": "Georgia", "Ill": "Illinois", "Ind": "Indiana",
    "Kan": "Kansas", "Ky": "Kentucky", "La": "Louisiana", "Md": "Maryland", "Mass": "Massachusetts", "Mich": "Michigan",
    "Minn": "Minnesota", "Miss": "Mississippi", "Mo": "Missouri", "Mont": "Montana", "Neb": "Nebraska", "Nev": "Nevada",
    "Okla": "Oklahoma", "Ore": "Oregon", "Pa": "Pennsylvania", "Tenn": "Tennessee", "Tex": "Texas", "Va": "Virginia",
    "Vt": "Vermont", "Wash": "Washington", "Wis": "Wisconsin", "Wyo": "Wyoming", "Ont": "Ontario", "Que": "Quebec",
}  # fmt: skip
STATE_CODES = {  # before a postal code
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "DC": "D C", "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho",
    "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine",
    "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi", "MO": "Missouri",
    "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico",
    "NY": "New York", "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon",
    "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee",
    "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia", "WA": "Washington", "WV": "West Virginia",
    "WI": "Wisconsin", "WY": "Wyoming",
}  # fmt: skip
# at the beginning of a sentence or a label: "Wt.: 5 kg"
ANYWHERE |= {
    word.capitalize(): full.capitalize()
    for word, full in ANYWHERE.items()
    if word.islower() and word.capitalize() not in {*ANYWHERE, *TITLES, *COUNTERS}
}
# without a full stop too
BARE = (
    "pts",
    "hrs",
    "mins",
    "Mr",
    "Mrs",
    "Ms",
    "vs",
    "approx",
    "tsp",
    "tbsp",
    "lbs",
    "Prof",
    "Sgt",
    "Lt",
    "Blvd",
    "Dept",
    "mtg",
    "wk",
    "wks",
    "yrs",
    "pkg",
    "pkgs",
    "qty",
    "pls",
    "Pls",
    "asst",
    "Asst",
    "acct",
    "Feb",
    "Sept",
    "Tues",
    "Thurs",
    "Thur",
)
MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip
MONTH = alternatives([*MONTHS, *(month[:3] for month in MONTHS), "Sept"])
WEEKDAYS = "Mon|Tues?|Weds?|Thurs?|Thu|Fri|Sat|Sun"

_NAMED = re.compile(r"(?:^|[^\w'])(?:Mr|Mrs|Ms|Mx|Messrs|Dr|Mlle|Mme|Mt)\.$", re.I)
_TITLE = re.compile(
    rf"(?:^|[^\w'])(?:{alternatives({*TITLES, 'St'} - {'Sec', 'Pt', 'Det', 'Min', 'Const', 'Bro'})})\.$", re.I
)
_COUNTER = re.compile(rf"(?:^|[^\w'])(?:{alternatives(COUNTERS)}|Rs|S?Fr|kr|§+)\.$", re.I)
_DATED = re.compile(rf"(?:^|\W)(?:{alternatives(month[:3] for month in MONTHS)}|Sept|{WEEKDAYS})\.$", re.I)
_WORDS = {"No", "Art", "Def", "Ex", "Det", "Par"}  # too
_ANYWHERE = re.compile(
    rf"(?:^|[^\w'])(?:{alternatives({*ANYWHERE, *TITLES, *COUNTERS, 'St', 'Dr'} - _WORDS)}"
    r"|e\.g|i\.e|al|ibid|[Mm]io|[Mm]rd|(?:Ph|[A-Z]c)\.\s?[A-Z]|(?:[A-Za-z]\.\s?)*(?<![\w'/])[A-Za-z])\.$"
)
_VERSUS = re.compile(r"[A-Z][\w.']* v\.$")  # of a court's case
_STATE = re.compile(rf"\b(?:{alternatives(STATES)})\.$")
_VERSE = re.compile(rf"\b(?:{alternatives(BIBLE)})\.$")
_EPISTLE = re.compile(rf"(?<!\w)[123] (?:{alternatives(BIBLE)})\.$")
_PLACED = re.compile(rf"(?:[a-z], ?|[RDI]-)(?:{alternatives(STATES)})\.$")
_DEGREES = re.compile(r"(?:^|\W)(?:lat|long)\.$", re.I)
_DOTTED = re.compile(r"(?:^|[^\w'])(?:[A-Za-z]\.){2,}$|(?:^|[^\w'])[ap]\. ?m\.$", re.I)
# behind these a name may follow, but a word followed by one in small letters opens a sentence: "X Inc. Profits rose."
_CLOSING = re.compile(
    r"(?:^|[^\w'])(?:Inc|Corp|Ltd|Co|LLC|Bros|etc|Esq|[AaPp]\. ?[Mm])\.$|\d ?(?:mins?|hrs?|secs?|mi|yrs?|wks?|mos?)\.$"
)
_OPENS = re.compile(
    rf"(?!(?:{MONTH}|{WEEKDAYS}|Eastern|Pacific|Central|Mountain|Greenwich|Chief|Chair\w*|President|Director|Founder|Vice|"
    r"Executive|Spokes\w+|Magazine)\b)[A-Z][a-z']+ [a-z]"
)
_CONSONANTS = re.compile(
    r"(?:^|[^\w'])(?!(?:[hm]m+|sh+|ps+t|br+|pff*t|t[sc]k|nth|cwm|grr+|zzz+)\.)[A-Z]?[bcdfghj-np-tv-xz]{2,5}\.$"
)
_ITEM = re.compile(r"(?:^|\n)\s*(?:\(?\d{1,3}|[A-Za-z])\.$")
_DAY_OR_MONTH_AHEAD = re.compile(rf"(?:{MONTH}|{WEEKDAYS})\b")


_EDITION = re.compile(r"(?:\d(?:st|nd|rd|th)|rev\.|Rev\.) ed\.$")
_CHESS = re.compile(r"(?:[KQRBN][a-h]?[1-8]?x?[a-h][1-8]|O-O)(?!\w)")  # a move behind its number
_WAY = re.compile(r"\d ?(?:mi|km|yds?|ft|m)\.$")
COURSES = "on|of|along|to|from|at|past|until|then"  # words behind a point of the compass
_COMPASS = re.compile(rf"[NSEW]{{1,3}}\b(?:[,;.]| (?:{COURSES}|and)\b)")
_SCENE = re.compile(r"(?:^|[\s/])(?:INT|EXT)\.$")  # of a screenplay
_SHOUTED = re.compile(r"(?<![\w'])([A-Z]{2,5})\.$")


def _in_capitals(before: str, after: str) -> bool:
    """Whether an abbreviation of a text in capitals goes on, "ACME INC. TO BUY"."""
    word = _SHOUTED.search(before)
    if not word or not re.match(r"[A-Z]{2}|[A-Z]\.", after):
        return False
    is_abbreviation = word[1].capitalize() in {*ANYWHERE, *TITLES, "St", "Dr"} - _WORDS
    return is_abbreviation and not re.match(r"(?:THE|HE|SHE|IT|WE|THEY|BUT|YOU|THIS)\b", after)


def names_follow(before: str) -> bool:
    """Whether a text ends with a title, "Mr.", which nothing parts from its name."""
    return _TITLE.search(before) is not None or _NAMED.search(before) is not None


def ends_sentence(before: str, after: str) -> bool:
    """Whether the full stop that ends `before` ends a sentence, and is not an abbreviation's alone.

    before: some characters of text, up to a full stop (or ? ! …) and what closes behind it. after: what follows.
    """
    if re.match(r"[\"'“‘(\[]*[a-z]|[.…]|[+&=/%] ", after):
        return False
    if _in_capitals(before, after):
        return False
    if _NAMED.search(before) or _ITEM.search(before):
        return False
    if before[-2:-1].isdigit() and _CHESS.match(after):
        return False
    if _TITLE.search(before):
        return re.match(rf"[\"'“‘(\[]*(?!A\b|I\b|[A-Z]\.){OPENERS}", after) is not None
    if _COUNTER.search(before) and re.match(
        r"[\d(#$£€~≈±]|[IVXLC]+\b(?!')(?! [a-z])|[A-Z]{1,4}[-/]?\d|[A-Z]\b(?![' ])", after
    ):
        return False
    if re.search(r"\b(?:Cat|Ref|Tel|Reg|Acct|Ser|Lic)\.$", before) and after.startswith("No"):
        return False
    if before.endswith(" def.") and after[:1].isupper():
        return False
    if _EDITION.search(before):
        return re.match(OPENERS, after) is not None
    if _SCENE.search(before) or (_WAY.search(before) and _COMPASS.match(after)):
        return False
    if before.endswith("str.") and after[:1].isdigit():
        return False
    if (_VERSE.search(before) and re.match(r"\d{1,3}:\d", after)) or (_EPISTLE.search(before) and after[:1].isdigit()):
        return False
    if before.endswith("...") and re.match(r"[$£€\d]", after):
        return False
    if _STATE.search(before) and re.match(r"(?:Lt\. )?(?:Gov|Sen|Rep|Atty)\b|State\b|Supreme\b", after):
        return False
    if before.endswith("Wash.") and after.startswith("D.C."):
        return False
    if _VERSUS.search(before) and after[:1].isupper():
        return False
    if _DEGREES.search(before) and re.match(r"[-−–]?\d{1,3}(?:\.\d|°)", after):
        return False
    if _DATED.search(before) and (re.match(r"\d|[-–]|['’]\d\d", after) or _DAY_OR_MONTH_AHEAD.match(after)):
        return False
    if _CLOSING.search(before) and _OPENS.match(after):
        return True
    if _ANYWHERE.search(before) or _PLACED.search(before) or _DOTTED.search(before) or _CONSONANTS.search(before):
        return re.match(rf"[\"'“‘(\[]*{OPENERS}", after) is not None
    return True


def sentence_end(match: Match[str], openers: str = OPENERS) -> str:
    """The full stop of an abbreviation that is the sentence's too: at the end, or before a word that opens one."""
    if not match.group().endswith("."):
        return ""
    rest = match.string[match.end() : match.end() + 60]
    return "." if not rest.strip(" \"')") or re.match(rf"[\"')]*\s+[\"'(]*(?:{openers})", rest) else ""
