"""Evaluation: figures against formulas, tables of cases and what is wrong with them."""

from __future__ import annotations

import re
from math import erf, sqrt

import numpy as np
import pytest
from evaluation_fakes import RATE, write, write_cases

from rtvc.errors import EvaluationError
from rtvc.evaluation.cases import read_cases
from rtvc.evaluation.cloning import figures
from rtvc.evaluation.statistics import Trials, bootstrap, mean, pair_counts, ratio, si_sdr, trial_counts
from rtvc.evaluation.tables import Measure
from rtvc.hub.card import in_counts


@pytest.fixture(scope="module")
def folder(tmp_path_factory, woman, man):
    return write_cases(tmp_path_factory.mktemp("cases"), woman, man)


# ---------------------------------------------------------------------------------------------- figures


def test_equal_error_rate_of_normal_scores():
    """Of two normal distributions d apart it is the tail beyond d / 2."""
    random, distance = np.random.default_rng(0), 2.0
    scores = np.concatenate([random.normal(distance, 1, 40_000), random.normal(0, 1, 40_000)])
    trials = Trials(scores, np.arange(80_000) < 40_000)
    rate, threshold = trials.equal_error_rate()
    assert rate == pytest.approx(0.5 * (1 - erf(distance / 2 / sqrt(2))), abs=0.003)
    assert threshold == pytest.approx(distance / 2, abs=0.03)


def test_equal_error_rate_at_the_edges():
    same = np.array([True, True, False, False])
    assert Trials(np.array([4.0, 3.0, 2.0, 1.0]), same).equal_error_rate()[0] == 0
    assert Trials(np.array([1.0, 2.0, 3.0, 4.0]), same).equal_error_rate()[0] == 1
    assert Trials(np.ones(4), same).equal_error_rate()[0] == 0.5, "equal scores cannot be told apart"
    assert Trials(np.ones(4), np.ones(4, bool)).figure([]) is None, "no impostor, no rate"


def test_a_trial_that_counts_twice_is_two_trials():
    random = np.random.default_rng(1)
    scores, same, counts = random.normal(size=60), random.random(60) < 0.4, random.integers(0, 4, 60)
    twice = Trials(np.repeat(scores, counts), np.repeat(same, counts)).equal_error_rate()[0]
    assert Trials(scores, same).equal_error_rate(counts)[0] == pytest.approx(twice)


def test_the_interval_of_a_mean_is_the_textbooks():
    values = np.random.default_rng(2).normal(3, 1, 400)
    figure = mean(values, [str(number) for number in range(400)])
    spread = 1.96 * values.std() / sqrt(400)
    assert figure["value"] == pytest.approx(values.mean())
    assert figure["low"] == pytest.approx(values.mean() - spread, abs=0.02)
    assert figure["high"] == pytest.approx(values.mean() + spread, abs=0.02)


def test_sentences_of_few_speakers_widen_the_interval():
    random = np.random.default_rng(3)
    values = np.repeat(random.normal(size=8), 50) + 0.01 * random.normal(size=400)
    speakers = [str(number // 50) for number in range(400)]
    alone = mean(values, [str(number) for number in range(400)])
    together = mean(values, speakers)
    assert together["high"] - together["low"] > 4 * (alone["high"] - alone["low"])
    assert mean(values, speakers) == together, "the same each time"
    counts = bootstrap(tuple(speakers)).counts
    assert (counts.sum(1) == 400).all()


def test_a_ratio_leaves_out_what_was_not_scored():
    figure = ratio([1, None, 3, float("nan")], [10, 10, 10, 10], list("aabb"))
    assert (figure["value"], figure["count"]) == (0.2, 2)
    assert ratio([None], [1], ["a"]) is None
    assert ratio([0], [0], ["a"]) is None


def test_pairs_count_as_often_as_both_speakers_were_drawn():
    speakers = np.array(["a", "a", "b", "c"])
    first, second = np.triu_indices(4, 1)
    for counts in pair_counts(speakers, first, second, draws=20):
        a_a, a_b, a_c, b_c = counts[0], counts[1], counts[2], counts[5]
        assert a_b * a_c == a_a**2 * b_c, "each is a product of how often its speakers came"


def test_reference_speakers_are_drawn_with_their_clones():
    """A trial of two people counts as both were drawn; of one person's clone and reference, as the clone was."""
    groups, names = ("a", "a", "b"), ("a", "b", "c")
    draws = bootstrap(groups, names, draws=50)
    assert draws.names == names, "also who has no clones"
    for counts, times, items in zip(trial_counts(draws, groups, names), draws.times, draws.counts, strict=True):
        for item, group in enumerate(groups):
            expected = [items[item] * (1 if name == group else times[names.index(name)]) for name in names]
            assert counts[item].tolist() == expected


def test_the_interval_of_strangers_is_of_other_references_too():
    """Scores that differ by reference speaker alone: drawn by clones only, the interval would have no width."""
    names = [str(number) for number in range(12)]
    rows = [{"speaker": one, "campplus": {other: int(other) / 12 for other in names}} for one in names]
    found = figures([row | {"seconds": 1.0} for row in rows])["campplus_stranger"]
    assert found["value"] == pytest.approx(np.mean([int(name) / 12 for name in names]))
    assert found["high"] - found["low"] > 0.2
    assert found["low"] < found["value"] < found["high"]


def test_rates_are_told_in_counts_and_no_finer_than_they_were_counted():
    """ "0.278 %" of 36 clones was three digits of nothing: one of 180 impostors was accepted and no clone refused."""
    scores, same = np.r_[np.full(36, 2.0), np.full(180, 1.0)], np.arange(216) < 36
    assert Trials(scores, same).figure([])["times"] == [0, 0]
    scores[-1] = 2.0
    figure = Trials(scores, same).figure([])
    assert (figure["times"], figure["of"]) == ([0, 1], [36, 180])
    assert figure["value"] == pytest.approx(0.5 / 180)
    percent = Measure("error", "error", "", "%", 100)
    assert percent.shown(figure)["value"] == 0
    assert in_counts(percent.shown(figure)) == "0 of 36, 1 of 180"
    words = ratio([14, 1], [400, 12], ["a", "b"], counted=True)
    assert (percent.shown(words)["value"], in_counts(words)) == (3.6, "15 of 412")
    assert percent.shown({"value": 0.12345, "low": None, "high": None})["value"] == 12.3, "not counted"


def test_si_sdr_of_known_noise():
    random = np.random.default_rng(4)
    clean, noise = random.standard_normal((2, RATE))
    clean, noise = clean - clean.mean(), noise - noise.mean()
    noise -= (noise @ clean) / (clean @ clean) * clean
    noise *= np.linalg.norm(clean) / np.linalg.norm(noise) * 10 ** (-12 / 20)
    assert si_sdr(clean, clean + noise) == pytest.approx(12)
    assert si_sdr(clean, 0.1 * (clean + noise)) == pytest.approx(12), "however loud"
    assert si_sdr(clean, clean) > 100


# ---------------------------------------------------------------------------------------------- cases


def test_tables_are_read(folder):
    cases = read_cases(folder)
    assert [len(table) for table in (cases.clone, cases.enhance, cases.verify)] == [4, 2, 6]
    assert cases.clone[0].text == 'He said "Yes.', "a quote is a character"
    assert cases.clone[0].references == {"long": folder / "ann.wav"}
    assert (cases.clone[0].case, cases.clone[0].recording_speaker) == ("line-2", "ann")
    assert cases.left_out == {}


def test_a_limit_leaves_cases_of_every_kind(folder):
    cases = read_cases(folder, 2)
    assert [case.speaker for case in cases.clone] == ["ann", "bob"]
    assert len(cases.enhance) == 2
    assert [case.speaker for case in cases.verify] == ["ann"] * 3 + ["bob"] * 3, "trials need several of each"


def test_tables_that_are_not_there_are_named(folder, tmp_path):
    (tmp_path / "ann.wav").write_bytes((folder / "ann.wav").read_bytes())
    write(tmp_path / "verify.tsv", "file\tspeaker", "ann.wav\tann")
    cases = read_cases(tmp_path)
    assert cases.left_out == {"clone": "there is no clone.tsv", "enhance": "there is no enhance.tsv"}
    assert len(cases.verify) == 1


WRONG = {
    "holds no cases": ["file\tspeaker"],
    "lacks the column speaker": ["file", "a.wav"],
    "Line 2 of verify.tsv has 1 columns": ["file\tspeaker", "a.wav"],
    "Line 2 of verify.tsv has no speaker": ["file\tspeaker", "a.wav\t "],
    "“b.wav”, which does not exist": ["file\tspeaker", "a.wav\tann", "b.wav\tann"],
    "lie in the folder": ["file\tspeaker", "../a.wav\tann"],
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_with_a_table(words, tmp_path):
    (tmp_path / "a.wav").touch()
    write(tmp_path / "verify.tsv", *WRONG[words])
    with pytest.raises(EvaluationError, match=re.escape(words)) as caught:
        read_cases(tmp_path)
    assert str(caught.value).endswith(".")


def test_what_is_no_folder_of_cases(tmp_path):
    for place, words in ((tmp_path / "missing", "does not exist"), (tmp_path, "holds no clone.tsv")):
        with pytest.raises(EvaluationError, match=words):
            read_cases(place)
    (tmp_path / "clone.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvaluationError, match="UTF-8"):
        read_cases(tmp_path)
