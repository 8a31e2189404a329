"""Words as spoken, their phonemes, and the tokenizer: from a line of English to the ids that RTVC-7 reads.

`normalize` writes a text out as a person would say it, `phonemize` turns that into symbols (hibari's dictionary,
tagger and network for unknown words; the alphabet is misaki's), and a symbol's place in `SYMBOLS` is its id.
"""

from __future__ import annotations

import gzip
import json
import re
import threading
from array import array
from bisect import bisect_left, bisect_right
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizer

from .errors import TextError
from .spoken import ABBREVIATIONS, OPENERS, ROMAN, plain, write_out

PAD, START, END, BOUNDARY = "_", "^", "$", " "
PAUSES = (",", ".", "?", "!", ";", ":", "—", "…")
CONSONANTS = tuple("bdfhjklmnpstvwzðŋɡɹʃʒʤʧθT")  # T: the flapped t of "water"
VOWELS = tuple("AIOWYiuæɑɔɛɜɪʊʌ")  # A I O W Y: the diphthongs of day, my, no, now, boy
REDUCED = tuple("əɐᵊᵻ")  # never stressed
STRESSES = ("", "ˈ", "ˌ")  # none, primary, secondary
# The order is the model's: append, never insert.
SYMBOLS: tuple[str, ...] = (
    (PAD, START, END, BOUNDARY)
    + PAUSES
    + CONSONANTS
    + tuple(stress + vowel for vowel in VOWELS for stress in STRESSES)
    + REDUCED
)
SOUNDS = frozenset(CONSONANTS + VOWELS + REDUCED)
IDS: dict[str, int] = {symbol: index for index, symbol in enumerate(SYMBOLS)}

# What the network for unknown words may emit outside of the inventory, and its nearest neighbour inside.
NEIGHBOURS = {"a": "ɑ", "y": "i", "ʀ": "ɹ", "ɾ": "T", "ʔ": "t", "Q": "O", "g": "ɡ", "r": "ɹ", "e": "ɛ", "o": "O"}
STRESSED_NEIGHBOURS = {"ə": "ʌ", "ɐ": "ʌ", "ᵊ": "ʌ", "ᵻ": "ɪ"}

TEENS = "TEN|ELEVEN|TWELVE|(?:THIR|FOUR|FIF|SIX|SEVEN|EIGH|NINE)TEEN"
NUMBER_WORDS = rf"ZERO|TWO|THREE|FOUR|FIVE|SIX|SEVEN|EIGHT|NINE|{TEENS}|(?:TWEN|THIR|FOR|FIF|SIX|SEVEN|EIGH|NINE)TY"
# Words that the tagger reads wrongly: (words before, the word, words after, phonemes); empty: any.
HOMOGRAPHS = [
    (
        "",
        "lead",
        "pipes?|pencils?|paint|poisoning|bullets?|shot|acid|crystal|ore|weights?|foil|coffin",
        "lˈɛd",
    ),
    ("molten|like|full of|made of|pieces? of|tons? of|pounds? of", "lead", "", "lˈɛd"),
    ("an?|the", "tear", "in (?:the|his|its|my|our|a|it)|in her (?:dress|coat|shirt|sleeve|skirt)", "tˈɛɹ"),
    ("I|we|you|they|to|would|will|not|don't|didn't|may|might|could|strongly", "object", "", "əbʤˈɛkt"),
    ("", "object", "to", "əbʤˈɛkt"),
    ("", "objects", "to", "əbʤˈɛkts"),
    ("he|she|who|nobody", "objects", "", "əbʤˈɛkts"),
    ("am|is|are|was|were|be|I'm|quite|perfectly|feel|felt", "content", "", "kəntˈɛnt"),
    ("I|to|will|we|they", "project", "", "pɹəʤˈɛkt"),
    ("", "minute", "details?|amounts?|differences?|quantity|quantities|traces?|particles?|cracks?", "mInˈut"),
    ("", "console", "him|her|them|me|us|you|himself|herself", "kənsˈOl"),
    ("a|the|his|her|is|was|very", "crooked", "", "kɹˈʊkəd"),
    ("", "et cetera", "", "ɛtsˈɛTəɹə"),
    # the letter A, not the article: beside another spelled letter, before a number, with a name before, at a pause
    ("[B-HJ-Z]|the|an|letter|vitamin|plan|grade|type|class|group|section|hepatitis", "A", "", "ˈA"),
    ("", "A", "[A-HJ-Z]", "ˈA"),
    (r"\w+", "A", NUMBER_WORDS.lower(), "ˈA"),
    (r"[\w',]+", "A(?=[,.;:!?]|$)", "", "ˈA"),
    # sounds that are spelled without a vowel
    ("", "shh+|sh", "", "ʃˈʌ"),
    ("", "psst|pst", "", "psˈɪt"),
    ("", "brr+", "", "bˈɜɹ"),
    ("", "grr+", "", "ɡˈɜɹ"),
    ("", "zz+", "", "zˈɪz"),
    ("", "hmm+|hm", "", "hˈʌm"),
]


def _homograph(before: str, word: str, after: str) -> re.Pattern[str]:
    """A pattern whose groups are what stands before the word, and the word."""
    flags = "" if word.startswith("A") else "(?i:"
    lead = rf"(?<![\w'])((?:{before}) )" if before else r"(?<![\w'])()"
    body = lead + rf"({word})(?![\w'])" + (rf"(?= (?:{after})(?![\w']))" if after else "")
    return re.compile(flags + body + (")" if flags else ""))


PRONUNCIATIONS = [(_homograph(*row[:3]), row[3]) for row in HOMOGRAPHS]

# Small words that the tagger takes for acronyms when they are written in capitals.
LOUD = frozenset(
    """ALL AND ARE AT BE BUT BY CAN DID DO DOES FOR FROM GO HAD HAS HAVE HER HIM HIS HOW IF JUST MY NO NOT NOW OF ON ONE
    SHE SO STOP THAT THE THEM THEY THIS TO TOO UP WAS WE WERE WHAT WHEN WHY WILL WITH YES YOU YOUR""".split()  # noqa: SIM905
)
ASKING = "who|whom|whose|what|which|when|where|why|how"
FALLING = re.compile(rf"^\W*(?:(?:and|but|so|well|then|oh|now)\W+)*(?:\w+\W+)?(?:{ASKING})\b|\bor\b", re.I)
JSON_ENTRY = re.compile(rb'("(?:[^"\\]|\\.)*"):(?:"(?:[^"\\]|\\.)*"|\{[^{}]*\})')
NOTHING = "There is nothing to say in this text: write at least one English word or number."
_lock = threading.Lock()


class JSONTable:
    """The entries of a JSON object, parsed one at a time: as dicts hibari's tables take 100 MB, as text a sixth.

    text: UTF-8; the entries' values are strings or objects without objects inside. start: where the first one begins.
    """

    def __init__(self, text: bytes, start: int = 0):
        self._text, columns = text, [("hash", "i8"), ("start", "i8"), ("end", "i8")]
        entries = ((hash(json.loads(one[1])), *one.span()) for one in JSON_ENTRY.finditer(text, start))
        found = np.sort(np.fromiter(entries, columns), order="hash")
        self._hashes, self._starts, self._ends = (array("q", found[name].tobytes()) for name, _ in columns)
        self.get = lru_cache(4096)(self._get)

    def _get(self, key: str, default: Any = None) -> Any:
        for place in range(bisect_left(self._hashes, hash(key)), bisect_right(self._hashes, hash(key))):
            entry = json.loads(b"{%b}" % self._text[self._starts[place] : self._ends[place]])
            if key in entry:
                return entry[key]
        return default


@lru_cache(maxsize=1)
def _load_g2p():
    from hibari import g2p

    def text(name: str) -> bytes:
        return gzip.decompress(Path(g2p.ASSETS, name).read_bytes())

    class G2P(g2p.G2P):
        """As hibari makes it, but for its large tables."""

        def __init__(self) -> None:
            gold, silver = (JSONTable(text(f"lexicon_us_{name}.json.gz")) for name in ("gold", "silver"))
            tagger = text("tagger.json.gz")
            start = tagger.index(b',"weights":') + 1
            weights = {"weights": JSONTable(tagger, start + len(b'"weights":'))}
            self.lexicon = g2p.Lexicon(gold, silver)
            self.tokenizer = g2p.Tokenizer(g2p._load_json("tokenizer_exceptions.json"))
            self.tagger = g2p.Tagger(json.loads(tagger[: start - 1] + b"}") | weights)
            self._oov, self.unk, self.british = None, "", False

    return G2P()


def _g2p():
    """hibari's grapheme-to-phoneme converter, loaded on first use (0.6 s)."""
    with _lock:
        return _load_g2p()


# -- text → words ----------------------------------------------------------------------------------------------------


def normalize(text: str) -> str:
    """A text as it is spoken: English words and the pauses , . ? ! ; : — … ("$5.20" → "five dollars and twenty cents").

    Text in capitals only is lower-cased, acronyms and spelled letters excepted. May come out empty.
    """
    if not isinstance(text, str):
        raise TextError(f"The text must be a string, not {type(text).__name__}: pass the words to say.")
    return write_out(_recase(plain(text)))


def _is_known(word: str) -> bool:
    lexicon = _g2p().lexicon
    return word in lexicon.golds or word in lexicon.silvers


def _recase(text: str) -> str:
    """Text in capitals only → lower case, spelled letters and acronyms excepted."""
    words = re.findall(r"[A-Z][A-Z']+", text)
    if text != text.upper() or not any(_is_known(word.lower()) or len(word) > 5 for word in words):
        return _recase_loud(text)
    pattern, replacement = ROMAN
    text = re.sub(pattern, lambda m: replacement(m) if len(m[2]) > 1 else m.group(), text)
    pieces = re.split(r"(?<![a-z])([A-Z']+)(?![a-z])", text)
    for index in range(1, len(pieces), 2):
        if not _is_spelled(pieces, index):
            pieces[index] = pieces[index].lower()
    return "".join(pieces)


def _recase_loud(text: str) -> str:
    """Words in capitals amid others: a small word or a long unknown one is said loudly, the rest are acronyms."""

    def replace(match: re.Match[str]) -> str:
        word = match.group()
        is_loud = word in LOUD or (len(word) > 5 and _has_vowel(word) and not _is_known(word))
        return word.lower() if is_loud else word

    return re.sub(r"\b[A-Z]{2,}\b", replace, text)


def _has_vowel(word: str) -> bool:
    return re.search("[AEIOUY]", word) is not None


def _is_spelled(pieces: list[str], index: int) -> bool:
    """Whether a word of a text in capitals stays so: I, a spelled letter, an acronym."""
    word = pieces[index]
    if len(word) > 1:
        return not _is_known(word.lower()) and (_is_known(word) or not _has_vowel(word))
    if word not in "AO":
        return True
    following = pieces[index + 2] if index + 2 < len(pieces) else ""
    if word == "A" and re.fullmatch(NUMBER_WORDS, following):
        return True
    neighbours = [
        j for j in (index - 2, index + 2) if 0 <= j < len(pieces) and not pieces[(index + j) // 2].strip(" .-")
    ]
    return any(len(pieces[j]) == 1 and pieces[j] not in "AIO'" for j in neighbours)


# -- words → symbols -------------------------------------------------------------------------------------------------


def phonemize(text: str) -> list[str]:
    """The symbols of a text, from "^" to "$", with a pause before the end. "?" stands where the voice rises only.

    Raises:
        TextError: there is nothing to say, or more than one breath can: `split_sentences` comes first.
    """
    if isinstance(text, str) and len(text) > LONGEST_LINE:
        raise TextError(f"A sentence of {len(text):,} characters is too long to speak; split the text into sentences.")
    symbols = _symbols(_phonemes(_falling_questions(normalize(text))))
    if len(symbols) <= 3:
        raise TextError(NOTHING)
    return symbols


def _falling_questions(words: str) -> str:
    """Questions that ask who, what or where, or offer a choice, end like statements: their "?" becomes "."."""
    return re.sub(r"[^.?!…]+\?", lambda match: match[0][:-1] + "." if FALLING.search(match[0]) else match[0], words)


def question_rise(ids: list[int]) -> list[float]:
    """How far the voice has risen to the top of its range at the end of each token, 0…1: in a question from the last
    stressed vowel on. The corpora hardly hold a question, so the network has not learned it.
    """
    symbols, rise, nucleus = [SYMBOLS[index] for index in ids], [0.0] * len(ids), None
    for index, symbol in enumerate(symbols):
        if symbol[0] == STRESSES[1]:
            nucleus = index
        elif symbol == "?" and nucleus is not None:
            for place in range(nucleus, index):
                rise[place] = (place - nucleus + 1) / (index - nucleus)
            rise[index] = 1.0
        if symbol in PAUSES:
            nucleus = None
    return rise


def _phonemes(words: str) -> str:
    """Normalised words → a string in misaki's alphabet. A word without a reading is spelled, never dropped."""
    g2p = _g2p()
    for pattern, phonemes in PRONUNCIATIONS:
        words = pattern.sub(rf"\1[\2](/{phonemes}/)", words)
    parts = []
    with _lock:
        for token in g2p.phonemize_tokens(g2p.tokenize(words)):
            phonemes = token.phonemes or ""
            letters = re.sub("[^A-Za-z]", "", token.text)
            if letters and not any(NEIGHBOURS.get(character, character) in SOUNDS for character in phonemes):
                phonemes = " ".join(g2p.lexicon.golds.get(letter) for letter in letters.upper())
            parts.append(phonemes + (BOUNDARY if token.whitespace else ""))
    return "".join(parts)


def _symbols(phonemes: str) -> list[str]:
    """A string in misaki's alphabet → model symbols: stress joins the vowel after it, one separator at a time."""
    symbols, stress = [START], ""
    for character in phonemes:
        if character in "ˈˌ":
            stress = character
        elif character == BOUNDARY or character in PAUSES:
            stress = ""
            _separate(symbols, character)
        else:
            character = NEIGHBOURS.get(character, character)
            if stress:
                character = STRESSED_NEIGHBOURS.get(character, character)
            if character in VOWELS:
                symbols.append(stress + character)
                stress = ""
            elif character in IDS:
                symbols.append(character)
    if symbols[-1] == BOUNDARY:
        symbols.pop()
    return symbols + ([END] if symbols[-1] in PAUSES else [".", END])


def _separate(symbols: list[str], separator: str) -> None:
    """Append a separator; a pause takes the place of a word boundary, and the first pause of several stays."""
    if symbols[-1] == BOUNDARY:
        symbols[-1] = separator
    elif symbols[-1] != START and symbols[-1] not in PAUSES:
        symbols.append(separator)


# -- long texts ------------------------------------------------------------------------------------------------------

LONGEST_WORD = 400  # characters: what has no space for so long is no word and is cut
LONGEST_LINE = 10_000  # characters that are spoken as one sentence
LOOK = 40  # characters on either side of a full stop that tell whether it ends a sentence
SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]]*+\s+|\n\s*\n\s*")  # a row of dots is looked at once
INNER = "|".join([*ABBREVIATIONS, "St", "Dr", "No", "Nos", "p", r"e\.g", r"i\.e", "al", r"(?:[A-Za-z]\.)*[A-Za-z]"])
DOTTED = re.compile(rf"(?:^|[\s(\"'“])(?:{INNER})\.$", re.I)
TITLES = re.compile(
    r"(?:^|\W)(?:Mr|Mrs|Ms|Mx|Dr|St|Prof|Gen|Gov|Sen|Rep|Capt|Lt|Col|Sgt|Rev|Hon|Mt|Ft|No|Nos|vs|cf)\.$"
)


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
    pieces, start = [], 0
    for mark in PAUSE_MARK.finditer(text):
        pieces += [*_split(text[start : mark.start()], limit), mark[0]]
        start = mark.end()
    return pieces + _split(text[start:], limit)


def _split(text: str, limit: int) -> list[str]:
    """A text without marks → its sentences."""
    sentences, start = [], 0
    for match in SENTENCE_END.finditer(text):
        before = text[max(start, match.start() - LOOK) : match.end()]
        if _ends_sentence(before, text[match.end() : match.end() + LOOK], "\n" in match.group()):
            sentences.append(text[start : match.end()])
            start = match.end()
    sentences.append(text[start:])
    collapsed = (" ".join(sentence.split()) for sentence in sentences)
    return [piece for sentence in collapsed if sentence for piece in _clauses(sentence, limit)]


def _ends_sentence(sentence: str, rest: str, is_paragraph: bool) -> bool:
    """Whether a full stop, and not an abbreviation's, ends this text before `rest`."""
    sentence = sentence.rstrip()
    if is_paragraph and not sentence.endswith("."):
        return True
    if re.match(r"[\"'“‘(\[]*[a-z]", rest):
        return False
    if DOTTED.search(sentence):
        return not TITLES.search(sentence) and re.match(rf"[\"'“‘(\[]*(?:{OPENERS})\b", rest) is not None
    return True


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
CUTS = ((r"[;:—…](?= )| (?=[—–-] )", 0.3), (r",(?= )", 0.3), (r"(?<!\d)(?= )|(?= )(?! \d)", 0.0), (r"(?= )", 0.0))


def _cut(sentence: str, limit: int) -> int | None:
    """The last pause, else the last space, not inside a number, that leaves at most `limit` characters before it."""
    for pattern, earliest in CUTS:
        ends = [match.end() for match in re.finditer(pattern, sentence[: limit + 1])]
        places = [end for end in ends if max(1, earliest * limit) <= end <= limit]
        if places:
            return places[-1]
    space = sentence.find(" ")
    return space if space > 0 else None


# -- the tokenizer ---------------------------------------------------------------------------------------------------


class VoiceCloningTokenizer(PreTrainedTokenizer):
    """English text → `input_ids` (batch, tokens) and `attention_mask`; a token is a symbol of `SYMBOLS`.

    `tokenize` gives the symbols with "^" and "$" around them, so no further special token is added.
    """

    vocab_files_names = {"vocab_file": "vocab.json"}
    model_input_names = ["input_ids", "attention_mask"]

    def __init__(self, vocab_file: str | None = None, **kwargs) -> None:
        symbols = json.loads(Path(vocab_file).read_text(encoding="utf-8")) if vocab_file else IDS
        self._ids = dict(symbols)
        self._names = {index: symbol for symbol, index in self._ids.items()}
        kwargs["pad_token"] = PAD
        super().__init__(**kwargs)

    @property
    def vocab_size(self) -> int:
        return len(self._ids)

    def get_vocab(self) -> dict[str, int]:
        return dict(self._ids)

    def tokenize(self, text: str, **kwargs) -> list[str]:
        """The symbols of a text (see `phonemize`)."""
        return phonemize(text)

    def _convert_token_to_id(self, token: str) -> int:
        return self._ids[token]

    def _convert_id_to_token(self, index: int) -> str:
        return self._names[index]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The symbols in a row, without padding and edges."""
        return "".join(token for token in tokens if token not in (PAD, START, END))

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str]:
        """Write vocab.json (symbol: id)."""
        path = Path(save_directory) / ((filename_prefix + "-" if filename_prefix else "") + "vocab.json")
        path.write_text(json.dumps(self._ids, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
        return (str(path),)
