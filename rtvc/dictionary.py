"""hibari's dictionary and converter from letters to phonemes (misaki's alphabet), with a tenth of its memory."""

from __future__ import annotations

import gzip
import json
import re
import sys
import threading
from array import array
from bisect import bisect_left, bisect_right
from functools import lru_cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from .characters import unaccented
from .names import NAMES

if TYPE_CHECKING:
    import hibari  # noqa: F401 (tells transformers what a published folder needs)

HIBARI_G2P = "rtvc_hibari_g2p"  # the name of hibari.g2p where it is imported by itself
JSON_ENTRY = re.compile(rb'("(?:[^"\\]|\\.)*"):(?:"(?:[^"\\]|\\.)*"|\{[^{}]*\})')
# names and words from other languages whose last letter is said, where English has another word or none
LOANS = {  # of which English has no other word without the accents: they are read so without them, too
    "fiancé": "fˌiɑnsˈA", "fiancés": "fˌiɑnsˈAz", "fiancée": "fˌiɑnsˈA", "fiancées": "fˌiɑnsˈAz", "crème": "kɹˈɛm",
    "brûlée": "bɹulˈA", "brûlées": "bɹulˈAz", "fraîche": "fɹˈɛʃ", "protégé": "pɹˈOTəʒˌA", "protégés": "pɹˈOTəʒˌAz",
    "protégée": "pɹˈOTəʒˌA", "déjà": "dˌAʒɑ", "attaché": "ˌætəʃˈA", "soirée": "swɑɹˈA", "soirées": "swɑɹˈAz",
    "sauté": "sɔtˈA", "sautéed": "sɔtˈAd", "sautéing": "sɔtˈAɪŋ", "risqué": "ɹɪskˈA", "communiqué": "kəmjˌunɪkˈA",
    "communiqués": "kəmjˌunɪkˈAz", "appliqué": "ˌæplɪkˈA", "canapé": "kˈænəpˌA", "canapés": "kˈænəpˌAz",
    "consommé": "kˌɑnsəmˈA", "habitué": "həbˈɪʧuˌA", "garçon": "ɡɑɹsˈOn", "señorita": "sˌAnjəɹˈiTə", "maître": "mˈAtɹə",
    "mâché": "məʃˈA", "fête": "fˈɛt", "mélange": "mAlˈɑnʒ", "étude": "ˈAtud", "études": "ˈAtudz",
    "curaçao": "kjˈʊɹəsˌW", "pokémon": "pˈOkəmˌɑn", "düsseldorf": "dˈusəldˌɔɹf", "cancún": "kˌænkˈun",
    "cliché": "kliʃˈA", "clichés": "kliʃˈAz", "clichéd": "kliʃˈAd",
}  # fmt: skip
ACCENTED = LOANS | {
    "résumé": "ɹˈɛzəmˌA", "resumé": "ɹˈɛzəmˌA", "josé": "hOzˈA", "rosé": "ɹOzˈA", "pâté": "pɑtˈA", "renée": "ɹənˈA",
    "rené": "ɹənˈA", "exposé": "ˌɛkspOzˈA", "lamé": "lɑmˈA", "maté": "mˈɑtˌA", "beyoncé": "biˈɑnsˌA",
    "andré": "ˈɑndɹˌA",
    "zoë": "zˈOi", "chloë": "klˈOi", "citroën": "sˈɪtɹOən", "noël": "nOˈɛl", "brontë": "bɹˈɑnti",
    "saké": "sˈɑki", "são": "sˈW", "señor": "sAnjˈɔɹ", "señora": "sAnjˈɔɹə", "niño": "nˈinjO", "niña": "nˈinjə",
    "ångström": "ˈæŋstɹəm", "touché": "tuʃˈA", "entrée": "ˈɑntɹˌA", "entrées": "ˈɑntɹˌAz", "blasé": "blɑzˈA",
    "chloé": "klˈOi", "noé": "nOˈA", "hélène": "ɛlˈɛn", "thérèse": "tɛɹˈɛz", "moët": "mOˈɛt", "hermès": "ɛɹmˈɛz",
    "nestlé": "nˈɛslˌA", "köln": "kˈɜln", "münchen": "mˈʊnʃən", "olé": "OlˈA", "über": "ˈubəɹ", "ménage": "mAnˈɑʒ",
    "scène": "sˈɛn", "bête": "bˈɛt", "éclat": "Aklˈɑ", "bogotá": "bˌOɡətˈɑ", "montréal": "mˌʌntɹiˈɔl",
    "jalapeño": "hˌɑləpˈAnjO", "jalapeños": "hˌɑləpˈAnjOz", "piñata": "pɪnjˈɑtə", "mañana": "mənjˈɑnə",
    "españa": "ɛspˈɑnjə",
}  # fmt: skip
RESPELLED = {"ñ": "ny", "ç": "s", "č": "ch", "š": "sh", "ž": "zh", "ś": "sh", "ć": "ch"}
SMALL_NAMES = {name.lower(): phonemes for name, phonemes in NAMES.items() if name.lower() not in NAMES}
PRIMARY, SECONDARY = "ˈ", "ˌ"
FULL_VOWEL = re.compile("[AIOWYiuæɑɔɛɜɪʊʌa]")
_lock = threading.Lock()


class JSONTable:
    """The entries of a JSON object, parsed one at a time: as dicts hibari's tables take 100 MB of the
    process, so 25 MB (measured as its growth on first use), and a line is read no slower. A clone needs few of them.

    text: UTF-8; the entries' values are strings or objects without objects inside. start: where the first one begins.
    """

    def __init__(self, text: bytes, start: int = 0):
        self._text, columns = text, [("hash", "i8"), ("start", "i8"), ("end", "i8")]
        entries = ((hash(_name(one[1])), *one.span()) for one in JSON_ENTRY.finditer(text, start))
        found = np.sort(np.fromiter(entries, columns), order="hash")
        self._hashes, self._starts, self._ends = (array("q", found[name].tobytes()) for name, _ in columns)
        self.get = lru_cache(4096)(self._get)

    def _get(self, key: str, default: Any = None) -> Any:
        for place in range(bisect_left(self._hashes, hash(key)), bisect_right(self._hashes, hash(key))):
            entry = json.loads(b"{%b}" % self._text[self._starts[place] : self._ends[place]])
            if key in entry:
                return entry[key]
        return default


def _name(quoted: bytes) -> str:
    """A string of JSON; few have escapes, and the others are had in a fifth of the time."""
    return json.loads(quoted) if b"\\" in quoted else str(quoted[1:-1], "utf-8")


def hibari_g2p() -> ModuleType:
    """hibari.g2p by itself: with the whole of hibari comes scipy, which takes a second to import.

    Raises:
        ModuleNotFoundError: hibari is not installed.
    """
    if "hibari.g2p" in sys.modules:
        return sys.modules["hibari.g2p"]
    if (hibari := find_spec("hibari")) is None or not hibari.submodule_search_locations:
        raise ModuleNotFoundError("rtvc needs the package hibari-tts: pip install hibari-tts", name="hibari")
    folder = Path(hibari.submodule_search_locations[0], "g2p")
    if HIBARI_G2P not in sys.modules:
        spec = spec_from_file_location(HIBARI_G2P, folder / "__init__.py", submodule_search_locations=[str(folder)])
        assert spec is not None  # as for any file of Python's
        assert spec.loader is not None
        module = sys.modules[HIBARI_G2P] = module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[HIBARI_G2P]


@lru_cache(maxsize=1)
def _load_g2p() -> Any:
    g2p: Any = hibari_g2p()

    def text(name: str) -> bytes:
        return gzip.decompress(Path(g2p.ASSETS, name).read_bytes())

    known: Any = g2p.Lexicon.__init__.__globals__["Dict"]

    class Entries(known):
        """The dictionary's entries, and before them those of `NAMES`, which a small letter does not hide."""

        def get(self, word: str) -> Any:
            return NAMES.get(word) or SMALL_NAMES.get(word) or super().get(word)

    class G2P(g2p.G2P):
        """As hibari makes it, but for its large tables, names, and how the network's guesses are stressed."""

        def __init__(self) -> None:
            gold, silver = (JSONTable(text(f"lexicon_us_{name}.json.gz")) for name in ("gold", "silver"))
            tagger = text("tagger.json.gz")
            start = tagger.index(b',"weights":') + 1
            weights = {"weights": JSONTable(tagger, start + len(b'"weights":'))}
            self.lexicon = g2p.Lexicon(gold, silver)
            self.lexicon.golds = Entries(gold)
            self.tokenizer = g2p.Tokenizer(g2p._load_json("tokenizer_exceptions.json"))
            self.tagger = g2p.Tagger(json.loads(tagger[: start - 1] + b"}") | weights)
            self._oov, self.unk, self.british = None, "", False

        def fallback(self, token: Any) -> tuple[str | None, int | None]:
            phonemes, rating = super().fallback(token)
            return guessed(phonemes) if phonemes else phonemes, rating

    return G2P()


def guessed(phonemes: str) -> str:
    """What the network reads in an unknown word: no sound twice in a row, and one primary stress, the last.

    It gives "Haruki" two r-sounds, "mkdir" two stresses and "Ozempic" none.
    """
    return " ".join(map(_stressed_once, re.sub(r"([^\WAIOWY])\1", r"\1", phonemes).split()))


def _stressed_once(phonemes: str) -> str:
    before, primary, last = phonemes.rpartition(PRIMARY)
    if primary:
        return before.replace(PRIMARY, SECONDARY) + primary + last
    if SECONDARY in phonemes:
        return phonemes.replace(SECONDARY, PRIMARY, 1)
    return FULL_VOWEL.sub(rf"{PRIMARY}\g<0>", phonemes, count=1)


def g2p() -> Any:
    """hibari's grapheme-to-phoneme converter, loaded on first use (0.6 s)."""
    with _lock:
        return _load_g2p()


def is_known(word: str) -> bool:
    """Whether the dictionary has the word, as it is or as a regular form of another one ("gates")."""
    lexicon = g2p().lexicon
    if word in lexicon.golds or word in lexicon.silvers:
        return True
    return any(form(word, None, None, None)[0] for form in (lexicon.stem_s, lexicon.stem_ed, lexicon.stem_ing))


def has_own_reading(word: str) -> bool:
    """Whether the dictionary has the word written just so: "NASA", which is said as a word."""
    return g2p().lexicon.golds.get(word) is not None


def is_read(letters: str) -> bool:
    """Whether letters in capitals are said as a word, "CO", and not one by one."""
    return letters.lower() in ("so", "no", "on", "go") or len(re.findall("[ˈˌ]", reading(letters))) < len(letters)


def converted(text: str) -> list:
    """hibari's tokens of a text, with their phonemes. "[word](/phonemes/)" is read as given."""
    converter = g2p()
    with _lock:
        return converter.phonemize_tokens(converter.tokenize(text))


def reading(word: str) -> str:
    """The phonemes of a word by itself; an unknown one is read by the network."""
    return "".join(token.phonemes or "" for token in converted(word))


def without_needless_accents(word: str) -> str:
    """A word with accents → without them, if the dictionary reads that as the accents ask; else the word as it is."""
    return unaccented(word) if _accented(word.lower()) is None else word


def accented_phonemes(word: str) -> str:
    """The phonemes of a word whose accents count."""
    return _accented(word.lower()) or ""


@lru_cache(maxsize=1024)
def _accented(word: str) -> str | None:
    """The phonemes that a word's accents ask for; None where it is read as well without them."""
    if word in ACCENTED:
        return ACCENTED[word]
    plain = unaccented(word)
    known = reading(plain) if len(plain) > 2 and is_known(plain) else ""
    ending = re.search(r"ée?(s?)$", word)
    if ending and len(word) > 3 and not re.search(f"A{'z' if ending[1] else ''}$", known):
        stem = reading(_respelled(word[: ending.start()]) + "ay").replace("ˈ", "ˌ")
        return re.sub("ˌ?[AIiə]$", "", stem) + "ˈA" + ("z" if ending[1] else "")
    if known and not ("ñ" in word and "nj" not in known) and not ("ç" in word and "s" not in known):
        return None
    respelled = _respelled(word)
    return None if len(word) < 3 or respelled == plain else reading(respelled)


def _respelled(word: str) -> str:
    return unaccented("".join(RESPELLED.get(c, c) for c in word))
