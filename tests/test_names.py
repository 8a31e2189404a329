"""Names are said as somebody tells: markup in the text, a lexicon; and markup that nobody knows is not read aloud."""

from __future__ import annotations

import numpy as np
import pytest
from speaking import TEXT

import rtvc
from rtvc import TextError
from rtvc.cli import main
from rtvc.ipa import to_phonemes
from rtvc.lexicon import Lexicon
from rtvc.say import what_is_said
from rtvc.text import SYMBOLS


def phonemes(text: str, lexicon=None) -> str:
    return " ".join(sentence.phonemes for sentence in what_is_said(text, lexicon) if sentence.phonemes)


def words(text: str, lexicon=None) -> str:
    return " ".join(sentence.words for sentence in what_is_said(text, lexicon) if sentence.words)


def marks(text: str) -> list[str]:
    return [warning["mark"] for warning in what_is_said(text).warnings]


# -- IPA


@pytest.mark.parametrize(
    ("written", "sounds"),
    [
        ("ʃəvˈɔːn", "ʃəvˈɔn"),
        ("ʃəˈvɔːn", "ʃəˈvɔn"),  # the stress before the syllable, as dictionaries have it
        ("wɪn", "wˈɪn"),  # a word of one syllable is stressed
        ("t͡ʃaɪˈkɔfski", "ʧIˈkɔfski"),
        ("bɔ̃ˈʒuʁ", "bɔnˈʒuɹ"),
        ("ˈbʌtn̩", "ˈbʌtᵊn"),
        ("ʃaʊ̯ˈmi", "ʃWˈmi"),
        ("kˈOkəɹO", "kˈOkəɹO"),  # misaki's own letters
        ("ˈçaɪna", "ˈhInɑ"),
        ("ɲɔkki˥˧", "njˈɔkki"),
        ("nuː jɔːk", "nˈu jˈɔk"),
        ("bɝd", "bˈɜɹd"),
    ],
)
def test_ipa_becomes_sounds_of_english(written, sounds):
    assert to_phonemes(written, "word") == sounds


def test_every_symbol_of_the_alphabet_has_a_sound_that_the_model_knows():
    """The chart of 2020: whatever stands there is said, not refused."""
    chart = "pbtdʈɖcɟkɡqɢʔmɱnɳɲŋɴʙrʀⱱɾɽɸβfvθðszʃʒʂʐçʝxɣχʁħʕhɦɬɮʋɹɻjɰlɭʎʟʘǀǃǂǁɓɗʄɠʛʍwɥʜʢʡɕʑɺɧ"
    chart += "iyɨʉɯuɪʏʊeøɘɵɤoəɛœɜɞʌɔæɐaɶɑɒ"
    known = set("".join(SYMBOLS))
    for symbol in chart:
        assert set(to_phonemes(f"ɑ{symbol}ɑ", "word")) <= known, symbol


def test_an_unknown_symbol_is_named():
    for text, lexicon in (("[Bob](/b€b/) left.", None), (TEXT, {"Bob": "/b€b/"})):
        with pytest.raises(TextError, match=r"“€” in the pronunciation “/b€b/” of “Bob” is no IPA symbol"):
            what_is_said(text, lexicon)


# -- in the text


def test_a_pronunciation_in_the_text():
    assert phonemes("[Siobhan](/ʃəvˈɔːn/) left.") == "ʃəvˈɔn lˈɛft."
    assert phonemes("Dr. [Siobhan](/ʃəvˈɔːn/)'s cat.") == "dˈɑktəɹ ʃəvˈɔnz kˈæt.", "before a name Dr. is a title"
    assert words("Dr. [Siobhan](/ʃəvˈɔːn/)'s cat.") == "Doctor Siobhan's cat."
    assert phonemes("the [Uluru](/ˈuːləɹuː/)").startswith("ði "), "“the” knows what follows"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("See [the page](https://x.org) now.", "See the page now."),
        ("See [the docs](/docs/) now.", "See the docs now."),
        ("See [docs](/v1.2/guide/) now.", "See docs now."),
    ],
)
def test_links_are_no_pronunciations(text, said):
    assert words(text) == said


# -- lexicons

NAMES = {"Nguyen": "win", "SQL": "/sˈiːkwəl/", "US": "you ess", "New York": "noo yawk", "C++": "see plus plus",
         "O'Brien": "oh bryan", "gif": "jif", "Łódź": "woodge", "Siobhan": "shuh-VAWN", "fox": "focks"}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sounds"),
    [
        ("Nguyen", "wˈɪn"),
        ("nguyen", "wˈɪn"),
        ("NGUYEN", "wˈɪn"),
        ("Nguyens", "wˈɪnz"),
        ("Nguyen's", "wˈɪnz"),
        ("Nguyen’s", "wˈɪnz"),
        ("sql", "sˈikwəl"),
        ("SQLs", "sˈikwəlz"),
        ("gifs", "ʤˈɪfs"),
        ("foxes", "fˈɑksᵻz"),
        ("new  york", "nˈu jˈɔk"),
        ("C++", "sˈi plˈʌs plˈʌs"),
        ("O’Brien", "ˈO bɹˈIən"),
        ("łódź", "wˈʊʤ"),
        ("Siobhan", "ʃʌvˈɔn"),
        ("Smith-Nguyen", "smˈɪθwˈɪn"),
        ("US", "ju ˈɛs"),
    ],
)
def test_a_lexicon_finds_its_words(text, sounds):
    assert phonemes(text, NAMES) == sounds + "."


@pytest.mark.parametrize("text", ["Nguyenx", "xNguyen", "Tell us.", "A subgif."])
def test_a_lexicon_finds_no_others(text):
    assert phonemes(text, NAMES) == phonemes(text)


def test_a_name_in_capitals_leaves_the_line_as_it_is():
    assert phonemes("GIVE IT TO NGUYEN!", NAMES) == phonemes("GIVE IT TO WIN!")


@pytest.mark.parametrize(
    ("lexicon", "problem"),
    [
        ({"Bob": ""}, "does not say how “Bob” is said"),
        ({"": "win"}, "is no word"),
        ({"Bob": "/bɑb"}, "between two slashes"),
        ({"Bob": 3}, "does not say how “Bob” is said"),
        ({"Bob": "..."}, "“Bob” of the lexicon says nothing"),
        (7, "must be a mapping"),
        ("missing.lex", "“missing.lex” cannot be read"),
    ],
)
def test_what_is_wrong_with_a_lexicon_is_said(lexicon, problem):
    with pytest.raises(TextError, match=problem):
        what_is_said("Bob left.", lexicon)


def test_a_file_of_entries(tmp_path):
    path = tmp_path / "names.lex"
    path.write_text("\ufeff# my names\n\nNguyen = win\nC# = see sharp\n", encoding="utf-8")
    assert phonemes("Nguyen writes C#.", path) == phonemes("win writes see sharp.")
    path.write_text("Nguyen win\n")
    with pytest.raises(TextError, match="Line 1 of “names.lex” is no entry"):
        what_is_said(TEXT, path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TextError, match="is not UTF-8"):
        what_is_said(TEXT, path)


def test_thousands_of_entries_cost_little():
    """An entry is looked up by its word: a text is not searched for each of them."""
    lexicon = Lexicon({f"name{number}x": "win" for number in range(20_000)})
    assert phonemes("name7x " * 100, lexicon).count("wˈɪn") == 100


def test_a_lexicon_for_a_call_a_stream_a_batch_a_pipeline_a_dialogue(tiny, woman):
    voice = tiny.enroll(woman)
    wanted = tiny("I saw win.", voice=voice)["audio"]
    plain = {"voice": voice, "lexicon": {"Nguyen": "win"}}
    assert np.array_equal(tiny("I saw Nguyen.", **plain)["audio"], wanted)
    assert np.array_equal(tiny(["I saw Nguyen."], **plain)[0]["audio"], wanted)
    streamed = np.concatenate([chunk["audio"] for chunk in tiny.stream("I saw Nguyen.", **plain)])
    assert streamed.size == wanted.size
    own = rtvc.VoiceCloningPipeline(model=tiny.model, processor=tiny.processor, lexicon={"Nguyen": "win"})
    assert np.array_equal(own("I saw Nguyen.", voice=voice)["audio"], wanted)
    assert own("I saw Nguyen.", voice=voice, lexicon={"saw": "sought"})["words"][2]["spoken"] == "win", "it adds"
    from rtvc.dialogue import parse_script, speak_script

    ((_, line),) = speak_script(tiny, parse_script("ANN: I saw Nguyen."), {"ANN": voice}, lexicon={"Nguyen": "win"})
    assert np.array_equal(line["audio"], wanted)


def test_the_shell_takes_a_lexicon(tmp_path, capsys):
    (tmp_path / "names.lex").write_text("Nguyen = win\n")
    assert main(["say", "--lexicon", str(tmp_path / "names.lex"), "Nguyen's (sighs) cat."]) == 0
    told = capsys.readouterr()
    assert told.out == "Nguyen's cat.\nwin's cat.\nwˈɪnz kˈæt.\n"
    assert told.err == "“(sighs)” is markup that is not spoken, so it was left out.\n"


# -- markup that nobody knows


@pytest.mark.parametrize(
    ("text", "said", "left_out"),
    [
        ("[laugh] Oh well.", "Oh well.", ["[laugh]"]),
        ("It works. [laugh] Great.", "It works. Great.", ["[laugh]"]),
        ("Oh [Laughs] well [laughs].", "Oh well.", ["[Laughs]"]),
        ("Well (sighs), I guess.", "Well, I guess.", ["(sighs)"]),
        ("(in a whisper) Come in.", "Come in.", ["(in a whisper)"]),
        ("(laughing nervously) Come in.", "Come in.", ["(laughing nervously)"]),
        ("*sighs* Come in.", "Come in.", ["*sighs*"]),
        ("<emphasis level='strong'>Really</emphasis>?", "Really?", ["<emphasis>"]),
        ("<laugh/> Come <think>in</think>.", "Come in.", ["<laugh>", "<think>"]),
        ("Hello<|endoftext|>", "Hello", ["<|endoftext|>"]),
        ("This is [cheerful tone] nice.", "This is nice.", ["[cheerful tone]"]),
        ("[door slams] [clears throat] Hi.", "Hi.", ["[door slams]", "[clears throat]"]),
        (
            "1\n00:00:01,000 --> 00:00:03,000\nHi there.\n\n2\n00:00:04,000 --> 00:00:06,000\nBye.",
            "Hi there. Bye.",
            ["-->"],
        ),
        (
            "WEBVTT - Talk\n\n00:01.000 --> 00:03.000 line:0\n<v Mary>Hi there.",
            "Hi there.",
            ["WEBVTT - Talk", "-->", "<v Mary>"],
        ),
    ],
)
def test_markup_is_left_out_and_named_once(text, said, left_out):
    assert words(text) == said
    assert marks(text) == left_out


@pytest.mark.parametrize(
    "text",
    [
        "Read on (see below) and stop.",
        "He [the king] left.",
        "She was upset (crying) and left.",
        "The symptom (cough) goes.",
        "He sang (softly) and left.",
        "He *laughs* all day.",
        "It is (optional) here.",
        "He went [London] then.",
        "He saw my [sister] again.",
        "It rained.[1]",
        "- [x] done",
        "Is 3 < 5 and 7 > 2?",
        "<b>Bold</b> words",
        "We (he laughs when he says it) left.",
    ],
)
def test_prose_in_brackets_is_read(text):
    assert marks(text) == []
    for word in ("below", "king", "upset", "cough", "softly", "laughs", "optional", "London", "sister", "Bold"):
        assert (word in text) == (word in words(text))


def test_a_break_pauses_in_any_text():
    assert [one.written for one in what_is_said('One <break time="300ms"/> two')] == ["One", "[pause 300ms]", "two"]


def test_a_result_names_what_was_left_out(tiny, woman, capsys):
    out = tiny("(sighs) Hi. (sighs) <b>You</b> <wave/>.", voice=woman)
    told = {one["mark"]: one["message"] for one in out["warnings"]}
    assert told.keys() == {"(sighs)", "<wave>"}
    assert "“(sighs)” is markup" in told["(sighs)"]
    chunks = list(tiny.stream("(sighs) Hi. (sighs) <b>You</b> <wave/>.", voice=woman))
    assert [one for chunk in chunks for one in chunk["warnings"]] == out["warnings"]
    assert tiny("Hi.", voice=woman)["warnings"] == []
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == ""
