"""When each word and phoneme is heard: sample counts of the plan, which add up to the sound."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import numpy as np
import pytest

from rtvc.captions import srt, vtt
from rtvc.cli import main
from rtvc.lines import PAUSE_BETWEEN_SENTENCES

TEXT = (
    "It costs $5, or 3 km away. [pause 0.5s] Dr. Smith (sighs) met [Siobhan](/ʃəvˈɔːn/)! And then, they went "
    "to the house of a very old friend, who had waited for them since nine in the morning. [pause 250ms]"
)
OPTIONS = [{}, {"speed": 1.7}, {"speed": 0.4, "pitch": 3.0, "variation": 0.5, "seed": 1}]


@pytest.fixture(scope="module")
def voice(tiny, woman):
    return tiny.enroll(woman)


def check(out) -> None:
    """No gap between phonemes, silence among them; a word is where its phonemes are; all of it is the sound."""
    phonemes, words, rate = out["phonemes"], out["words"], out["sampling_rate"]
    assert phonemes[0]["start"] == 0
    assert all(one["end"] == other["start"] for one, other in pairwise(phonemes))
    assert phonemes[-1]["end"] == out["audio"].size / rate
    assert all(word["end"] <= other["start"] for word, other in pairwise(words))
    starts, ends = ({one[name] for one in phonemes if one["phoneme"]} for name in ("start", "end"))
    assert all(word["start"] in starts and word["end"] in ends for word in words)


@pytest.mark.parametrize("options", OPTIONS)
def test_times_add_up_to_the_sound(tiny, voice, options):
    out = tiny(TEXT, voice=voice, **options)
    check(out)
    assert [word["word"] for word in out["words"][:5]] == ["It", "costs", "$5,", "or", "3 km"]
    assert out["words"][2]["spoken"] == "five dollars"
    assert " ".join(word["word"] for word in out["words"]).endswith("met Siobhan! And then, they went to the house "
        "of a very old friend, who had waited for them since nine in the morning.")  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
def test_a_stream_and_a_batch_tell_the_same(tiny, voice, options):
    whole = tiny(TEXT, voice=voice, **options)
    chunks, heard = list(tiny.stream(TEXT, voice=voice, **options)), 0
    for chunk in chunks:
        end = heard + chunk["audio"].size
        for one in (*chunk["words"], *chunk["phonemes"]):
            assert heard <= one["start"] * chunk["sampling_rate"] < end or one["start"] == one["end"]
        heard = end
    assert len(chunks) > 3
    for name in ("words", "phonemes"):
        assert [one for chunk in chunks for one in chunk[name]] == whole[name]
    other, same = tiny(["Hi.", TEXT], voice=voice, batch_size=3, **options)
    check(other)
    assert same["words"] == whole["words"]


def test_silence_is_silent_and_where_the_times_say(tiny, voice):
    """A pause that the text asks for, and the usual one between sentences, to the sample."""
    out = tiny("One. Two. [pause 0.7s] Three.", voice=voice, watermark=False)
    rate = out["sampling_rate"]
    lines = [tiny(text, voice=voice, watermark=False) for text in ("One.", "Two.", "Three.")]
    starts = [0, lines[0]["audio"].size + round(PAUSE_BETWEEN_SENTENCES * rate)]
    starts.append(starts[1] + lines[1]["audio"].size + round(0.7 * rate))
    for word, line, start in zip(out["words"], lines, starts, strict=True):
        assert word["start"] * rate == pytest.approx(start + line["words"][0]["start"] * rate, abs=1e-6)
        assert word["end"] * rate == pytest.approx(start + line["words"][0]["end"] * rate, abs=1e-6)
    assert not out["audio"][starts[2] - round(0.7 * rate) : starts[2]].any()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Pay $5 now.", [("Pay", "Pay"), ("$5", "five dollars"), ("now.", "now")]),
        ("At 10:30 a.m. it is.", [("At", "At"), ("10:30 a.m.", "ten thirty A M"), ("it", "it"), ("is.", "is")]),
        ("tea - milk & and/or", [("tea -", "tea"), ("milk", "milk"), ("&", "and"), ("and/or", "and or")]),
        ("“Hi”, (she) said 😀", [("“Hi”,", "Hi"), ("(she)", "she"), ("said 😀", "said")]),
        ("“He’s” 50 % & ok", [("“He’s”", "He's"), ("50 %", "fifty percent"), ("&", "and"), ("ok", "ok")]),
        ("STOP IT!", [("STOP", "stop"), ("IT!", "it")]),
        ("the the 2 the", [("the", "the"), ("the", "the"), ("2", "two"), ("the", "the")]),
    ],
)  # fmt: skip
def test_words_are_shown_as_they_were_written(tiny, voice, text, words):
    out = tiny(text, voice=voice)
    assert [(one["word"], one["spoken"]) for one in out["words"]] == words


def test_whatever_rules_make_of_a_text_its_written_words_are_all_there(tiny):
    """The examples of every rule of spoken English: the words joined are the text, each sound is some word's."""
    from rtvc.errors import TextError
    from rtvc.sentences import split_sentences
    from rtvc.spoken import RULES
    from rtvc.words import utterance

    for rule in RULES[::3]:
        for example in rule.examples:
            for sentence in split_sentences(example.split(" → ")[0]):
                try:
                    said = utterance(sentence)
                except TextError:
                    continue
                assert " ".join(word.written for word in said.words) == sentence
                assert {owner for owner in said.owners if owner is not None} == set(range(len(said.words))), sentence
                owners = [owner for owner in said.owners if owner is not None]
                assert owners == sorted(owners), sentence


def test_captions(tiny, voice):
    out = tiny("Hi there & you. " + "This is a long sentence that goes on and on, over the line, and further. " * 2,
               voice=voice, speed=0.5)  # fmt: skip
    stamps = re.findall(r"(\d+):(\d+):(\d+),(\d+)", srt(out))
    moments = [int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000 for h, m, s, ms in stamps]
    times = list(zip(moments[::2], moments[1::2], strict=True))
    assert all(start < end for start, end in times)
    assert all(one[1] <= other[0] + 0.001 for one, other in pairwise(times))
    assert max(map(len, srt(out).splitlines())) <= 42
    assert "Hi there & you." in srt(out)
    assert vtt(out).startswith("WEBVTT\n\n")
    assert re.search(r"\nHi <00:00:0\d\.\d{3}>there <00:00:0\d\.\d{3}>&amp; <", vtt(out))


def test_the_shell_writes_times(tiny_folder, tmp_path, woman, capsys):
    files = {name: tmp_path / f"out.{name}" for name in ("srt", "vtt", "json")}
    options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    call = ["clone", "--model", str(tiny_folder), "--voice", str(woman), "--output", str(tmp_path / "out.wav")]
    assert main([*call, *options, "It costs $5. Really!"]) == 0
    told = json.loads(files["json"].read_text(encoding="utf-8"))
    assert [word["word"] for word in told["words"]] == ["It", "costs", "$5.", "Really!"]
    assert told["phonemes"][-1]["end"] == told["seconds"]
    assert files["srt"].read_text().startswith("1\n00:00:0")
    assert files["vtt"].read_text().startswith("WEBVTT")
    capsys.readouterr()
    assert main([*call, "--srt", str(tmp_path / "missing" / "out.srt"), "Hi."]) == 2
    assert "give a file in a folder that exists" in capsys.readouterr().err


def test_sounds_are_where_the_times_say(bundled, man):
    """With the real model: silence is quiet, vowels are loud."""
    out = bundled("Nice to meet you. [pause 0.4s] It costs $5.", voice=str(man), watermark=False)
    check(out)
    rate, power = out["sampling_rate"], np.square(out["audio"])

    def level(one) -> float:
        return float(power[round(one["start"] * rate) : round(one["end"] * rate)].mean())

    vowels = [level(one) for one in out["phonemes"] if one["phoneme"][:1] == "ˈ"]
    longest = max((one for one in out["phonemes"] if not one["phoneme"]), key=lambda one: one["end"] - one["start"])
    assert np.median(vowels) > 100 * level(longest)
