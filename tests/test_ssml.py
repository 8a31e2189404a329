"""A small SSML works, and a hostile document is refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from rtvc import TextError
from rtvc.say import what_is_said


def words(inner: str) -> list[str]:
    return [sentence.words or sentence.written for sentence in what_is_said(f"<speak>{inner}</speak>")]


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ("Hello &amp; goodbye.", ["Hello and goodbye."]),
        ("<p><s>One</s><s>two</s></p><p>three</p>", ["One", "two", "[pause 0.5s]", "three"]),
        ('One<break time="250ms"/>two<break strength="none"/>.', ["One", "[pause 250ms]", "two", "[pause 0s]", "."]),
        ('The <sub alias="World Wide Web">WWW</sub>!', ["The World Wide Web!"]),
        ('<say-as interpret-as="characters">aB3</say-as>', ["A B three"]),
        ('<say-as interpret-as="digits">1984</say-as>', ["one nine eight four"]),
        ('<say-as interpret-as="date" format="dmy">5/6/2024</say-as>', ["June fifth, twenty twenty four"]),
        ('<say-as interpret-as="date" format="mdy">5/6/2024</say-as>', ["May sixth, twenty twenty four"]),
        ('<say-as interpret-as="date">2024-03-05</say-as>', ["March fifth, twenty twenty four"]),
        ('<say-as interpret-as="date" format="my">12/2024</say-as>', ["December twenty twenty four"]),
        ('<say-as interpret-as="time">2:30pm</say-as>', ["two thirty P M"]),
        ('<say-as interpret-as="telephone">+1 555-0100</say-as>', ["plus one, five five five, zero one zero zero"]),
        ('<say-as interpret-as="ordinal">21</say-as>', ["twenty first"]),
        ("<desc>not this</desc>But <w>this</w>.", ["But this."]),
    ],
)
def test_what_is_said(inner, said):
    assert words(inner) == said


def test_a_phoneme_is_said_as_it_is_written():
    (one,) = what_is_said('<speak><phoneme alphabet="ipa" ph="ʃəˈvɔːn">Siobhan</phoneme> left.</speak>')
    assert one == ("Siobhan left.", "Siobhan left.", "ʃəvˈɔn lˈɛft.")
    with pytest.raises(TextError, match="“€” in the pronunciation"):
        what_is_said('<speak><phoneme ph="€">Siobhan</phoneme></speak>')


def test_the_words_of_a_result_are_those_that_were_written(tiny, woman):
    out = tiny('<speak>The <sub alias="World Wide Web">WWW</sub> is <emphasis>big</emphasis>.</speak>', voice=woman)
    assert [one["word"] for one in out["words"]] == ["The", "WWW", "is", "big."]
    assert out["words"][1]["spoken"] == "World Wide Web"
    assert [one["mark"] for one in out["warnings"]] == ["<emphasis>"]


def test_prosody_changes_rate_and_pitch(tiny, woman):
    voice = tiny.enroll(woman)

    def say(text: str, **options) -> np.ndarray:
        return tiny(text, voice=voice, watermark=False, **options)["audio"]

    for attribute, speed in (("50%", 0.5), ("2", 2.0), ("x-fast", 2.0), ("-20%", 0.8), ("+50%", 1.5)):
        told = say(f'<speak><prosody rate="{attribute}">I will be there.</prosody></speak>')
        assert np.array_equal(told, say("I will be there.", speed=speed)), attribute
    told = say('<speak><prosody pitch="+3st">Hi <prosody pitch="+1st">you</prosody></prosody></speak>', pitch=1.0)
    assert np.array_equal(told, np.concatenate([say("Hi", pitch=4.0), say("you", pitch=5.0)]))
    told = say('<speak><prosody rate="fast"><prosody rate="x-fast">Hi.</prosody></prosody></speak>', speed=4.0)
    assert np.array_equal(told, say("Hi.", speed=4.0)), "no faster than a call may ask for"


def test_in_a_batch_each_line_has_its_own_prosody(tiny, woman):
    voice = tiny.enroll(woman)
    texts = ['<speak>One. <prosody rate="slow">Two.</prosody></speak>', "Three. Four."]
    for told, text in zip(tiny(texts, voice=voice, batch_size=3), texts, strict=True):
        assert told["audio"].size == tiny(text, voice=voice)["audio"].size
        assert told["words"] == tiny(text, voice=voice)["words"]


def test_a_document_that_comes_in_pieces(tiny, woman):
    text = '<?xml version="1.0"?>\n<speak version="1.0" xml:lang="en">Hi there. <s>How are <break/> you?</s></speak>'
    chunks = list(tiny.stream((text[place : place + 7] for place in range(0, len(text), 7)), voice=woman))
    assert [one["word"] for chunk in chunks for one in chunk["words"]] == ["Hi", "there.", "How", "are", "you?"]


BOMB = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (f'<!DOCTYPE speak [<!ENTITY a0 "ha">{BOMB}]><speak>&a9;</speak>', "SSML with a DOCTYPE is not read"),
        (
            '<?xml version="1.0"?><!DOCTYPE s [<!ENTITY f SYSTEM "file:///etc/passwd">]><speak>&f;</speak>',
            "SSML with a DOCTYPE",
        ),
        ("<speak>&nbsp;Hi</speak>", "undefined entity"),
        ("<speak>Hi", "not well-formed"),
        ("<speak>Hi</speak><speak>Hi</speak>", "not well-formed"),
        ("<speak>" + "<s>" * 100 + "x" + "</s>" * 100 + "</speak>", "more than 50 elements"),
        ("<speak>" + "a " * 200_000 + "</speak>", "more than 200,000"),
        ("<speak>\ud800</speak>", "no text"),
        ("<speak/>", "empty"),
        ('<speak>Hi<break time="60s"/></speak>', "at most 10 seconds"),
    ],
)
def test_hostile_documents_are_refused_in_one_sentence(tiny, woman, document, problem):
    with pytest.raises(TextError, match=problem) as refused:
        tiny(document, voice=woman)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200
