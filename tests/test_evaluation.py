"""Evaluation: figures against formulas, tables and what is wrong with them, judges that are not there, the report."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from math import erf, sqrt
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
import torch

from rtvc import audio
from rtvc.cli import main
from rtvc.errors import CheckpointError, EvaluationError
from rtvc.evaluation import judges, plots, report, run, tables
from rtvc.evaluation.cases import read_cases
from rtvc.evaluation.judges.base import Judge
from rtvc.evaluation.statistics import Trials, bootstrap, mean, pair_counts, ratio, si_sdr

ROOT = Path(__file__).parents[1]
RATE = 16_000


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
    counts = bootstrap(tuple(speakers))
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory, woman, man) -> Path:
    """Cases of two speakers: four sentences, two noisy recordings, three recordings each to tell apart."""
    place, random = tmp_path_factory.mktemp("cases"), np.random.default_rng(0)
    lines, pairs, trials = [], [], []
    for name, path in (("ann", woman), ("bob", man)):
        wave = audio.read(path)[: 5 * RATE]
        soundfile.write(place / f"{name}.wav", wave, RATE)
        soundfile.write(place / f"{name}-noisy.wav", wave + 0.02 * random.standard_normal(wave.size), RATE)
        lines += [f"{name}\t{name}.wav\t{text}\t{name}.wav" for text in ('He said "Yes.', "Good morning.")]
        pairs.append(f"{name}-noisy.wav\t{name}.wav\thiss\t10")
        for number, part in enumerate(np.array_split(wave, 3)):
            soundfile.write(place / f"{name}-{number}.wav", part, RATE)
            trials.append(f"{name}-{number}.wav\t{name}")
    write(place / "clone.tsv", "speaker\treference_long\ttext\trecording", *lines)
    write(place / "enhance.tsv", "noisy\tclean\tnoise\tsnr_db", *pairs)
    write(place / "verify.tsv", "file\tspeaker", *trials)
    return place


def write(path: Path, *lines: str) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


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


# ---------------------------------------------------------------------------------------------- judges


def test_judges_that_are_not_there_are_missing(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(judges.base, "find_spec", lambda name: real(name) if name in ("librosa", "torch") else None)
    with pytest.raises(EvaluationError, match=r"pip install rtvc\[evaluate\]"):
        judges.gather()
    monkeypatch.setattr(judges, "ROLES", {"words": "words:Whisper", "silence": f"{__name__}:Silence"})
    monkeypatch.setattr(judges, "import_module", lambda name: sys.modules[__name__ if "silence" in name else name])
    with pytest.raises(EvaluationError, match="none of"):
        judges.gather(chosen={"none of these": "x"})


class Loudness(Judge):
    """Stands in for predictors of opinion: the level."""

    name, measures, weights, licence = "level", "dB", "none", "MIT"

    def __call__(self, wave: np.ndarray) -> float:
        return float(20 * np.log10(np.sqrt(np.mean(wave**2)) + 1e-6))


class Distance(Loudness):
    """Stands in for PESQ and eSTOI."""

    name = "distance"

    def __call__(self, clean: np.ndarray, made: np.ndarray) -> float:
        return float(np.mean((clean - made) ** 2))


class Spectrum(Loudness):
    """Stands in for speaker encoders: the mean spectrum."""

    name = "spectrum"

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        return np.abs(np.fft.rfft(wave[: wave.size // 512 * 512].reshape(-1, 512), axis=1)).mean(0)


class Deaf(Loudness):
    """Stands in for a recogniser: hears the first word only."""

    name = "deaf"

    def __call__(self, wave: np.ndarray) -> str:
        return "<b>good"

    def errors(self, wanted: str, heard: str) -> dict[str, int]:
        words = len(wanted.split())
        return {"word_errors": words - 1, "words": words, "character_errors": 1, "characters": len(wanted)}


FAKES = {"words": Deaf, "naturalness": Loudness, "dnsmos": Loudness, "likeness": Spectrum}
FAKES |= {"pesq": Distance, "estoi": Distance}


def others() -> run.Company:
    fakes = {role: kind() for role, kind in FAKES.items()}
    voice = {"machine": lambda text: (np.sin(np.arange(RATE) / 20).astype(np.float32), RATE)}
    halved = {"halved": lambda wave: wave / 2}
    return run.Company(fakes, voice, halved, {"the judge for second": "it is not here"})


def test_a_second_judge_from_a_folder(tmp_path):
    code = """
import torch
def log_mel(wave):
    return wave[:, None, :1000]
class SpeakerJudge(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.out = torch.nn.Linear(1000, 4)
    def forward(self, features):
        return self.out(features[:, 0])
"""
    pytest.importorskip("librosa")
    from rtvc.evaluation.judges.second import Second

    with pytest.raises(judges.MissingJudge, match="--judges"):
        Second(tmp_path)
    from safetensors.torch import save_file

    (tmp_path / "weights").mkdir()
    (tmp_path / "speaker_judge.py").write_text(code)
    save_file(
        {"out.weight": torch.ones(4, 1000), "out.bias": torch.zeros(4)}, tmp_path / "weights/speaker_judge.safetensors"
    )
    assert Second(tmp_path)(np.full(2000, 0.5, np.float32)).tolist() == [1000.0] * 4


WAV2VEC2 = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
WAV2VEC2 |= {"conv_dim": (8, 8), "conv_stride": (10, 16), "conv_kernel": (20, 16), "num_feat_extract_layers": 2}
WAV2VEC2 |= {"num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2}


def test_a_recogniser_from_transformers_files(tmp_path, speech):
    pytest.importorskip("whisper_normalizer")
    pytest.importorskip("jiwer")
    from transformers import Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    from rtvc.evaluation.judges.hub import HubWords

    (tmp_path / "vocab.json").write_text(json.dumps({"<pad>": 0, "<unk>": 1, "|": 2, "a": 3, "b": 4}))
    Wav2Vec2CTCTokenizer(str(tmp_path / "vocab.json"), bos_token=None, eos_token=None).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    torch.manual_seed(0)
    Wav2Vec2ForCTC(Wav2Vec2Config(**WAV2VEC2, vocab_size=5)).save_pretrained(tmp_path)
    judge = HubWords(str(tmp_path))
    assert isinstance(judge(speech), str)
    assert judge.errors("Hello there.", "hello")["word_errors"] == 1


def test_judges_from_transformers_files(tmp_path, speech):
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForXVector

    xvector = {"tdnn_dim": (8, 8), "tdnn_kernel": (3, 1), "tdnn_dilation": (1, 1), "xvector_output_dim": 6}
    torch.manual_seed(0)
    Wav2Vec2ForXVector(Wav2Vec2Config(**WAV2VEC2, **xvector)).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    from rtvc.evaluation.judges.hub import HubSpeaker

    judge = HubSpeaker(str(tmp_path))
    assert judge(speech).shape == (6,)
    assert "licence" in judge.about()
    with pytest.raises(EvaluationError, match="cannot be loaded"):
        HubSpeaker(str(tmp_path / "missing"))


def test_the_usual_judges_where_they_are_installed(speech):
    found, missing = judges.gather() if importlib.util.find_spec("jiwer") else ({}, {})
    if not {"words", "naturalness", "likeness", "pesq"} <= set(found):
        pytest.skip("the judges are not installed")
    assert "second" in missing
    noisy = speech + 0.02 * np.random.default_rng(0).standard_normal(speech.size).astype(np.float32)
    assert found["naturalness"](speech) > found["naturalness"](noisy)
    assert found["pesq"](speech, speech) > 4.5 > found["pesq"](speech, noisy)
    assert found["words"].errors("Hello, Mr. Smith!", "hello mister smyth") == {
        "word_errors": 1,
        "words": 3,
        "character_errors": 1,
        "characters": 18,
    }
    assert found["words"].errors("[pause 1s]", "hm") == {}


# ---------------------------------------------------------------------------------------------- the whole


@pytest.fixture(scope="module")
def results(folder, tiny, tiny_folder, tmp_path_factory) -> tuple[dict, Path]:
    place = tmp_path_factory.mktemp("reports") / "report"
    with report.written(place) as made, pytest.MonkeyPatch.context() as patched:
        patched.setattr(run.marks, "CLIPS", 6)
        patched.setattr(run.robustness, "LINES", {"one letter": ["A."], "one word": ["Good.", "No."]})
        found = run.evaluate(tiny, tiny_folder, read_cases(folder), others(), clips=made / report.CLIPS, bars=False)
        report.write(found, made)
    return found, place


def test_everything_is_measured_or_named(results):
    found, place = results
    assert json.loads((place / "results.json").read_text()) == found
    assert set(run.PARTS) <= set(found), "all parts"
    assert found["left_out"] == [{"what": "the judge for second", "why": "it is not here"}]
    assert found["cases"]["clone"] == {"cases": 4, "speakers": 2, "reference_long_s": 4.97}
    systems = found["cloning"]["systems"]
    assert list(systems) == ["rtvc", "recordings", "machine"], "no short reference was given"
    figures = systems["rtvc"]["figures"]
    assert figures["wer"] == {"value": 0.6, "low": 0.5, "high": 0.66667, "count": 4}
    assert not [name for name in figures if name.startswith("second")], "what is missing is not guessed"
    assert {"cer", "naturalness", "dnsmos", "likeness_cosine", "likeness_error", "likeness_right", "rtf"} <= set(
        figures
    )
    assert systems["recordings"]["figures"]["likeness_cosine"]["value"] == pytest.approx(1, abs=1e-3)
    assert set(systems["rtvc"]["speakers"]) == {"ann", "bob"}
    assert {"case", "speaker", "text", "heard", "likeness", "clip", "seconds"} <= set(systems["rtvc"]["sentences"][0])
    assert [(one["snr_db"], one["cleaned"]) for one in found["noise"][:3]] == [
        (None, False),
        (None, True),
        (20.0, False),
    ]
    assert len(found["noise"]) == 12
    assert set(found["enhancement"]["systems"]) == {"noisy", "rtvc", "rtvc, clean in", "halved"}
    assert found["enhancement"]["systems"]["halved"]["figures"]["gain"]["value"] == pytest.approx(0, abs=1e-3)
    assert set(found["verification"]["systems"]) == {"rtvc", "spectrum"}
    assert found["speed"]["first_sound_ms"] > 0
    assert found["model"]["parameters"] > 1000


def test_the_same_figures_each_time(results, folder, tiny, tiny_folder):
    parts = ("enhancement", "verification")
    again = run.evaluate(tiny, tiny_folder, read_cases(folder), others(), parts, bars=False)
    assert again["verification"] == results[0]["verification"]
    timed = ("spent", "rtf", "clip")
    for name, system in again["enhancement"]["systems"].items():
        before = results[0]["enhancement"]["systems"][name]
        for one, other in zip(system["pairs"], before["pairs"], strict=True):
            assert {k: v for k, v in one.items() if k not in timed} == {
                k: v for k, v in other.items() if k not in timed
            }
    reasons = {one["what"]: one["why"] for one in again["left_out"]}
    assert reasons["cloning"] == "it was not asked for"


class Page(HTMLParser):
    """Tags that need an end, and every address."""

    def __init__(self):
        super().__init__()
        self.open, self.addresses = [], []

    def handle_starttag(self, tag, attributes):
        self.addresses += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_needs_nothing_but_itself(results):
    _, place = results
    text = (place / "index.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.addresses
    assert all((place / address).is_file() for address in page.addresses)
    assert "http" not in text
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text
    assert "&lt;b&gt;good" in text
    assert "<b>" not in text
    svgs = re.findall(r"<svg.*?</svg>", text)
    assert len(svgs) >= 6
    for svg in svgs:
        ElementTree.fromstring(svg)


def test_the_report_in_markdown(results):
    found, place = results
    text = (place / "report.md").read_text(encoding="utf-8")
    for words in ("Word error rate, deaf (%)", "60 (50 … 66.7)", "machine", "−5 dB", "the judge for second: it is not"):
        assert words in text
    names = [table.name for table in tables.tables(found)]
    assert names == ["clone", "noise", "enhance", "verify", "speed", "robustness", "watermark"]
    assert report.headline(found).startswith("Word error rate, deaf 60 %; ")


def test_what_a_card_keeps(results, tiny_folder, tmp_path):
    """The tables of a report become evaluations of the model's card."""
    import shutil

    from rtvc.card import card, write_evaluation

    model = shutil.copytree(tiny_folder, tmp_path / "model")
    shutil.rmtree(model / "evaluation", ignore_errors=True)
    about = {"dataset": {"name": "four", "hub": ["a/b"]}, "command": "c", "machine": "m", "date": "2026-01-31"}
    about["left_out"] = [*results[0]["left_out"], {"what": "machine", "why": "another evaluation has it"}]
    for table in tables.tables(results[0]):
        write_evaluation(model, table.name, **table.evaluation(), **about)
    text = str(card(model))
    assert "| Word error rate, deaf (%) | 60 (50 … 66.7) |" in text
    assert "| rtvc, 5 s | recordings | machine |" in text
    assert "Weakest: hiss at 10 dB" in text
    assert text.count("Not measured here: the judge for second.") == 1
    row = next(line for line in text.splitlines() if line.startswith("| Likeness, cosine by spectrum |"))
    assert row.count("…") >= 2, "the other columns have their intervals too"
    file = model / "evaluation" / "clone.json"
    kept = json.loads(file.read_text())
    assert {"value", "low", "high"} == set(kept["metrics"][0]["compared"]["recordings"])
    assert kept["left_out"] == about["left_out"]
    kept["metrics"][0]["compared"]["recordings"] = 12.5  # as earlier files have it
    del kept["left_out"], kept["settings"]
    file.write_text(json.dumps(kept))
    assert "| 60 (50 … 66.7) | 12.5 |" in str(card(model))


def test_figures_of_another_calibration_are_said_to_be(results, tiny_folder, tmp_path):
    """The weights alone do not make the sound: `timbre_emphasis` stands in config.json."""
    import shutil

    from rtvc.card import card, write_evaluation
    from rtvc.evaluation.card import check

    model = shutil.copytree(tiny_folder, tmp_path / "model")
    shutil.rmtree(model / "evaluation", ignore_errors=True)
    about = {"dataset": {"name": "four", "hub": ["a/b"]}, "command": "c", "machine": "m", "date": "2026-01-31"}
    write_evaluation(model, "clone", **tables.tables(results[0])[0].evaluation(), **about)
    assert "Measured with" not in str(card(model))
    check(model, results[0]["model"])
    file = model / "config.json"
    changed = json.loads(file.read_text()) | {"timbre_emphasis": 0.25}
    file.write_text(json.dumps(changed))
    assert "**Measured with another calibration (config.json) than this one.**" in str(card(model))
    with pytest.raises(SystemExit, match="calibrated anew"):
        check(model, results[0]["model"])
    check(model, {"weights": results[0]["model"]["weights"]})  # of earlier results nothing more is known


def test_pairs_without_noise(tiny, tiny_folder, folder, tmp_path):
    """Nothing to gain, and no noise to put into references."""
    (tmp_path / "ann.wav").write_bytes((folder / "ann.wav").read_bytes())
    write(tmp_path / "enhance.tsv", "noisy\tclean", "ann.wav\tann.wav")
    write(tmp_path / "clone.tsv", "speaker\treference_long\ttext", "ann\tann.wav\tHello.")
    found = run.evaluate(tiny, tiny_folder, read_cases(tmp_path), others(), ("noise", "enhancement"), bars=False)
    assert [one["snr_db"] for one in found["noise"]] == [None, None]
    assert "gain" not in found["enhancement"]["systems"]["rtvc"]["figures"]
    assert "likeness_error" not in found["noise"][0]["figures"], "one speaker has no impostors"
    assert "Weakest" not in report.markdown(found)
    assert "<svg" in report.page(found)


def test_recordings_that_make_no_pair_or_no_impostor(tiny, tiny_folder, folder, tmp_path):
    """One alone is refused before anything is measured; all of one person give no rate, and a report all the same."""
    for name in ("ann-0.wav", "ann-1.wav"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    write(tmp_path / "verify.tsv", "file\tspeaker", "ann-0.wav\tann")
    parts = ("verification",)
    with pytest.raises(EvaluationError, match="two recordings or more"):
        run.evaluate(tiny, tiny_folder, read_cases(tmp_path), others(), parts, bars=False)
    write(tmp_path / "verify.tsv", "file\tspeaker", "ann-0.wav\tann", "ann-1.wav\tann")
    found = run.evaluate(tiny, tiny_folder, read_cases(tmp_path), others(), parts, bars=False)
    assert found["verification"]["systems"]["rtvc"]["figures"] == {}
    assert "Who is speaking" in report.markdown(found)
    assert "Who is speaking" in report.page(found)


def test_plots_of_little(tmp_path):
    figure = {"value": 1.0, "low": None, "high": None, "count": 1}
    for svg in (
        plots.curve("a < b", ["here"], {"one": [figure], "none": [None]}),
        plots.ranges("r", {"one": figure, "none": None}),
        plots.scatter("s", "x", [(1.0, 2.0, "what & what")]),
    ):
        ElementTree.fromstring(svg)
    scale = plots.Scale([0.12, 0.87], 0, 100)
    assert scale.ticks() == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert (scale(0.0), scale(1.0)) == (0, 100)


# ---------------------------------------------------------------------------------------------- the command


@pytest.fixture
def evaluate(folder, tiny_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rtvc.cli.hush", lambda: None)
    monkeypatch.setattr(run, "company", lambda place, chosen: others())

    def call(*arguments: str) -> tuple[int, str, str]:
        given = ["--model", str(tiny_folder), "--cases", str(folder), "--output", "report", *arguments]
        code = main(["evaluate", *given])
        return code, *capsys.readouterr()

    return call


def test_the_command(evaluate, tmp_path):
    code, out, err = evaluate("--only", "verification", "enhancement", "--limit", "2")
    assert code == 0
    assert out.startswith("report: SI-SDR gain")
    assert "the judge for second is left out: it is not here" in err
    assert "not asked for" not in err
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [
        "clips",
        "index.html",
        "report.md",
        "results.json",
    ]
    assert evaluate("--only", "verification")[0] == 0, "an earlier report gives way to a new one"
    assert not list((tmp_path / "report" / "clips").iterdir())


def test_what_the_command_refuses(evaluate, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    wrong = {
        "holds something else": ["--output", "full"],
        "folder above": ["--output", "missing/report"],
        "nothing to measure": ["--only", "beauty"],
        "write ROLE=MODEL": ["--judge", "words"],
        "cases “missing”": ["--cases", "missing"],
        "whole number": ["--limit", "0"],
        "model folder": ["--model", "missing"],
    }
    for words, arguments in wrong.items():
        code, out, err = evaluate(*arguments)
        assert (code, out) == (2, ""), arguments
        assert words in err
        assert err.endswith(".\n")
    assert not (tmp_path / "report").exists()


def test_a_reference_that_is_too_short_is_named(evaluate, folder, tmp_path):
    place = tmp_path / "short"
    place.mkdir()
    soundfile.write(place / "short.wav", audio.read(folder / "ann.wav")[:RATE], RATE)
    write(place / "clone.tsv", "speaker\treference_long\ttext", "ann\tshort.wav\tHello.")
    code, _, err = evaluate("--cases", str(place))
    assert code == 2
    assert "short.wav" in err
    assert list(tmp_path.glob("*")) == [place], "no half report is left"


def test_nobody_needs_the_evaluation_to_clone():
    script = "import sys, rtvc, rtvc.cli; assert not [n for n in sys.modules if n.startswith('rtvc.evaluation')]"
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


# ---------------------------------------------------------------------------------------------- the baseline


def experiment(name: str, monkeypatch) -> ModuleType:
    """A script of experiments/."""
    monkeypatch.syspath_prepend(ROOT / "experiments")
    return importlib.import_module(name)


def test_the_baselines_configs_take_the_tuned_parts_away(monkeypatch):
    """And give both systems the same steps on the same data."""
    script, steps = experiment("baseline", monkeypatch), {"ge2e": 100, "sayen": 50}
    made = {name: script.configs(name, steps) for name in script.SYSTEMS}
    for name, (ge2e, sayen) in made.items():
        assert sum(phase["steps"] for phase in ge2e["stages"]) == 100
        assert all(phase["minutes"] is None for phase in [*ge2e["stages"], sayen])
        assert (sayen["steps"], ge2e["stage"], sayen["stage"]) == (50, "ge2e", "sayen")
        assert sayen["earspeech"].endswith(f"{name}_ge2e_100/model/earspeech")
    (plain, poor), (tuned, rich) = made["baseline"], made["system"]
    assert (plain["front"], plain["teacher_weight"], len(plain["stages"])) == ("mel_bands", 0.0, 1)
    assert (tuned["front"], len(tuned["stages"])) == ("earspeech", 5)
    assert tuned["teacher_weight"] > 0
    assert not plain["stages"][0]["margin"]
    assert poor["model"] == rich["model"] | {"clarity_weight": 0.0, "speaker_weight": 0.0}
    assert poor["teacher_weight"] == 0.0 < rich["teacher_weight"]
    assert plain["corpora"] == tuned["corpora"]
    assert poor["corpora"] == rich["corpora"]
    assert script._steps(["ge2e=7"]) == {"ge2e": 7, "sayen": script.STEPS["sayen"]}
    with pytest.raises(SystemExit, match="no steps of gee"):
        script._steps(["gee=7"])


def test_the_specifications_table(results, tiny_folder, monkeypatch, tmp_path):
    """Rows with every column's figure and interval, which the card keeps and shows."""
    import shutil

    from rtvc.card import card
    from rtvc.evaluation.card import keep_baseline

    script = experiment("baseline", monkeypatch)
    found = dict.fromkeys(("baseline", "system", "shipped"), results[0])
    rows = {row["type"]: row for row in script.metrics(found)}
    assert set(rows) == {"mos", "speaker_error_likeness", "cosine_likeness", "si_sdr_gain", "rtf"}
    for row in rows.values():
        for name in script.SYSTEMS:
            assert row["compared"][f"{name}, same steps"] == {key: row[key] for key in ("value", "low", "high")}
    assert rows["rtf"]["compared"]["specification: baseline → system"] == "1.8 → 0.6"
    steps, fits = {"ge2e": 7, "sayen": 5}, {"baseline": 0.5, "system": 0.75}
    table = script.evaluation(found, steps, fits, limit=4)
    assert table["command"] == "python experiments/baseline.py --steps ge2e=7 sayen=5 --limit 4"
    assert table["weights"] == results[0]["model"]["weights"]
    assert "7 steps of ge2e, 5 steps of sayen" in table["notes"][0]
    assert "0.75 for the system" in table["notes"][1]
    model = shutil.copytree(tiny_folder, tmp_path / "model")
    shutil.rmtree(model / "evaluation", ignore_errors=True)
    keep_baseline(model, table)
    text = str(card(model))
    assert "| baseline, same steps | system, same steps | specification: baseline → system |" in text
    assert "The specification's table; 4 sentences of 2 speakers, 2 noisy recordings" in text


def test_the_documented_command_is_the_one_that_was_measured():
    kept = json.loads((ROOT / "rtvc" / "checkpoint" / "evaluation" / "baseline.json").read_text())["command"]
    script, _, options = kept.partition(" --steps ")
    documented = (ROOT / "docs" / "evaluation.md").read_text()
    assert f"{script} --cases CASES --judges JUDGES --steps {options}\n" in documented


def test_a_baseline_is_measured_but_not_taken_for_a_model(tiny_model, processor, tmp_path):
    pytest.importorskip("librosa")
    from rtvc.pipeline import load
    from rtvc.training.baseline import BaselineModel, MelBandsConfig, MelBandsModel

    parts = {name: getattr(tiny_model, name) for name in ("tuned_ge2e", "sayen", "rtvc7")}
    BaselineModel.from_components(earspeech=MelBandsModel(MelBandsConfig()), **parts).save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="another kind"):
        load(tmp_path)
    clone = run.open_model(tmp_path)
    assert isinstance(clone.model.earspeech, MelBandsModel)
    assert clone("Hello.", voice=ROOT / "examples" / "voices" / "man.flac")["audio"].size > 100


def test_another_encoders_embeddings_drive_the_same_voices(tiny_model):
    """Embeddings that a rotation takes to the known ones give, after the fit, the same conditions."""
    pytest.importorskip("librosa")
    import copy

    from rtvc.training.baseline import linear_map, refit

    random = np.random.default_rng(0)
    known = random.normal(size=(4000, 32))
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    heard = known @ np.linalg.qr(random.normal(size=(32, 32)))[0]
    fitted = copy.deepcopy(tiny_model.rtvc7)
    torch.nn.init.normal_(fitted.condition.speaker.weight)
    before, rest = copy.deepcopy(fitted.condition), torch.randn(5, 84)
    refit(fitted, *linear_map(heard, known))
    one, other = (torch.cat([torch.from_numpy(some[:5]).float(), rest], -1) for some in (known, heard))
    with torch.no_grad():
        assert torch.allclose(before(one), fitted.condition(other), atol=0.1)
        assert not torch.allclose(before(one), fitted.condition(one), atol=0.5)
