"""The API and the tools, as programs and agents use them."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import io
import json
import re
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
import soundfile

from rtvc import TextError, Voice, VoiceError, audio
from rtvc.page.api import Endpoints

from .helpers import MAN, ROOT, WOMAN, own_recording, wait_until


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


def test_what_the_api_refuses(tiny, files, uploads):
    """Nothing in the place of a text, a number or a recording was a TypeError."""
    api = Endpoints(tiny, files, uploads)
    with pytest.raises(TextError, match="There is no text"):
        api.clone_voice(None, MAN)
    with pytest.raises(TextError, match="longer than 5,000"):
        api.clone_voice("Hello. " * 1000, MAN)
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


def test_what_a_program_sends_is_deleted_when_it_leaves(served, files, tmp_path, monkeypatch):
    from gradio_client import Client, handle_file

    monkeypatch.setenv("GRADIO_HEARTBEAT_INTERVAL", "1")  # seconds in which gradio sees that somebody has left
    mine = own_recording(tmp_path)
    client = Client(served, verbose=False)
    voice = client.predict(handle_file(mine), api_name="/enroll_voice")
    sent = list(files.uploads.rglob("mine.wav"))
    client.predict("Hello.", handle_file(voice), api_name="/clone_voice")
    assert len(sent) == 1
    client.close()
    wait_until(lambda: not sent[0].exists())


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
