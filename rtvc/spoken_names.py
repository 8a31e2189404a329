"""Titles, initials, addresses, Roman numerals and other abbreviations as they are spoken."""

# ruff: noqa: E501 (a rule and its examples are one line)
from __future__ import annotations

import re
from re import Match

from .abbreviations import ANYWHERE, BARE, COUNTERS, OPENERS, STATE_CODES, STATES, TITLES, sentence_end
from .dictionary import converted
from .number_words import DIGITS, LETTER_A, Rule, alternatives, in_pairs, nth, number, roman, spelled, year

DIGIT = f"(?:{alternatives(DIGITS)})"  # of a postal code, by now
# with inner full stops, or none
PHRASES = {
    "e.g.": "for example", "E.g.": "For example", "I.e.": "That is", "eg.": "for example", "i.e.": "that is",
    "ie.": "that is", "et al.": "et al",
    "a.k.a.": "also known as", "aka": "also known as", "w/o": "without", "w/": "with ", "c/o": "care of",
    "b/c": "because", "p.s.": "P S", "BTW": "by the way", "n/a": "not applicable", "N/A": "not applicable",
    "C#": "C sharp", "F#": "F sharp", ".NET": "dot net", "C++": "C plus plus", "sth": "something",
    "24/7": "twenty four seven", "24-7": "twenty four seven", "50-50": "fifty fifty", "50–50": "fifty fifty", "911": "nine one one", "9/11": "nine eleven", "n't": "not", "'n'": "and",
    "I/O": "I O", "B2B": "B to B", "B2C": "B to C", "P2P": "P to P", "WWI": "World War One", "WWII": "World War Two",
    "WW1": "World War One", "WW2": "World War Two",
    "M&M's": "M and M's", "op. cit.": "op cit", "ibid.": "ibid", "P.O.": "P O", "A/C": f"{LETTER_A} C",
    "o' clock": "o'clock", "Roe v. Wade": "Roe versus Wade", "v/s": "versus", "Inc.'s": "Incorporated's",
    "q/q": "quarter on quarter", "m/m": "month on month", "y/y": "year on year", "w/w": "week on week", "QoQ": "quarter over quarter",
    "MoM": "month over month", "YoY": "year over year", "s.t.": "such that", "w.r.t.": "with respect to",
    "fwd": "forward", "wrt": "with respect to", "y/o": "year old", "thx": "thanks", "Thx": "Thanks", "plz": "please", "ppl": "people",
    "att'd": "attached", "cont'd": "continued", "int'l": "international", "Int'l": "International",
    "nat'l": "national", "Nat'l": "National", "gov't": "government", "Gov't": "Government", "dep't": "department",
    "Ass'n": "Association", "req'd": "required", "rec'd": "received", "b'day": "birthday",
    "Wash. D.C.": "Washington D.C.", "tmrw": "tomorrow", "Rt. Hon.": "Right Honorable", "Rt Hon": "Right Honorable",
    "the mo.": "the month.",
    "per mo.": "per month", "b/w": "between", "TL;DR": "T L D R", "tl;dr": "T L D R", "gr8": "great",
    "l8r": "later", "Yrs. truly": "Yours truly", "Yrs truly": "Yours truly", "Pts:": "Points:", "m8": "mate", "2day": "today", "2nite": "tonight", "2moro": "tomorrow", "2morrow": "tomorrow",
    "SpO2": "S P O two", "Ctrl": "Control", "Cmd": "Command", "Esc": "Escape",
}  # fmt: skip
PHRASES |= {
    word.capitalize(): full.capitalize()
    for word, full in PHRASES.items()
    if word.isalpha() and word.islower() and word != "plz"
}
NUMBERED = frozenset(  # what a Roman numeral counts: "Chapter four"; anybody else is "the fourth"
    """
    chapter part act scene section volume book phase article war mark type level stage class grade bowl apollo
    gemini fantasy episode round rocky appendix figure table title vol no step unit lesson verse canto saturn model
    item division group category schedule exhibit annex tier size page number form factor axis quadrant symphony
    sonata quest warcraft souls theft rule artemis voyager pioneer viking soyuz ariane sputnik generation season game question paper vatican
    """.split()  # noqa: SIM905
)
DEGREES = {"type", "grade", "stage", "phase"}  # "I" behind these may be one where a noun follows
# who is counted even by a single letter: "Henry V"
MONARCHS = frozenset(
    """
    Henry Charles George Elizabeth Edward William James Richard Louis Philip John Paul Pius Leo Benedict Gregory Clement
    Innocent Napoleon Frederick Wilhelm Nicholas Alexander Peter Catherine Mary Francis Ferdinand Otto Ramses Ramesses
    Ptolemy Xerxes Darius Philippe Felipe Carlos Ivan Charlemagne Urban Boniface Sixtus Haakon Gustav Christian Robert
    Kenneth Malcolm Juan Albert Leopold Baldwin Constantine Justinian Theodosius Mehmed Suleiman Selim Murad Cosimo
    """.split()  # noqa: SIM905
) - {"Malcolm"}
LABELS = frozenset(  # a capital after these is a label, no initial
    """
    plan vitamin grade type class group section part option hepatitis team point size step letter is was
    """.split()  # noqa: SIM905
)
COMPASS = {"N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest",
           "SE": "Southeast", "SW": "Southwest"}  # fmt: skip
ROADS = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Court|Ct|Place|Pl|Highway|Hwy|Parkway|Pkwy|Way|"
    "Terrace|Terr?|Circle|Cir|Square|Sq"
)
LIVES = {"b": "born", "d": "died", "r": "reigned", "fl": "flourished", "m": "married"}
NUMBERS_OF = {
    "ref": "reference",
    "Ref": "Reference",
    "cat": "catalog",
    "Cat": "Catalog",
    "tel": "telephone",
    "Tel": "Telephone",
}
HEADS = {  # what a colon follows, with or without a full stop
    "Attn": "Attention", "Qty": "Quantity", "Amt": "Amount", "Acct": "Account", "Appt": "Appointment", "Mgr": "Manager",
    "Enc": "Enclosed", "Encl": "Enclosed", "Wt": "Weight", "Ht": "Height", "Mtg": "Meeting", "Dept": "Department",
}  # fmt: skip
STREETS = {"St": "Street", "Dr": "Drive"}
_I_SPEAK = re.compile(
    r"(?: [a-z]+ly)? (?:am|think|know|love|like|want|will|can|would|could|should|do|did|don't|didn't|have|had|need|feel|"
    r"see|saw|said|say|read|wrote|went|go|got|get|mean|hope|guess|believe|wish|never|always|just|also|really|still|ever)\b|'"
)

_CROWNED = re.compile(r"(?<!the )\b(?:King|Queen|Pope|Emperor|Empress|Tsar|Kaiser|Sultan) $")

# numerals before this one: "sections III and"
_LISTED = re.compile(
    rf"\b(?i:{'|'.join(sorted(NUMBERED))})s? (?:[IVXLC]+(?:, | ?[–-] ?|,? (?:and|or|to|through|&) ))+$"
)


def _roman_rule(match: Match[str]) -> str:
    """World War II, Chapter IV, Henry VIII's; the pronoun "I", the letter "V" and the "X" of Malcolm X stay."""
    before, numeral, own = match[1] or "", match[2], "'s" if match[3] else ""
    value, name, rest = roman(numeral), before.strip(" .").lower(), match.string[match.end() : match.end() + 30]
    is_counted = name in NUMBERED or (name.endswith("s") and name[:-1] in NUMBERED)
    if numeral in ("C", "D", "L", "M"):  # a label, "Group C"
        return match.group()
    if value is None or (set("CDM") & set(numeral) and not (is_counted or len(numeral) > 4)):
        return match.group()
    if numeral == "I" and _is_pronoun(match, is_counted, rest):
        return match.group()
    if rest.startswith((" century", " centuries", "th century")):
        return before + nth(str(value))
    if is_counted or _LISTED.search(match.string[: match.start(2)][-60:]):
        return f"{before}{number(str(value))}{own}"
    if len(numeral) > 3 and 1100 < value < 2100:
        return f"{before}{year(value)}"
    if before.strip(" .") in MONARCHS or (
        before[:1].isupper() and len(numeral) >= 2 and name not in ("the", "an", "and")
    ):
        return f"{before}the {nth(str(value))}{own}"
    return match.group() if len(numeral) < 3 and numeral != "II" else f"{before}{number(str(value))}{own}"


def _roman_and_letter(match: Match[str]) -> str:
    value = roman(match[2])
    return match.group() if value is None else f"{match[1]}{number(str(value))} {spelled(match[3])}"


def _is_pronoun(match: Match[str], is_counted: bool, rest: str) -> bool:
    """Whether "I" is somebody speaking: "the Part I like", "the Henry I know", "Then I left"."""
    name = (match[1] or "").strip(" .")
    before = match.string[: match.start()][-20:]
    if name in MONARCHS and _CROWNED.search(before):
        return False
    if before.endswith((" the ", "The ")) and re.match(" (?:knew|met|remember|married|meant)", rest):
        return True
    if _I_SPEAK.match(rest) or match[3]:
        return True
    if name.lower() in DEGREES and _is_before_noun(match, name):
        return False
    if is_counted and (name.islower() or name.lower() == "war"):
        world = match.string[max(0, match.start() - 6) : match.start()]
        return re.match(" [a-z]", rest) is not None and not world.endswith("World ")
    if is_counted:
        article = match.string[max(0, match.start() - 5) : match.start()]
        return re.match(" [a-z]", rest) is not None and re.search(r"\b(?:the|The|this|that|a) $", article) is not None
    return name not in MONARCHS


def _is_before_noun(match: Match[str], name: str) -> bool:
    """Whether a noun or participle follows, "a stage I tumor", as the tagger sees it where "one" is written instead."""
    following = re.match(r" [a-z]+(?: [a-z]+)?", match.string[match.end() : match.end() + 40])
    return following is not None and converted(f"a {name.lower()} one{following[0]}")[3].tag in (
        "NN",
        "NNS",
        "JJ",
        "VBN",
    )


def _page(match: Match[str]) -> str:
    """Numerals in small letters, as prefaces and lists have them; words stay."""
    value = roman(match[2].upper())
    return match.group() if value is None else f"{match[1]}{number(str(value))}{match[3] or ''}"


def _address(match: Match[str]) -> str:
    """123 N. Main: the house's number in pairs, and the point of the compass."""
    house = in_pairs(match[1]) + (f" {spelled(match[2])}" if match[2] else "")
    return f"{house} {COMPASS[match[3]] + ' ' if match[3] else ''}{match[4]}"


def _street_or_saint(match: Match[str]) -> str:
    word, rest = match[2], match.string[match.end() : match.end() + 60]
    after_name = match[1] and match[1].strip(" .") not in (
        "Dear",
        "Thanks",
        "Thank",
        "Hello",
        "Hi",
        "In",
        "At",
        "On",
        "The",
    )
    before_name = re.match(r" ?[A-Z]", rest)
    behind, ahead = {"St": ("Street", "Saint"), "Dr": ("Drive", "Doctor")}[word]
    at_end = sentence_end(match)
    space = " " if rest[:1].isalpha() else ""
    if after_name and (not before_name or at_end or re.match(r" (?:NE|NW|SE|SW|N|S|E|W)\b", rest)):
        return f"{match[1]}{behind}{at_end}{space}"
    words = f"{match[1] or ''}{ahead}" if before_name or word == "Dr" else f"{match[1] or ''}{behind}{at_end}"
    return words + space


def _initials(match: Match[str]) -> str:
    end = sentence_end(match)
    if not end and re.search(r"[Pp]\.?[Mm]\.$", match.group()):
        end = ""
    space = " " if match.string[match.end() : match.end() + 1].isalpha() else ""
    return spelled(re.sub(r"[^A-Za-z]", "", match.group())) + end + space


def _name_initials(match: Match[str]) -> str:
    """J. R. R. before Tolkien; but the B of "plan B." ends its sentence."""
    if (match[1] or "").lower() in LABELS or match[2] == "I. ":
        return match.group()
    return (f"{match[1]} " if match[1] else "") + spelled(re.sub("[^A-Z]", "", match[2])) + " "


def _degree(match: Match[str]) -> str:
    """Ph.D., B.Sc., M.A.: letter by letter."""
    return spelled(re.sub(r"[^A-Za-z]", "", match.group())) + sentence_end(match)


def _title(match: Match[str]) -> str:
    space = " " if match.string[match.end() : match.end() + 1].isalpha() else ""
    return TITLES[match[1]] + space + _closing(match)


def _closing(match: Match[str]) -> str:
    """A title's full stop ends its sentence only where nothing follows."""
    return "" if match.string[match.end() :].strip(" \"')") else "."


def _counter(match: Match[str]) -> str:
    word = COUNTERS[match[1].capitalize()]
    return word if match[1].islower() or word[0].isupper() else word


def _abbreviation(match: Match[str]) -> str:
    space = " " if match.string[match.end() : match.end() + 1].isalpha() else ""
    return ANYWHERE[match[1]] + sentence_end(match) + space


def _state(match: Match[str]) -> str:
    """Miami, Fla.; of a politician the party and the state, R-Fla."""
    return (match[1] or f"{match[2]}, ") + STATES[match[3]] + sentence_end(match)


def _ampersand(match: Match[str]) -> str:
    """AT&T, R&D: the letters, with "and" between."""
    return f"{_letters(match[1])} and {_letters(match[2])}"


def _letters(text: str) -> str:
    return spelled(text) if text.isupper() else text


_COUNTING = alternatives(
    [*COUNTERS, *(word.lower() for word in COUNTERS if word not in ("C", "Q", "Tab", "App", "Def", "Cat"))]
)
_NUMERAL = r"[IVXLCDM]+"
ROMAN: Rule = (rf"(?:\b([A-Z][\w]*\.? |(?:{'|'.join(sorted(NUMBERED))})s? ))?\b({_NUMERAL})('s)?(?![\w'.&]\w)(?![#+&])\b", _roman_rule, "World War I began → World War one began", "stage IV → stage four", "Henry VIII's wife → Henry the eighth's wife", "Queen Elizabeth I never married → Queen Elizabeth the first never married", "the XIX century → the nineteenth century")  # fmt: skip  # noqa: E501
PHRASE_RULES: list[Rule] = [
    (r"(?:(?<=[Tt]ype )|(?<=[Gg]roup ))(A|B|AB|O) ?([+-])(?![\w+-])|\b(A|B|AB|O)([+-])(?=(?: is)? (?:blood|donor|universal))", lambda m: f"{m[1] or m[3]} {'positive' if '+' in m.groups() else 'negative'}", "type AB+ and O- blood → type AB positive and O negative blood"),
    (r"\b((?:[Aa]n?|from|to|got|grade:?) [A-F])-(?!\w)", r"\1 minus", "up from a C- → up from a C minus"),
    (r"\b(MRS?|MS|DR|MISS|LADY|LORD|SIR|PROF)(\.? )([A-Z]{2,20})\b", lambda m: f"{m[1].capitalize()}{m[2]}{m[3].capitalize()}", "MR. DARCY → Mister Darcy"),
    (rf"(?<![\w.'])(?:{alternatives(PHRASES)})(?![\w'])", lambda match: PHRASES[match.group()], "e.g. this → for example this", "a day w/o rain → a day without rain", "24/7 → twenty four seven"),
    (r"\bNo (?=\d{1,4}\b(?![-.:/,]\d|-[a-z])(?! ?(?:%|[a-z]+s\b|are\b|or\b|more\b|people\b|percent\b|women\b|men\b|children\b|million\b|of\b|[kcm]?[gm]\b)))", "number ", "No 10 said it → number ten said it"),
    (r"\b([Tt]he|[Yy]our|[Mm]y|[Hh]is|[Hh]er|[Oo]ur|[Tt]his|ref\.?|order|phone|tel\.?|account|serial|part|model|item|invoice|flight|room|house|cat\.|Ref\.?|Cat\.?|Order|Phone|Tel\.?|Account|Serial|Part|Model|Item|Invoice) [Nn]o\.(?=:? )", lambda m: NUMBERS_OF.get(m[1].strip("."), m[1]) + " number", "the ref. no. is 7 → the reference number is seven", "the no. of people → the number of people"),
    (rf"\b({'|'.join(HEADS)})\.?(?=:)", lambda m: HEADS[m[1]], "Attn: Ms. Lee; Qty.: 2 → Attention: Miz Lee; Quantity: two"),
    (r"\bT-(?=\d+(?::\d| (?:seconds?|minutes?|hours?|days?)\b))", "T minus ", "T-10 seconds → T minus ten seconds"),
    (r"\b(Max|Min|Approx|Avg|Est)\.(?= [a-z])", lambda m: COUNTERS[m[1]].capitalize(), "Max. load: 5 → Maximum load: five"),
    (r"\bSec\.(?= of\b|-Gen)", "Secretary", "the Sec. of State → the Secretary of State"),
    (r"(?<=st |nd |rd |th )([Ff])l\b\.?", lambda m: m[1] + "loor" + sentence_end(m), "the 3rd Fl → the third Floor"),
    (r"\b([Ww]inds? )([NSEW]|NE|NW|SE|SW)(?=[ ,.])", lambda m: m[1] + COMPASS[m[2]].lower(), "Winds NW at 15 kt → Winds northwest at fifteen knots"),
    (r"(?<=[\da-z.] )([NSEW]|NE|NW|SE|SW)(?= of (?:[A-Z\d]|the\b))", lambda m: COMPASS[m[1]].lower(), "a mile N of the city → a mile north of the city"),
    (r"\b(Rd|St|Ave|Dr|Ln|Blvd|Hwy)\. ([NSEW]|NE|NW|SE|SW)\.?(?=,|$)", lambda m: f"{(ANYWHERE | STREETS)[m[1]]} {COMPASS[m[2]]}", "on Lake Rd. E., Bldg. C → on Lake Road East, Building C"),
    (r"(?<![\w.])(?<!\d )(?!I)([A-Z])\. (?=[a-z]{4,})", lambda m: f"{spelled(m[1])} ", "the E. coli outbreak → the E coli outbreak"),
    (r"(?<=st |nd |rd |th )(inst|ult|prox)\.", lambda m: {"inst": "instant", "ult": "ultimo", "prox": "proximo"}[m[1]] + sentence_end(m), "On the 14th inst. we met → On the fourteenth instant we met"),
    (r"\bmed(?=-(?:high|low)\b| heat\b)", "medium", "on med-high heat → on medium-high heat"),
    (r"(?<![\w/.@-])(?:afk|irl|imh?o|omw|wya|iykyk|istg|icymi|ootd|tfw|ofc|brb|idk|idc|afaik|iirc|fwiw|lmk|tmi|ttyl|wfh|eod|rsvp|ftw|yw|gg|tbh|smh|ngl|ikr|jk|gtg|nvm|hmu|rn|fyi|btw|ffs|wtf|omg|asap)(?![\w/.@'-])(?!\.\w)", lambda m: spelled(m.group()), "icymi, he's afk → I C Y M I, he's A F K"),
    (r"\b(7[0-8]7)(?= (?:MAX|Max|jets?|aircraft|planes?|Dreamliners?|freighters?|pilots?|airliners?)\b)", lambda m: in_pairs(m[1]), "the 737 MAX → the seven thirty seven MAX"),
    (r"\b((?:[Rr]eturn(?:s|ed)?|[Gg]ets?|[Gg]ot|[Tt]hrows?|[Gg]ives?|[Gg]ave|[Ss]hows?) an? )(40\d|429|50\d)(?=$|[.,;:!?]| (?:and|or|when|if|error|page|status|for|on|instead)\b)", lambda m: m[1] + in_pairs(m[2]), "it returns a 404. → it returns a four oh four."),
    (r"(?<=[\d%]) ?p\.a\.", lambda m: " per annum" + sentence_end(m), "up 7.5% p.a. → up seven point five percent per annum."),
    (r"(?<=[a-z] )bt (?=[A-Z][a-z]+ \d)", "beat ", "Alcaraz bt Sinner 6-2 → Alcaraz beat Sinner six to two"),
    (r"(?<=\d )est\.", lambda m: "estimated" + sentence_end(m), "$2 vs. $3 est. → two dollars versus three dollars estimated."),
    (r"(?<=[a-z] )d\. (?=[A-Z][a-z]+ \d-?)", "defeated ", "Federer d. Nadal 6–4 → Federer defeated Nadal six to four"),
    (r"(?<=[a-z] )def\. (?=[A-Z])", "defeated ", "Sinner def. Ruud → Sinner defeated Ruud"),
    (r"\bcol\. ?(?=\d)", "column ", "in col. 5 → in column five"),
    (r"\bSt-(?=[A-Z])", "Saint-", "Rue St-Martin → Rue Saint-Martin"),
    (r"\b(Rm|Bldg|Fl|Apt|Ste|Vol|Figs?|Eqs?|Ep|Ext|Rte)(?= #?\d)", lambda m: COUNTERS[m[1]], "Rm 101, Bldg 5 → Room one hundred and one, Building five"),
    (r"\b([Pp])op\.(?= [a-z])", r"\1opulation", "the pop. grew → the population grew"),
    (r"\bapt\.(?= [a-z])", "apartment", "the apt. rents → the apartment rents"),
    (r"\bCo\. (?=R[do])", "County ", "Co. Rd. 12 → County Road twelve"),
    (r"(?<![\w'-])A ?[–-] ?Z(?![\w'-])", f"{LETTER_A} to Z", "from A–Z → from A to Z", "an A-Z list → an A to Z list"),
    (r"\b[Nn]os?\. (\d\d)-(\d{3,4})\b(?![-,.]\d)", lambda m: f"number {number(m[1])}, {in_pairs(m[2])}", "No. 12-3456 → number twelve, thirty four fifty six"),
    (r"\bWash(?:\.,?|,) ?(?=D\.?C\b)", "Washington, ", "in Wash., D.C. → in Washington, D C."),
    (r"\b(pp?\. ?\d{1,5}) ?ff?\.", lambda m: f"{m[1]} and following" + sentence_end(m), "pp. 10 ff. and p. 3f. → pages ten and following and page three and following."),
    (r"(?<=\d[,:] )v\. ?(?=\d)", "verse ", "ch. 3, v. 5 → chapter three, verse five"),
    (r"\b(App|Figs?|Tab|Tbl|Vol|Secs?|Apt|Bldg|Rm|Ste|Eqs?)\. (?=[B-HJ-Z]\b(?!['.]))", lambda m: COUNTERS[m[1]] + " ", "see App. B and Fig. C here → see appendix B and figure C here"),
    (rf"(?<![.\w])({alternatives(COUNTERS)}|{_COUNTING})\. ?(?=\d|#|\(\d|[IVXLC]{{1,6}}\b(?!'| [a-z])|[A-Z]{{1,4}}[-/]?\d|[A-Z]\b(?![' .]))", lambda m: f"{_counter(m)} ", "Eq. 3 and Art. 5 → equation three and article five", "pt. 2, p. 7, Nos. 3-5 → part two, page seven, numbers three to five", "No. 7 → number seven", "Apt. 4B → Apartment four B", "Vol. II → volume two"),
    (r"(?<![.\w])(b|d|r|fl|m)\. ?(?=(?:c\. ?)?(?:1\d{3}|20\d\d|\d{2,4} (?:BC|B\.C|AD|CE))\b)", lambda m: LIVES[m[1]] + " ", "b. 1950, d. 2011 → born nineteen fifty, died twenty eleven", "r. 1509–1547 → reigned fifteen oh nine to fifteen forty seven"),
    (r"(?<=[a-z])str\.(?= ?\d)", "strasse", "Bahnhofstr. 12 → Bahnhofstrasse twelve"),
    (r"(?<=st |nd |rd |th |v\. )ed\.", lambda m: "edition" + sentence_end(m), "the 2nd ed. (1998) → the second edition, nineteen ninety eight"),
    (r"(?:(?<=^)|(?<=[\s/]))(INT|EXT|Ext)\.(?= ?/| [A-Za-z]{3})", lambda m: "interior" if m[1] == "INT" else "exterior", "INT. KITCHEN - NIGHT → interior kitchen — night"),
    (r"(?<=\b(?:an|in) )hr\b(?!\.)|(?<=\b(?:the|per) )hr\b(?!\.)|(?<=\beach )hr\b(?!\.)|(?<=\bevery )hr\b(?!\.)", "hour", "twice an hr → twice an hour"),
    (r"\b4(?=(?:get|ever|give|got)\b)", "for", "4ever and 4get → forever and forget"),
    (r"(?<=\bany)1\b|(?<=\bsome)1\b|(?<=\bevery)1\b", "one", "any1 here → anyone here"),
    (r"(?<=[a-z] )(?<!\bto )(?<!\bon )(?<!\bat )b4(?= [a-z])", "before", "eat b4 my flight → eat before my flight"),
    (r"(?<=[a-z\d] )([42])(?= (?:u|ur|me|us)\b)", lambda m: {"4": "for", "2": "to"}[m[1]], "thx 4 ur help → thanks for ur help"),
    (r"(?<![.\w])c\. ?(?=\d{3,4}\b)", "circa ", "built c. 1850 → built circa eighteen fifty"),
    (rf"(?<![\w.,-])(\d{{1,5}})([A-Z])? (?:([NSEW]|NE|NW|SE|SW)\.? )?((?:(?:[A-Z][\w']*\.?|\d{{1,3}}(?:st|nd|rd|th)) ){{1,3}}(?:{ROADS})\b)", _address, "123 N. Main St. → one twenty three North Main Street.", "221B Baker Street → two twenty one B Baker Street"),
    (r"\bHwy (?=\d)", "Highway ", "on Hwy 1 → on Highway one"),
    (r"\b((?:I|US|SR|Rte\.?|Route|Hwy\.?|Highway)[- ]\d{1,3}[A-Z]?) ([NSEW])\b\.?(?! [A-Z][a-z]+ (?:St|Ave|Rd|Street|Road)\b)", lambda m: f"{m[1]} {COMPASS[m[2]]}" + sentence_end(m), "I-80 W to exit 12 → I eighty West to exit twelve"),
    (r"\b([Ll])ong\. ?(?=[-–]?\d{1,3}(?:\.\d|°))", r"\1ongitude ", "long. -0.12 → longitude minus zero point one two"),
    (r"\b([NSEW])\. (?=(?:Wales|Ireland|America|Africa|Asia|Europe|Korea|Carolina|Dakota|Virginia|Yorkshire|Sussex|London|Midlands|Island|Sea)\b)", lambda m: f"{COMPASS[m[1]]} ", "gusts hit N. Wales → gusts hit North Wales"),
    (rf"\b([NSEW])\. (?=(?:[A-Z][a-z]+|\d+(?:st|nd|rd|th)) (?:{ROADS})\b)", lambda m: f"{COMPASS[m[1]]} ", "on S. Lake Road → on South Lake Road"),
]  # fmt: skip  # noqa: E501
RULES: list[Rule] = [
    (r"(?<![A-Za-z])(?:(?:Na|Ca|Mg|Ag|Li|Cu|Zn|Fe|Al|Ba|Pb|Si|Ti|K|H)(?:Cl|Br)|(?:Na|Ca|Li|Al|Ba)OH|(?:Ca|Mg|Cu|Zn|Fe|Ba|Pb)O|Na[FI])\b", lambda m: spelled(m.group()), "NaCl, HCl & MgO → N A C L, H C L and M G O", "a NaOH solution → a N A O H solution"),
    (r"(?<=\w)'n'(?=\w)(?!t\b)", " and ", "rock'n'roll → rock and roll"),
    (r"(?<=[a-z] )v(?:\. ?| )(?=[A-Z])", "versus ", "the case Brown v. Board → the case Brown versus Board", "Fulham v Spurs → Fulham versus Spurs"),
    (r"\b([A-Z])&([A-Z])s\b", r"\1 and \2's", "M&Ms → M and M's"),
    (r"\b([A-Z][A-Za-z]?[A-Z]?)&([A-Z]{1,3})\b", _ampersand, "AT&T and R&D → A T and T and R and D"),
    (r"(?<=[a-z.]) (NE|NW|SE|SW)\b(?=,|\.?$)", lambda m: f" {COMPASS[m[1]]}", "Park Avenue NW → Park Avenue Northwest"),
    (r"(?:\b([A-Z][\w'.]* ))?\b(St|Dr)(?:\.|(?= [A-Z]))", _street_or_saint, "St. John lives on Main St. near Dr. Smith. → Saint John lives on Main Street near Doctor Smith.", "Dr.Smith → Doctor Smith"),
    (r"\b(?:Ph\.? ?D|[BM]\. ?(?:Sc|Ed|Eng|Phil)|LL\.[BMD]|D\.Phil)\b\.?", _degree, "a Ph.D. in law → a P H D in law"),
    (r"\b(?:[A-Za-z]\.){1,6}[A-Za-z]\.|\b[A-Z]\.[A-Z]\b(?!\.)", _initials, "T.S. Eliot → T S Eliot", "in the U.S. He left. → in the U S. He left."),
    (rf"(?:\b(\w+) )?\b((?:[A-Z]\. ?){{1,5}})(?=[A-Z][a-z'])(?!{OPENERS})", _name_initials, "J. R. R. Tolkien → J R R Tolkien", "Prof. A. Jones → Professor A Jones"),
    (r"\b(?:[A-Z]\. ){1,5}[A-Z]\.(?= |$)", _initials, "the A. B. C. → the A B C."),
    (rf"(?<!\d )\b({alternatives(TITLES)})\.(?=,? ?[A-Z{LETTER_A}]|-[A-Z]| 1st\b| first\b| (?:&|and) (?:{alternatives(TITLES)}|Dr)\.|\W*$)", _title, "Prof. Jones met Fr. Brown and Lt. Col. Wu. → Professor Jones met Father Brown and Lieutenant Colonel Wu.", "Mr.Jones → Mister Jones", "Rev. Lee → Reverend Lee"),
    (r"(?<='s )Ch\.(?! ?\d)", lambda m: "Church" + sentence_end(m), "St. Mary's Ch. on the hill → Saint Mary's Church on the hill"),
    (r"(?:(?<=^)|(?<=and )|(?<=[,;:.] )|(?<=\b(?:by|to|of) )|(?<=with ))Sr\. (?!(?:Vice|Dir|Man|Eng|Soft|Dev|Ana|Edit|Sal|Prod|Proj|Data|Res|Adv|Coun|Acc|Cons|Tech|Ass|High|Sch)\w*)(?=[A-Z][a-z])", "Sister ", "Sr. Mary and Sr. Anne → Sister Mary and Sister Anne"),
    (rf"\b({alternatives(ANYWHERE)})\.", _abbreviation, "Smith Jr. of Acme Inc. → Smith Junior of Acme Incorporated.", "apples, pears, etc. → apples, pears, et cetera."),
    (rf"(?:(?<=[a-z])(, ?)|\b([RDI])(?:-|\., ?))({alternatives(STATES)})\.", _state, "Miami, Fla., and Gary, Ind. → Miami, Florida, and Gary, Indiana.", "Mr. Scott (R-Fla.) spoke. → Mister Scott, R, Florida, spoke."),
    (rf"(?<=[a-z], )({alternatives(STATE_CODES)})(?= (?:\d{{5}}\b|(?:{DIGIT} ){{3}}))", lambda m: STATE_CODES[m[1]], "Austin, TX 78701 → Austin, Texas seven eight seven zero one"),
    (rf"(?<=[Ss]tate of )({alternatives(STATES)})\.|\b(Ariz|Calif|Conn|Minn|Okla|Tenn|Wyo)\.", lambda m: STATES[m[1] or m[2]] + sentence_end(m), "the State of Ga. won in Calif. courts → the State of Georgia won in California courts"),
    (rf"\b({alternatives(STATES)})\.(?= (?:Lieutenant )?(?:Governor|Senator|Representative|Attorney|State|Supreme)\b)", lambda m: STATES[m[1]], "the Mass. State House → the Massachusetts State House", "Fla. Gov. Lee → Florida Governor Lee"),
    (r"\b(Mt|Ft)(?= [A-Z])", lambda match: TITLES[match[1]], "Mt Rushmore → Mount Rushmore"),
    (rf"\b({alternatives(BARE)})\b(?![.'])", lambda match: (TITLES | ANYWHERE)[match[1]], "Mr Smith vs Mrs Jones → Mister Smith versus Mrs Jones"),
    (r"(?<=, )sc\. (?=[ivxl\d])", "scene ", "Hamlet, Act III, sc. ii → Hamlet, Act three, scene two"),
    (r"(?<=[a-z\d], )l(l?)\. (?=[a-z\d])", lambda m: f"line{m[1] and 's'} ", "scene ii, ll. 5–9 → scene two, lines five to nine"),
    (r"\b([Pp]ages?|pp?\.|[Cc]hapter|[Pp]art|[Ss]ection|[Aa]ct|[Ss]cene)( )([ivxl]{2,6}|[vx](?! [a-z]{1,2}\b)|i(?=[,.;)]))(?!\w)", lambda m: m.group() if roman(m[3].upper()) is None else f"{m[1]} {number(str(roman(m[3].upper())))}", "page xii → page twelve", "page iv of it → page four of it"),
    (r"(?<!\w)(\()([ivx]{1,4})(\))", _page, "(i) milk, (ii) tea → one, milk, two, tea"),
    (r"\b((?i:stage|phase|type|grade|class|level|part|section|article|group|division) )([IVX]{1,4})([A-Ca-c])\b", _roman_and_letter, "stage IIIB and type IIa → stage three B and type two A"),
    (r"\b([IVXL]{1,8})(?:th|st|nd|rd)\b", lambda m: nth(str(roman(m[1]))) if roman(m[1]) else m.group(), "the XVIIIth century → the eighteenth century"),
    (r"(\b(?:[A-Z][\w']+|\w+th|first|second|third)) (Rd|Ave|Ln|Pkwy|Hwy|Blvd|Sq|(?:St|Dr)(?=,|$|\)| (?:in|at|and|near|to|from|by|is|was)\b))\b(?!\.| [A-Z][a-z])", lambda m: f"{m[1]} {(ANYWHERE | STREETS)[m[2]]}", "22 Oak Rd, London → twenty two Oak Road, London", "500 W 2nd St → five hundred West second Street", "St John's Rd → Saint John's Road"),
    ROMAN,
]  # fmt: skip  # noqa: E501
