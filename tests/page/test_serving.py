"""Many visitors: who computes when, what is refused, what goes when a visitor goes."""

from __future__ import annotations

import shutil
import sys
import time
import types
from pathlib import Path

import gradio as gr
import httpx
import pytest

from rtvc.page import layout
from rtvc.page.serving import Slots, computing

from .helpers import MAN, WOMAN, Slow, call_of, own_recording, serving, upload


def test_uploads_are_deleted_when_their_visitor_leaves(uploads, tmp_path):
    mine, yours = (Path(shutil.copy(WOMAN, tmp_path / name)) for name in ("mine.flac", "yours.flac"))
    me, you = (types.SimpleNamespace(session_hash=name) for name in ("me", "you"))
    uploads.note(str(mine), me)
    uploads.note(str(yours), you)
    uploads.note(WOMAN, me)
    uploads.note(str(yours), me)  # the same recording: gradio keeps it once
    uploads.forget(me)
    assert (mine.exists(), yours.exists(), Path(WOMAN).exists()) == (False, True, True)
    uploads.forget(me)
    uploads.forget(you)
    assert not yours.exists()


def test_on_zerogpu_what_computes_asks_for_the_gpu(monkeypatch, tiny, files):
    """A stand-in for the package `spaces`, which only a Space on ZeroGPU has."""
    asked = []
    monkeypatch.setitem(
        sys.modules, "spaces", types.SimpleNamespace(GPU=lambda function: asked.append(function.__name__) or function)
    )
    layout.build(tiny, files)
    assert {"hear", "keep", "speak", "look", "compare", "bank", "perform", "clone_voice", "enroll_voice"} <= set(asked)


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
    "replay",
    "share",
    "<lambda>",
}


def test_whatever_computes_waits_in_one_queue(tiny, files):
    """gradio counts the calls of each event by itself, unless they share an id."""
    functions = layout.build(tiny, files).fns.values()
    shared = {each.fn.__name__ for each in functions if each.fn and each.concurrency_id == "computing"}
    assert {"hear", "cleaned", "keep", "speak", "look", "compare", "read", "bank", "perform"} <= shared
    assert {"clone_voice", "enroll_voice", "compare_voices", "enhance_speech"} <= shared
    assert {each.concurrency_limit for each in functions if each.concurrency_id == "computing"} == {2}
    assert {each.fn.__name__ for each in functions if each.fn} - shared <= CHEAP


def test_two_calls_compute_at_once_whatever_they_call(files):
    from gradio_client import Client, handle_file

    slow, file = Slow(), handle_file(MAN)
    with serving(slow, files) as url:
        clients = [Client(url, verbose=False) for _ in range(5)]  # each may have two calls waiting
        jobs = [client.submit("Hello.", file, api_name="/clone_voice") for client in clients[:3]]
        jobs += [client.submit(file, file, api_name="/compare_voices") for client in clients[:3]]
        jobs += [client.submit(file, api_name="/enhance_speech") for client in clients[3:] for _ in range(2)]
        for job in jobs:
            job.result()
    assert (slow.most, slow.done) == (2, 10)


def test_nobody_fills_the_queue_alone(files, tmp_path):
    """Two calls of a visit may wait; the page's own that follow others are counted by themselves."""
    with serving(Slow(3.0), files) as url:
        call = call_of(url, "enhance_speech", [upload(url, own_recording(tmp_path))], "me")
        names = {each["id"]: each["api_name"] for each in httpx.get(f"{url}/config", timeout=60).json()["dependencies"]}
        (followed,) = [number for number, name in names.items() if name == "look"]

        def join(**changed) -> httpx.Response:
            return httpx.post(f"{url}/gradio_api/queue/join", json={**call, **changed}, timeout=60)

        first = [join().status_code for _ in range(2)]
        time.sleep(0.5)  # they compute
        answers = [join() for _ in range(4)]
        following = join(fn_index=followed, data=[None, {}]).status_code
        others = join(session_hash="you").status_code
    assert first == [200, 200]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert answers[-1].json() == {"detail": "2 calls of yours are waiting already; try again when one is done."}
    assert (following, others) == (200, 200)


def test_a_call_that_is_cancelled_keeps_its_slot_until_its_end(files, tmp_path):
    """gradio gives the slot away at once, while the thread computes on."""
    slow = Slow(1.5)
    with serving(slow, files) as url:
        sent = upload(url, own_recording(tmp_path))
        for visit in range(4):
            call = call_of(url, "enhance_speech", [sent], f"visit {visit}")
            joined = httpx.post(f"{url}/gradio_api/queue/join", json=call, timeout=60)
            time.sleep(0.1)
            httpx.post(f"{url}/gradio_api/cancel", json={**call, **joined.json()}, timeout=60)
        time.sleep(3.0)  # what waits begins
    assert slow.most == 2


def test_too_many_cancelled_calls_are_refused():
    slots = Slots(1, 0)
    with slots, pytest.raises(gr.Error, match="queue is full"), slots:
        pass
    with slots:
        pass


def test_a_stream_holds_a_slot_for_each_piece_only():
    slots, closed = Slots(1, 0), []

    def pieces():
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    stream = computing(pieces, slots)()
    assert next(stream) == 1
    with slots, pytest.raises(gr.Error):
        next(stream)
    assert closed == [True]
    stream = computing(pieces, slots)()
    next(stream)
    stream.close()
    assert closed == [True, True], "who stops early, stops the work"
    assert list(computing(pieces, slots)()) == [1, 2]


def test_no_program_gets_past_the_queue(served):
    """gradio's direct calls would not wait in it."""
    for address in ("run", "api"):
        answer = httpx.post(f"{served}/gradio_api/{address}/compare_voices", json={"data": [None, None]}, timeout=60)
        assert answer.status_code == 404
