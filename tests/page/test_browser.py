"""A browser that uses the page as a person would."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtvc import Voice, audio

from .helpers import MAN, VOICES, WOMAN, own_recording, serving, wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--use-file-for-fake-audio-capture={}",
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium")
    speech = (
        tmp_path_factory.mktemp("microphone") / "speech.wav"
    )  # the browser's noise suppression fades a steady tone out, speech it keeps
    soundfile.write(speech, np.tile(audio.read(WOMAN), 4), 16000)
    with playwright.sync_playwright() as started:
        flags = [flag.format(speech) for flag in FLAGS]
        browser = started.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def tab(browser):
    return phone(browser)


def phone(browser, **options):
    context = browser.new_context(viewport={"width": 390, "height": 844}, permissions=["microphone"], **options)
    context.set_default_timeout(60_000)
    return context.new_page()


def wait_for_text(tab, selector: str, words: str) -> None:
    tab.wait_for_function(f"document.querySelector('{selector}')?.innerText.includes('{words}')", timeout=60_000)


def say(tab, words: str) -> None:
    tab.fill("#words textarea", words)
    tab.click("#speak")


def downloaded(tab) -> np.ndarray:
    with tab.expect_download() as download:
        tab.click("#download:enabled")
    return soundfile.read(download.value.path())[0]


def is_as_wide_as_a_phone(tab) -> bool:
    return tab.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("begin", ["example", "upload"])
def test_in_a_browser(begin, served, tab, tiny, tmp_path):
    """A voice → refusals → clone → play → keep the voice → load the page again → speak with the kept voice."""
    outside, voice = [], WOMAN if begin == "example" else own_recording(tmp_path)
    tab.on("request", lambda request: outside.append(request.url) if not is_local(request.url, served) else None)
    tab.goto(served)
    tab.click("#speak")
    wait_for_text(tab, "#heard", "Record or upload")
    if begin == "example":
        tab.get_by_text("Woman, audiobook").first.click()
    else:
        tab.get_by_role("button", name="Upload file").click()
        tab.set_input_files("#voice input[type=file]", voice)
        tab.check("#agreed input")
    wait_for_text(tab, "#heard", "Heard 4.9 s")
    say(tab, "...")
    wait_for_text(tab, "#read", "write at least one")
    assert tab.locator("#words textarea").input_value() == "..."
    assert tab.locator("#pictures svg").count() == 0, "nothing was said that could be looked at"
    say(tab, "Hello there. How are you?")
    assert downloaded(tab).size > 1000
    tab.get_by_text("How alike recording and clone are").click()
    tab.wait_for_selector("#pictures svg >> nth=1")
    assert is_as_wide_as_a_phone(tab)
    tab.get_by_text("Your shelf of voices").click()
    tab.fill("#name input, #name textarea", "Anna")
    tab.click("#keep")
    wait_for_text(tab, "#kept", "Anna")
    with tab.expect_download() as download:
        tab.click("#save")
    assert Voice.load(download.value.path()) == tiny.enroll(voice)
    tab.reload()
    tab.get_by_text("Your shelf of voices").click()
    tab.click("#chosen input")
    tab.get_by_role("option", name="Anna").click()
    wait_for_text(tab, "#heard", "Heard 4.9 s")
    say(tab, "Hello again.")
    np.testing.assert_allclose(downloaded(tab), tiny("Hello again.", voice=voice)["audio"], atol=1e-4)
    tab.get_by_role("button", name="Young man, British").click()
    tab.wait_for_function("document.querySelector('#chosen input').value === ''")  # the newest choice counts
    assert outside == []


def test_stopping_a_long_text_in_a_browser(served, tab, tiny, monkeypatch):
    """The server stops too, and the page is ready for the next text."""
    said, stream = [], tiny.stream

    def slowly(*given, **named):
        for chunk in stream(*given, **named):
            said.append(chunk)
            time.sleep(0.1)
            yield chunk

    monkeypatch.setattr(tiny, "stream", slowly)
    tab.goto(served)
    tab.get_by_text("Woman, audiobook").first.click()
    wait_for_text(tab, "#heard", "Heard 4.9 s")
    say(tab, "This is one of very many sentences. " * 130)
    wait_until(lambda: len(said) > 3)
    tab.click("#stop")
    time.sleep(1.0)
    until_then = len(said)
    time.sleep(1.0)
    assert len(said) == until_then < 130
    assert tab.locator("#download:enabled").count() == 0
    say(tab, "Hello.")
    np.testing.assert_allclose(downloaded(tab), tiny("Hello.", voice=WOMAN)["audio"], atol=1e-4)


def bring(tab, path: Path) -> None:
    with tab.expect_file_chooser() as chooser:
        tab.get_by_role("button", name="Load a voice file").click()
    chooser.value.set_files(str(path))


def test_a_voice_file_in_a_browser(served, files, tab, tiny, tmp_path, monkeypatch):
    """It lets its holder speak, as a recording does: the page asks for the same agreement, and deletes it as soon."""
    monkeypatch.setenv("GRADIO_HEARTBEAT_INTERVAL", "1")
    tiny.enroll(MAN).save(tmp_path / "him.voice")
    tab.goto(served)
    tab.get_by_text("Your shelf of voices").click()
    bring(tab, tmp_path / "him.voice")
    wait_for_text(tab, "#kept", "you may clone this voice")
    (upload,) = files.uploads.rglob("him.voice")
    tab.check("#agreed input")
    bring(tab, tmp_path / "him.voice")
    wait_for_text(tab, "#kept", "on your shelf")
    say(tab, "Hello there.")
    np.testing.assert_allclose(downloaded(tab), tiny("Hello there.", voice=MAN)["audio"], atol=1e-4)
    assert upload.exists()
    tab.close()
    wait_until(lambda: not upload.exists())


def test_banking_and_dialogue_on_a_phone(served, tab):
    tab.goto(served)
    tab.get_by_role("tab", name="Bank a voice").click()
    tab.wait_for_selector("#phrase")
    assert is_as_wide_as_a_phone(tab)
    tab.click("#skip")
    wait_for_text(tab, "#phrase", "2 of 12")
    tab.locator("#reading").get_by_role("button", name="Upload file").click()
    tab.set_input_files("#reading input[type=file]", WOMAN)
    wait_for_text(tab, "#said", "1 of 12 phrases")
    read = tab.locator("#sounds li.covered")
    assert read.first.text_content().endswith("(read)")
    assert is_as_wide_as_a_phone(tab)
    tab.get_by_role("tab", name="Dialogue").click()
    tab.wait_for_selector("#script textarea")
    assert is_as_wide_as_a_phone(tab)
    tab.click("#perform")
    wait_for_text(tab, "#script-read", "3 lines")
    tab.wait_for_selector("#dialogue a[download]")
    assert is_as_wide_as_a_phone(tab)


def test_the_page_in_the_dark(served, browser):
    """Light text on a dark ground, in the pictures too."""
    tab = phone(browser, color_scheme="dark")
    tab.goto(served)
    tab.get_by_text("Woman, audiobook").first.click()
    wait_for_text(tab, "#heard", "Heard 4.9 s")
    say(tab, "Hello there.")
    tab.get_by_text("How alike recording and clone are").click()
    tab.wait_for_selector("#pictures svg text")
    ground = brightness(tab, "body", "backgroundColor")
    assert ground < 0.2
    for selector in ("h1", "#heard p", "#words textarea", "#heard-words", "#pictures svg text"):
        assert brightness(tab, selector, "color") > 0.6, selector


def brightness(tab, selector: str, style: str) -> float:
    """0 is black, 1 is white."""
    color = tab.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{style}")
    return sum(float(part) for part in re.findall(r"[\d.]+", color)[:3]) / 3 / 255


def test_the_keyboard_reaches_the_button(served, tab):
    tab.goto(served)
    tab.wait_for_selector("#speak")
    for _ in range(60):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.closest('#speak') !== null"):
            break
    else:
        raise AssertionError("Tab never comes to “Speak”")
    tab.keyboard.press("Enter")
    wait_for_text(tab, "#heard", "Record or upload")


def test_two_people_at_once_get_their_own_voices(served, browser, tiny):
    voices = {"Woman, audiobook": WOMAN, "Young man, British": str(VOICES / "young-man.flac")}
    tabs = {name: phone(browser) for name in voices}
    for name, tab in tabs.items():
        tab.goto(served)
        tab.get_by_text(name).first.click()
        wait_for_text(tab, "#heard", "Heard")
        tab.fill("#words textarea", "Hello there.")
    for tab in tabs.values():
        tab.click("#speak")
    for name, tab in tabs.items():
        expected = tiny("Hello there.", voice=voices[name])["audio"]
        np.testing.assert_allclose(downloaded(tab), expected, atol=1e-4)


def test_a_reload_and_a_second_tab_lose_nothing(served, browser):
    """The text, and the voices that each of two tabs keeps; of a text that is too long no part is cut off unsaid."""
    one = phone(browser)
    other = one.context.new_page()
    for tab, voice, name in ((one, "Woman, audiobook", "Anna"), (other, "Young man, British", "N" * 40)):
        tab.goto(served)
        tab.get_by_text("Your shelf of voices").click()
        tab.get_by_text(voice).first.click()
        wait_for_text(tab, "#heard", "Heard")
        tab.fill("#name input, #name textarea", name)
    one.click("#keep")
    wait_for_text(one, "#kept", "Anna")
    other.click("#chosen input")
    other.get_by_role("option", name="Anna").wait_for()
    other.keyboard.press("Escape")
    other.click("#keep")
    wait_for_text(other, "#kept", "NNN")
    assert is_as_wide_as_a_phone(other)
    one.fill("#words textarea", "Too long. " * 600)
    one.click("#speak")
    wait_for_text(one, "#read", "longer than 5,000 characters")
    one.reload()
    one.wait_for_function("document.querySelector('#words textarea')?.value.length === 6000")
    one.get_by_text("Your shelf of voices").click()
    one.click("#chosen input")
    for name in ("Anna", "N" * 40):
        one.get_by_role("option", name=name).wait_for()


def test_recording_in_a_browser(served, tab):
    tab.goto(served)
    tab.locator("#voice").get_by_role("button", name="Record", exact=True).click()
    tab.wait_for_timeout(6000)
    tab.locator("#voice").get_by_role("button", name="Stop", exact=True).first.click()
    wait_for_text(tab, "#heard", "Heard")


def test_uploading_in_a_browser(served, tab, tiny, tmp_path):
    """A bad file, then a good one, which is cloned once its visitor has said that it may be."""
    tab.goto(served)
    tab.get_by_role("button", name="Upload file").click()
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound at all")
    tab.set_input_files("#voice input[type=file]", str(broken))
    wait_for_text(tab, "#heard", "broken.wav")
    assert tab.locator("#heard .problem").count() == 1
    tab.get_by_role("button", name="Clear").click()
    tab.wait_for_function("document.querySelector('#heard').innerText.trim() === ''")
    mine = own_recording(tmp_path)
    tab.set_input_files("#voice input[type=file]", mine)
    wait_for_text(tab, "#heard", "Heard 4.9 s")
    say(tab, "Hello there.")
    wait_for_text(tab, "#heard", "you may clone this voice")
    tab.check("#agreed input")
    tab.click("#speak")
    np.testing.assert_allclose(downloaded(tab), tiny("Hello there.", voice=mine)["audio"], atol=1e-4)


@pytest.fixture
def _ffmpeg(tmp_path, monkeypatch):
    """On the PATH; where there is none, a stand-in."""
    if shutil.which("ffmpeg"):
        return
    pytest.importorskip("av")
    stand_in = f'exec {sys.executable} {Path(__file__).with_name("ffmpeg_stand_in.py")} "$@"'
    for name, does in (("ffmpeg", stand_in), ("ffprobe", "exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


NOW = "document.querySelector('#heard-words .now')?.innerText"


@pytest.mark.usefixtures("_ffmpeg")
def test_speech_plays_while_it_is_made(browser, tiny, files):
    """Piece by piece, each word highlighted when it is heard; then the same player holds the file, and is silent."""
    with serving(tiny, files) as url:
        tab, pieces = phone(browser), []
        tab.on("request", lambda request: pieces.append(request.url) if request.url.endswith(".aac") else None)
        tab.goto(url)
        tab.get_by_text("Woman, audiobook").first.click()
        wait_for_text(tab, "#heard", "Heard 4.9 s")
        text = "A sentence that is rather long, so that it comes in several pieces while you listen to it."
        say(tab, text)
        tab.wait_for_function("document.querySelector('#result audio')?.currentTime > 0.1")
        tab.wait_for_function(f"{NOW} !== undefined")
        wait_for_text(tab, "#heard-words", text)
        tab.wait_for_function("document.querySelector('#result audio').src.endsWith('clone.wav')")
        assert len(pieces) > 1
        assert tab.locator("audio:visible").count() == 1
        tab.wait_for_function("document.querySelector('#result audio').readyState > 2")
        assert tab.evaluate("document.querySelector('#result audio').paused")
        assert tab.evaluate(f"{NOW} === undefined")
        for word in tiny(text, voice=WOMAN)["words"][::5]:
            middle = (word["start"] + word["end"]) / 2
            tab.evaluate(f"document.querySelector('#result audio').currentTime = {middle}")
            tab.wait_for_function(f"{NOW} === '{word['word']}'")


def test_settings_travel_by_a_link(served, tab):
    """What was set is set for whoever opens it, and nothing is said before they wish so."""
    tab.goto(served)
    tab.fill("#words textarea", "Fish & chips, Nguyen?")
    tab.get_by_text("Names: how words are said").click()
    tab.fill("#names textarea", "Nguyen = win")
    wait_for_text(tab, "#will-be-said", "Fish and chips, win?")
    tab.get_by_text("Share the text and settings by a link").click()
    tab.click("#share")
    tab.wait_for_function("document.querySelector('#link textarea, #link input').value !== ''")
    link = tab.locator("#link textarea, #link input").input_value()
    assert link.startswith(f"{served}/?text=Fish%20%26%20chips")
    tab.goto(link.replace("speed=1.0", "speed=1.5"))
    wait_for_text(tab, "#read", "set speed, pitch, variation, format, names")
    assert tab.locator("#words textarea").input_value() == "Fish & chips, Nguyen?"
    tab.get_by_role("button", name="Speed, pitch, variation, format").click()
    assert tab.locator("#speed input[type=number]").input_value() == "1.5"
    assert tab.locator("#result audio").count() == 0


def test_a_reader_of_the_screen_hears_what_is_said_below(served, tab):
    """Every line that appears by itself is in a live region, and every control has a name."""
    tab.goto(served)
    for name in ("Clone", "Bank a voice", "Dialogue"):
        tab.get_by_role("tab", name=name).click()
        for fold in tab.locator("button.label-wrap:visible").all():
            fold.click()
        tab.wait_for_function("[...document.querySelectorAll('.note[id]')].every((note) => note.ariaLive === 'polite')")
        controls = re.findall(
            r"- '?(?:button|textbox|combobox|checkbox|slider)\b.*", tab.locator("body").aria_snapshot()
        )
        assert [control for control in controls if '"' not in control] == []


def is_local(url: str, served: str) -> bool:
    return url.startswith((served, "data:", "blob:"))
