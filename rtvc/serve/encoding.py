"""Speech → a sound file's bytes, piece by piece, as they are sent.

A stream does not know how long it will be. WAV then says "4 GB", as streams do, MP3 and Opus say nothing. FLAC has to
know: of an unknown length libsndfile, and with it most of Python, reads none of it. It is told, for the pipeline knows
before it makes a sound; who does not tell it gets the file as a whole at the end.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import soundfile

if TYPE_CHECKING:
    from rtvc.pipeline import SpeechChunk

MEDIA = {"wav": "audio/wav", "pcm": "audio/pcm", "mp3": "audio/mpeg", "opus": "audio/ogg", "flac": "audio/flac"}
UNKNOWN = b"\xff\xff\xff\xff"  # of a WAV's sizes
TOTAL = slice(21, 26)  # of a FLAC file, where its number of samples stands: 36 bits, behind 4 that belong to another
OGG_LATENCY = 0x1302, 100.0  # sndfile.h's SFC_SET_OGG_PAGE_LATENCY_MS; a second, which is usual, is late for a stream
COMPRESSED: dict[str, dict[str, Any]] = {
    "flac": {"format": "FLAC", "subtype": "PCM_16"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    # By a constant bitrate: of a variable one without a length libsndfile reads a part only.
    "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT", "compression_level": 0.5},
}


class Encoder:
    """One sound file, encoded as its samples come.

    Args:
        form: a key of `MEDIA`; pcm is 16 bit, little-endian, one channel.
        rate: Hz.
        comment: what the file says of itself; pcm says nothing.
    """

    def __init__(self, form: str, rate: int, comment: str) -> None:
        self._written = Written()
        self._file: Any = None
        self._head = _wav_header(rate, comment) if form == "wav" else b""
        self._complete, self._samples = form == "flac", 0
        if form in COMPRESSED:
            self._file = soundfile.SoundFile(self._written, "w", rate, 1, **COMPRESSED[form])
            self._file.comment = comment
        if form == "opus":
            command, milliseconds = OGG_LATENCY
            value = soundfile._ffi.new("double*", milliseconds)
            soundfile._snd.sf_command(self._file._file, command, value, soundfile._ffi.sizeof("double"))

    @property
    def wants_length(self) -> bool:
        """Whether nothing can be sent before its end unless :meth:`expect` was called."""
        return self._complete

    def expect(self, samples: int) -> None:
        """How many samples there will be, no more and no fewer; before the first of them."""
        self._complete, self._samples = False, samples

    def add(self, wave: np.ndarray) -> bytes:
        """float32 (samples,) → what can be sent by now; it may be nothing."""
        if self._file is None:
            head, self._head = self._head, b""
            return head + (np.clip(wave, -1, 1) * 32767).round().astype("<i2").tobytes()
        self._file.write(wave)
        return b"" if self._complete else self._take()

    def end(self) -> bytes:
        """The rest."""
        if self._file is not None:
            self._file.close()
        return self._take()

    def _take(self) -> bytes:
        """What is new; the head, which comes first, with the length that was told."""
        new = bytearray(self._written.take())
        if self._samples and new:
            total = int.from_bytes(new[TOTAL]) >> 36 << 36 | self._samples
            new[TOTAL], self._samples = total.to_bytes(5), 0
        return bytes(new)


class Written(io.RawIOBase):
    """What libsndfile writes, in order. It goes back to its header at the end, which may have been sent by then."""

    def __init__(self) -> None:
        self._place = self._sent = 0
        self._new = bytearray()

    def write(self, content: Any) -> int:  # bytes, as the base class takes them
        start = self._place - self._sent
        if start >= 0:
            self._new[start : start + len(content)] = content
        self._place += len(content)
        return len(content)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place = offset + (0, self._place, self._sent + len(self._new))[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def take(self) -> bytes:
        """What was written since this was asked for."""
        new, self._new = bytes(self._new), bytearray()
        self._sent += len(new)
        return new


def sent(chunks: Iterable[SpeechChunk], rate: int, comment: str, sink: BinaryIO) -> Iterator[SpeechChunk]:
    """The chunks of a stream, each once it was written to a sink, as a WAV file."""
    encoder = Encoder("wav", rate, comment)
    for chunk in chunks:
        sink.write(encoder.add(chunk["audio"]))
        sink.flush()
        yield chunk


def _wav_header(rate: int, comment: str) -> bytes:
    """libsndfile's, of a file of unknown length."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, "PCM_16", format="WAV") as sound:
        sound.comment = comment
    header = bytearray(file.getvalue())
    header[4:8] = header[-4:] = UNKNOWN
    return bytes(header)
