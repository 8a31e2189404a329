"""Markup, addresses, identifiers, letters with digits, and symbols as they are spoken."""

# ruff: noqa: E501 (a rule and its examples are one line)
from __future__ import annotations

import re
import unicodedata
from re import Match

from .abbreviations import OPENERS
from .dictionary import has_own_reading, is_known, is_read
from .number_words import CRICKET, NUMBER, Rule, around, digits, in_pairs, number, plural, spelled
from .symbol_names import FUNCTIONS, IN_ADDRESSES, SIGNS, UNITS

SPELLED_DOMAINS = {"uk", "us", "de", "fr", "io", "ai", "tv", "eu", "ca", "au", "nz", "ch", "jp", "nl", "se", "fm", "hf"}
FILES = (
    "md|pdf|txt|py|js|ts|html?|css|docx?|xlsx?|pptx?|png|jpe?g|gif|svg|mp[34]|wav|flac|zip|tar|gz|csv|tsv|json|ya?ml|"
    "tsx|jsx|vue|php|rb|sql|kt|swift|ipynb|rtf|odt|bmp|tiff|psd|heic|m4a|aac|opus|apk|dmg|iso|bak|tmp|"
    "toml|xml|exe|dll|sh|cpp|java|rs|go|ini|cfg|log|epub|mov|avi|mkv|webp"
)
# before a number of which each part counts by itself
LABELS = (
    rf"(?!{OPENERS}|(?:Only|About|Nearly|Almost|Over|Under|Roughly|Around|Just|Exactly|Up|Pi|Magnitude|Score|Mean|Average|Total|"
    r"Rate|Ratio|Approximately|Between|Add|Take|Pay|Run|Earn|Till|Until|Than|Within|Least|Most)\b)(?:[A-Z][a-z]+|[a-z]{1,3}OS|Py[A-Z]\w+)|"
    r"[Ss]ection|[Ff]igure|[Tt]able|[Cc]hapter|[Ee]quation|[Ee]xercise|[Ee]xample|[Tt]heorem|[Ll]emma|[Rr]elease|[Kk]ernel|python"
)
DOMAINS = (
    "com|org|net|edu|gov|mil|io|co|info|ai|dev|app|uk|eu|tv|me|fm|gg|xyz|online|site|shop|ly|de|fr|ch|nl|se|pl|jp|ca|au|nz|"
    "ru|ie|es|cloud|blog|news|store|tech|page|wiki|studio|social"
)
ELEMENT = (  # of chemistry, those that people write formulas of
    "H|Li|Be|B|C|N|O|F|Na|Mg|Al|Si|P|S|Cl|K|Ca|Ti|Cr|Mn|Fe|Co|Ni|Cu|Zn|As|Br|Ag|Sn|I|Ba|W|Pt|Au|Hg|Pb|U"
)
PIECES = {"K": "King", "Q": "Queen", "R": "Rook", "B": "Bishop", "N": "Knight", "x": "takes"}  # of chess
BLOCKS = "p|br|div|li|ul|ol|h[1-6]|tr|table|hr|blockquote|section|article|title|s|speak"
# before digits that are no number but a row of them
CODES = r"PIN|port|ZIP|postcode|zip|passcode|password|code|extension|ext\.?|account|serial|build|OTP|PNR|IBAN|VIN|SSN|ISBN|flight|tracking"
# words before a number with a dash in it that is a range, not a model
RANGES = (
    r"[Pp]ages?|[Aa]ges?|[Cc]hapters?|[Vv]erses?|[Pp]salms?|[Ff]rom|[Bb]etween|[Aa]bout|[Rr]ooms?|[A-Z]\w*(?:day|s)"
)


def _address(match: Match[str]) -> str:
    """An e-mail or web address, a path: its parts, "dot", "at", "slash"."""
    text = re.sub(r"^(?:https?|ftp)://(?:www\.)?|^www\.", "", match.group().rstrip("/"))
    words: list[str] = []
    for piece in re.findall(r"[^\W\d_]+|\d+|.", text):
        if piece.lower() in SPELLED_DOMAINS and words and words[-1] == "dot":
            words.append(spelled(piece))
        elif piece.isdigit():
            words.append(digits(piece) if len(piece) > 4 or piece[0] == "0" else number(piece))
        else:
            words.append(piece if piece.isalpha() else IN_ADDRESSES.get(piece, ""))
    return " ".join(word for word in words if word)


def _phone(match: Match[str]) -> str:
    if match.group().startswith("+") and sum(c.isdigit() for c in match.group()) < 7:
        return match.group()
    plus = "plus " if match.group().lstrip("(").startswith("+") else ""
    return plus + digits(match.group())


def _long_digits(match: Match[str]) -> str:
    text = match.group()
    return ", ".join(digits(text[i : i + 3 if len(text) - i != 4 else i + 4]) for i in _group_starts(len(text)))


def _group_starts(count: int) -> range | list[int]:
    """Where the groups of three of a long row of digits begin; a last single digit joins its neighbours."""
    starts = list(range(0, count, 3))
    return starts[:-1] if count % 3 == 1 and count > 3 else starts


def _internet(match: Match[str]) -> str:
    """192.168.0.1:8080, digit by digit."""
    parts = " dot ".join(digits(part) for part in match[1].split("."))
    mask = f" slash {number(match[3])}" if match[3] else ""
    return parts + (f" port {digits(match[2])}" if match[2] else mask)


def _sign_by_sign(text: str) -> str:
    return " ".join(digits(c) if c.isdigit() else spelled(c) for c in text if c.isalnum())


def _internet_6(match: Match[str]) -> str:
    """2001:db8::1, sign by sign."""
    groups = " colon ".join(map(_sign_by_sign, match.group().split(":")))
    return re.sub(r" +", " ", groups).strip()


def _in_hexadecimal(match: Match[str]) -> str:
    return _sign_by_sign(match.group())


def _version(match: Match[str]) -> str:
    """1.2.3-beta.4: the numbers, then what kind of version it is."""
    words = "version " if match[1] else ""
    words += " point ".join(number(part) for part in match[2].split("."))
    if match[3]:
        words += f" {'release candidate' if match[3] == 'rc' else match[3]}" + (
            f" {number(match[4])}" if match[4] else ""
        )
    return words


def _model(match: Match[str]) -> str:
    """Boeing 747-8."""
    words = [match[1].strip(), in_pairs(match[2]), in_pairs(match[3]), match[4]]
    return " ".join(filter(None, words))


def _letters_and_digits(match: Match[str]) -> str:
    """MP3, H2O, 4K, A4, COVID-19: the letters, then the number."""
    words: list[str] = []
    if re.fullmatch(r"(?=.*[A-Z].*\d.*[A-Z]|.*\d.*[A-Z].*\d)[A-Z\d]{9,}", match.group()):  # a serial number
        return _in_hexadecimal(match)
    for piece in re.findall(r"[^\W\d_]+'?[^\W\d_]*|\d+", match.group()):
        if piece.isdigit():
            is_row = (piece[0] == "0" and len(piece) > 1) or len(piece) > 4
            words.append(digits(piece) if is_row else in_pairs(piece) if words else number(piece))
        else:
            is_code = len(piece) == 1 or (len(piece) == 2 and piece.isupper() and is_read(piece))
            words.append(spelled(piece) if is_code else piece)
    return " ".join(words)


def _formula(match: Match[str]) -> str:
    """CaCO3: the letters and the numbers."""
    return " ".join(number(c) if c.isdigit() else spelled(c) for c in re.findall(r"[A-Za-z]+|\d+", match.group()))


def _chess_move(match: Match[str]) -> str:
    """Nf3, where there are several."""
    if len(re.findall(r"\b[KQRBN][a-h]?x?[a-h][1-8]\b|\b[a-h][1-8]\b", around(match))) < 2:
        return match.group()
    return " ".join(PIECES.get(c) or (number(c) if c.isdigit() else spelled(c)) for c in match.group())


def _flag(match: Match[str]) -> str:
    """ls -la; a word of prose behind a dash, "-so what", is none."""
    is_word = len(match[1]) > 1 and is_known(match[1])
    return match.group() if is_word and not _COMMAND.search(match.string) else f"dash {spelled(match[1])}"


def _camel(match: Match[str]) -> str:
    """getUserId: the words of an identifier; what the dictionary has, "iPhone", stays."""
    if has_own_reading(match[1]) or match[1] in UNITS:
        return match[1]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", match[1]).split()
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)


def _labelled(match: Match[str]) -> str:
    """Python 3.12: three point twelve; of several in a row, "Lyles 9.79, Kerley 9.81", each is a result."""
    if len(set(re.findall(r"([A-Za-z]+) \d+\.\d\d\b", around(match)))) > 1:
        return match.group()
    return f"{match[1]} {number(match[2])} point {number(match[3])}"


def _numbers_in_row(match: Match[str]) -> str:
    """2.0.1."""
    return " point ".join(number(part) for part in match.group().split("."))


def _greek(match: Match[str]) -> str:
    name = unicodedata.name(match.group(), "").rpartition(" ")[2].lower()
    return " " + name.replace("lamda", "lambda") + " "


def _symbol(match: Match[str]) -> str:
    return f" {SIGNS[match.group()]} "


_COMMAND = re.compile(
    r"\b(?:ls|docker|git|tar|grep|rm|cp|mv|ssh|curl|pip|npm|sudo|chmod|kubectl|ps|find|python|make|gcc|option|flag)\b"
)
ATTRIBUTE = r"\s{1,3}[\w:-]{1,30}(?:\s?=\s?(?:\"[^\"<>]{0,200}\"|'[^'<>]{0,200}'|[^\s\"'<>=]{1,200}))"
MARKUP: list[Rule] = [
    (r"<\|[^<>|]{1,40}\|>", " ", "<|end|> Hello → Hello"),
    (r"\$([^$]{1,100}[\^_=\\][^$]{0,100})\$(?!\d)", r"\1", "$E = mc^2$ → E equals mc squared"),
    (r"\${2,}(?!\d)", " ", "save $$$ now → save now"),
    (r"(?i)<(script|style)\b[^<>]{0,300}>[^<]{0,2000}</\1 ?>", " ", "Hi <script>alert(1)</script> there → Hi there"),
    (r"<!--[^<>]{0,500}-->", " ", "Hello <!-- note --> you → Hello you"),
    (rf"</?(?i:{BLOCKS})(?:{ATTRIBUTE}){{0,6}}\s?/?>", ", ", "tea<br>milk → tea, milk"),
    (rf"(?:(?<!\d)<|</)[A-Za-z][\w:-]{{0,30}}(?:{ATTRIBUTE}){{0,6}}\s?/?>(?! ?\d)", " ", "<think>hmm</think> Hello. → hmm Hello.", "<b>bold</b> → bold", "<span class='x'>y</span> z → y z"),
    (r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,500}(?: \"[^\"]{0,200}\")?\)", r"\1", "see [the page](https://x.org) now → see the page now"),
    (r"(?<=[.,;:!?\"')\]])(?:\[\d{1,3}(?:[,–-] ?\d{1,3}){0,5}\])+|(?<=[a-z]{3})(?:\[[1-9]\d{0,2}\])+|(?<=[a-z.,;!?)]{2})\[[a-z]\](?! ?[=+*<>-])|(?<=\S)\[(?:citation needed|(?:note|nb) \d{1,2})\]", "", "It rained.[1] → It rained.", "a fact[2][3] → a fact"),
    (r"(?i:(?<=press )|(?<=hit )|(?<=hold )|(?<=tap )|(?<=push )|(?<=use ))\[(\w{1,9})\]", r"\1", "press [E] to jump → press E to jump"),
    (r"\[\^\w{1,20}\]:?|^[-*+] \[[ xX]\] ", " ", "true[^1] → true", "- [x] done → done"),
    (r"(?:^|(?<=\s))'{3}[a-z+#]{0,12}(?=\s|$)", " ", "``` x = 1 ``` → x equals one"),
    (r"^#{1,6} |(?<=\S) #{1,6}$", "", "# Heading → Heading"),
    (r"^(?:[-*+•] )+(?=\S)|^(?:> ?)+(?=[^\W\d])", "", "- 5 apples → five apples", "> quoted → quoted"),
    (r"^(\d{1,3})[.)] (?=[*_\"'(]{0,3}[^\W\d])", lambda m: f"{number(m[1])}, ", "1. Milk → one, Milk"),
    (r" ?(?:={3,}|-{3,}|~{3,})$|^(?:={3,}|-{3,}|~{3,}) ?", "", "===== Chapter 1 ===== → Chapter one"),
    (r"^\(?([A-HJ-UW-Za-hj-uw-z])\) (?=[^\W\d])", lambda m: f"{spelled(m[1])}, ", "b) milk → B, milk"),
    (r"={3,}|(?<=\|)[ :]{0,3}-{2,}[ :-]{0,40}(?=\||$)|-{4,}|~{3,}|\+(?:-{2,}\+)+", ", ", "tea ==== milk → tea, milk", "| a |---|---| b → a, b"),
    (r"(?<=\d)\*(?=[\s,.;)]|$)", lambda m: " not out" if CRICKET.search(m.string) or re.search(r"\d{2}/\d\b", m.string) else "", "142/3 (Root 68*) → one hundred and forty two for three, Root sixty eight not out"),
    (r"(?<=[a-z,;] )\(([a-z]|\d{1,2})\)(?=[,;.?!]| (?:and|or|to)\b|$)", lambda m: m[1] if m[1].isdigit() else spelled(m[1]), "screws (a), (b) and (c) → screws A, B and C", "four over (76). → four over seventy six."),
    (r"(?<![\w|])\|(\w[\w +*/^-]{0,12})\|(?= ?[<>=≤≥+*-])", r"the absolute value of \1", "|x| < 3 → the absolute value of x is less than three"),
    (r"(?<=SELECT )\*(?= )|(?<=select )\*(?= from)|(?<=COUNT\()\*(?=\))", "star", "SELECT * FROM a → select star from a"),
    (r"\*{2,3}|~~|(?<![\w*])\*(?=\w)|(?<=[\w.,!?])\*(?![\w*])|(?<!\w)_{1,3}(?=\w)|(?<=\w)_{1,3}(?!\w)", "", "a **bold** word → a bold word", "_so_ it is → so it is"),
    (r"(?<!\w):[a-z][a-z\d_+-]{1,30}:(?!\w)|(?<!\w)(?:[:;=]'?-?[)(DPpOo|*]|<3|:/)(?!\w)", " ", "fine :smile: → fine", "fine :-) → fine"),
]  # fmt: skip  # noqa: E501
ADDRESSES: list[Rule] = [
    (r"(?:(?<=^)|(?<=[\s(\"']))--([a-z][\w-]{0,40})(?![\w-])(?!.{0,80}\w--)", lambda m: "dash dash " + m[1].replace("-", " "), "run it with --help → run it with dash dash help", "use --no-cache → use dash dash no cache"),
    (r"(?:(?<=[a-z\d\"'] )|(?<=^))-([A-Za-z]|[a-z]{2,4})(?= [A-Za-z\"'./\d<>|-]|[.,]?$)(?<![-][aI])", _flag, "git commit -m done → git commit dash M done", "use ls -la → use ls dash L A"),
    (r"\b(?:https?|ftp)://[^\s<>\"]{0,2000}[\w/]|\bwww\.[\w-]+\.[^\s<>\"]{0,2000}[\w/]", _address, "https://www.example.com/a_b?q=1 → example dot com slash a underscore b question mark q equals one"),
    (r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+(?::[\w-]{1,63}/[\w./-]{0,200}\w)?", _address, "john.smith@example.com → john dot smith at example dot com"),
    (rf"(?<![\w.-])(?:[A-Za-z][\w-]{{0,62}}\.){{1,6}}(?:{DOMAINS})\b(?:/[^\s<>\"]{{0,2000}}[\w/])?(?!\.?[A-Z]\w)", _address, "at test.co.uk → at test dot co dot U K"),
    (r"(?<!\w)[A-Za-z]:\\(?:[\w.-]{1,40}(?: [\w.-]{1,40}){0,3}\\){1,9}[\w.-]{0,40}\w|(?<![\w/.:])(?:~|\.{1,2}|[A-Za-z]:)?(?:[/\\][\w.-]{0,63}\w){2,20}(?:\?[\w=&.%-]{0,200}\w|[/\\]?)|(?<![\w/\\.])[A-Za-z]:\\[\w.-]{0,63}\w|(?<![\w/])(?:\.{1,2}|~)/[\w.-]{0,63}\w", _address, "/usr/local/bin → slash usr slash local slash bin"),
    (rf"(?<![\w/.])(?:[\w-]{{1,63}}/){{1,20}}[\w-]{{1,63}}\.(?:{FILES})\b", _address, "src/main.py → src slash main dot py"),
    (r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?::(\d{1,5})|/(\d{1,2}))?(?![\w.]\d|\w)", _internet, "192.168.0.1:8080 → one nine two dot one six eight dot zero dot one port eight zero eight zero"),
    (r"(?<![\w:])(?=[A-Fa-f:]*\d)(?:[\dA-Fa-f]{1,4}:){1,7}(?::[\dA-Fa-f]{1,4}){1,7}(?![\w:])|(?<![\w:])(?=[A-Fa-f:]*\d)(?:[\dA-Fa-f]{1,4}:){7}[\dA-Fa-f]{1,4}(?![\w:])|(?<![\w:])::1(?![\w:])", _internet_6, "2001:db8::1 → two zero zero one colon D B eight colon colon one"),
    (r"(?<![\w:])(?:[\dA-Fa-f]{2,4}:){3,7}[\dA-Fa-f]{1,4}(?![\w:])", _in_hexadecimal, "00:1A:2B:3C → zero zero one A two B three C"),
    (r"(?<!\w)0x[\dA-Fa-f]{1,32}(?!\w)|(?<!\w)(?=[\da-f-]{0,35}[a-f])(?=[a-f-]{0,35}\d)[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}(?!\w)|(?<!\w)#(?:(?=[A-F]{0,6}\d)[\dA-F]{6}|(?=[a-f]{0,6}\d)[\da-f]{6})(?!\w)|(?<![\w.#-])(?=[a-f\d]*[a-f]\d[a-f\d]*\d[a-f])(?=[a-f\d]*\d[a-f][a-f\d]*[a-f]\d)[a-f\d]{7,64}(?![\w-])", _in_hexadecimal, "0x1F → zero X one F", "sha da39a3ee5e6b → sha D A three nine A three E E five E six B"),
    (r"(?<![\w/.])(?:[\w-]{1,63}/){1,9}\.[A-Za-z][\w-]{0,63}", _address, "node_modules/.bin → node underscore modules slash dot bin"),
    (r"\bPh(?=[.:] ?[\d(+])", "Phone", "Ph: 555-0100 → Phone: five five five, zero one zero zero"),
    (r"(?<![\w.,])([1-9]\d\d)\(([a-z])\)(?:\((\d{1,2})\))?(?!\w)", lambda m: f"{in_pairs(m[1])} {spelled(m[2])}" + (f" {m[3]}" if m[3] else ""), "a 401(k) → a four oh one K", "501(c)(3) groups → five oh one C three groups"),
    (r"(?<=\d{3}[-. ]\d{4}),? ?(?:x|ext\.?|[Ee]xtension) ?(\d{2,5})(?!\w)", lambda m: f", extension {digits(m[1])}", "555-0100 x123 → five five five, zero one zero zero, extension one two three"),
    (r"(?<![\w.,-])([45]\d\d)(?= (?:Not Found|Forbidden|Unauthorized|Bad Request|Internal Server|Bad Gateway|Service Unavailable|Gateway Time|error|page|response)\b)", lambda m: in_pairs(m[1]), "404 Not Found → four oh four Not Found"),
    (r"\b((?:HTTPS?|[Ss]tatus|[Ee]rror)(?: code| status)? )([1-5]\d\d)(?![\w.,%-])(?! [a-z]+s\b)", lambda m: m[1] + in_pairs(m[2]), "HTTP 404 → HTTP four oh four", "an error 503 → an error five oh three"),
    (rf"(?:(?<=^)|(?<=[\s(\"'])|(?<=[\s(\"']\*))\.({FILES}|env|git[a-z]+|[a-z]+rc|ssh|venv|profile|config|com|org|net)\b", r" dot \1", "the .env file → the dot env file", "find *.pdf → find dot pdf"),
    (r"\b([A-Z]{2,5})-(\d{1,4})-(\d{2,7})\b(?!-)", lambda m: f"{m[1]} {in_pairs(m[2])}, {in_pairs(m[3]) if len(m[3]) < 5 else digits(m[3])}", "CVE-2024-3094 → CVE twenty twenty four, thirty ninety four"),
    (r"(?<=[\d ])([A-Ha-h]) ?[–-] ?([A-Ha-h])(?![\w'-])(?<=\d[a-h].[a-h])", lambda m: f"{m[1].upper()} to {m[2].upper()}", "Figs. 2a–c → figures two A to C"),
    (r"(?:(?<=[a-z] )|(?<=\())([A-Z])\.(\d{1,3}(?:\.\d{1,2})*)(?!\w|\.\d)", lambda m: f"{spelled(m[1])} point " + " point ".join(number(part) for part in m[2].split(".")), "see Table A.3 → see Table A point three"),
    (r"\b(D|A|CH|F|NL|L|DK|SE|FI)-(\d{4,5})(?= [A-ZÀ-Þ][a-zß-ÿ])", lambda m: f"{spelled(m[1])} {digits(m[2])}", "D-10115 Berlin → D one zero one one five Berlin"),
    (r"(?<![\w.-])(#?)(\d{1,6}(?:-\d{1,7}){1,5}|\d{3,6})-(?!(?:[WVNJL]|[MGT]B|MP) [a-z])([A-Z]{1,3})(?![\w-])", lambda m: f"{'number ' if m[1] else ''}{digits(m[2])}, {spelled(m[3])}", "part 45-6789-B → part four five, six seven eight nine, B"),
    (r"(?<![\w/.])(?=[\dA-Z/]*[A-Z])(?=[\dA-Z/]*\d{2})(?:[A-Z]{1,5}|\d{1,8})(?:/(?:[A-Z]{1,5}|\d{1,8})){2,6}(?![\w/])", lambda m: ", ".join(in_pairs(part) if part.isdigit() and len(part) < 5 else digits(part) if part.isdigit() else part for part in m.group().split("/")), "file AB/2023/0042 → file AB, twenty twenty three, zero zero four two"),
    (r"\b([A-Za-z])('{1,2})\(([\w, ]{1,20})\)", lambda m: f"{m[1]} {'prime' if len(m[2]) == 1 else 'double prime'} of {m[3]}", "f'(x) = 2 → f prime of x equals two"),
    (r"(?<![\w-])(?!\d{4}-\d\d-\d\d|1-8\d\d)(?=[A-Z\d-]*[A-Z])(?=[A-Z\d-]*\d)[A-Z\d]{1,8}(?:-[A-Z\d]{1,8}){2,6}(?![\w-])", lambda m: ", ".join(map(_sign_by_sign, m.group().split("-"))), "part 8J0-955-119-A → part eight J zero, nine five five, one one nine, A"),
    (r"(?<![\w.])([A-Z]{1,4})(\d+\.\d+)([A-Z]?)(?![\w.]\w|\w)", lambda m: " ".join(filter(None, (m[1], number(m[2]), spelled(m[3])))), "a USB3.2 port → a USB three point two port"),
    (r"\b([A-Z])(\d{1,3}) ?[–-] ?(?=\1\d)", r"\1\2 to ", "press F1–F4 → press F one to F four"),
    (r"(?<=\d)_(?=\d{3})", "", "1_000 → one thousand"),
    (r"(?<=\w)\(\)(?!\w)", " ", "call main() → call main"),
    (r"(?<![\w.-])(?<!\w')([A-Za-z]|log|ln|sin|cos|tan|exp|max|min|arg|det)\((?!s\))([\w^+*/ ,.°-]{1,40})\)(?!\w)", lambda m: f"{FUNCTIONS.get(m[1], m[1])} of {m[2]}", "f(x) = 2 → f of x equals two", "sin(x) = 1 → sine of x equals one", "O(n log n) → O of n log n"),
    (r"\b([a-z]{2,}(?:[A-Z]+[a-z]*)+|(?!Ma?c)[A-Z][a-z]+(?:[A-Z][a-z]+){2,})\b", _camel, "call getUserId → call get user id"),
    (r"(?<=localhost):(\d{2,5})\b|(?<=\.(?:com|org|net)):(\d{2,5})\b", lambda m: f" port {digits(m[1] or m[2])}", "localhost:8080 → localhost port eight zero eight zero"),
    (r"_", " ", "snake_case → snake case"),
    (r"(?<!\w)@(?=\w)", "at ", "@user → at user"),
    (r"(?<![\w#])#'?s\b", "numbers", "the Q3 #s are in → the Q three numbers are in"),
    (r"\b([A-Z])\(([\w ]{1,20}) ?\| ?([\w ]{1,20})\)", r"\1 of \2 given \3", "P(A|B) = 1 → P of A given B equals one"),
    (r"(?<!\w)#(?=\d|[A-Z]{1,4}-?\d)", "number ", "#1 → number one", "order #A-1042 → order number A ten forty two"),
    (r"(?<!\w)#([A-Z][a-z]+(?:[A-Z][a-z]+)+)\b", lambda m: "hashtag " + re.sub(r"(?<=[a-z])(?=[A-Z])", " ", m[1]), "#MondayMotivation → hashtag Monday Motivation"),
    (r"(?<=[\d)\]'\"]) # (?=[A-Za-z])", ", ", "x = 5 # of tries → x equals five, of tries"),
    (r"(?<!\w)#(?=[A-Za-z])", "hashtag ", "#tag → hashtag tag"),
    (r"(?<![\w.])(\d{3,4})([pi])(?= (?:at|and|or|video|display|screen|monitor|resolution|TV|stream|webcam|\d)|[,;:.!?)/]|$)(?<=(?:144|240|360|480|540|576|720|080|440|160).)", lambda m: f"{in_pairs(m[1])} {spelled(m[2])}", "1080p video → ten eighty P video", "in 720p → in seven twenty P"),
    (r"\b([A-Z][a-z]?)-(\d{2,3})([A-Z]{1,2})\b(?!-)", lambda m: f"{m[1] if len(m[1]) > 1 else spelled(m[1])} {in_pairs(m[2])} {spelled(m[3])}", "a Tu-154M → a Tu one fifty four M"),
    (r"\bK8s\b", "K eight S", "run K8s → run K eight S"),
    (r"(?<=[A-Z])-(\d{3,4})(?!\w|[,.-]\d)", lambda m: f" {in_pairs(m[1])}", "an F-150 and SHA-256 → an F one fifty and SHA two fifty six"),
    # telephone numbers and other rows of digits
    (r"(?<=\b[A-Z]{2}\d{2} )\d{4}(?: \d{4}){2,6}(?: \d{1,4})?(?!\w)", lambda m: digits(m.group()), "IBAN DE89 3704 0044 0532 0130 00 → IBAN DE eighty nine three seven zero four, zero zero four four, zero five three two, zero one three zero, zero zero"),
    (r"(?<![\w.])\+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){2,6}(?!\w)", _phone, "+44 20 7946 0958 → plus four four, two zero, seven nine four six, zero nine five eight"),
    (r"(?<![\w/.])0\d{2,5}/\d{4,9}(?![\w/])", lambda m: digits(m.group()), "fax 030/123456 → fax zero three zero, one two three four five six"),
    (r"(?<![\w.-])\((?:0\d|\d{3,5})\)[ -]?\d{3,4}[ .-]\d{3,4}(?![\w-])", _phone, "(020) 7946 0018 → zero two zero, seven nine four six, zero zero one eight", "(02) 9876 5432 → zero two, nine eight seven six, five four three two"),
    (r"(?<![\w.-])(?:1[ .-])?\d{3}([ .-])\d{3}\1\d{4}(?![\w-])", _phone, "555-123-4567 → five five five, one two three, four five six seven"),
    (r"(?<![\w.,-])0\d{2,4}[ -]\d{3,4}(?:[ -]?\d{3,4}){1,3}(?![\w-])", _phone, "0161 496 0000 → zero one six one, four nine six, zero zero zero zero"),
    (r"(?i:(?<=\btel)|(?<=\bfax)|(?<=\bphone)|(?<=\bmobile)|(?<=\bcell)|(?<=\bcall))(?:[.:]| no\.?)* \d{3,5}(?: \d{3,4}){1,3}(?![\w-])", lambda m: ": " + digits(m.group()), "fax 555 0188 → fax: five five five, zero one eight eight"),
    (r"\b((?i:call|dial|ring|text|phone) )(\d{3,5})(?: (or|and) (\d{3,5}))?(?=[.,;:!?)]?(?:$| (?:for|if|in|now|immediately|or|to|when|from|at|on|today|and|free)\b))(?![.,]\d)", lambda m: m[1] + digits(m[2]) + (f" {m[3]} {digits(m[4])}" if m[4] else ""), "Call 999 or 112. → Call nine nine nine or one one two."),
    (r"(?<![\w.-])\d{3}-\d{4}(?![\w-])", _phone, "555-1234 → five five five, one two three four"),
    (r"(?<![\w.-])1-(?=8\d\d-[A-Za-z])(8\d\d)-", lambda m: f"one {digits(m[1])} ", "Call 1-800-FLOWERS → Call one eight zero zero flowers"),
    (r"(?<![\w.-])\d{5}-\d{4}(?![\w-])", lambda match: digits(match.group()), "90210-1234 → nine zero two one zero, one two three four"),
    (r"\b([A-Z]{2}|D\.C\.) (\d{5})(?![\w,.-]\d|\w)", lambda match: f"{match[1]} {digits(match[2])}", "NY 10018 → NY one zero zero one eight"),
    (r"(?<=, )(\d{5})(?= [A-ZÀ-Þ][a-zß-ÿ])", lambda m: digits(m[1]), "Rue X, 75001 Paris → Rue X, seven five zero zero one Paris"),
    (r"\b((?:account|card|number|phone)s? ending(?: in| with)? )(\d{3,4})\b", lambda m: m[1] + digits(m[2]), "your card ending 4321 → your card ending four three two one"),
    (rf"\b((?i:{CODES}))((?: (?:number|no|is|was|code|#))*)(:? ?)(\d{{3,}})(?![\w,.-]\d|\w)", lambda m: f"{m[1]}{m[2]}{m[3].strip()} {digits(m[4])}", "his ZIP 90210 → his ZIP nine zero two one zero", "the code is 4711 → the code is four seven one one"),
    (r"(?<![\w.,])\d{1,3}(?: \d{3})+,\d{1,2}(?![\w,])", lambda m: m.group().replace(" ", "").replace(",", "."), "1 234 567,89 → one million two hundred and thirty four thousand five hundred and sixty seven point eight nine"),
    (r"(?<![\w.,])\d{1,3}(?:\.\d{3}){2,4}(?![\w.,]\d|\w)", lambda m: m.group().replace(".", ""), "1.000.000 → one million", "1.000.000 $ → one million dollars"),
    (r"(?<![\w.,])(\d{1,3})((?: 000)+)(?![\w.])|(?<![\w.,])(\d{1,3})((?: \d{3})+)(?= (?:[a-z]{3,}|km|kg|kr|zl|Kc|CHF|EUR|SEK|NOK|DKK|PLN|CZK)\b| €)", lambda match: match.group().replace(" ", ""), "100 000 → one hundred thousand"),
    (r"(?<=\d)'(?=\d{3}(?!\d))", "", "1'000'000 → one million"),
    (r"(?<![\w.])(?!(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12]\d|3[01])-[3-9]\d(?![\w-]))\d{1,6}(?:-\d{1,7}){2,6}(?:-[\dX])?(?!\w)(?<!\d\d\d\d-\d\d-\d\d)(?<!-\d\d\d\d)|(?<![\w.])\d{3}-\d{2}-\d{4}(?!\w)", lambda match: digits(match.group()) + (" X" if match.group().endswith("X") else ""), "978-3-16-148410-0 → nine seven eight, three, one six, one four eight four one zero, zero", "123-45-6789 → one two three, four five, six seven eight nine"),
    (r"(?<![\w.])\d{4}(?:[ -]\d{4}){2,}(?: \d{1,3})?(?!\w)", lambda match: digits(match.group()), "4111 1111 1111 1111 → four one one one, one one one one, one one one one, one one one one"),
    (r"(?<![\w.,+-])\d{2,4}(?: \d{3,4}){2,4}(?![\w,.-]\d|\w)", lambda m: m.group() if re.fullmatch(r"\d{1,3}(?: \d{3})+", m.group()) else digits(m.group()), "my ID 812 3456 7890 → my ID eight one two, three four five six, seven eight nine zero"),
    (rf"(?<!\w)(?!(?:{RANGES}) )([A-Z][a-z]+ |[A-Z])(\d{{3}})-(\d{{1,3}})([A-Z]{{0,3}})(?![\w-])", _model, "Boeing 747-8 → Boeing seven forty seven eight", "an A350-900 → an A three fifty nine hundred"),
    (r"(?<![\w-])(7[0-8]7)-([1-9]00|[789]|10)(s?)(?![\w-])", lambda m: f"{in_pairs(m[1])} {in_pairs(m[2])}{m[3]}", "a 747-400 → a seven forty seven four hundred"),
    (r"(?<=[A-Z]{2} )[1-9]\d(?:0[1-9]|[1-9]\d)(?=\b(?![-–,.:/]\d))(?<!(?:AD|CE|BC) ....)(?<!19..)(?<!20..)", lambda m: in_pairs(m.group()), "an RTX 4090 → an RTX forty ninety"),
]  # fmt: skip  # noqa: E501
VERSIONS: list[Rule] = [
    (r"(?<![\w.,-])(\d{1,6})-(0\d{1,6})(?![\w-]|[.,]\d)", lambda m: f"{in_pairs(m[1])}, {digits(m[2])}", "no. 2023-0457 → number twenty twenty three, zero four five seven"),
    (r"(?<![\w.-])((?:[Vv]ersion |[Rr]elease )?v(?:er)?\.? ?|[Vv]ersion v?)(\d+(?:\.\d+)*)(?:-([a-z]{2,8})\.?(\d{1,4})?)?(?![\w-]|\.\d)", _version, "Version v1.2.3-beta.4 → version one point two point three beta four", "v2 → version two"),
    (r"(?<![\w.])()(\d+(?:\.\d+){1,5})-([a-z]{2,8})\.?(\d{1,4})?(?![\w-])(?<=\d)", _version, "1.0.0-rc.1 → one point zero point zero release candidate one"),
    (rf"\b({LABELS}) ([1-9]\d?)\.([1-9]\d)(?![\w%°]|[.,-]\d| ?(?:percent|million|billion|[a-z]+s|k[gm]|[cm]m|m|[AP]M|[ap]\.?m)\b)", _labelled, "Python 3.12 → Python three point twelve", "see section 4.15 → see section four point fifteen"),
    (rf"(?<=\w) ?\((\d{{1,3}})\)(?=\.(?i:{FILES})\b)", r" \1", "open report(2).docx → open report two dot docx"),
    (rf"(?<=\w)\.(?=(?:[\w-]{{1,40}}\.)?(?i:{FILES})\b)", " dot ", "see README.md → see readme dot md", "open my.v2.JPG → open my dot V two dot JPG"),
    (r"\bmp(?=[34]\b)", "MP ", "an mp3 → an MP three"),
    (r"(?<![\w.])\d+(?:\.\d+){2,}(?!\w)(?! ?(?:€|EUR|[Ee]uros?\b))", _numbers_in_row, "section 2.0.1 → section two point zero point one"),
]  # fmt: skip  # noqa: E501
LEFTOVERS: list[Rule] = [
    (r"\b[KQRBN][a-h]?[1-8]?x?[a-h][1-8](?![\w])", _chess_move, "moves: e4 e5, Nf3 Nxc6 → moves: E four E five, Knight F three Knight takes C six"),
    (r"\b(sin|cos|tan)(?= (?:squared|cubed) ?[a-zΑ-ω]?\b| ?[Α-ω])", lambda m: FUNCTIONS[m[1]] + " ", "sin²θ and cos θ → sine squared theta and cosine theta"),
    (rf"\b(?=\w*[a-z])(?=\w*\d)(?:(?:{ELEMENT})\d{{0,2}}){{2,8}}(?!\w)", _formula, "NaHCO3 and Fe2O3 → N A H C O three and F E two O three"),
    # what is left of numbers
    (r"(?<![\w.])\d+\.\d+(?=[A-Za-z])", lambda match: number(match.group()) + " ", "2.5xyz → two point five xyz"),
    (r"(?<=[A-Za-z])-(?=\d)|(?<=\d)-(?=[A-Z])", " ", "the COVID-19 virus → the COVID nineteen virus"),
    (r"(?<!\w)\d{10,}(?!\w)", _long_digits, "5286564231 → five two eight, six five six, four two three one"),
    (rf"(?<![\w.)-])-(?:{NUMBER})(?!\w)", lambda match: number(match.group()), "-5 → minus five"),
    (rf"(?<!\w)(?<![A-Z]\d-)(?<![A-Z]\d\d-)(?:{NUMBER})(?![\w])", lambda match: number(match.group()), "42 → forty two", "007 → zero zero seven"),
    (r"(?<= )(\d+)'?s\b", lambda m: plural(number(m[1])), "two B-52s → two B fifty twos"),
    (r"(?<=[A-Za-z])(\d+)s\b", lambda m: f" {plural(number(m[1]))}", "two MP3s → two MP threes"),
    (r"\b\w{0,60}\d\w{0,60}(?:-\d\w{0,60}){0,4}", _letters_and_digits, "H2O, 4K and an A4 → H two O, four K and an A four"),
    # symbols
    (r"(?<=[A-Z]{2})\.(?=[A-Z]{1,3}\b(?!\.)|[a-z])", " dot ", "buy RR.L now → buy RR dot L now"),
    (r"\$(?=[A-Z_{(])", "dollar ", "in $HOME now → in dollar home now"),
    (r"(?<=[a-z])\.(?=[a-z])", " dot ", "call foo.bar → call foo dot bar"),
    (r"(?<=\S) ?-+> ?| ?=> ?", " to ", "A -> B → A to B"),
    (r" ?\|\| ?", " or ", "a || b → a or b"),
    (r"(?:(?<=[ (])|^)!(?=[a-z(])", "not ", "if (!x) → if, not x"),
    (r" ?&& ?", " and ", "a && b → a and b"),
    (r"(?<=\w) ?!= ?", " is not equal to ", "a != b → a is not equal to b"),
    (r"(?<=\w) ?<= ?", " is at most ", "a <= b → a is at most b"),
    (r"(?<=\w) ?>= ?", " is at least ", "a >= b → a is at least b"),
    (r"(?<=\w) ?==+ ?(?=\w)", " equals ", "a == b → a equals b"),
    (r"(?<=\S) < (?=\S)|(?<=\w)<(?=\w)", " is less than ", "a < b → a is less than b"),
    (r"(?<=[A-Za-z]) ?> ?(?=[A-Z][a-z])", ", ", "go to Settings > Sound → go to Settings, Sound"),
    (r"(?<=\S) > (?=\S)|(?<=\w)>(?=\w)", " is greater than ", "a > b → a is greater than b"),
    (r"([§¶])\1+ ?", lambda m: "sections " if m[1] == "§" else "paragraphs ", "§§ 3–5 and ¶¶ 4–6 → sections three to five and paragraphs four to six"),
    (r"∑ ?of\b", "∑", "∑ of x → the sum of x"),
    (r"[Α-Ωα-ω]", _greek, "π → pi"),
    (r"µ", " micro ", "5 µ → five micro"),
    (rf"[{re.escape(''.join(SIGNS))}]", _symbol, "2 + 2 → two plus two", "§ 5 & 6 → section five and six"),
]  # fmt: skip  # noqa: E501
