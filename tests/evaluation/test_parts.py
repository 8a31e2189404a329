"""Parts of an evaluation beside the usual tables: what trips synthesizers, the mark, pictures, changed recordings."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
import soxr
from evaluation_fakes import Loudness

from rtvc import audio
from rtvc.evaluation import marks, renderings, report, robustness, run, tables
from rtvc.evaluation.cases import read_cases
from rtvc.evaluation.session import RATE, Session
from rtvc.evaluation.verification import changed
from rtvc.watermark import THRESHOLD, detect, mark


class Echo(Loudness):
    """Stands in for a recogniser: it hears the same words, whatever is said."""

    name = "echo"

    def __call__(self, wave: np.ndarray) -> str:
        return "see shore"

    def errors(self, wanted: str, heard: str) -> dict[str, int]:
        return {"word_errors": 1, "words": len(wanted.split())}


@pytest.fixture(scope="module")
def cases(tmp_path_factory, woman, man):
    place = tmp_path_factory.mktemp("cases")
    for name, path in (("ann", woman), ("bob", man)):
        soundfile.write(place / f"{name}.wav", audio.read(path)[: 4 * RATE], RATE)
    lines = [f"{name}\t{name}.wav\t{text}\t{name}.wav" for name in ("ann", "bob") for text in ("Hello.", "Good day.")]
    (place / "clone.tsv").write_text("\n".join(["speaker\treference_long\ttext\trecording", *lines]) + "\n")
    return read_cases(place)


@pytest.fixture
def session(tiny, cases, tmp_path):
    return Session(tiny, cases, {"words": Echo(), "naturalness": Loudness()}, tmp_path, bars=False)


def test_lines_are_judged_by_kind_and_shown_worst_first(session, monkeypatch):
    """What sounds the same is right, however it is written: "see shore" is "seeshore"."""
    monkeypatch.setattr(robustness, "LINES", {"same": ["Seeshore!"], "other": ["Four words are said.", "Two words."]})
    found = robustness.robustness(session)
    figures = found["systems"]["rtvc"]["figures"]
    assert figures["same"]["value"] == 0
    assert (figures["other"]["value"], figures["other"]["count"]) == (0.375, 4)
    assert [one["wrong"] for one in found["lines"]] == [0.5, 0.5, 0.25, 0.25, 0, 0]
    assert {one["speaker"] for one in found["lines"]} == {"ann", "bob"}


def test_numbers_are_right_however_a_recogniser_writes_them():
    """ "1, 2, 3" for "One, two, three." was 1000 % of the words wrong: the normaliser reads it as one number."""

    class Writes(Echo):
        def __call__(self, wave: np.ndarray) -> str:
            return "1, 2, 3, 4"

    wave = np.zeros(RATE, np.float32)
    assert robustness.recognised(Writes(), "One, two, three, four.", wave)["wrong"] == 0
    many = Writes()
    many.errors = lambda wanted, heard: {"word_errors": 10, "words": 1}
    assert robustness.recognised(many, "Five.", wave)["wrong"] == 1, "a clip is wrong once"


def test_the_mark_is_counted_and_its_cost_told(session, monkeypatch, speech):
    """Real speech in the clones' place: the mark is found in every marked clip, in no other, also in a crop."""
    monkeypatch.setattr(marks, "CLIPS", 3)
    kept = ("nothing", "a crop of 1 s")
    every = marks.changes
    monkeypatch.setattr(marks, "changes", lambda random: {name: every(random)[name] for name in kept})
    said = itertools.cycle([speech, speech[::-1].copy(), 0.5 * speech])

    def clone(*_, **__) -> dict:
        return {"audio": next(said), "sampling_rate": RATE}

    clone.enroll, clone.model = session.clone.enroll, SimpleNamespace(config=SimpleNamespace(sampling_rate=RATE))
    session.clone = clone
    found = marks.watermark(session)
    for name in kept:
        assert found["systems"]["rtvc"]["figures"][name]["value"] == 1
        none = {"value": 0.0, "low": 0.0, "high": 0.0, "count": 5, "times": [0], "of": [5]}
        assert found["systems"]["unmarked"]["figures"][name] == none
    assert found["scores"]["nothing"]["low"] > THRESHOLD > found["scores"]["nothing"]["highest_unmarked"]
    assert found["cost"]["naturalness"]["count"] == 3
    assert found["cost"]["share_of_time"] > 0


def test_what_a_mark_must_survive_is_what_the_names_say(speech):
    changes = marks.changes(np.random.default_rng(0))
    marked = mark(speech, RATE)
    assert np.array_equal(changes["nothing"](marked), marked)
    assert changes["a crop of 1 s"](marked).size == RATE
    assert np.abs(changes["+6 dB, clipped"](10 * marked)).max() == 1
    noise = changes["noise at 20 dB"](marked) - marked
    assert 10 * np.log10(np.mean(marked**2) / np.mean(noise**2)) == pytest.approx(20, abs=0.2)
    assert all(detect(changes[name](marked)) > THRESHOLD for name in ("MP3 at 64 kbit/s", "8 kHz and back", "-6 dB"))
    assert len(set(marks.lines())) == 224


def test_pictures_of_clones_beside_recordings(session, tmp_path):
    pytest.importorskip("librosa")
    found = renderings.renderings(session)
    assert [one["case"] for one in found] == ["line-2", "line-4"], "a sentence of each speaker"
    for one in found:
        for what in ("clone", "recording"):
            picture = (tmp_path.parent / one[what]).read_text()
            ElementTree.fromstring(picture)
            assert f"{one['case']}, {what}" in picture
            assert "<style>" in picture, "it stands alone, outside of the page's style"


def test_an_embedding_that_hears_the_level_moves_with_it(speech):
    """The cosine is 1 where only the level changed and the encoder does not hear it."""
    spectrum = lambda wave: np.abs(np.fft.rfft(wave[: 32 * 512].reshape(-1, 512), axis=1)).mean(0)  # noqa: E731
    found = changed(spectrum, [speech])
    assert found["20 dB quieter"]["mean"] == pytest.approx(1)
    narrow = soxr.resample(soxr.resample(speech, RATE, RATE // 2), RATE // 2, RATE)
    one, other = spectrum(speech), spectrum(narrow)
    expected = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert found["sampled at 8 kHz"]["lowest"] == pytest.approx(expected, abs=1e-5)
    assert changed(lambda wave: np.array([1.0, wave.std()]), [speech])["20 dB quieter"]["mean"] < 1


def test_parts_that_cannot_be_measured_say_why(tiny, tiny_folder, cases, monkeypatch):
    monkeypatch.setattr(run, "find_spec", lambda name: None)
    parts = ("robustness", "renderings")
    found = run.evaluate(tiny, tiny_folder, cases, run.Company({}), parts, bars=False)
    reasons = {one["what"]: one["why"] for one in found["left_out"]}
    assert reasons["robustness"] == "the judge for words is not here"
    assert reasons["renderings"] == 'it needs librosa and PIL: `pip install ".[evaluate]"`'
    assert "robustness" not in found


def test_tables_of_the_parts(tiny, tiny_folder, cases, monkeypatch, tmp_path):
    monkeypatch.setattr(robustness, "LINES", {"one word": ["No."]})
    monkeypatch.setattr(marks, "CLIPS", 2)
    company = run.Company({"words": Echo(), "naturalness": Loudness()})
    found = run.evaluate(tiny, tiny_folder, cases, company, ("robustness", "watermark"), bars=False)
    trips, mark_table = tables.tables(found)
    assert trips.title == "What trips synthesizers"
    assert "“No.”, ann" in trips.notes[0]
    assert "heard as “see shore”" in trips.notes[0]
    assert mark_table.columns == ["marked clips", "unmarked ones"]
    assert "The mark costs" in mark_table.notes[0]
    text = report.markdown(found)
    assert "Words wrong by echo, one word (%)" in text
    assert "A mark found after: 8 kHz and back (%)" in text
    assert "What trips synthesizers" in report.page(found)
