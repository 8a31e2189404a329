"""The visitor's shelf of voices, whatever a browser makes of it."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtvc import Voice
from rtvc.page.inputs import LARGEST_SHELF
from rtvc.page.shelf import choices

from .helpers import WOMAN, call_of, outcome, own_recording, perform, quiet, speak


def test_a_voice_on_the_shelf(shelving, cloning, voices):
    shelf, chosen, other, said, file = shelving.keep(WOMAN, None, {}, "Anna <b>")
    assert list(shelf) == ["Anna b"]
    assert (chosen["value"], chosen["choices"]) == ("Anna b", ["Anna b"])
    assert "Anna b" in other["choices"]
    assert "on your shelf" in said
    assert Voice.load(file["value"]) == voices.clone.enroll(WOMAN)
    assert json.loads(json.dumps(shelf)) == shelf, "a browser keeps it as JSON"
    by_shelf = speak(cloning, None, "Hello there.", chosen="Anna b", shelf=shelf)[0]
    by_recording = speak(cloning, WOMAN, "Hello there.")[0]
    np.testing.assert_array_equal(soundfile.read(by_shelf)[0], soundfile.read(by_recording)[0])
    brought, *_ = shelving.bring(file["value"], {})
    assert voices.unpack(brought["Anna b"]) == voices.clone.enroll(WOMAN)
    assert shelving.remove("Anna b", shelf)[0] == {}
    assert "Heard 4.9 s" in shelving.choose("Anna b", shelf)[0]


def test_what_the_shelf_refuses(shelving, cloning, tmp_path):
    (tmp_path / "broken.voice").write_text("no voice")
    shelf, *_, said, _ = shelving.bring(str(tmp_path / "broken.voice"), {"Anna": "x"})
    assert shelf == {"Anna": "x"}, "nothing is lost"
    assert "not a saved voice" in said
    assert "Record or upload" in shelving.keep(None, None, {}, "")[3]
    assert "damaged" in speak(cloning, WOMAN, "Hello.", chosen="Anna", shelf={"Anna": "x"})[1]
    assert "you may clone this voice" in shelving.bring(str(tmp_path / "broken.voice"), {}, False)[3]
    full = {str(number): "x" for number in range(LARGEST_SHELF)}
    assert "remove one first" in shelving.keep(WOMAN, None, full, "one more")[3]
    mine = own_recording(tmp_path)
    assert "you may clone this voice" in shelving.keep(mine, None, {}, "me", False)[3]


HOSTILE = ["../../../pwn", "/tmp/pwn", "..", "a/../../pwn", "pwn\0", "C:\\pwn", "x" * 4000, "", "ꙮ" * 200]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leads_out_of_the_pages_folder(name, shelving, voices, files):
    """A shelf comes from the browser: its names were joined to a path as they were."""
    shelf = {name: voices.pack(voices.clone.enroll(WOMAN))}
    paths = [Path(shelving.choose(name, shelf)[1]["value"]), Path(shelving.keep(WOMAN, None, {}, name)[4]["value"])]
    paths.append(files.new_path(name, ".wav"))
    for path in paths:
        assert path.resolve().parent.parent == files.offered.resolve()
        assert len(path.name.encode()) < 255


@pytest.mark.parametrize(
    ("shelf", "chosen"),
    [
        (None, None),
        ("Anna", "Anna"),
        ([["Anna", "x"]], "Anna"),
        (7, None),
        ({"Anna": 7}, "Anna"),
        ({"Anna": None}, "Anna"),
        ({"Anna": ["x"]}, None),
        ({}, ["Anna"]),
        ({}, {"a": 1}),
        ({str(number): "x" for number in range(51)}, None),
    ],
)
def test_a_shelf_that_no_page_made_is_refused(shelf, chosen, shelving, cloning, banking, dialogue, tmp_path):
    """One sentence, whatever a browser sends; “Remove” makes a shelf of it again."""
    cloning.clone.enroll(WOMAN).save(tmp_path / "her.voice")
    said = [
        list(cloning.speak(WOMAN, chosen, shelf, "Hello.", progress=quiet))[-1][2],
        cloning.compare(WOMAN, chosen, "Man, audiobook", shelf, "Hello.", 1.0)[1],
        shelving.choose(chosen, shelf)[0],
        shelving.keep(WOMAN, chosen, shelf, "Me")[3],
    ]
    if chosen is None or isinstance(chosen, str):
        said.append(shelving.bring(str(tmp_path / "her.voice"), shelf)[3])
        said.append(banking.bank({0: WOMAN}, shelf, "Me")[3])
        said.append(dialogue.cast("ANN: Hi.", shelf)[0])
    said.append(perform(dialogue, "ANN: Hi.", shelf, chosen or "Man, audiobook")[2])
    assert all("shelf in this browser is damaged" in message for message in said), said
    assert not shelving.remove(chosen, shelf)[0] or shelf
    assert choices(shelving.remove(chosen, shelf)[0])


def test_a_hostile_shelf_over_http(served, voices, files):
    """As somebody sends it who writes in the browser's place."""
    word = secrets.token_hex(8)
    name = f"../../../{word}"
    shelf = {name: voices.pack(voices.clone.enroll(WOMAN))}
    outcome(served, call_of(served, "choices", [shelf], "eve"))
    said = outcome(served, call_of(served, "choose", [name, shelf], "eve"))
    assert said["success"]
    assert f"{word}.voice" in said["output"]["data"][1]["value"]["path"]
    assert not [path for folder in files.offered.parents for path in folder.glob(f"{word}*")]
    said = outcome(served, call_of(served, "keep", [None, None, {"Anna": 7}, "x", True], "eve"))
    assert "damaged" in said["output"]["data"][3]
