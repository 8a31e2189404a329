"""The server's voices: files in one folder, a saved voice or a recording each, called by their names without suffix."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from rtvc.errors import RTVCError, VoiceError, quoted
from rtvc.mixing import mixed
from rtvc.pipeline import VoiceCloningPipeline
from rtvc.serve.refusals import Refusal
from rtvc.voice import NAME, Voice, voices_in

VOICE = ".voice"
MOST, SHOWN = 1000, 20  # voices in the folder; names in a message
KEPT = 64  # voices in memory
AGREED = ("true", "yes", "1", "on")
NOT_AGREED = "Send consent=true with it: the voice is yours, or its owner allowed you to clone it."


class VoiceFolder:
    """Voices by name. Several threads may use it."""

    def __init__(self, folder: Path, clone: VoiceCloningPipeline) -> None:
        self.folder, self._clone, self._lock = folder, clone, threading.Lock()
        self._opened: Callable[[Path, int], Voice] = lru_cache(KEPT)(lambda path, _: clone.open_voice(path))

    def files(self) -> dict[str, Path]:
        """Each voice's file, by its name."""
        return voices_in(self.folder)

    def find(self, wanted: str) -> Voice:
        """The voice of a name, or of a mix of them, "anna(3)+ben(1)".

        Raises:
            Refusal: there is none of that name.
            VoiceError: its file, or the mix, cannot be used.
        """
        files = self.files()
        if not wanted:
            raise Refusal(_unknown(wanted, files), 404, "voice", "voice_not_found")
        return mixed(wanted, lambda name: self._read(name, files))

    def _read(self, name: str, files: dict[str, Path]) -> Voice:
        if name not in files:
            raise Refusal(_unknown(name, files), 404, "voice", "voice_not_found")
        path = files[name]
        try:
            return self._opened(path, path.stat().st_mtime_ns)
        except FileNotFoundError as error:
            raise Refusal(_unknown(name, self.files()), 404, "voice", "voice_not_found") from error

    def add(self, name: str, consent: str, content: bytes) -> dict[str, Any]:
        """Keep the voice of a recording, or of a voice file, under a new name.

        Raises:
            Refusal: nobody agreed, or the name is none or taken, or the folder is full.
            VoiceError: it is neither.
        """
        if consent.strip().lower() not in AGREED:
            raise Refusal(NOT_AGREED, 400, "consent", "consent_required")
        if not NAME.fullmatch(name) or name != name.strip():
            raise Refusal("name must be 1 to 40 letters, digits, spaces, or . ' - _, a letter first.", 400, "name")
        self._check_place(name)
        voice = self._voice_of(content)
        with self._lock:
            self._check_place(name)
            voice.save(self.folder / f"{name}{VOICE}")
        return self.entry(name, self.folder / f"{name}{VOICE}")

    def remove(self, name: str) -> None:
        """Delete a saved voice.

        Raises:
            Refusal: there is none, or it is a recording that somebody put there by hand.
        """
        files = self.files()
        if name not in files:
            raise Refusal(_unknown(name, files), 404, "voice", "voice_not_found")
        if files[name].suffix != VOICE:
            raise Refusal(f"{quoted(name)} is a recording in the server's folder; its owner deletes it there.", 403)
        files[name].unlink(missing_ok=True)

    def entries(self) -> list[dict[str, Any]]:
        """All of them, as `entry`."""
        return [self.entry(name, path) for name, path in sorted(self.files().items()) if path.exists()]

    def entry(self, name: str, path: Path) -> dict[str, Any]:
        """A voice, as OpenAI describes one."""
        created = int(path.stat().st_mtime)
        return {"id": name, "object": "audio.voice", "name": name, "created_at": created, "type": "audio_sample"}

    def _check_place(self, name: str) -> None:
        files = self.files()
        if name.casefold() in {one.casefold() for one in files}:
            raise Refusal(
                f"There is a voice {quoted(name)} already; choose another name, or delete it first.", 409, "name"
            )
        if len(files) >= MOST:
            raise Refusal(f"The server keeps {MOST:,} voices at most; delete one first.", 409)

    def _voice_of(self, content: bytes) -> Voice:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "audio_sample"
            path.write_bytes(content)
            voice = self._clone.open_voice(path)
        sizes = self._clone.model.config.rtvc7_config
        if (voice.speaker_embedding.size, voice.timbre.size) != (sizes.speaker_size, sizes.timbre_size):
            raise VoiceError("The voice was made by another model; enrol it again with this one.")
        return voice


def listed(files: dict[str, Path]) -> str:
    """The names of voices; nothing if there are none."""
    return ", ".join(sorted(files)[:SHOWN]) + (" and others" if len(files) > SHOWN else "")


def _unknown(name: str, files: dict[str, Path]) -> str:
    known = listed(files)
    return f"There is no voice {quoted(name)}; " + (f"choose one of {known}." if known else "add one first.")


def open_folder(folder: str) -> Path:
    """The folder of voices, made if it is missing.

    Raises:
        RTVCError: it cannot be.
    """
    path = Path(folder)
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise RTVCError(
            f"{quoted(folder)} cannot be a folder for voices ({error.strerror}); choose another."
        ) from error
    return path
