"""Whose voice speaks: an example, one of the visitor's shelf, or a recording; and whether it may be cloned."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtvc.errors import VoiceError, quoted
from rtvc.mixing import mixed, parts
from rtvc.page.files import Files
from rtvc.page.inputs import Shelf, check_shelf
from rtvc.pipeline import VoiceCloningPipeline
from rtvc.voice import Voice

FOLDER = Path(__file__).parents[2] / "examples" / "voices"
EXAMPLES = {"Woman, audiobook": "woman.flac", "Man, audiobook": "man.flac", "Young man, British": "young-man.flac"}
AGREED = "The voice is mine, or its owner allowed me to clone it"
NOT_AGREED = "Tick first the box that says that you may clone this voice."


class Voices:
    """The voices that a call brings. The pipeline remembers the newest recordings by their sound, nothing else does."""

    def __init__(self, clone: VoiceCloningPipeline, files: Files) -> None:
        self.clone, self.files = clone, files

    def find(self, recording: str | None, chosen: str | None, shelf: Shelf) -> Voice:
        """The chosen voice of the shelf or of the examples, or a mix of them, else that of the recording.

        Raises:
            VoiceError: there is none, or it cannot be used.
        """
        check_shelf(shelf, chosen)
        if chosen or chosen in shelf:
            check_chosen(chosen, shelf)
            is_one = chosen in shelf or chosen in EXAMPLES
            return self._named(chosen, shelf) if is_one else mixed(chosen, lambda name: self._named(name, shelf))
        if not recording:
            raise VoiceError("Record or upload about five seconds of a voice first, or pick an example.")
        if not Path(recording).is_file():
            raise VoiceError("The recording has been deleted from the server by now; record or upload it again.")
        return self.clone.enroll(recording)

    def _named(self, name: str, shelf: Shelf) -> Voice:
        return self.unpack(shelf[name]) if name in shelf else self.clone.enroll(str(FOLDER / EXAMPLES[name]))

    def check_agreed(self, recording: str | None, chosen: str | None, shelf: Shelf, agreed: bool) -> None:
        """Refuse to clone a recording before its visitor has said that it may be; the examples' owners have.

        Raises:
            VoiceError: nobody has said so.
        """
        check_shelf(shelf, chosen)
        if agreed or chosen or chosen in shelf or not recording or not Path(recording).is_file():
            return
        content = Path(recording).read_bytes()
        if not any(content == (FOLDER / name).read_bytes() for name in EXAMPLES.values()):
            raise VoiceError(NOT_AGREED)

    def pack(self, voice: Voice) -> str:
        """A voice as a browser keeps it: its file in base64."""
        with self._scratch() as path:
            voice.save(path)
            return base64.b64encode(path.read_bytes()).decode()

    def unpack(self, content: str) -> Voice:
        """The voice of what `pack` gave.

        Raises:
            VoiceError: it is something else.
        """
        with self._scratch() as path:
            try:
                path.write_bytes(base64.b64decode(content, validate=True))
            except ValueError as error:
                raise VoiceError("The voice in this browser is damaged; load it from its file again.") from error
            return Voice.load(path)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self.files.offered) as folder:
            yield Path(folder) / "saved.voice"


def check_chosen(chosen: str, shelf: Shelf) -> None:
    """Refuse what names no voice: neither one of the shelf or of the examples, nor a mix of them, "Anna(3)+Ben(1)".

    Raises:
        VoiceError: which name it is, or what is wrong with the mix.
    """
    named = [chosen] if chosen in shelf or chosen in EXAMPLES else parts(chosen)
    for name in named:
        if name not in shelf and name not in EXAMPLES:
            raise VoiceError(f"There is no voice {quoted(name)}; choose one of your shelf, or a mix: Anna(3)+Ben(1).")
