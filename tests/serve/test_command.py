"""`rtvc serve` refuses before it loads a model, and lets in by the keys of its environment."""

from __future__ import annotations

import pytest

from rtvc import RTVCError
from rtvc.cli import main
from rtvc.serve import command
from rtvc.serve.command import listen
from rtvc.serve.voices import open_folder


def test_an_address_that_is_taken():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RTVCError, match="cannot be listened at .*choose another"):
            listen("127.0.0.1", port)
    for host, port in (("127.0.0.1", 99_999), ("no.such.host.invalid", 0)):
        with pytest.raises(RTVCError, match="cannot be listened at"):
            listen(host, port)


def test_a_folder_is_made_and_a_file_is_none(tmp_path, capsys):
    assert open_folder(str(tmp_path / "voices")).is_dir()
    (tmp_path / "file").touch()
    assert main(["serve", str(tmp_path / "file")]) == 2
    assert "cannot be a folder for voices" in capsys.readouterr().err
    assert main(["serve", str(tmp_path / "no" / "folder")]) == 2


def test_keys_come_from_the_environment(tmp_path, monkeypatch, capsys):
    given = []
    monkeypatch.setenv(command.KEYS, " one, two\nthree ")
    monkeypatch.setattr(command, "load", lambda *_, **__: None)
    monkeypatch.setattr(command, "build", lambda _, __, keys: given.extend(keys))
    monkeypatch.setattr(command.uvicorn.Server, "run", lambda *_: None)
    assert main(["serve", str(tmp_path), "--port", "0"]) == 0
    assert given == ["one", "two", "three"]
    assert "callers with a key" in (said := capsys.readouterr().out)
    assert "Voices: none yet; put recordings" in said
    (tmp_path / "anna.wav").touch()
    assert main(["serve", str(tmp_path), "--port", "0"]) == 0
    assert "Voices: anna" in capsys.readouterr().out
