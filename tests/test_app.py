"""The page: what its controls call, and a browser that uses it as a person would."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import contextlib
import http.server
import importlib.util
import io
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
import types
from pathlib import Path
from urllib.request import urlopen

import httpx
import numpy as np
import pytest
import soundfile

from rtvc import TextError, Voice, VoiceError, audio, banking, watermark

ROOT = Path(__file__).parents[1]
WOMAN = str(ROOT / "examples" / "voices" / "woman.flac")
MAN = str(ROOT / "examples" / "voices" / "man.flac")
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
def app():
    return load_app("app")


def load_app(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "app.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    cache = os.environ.get("GRADIO_TEMP_DIR")  # the first app's: gradio, which is there once, goes on with it
    spec.loader.exec_module(module)
    os.environ["GRADIO_TEMP_DIR"] = cache or os.environ["GRADIO_TEMP_DIR"]
    return module


@pytest.fixture
def page(app, tiny):
    return app.Page(tiny)


def quiet(*args, **kwargs) -> None:
    """In place of gradio's progress bar."""


def speak(page, recording, words, *options, chosen=None, shelf=None) -> tuple:
    """What stands on the page at the end: the clone's file or None, the lines below the voice and the text."""
    shown = [None, "", ""]
    for _, *updates, _ in page.speak(recording, chosen, shelf or {}, words, *options, progress=quiet):
        shown = [old if is_skipped(new) else new for old, new in zip(shown, updates, strict=True)]
    return tuple(shown)


def is_skipped(update) -> bool:
    return isinstance(update, dict) and update.get("__type__") == "update" and len(update) == 1


def test_a_recording_is_described(page):
    assert page.hear(None) == ""
    assert page.hear(WOMAN).startswith("Heard 4.9 s of speech")


def test_a_recording_is_enrolled_once_for_its_content(page, monkeypatch, tmp_path):
    model, enrolled = page.clone.model, []
    enroll = model.enroll
    monkeypatch.setattr(model, "enroll", lambda *given: enrolled.append(given[-1]) or enroll(*given))
    soundfile.write(tmp_path / "mine.wav", audio.read(WOMAN) * 0.9, 16000)
    copy = shutil.copy(tmp_path / "mine.wav", tmp_path / "copy.wav")
    page.hear(str(tmp_path / "mine.wav"))
    speak(page, copy, "Hello.")
    assert enrolled == [("mine.wav",)]
    assert page.voice(copy, None, {}).report.files == ("copy.wav",), "nobody learns another's file name"


def test_speaking(page):
    words = "Hello there. How are you?"
    clone, heard, read = speak(page, WOMAN, words)
    wave, rate = soundfile.read(clone)
    out = page.clone(words, voice=WOMAN)
    assert rate == out["sampling_rate"]
    np.testing.assert_allclose(wave, out["audio"], atol=1e-4)  # the page must not change the loudness
    assert "Heard" in heard
    assert read == ""
    faster, _, _ = speak(page, WOMAN, words, 2.0)
    assert soundfile.info(faster).frames < wave.size
    higher, _, _ = speak(page, WOMAN, words, 1.0, 6.0, 0.0, "FLAC")
    assert soundfile.info(higher).format == "FLAC"
    assert not np.array_equal(soundfile.read(higher)[0], wave)


def test_speaking_can_be_stopped_after_every_piece(page):
    """What plays while it is made is what the file holds, piece by piece; each is a place to stop."""
    words = "One. Two. A rather long sentence is not said in one piece, because nobody wants to wait for its end."
    pieces = [chunk["audio"] for chunk in page.clone.stream(words, voice=WOMAN)]
    assert len(pieces) > 3
    spoken = list(page.speak(WOMAN, None, {}, words, progress=quiet))
    assert len(spoken) == 1 + len(pieces) + 1
    assert sum(piece.size for piece in pieces) == soundfile.info(spoken[-1][1]).frames


def test_what_is_wrong_stands_at_the_control_it_is_about(page, tmp_path):
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(80000), 16000)
    result, heard, read = speak(page, None, "Hello.")
    assert (result, read) == (None, "")
    assert "Record or upload" in heard
    result, heard, read = speak(page, str(silence), "Hello.")
    assert (result, read) == (None, "")
    assert 'class="problem"' in heard
    assert 'class="problem"' in page.hear(str(silence))
    result, heard, read = speak(page, WOMAN, "...")
    assert result is None
    assert "Heard" in heard
    assert "write at least one English word" in read
    assert "deleted" in speak(page, str(tmp_path / "gone.wav"), "Hello.")[1]


def test_a_noisy_recording_can_be_heard_before_and_after(page, tmp_path, monkeypatch):
    assert page.cleaned(None)["visible"] is False
    assert page.cleaned(WOMAN)["visible"] is False, "it is clean"
    monkeypatch.setattr(page.clone.model.config, "enhance_below_snr", 80.0)
    player = page.cleaned(own_recording(tmp_path))
    assert player["visible"] is True
    assert player["value"][1].size == audio.read(WOMAN).size


def spoken(recording: str | None, clone: str, chosen: str | None = None) -> dict:
    return {"recording": recording, "chosen": chosen, "clone": clone}


def test_the_pictures_and_the_gauge(page):
    shown = page.look(spoken(WOMAN, MAN), {})
    assert shown.count("<svg") == 2
    assert shown.count("<title>") == 2, "for screen readers"
    expected = page.clone.similarity(WOMAN, MAN)
    assert float(re.search(r'value="([\d.]+)"', shown)[1]) == pytest.approx(expected, abs=0.02)
    hum = speak(page, WOMAN, "Hm.")[0]  # the tiny model says nothing that could be compared
    assert "meter" not in page.look(spoken(None, hum), {})


def test_only_what_was_spoken_is_looked_at(page, tmp_path):
    """After a refusal the page compared the clone of before with the new recording, or failed."""
    seen = [last for *_, last in page.speak(WOMAN, None, {}, "Hello there.", progress=quiet)]
    assert seen[0] is None
    assert (seen[-1]["recording"], seen[-1]["chosen"]) == (WOMAN, None)
    assert Path(seen[-1]["clone"]).is_file()
    for refused in (("...", {}), ("Hello.", "no shelf")):
        *_, last = list(page.speak(WOMAN, None, refused[1], refused[0], progress=quiet))[-1]
        assert last is None
    assert is_skipped(page.look(None, {}))
    assert page.look(spoken(WOMAN, str(tmp_path / "gone.wav")), {}) == ""
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    assert page.look(spoken(str(broken), MAN), {}) == ""


def test_a_text_is_refused_where_it_stands(page, app):
    """The limit was one of the browser only."""
    longest = "Hello. " * 1000
    assert "longer than 5,000 characters" in speak(page, WOMAN, longest)[2]
    assert "There is no text" in speak(page, WOMAN, None)[2]
    other = "Man, audiobook"
    assert "longer than 5,000" in page.compare(WOMAN, None, other, {}, longest, 1.0)[1]
    assert "longer than 5,000" in page.cast(f"ANN: {longest}", {})[0]
    assert "longer than 5,000" in perform(page, f"ANN: {longest}", {}, other)[2]
    assert "There is no text" in perform(page, None, {}, other)[2]
    with pytest.raises(TextError, match="longer than 5,000"):
        app.Endpoints(page).clone_voice(longest, MAN)


# -- the shelf


def test_a_voice_on_the_shelf(page, app, tmp_path):
    shelf, chosen, other, said, file = page.keep(WOMAN, None, {}, "Anna <b>")
    assert list(shelf) == ["Anna b"]
    assert (chosen["value"], chosen["choices"]) == ("Anna b", ["Anna b"])
    assert "Anna b" in other["choices"]
    assert "on your shelf" in said
    assert Voice.load(file["value"]) == page.clone.enroll(WOMAN)
    assert json.loads(json.dumps(shelf)) == shelf, "a browser keeps it as JSON"
    by_shelf = speak(page, None, "Hello there.", chosen="Anna b", shelf=shelf)[0]
    by_recording = speak(page, WOMAN, "Hello there.")[0]
    np.testing.assert_array_equal(soundfile.read(by_shelf)[0], soundfile.read(by_recording)[0])
    brought, *_ = page.bring(file["value"], {})
    assert app.unpack(brought["Anna b"]) == page.clone.enroll(WOMAN)
    assert page.remove("Anna b", shelf)[0] == {}
    assert "Heard 4.9 s" in page.choose("Anna b", shelf)[0]


def test_what_the_shelf_refuses(page, app, tmp_path):
    (tmp_path / "broken.voice").write_text("no voice")
    shelf, *_, said, _ = page.bring(str(tmp_path / "broken.voice"), {"Anna": "x"})
    assert shelf == {"Anna": "x"}, "nothing is lost"
    assert "not a saved voice" in said
    assert "Record or upload" in page.keep(None, None, {}, "")[3]
    assert "damaged" in speak(page, WOMAN, "Hello.", chosen="Anna", shelf={"Anna": "x"})[1]
    assert "you may clone this voice" in page.bring(str(tmp_path / "broken.voice"), {}, False)[3]
    full = {str(number): "x" for number in range(app.LARGEST_SHELF)}
    assert "remove one first" in page.keep(WOMAN, None, full, "one more")[3]


HOSTILE = ["../../../pwn", "/tmp/pwn", "..", "a/../../pwn", "pwn\0", "C:\\pwn", "x" * 4000, "", "ꙮ" * 200]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leads_out_of_the_pages_folder(name, page, app, tmp_path):
    """A shelf comes from the browser: its names were joined to a path as they were."""
    shelf = {name: app.pack(page.clone.enroll(WOMAN))}
    paths = [Path(page.choose(name, shelf)[1]["value"]), Path(page.keep(WOMAN, None, {}, name)[4]["value"])]
    paths.append(app.own_path(name, ".wav"))
    for path in paths:
        assert path.resolve().parent.parent == app.MADE.resolve()
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
def test_a_shelf_that_no_page_made_is_refused(shelf, chosen, page, app, tmp_path):
    """One sentence, whatever a browser sends; “Remove” makes a shelf of it again."""
    page.clone.enroll(WOMAN).save(tmp_path / "her.voice")
    said = [
        list(page.speak(WOMAN, chosen, shelf, "Hello.", progress=quiet))[-1][2],
        page.compare(WOMAN, chosen, "Man, audiobook", shelf, "Hello.", 1.0)[1],
        page.choose(chosen, shelf)[0],
        page.keep(WOMAN, chosen, shelf, "Me")[3],
    ]
    if chosen is None or isinstance(chosen, str):
        said.append(page.bring(str(tmp_path / "her.voice"), shelf)[3])
        said.append(page.bank({0: WOMAN}, shelf, "Me")[3])
        said.append(page.cast("ANN: Hi.", shelf)[0])
    said.append(perform(page, "ANN: Hi.", shelf, chosen or "Man, audiobook")[2])
    assert all("shelf in this browser is damaged" in one for one in said), said
    assert not page.remove(chosen, shelf)[0] or shelf
    assert app.choices(page.remove(chosen, shelf)[0])


def test_comparing_two_voices(page):
    file, said = page.compare(WOMAN, None, "Man, audiobook", {}, "Hello there.", 1.0)
    expected = page.clone("Hello there.", voice=MAN)["audio"]
    np.testing.assert_allclose(soundfile.read(file)[0], expected, atol=1e-4)
    assert f"{page.clone.similarity(WOMAN, MAN):.0%}" in said
    assert "Choose the other voice" in page.compare(WOMAN, None, None, {}, "Hello.", 1.0)[1]


def test_uploads_are_deleted_when_their_visitor_leaves(page, tmp_path):
    mine, yours = (Path(shutil.copy(WOMAN, tmp_path / name)) for name in ("mine.flac", "yours.flac"))
    me, you = (types.SimpleNamespace(session_hash=name) for name in ("me", "you"))
    page.note(str(mine), me)
    page.note(str(yours), you)
    page.note(WOMAN, me)
    page.note(str(yours), me)  # the same recording: gradio keeps it once
    page.forget(me)
    assert (mine.exists(), yours.exists(), Path(WOMAN).exists()) == (False, True, True)
    page.forget(me)
    page.forget(you)
    assert not yours.exists()


# -- banking and dialogue


def test_banking_a_voice(page, app):
    place, readings, said, sounds, player = page.read(WOMAN, 0, {})
    assert (place, readings, player) == (1, {0: WOMAN}, None)
    assert "1 of 12 phrases" in said
    assert sounds.count('class="covered"') == len(banking.sounds(banking.PHRASES[0]))
    assert sounds.count('class="unseen"> (read)') == len(banking.sounds(banking.PHRASES[0])), "not by colour alone"
    assert "hidden" not in sounds, "what is hidden is hidden from screen readers too"
    shelf, *_, said, file = page.bank({0: WOMAN, 1: WOMAN}, {}, "Me")
    assert list(shelf) == ["Me"]
    assert "2 phrases" in said
    assert Voice.load(file["value"]) == page.clone.enroll([WOMAN, WOMAN])
    assert "Read at least one" in page.bank({}, {}, "Me")[3]
    assert "you may clone this voice" in page.bank({0: WOMAN}, {}, "Me", False)[3]


def test_a_reading_that_is_too_short_is_refused(page, tmp_path):
    soundfile.write(tmp_path / "short.wav", audio.read(WOMAN)[:12000], 16000)
    place, readings, said, *_ = page.read(str(tmp_path / "short.wav"), 3, {0: WOMAN})
    assert (place, readings) == (3, {0: WOMAN})
    assert "read the whole phrase" in said


def perform(page, *arguments) -> tuple:
    return list(page.perform(*arguments, progress=quiet))[-1]


def test_a_dialogue(page, app):
    said, *casting = page.cast(app.SCRIPT, {"Anna": "x"})
    assert said == ""
    assert [one["visible"] for one in casting] == [True, True, False, False, False, False]
    assert "TRAVELLER" in casting[1]["label"]
    assert "Anna" in casting[0]["choices"]
    files, whole, said = perform(page, app.SCRIPT, {}, "Woman, audiobook", "Man, audiobook")
    names = [Path(file).name for file in files]
    assert names == ["dialogue.zip", "001-guard.wav", "002-traveller.wav", "003-guard.wav"]
    expected = page.clone("Halt! Who goes there?", voice=WOMAN)["audio"]
    np.testing.assert_allclose(soundfile.read(files[1])[0], expected, atol=1e-4)
    assert sum(soundfile.info(file).frames for file in files[1:]) < soundfile.info(whole).frames
    assert {audio.comment_of(file) for file in [whole, *files[1:]]} == {watermark.PROVENANCE}
    assert "TRAVELLER has no voice yet" in perform(page, app.SCRIPT, {}, "Woman, audiobook", None)[2]
    crowd = "\n".join(f"{name}: Hi." for name in ("A", "B", "C", "D", "E", "F", "G"))
    assert "room for 6" in page.cast(crowd, {})[0]


def test_a_message_cannot_carry_markup(app):
    assert "<img" not in app.problem("bad file <img src=x>.wav")


def test_the_examples_are_there_and_long_enough(app):
    for name in app.EXAMPLES.values():
        assert audio.voiced_seconds(audio.read(app.VOICES / name)) >= 4
        assert name in (app.VOICES / "ATTRIBUTION.md").read_text()


def test_the_page_asks_no_other_host_for_fonts_or_scripts(app, page):
    config = str(app.build(page).get_config_file())
    assert "fonts.googleapis" not in config


def test_on_zerogpu_what_computes_asks_for_the_gpu(monkeypatch, tiny):
    """A stand-in for the package `spaces`, which only a Space on ZeroGPU has."""
    asked = []
    monkeypatch.setitem(sys.modules, "spaces", types.SimpleNamespace(GPU=lambda one: asked.append(one.__name__) or one))
    module = load_app("app_on_zerogpu")
    module.build(module.Page(tiny))
    assert {"hear", "keep", "speak", "look", "compare", "bank", "perform", "clone_voice", "enroll_voice"} <= set(asked)


def test_files_are_deleted_in_time(app, monkeypatch):
    """Those that the page made and whatever lies among gradio's, which forgets some; an hour after they came."""
    made, stray = app.temporary(), app.CACHE / "somebody" / "recording.wav"
    (made / "clone.wav").write_bytes(b"x")
    stray.parent.mkdir()
    stray.write_bytes(b"x")
    app.sweep()
    assert (made.exists(), stray.exists()) == (True, True)
    now = time.time()
    monkeypatch.setattr(app.time, "time", lambda: now + 3600 - app.EVERY + 1)
    app.sweep()
    assert (made.exists(), stray.exists()) == (False, False)


PROCESS = """
import importlib.util, signal, sys
from unittest.mock import MagicMock
for name in ("fastapi", "gradio", "httpx", "rtvc", "rtvc.pipeline", "rtvc.text", "torch"):
    sys.modules[name] = MagicMock()  # they take seconds to import, and do nothing here
spec = importlib.util.spec_from_file_location("app", sys.argv[1])
app = importlib.util.module_from_spec(spec)
spec.loader.exec_module(app)
signal.signal(signal.SIGTERM, app.end)
(app.temporary() / "clone.wav").write_bytes(b"x")
(app.CACHE / "upload.wav").write_bytes(b"x")
print(app.FILES, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path):
    """Starts processes that have the page's files in `tmp_path`; gives each and its folder."""
    with contextlib.ExitStack() as running:

        def some(count: int) -> list[tuple[subprocess.Popen, Path]]:
            environment = {**os.environ, "GRADIO_TEMP_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            command = [sys.executable, "-c", PROCESS, str(ROOT / "app.py")]
            started = [running.enter_context(subprocess.Popen(command, env=environment, **pipes)) for _ in range(count)]
            for one in started:
                running.callback(one.kill)
            return [(one, Path(one.stdout.readline().strip())) for one in started]

        yield some


def test_a_process_leaves_no_files_and_touches_nobody_elses(start, tmp_path):
    (ended, one), (terminated, two), (killed, three), (_, living) = start(4)
    assert {folder.parent for folder in (one, two, three, living)} == {tmp_path}
    assert one.stat().st_mode & 0o777 == 0o700
    ended.stdin.close()
    ended.wait(60)
    terminated.terminate()
    assert terminated.wait(60) == -signal.SIGTERM
    killed.kill()
    killed.wait(60)
    assert [folder.exists() for folder in (one, two, three, living)] == [False, False, True, True]
    ((_, next_one),) = start(1)
    assert set(tmp_path.iterdir()) == {living, next_one}, "what a killed process left is removed at the next start"
    assert len(list(living.rglob("*.wav"))) == 2


@pytest.fixture(scope="module")
def served(app, tiny):
    with serving(app, tiny) as url:
        yield url


@contextlib.contextmanager
def serving(app, tiny):
    """The address of the page, while it runs."""
    demo = app.build(app.Page(tiny))
    _, url, _ = app.launch(demo, prevent_thread_lock=True, quiet=True)
    yield url.rstrip("/")
    demo.close()


def test_the_api(served, tiny, tmp_path):
    """As a program uses it: the functions and their documentation, refusals as sentences; the same tools over MCP."""
    from gradio_client import Client, handle_file

    client = Client(served, verbose=False, download_files=str(tmp_path))
    names = {"/clone_voice", "/enroll_voice", "/compare_voices", "/enhance_speech"}
    assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == names
    voice = client.predict(handle_file(MAN), api_name="/enroll_voice")
    assert Voice.load(voice) == tiny.enroll(MAN)
    said = client.predict("Hello there.", handle_file(voice), api_name="/clone_voice")
    np.testing.assert_allclose(soundfile.read(said)[0], tiny("Hello there.", voice=MAN)["audio"], atol=1e-4)
    same = client.predict(handle_file(MAN), handle_file(MAN), api_name="/compare_voices")
    assert same == pytest.approx(tiny.similarity(MAN, MAN), abs=1e-3)
    clean = client.predict(handle_file(WOMAN), api_name="/enhance_speech")
    assert soundfile.info(clean).frames == audio.read(WOMAN).size
    with pytest.raises(Exception, match="write at least one English word"):
        client.predict("...", handle_file(voice), api_name="/clone_voice")
    tools = json.loads(urlopen(f"{served}/gradio_api/mcp/schema").read())
    assert len(tools) == len(names)
    assert all(tool["description"] for tool in tools)


def test_what_the_api_refuses(page, app):
    """Nothing in the place of a text, a number or a recording was a TypeError."""
    api = app.Endpoints(page)
    with pytest.raises(TextError, match="There is no text"):
        api.clone_voice(None, MAN)
    with pytest.raises(TextError, match="There is no speed"):
        api.clone_voice("Hello.", MAN, None)
    for call in (
        lambda: api.clone_voice("Hello.", None),
        lambda: api.enroll_voice(None),
        lambda: api.compare_voices(MAN, None),
        lambda: api.enhance_speech(None),
    ):
        with pytest.raises(VoiceError, match="There is no recording"):
            call()


def test_what_a_program_sends_is_deleted_when_it_leaves(served, app, tmp_path, monkeypatch):
    from gradio_client import Client, handle_file

    monkeypatch.setenv("GRADIO_HEARTBEAT_INTERVAL", "1")  # seconds in which gradio sees that somebody has left
    mine = own_recording(tmp_path)
    client = Client(served, verbose=False)
    voice = client.predict(handle_file(mine), api_name="/enroll_voice")
    sent = list(app.CACHE.rglob("mine.wav"))
    client.predict("Hello.", handle_file(voice), api_name="/clone_voice")
    assert len(sent) == 1
    client.close()
    wait_until(lambda: not sent[0].exists())


def wait_until(it_is_so, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not it_is_so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def call_of(url: str, name: str, data: list, visit: str) -> dict:
    """What a browser sends to call a function of the page."""
    functions = httpx.get(f"{url}/config", timeout=60).json()["dependencies"]
    (number,) = [one["id"] for one in functions if one["api_name"] == name]
    return {"fn_index": number, "session_hash": visit, "data": data}


def outcome(url: str, call: dict) -> dict:
    """What comes back over the queue."""
    httpx.post(f"{url}/gradio_api/queue/join", json=call, timeout=60).raise_for_status()
    params = {"session_hash": call["session_hash"]}
    with httpx.stream("GET", f"{url}/gradio_api/queue/data", params=params, timeout=60) as told:
        for line in told.iter_lines():
            if line.startswith("data:") and (said := json.loads(line[5:]))["msg"] == "process_completed":
                return said
    raise AssertionError("nothing came back")


def test_a_hostile_shelf_over_http(served, app, tiny):
    """As somebody sends it who writes in the browser's place."""
    word = secrets.token_hex(8)
    name = f"../../../{word}"
    shelf = {name: app.pack(tiny.enroll(WOMAN))}
    outcome(served, call_of(served, "choices", [shelf], "eve"))
    said = outcome(served, call_of(served, "choose", [name, shelf], "eve"))
    assert said["success"]
    assert f"{word}.voice" in said["output"]["data"][1]["value"]["path"]
    assert not [one for folder in app.MADE.parents for one in folder.glob(f"{word}*")]
    said = outcome(served, call_of(served, "keep", [None, None, {"Anna": 7}, "x", True], "eve"))
    assert "damaged" in said["output"]["data"][3]


def test_an_agent_hands_the_voice_of_one_tool_to_another(served, tiny):
    """A recording goes in as a data: URL, files come out as addresses of the page, which its tools take again."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    recording = f"data:audio/flac;base64,{base64.b64encode(Path(MAN).read_bytes()).decode()}"

    async def work() -> str:
        async with (
            streamablehttp_client(f"{served}/gradio_api/mcp/") as (reading, writing, _),
            ClientSession(reading, writing) as agent,
        ):
            await agent.initialize()
            voice = await agent.call_tool("enroll_voice", {"recording": recording})
            given = {"text": "Hello there.", "voice": voice.content[0].text}
            return (await agent.call_tool("clone_voice", given)).content[0].text

    with concurrent.futures.ThreadPoolExecutor(1) as own:  # where a browser runs, this thread has a loop already
        clone = own.submit(asyncio.run, work()).result()
    wave, _ = soundfile.read(io.BytesIO(urlopen(clone).read()))
    np.testing.assert_allclose(wave, tiny("Hello there.", voice=MAN)["audio"], atol=1e-4)


def test_the_documents_client(served):
    readme = (ROOT / "docs" / "page.md").read_text()
    (block,) = re.findall(r"```python-client\n(.*?)```", readme, re.DOTALL)
    block = block.replace("http://127.0.0.1:7860", served).replace("examples/", f"{ROOT}/examples/")
    block = block.replace("handle_file(wave)", "handle_file(me)")  # the tiny model's speech is none
    found: dict = {}
    exec(block.replace("Client(", "Client(verbose=False, src="), found)
    assert soundfile.info(found["wave"]).frames > 1000
    assert found["same"] > 0.9


CHEAP = {
    "note",
    "forget",
    "choose",
    "bring",
    "remove",
    "cast",
    "phrase",
    "choices",
    "sentence",
    "load_example",
    "<lambda>",
}


def test_whatever_computes_waits_in_one_queue(app, page):
    """gradio counts the calls of each event by itself, unless they share an id."""
    functions = app.build(page).fns.values()
    shared = {one.fn.__name__ for one in functions if one.fn and one.concurrency_id == "computing"}
    assert {"hear", "cleaned", "keep", "speak", "look", "compare", "read", "bank", "perform"} <= shared
    assert {"clone_voice", "enroll_voice", "compare_voices", "enhance_speech"} <= shared
    assert {one.concurrency_limit for one in functions if one.concurrency_id == "computing"} == {2}
    assert {one.fn.__name__ for one in functions if one.fn} - shared <= CHEAP


class Slow:
    """A pipeline that counts who computes at once."""

    def __init__(self, seconds: float = 0.3) -> None:
        self.seconds = seconds
        self.now = self.most = self.done = 0
        self._lock = threading.Lock()

    def work(self, *_: object, **__: object) -> float:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.seconds)
        with self._lock:
            self.now, self.done = self.now - 1, self.done + 1
        return 0.5

    similarity = work

    def enhance(self, *_: object) -> np.ndarray:
        self.work()
        return np.zeros(16000, np.float32)

    def __call__(self, *_: object, **__: object) -> dict:
        return {"audio": self.enhance(), "sampling_rate": 16000}

    def stream(self, *_: object, **__: object):
        for place in range(3):
            yield {**self(), "sentence": place}


def test_two_calls_compute_at_once_whatever_they_call(app):
    from gradio_client import Client, handle_file

    slow, file = Slow(), handle_file(MAN)
    with serving(app, slow) as url:
        clients = [Client(url, verbose=False) for _ in range(5)]  # each may have two calls waiting
        jobs = [client.submit("Hello.", file, api_name="/clone_voice") for client in clients[:3]]
        jobs += [client.submit(file, file, api_name="/compare_voices") for client in clients[:3]]
        jobs += [client.submit(file, api_name="/enhance_speech") for client in clients[3:] for _ in range(2)]
        for job in jobs:
            job.result()
    assert (slow.most, slow.done) == (2, 10)


def test_nobody_fills_the_queue_alone(app, tmp_path):
    """Two calls of a visit may wait; the page's own that follow others are counted by themselves."""
    with serving(app, Slow(3.0)) as url:
        call = call_of(url, "enhance_speech", [upload(url, own_recording(tmp_path))], "me")
        names = {one["id"]: one["api_name"] for one in httpx.get(f"{url}/config", timeout=60).json()["dependencies"]}
        (followed,) = [number for number, name in names.items() if name == "look"]

        def join(**changed) -> httpx.Response:
            return httpx.post(f"{url}/gradio_api/queue/join", json={**call, **changed}, timeout=60)

        first = [join().status_code for _ in range(2)]
        time.sleep(0.5)  # they compute
        answers = [join() for _ in range(4)]
        following = join(fn_index=followed, data=[None, {}]).status_code
        others = join(session_hash="you").status_code
    assert first == [200, 200]
    assert [one.status_code for one in answers] == [200, 200, 429, 429]
    assert answers[-1].json() == {"detail": "2 calls of yours are waiting already; try again when one is done."}
    assert (following, others) == (200, 200)


def upload(url: str, path: str) -> dict:
    """Send a file; what stands for it in a call."""
    with Path(path).open("rb") as file:
        (place,) = httpx.post(f"{url}/gradio_api/upload", files={"files": file}, timeout=60).json()
    return {"path": place, "meta": {"_type": "gradio.FileData"}}


def test_a_call_that_is_cancelled_keeps_its_place_until_its_end(app, tmp_path):
    """gradio gives the place away at once, while the thread computes on."""
    slow = Slow(1.5)
    with serving(app, slow) as url:
        sent = upload(url, own_recording(tmp_path))
        for visit in range(4):
            call = call_of(url, "enhance_speech", [sent], f"visit {visit}")
            joined = httpx.post(f"{url}/gradio_api/queue/join", json=call, timeout=60)
            time.sleep(0.1)
            httpx.post(f"{url}/gradio_api/cancel", json={**call, **joined.json()}, timeout=60)
        time.sleep(3.0)  # what waits begins
    assert slow.most == 2


def test_too_many_cancelled_calls_are_refused(app):
    places = app.Places(1, 0)
    with places, pytest.raises(app.gr.Error, match="queue is full"), places:
        pass
    with places:
        pass


def test_a_stream_holds_a_place_for_each_piece_only(app, monkeypatch):
    places, closed = app.Places(1, 0), []
    monkeypatch.setattr(app, "PLACES", places)

    def made():
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    stream = app.computing(made)()
    assert next(stream) == 1
    with places, pytest.raises(app.gr.Error):
        next(stream)
    assert closed == [True]
    stream = app.computing(made)()
    next(stream)
    stream.close()
    assert closed == [True, True], "who stops early, stops the work"
    assert list(app.computing(made)()) == [1, 2]


def test_no_program_gets_past_the_queue(served):
    """gradio's direct calls would not wait in it."""
    for address in ("run", "api"):
        answer = httpx.post(f"{served}/gradio_api/{address}/compare_voices", json={"data": [None, None]}, timeout=60)
        assert answer.status_code == 404


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
    tab.wait_for_selector("#result a[download]")
    with tab.expect_download() as download:
        tab.click("#result a[download]")
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
    tab.wait_for_selector("#pictures svg >> nth=1")
    tab.locator("#result").get_by_role("button", name="Play").first.click()
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
    assert tab.locator("#result a[download]").count() == 0
    say(tab, "Hello.")
    np.testing.assert_allclose(downloaded(tab), tiny("Hello.", voice=WOMAN)["audio"], atol=1e-4)


def bring(tab, path: Path) -> None:
    with tab.expect_file_chooser() as chooser:
        tab.get_by_role("button", name="Load a voice file").click()
    chooser.value.set_files(str(path))


def test_a_voice_file_in_a_browser(served, app, tab, tiny, tmp_path, monkeypatch):
    """It lets its holder speak, as a recording does: the page asks for the same agreement, and deletes it as soon."""
    monkeypatch.setenv("GRADIO_HEARTBEAT_INTERVAL", "1")
    tiny.enroll(MAN).save(tmp_path / "him.voice")
    tab.goto(served)
    tab.get_by_text("Your shelf of voices").click()
    bring(tab, tmp_path / "him.voice")
    wait_for_text(tab, "#kept", "you may clone this voice")
    (upload,) = app.CACHE.rglob("him.voice")
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
    tab.wait_for_selector("#pictures svg text")
    ground = brightness(tab, "body", "backgroundColor")
    assert ground < 0.2
    for selector in ("h1", "#heard p", "#words textarea", "#pictures svg text"):
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
    voices = {"Woman, audiobook": WOMAN, "Young man, British": str(ROOT / "examples" / "voices" / "young-man.flac")}
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


@pytest.mark.usefixtures("_ffmpeg")
def test_speech_plays_while_it_is_made(browser, tiny):
    """Piece by piece; the whole is there at the end."""
    app = load_app("app_with_ffmpeg")
    assert app.STREAMS
    with serving(app, tiny) as url:
        tab, pieces = phone(browser), []
        tab.on("request", lambda request: pieces.append(request.url) if request.url.endswith(".aac") else None)
        tab.goto(url)
        tab.get_by_text("Woman, audiobook").first.click()
        wait_for_text(tab, "#heard", "Heard 4.9 s")
        say(tab, "A sentence that is rather long, so that it comes in several pieces while you listen to it.")
        tab.wait_for_function("document.querySelector('#live audio')?.currentTime > 0.1")
        assert downloaded(tab).size > 1000
        tab.wait_for_function("document.querySelector('#live audio').ended")
        assert len(pieces) > 1


def is_local(url: str, served: str) -> bool:
    return url.startswith((served, "data:", "blob:"))


# ------------------------------------------------------------------------------------------------------- strangers


def test_the_examples_need_no_consent(page):
    """Their owners have agreed."""
    assert list(page.speak(WOMAN, None, {}, "Hello.", 1.0, 0.0, 0.0, "WAV", False, progress=quiet))[-1][1]


def own_recording(folder: Path) -> str:
    """A recording that is none of the examples."""
    path = folder / "mine.wav"
    soundfile.write(path, audio.read(WOMAN) * 0.5, 16000)
    return str(path)


def test_without_consent_nothing_is_cloned_or_kept(page, tmp_path):
    mine = own_recording(tmp_path)
    refused = list(page.speak(mine, None, {}, "Hello.", 1.0, 0.0, 0.0, "WAV", False, progress=quiet))[-1]
    assert "you may clone this voice" in refused[2]
    assert "you may clone this voice" in page.keep(mine, None, {}, "me", False)[3]
    assert list(page.speak(mine, None, {}, "Hello.", 1.0, 0.0, 0.0, "WAV", True, progress=quiet))[-1][1]


def test_the_spoken_consent(page, app, tmp_path, monkeypatch):
    mine = own_recording(tmp_path)
    monkeypatch.setattr(app.consent, "transcribe", lambda wave: "This is my voice.")
    recording, agreed, said, following = page.listen(mine, "This is my voice.", None)
    assert (recording, agreed) == (mine, True)
    assert "your voice" in said
    assert following != "This is my voice."
    *_, said, following = page.listen(mine, "Quite another sentence.", None)
    assert "Another sentence was heard" in said
    assert following == "Quite another sentence."


def test_the_page_says_what_a_clone_is(page, app, tmp_path):
    clone, *_ = speak(page, WOMAN, "Hello there. How are you?")
    assert audio.comment_of(clone) == watermark.PROVENANCE


def test_nothing_is_fetched_from_a_url(served, app):
    """A URL in the place of a file: gradio itself would fetch it, and with it whatever the server can reach."""
    asked = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Listener) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{listener.server_port}/voice.wav"
        for file in ({"path": url}, {"path": url, "url": url}, {"url": url, "path": "x.wav"}):
            data = {"data": ["Hello.", {**file, "meta": {"_type": "gradio.FileData"}}, 1.0, 0.0, 0.0]}
            call = httpx.post(f"{served}/gradio_api/call/clone_voice", json=data, timeout=60)
            if call.status_code == 200:
                httpx.get(f"{served}/gradio_api/call/clone_voice/{call.json()['event_id']}", timeout=60)
        listener.shutdown()
    assert asked == []
    with pytest.raises(app.gr.Error, match="nothing is fetched"):  # addresses outside that gradio would allow
        app.gr.processing_utils.async_ssrf_protected_get("https://example.org/voice.wav").send(None)


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", str(ROOT / "app.py")])
def test_no_file_of_the_server_is_read_or_shown(path, served, app):
    with pytest.raises(app.gr.Error, match="nothing is fetched"):
        app.gr.processing_utils.async_ssrf_protected_get(f"{served}/gradio_api/file={path}").send(None)
    for address in (f"gradio_api/file={path}", f"file={path}", f"gradio_api/file={path}%00.wav"):
        answer = httpx.get(f"{served}/{address}", timeout=60)
        assert answer.status_code >= 400
        assert "root:" not in answer.text
    data = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}
    call = httpx.post(f"{served}/gradio_api/call/enhance_speech", json=data, timeout=60)
    if call.status_code == 200:
        told = httpx.get(f"{served}/gradio_api/call/enhance_speech/{call.json()['event_id']}", timeout=60).text
        assert "event: error" in told
