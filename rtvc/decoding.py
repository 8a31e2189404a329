"""Decoding: a recording's bytes as blocks of samples, by libsndfile, or by ffmpeg where that is installed.

What is decoded is what the bytes hold, whatever the file is called and its header promises.
"""

from __future__ import annotations

import ctypes
import io
import os
import platform
import shutil
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np

# What only ffmpeg reads, if it is installed: containers by name, so that no playlist can make it open other files.
_FFMPEG_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,avi,caf,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,tta,w64,wav,wv"  # fmt: skip
)
_FFMPEG_SECONDS = 60.0  # of computing, then it is stopped
_GUESSED_SECONDS = 0.1  # more than the longest frame, at the end of what was cut off
_ASF = bytes.fromhex("3026b2758e66cf11")  # WMA, whose decoder guesses its last frame without a complaint
_UNKNOWN = 2**63 - 1  # frames, as libsndfile says it
# Of libsndfile's, those whose decoders stop where a file was cut off. The others go on with what they have not got.
_CODINGS = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW", "VORBIS", "OPUS", "MPEG_", "ALAC_", "IMA_", "MS_ADPCM", "GSM610")
_GUESSING = {("AIFF", "IMA_ADPCM"), ("PAF", "PCM_24"), ("SDS", "PCM_16")}
_C_STDERR = {"Linux": "stderr", "Darwin": "__stderrp"}
_stderr_lock = threading.Lock()

Bytes = Path | bytes


class Sound(NamedTuple):
    """A recording that was opened.

    rate: Hz; frames: None where only decoding tells; floating: whether its samples are floats, which may lie beyond
    full scale; blocks: decodes it from its start, in blocks, float32 (frames, channels).
    """

    rate: int
    channels: int
    frames: int | None
    floating: bool
    blocks: Callable[[], Iterator[np.ndarray]]


def decoders() -> tuple[Callable[[Bytes], Sound], ...]:
    """In the order in which they are asked."""
    return by_libsndfile, by_ffmpeg


@lru_cache(maxsize=1)
def errors() -> tuple[type[Exception], ...]:
    """What decoders raise where they cannot read."""
    import soundfile

    return soundfile.LibsndfileError, OSError, TypeError, ValueError, RuntimeError


# --- libsndfile -------------------------------------------------------------------------------------------------------


def by_libsndfile(source: Bytes) -> Sound:
    """WAV and its kin, FLAC, Ogg, MP3 and what else libsndfile reads without guessing; `errors` else."""
    with _opened(source) as file:
        if file.frames == _UNKNOWN:  # a FLAC that was written to a pipe, which libsndfile does not read to its end
            raise ValueError("of unknown length")
        if not file.subtype.startswith(_CODINGS) or (file.format, file.subtype) in _GUESSING:
            raise ValueError(f"{file.subtype} in {file.format}")
        floating = file.subtype in ("FLOAT", "DOUBLE")
        return Sound(file.samplerate, file.channels, file.frames, floating, partial(_libsndfile_blocks, source))


def _libsndfile_blocks(source: Bytes) -> Iterator[np.ndarray]:
    """What is really decoded, a second at a time, until nothing more comes.

    `SoundFile.blocks` believes the header's number of frames: where the decoder has fewer, it hands on memory that was
    never filled, and in it what another file left there.
    """
    with _opened(source) as file:
        file.seekable = lambda: False  # else soundfile seeks after each read, which tears MP3 at the seams
        size = max(1, min(file.frames, file.samplerate))
        while True:
            memory = np.zeros((size, file.channels), np.float32)
            with _quiet():
                block = file.read(out=memory)
            if not len(block):
                return
            yield block


@contextmanager
def _opened(source: Bytes) -> Iterator[Any]:
    """Opened as a stream of bytes, for of a name libsndfile would believe the ending."""
    import soundfile

    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        with _quiet():
            sound = soundfile.SoundFile(_mended(file))
        with sound:
            yield sound


@contextmanager
def _quiet() -> Iterator[None]:
    """C's stderr leads nowhere, Python's is untouched: libmpg123 inside libsndfile has no switch for its notes."""
    if (found := _c_stderr()) is None:
        yield
        return
    stderr, nowhere = found
    with _stderr_lock:
        kept, stderr.value = stderr.value, nowhere
        try:
            yield
        finally:
            stderr.value = kept


@lru_cache(maxsize=1)
def _c_stderr() -> tuple[ctypes.c_void_p, int] | None:
    """C's variable `stderr` and a stream that leads nowhere; None where the variable cannot be changed (musl)."""
    name = _C_STDERR.get(platform.system())
    if name is None or (name == "stderr" and platform.libc_ver()[0] != "glibc"):
        return None
    try:
        libc = ctypes.CDLL(None)
        libc.fopen.restype = ctypes.c_void_p
        nowhere = libc.fopen(os.devnull.encode(), b"w")
        return (ctypes.c_void_p.in_dll(libc, name), nowhere) if nowhere else None
    except (OSError, ValueError, AttributeError):
        return None


# --- headers that are wrong -------------------------------------------------------------------------------------------


class _Layout(NamedTuple):
    """How a container of chunks is laid out, sizes in bytes."""

    order: Literal["little", "big"]  # of bytes
    name: int
    size: int
    counted: bool  # whether a chunk's size counts its header
    padded: int  # to a multiple of this
    first: int  # where the first chunk begins
    sound: bytes  # the name of the chunk with the samples


_DATA = b"data"
_W64 = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # what follows the four letters of a chunk's name
_LAYOUTS = {
    b"RIFF": _Layout("little", 4, 4, False, 2, 12, _DATA),
    b"RIFX": _Layout("big", 4, 4, False, 2, 12, _DATA),
    b"RF64": _Layout("little", 4, 4, False, 2, 12, _DATA),
    b"BW64": _Layout("little", 4, 4, False, 2, 12, _DATA),
    b"FORM": _Layout("big", 4, 4, False, 2, 12, b"SSND"),
    b"riff": _Layout("little", 16, 8, True, 8, 40, _DATA + _W64),
    b"caff": _Layout("big", 4, 8, False, 1, 8, _DATA),
}
_LARGEST_HEADER = 1 << 20  # bytes before the samples
_ID3V1, _APE = 128, 32  # bytes of a tag, of another tag's footer


def _mended(file: BinaryIO) -> _Stream:
    """The file, or, where it says a wrong number of samples as of a recorder that died, one that says the right one."""
    length = _without_tags(file)
    file.seek(0)
    head = bytearray(file.read(12))
    if head[:4] == b".snd":  # AU: nothing follows its samples, and this size means up to the end
        return _Stream(file, length, bytes(head[:8]) + b"\xff" * 4)
    layout = _LAYOUTS.get(bytes(head[:4]))
    found = _sound_chunk(file, layout, length) if layout else None
    if layout is None or found is None:
        return _Stream(file, length)
    place, start, announced, block = found
    size = announced if _chunks_follow(file, layout, start + announced, length) else length - start
    size -= (size - (8 if layout.sound == b"SSND" else 0)) % block if start + size == length else 0
    if size == announced:
        return _Stream(file, length)
    file.seek(0)
    head = bytearray(file.read(start))
    _write_size(head, layout, place, size, length)
    return _Stream(file, length, bytes(head))


def _without_tags(file: BinaryIO) -> int:
    """The file's length without the tags that taggers of MP3 append to whatever they are given: ID3v1 and APEv2.

    Read as samples they are a click, and a FLAC decoder gives up at them.
    """
    length = file.seek(0, os.SEEK_END)
    for size, name in ((_ID3V1, b"TAG"), (_APE, b"APETAGEX")):
        file.seek(max(0, length - size))
        tag = file.read(size)
        if not tag.startswith(name) or len(tag) < size:
            continue
        if name == b"APETAGEX":  # its size counts this footer; the header is told in the highest bit of the flags
            items, flags = struct.unpack("<I4xI", tag[12:24])
            size = items + (_APE if flags >> 31 else 0)
        length -= size if _APE <= size <= length else 0
    return length


def _sound_chunk(file: BinaryIO, layout: _Layout, length: int) -> tuple[int, int, int, int] | None:
    """Of the chunk with the samples: where its size stands, where it starts, that size, and the bytes of a block."""
    place, block, wide = layout.first, 1, 0
    while (header := _chunk(file, layout, place)) is not None and place < _LARGEST_HEADER:
        name, size = header
        start = place + layout.name + layout.size
        if name == layout.sound:
            large = size == 0xFFFFFFFF and wide
            return place + layout.name, start, wide if large else size, block
        if name == b"ds64":
            wide = int.from_bytes(file.read(16)[8:], "little")
        if name[:4] == b"fmt ":
            block = max(1, int.from_bytes(file.read(14)[12:], layout.order))
        place = start + size + -size % layout.padded
    return None


def _chunk(file: BinaryIO, layout: _Layout, place: int) -> tuple[bytes, int] | None:
    """The name and the size of what a chunk holds; None where none begins."""
    file.seek(place)
    header = file.read(layout.name + layout.size)
    size = int.from_bytes(header[layout.name :], layout.order) - (len(header) if layout.counted else 0)
    whole = len(header) == layout.name + layout.size and all(32 <= letter < 127 for letter in header[:4])
    return (header[: layout.name], size) if whole and size >= 0 else None


def _chunks_follow(file: BinaryIO, layout: _Layout, place: int, length: int) -> bool:
    """Whether from `place` on there is nothing but chunks, up to the file's end: then what is before ends there."""
    while place + layout.name + layout.size <= length:
        header = _chunk(file, layout, place + -place % layout.padded) or _chunk(file, layout, place)
        if header is None:
            return False
        place += -place % layout.padded + layout.name + layout.size + header[1]
    return place <= length + layout.padded or False


def _write_size(head: bytearray, layout: _Layout, place: int, size: int, length: int) -> None:
    """The right sizes of the sound and of the file into a container's first bytes."""
    if head[:4] in (b"RF64", b"BW64") and head[12:16] == b"ds64":
        head[20:36] = struct.pack("<QQ", length - 8, size)
        size = 0xFFFFFFFF
    elif layout.size == 4 and layout.first == 12:
        head[4:8] = min(length - 8, 0xFFFFFFFF).to_bytes(4, layout.order)
    elif layout.counted:
        head[16:24] = length.to_bytes(8, layout.order)
    size += layout.name + layout.size if layout.counted else 0
    head[place : place + layout.size] = min(size, 256**layout.size - 1).to_bytes(layout.size, layout.order)


class _Stream:
    """The first bytes of a file, perhaps with others at their beginning, that never raise: libsndfile calls it, and
    would print the traceback."""

    def __init__(self, file: BinaryIO, length: int, head: bytes = b"") -> None:
        self.file, self.length, self.head, self.tell = file, length, head, file.tell
        file.seek(0)

    def seek(self, offset: int, whence: int) -> None:
        if whence == os.SEEK_END:
            offset, whence = self.length + offset, os.SEEK_SET
        with suppress(OSError, ValueError):  # before the file's start, as damaged headers want it
            self.file.seek(offset, whence)

    def read(self, size: int) -> bytes:
        place, content = self.file.tell(), b""
        with suppress(OSError, ValueError, MemoryError):
            content = self.file.read(max(0, min(size, self.length - place)))
        mended = self.head[place : place + len(content)]
        return mended + content[len(mended) :]


# --- ffmpeg -----------------------------------------------------------------------------------------------------------


def by_ffmpeg(source: Bytes) -> Sound:
    """M4A, WebM, AMR and what else ffmpeg reads; `errors` where it does not, or is not installed."""
    file = _Spooled(source) if isinstance(source, bytes) else source
    blocks = _ffmpeg_blocks(file)
    rate, channels = next(blocks)
    blocks.close()
    return Sound(rate, channels, None, False, partial(_without_header, file))


class _Spooled:
    """Bytes as a file, for formats whose index lies at their end."""

    def __init__(self, content: bytes) -> None:
        self.file = tempfile.NamedTemporaryFile(prefix="rtvc-")  # noqa: SIM115 (it lives as long as this)
        self.file.write(content)
        self.file.flush()

    def absolute(self) -> str:
        return self.file.name


def _without_header(source: Path | _Spooled) -> Iterator[np.ndarray]:
    blocks = _ffmpeg_blocks(source)
    next(blocks)
    yield from blocks


def _command(source: Path | _Spooled) -> list[str]:
    """It may open this one file and nothing else: no network, no playlist, no other file that a container names."""
    if (ffmpeg := shutil.which("ffmpeg")) is None:
        raise OSError("ffmpeg is not installed")
    limits = ["-protocol_whitelist", "file", "-format_whitelist", _FFMPEG_FORMATS]
    strict = ["-fflags", "+discardcorrupt", "-err_detect", "explode"]  # else half a frame is decoded as if it were one
    sink = ["-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    start = [ffmpeg, "-nostdin", "-loglevel", "error", "-threads", "1"]
    return [*start, *limits, *strict, "-i", f"file:{source.absolute()}", *sink]


def _ffmpeg_blocks(source: Path | _Spooled) -> Generator[Any]:
    """(rate, channels), then the samples as they come. What it gave last before it complained is guessed: left out."""
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(_command(source), stdout=subprocess.PIPE, stderr=complaints)
        watch = threading.Timer(_FFMPEG_SECONDS, process.kill)
        watch.start()
        try:
            decoded: Any = process.stdout  # which is there: it was asked for
            rate, channels = _au_header(decoded)
            yield rate, channels
            held, sure = np.zeros((0, channels), np.float32), 0
            while content := decoded.read(4 * channels * rate):
                whole = len(content) // (4 * channels) * 4 * channels
                held = np.concatenate([held, np.frombuffer(content[:whole], ">f4").reshape(-1, channels)])
                ready = max(0, len(held) - int(_GUESSED_SECONDS * rate))
                yield held[:ready].astype(np.float32)
                held, sure = held[ready:], sure + ready
            if process.wait() == 0 and not complaints.tell() and not _guesses(source):
                yield held.astype(np.float32)
            elif not sure:
                raise ValueError("nothing decoded")
        finally:
            watch.cancel()
            process.kill()
            decoded.close()
            process.wait()


def _guesses(source: Path | _Spooled) -> bool:
    with open(source.absolute(), "rb") as file:
        return file.read(len(_ASF)) == _ASF


def _au_header(stream: BinaryIO) -> tuple[int, int]:
    """Rate and channels from the header of an AU file, which names them for a stream whose end nobody knows yet."""
    header = stream.read(24)
    if len(header) < 24 or header[:4] != b".snd":
        raise ValueError("nothing decoded")
    offset, _, _, rate, channels = struct.unpack(">5I", header[4:])
    stream.read(offset - 24)
    if not rate or not 0 < channels < 256:
        raise ValueError("no sound")
    return rate, channels
