"""Evaluation: the whole of it, its report, what a card keeps, the command, the baseline."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
import torch
from evaluation_fakes import others, write, write_cases

from rtvc import audio
from rtvc.cli import main
from rtvc.errors import CheckpointError, EvaluationError
from rtvc.evaluation import cloning, listening, plots, report, run, tables
from rtvc.evaluation.cases import read_cases

ROOT = Path(__file__).parents[2]
RATE = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory, woman, man) -> Path:
    return write_cases(tmp_path_factory.mktemp("cases"), woman, man)


# ---------------------------------------------------------------------------------------------- the whole


@pytest.fixture(scope="module")
def results(folder, tiny, tiny_folder, tmp_path_factory) -> tuple[dict, Path]:
    place = tmp_path_factory.mktemp("reports") / "report"
    with report.written(place) as made, pytest.MonkeyPatch.context() as patched:
        patched.setattr(run.marks, "CLIPS", 6)
        patched.setattr("rtvc.evaluation.cloning.LEVELS", (None, 20.0, -5.0))
        patched.setattr(run, "speed", functools.partial(run.speed, times=3))
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
    wer = {"value": 0.6, "low": 0.5, "high": 0.66667, "count": 4, "times": [6], "of": [10]}
    assert figures["wer"] == wer
    assert not [name for name in figures if name.startswith("second")], "what is missing is not guessed"
    assert {"cer", "naturalness", "dnsmos", "likeness_cosine", "likeness_error", "likeness_right", "rtf"} <= set(
        figures
    )
    assert systems["recordings"]["figures"]["likeness_cosine"]["value"] == pytest.approx(1, abs=1e-3)
    assert set(systems["rtvc"]["speakers"]) == {"ann", "bob"}
    assert {"case", "speaker", "text", "heard", "likeness", "clip", "seconds"} <= set(systems["rtvc"]["sentences"][0])
    points = [(point["snr_db"], point["cleaned"]) for point in found["noise"]]
    assert points == list(itertools.product((None, 20.0, -5.0), (False, True)))
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
        if tag not in ("meta", "br", "img"):
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


def test_the_clips_of_a_report_can_be_judged_by_ear(results):
    found, place = results
    listening.write(found, place, 4)
    page = (place / "listen.html").read_text(encoding="utf-8")
    assert page.count("data:audio/flac") == 2 * 4
    (place / "listen.html").unlink()


def test_the_report_in_markdown(results):
    found, place = results
    text = (place / "report.md").read_text(encoding="utf-8")
    for words in (
        "Word error rate, deaf (%)",
        "60 (50 … 67; 6 of 10)",
        "machine",
        "−5 dB",
        "the judge for second: it is not",
    ):
        assert words in text
    names = [table.name for table in tables.tables(found)]
    assert names == ["clone", "noise", "enhance", "verify", "speed", "robustness", "watermark"]
    assert report.headline(found).startswith("Speaker error rate by spectrum ")
    assert "; Word error rate, deaf 60 %; " in report.headline(found)


def test_what_a_card_keeps(results, tiny_folder, tmp_path):
    """The tables of a report become evaluations of the model's card."""
    import shutil

    from rtvc.hub.card import card, write_evaluation

    model = shutil.copytree(tiny_folder, tmp_path / "model")
    shutil.rmtree(model / "evaluation", ignore_errors=True)
    about = {"dataset": {"name": "four", "hub": ["a/b"]}, "command": "c", "machine": "m", "date": "2026-01-31"}
    about["left_out"] = [*results[0]["left_out"], {"what": "machine", "why": "another evaluation has it"}]
    for table in tables.tables(results[0]):
        write_evaluation(model, table.name, **table.evaluation(), **about)
    text = str(card(model))
    assert "| Word error rate, deaf (%) | 60 (50 … 67; 6 of 10) |" in text
    assert "| rtvc, 5 s | recordings | machine |" in text
    assert "Weakest: hiss at 10 dB" in text
    assert text.count("Not measured here: the judge for second.") == 1
    row = next(line for line in text.splitlines() if line.startswith("| Likeness, cosine by spectrum |"))
    assert row.count("…") >= 2, "the other columns have their intervals too"
    file = model / "evaluation" / "clone.json"
    kept = json.loads(file.read_text())
    metric = next(metric for metric in kept["metrics"] if metric["type"] == "wer")
    assert {"value", "low", "high", "times", "of"} == set(metric["compared"]["machine"])
    assert kept["left_out"] == about["left_out"]
    metric["compared"]["recordings"] = 12.5  # as earlier files have it
    del kept["left_out"], kept["settings"]
    file.write_text(json.dumps(kept))
    assert "| 60 (50 … 67; 6 of 10) | 12.5 |" in str(card(model))


def test_figures_of_another_calibration_are_said_to_be(results, tiny_folder, tmp_path):
    """The weights alone do not make the sound: `timbre_emphasis` stands in config.json."""
    import shutil

    from rtvc.evaluation.keeping import check, keep_optimised, keep_unseen
    from rtvc.hub.card import card, read_evaluations, write_evaluation

    model = shutil.copytree(tiny_folder, tmp_path / "model")
    shutil.rmtree(model / "evaluation", ignore_errors=True)
    about = {"dataset": {"name": "four", "hub": ["a/b"]}, "command": "c", "machine": "m", "date": "2026-01-31"}
    write_evaluation(model, "clone", **tables.tables(results[0])[0].evaluation(), **about)
    assert "Measured with" not in str(card(model))
    check(model, results[0]["model"])
    keep_unseen(model, results[0])
    assert "4 sentences, 2 speakers; nobody trained on the sentences" in str(card(model)), "the table that leads"
    keep_optimised(model, results[0], "evaluated")
    variant = read_evaluations(model)["optimised"]
    assert variant.title == "The optimised variant: cloning from one recording of about 5 s"
    assert (variant.column, variant.command) == ("optimised, 5 s", "evaluated")
    rows = {metric["type"]: metric for metric in variant.metrics}
    assert rows["wer"]["compared"]["rtvc, 5 s"]["times"] == [6], "beside the model's own"
    file = model / "config.json"
    changed = json.loads(file.read_text()) | {"timbre_emphasis": 0.25}
    file.write_text(json.dumps(changed))
    assert "**Measured with another calibration (config.json) than this one.**" in str(card(model))
    with pytest.raises(SystemExit, match="calibrated anew"):
        check(model, results[0]["model"])
    with pytest.raises(SystemExit, match="calibrated anew"):
        keep_unseen(model, results[0])
    check(model, {"weights": results[0]["model"]["weights"]})  # of earlier results nothing more is known


def test_recordings_of_other_sentences_are_what_clones_are_read_against(tiny, tiny_folder, folder, tmp_path):
    """Where nobody read the sentences: what the judges say of real recordings, and nothing of their words."""
    for name in ("ann.wav", "ann-1.wav", "bob.wav", "bob-1.wav"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    lines = [f"{name}\t{name}.wav\tHello there." for name in ("ann", "bob")]
    write(tmp_path / "clone.tsv", "speaker\treference_long\ttext", *lines)
    write(tmp_path / "recordings.tsv", "speaker\tfile", "ann\tann-1.wav", "bob\tbob-1.wav", "eve\tbob.wav")
    cases = read_cases(tmp_path)
    assert [case.speaker for case in cases.recordings] == ["ann", "bob", "eve"]
    found = run.evaluate(tiny, tiny_folder, cases, others(), ("cloning",), bars=False)["cloning"]["systems"]
    assert [row["case"] for row in found["recordings"]["sentences"]] == ["ann-1", "bob-1"], "eve has no clones"
    assert found["recordings"]["figures"]["likeness_right"]["times"] == [2]
    assert "wer" not in found["recordings"]["figures"]
    assert not any("heard" in row for row in found["recordings"]["sentences"])
    (tmp_path / "clone.tsv").unlink()
    with pytest.raises(EvaluationError, match=r"holds no clone\.tsv"):
        read_cases(tmp_path)


def test_each_clone_is_judged_against_the_reference_it_was_made_of(folder, tiny, tmp_path):
    """A speaker may have a prompt for every sentence, as in the field's lists."""
    for name in ("ann-0.wav", "ann-1.wav", "bob.wav"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    lines = ("ann\tann-0.wav\tHi.", "ann\tann-1.wav\tHo.", "bob\tbob.wav\tHi.")
    write(tmp_path / "clone.tsv", "speaker\treference_long\ttext", *lines)
    session = run.Session(tiny, read_cases(tmp_path), others().judges)
    judges = cloning.panel(session)
    for case in session.cases.clone:
        row = judges.judge(case, audio.read(case.references["long"]))
        assert row["likeness"][case.speaker] == pytest.approx(1)


def test_the_readme_shows_ten_rows_and_the_card_all(results, tiny_folder, tmp_path):
    """A table with every judge has eighteen; a README of one screen has no room for them."""
    import shutil

    from rtvc.evaluation.card import SHORT
    from rtvc.evaluation.keeping import keep_unseen
    from rtvc.hub.card import measured, read_evaluations

    model = shutil.copytree(tiny_folder, tmp_path / "model")
    keep_unseen(model, results[0])
    whole, short = (measured(model, {"unseen": read_evaluations(model)["unseen"]}, kinds) for kinds in ((), SHORT))
    assert "… to the other speakers, by spectrum" in whole
    assert "… to the other speakers" not in short
    assert "Likeness, cosine by spectrum" in short
    assert len(SHORT) == 10


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
    monkeypatch.setattr(run, "company", lambda *given: others())

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
        "from 1 on": ["--listen", "0"],
        "the part cloning": ["--only", "speed", "--listen"],
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
        assert sum(phase["steps"] for phase in ge2e["phases"]) == 100
        assert all(phase["minutes"] is None for phase in [*ge2e["phases"], sayen])
        assert (sayen["steps"], ge2e["stage"], sayen["stage"]) == (50, "ge2e", "sayen")
        assert sayen["earspeech"].endswith(f"{name}_ge2e_100/model/earspeech")
    (plain, poor), (tuned, rich) = made["baseline"], made["system"]
    assert (plain["front"], plain["teacher_weight"], len(plain["phases"])) == ("mel_bands", 0.0, 1)
    assert (tuned["front"], len(tuned["phases"])) == ("earspeech", 5)
    assert tuned["teacher_weight"] > 0
    assert not plain["phases"][0]["margin"]
    assert poor["model"] == rich["model"] | {"clarity_weight": 0.0, "speaker_weight": 0.0}
    assert poor["teacher_weight"] == 0.0 < rich["teacher_weight"]
    assert plain["corpora"] == tuned["corpora"]
    assert poor["corpora"] == rich["corpora"]
    assert script.budget(["ge2e=7"]) == {"ge2e": 7, "sayen": script.STEPS["sayen"]}
    with pytest.raises(SystemExit, match="no steps of gee"):
        script.budget(["gee=7"])


def test_the_specifications_table(results, tiny_folder, monkeypatch, tmp_path):
    """Rows with every column's figure and interval, which the card keeps and shows."""
    import shutil

    from rtvc.evaluation.keeping import keep_baseline
    from rtvc.hub.card import card

    script = experiment("baseline", monkeypatch)
    found = dict.fromkeys(("baseline", "system", "shipped"), results[0])
    rows = {row["type"]: row for row in script.metrics(found)}
    assert set(rows) == {"mos", "speaker_error_likeness", "cosine_likeness", "si_sdr_gain", "rtf"}
    for row in rows.values():
        for name in script.SYSTEMS:
            kept = {key: row[key] for key in ("value", "low", "high", "times", "of") if key in row}
            assert row["compared"][f"{name}, same steps"] == kept
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
    from rtvc.evaluation.baseline import BaselineModel, MelBandsConfig, MelBandsModel
    from rtvc.loading import load

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

    from rtvc.evaluation.baseline import linear_map, refit

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
