"""What will be said is shown as it will be said."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rtvc.cli import main
from rtvc.errors import TextError
from rtvc.say import what_is_said


def test_sentences_words_and_phonemes(capsys):
    assert main(["say", "See Eq. 3. [pause 1s] Hello!"]) == 0
    assert capsys.readouterr().out == (
        "See Eq. 3.\nSee equation three.\nsˈi əkwˈAʒən θɹˈi.\n\n[pause 1s]\n\nHello!\nHello!\nhəlˈO!\n"
    )


def test_nothing_to_say():
    with pytest.raises(TextError, match="write at least one English word"):
        what_is_said("...")


def test_it_needs_no_model():
    """Neither torch nor transformers, which take ten seconds to load."""
    code = (
        "import sys, types; package = types.ModuleType('rtvc'); package.__path__ = [sys.argv[1]];"
        "sys.modules['rtvc'] = package; import rtvc.say;"
        "rtvc.say.what_is_said('Hello'); print({'torch', 'transformers', 'onnxruntime'} & set(sys.modules))"
    )
    folder = what_is_said.__globals__["__file__"].rpartition("/")[0]
    said = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=True)
    assert said.stdout == "set()\n"
