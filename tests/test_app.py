"""The page: what its controls call, and a browser that uses it as a person would."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtvc import audio

ROOT = Path(__file__).parents[1]
WOMAN = str(ROOT / "examples" / "voices" / "woman.flac")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--use-file-for-fake-audio-capture={}",
]


class Counted:
    """A pipeline that notes what it enrols."""

    def __init__(self, clone) -> None:
        self.clone, self.enrolled = clone, []

    def __getattr__(self, name: str):
        return getattr(self.clone, name)

    def enroll(self, recording: str):
        self.enrolled.append(recording)
        return self.clone.enroll(recording)


@pytest.fixture(scope="module")
def app():
    spec = importlib.util.spec_from_file_location("app", ROOT / "app.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["app"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def page(app, tiny):
    return app.Page(Counted(tiny))


def quiet(*args, **kwargs) -> None:
    """In place of gradio's progress bar."""


def test_a_recording_is_described(page):
    assert page.hear(None) == ""
    assert page.hear(WOMAN).startswith("Heard 4.9 s of speech")


def test_a_recording_is_enrolled_once_for_its_content(page, app, tmp_path):
    copy = shutil.copy(WOMAN, tmp_path / "copy.flac")
    page.hear(WOMAN)
    page.speak(str(copy), "Hello.", 1.0, quiet)
    assert page.clone.enrolled == [WOMAN]
    app_limit, app.KEPT_VOICES = app.KEPT_VOICES, 1
    try:
        page.hear(str(ROOT / "examples" / "voices" / "man.flac"))
        page.hear(WOMAN)
    finally:
        app.KEPT_VOICES = app_limit
    assert len(page.clone.enrolled) == 3


def test_speaking(page):
    words = "Hello there. How are you?"
    (rate, wave), heard, read = page.speak(WOMAN, words, 1.0, quiet)
    out = page.clone.clone(words, voice=WOMAN)
    assert rate == out["sampling_rate"]
    assert wave.dtype == np.int16
    np.testing.assert_allclose(wave / 32767, out["audio"], atol=1e-4)  # the page must not change the loudness
    assert "Heard" in heard
    assert read == ""
    (_, faster), _, _ = page.speak(WOMAN, words, 2.0, quiet)
    assert len(faster) < len(wave)


def test_what_is_wrong_stands_at_the_control_it_is_about(page, tmp_path):
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(80000), 16000)
    result, heard, read = page.speak(None, "Hello.", 1.0, quiet)
    assert (result, read) == (None, "")
    assert "Record or upload" in heard
    result, heard, read = page.speak(str(silence), "Hello.", 1.0, quiet)
    assert (result, read) == (None, "")
    assert 'class="problem"' in heard
    assert 'class="problem"' in page.hear(str(silence))
    result, heard, read = page.speak(WOMAN, "...", 1.0, quiet)
    assert result is None
    assert "Heard" in heard
    assert "write at least one English word" in read


def test_a_message_cannot_carry_markup(app):
    assert "<img" not in app.problem("bad file <img src=x>.wav")


def test_the_examples_are_there_and_long_enough(app):
    for name in app.EXAMPLES.values():
        assert audio.voiced_seconds(audio.read(app.VOICES / name)) >= 4
        assert name in (app.VOICES / "ATTRIBUTION.md").read_text()


def test_the_page_asks_no_other_host_for_fonts_or_scripts(app, page):
    config = str(app.build(page).get_config_file())
    assert "fonts.googleapis" not in config


@pytest.fixture
def served(app, page):
    demo = app.build(page)
    _, url, _ = app.launch(demo, prevent_thread_lock=True, quiet=True)
    yield url.rstrip("/")
    demo.close()


@pytest.fixture
def tab(tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium")
    speech = tmp_path / "speech.wav"  # the browser's noise suppression fades a steady tone out, speech it keeps
    soundfile.write(speech, np.tile(audio.read(WOMAN), 4), 16000)
    with playwright.sync_playwright() as started:
        flags = [flag.format(speech) for flag in FLAGS]
        browser = started.chromium.launch(executable_path=CHROMIUM, args=flags)
        context = browser.new_context(viewport={"width": 390, "height": 844}, permissions=["microphone"])
        context.set_default_timeout(60_000)
        yield context.new_page()
        browser.close()


def wait_for_text(tab, selector: str, words: str) -> None:
    tab.wait_for_function(f"document.querySelector('{selector}')?.innerText.includes('{words}')", timeout=60_000)


def test_in_a_browser(served, tab):
    outside = []
    tab.on("request", lambda request: outside.append(request.url) if not is_local(request.url, served) else None)
    tab.goto(served)
    tab.click("#speak")
    wait_for_text(tab, "#heard", "Record or upload")
    tab.get_by_text("Woman, audiobook").click()
    wait_for_text(tab, "#heard", "Heard 4.9 s")
    tab.fill("#words textarea", "...")
    tab.click("#speak")
    wait_for_text(tab, "#read", "write at least one")
    tab.fill("#words textarea", "Hello there. How are you?")
    tab.click("#speak")
    tab.wait_for_selector("#result a[download]")
    with tab.expect_download() as download:
        tab.click("#result a[download]")
    assert soundfile.info(download.value.path()).duration > 0.3
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390, "the page is wider than a phone"
    assert outside == []


def test_recording_in_a_browser(served, tab):
    tab.goto(served)
    tab.locator("#voice").get_by_role("button", name="Record", exact=True).click()
    tab.wait_for_timeout(6000)
    tab.locator("#voice").get_by_role("button", name="Stop", exact=True).first.click()
    wait_for_text(tab, "#heard", "Heard")


def test_uploading_in_a_browser(served, tab, tmp_path):
    tab.goto(served)
    tab.get_by_role("button", name="Upload file").click()
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound at all")
    tab.set_input_files("#voice input[type=file]", str(broken))
    wait_for_text(tab, "#heard", "broken.wav")
    assert tab.locator("#heard .problem").count() == 1
    tab.get_by_role("button", name="Clear").click()
    tab.wait_for_function("document.querySelector('#heard').innerText.trim() === ''")
    tab.set_input_files("#voice input[type=file]", WOMAN)
    wait_for_text(tab, "#heard", "Heard 4.9 s")


def is_local(url: str, served: str) -> bool:
    return url.startswith((served, "data:", "blob:"))
