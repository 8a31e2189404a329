"""`rtvc serve`: the model, the folder and the address are in order before anybody is let in."""

from __future__ import annotations

import os
import re
import socket

import torch
import uvicorn

from rtvc.errors import RTVCError
from rtvc.loading import load
from rtvc.serve.app import build
from rtvc.serve.computing import STALLED
from rtvc.serve.voices import VoiceFolder, listed, open_folder

KEYS = (
    "RTVC_API_KEYS"  # the environment's variable; a key on the command line would be seen by everybody on the machine
)
LARGEST_MESSAGE = 1_000_000  # bytes, over the WebSocket


def serve(folder: str, host: str, port: int, model: str | None = None, revision: str | None = None) -> None:
    """Serve until interrupted.

    Args:
        folder: of voices.
        host, port: where it listens; port 0 takes a free one.
        model, revision: as of :func:`rtvc.load`.

    Raises:
        RTVCError: the folder, the address or the model cannot be used.
    """
    voices, keys = open_folder(folder), re.findall(r"[^\s,]+", os.environ.get(KEYS, ""))
    with listen(host, port) as listening:
        clone = load(model, revision, device=0 if torch.cuda.is_available() else -1)
        app = build(clone, voices, keys)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws_max_size=LARGEST_MESSAGE))
        allowed = "callers with a key" if keys else f"anybody who reaches it (no keys are set in {KEYS})"
        known = listed(VoiceFolder(voices, clone).files())
        print(f"rtvc serves {allowed} at http://{host}:{listening.getsockname()[1]}/v1")
        print(f"Voices: {known or f'none yet; put recordings or saved voices into {voices}'}", flush=True)
        server.run([listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket at an address.

    Raises:
        RTVCError: it is taken, or none of this machine's.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or "there is no such port"
        raise RTVCError(f"{host}:{port} cannot be listened at ({said}); choose another --host or --port.") from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # what a stalled caller has not taken is forgotten by the system too
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * STALLED))
    return listening
