"""What Speech Dispatcher wants said is said, all of it, and index marks are heard where they stand."""

from __future__ import annotations

import numpy as np
import pytest

from rtvc.say import what_is_said
from rtvc.speechd import message
from rtvc.speechd.speaking import speak

DAEMONS = '<speak>Dr.<mark name="__spd_0"/> Smith costs $5.<mark name="__spd_1"/> Is it?</speak>'


def words_of(said: message.Message) -> str:
    return " ".join(sentence.words.lower() for sentence in what_is_said(said.document))


def heard(clone, said: message.Message, voice) -> tuple[dict[str, int], np.ndarray]:
    """The sample at which each mark is heard, and the sound."""
    marks, pieces, samples = {}, [], 0
    for piece in speak(clone, said, voice=voice):
        if isinstance(piece, str):
            marks[piece] = samples
        else:
            pieces.append(piece)
            samples += piece.size
    return marks, np.concatenate(pieces) if pieces else np.zeros(0)


@pytest.fixture(scope="module")
def voice(tiny, woman):
    return tiny.enroll(woman)


def test_marks_are_heard_where_their_words_begin_and_their_sentences_end(tiny, voice):
    """As Orca sets them, before words, and as the daemon does, behind sentences."""
    text = '<mark name="0:5"/>Hello <mark name="6:9"/>3 km, <mark name="11:16"/>there. <mark name="17:20"/>And you?'
    marks, _ = heard(tiny, message.of_text(f'<speak>{text}<mark name="end"/></speak>'), voice)
    plain = tiny("Hello 3 km, there. And you?", voice=voice)
    starts = {word["word"]: round(word["start"] * plain["sampling_rate"]) for word in plain["words"]}
    expected = {"0:5": "Hello", "6:9": "3 km,", "11:16": "there.", "17:20": "And"}
    end = round(plain["words"][-1]["end"] * plain["sampling_rate"])
    assert marks == {name: starts[word] for name, word in expected.items()} | {"end": end}
    marks, sound = heard(tiny, message.of_text(DAEMONS), voice)
    plain = tiny("Dr. Smith costs $5. Is it?", voice=voice)
    ends = {word["word"]: round(word["end"] * plain["sampling_rate"]) for word in plain["words"]}
    assert marks == {"__spd_0": ends["Dr."], "__spd_1": ends["$5."]}
    assert np.array_equal(sound, plain["audio"]), "marks change nothing in the sound"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("<speak>(sighs) [laugh] *nods* [pause 2s] [the docs](/docs/x)</speak>", "sighs laugh nods pause docs"),
        ("<speak>if a &lt; b &amp;&amp; &lt;blink&gt; &lt;/p&gt; then</speak>", "blink p then"),
        ("<speak>Not <b>closed &nbsp; and <mark name='x'/>more", "not closed and more"),
        ("no elements at all & more", "no elements at all and more"),
        ("<!DOCTYPE speak [<!ENTITY a 'evil'>]><speak>kind words</speak>", "kind words"),
        ("<speak>a form\x0cfeed and\x00 zero</speak>", "a form feed and zero"),
        ("<speak xmlns='http://www.w3.org/2001/10/synthesis' xml:lang='en'>Hello <s>there</s></speak>", "hello there"),
        ("<speak>" + "<s>" * 20 + "Deep" + "</s>" * 20 + "</speak>", "deep"),
    ],
)
def test_what_stands_on_the_screen_is_read(document, words):
    """A text's brackets are no stage directions here, and no broken element takes words along."""
    said = words_of(message.of_text(document))
    assert [word for word in words.split() if word not in said.replace(",", " ").split()] == []


def test_marks_of_broken_documents_are_kept():
    said = message.of_text("<speak>One & <i>two.<mark name=\"__spd_0\"/> Three <mark name='a&amp;b'/>four")
    assert [(mark.name, mark.leans_back) for mark in said.marks] == [("__spd_0", True), ("a&b", False)]


def test_a_sentence_that_cannot_be_spoken_takes_no_other_along(tiny, voice):
    """The words behind it, and the marks in it, are heard."""
    text = '<speak>Hello there. <mark name="a"/>Привет всем. <mark name="b"/>Good <mark name="c"/>bye.</speak>'
    marks, sound = heard(tiny, message.of_text(text), voice)
    assert list(marks) == ["a", "b", "c"]
    parts = [tiny(words, voice=voice) for words in ("Hello there.", "Cyrillic text", "Good bye.")]
    *before, last = (part["audio"].size for part in parts)
    starts = [round(word["start"] * parts[2]["sampling_rate"]) for word in parts[2]["words"]]
    assert sound.size == sum(before) + last
    assert [marks["b"], marks["c"]] == [sum(before) + start for start in starts]


def test_nothing_to_say_is_silence_with_its_marks(tiny, voice):
    marks, sound = heard(tiny, message.of_text('<speak> - - - - <mark name="x"/></speak>'), voice)
    assert (marks, sound.size) == ({"x": 0}, 0)


@pytest.mark.parametrize(
    ("character", "words"),
    [
        ("a", "a"),
        ("7", "seven"),
        (" ", "space"),
        ("?", "question mark"),
        ("»", "right pointing double angle quotation mark"),
        ("<", "less than sign"),
        ("&", "and"),
        ("\n", "new line"),
    ],
)
def test_characters_have_names(character, words):
    assert words_of(message.of_characters(character)).replace("-", " ") == words


def test_capitals_keys_and_spelling():
    assert words_of(message.of_characters("B", say_capital=True)).startswith("capital b")
    assert words_of(message.of_key("control_alt_x")).split() == ["control", "alt", "x"]
    assert words_of(message.of_key("_")) == "underscore"
    spelled = words_of(message.of_text("<speak>a1 &lt;</speak>", spelled=True))
    assert spelled.split()[:2] == ["a", "one"]
