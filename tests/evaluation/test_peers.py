"""Peers: who can be had, the loops around their networks, and their columns beside rtvc's."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest
from evaluation_fakes import others, write_cases

from rtvc.evaluation import alone, peers, run
from rtvc.evaluation.cases import read_cases
from rtvc.evaluation.keeping import with_peers
from rtvc.evaluation.session import Session
from rtvc.hub.card import Evaluation


def test_who_is_missing_says_what_would_bring_it(tmp_path, monkeypatch):
    monkeypatch.setattr(peers.shutil, "which", lambda name: None)
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    found, missing = peers.voices()
    assert list(found) == ["hibari"]
    assert "as --peers" in missing["Kokoro"]
    assert "apt install flite" in missing["flite slt"]
    found, missing = peers.enhancers(tmp_path)
    assert not found
    assert "dtln/model_1.onnx is not in the folder of --peers" in missing["DTLN"]
    assert "--no-deps pyrnnoise==0.4.5" in missing["RNNoise"]


def test_peers_of_another_table_are_not_named_as_missing(tiny, tiny_folder, session):
    """The README's table of clones said that RNNoise was not measured: it speaks no sentences."""
    company = run.Company(session.judges, missing={"Kokoro": "not here", "DTLN": "not here", "the judge for x": "y"})
    found = run.evaluate(tiny, tiny_folder, session.cases, company, ("enhancement",), bars=False)
    assert [part["what"] for part in run.missed(found)] == ["DTLN", "the judge for x"]


@pytest.mark.parametrize(("size", "hop"), [(512, 128), (512, 256)])
def test_frames_add_up_to_the_wave(size, hop):
    wave = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    same = peers.overlapped(wave, size, hop, lambda frame: frame * hop / size)
    assert same == pytest.approx(wave, abs=1e-6)


def test_a_network_remembers_from_frame_to_frame_and_starts_with_nothing(tmp_path):
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    ends = [helper.make_tensor_value_info(name, 1, [1, 2]) for name in ("frame", "before", "sum", "after")]
    nodes = [helper.make_node("Add", ["frame", "before"], ["sum"]), helper.make_node("Identity", ["sum"], ["after"])]
    graph = helper.make_graph(nodes, "sums", ends[:2], ends[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    network = onnxruntime.InferenceSession(model.SerializeToString())
    for _ in range(2):
        sums, ones = peers._Recurrent(network), np.ones((1, 2))
        assert [sums(ones)[0, 0] for _ in range(3)] == [1, 2, 3]


# ---------------------------------------------------------------------------------------------- measured alone


@pytest.fixture(scope="module")
def session(tmp_path_factory, woman, man):
    folder = write_cases(tmp_path_factory.mktemp("cases"), woman, man)
    return Session(None, read_cases(folder), others().judges, bars=False)


def test_peers_are_measured_without_a_model_and_not_twice(session, tmp_path, capsys):
    file, said = tmp_path / "clone.json", []

    def machine(text: str) -> tuple[np.ndarray, int]:
        said.append(text)
        return others().voices["machine"](text)

    alone.measure("clone", session, {"machine": machine}, file)
    kept = json.loads(file.read_text())
    assert kept["cases"] == "4 sentences, 2 speakers"
    figures = kept["columns"]["machine"]["figures"]
    assert figures["Word error rate, deaf"]["times"] == [6]
    assert "Likeness, cosine by spectrum" in figures
    assert not [name for name in figures if "time" in name], "times of two runs are no ratio"
    assert kept["columns"]["machine"]["command"].startswith("python -m rtvc.evaluation.alone clone")
    before = len(said)
    alone.measure("clone", session, {"machine": machine, "other": machine}, file)
    assert len(said) == 2 * before, "only the other one spoke"
    assert set(json.loads(file.read_text())["columns"]) == {"machine", "other"}


def test_enhancers_and_encoders_alone(session, tmp_path):
    file = tmp_path / "enhance.json"
    alone.measure("enhance", session, others().enhancers, file)
    assert json.loads(file.read_text())["columns"]["halved"]["figures"]["SI-SDR gain"] == pytest.approx(
        {"value": 0, "low": 0, "high": 0}, abs=1e-3
    )
    alone.measure("verify", session, {"spectrum": others().judges["likeness"]}, tmp_path / "verify.json")
    figures = json.loads((tmp_path / "verify.json").read_text())["columns"]["spectrum"]["figures"]
    assert "Equal error rate, whole recordings" in figures


def test_what_a_voice_said_is_kept(tmp_path):
    calls = []

    def speak(text: str) -> tuple[np.ndarray, int]:
        calls.append(text)
        return np.full(10, 0.5, np.float32), 24_000

    say = alone.remembered("a voice", speak, tmp_path)
    for text in ("One.", "Two.", "One."):
        wave, rate = say(text)
        assert (wave.tolist(), rate) == ([0.5] * 10, 24_000)
    assert calls == ["One.", "Two."]


def evaluation(**changes) -> Evaluation:
    rows = [
        {"type": "wer", "name": "Word error rate, deaf", "value": 1.0, "compared": {"hibari": 2.0}},
        {"type": "x", "name": "Likeness, cosine by another judge", "value": 0.5},
    ]
    about = {"task": "t", "title": "T", "dataset": {"name": "4 sentences, 2 speakers; nobody", "hub": ["a/b"]}}
    about |= {"metrics": rows, "command": "c", "machine": "m", "date": "2026-01-31", "weights": "w"}
    return Evaluation(**about | changes)


def test_columns_are_shown_where_cases_and_judges_are_the_same(tmp_path):
    column = {"command": "alone", "machine": "m", "date": "2026-02-01"}
    figures = {"Word error rate, deaf": 3.0, "Likeness, cosine by spectrum": 0.2}
    known = {"cases": "4 sentences, 2 speakers", "columns": {"Kokoro": column | {"figures": figures}}}
    known["columns"]["hibari"] = column | {"figures": {"Word error rate, deaf": 9.0}}
    (tmp_path / "unseen.json").write_text(json.dumps(known))
    shown = with_peers("unseen", evaluation(), tmp_path)
    words, likeness = shown.metrics
    assert words["compared"] == {"hibari": 2.0, "Kokoro": 3.0}, "what was measured in the same run stays"
    assert not likeness["compared"], "by another judge"
    assert shown.notes == ["Kokoro: measured by `alone` (m, 2026-02-01)."]
    elsewhere = evaluation(dataset={"name": "5 sentences, 2 speakers", "hub": ["a/b"]})
    assert with_peers("unseen", elsewhere, tmp_path) == elsewhere
    assert with_peers("clone", elsewhere, tmp_path) == elsewhere
