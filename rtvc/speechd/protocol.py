"""The protocol between Speech Dispatcher and its output modules, as its `module_process.c` has it (0.11 and later).

Commands come by lines, events go out as they happen; sound goes to the daemon, which plays it ("server" audio) and
forgets it when somebody says stop. Commands are read while a message is spoken, in another thread.

The daemon plays one piece of sound after the other and reads no further meanwhile, so whatever lies in the pipe when
somebody says stop is still heard. Little ever does: a short piece is written once the one before has been taken.
"""

from __future__ import annotations

import fcntl
import select
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from rtvc.errors import RTVCError
from rtvc.speechd import message
from rtvc.speechd.message import Message
from rtvc.speechd.settings import Settings
from rtvc.speechd.speaking import speak

if TYPE_CHECKING:
    from rtvc.speechd.voices import Speaker

BLOCK = 0.025  # seconds in an event: behind a stop what is left of one is played, and one that lay in the pipe
PAGE = 4096  # bytes, the smallest pipe
SENTENCE = "__spd_"  # begins the names of the daemon's own marks, at which it pauses
BAD_SYNTAX, BAD_VALUE = b"302 ERROR BAD SYNTAX\n", b"303 ERROR INVALID PARAMETER OR VALUE\n"
CANNOT_SPEAK = b"301 ERROR CANT SPEAK\n"


class Silenced(Exception):
    """Of a message that shall no longer be spoken."""


class Module:
    """Obeys the daemon until it quits."""

    def __init__(self, speaker: Speaker, source: BinaryIO, sink: BinaryIO) -> None:
        self._speaker, self._source, self._sink = speaker, source, sink
        with suppress(OSError):  # it is no pipe
            fcntl.fcntl(sink, fcntl.F_SETPIPE_SZ, PAGE)
        self._settings = Settings()
        self._lock = threading.Lock()  # of the sink, and of which message is spoken
        self._spoken: threading.Event | None = None  # set when it shall be silent
        self._pausing = False
        self._commands: dict[bytes, Callable[[bytes], None]] = {
            b"SPEAK": lambda _: self._speak(self._of_text),
            b"SOUND_ICON": lambda _: self._speak(lambda name: message.of_words(name.replace("-", " "))),
            b"CHAR": lambda _: self._speak(self._of_character),
            b"KEY": lambda _: self._speak(lambda name: message.of_key(name, self._settings.says_capitals)),
            b"STOP": lambda _: self._stop(),
            b"PAUSE": lambda _: self._pause(),
            b"LIST": self._list,
            b"SET": lambda _: self._take(203, "", self._settings.change, b"203 OK SETTINGS RECEIVED\n"),
            b"AUDIO": lambda _: self._take(207, "AUDIO ", _by_server, b"203 OK AUDIO INITIALIZED\n"),
            b"LOGLEVEL": lambda _: self._take(207, "LOGLEVEL ", lambda *_: True, b"203 OK LOGLEVEL SET\n"),
            b"DEBUG": lambda line: self._send(b"200 OK DEBUGGING " + line.split()[1][:3] + b"\n"),
        }

    def run(self) -> None:
        """Until QUIT, or the daemon is gone."""
        for line in iter(self._source.readline, b""):
            name, _, rest = line.strip().partition(b" ")
            if name == b"QUIT":
                self._stop(silently=True)
                self._send(b"210 OK QUIT\n")
                return
            command = self._commands.get(name)
            if command is None or (name == b"DEBUG" and not rest):
                self._send(b"300 ERR UNKNOWN COMMAND\n")
            else:
                command(line)
        self._stop(silently=True)

    # -- what is asked

    def _block(self) -> Iterator[str]:
        """The lines that follow a command, up to a lone full stop."""
        for line in iter(self._source.readline, b""):
            if line == b".\n":
                return
            yield line.removesuffix(b"\n").decode("utf-8", "replace")

    def _take(self, code: int, what: str, change: Callable[[str, str], bool], done: bytes) -> None:
        """Settings, `name=value` each; what is not understood changes nothing, and is said at the end."""
        self._send(f"{code} OK RECEIVING {what}SETTINGS\n".encode())
        problem = None
        for line in self._block():
            name, equals, value = line.partition("=")
            if not equals:
                problem = BAD_SYNTAX
            elif not change(name, value):
                problem = BAD_VALUE
        self._send(problem or done)

    def _list(self, line: bytes) -> None:
        """All voices, or those of a language, and variant; all of ours speak English and are nobody's variant."""
        language, variant, *_ = [*line.decode("utf-8", "replace").lower().split()[2:], "", ""]
        ours = language.partition("-")[0] in ("", "en") and variant in ("", "none")
        names = self._speaker.names() if ours else []
        listed = "".join(f"200-{name}\ten\tnone\n" for name in names).encode()
        self._send(listed + (b"200 OK VOICE LIST SENT\n" if names else b"304 CANT LIST VOICES\n"))

    def _of_text(self, text: str) -> Message:
        return message.of_text(text, self._settings.spelled)

    def _of_character(self, name: str) -> Message:
        return message.of_characters(" " if name == "space" else name, self._settings.says_capitals)

    def _speak(self, understand: Callable[[str], Message]) -> None:
        self._send(b"202 OK RECEIVING MESSAGE\n")
        lines = (line[1:] if line.startswith(".") else line for line in self._block())  # ".." is a line's full stop
        text = "\n".join(lines)
        if not text:
            self._send(CANNOT_SPEAK)
            return
        gain = self._settings.gain
        pieces = self._pieces(understand(text), self._settings.voice, self._settings.options())
        this = threading.Event()
        with self._lock:
            self._spoken, self._pausing = this, False
            self._write(b"200 OK SPEAKING\n")
        threading.Thread(target=self._say, args=(this, pieces, gain), daemon=True).start()

    def _stop(self, silently: bool = False) -> None:
        """At once, whatever is being computed: what comes of it is dropped. The message is told before the lock is
        asked for, which a thread that sends one piece after the other hardly ever leaves to another."""
        if (spoken := self._spoken) is not None:
            spoken.set()
        with self._lock:
            if self._spoken is not None and not silently:
                self._write(b"703 STOP\n")
            self._spoken = None

    def _pause(self) -> None:
        """At the end of the sentence, from where the daemon goes on later."""
        self._pausing = True

    # -- what is said, in a thread of each message

    def _pieces(self, said: Message, voice: str | None, options: dict[str, Any]) -> Iterator[np.ndarray | str]:
        """A voice that is a recording is listened to first, which takes a while in which commands are read."""
        yield from speak(self._speaker.clone, said, voice=self._speaker.find(voice), **options)

    def _say(self, this: threading.Event, pieces: Iterator[np.ndarray | str], gain: float) -> None:
        try:
            self._tell(this, b"701 BEGIN\n")
            self._tell(this, self._played(this, pieces, gain), last=True)
        except Silenced:
            return
        except Exception as error:  # whatever it is, the next message shall be spoken
            _log(error)
            self._tell_end(this)

    def _played(self, this: threading.Event, pieces: Iterator[np.ndarray | str], gain: float) -> bytes:
        """Send what is said; gives the event that it ends with."""
        for piece in pieces:
            if isinstance(piece, str):
                self._tell(this, f"700-{piece}\n700 INDEX MARK\n".encode())
                if self._pausing and piece.startswith(SENTENCE):
                    return b"704 PAUSE\n"
                continue
            block = round(BLOCK * self._speaker.rate)
            for start in range(0, piece.size, block):
                event = sound(gain * piece[start : start + block], self._speaker.rate)
                # A pipe of one page has room only when it is empty. Not under the lock, which a stop needs.
                select.select([], [self._sink], [])
                self._tell(this, event)
        return b"702 END\n"

    def _tell(self, this: threading.Event, event: bytes, last: bool = False) -> None:
        with self._lock:
            if this.is_set() or self._spoken is not this:
                raise Silenced
            self._write(event)
            if last:
                self._spoken = None

    def _tell_end(self, this: threading.Event) -> None:
        try:
            self._tell(this, b"702 END\n", last=True)
        except Silenced:
            return

    def _send(self, answer: bytes) -> None:
        with self._lock:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        self._sink.write(answer)
        self._sink.flush()


def sound(wave: np.ndarray, rate: int) -> bytes:
    """The event of a piece of sound, (samples,) from −1 to 1, in 16 bits. Line ends in it are escaped as in HDLC."""
    data = (np.clip(wave, -1.0, 1.0) * 32767).astype("<i2").tobytes()
    data = data.replace(b"\x7d", b"\x7d\x5d").replace(b"\n", b"\x7d\x2a")
    about = {"bits": 16, "num_channels": 1, "sample_rate": rate, "num_samples": wave.size, "big_endian": 0}
    lines = "".join(f"705-{name}={value}\n" for name, value in about.items())
    return lines.encode() + b"705-AUDIO\0" + data + b"\n705 AUDIO\n"


def _by_server(name: str, value: str) -> bool:
    """Of the ways to play sound the one: through the daemon."""
    return (name, value) == ("audio_output_method", "server")


def _log(error: BaseException) -> None:
    """The daemon keeps what modules write to stderr in a log."""
    text = str(error) if isinstance(error, RTVCError) else "".join(traceback.format_exception(error))
    print(text, file=sys.stderr, flush=True)
