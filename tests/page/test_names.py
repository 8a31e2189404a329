"""The box for names, and what will be said."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from rtvc import TextError
from rtvc.page.api import Endpoints
from rtvc.page.names import preview

from .helpers import WOMAN


def test_it_shows_what_will_be_said():
    assert preview("Nguyen's (sighs) <b>cat</b>.", "Nguyen = win") == (
        "<p>win&#x27;s cat.<br><small>wˈɪnz kˈæt.</small></p>"
        '<p><span class="problem" role="alert">“(sighs)” is markup that is not spoken, so it was left out.</span></p>'
    )
    for words, names in (("Hi.", "Nguyen"), ("Hi.", "x" * 6000), (None, ""), ("...", ""), ("Hi.", 3)):
        assert 'class="problem"' in preview(words, names)


def test_the_page_and_its_api_say_names_so(cloning, tiny, files, uploads):
    wanted = tiny("I saw win.", voice=WOMAN)["audio"]
    *_, last = cloning.speak(WOMAN, None, {}, "I saw Nguyen.", told="Nguyen = win", progress=lambda *_, **__: None)
    np.testing.assert_allclose(soundfile.read(last[-1]["clone"])[0], wanted, atol=1e-4)
    api = Endpoints(tiny, files, uploads)
    said = api.clone_voice("I saw Nguyen.", WOMAN, lexicon="Nguyen = win")
    np.testing.assert_allclose(soundfile.read(said)[0], wanted, atol=1e-4)
    with pytest.raises(TextError, match="Line 1 of the list of names is no entry"):
        api.clone_voice("I saw Nguyen.", WOMAN, lexicon="/etc/passwd")
