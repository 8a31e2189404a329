"""Everything measured again before weights ship: each table once, on from where it stopped, then the documents."""

from __future__ import annotations

import json
import subprocess
from types import SimpleNamespace

import pytest

from rtvc.cli import parser
from rtvc.evaluation import card, release, run
from rtvc.hub.card import write_evaluation
from rtvc.loading import CHECKPOINT


@pytest.fixture
def places(tmp_path):
    found = {name: tmp_path / name.lower() for name in ("MODEL", "CASES", "UNSEEN", "OUTPUT")}
    for folder in found.values():
        folder.mkdir()
    (found["MODEL"] / "model.safetensors").write_bytes(b"weights")
    (found["MODEL"] / "config.json").write_text(json.dumps({"timbre_emphasis": 0.5}))
    (found["CASES"] / "clone.tsv").write_text("a table")
    return found


@pytest.fixture
def calls(monkeypatch):
    """The commands that are run: they fail where ``failing`` is in them, else leave results."""
    made = SimpleNamespace(commands=[], failing="nothing", rendered=0)

    def call(command: list[str], check: bool) -> subprocess.CompletedProcess:
        made.commands.append(command)
        if made.failing in command:
            return subprocess.CompletedProcess(command, 1)
        if "--output" in command:
            folder = release.Path(command[command.index("--output") + 1])
            folder.mkdir(exist_ok=True)
            (folder / "results.json").write_text(json.dumps({"of": folder.name}))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(release.subprocess, "run", call)
    monkeypatch.setattr(card, "render", lambda folder: setattr(made, "rendered", made.rendered + 1))
    return made


def steps(kept: list) -> list[release.Step]:
    keep = lambda folder, results, command: kept.append((results["of"], command))  # noqa: E731
    first, second, *_ = release.STEPS
    return [
        release.Step(one.name, one.minutes, one.cases, one.commands, keep)
        for one in (first, second, *[one for one in release.STEPS if one.name == "optimised"])
    ]


def test_nothing_of_what_is_shown_is_left_out():
    asked = {words[words.index("--only") + 1] for step in release.STEPS for words in step.commands if "--only" in words}
    assert asked == set(run.PARTS) - {"renderings"}, "which are pictures"
    assert {"unseen", "optimised", "limits", "processor"} <= {step.name for step in release.STEPS}
    kept = {path.stem for path in (CHECKPOINT / "evaluation").glob("*.json")}
    assert "unseen" in kept
    assert kept - {"baseline"} <= {step.name for step in release.STEPS}


def test_the_commands_are_ones_that_the_shell_takes(places):
    for step in release.STEPS:
        for words in step.commands:
            command = release.runnable(words, places)
            if "rtvc.cli" in command:
                options = parser().parse_args(command[command.index("rtvc.cli") + 1 :])
                assert str(options.output).startswith(str(places["OUTPUT"]))
            said = release.written(words, places)
            assert "JUDGES" not in said
            assert "PEERS" not in said
            assert str(places["MODEL"]) not in said
    given = places | {"JUDGES": places["CASES"]}
    words = release.STEPS[0].commands[0]
    assert release.written(words, given) == (
        "rtvc evaluate --cases UNSEEN --judges JUDGES --only cloning --output report"
    )


def test_it_goes_on_where_it_stopped(places, calls, capsys):
    kept: list = []
    calls.failing = str(places["CASES"])
    with pytest.raises(SystemExit, match="not measured: clone; run the same line again"):
        release.run_steps(steps(kept), places)
    assert calls.rendered == 1, "what there is is written"
    assert [name for name, _ in kept] == ["unseen", "optimised"]
    assert "unseen, about 20 min: rtvc evaluate" in capsys.readouterr().out
    calls.failing, before = "nothing", len(calls.commands)
    release.run_steps(steps(kept), places)
    assert len(calls.commands) == before + 1, "only the table that failed"
    release.run_steps(steps(kept), places)
    assert len(calls.commands) == before + 1
    assert kept[-1][1].startswith("rtvc evaluate --model report-model"), "the optimised variant, not the model"


@pytest.mark.parametrize("file", ["MODEL/model.safetensors", "MODEL/config.json", "UNSEEN/clone.tsv"])
def test_what_changed_is_measured_again(places, calls, file):
    some = steps([])[:1]
    release.run_steps(some, places)
    place, name = file.split("/")
    changed = places[place] / name
    changed.write_text(json.dumps({"timbre_emphasis": 0.6}))
    release.run_steps(some, places)
    assert len(calls.commands) == 2


def test_it_says_what_there_is_to_do_and_refuses_what_there_is_not(places, calls, capsys):
    given = [f"--{name.lower()}" for name in ("CASES", "UNSEEN", "OUTPUT", "MODEL")]
    options = [one for name in given for one in (name, str(places[name.strip("-").upper()]))]
    release.main([*options, "--only", "unseen", "speed", "--list"])
    said = capsys.readouterr().out
    assert "unseen       about 20 min" in said
    assert "about 22 min on two cores" in said
    assert not calls.commands
    with pytest.raises(SystemExit, match="no table beauty"):
        release.main([*options, "--only", "beauty"])


def test_a_place_for_tables_waits_until_there_is_one(places, tmp_path):
    """SECURITY.md says what was measured once, until the mark of these weights is."""
    document = tmp_path / "SECURITY.md"
    document.write_text("before\n<!-- results -->\nonce\n<!-- /results -->\nbehind\n")
    asked = places["MODEL"], document, ("watermark",), ()
    assert card.document(*asked) == document.read_text()
    row = {"type": "found_0", "name": "A mark found", "unit": "%", "value": 100, "times": [9], "of": [9]}
    about = {"title": "The mark", "task": "t", "dataset": {"name": "9 clips", "hub": ["a/b"]}, "column": "marked clips"}
    about |= {"metrics": [row], "command": "rtvc evaluate", "machine": "m", "date": "2026-01-31"}
    write_evaluation(places["MODEL"], "clone", **about)
    assert card.document(*asked) == document.read_text(), "another table"
    write_evaluation(places["MODEL"], "watermark", **about)
    text = card.document(*asked)
    assert "| A mark found (%) | 100 (9 of 9) |" in text
    assert "once" not in text
    assert text.startswith("before\n<!-- results -->\n")
    assert text.endswith("Measured by `rtvc evaluate`.\n<!-- /results -->\nbehind\n")
